//! Starting other programs, waiting for them, and what they inherit.

#![no_std]
#![no_main]

mod scripts;

use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

use scripts::{
    END_BY_TERM, END_BY_USR1, EXIT_7, EXIT_ANSWER, EXIT_USER, IS_IN_PROC, LEAVE_ORPHAN,
    READ_NOTHING, SLEEP, Shell, WRITE_TWO, act, run, start, start_with,
};
use suite::child::{self, End};
use suite::kernel::{self, Disposition};
use suite::limits;
use suite::{Case, Stop, Verdict, check, check_eq};
use threadbare::io::{Fd, File, Read, Status};
use threadbare::process::{self, Command, CommandError, ExitCode, Step};
use threadbare::seam::arch::{kernel as k, nr};
use threadbare::seam::sys::task;
use threadbare::signal::{self, Signal, SignalSet};
use threadbare::{Errno, env, seam, thread};

threadbare::entry!(main);

const EXIT: u8 = 55;

macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        [$(Case { name: stringify!($case), run: $case }),*]
    };
}

fn main() -> ExitCode {
    if let Ok(script) = env::var("SUITE_SCRIPT") {
        return act(script);
    }
    suite::run(
        EXIT,
        &cases![
            ends_are_told,
            arguments_and_environment_arrive,
            descriptors_are_where_they_were_wanted,
            standard_input_is_nowhere,
            closed_descriptors_are_not_the_pipe,
            directory_is_another,
            user_is_another,
            another_user_leaves_the_parent_dumpable,
            what_fails_in_the_child_is_named,
            what_the_kernel_refuses_is_named,
            no_handler_runs_in_a_child,
            nothing_is_blocked_in_a_child,
            many_threads_start_programs,
            all_who_wait_are_told,
            nobody_is_killed_after_the_end,
            orphans_are_reaped,
            nobody_is_killed_who_was_reaped_by_others,
        ],
    )
}

fn ends_are_told() -> Verdict {
    let status = run(EXIT_7, |_| {})?;
    check_eq!((status.code(), status.signal()), (Some(7), None));
    check!(!status.success() && !status.core_dumped());
    let status = run(END_BY_TERM, |_| {})?;
    check_eq!((status.code(), status.signal()), (None, Some(Signal::TERM)));
    Ok(())
}

fn arguments_and_environment_arrive() -> Verdict {
    let child = start_with(EXIT_ANSWER, &[c"ANSWER=42"], |_| {});
    check_eq!(
        child
            .and_then(|child| Ok(child.wait()))
            .map(|end| end.map(|end| end.code())),
        Ok(Ok(Some(42)))
    );
    // This process's own environment, where no other is named: it has no such variable.
    let shell = Shell::find();
    if shell.has_shell {
        let mut command = Command::new(shell.program);
        command.arg0(c"another name");
        let script = [c"-c", c"test \"$0\" = 'another name' && exit 3; exit 4"];
        command.args(&script);
        let end = command.spawn().map(|child| child.wait());
        check_eq!(end.map(|end| end.map(|end| end.code())), Ok(Ok(Some(3))));
    }
    Ok(())
}

/// Each is wanted under the other's number.
fn descriptors_are_where_they_were_wanted() -> Verdict {
    let count = descriptor_count();
    let ((mut from_a, to_a), (mut from_b, to_b)) = (kernel::pipe(), kernel::pipe());
    kernel::redirect(13, &to_a);
    kernel::redirect(14, &to_b);
    drop((to_a, to_b));
    // SAFETY: made above.
    let (to_a, to_b) = unsafe { (File::from_raw(13), File::from_raw(14)) };
    for (number_of_a, number_of_b, lines) in
        [(3, 4, ["three\n", "four\n"]), (4, 3, ["four\n", "three\n"])]
    {
        let status = run(WRITE_TWO, |command| {
            // SAFETY: open until both files are dropped, below.
            let (to_a, to_b) = unsafe { (Fd::from_raw(13), Fd::from_raw(14)) };
            // The two that are in the way of each other, and of the report.
            command.descriptor(14, to_a).descriptor(13, to_b);
            command.descriptor(number_of_a, to_a);
            command.descriptor(number_of_b, to_b);
        })?;
        check!(status.success());
        for (from, line) in [&mut from_a, &mut from_b].into_iter().zip(lines) {
            let mut bytes = [0; 16];
            let count = from.read(&mut bytes).unwrap_or(0);
            check_eq!(&bytes[..count], line.as_bytes());
        }
    }
    drop((to_a, to_b, from_a, from_b));
    check_eq!(descriptor_count(), count);
    Ok(())
}

