//! `fork` in the middle of everything, and a debugger that stops every thread.

#![no_std]
#![no_main]

use core::sync::atomic::{AtomicBool, Ordering::SeqCst};

use suite::child::{self, End};
use suite::kernel::{self, call};
use suite::limits;
use suite::{Stop, Verdict, check, check_eq};
use threadbare::io::Write;
use threadbare::seam::arch::kernel as k;
use threadbare::seam::sys::task;
use threadbare::seam::thread_counts;
use threadbare::sync::{Condvar, Mutex, Once};
use threadbare::thread::{self, Builder, CacheLimits, JoinHandle};
use threadbare::{Errno, io, process};

suite::area! { 53:
    child_of_a_thread_among_others_is_alone,
    child_of_fork_finds_its_cache_usable,
    debugger_that_stops_every_thread,
}

static OVER: AtomicBool = AtomicBool::new(false);

/// What the other threads contend for; no child touches it.
static CONTENDED: Mutex<u32> = Mutex::new(0);

/// Threads that start, join and detach others until it is over.
///
/// Under qemu-user they contend for a lock instead. A thread that starts or ends holds `clone_lock`
/// there (`linux-user/syscall.c`, `do_fork` and `TARGET_NR_exit`), and what a `fork` waits for
/// (`linux-user/main.c`, `fork_start`) are threads that execute instructions, not threads in calls:
/// so the child may get that lock taken, by a thread that it does not have, and waits for ever when
/// it starts one itself.
fn turmoil() -> [JoinHandle<()>; 3] {
    OVER.store(false, SeqCst);
    let is_emulated = limits::is_emulated();
    [(); 3].map(|()| {
        thread::spawn(move || {
            while !OVER.load(SeqCst) {
                if is_emulated {
                    if let Ok(mut count) = CONTENDED.lock() {
                        *count += 1;
                        thread::yield_now();
                    }
                    continue;
                }
                let small = || Builder::new().stack_size(0);
                if let Ok(handle) = small().spawn(|| 1) {
                    let _ = handle.join();
                }
                if let Ok(handle) = small().spawn(|| ()) {
                    handle.detach();
                }
            }
        })
    })
}

static LOCK: Mutex<u32> = Mutex::new(0);
static MOVED: Condvar = Condvar::new();
static ONCE: Once = Once::new();

/// What a child of `fork` may rely on: the number of the first thing that is not so, or 0.
fn wrong_in_child(parent: u32, others: &[u32], own: thread::ThreadId) -> i32 {
    let checks: [&dyn Fn() -> bool; 9] = [
        // One thread: none of the parent's is in this process.
        &|| others.iter().all(|&tid| !task::is_in_this_process(tid)),
        &|| process::id() != parent && task::kernel_thread_id() == process::id(),
        // It is the thread that it was.
        &|| thread::current().id() == own,
        // Locks that nobody held.
        &|| LOCK.lock().map(|mut count| *count += 1).is_ok(),
        &|| {
            ONCE.call_once(|| MOVED.notify_all());
            ONCE.is_completed()
        },
        // What it starts lives and ends, and is nobody who was there.
        &|| {
            let handle = thread::spawn(|| (thread::current().id(), 6 * 7));
            handle
                .join()
                .is_ok_and(|(id, answer)| id != own && answer == 42)
        },
        &|| thread::scope(|scope| scope.spawn(|| 7).join()) == Ok(7),
        &|| {
            let handle = thread::spawn(thread::park);
            handle.thread().unpark();
            handle.join().is_ok()
        },
        &|| io::stderr().write(b"").is_ok(),
    ];
    let first = checks.iter().position(|check| !check());
    first.map_or(0, |index| index as i32 + 1)
}

/// How many children; a quarter where an emulator copies all of its own memory, too.
const FORKS: usize = 40;

fn child_of_a_thread_among_others_is_alone() -> Verdict {
    let forks = if limits::is_emulated() {
        FORKS / 4
    } else {
        FORKS
    };
    let others = turmoil();
    let forker = thread::spawn(move || {
        let numbers: [u32; 3] =
            core::array::from_fn(|at| others[at].thread().kernel_id().unwrap_or(0));
        let (parent, own) = (process::id(), thread::current().id());
        let mut ends = [End::Exit(0); FORKS];
        for end in &mut ends[..forks] {
            *end = child::run(|| {
                child::no_core_file();
                kernel::limit_seconds(20);
                task::exit_process(wrong_in_child(parent, &numbers, own))
            });
        }
        OVER.store(true, SeqCst);
        for other in others {
            let _ = other.join();
        }
        ends
    });
    let Ok(ends) = forker.join() else {
        return Err(Stop::Fail(file!(), line!(), "the forking thread ended"));
    };
    for end in ends {
        check_eq!(end, End::Exit(0));
    }
    Ok(())
}

