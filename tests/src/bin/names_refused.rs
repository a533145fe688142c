//! Names that are not to be had: the error says why.

#![no_std]
#![no_main]

use suite::child::{self, End};
use suite::gate::Gate;
use suite::kernel;
use suite::text::text;
use suite::{Verdict, check, check_eq};
use threadbare::seam::{self, arch::nr};
use threadbare::thread::{self, NameError, Thread};
use threadbare::{Errno, process};

suite::area! { 43:
    long_name_is_refused,
    name_with_nul_is_refused,
    joined_thread_is_gone,
    detached_thread_is_gone_in_the_end,
    threads_of_a_process_whose_main_ended_have_names,
    main_that_ended_is_gone,
    missing_proc_is_told,
    refusals_are_told,
    descriptors_are_closed,
}

fn is_named(thread: &Thread, name: &str) -> bool {
    thread::kernel_name(thread).is_ok_and(|found| found.as_bytes() == name.as_bytes())
}

fn long_name_is_refused() -> Verdict {
    let main = thread::current();
    check_eq!(thread::set_name(&main, "stays"), Ok(()));
    let long = "sixteen letters!";
    let refused = Err(NameError::TooLong { bytes: 16 });
    check_eq!(thread::set_name(&main, long), refused);
    // Bytes and not characters.
    let refused = Err(NameError::TooLong { bytes: 16 });
    check_eq!(thread::set_name(&main, "éééééééé"), refused);
    check!(is_named(&main, "stays"));
    check_eq!(
        text(NameError::TooLong { bytes: 16 }).as_str(),
        Ok("a thread's name of 16 bytes: shorten it to 15")
    );
    Ok(())
}

fn name_with_nul_is_refused() -> Verdict {
    let main = thread::current();
    check_eq!(thread::set_name(&main, "stays"), Ok(()));
    for (name, at) in [("\0", 0), ("ab\0c\0", 2), ("ab\0", 2)] {
        let refused = Err(NameError::InteriorNul { at });
        check_eq!(thread::set_name(&main, name), refused);
    }
    check!(is_named(&main, "stays"));
    check!(
        text(NameError::InteriorNul { at: 2 })
            .as_str()
            .is_ok_and(|text| text.contains("2"))
    );
    Ok(())
}

fn joined_thread_is_gone() -> Verdict {
    let worker = thread::spawn(|| ());
    let kept = worker.thread().clone();
    check_eq!(worker.join(), Ok(()));
    check_eq!(kept.kernel_id(), None);
    check_eq!(thread::set_name(&kept, "late"), Err(NameError::Gone));
    check_eq!(thread::kernel_name(&kept).err(), Some(NameError::Gone));
    check!(
        text(NameError::Gone)
            .as_str()
            .is_ok_and(|text| text.contains("has ended"))
    );
    Ok(())
}

fn detached_thread_is_gone_in_the_end() -> Verdict {
    let worker = thread::spawn(|| ());
    let kept = worker.thread().clone();
    worker.detach();
    while kept.kernel_id().is_some() {
        // Either it is there, or it is not: nothing between.
        check!(matches!(
            thread::kernel_name(&kept),
            Ok(_) | Err(NameError::Gone)
        ));
        thread::yield_now();
    }
    check_eq!(thread::kernel_name(&kept).err(), Some(NameError::Gone));
    Ok(())
}

/// Ends the process by `code` when the main thread's number has become a dead thread's.
fn end_when_main_is_gone(main: &Thread, code: impl FnOnce() -> i32) -> ! {
    while main.kernel_id().is_some() {
        thread::yield_now();
    }
    // From here on the kernel may still be at it.
    for _ in 0..100 {
        thread::yield_now();
    }
    process::exit(code())
}

fn threads_of_a_process_whose_main_ended_have_names() -> Verdict {
    static DONE: Gate = Gate::new();
    let end = child::run(|| {
        let main = thread::current();
        let named = thread::spawn(|| DONE.wait());
        let namer = thread::spawn(move || {
            end_when_main_is_gone(&main, || {
                let set = thread::set_name(named.thread(), "orphan");
                i32::from(set == Ok(()) && is_named(named.thread(), "orphan"))
            })
        });
        namer.detach();
        thread::exit()
    });
    check_eq!(end, End::Exit(1));
    Ok(())
}

fn main_that_ended_is_gone() -> Verdict {
    let end = child::run(|| {
        let main = thread::current();
        let witness = thread::spawn(move || {
            end_when_main_is_gone(&main, || {
                let set = thread::set_name(&main, "late");
                let got = thread::kernel_name(&main).err();
                i32::from(set == Err(NameError::Gone) && got == Some(NameError::Gone))
            })
        });
        witness.detach();
        thread::exit()
    });
    check_eq!(end, End::Exit(1));
    Ok(())
}

/// Sets and reads the name of a thread that runs, with a call ordered to fail for both.
fn refused(call: usize, errno: Errno) -> [Option<NameError>; 2] {
    static DONE: Gate = Gate::new();
    DONE.close();
    let worker = thread::spawn(|| DONE.wait());
    seam::order(call, 0, u32::MAX, errno);
    let set = thread::set_name(worker.thread(), "refused");
    let got = thread::kernel_name(worker.thread());
    let _ = seam::end();
    DONE.open();
    assert!(worker.join().is_ok());
    [set.err(), got.err()]
}

fn missing_proc_is_told() -> Verdict {
    check_eq!(
        refused(nr::OPENAT, Errno::NOENT),
        [Some(NameError::NoProc); 2]
    );
    check!(
        text(NameError::NoProc)
            .as_str()
            .is_ok_and(|text| text.contains("mount -t proc proc /proc"))
    );
    Ok(())
}

fn refusals_are_told() -> Verdict {
    let unexpected = |errno| Some(NameError::Unexpected(errno));
    for errno in [Errno::MFILE, Errno::ACCES] {
        check_eq!(refused(nr::OPENAT, errno), [unexpected(errno); 2]);
    }
    // What the kernel answers when the thread ends after its file was opened.
    check_eq!(refused(nr::OPENAT, Errno::SRCH), [Some(NameError::Gone); 2]);
    check_eq!(
        refused(nr::WRITE, Errno::SRCH),
        [Some(NameError::Gone), None]
    );
    check_eq!(
        refused(nr::READ, Errno::SRCH),
        [None, Some(NameError::Gone)]
    );
    check_eq!(refused(nr::READ, Errno::IO), [None, unexpected(Errno::IO)]);
    seam::order(nr::PRCTL, 0, 2, Errno::PERM);
    let set = thread::set_name(&thread::current(), "refused");
    let got = thread::kernel_name(&thread::current());
    check_eq!(seam::end(), 2);
    check_eq!(set.err(), unexpected(Errno::PERM));
    check_eq!(got.err(), unexpected(Errno::PERM));
    Ok(())
}

/// A descriptor that is left open would be the lowest that is free no more.
fn descriptors_are_closed() -> Verdict {
    let lowest = || kernel::pipe().0.as_fd().raw();
    let before = lowest();
    check_eq!(refused(nr::CLONE, Errno::PERM), [None; 2]);
    check_eq!(
        refused(nr::WRITE, Errno::IO).map(|error| error.is_some()),
        [true, false]
    );
    check_eq!(
        refused(nr::READ, Errno::IO).map(|error| error.is_some()),
        [false, true]
    );
    check_eq!(lowest(), before);
    Ok(())
}