/// How many of the first hundred descriptors are open.
fn descriptor_count() -> usize {
    let is_open = |&number: &i32| {
        // SAFETY: only asked about.
        unsafe { Fd::from_raw(number) }.status().is_ok()
    };
    (0..100).filter(is_open).count()
}

fn standard_input_is_nowhere() -> Verdict {
    let status = run(READ_NOTHING, |command| {
        command.descriptor_null(0);
    })?;
    check_eq!(status.code(), Some(5));
    Ok(())
}

/// In a process of its own, which closes them: the pipe by which the child reports takes their
/// numbers first, and is nobody's standard output.
fn closed_descriptors_are_not_the_pipe() -> Verdict {
    let end = child::run(|| {
        for number in 0..3 {
            // SAFETY: nothing more is read or written in this process.
            drop(unsafe { File::from_raw(number) });
        }
        let count = descriptor_count();
        let refused = start(EXIT_7, |command| {
            command.stdout(Fd::STDOUT);
        });
        if refused.err() != Some(CommandError::InChild(Step::Descriptors, Errno::BADF)) {
            task::exit_process(1);
        }
        let status = run(EXIT_7, |command| {
            command.descriptor_null(1);
        });
        task::exit_process(match status {
            Ok(status) if status.code() == Some(7) && descriptor_count() == count => 0,
            _ => 2,
        });
    });
    check_eq!(end, End::Exit(0));
    Ok(())
}

fn directory_is_another() -> Verdict {
    let status = run(IS_IN_PROC, |command| {
        command.current_dir(c"/proc").new_session();
    })?;
    check_eq!(status.code(), Some(6));
    Ok(())
}

fn user_is_another() -> Verdict {
    if Status::of(c"/usr/bin/id").is_err() {
        // On a machine of the suite's own, nobody there can say who they are: who may become
        // another user is seen all the same.
        let status = run(EXIT_7, |command| {
            command.user(77, 78);
        })?;
        check_eq!(status.code(), Some(7));
        return Ok(());
    }
    let child = start(EXIT_USER, |command| {
        command.user(77, 78);
    });
    match child {
        Ok(child) => check_eq!(child.wait().map(|end| end.code()), Ok(Some(77))),
        Err(error) => check_eq!(error, CommandError::InChild(Step::User, Errno::PERM)),
    }
    Ok(())
}

/// The kernel makes memory undumpable in which somebody becomes another user.
fn another_user_leaves_the_parent_dumpable() -> Verdict {
    // The same on all CPUs (`include/uapi/linux/prctl.h`); one's bindings do not have it.
    const PR_GET_DUMPABLE: usize = 3;
    let is_dumpable = || {
        let number = k::__NR_prctl;
        // SAFETY: no memory is involved.
        unsafe { kernel::call(number, [PR_GET_DUMPABLE, 0, 0, 0, 0, 0]) }
    };
    check_eq!(is_dumpable(), Ok(1));
    // Whether it may or not.
    if let Ok(child) = start(EXIT_7, |command| {
        command.user(77, 78);
    }) {
        check_eq!(child.wait().map(|end| end.code()), Ok(Some(7)));
    }
    check_eq!(is_dumpable(), Ok(1));
    Ok(())
}

/// Nothing is left: no mapping, no descriptor, no child.
fn nothing_is_left(before: (usize, usize)) -> bool {
    (kernel::mapping_count(), descriptor_count()) == before && process::reap_orphan().is_none()
}

