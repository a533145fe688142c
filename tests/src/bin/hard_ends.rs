//! Ends within ends: what must neither hang, nor recurse, nor lose what was said.

#![no_std]
#![no_main]

use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

use suite::capture::{self, Captured};
use suite::child::{self, End, no_core_file};
use suite::{Verdict, check, check_eq};
use threadbare::io::{self, Write};
use threadbare::seam::arch::kernel as k;
use threadbare::seam::{self, arch::nr};
use threadbare::{Errno, print, println, process, thread};

suite::area! { 24:
    child_forked_by_a_finaliser_ends,
    child_forked_while_another_thread_exits_ends,
    finaliser_that_ends_its_thread_ends_the_process,
    abort_with_a_refused_mask_ends,
    refused_mask_at_spawn_is_said_once,
    thread_that_joins_itself_is_told,
    holder_of_stdout_may_print,
    display_that_prints_may_be_printed,
    exit_flushes_what_its_thread_holds,
    exit_within_a_display_ends,
}

const ABORTED: End = End::Signal(k::SIGABRT as i32);

/// What this program's finaliser does, in children that ask for it.
static FINALISER: AtomicU32 = AtomicU32::new(0);
const FORK: u32 = 1;
const END_THE_THREAD: u32 = 2;
const WAIT: u32 = 3;

/// Whether the finaliser waits: the process is ending then, and only then.
static WAITING: AtomicU32 = AtomicU32::new(0);

extern "C" fn finaliser() {
    match FINALISER.load(SeqCst) {
        FORK => {
            FINALISER.store(0, SeqCst);
            // The child inherits that the process is ending, by a thread that it has not got.
            if child::run(|| process::exit(5)) == End::Exit(5) {
                process::exit(6);
            }
        }
        END_THE_THREAD => thread::exit(),
        WAIT => {
            WAITING.store(1, SeqCst);
            loop {
                thread::yield_now();
            }
        }
        _ => {}
    }
}

#[used]
#[unsafe(link_section = ".fini_array")]
static FINI: [extern "C" fn(); 1] = [finaliser];

/// Runs `body` in a child that leaves no core file.
fn run(body: impl FnOnce() + Copy) -> Captured {
    capture::run(|| {
        no_core_file();
        body();
    })
}

fn child_forked_by_a_finaliser_ends() -> Verdict {
    let captured = run(|| {
        FINALISER.store(FORK, SeqCst);
        process::exit(0);
    });
    check_eq!(captured.end, End::Exit(6));
    Ok(())
}

fn child_forked_while_another_thread_exits_ends() -> Verdict {
    let captured = run(|| {
        FINALISER.store(WAIT, SeqCst);
        thread::spawn(|| process::exit(1)).detach();
        while WAITING.load(SeqCst) == 0 {
            thread::yield_now();
        }
        let end = child::run(|| process::exit(7));
        seam::sys::task::exit_process(if end == End::Exit(7) { 8 } else { 9 });
    });
    check_eq!(captured.end, End::Exit(8));
    Ok(())
}

fn finaliser_that_ends_its_thread_ends_the_process() -> Verdict {
    let captured = run(|| {
        FINALISER.store(END_THE_THREAD, SeqCst);
        print!("said");
        process::exit(4);
    });
    check_eq!(captured.end, End::Exit(4));
    check_eq!(captured.stdout.as_str(), "said");
    Ok(())
}

fn abort_with_a_refused_mask_ends() -> Verdict {
    let captured = run(|| {
        seam::order(nr::RT_SIGPROCMASK, 0, u32::MAX, Errno::PERM);
        process::abort();
    });
    check_eq!(captured.end, ABORTED);
    Ok(())
}

/// A kernel that refuses what it cannot refuse: one line, and the end.
fn refused_mask_at_spawn_is_said_once() -> Verdict {
    let captured = run(|| {
        // The first one is refused to `spawn`, which returns an error.
        seam::order(nr::RT_SIGPROCMASK, 1, 1, Errno::PERM);
        // The second one is whoever's is quicker: main waits, lest it end before its thread dies.
        let _ = thread::spawn(|| ()).join();
    });
    check_eq!(captured.end, ABORTED);
    let message = "threadbare: rt_sigprocmask answered error 1, which it cannot\n";
    check_eq!(captured.stderr.as_str(), message);
    Ok(())
}

fn thread_that_joins_itself_is_told() -> Verdict {
    use threadbare::sync::{Condvar, Mutex};
    static HANDLE: Mutex<Option<thread::JoinHandle<()>>> = Mutex::new(None);
    static THERE: Condvar = Condvar::new();
    let captured = run(|| {
        let handle = thread::spawn(|| {
            let mut handle = HANDLE.lock().unwrap();
            while handle.is_none() {
                handle = THERE.wait(handle).unwrap();
            }
            let _ = handle.take().map(|handle| handle.join());
        });
        *HANDLE.lock().unwrap() = Some(handle);
        THERE.notify_one();
        loop {
            thread::yield_now();
        }
    });
    check_eq!(captured.end, ABORTED);
    check!(captured.stderr.has_line("a thread cannot join itself"));
    Ok(())
}

fn holder_of_stdout_may_print() -> Verdict {
    let captured = run(|| {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(b"one ");
        println!("two");
        drop(stdout);
        println!("three");
        process::exit(0);
    });
    check_eq!(captured.end, End::Exit(0));
    check_eq!(captured.stdout.as_str(), "one two\nthree\n");
    Ok(())
}

struct Prints;

impl fmt::Display for Prints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print!("inner ");
        f.write_str("outer")
    }
}

fn display_that_prints_may_be_printed() -> Verdict {
    let captured = run(|| {
        println!("{}", Prints);
        process::exit(0);
    });
    check_eq!(captured.end, End::Exit(0));
    check_eq!(captured.stdout.as_str(), "inner outer\n");
    Ok(())
}

fn exit_flushes_what_its_thread_holds() -> Verdict {
    let captured = run(|| {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(b"half a line");
        process::exit(0);
    });
    check_eq!(captured.end, End::Exit(0));
    check_eq!(captured.stdout.as_str(), "half a line");
    Ok(())
}

struct Exits;

impl fmt::Display for Exits {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        process::exit(3)
    }
}

fn exit_within_a_display_ends() -> Verdict {
    let captured = run(|| print!("before {}", Exits));
    check_eq!(captured.end, End::Exit(3));
    check_eq!(captured.stdout.as_str(), "before ");
    Ok(())
}