/// What the cache keeps when nobody is at it is the child's, too; of what a parent's thread still
/// stood on nothing is handed out.
fn child_of_fork_finds_its_cache_usable() -> Verdict {
    thread::set_cache_limits(CacheLimits::DEFAULT);
    check!(thread::spawn(|| ()).join().is_ok());
    // Threads of the case before may be on their way out: the child would never see them go.
    while thread_counts().0 != thread_counts().1 {
        kernel::let_others_run();
    }
    let end = child::run(|| {
        kernel::limit_seconds(20);
        let kept = thread_counts().1;
        thread::set_cache_limits(CacheLimits::OFF);
        let left = thread_counts();
        let joined = thread::spawn(|| 7).join();
        let is_right = kept > 0 && left == (0, 0) && joined == Ok(7);
        task::exit_process(if is_right { 0 } else { 1 })
    });
    check_eq!(end, End::Exit(0));
    Ok(())
}

const PTRACE_CONT: usize = 7;
const PTRACE_SEIZE: usize = 0x4206;
const PTRACE_INTERRUPT: usize = 0x4207;
const PTRACE_O_TRACECLONE: usize = 8;
const WALL: u32 = 0x4000_0000;

fn trace(request: usize, thread: usize, data: usize) -> Result<usize, Errno> {
    // SAFETY: the requests here touch no memory of this process.
    unsafe { call(k::__NR_ptrace, [request, thread, 0, data, 0, 0]) }
}

/// Waits for any thread of a traced child: its number, whether it ended, and what it stopped by.
fn wait_for_any() -> Result<(usize, bool, usize), Errno> {
    const STOPPED: u32 = 2;
    let mut found = core::mem::MaybeUninit::<k::siginfo_t>::zeroed();
    let to = found.as_mut_ptr().expose_provenance();
    let how = (k::WEXITED | STOPPED | WALL) as usize;
    // SAFETY: the kernel writes one `siginfo_t`.
    unsafe { call(k::__NR_waitid, [k::P_ALL as usize, 0, to, how, 0, 0]) }?;
    // SAFETY: integers throughout; the kernel wrote these.
    let (pid, code, status) = unsafe {
        let found = found.assume_init().__bindgen_anon_1.__bindgen_anon_1;
        let child = found._sifields._sigchld;
        (child._pid, found.si_code as u32, child._status)
    };
    // 1 to 3: exited, killed, dumped.
    Ok((pid as usize, code <= 3, status as usize))
}

/// How many times the traced process starts two threads.
const PAIRS: usize = 60;

/// A tracer attaches to a process and to each thread that it starts, stops each of them once more
/// wherever it is, and the first one whenever another has stopped or ended; and lets them go on:
/// nobody is lost, and the process ends as ever.
fn debugger_that_stops_every_thread() -> Verdict {
    let worker = child::start(|| {
        kernel::limit_seconds(60);
        for _ in 0..PAIRS {
            let handle = thread::spawn(|| 7);
            let detached = thread::spawn(|| ());
            detached.detach();
            if handle.join() != Ok(7) {
                task::exit_process(1);
            }
            thread::sleep(threadbare::time::Duration::from_micros(100));
        }
        task::exit_process(44)
    });
    if trace(PTRACE_SEIZE, worker, PTRACE_O_TRACECLONE).is_err() {
        check_eq!(child::wait(worker), End::Exit(44));
        return Err(Stop::Skip("nobody may trace another process here"));
    }
    let mut stops = 0;
    // Threads that are to stop once more: about as many as there are at a time.
    let mut awaited = [0; 16];
    let _ = trace(PTRACE_INTERRUPT, worker, 0);
    let status = loop {
        match wait_for_any() {
            Ok((thread, true, status)) if thread == worker => break status,
            Ok((thread, is_over, stopped_by)) => {
                let place = awaited.iter().position(|&other| other == thread);
                if !is_over {
                    stops += 1;
                    // A stop of the tracer's own has no signal to hand on; the others have theirs.
                    let signal = match stopped_by {
                        0..=64 if stopped_by != k::SIGTRAP as usize => stopped_by,
                        _ => 0,
                    };
                    let _ = trace(PTRACE_CONT, thread, signal);
                }
                if thread == worker {
                    // Left alone until somebody else has been seen: on a slow machine it would
                    // never come to do anything else but stop.
                    continue;
                }
                if let Some(place) = place {
                    awaited[place] = 0;
                } else if let Some(free) = awaited.iter_mut().find(|other| **other == 0)
                    && !is_over
                {
                    *free = thread;
                    let _ = trace(PTRACE_INTERRUPT, thread, 0);
                }
                let _ = trace(PTRACE_INTERRUPT, worker, 0);
            }
            Err(Errno::INTR) => {}
            Err(_) => {
                return Err(Stop::Fail(
                    file!(),
                    line!(),
                    "the child could be waited for",
                ));
            }
        }
    };
    check_eq!(status, 44);
    // Each thread when it begins, and the first one when it starts it.
    check!(stops >= 4 * PAIRS);
    Ok(())
}