fn what_fails_in_the_child_is_named() -> Verdict {
    let before = (kernel::mapping_count(), descriptor_count());
    let error = |command: &Command<'_>| command.spawn().err();
    let in_child = |step, errno| Some(CommandError::InChild(step, errno));
    let missing = Command::new(c"/nothing/here");
    check_eq!(error(&missing), in_child(Step::Program, Errno::NOENT));
    let directory = Command::new(c"/proc");
    check_eq!(error(&directory), in_child(Step::Program, Errno::ACCES));
    let mut nowhere = Command::new(c"/proc/self/exe");
    nowhere.current_dir(c"/nothing/here");
    check_eq!(error(&nowhere), in_child(Step::Directory, Errno::NOENT));
    let mut too_high = Command::new(c"/proc/self/exe");
    too_high.descriptor_null(i32::MAX);
    check_eq!(error(&too_high), in_child(Step::Descriptors, Errno::BADF));
    check!(nothing_is_left(before));
    Ok(())
}

/// In this process; what fails in the child is the child's.
fn what_the_kernel_refuses_is_named() -> Verdict {
    let before = (kernel::mapping_count(), descriptor_count());
    for (number, errno, expected) in [
        (
            nr::PIPE2,
            Errno::MFILE,
            CommandError::DescriptorQuotaExceeded,
        ),
        (
            nr::PIPE2,
            Errno::NFILE,
            CommandError::DescriptorQuotaExceeded,
        ),
        (
            nr::PIPE2,
            Errno::PERM,
            CommandError::Unexpected(Errno::PERM),
        ),
        (nr::MMAP, Errno::NOMEM, CommandError::OutOfMemory),
        (nr::MMAP, Errno::AGAIN, CommandError::OutOfMemory),
        (
            nr::RT_SIGPROCMASK,
            Errno::PERM,
            CommandError::Unexpected(Errno::PERM),
        ),
        (nr::CLONE, Errno::AGAIN, CommandError::ProcessQuotaExceeded),
        (nr::CLONE, Errno::NOMEM, CommandError::OutOfMemory),
        (
            nr::CLONE,
            Errno::PERM,
            CommandError::Unexpected(Errno::PERM),
        ),
    ] {
        seam::order(number, 0, 1, errno);
        let refused = start(EXIT_7, |_| {}).err();
        check_eq!(seam::end(), 1);
        check_eq!(refused, Some(expected));
        check!(nothing_is_left(before));
    }
    // An interrupted read is read again.
    seam::order(nr::READ, 0, 1, Errno::INTR);
    let started = start(EXIT_7, |_| {});
    check_eq!(seam::end(), 1);
    check_eq!(
        started.map(|child| child.wait().map(|end| end.code())),
        Ok(Ok(Some(7)))
    );
    check!(nothing_is_left(before));
    Ok(())
}

static HANDLED: AtomicU32 = AtomicU32::new(0);

extern "C" fn count(_: i32) {
    HANDLED.fetch_add(1, SeqCst);
}

fn no_handler_runs_in_a_child() -> Verdict {
    kernel::dispose(k::SIGUSR1, Disposition::Handle(count));
    let status = run(END_BY_USR1, |_| {})?;
    check_eq!(status.signal(), Some(Signal::USR1));
    check_eq!(HANDLED.load(SeqCst), 0);
    // And the parent has it still.
    check!(signal::raise(Signal::USR1).is_ok());
    check_eq!(HANDLED.load(SeqCst), 1);
    check_eq!(seam::sys::signal::reset(k::SIGUSR1), Ok(()));
    Ok(())
}

fn nothing_is_blocked_in_a_child() -> Verdict {
    let before = signal::block(&SignalSet::ALL);
    let ended = run(END_BY_TERM, |_| {});
    let blocking = run(END_BY_TERM, |command| {
        command.signal_mask(SignalSet::from([Signal::TERM]));
    });
    let own = signal::set_mask(&before);
    check_eq!(ended?.signal(), Some(Signal::TERM));
    check_eq!(blocking?.code(), Some(1));
    check!(own.contains(Signal::HUP));
    Ok(())
}

fn many_threads_start_programs() -> Verdict {
    let rounds = if limits::is_emulated() { 2 } else { 20 };
    let is_right = thread::scope(|scope| {
        let starters = [(); 3].map(|()| {
            scope.spawn(move || {
                (0..rounds).all(|_| run(EXIT_7, |_| {}).is_ok_and(|end| end.code() == Some(7)))
            })
        });
        starters.map(|starter| starter.join() == Ok(true))
    });
    check_eq!(is_right, [true; 3]);
    Ok(())
}

fn all_who_wait_are_told() -> Verdict {
    let Ok(child) = start(SLEEP, |_| {}) else {
        return Err(Stop::Fail(file!(), line!(), "it starts"));
    };
    check_eq!(child.try_wait(), Ok(None));
    let told = thread::scope(|scope| {
        let waiters = [(); 3].map(|()| scope.spawn(|| child.wait()));
        check!(child.kill(Signal::TERM).is_ok());
        Ok(waiters.map(|waiter| waiter.join()))
    })?;
    for told in told {
        let signal = told.ok().and_then(|end| end.ok()?.signal());
        check_eq!(signal, Some(Signal::TERM));
    }
    Ok(())
}

fn nobody_is_killed_after_the_end() -> Verdict {
    let Ok(child) = start(EXIT_7, |_| {}) else {
        return Err(Stop::Fail(file!(), line!(), "it starts"));
    };
    let status = child.wait();
    check_eq!(status.map(|end| end.code()), Ok(Some(7)));
    seam::order(nr::KILL, 0, u32::MAX, Errno::PERM);
    let killed = child.kill(Signal::KILL);
    check_eq!((killed, seam::end()), (Ok(()), 0));
    check_eq!(child.wait(), status);
    check_eq!(child.try_wait().map(|end| end), status.map(Some));
    Ok(())
}

/// In a process of its own, which takes in orphans.
fn orphans_are_reaped() -> Verdict {
    const PR_SET_CHILD_SUBREAPER: usize = 36;
    let end = child::run(|| {
        kernel::limit_seconds(20);
        // SAFETY: no memory is involved.
        let asked = unsafe { kernel::call(k::__NR_prctl, [PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0, 0]) };
        if asked.is_err() {
            task::exit_process(2);
        }
        // Another thread's child is that one's.
        let started = thread::spawn(|| start(LEAVE_ORPHAN, |_| {}).map(|child| child.wait()));
        let is_started = matches!(started.join(), Ok(Ok(Ok(end))) if end.success());
        let orphan = loop {
            if let Some(orphan) = process::reap_orphan() {
                break orphan;
            }
            kernel::let_others_run();
        };
        let is_right = is_started && orphan.status.code() == Some(9) && orphan.id != 0;
        task::exit_process(if is_right { 0 } else { 1 })
    });
    if end == End::Exit(2) {
        return Err(Stop::Skip("no process takes in orphans here"));
    }
    check_eq!(end, End::Exit(0));
    Ok(())
}

/// A child of a thread that has ended is the main thread's, and so an orphan. Its number is then a
/// stranger's, and no signal goes there.
fn nobody_is_killed_who_was_reaped_by_others() -> Verdict {
    let started = thread::spawn(|| start(EXIT_7, |_| {})).join();
    let Ok(Ok(child)) = started else {
        return Err(Stop::Fail(file!(), line!(), "it starts"));
    };
    let orphan = loop {
        match process::reap_orphan() {
            Some(orphan) => break orphan,
            None => thread::yield_now(),
        }
    };
    check_eq!((orphan.id, orphan.status.code()), (child.id(), Some(7)));
    check_eq!(child.wait(), Err(Errno::CHILD));
    seam::order(nr::KILL, 0, u32::MAX, Errno::PERM);
    let killed = child.kill(Signal::KILL);
    check_eq!((killed, seam::end()), (Err(signal::SendError::Gone), 0));
    check_eq!(child.try_wait(), Err(Errno::CHILD));
    Ok(())
}
