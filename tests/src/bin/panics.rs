//! Panics that end their thread alone.
//!
//! Each case is a child process of its own: the policy is the process's.

#![no_std]
#![no_main]

use core::fmt;
use core::hint::black_box;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::SeqCst};

use suite::capture::{self, Captured};
use suite::child::{End, no_core_file};
use suite::kernel::{self, Disposition};
use suite::{Verdict, check, check_eq};
use threadbare::io::{self, Write};
use threadbare::seam::sys::signal;
use threadbare::seam::{arch::kernel as k, thread_counts};
use threadbare::sync::{Mutex, Once};
use threadbare::thread::{self, Builder, JoinError, PanicPolicy};
use threadbare::{println, process, thread_local};

suite::area! { 42:
    panic_ends_its_thread_alone,
    panic_of_a_detached_thread_ends_it_alone,
    join_error_tells_a_panic_from_an_exit,
    message_names_the_thread,
    policy_is_abort_unless_set,
    forty_panics_at_once,
    many_panics_one_after_the_other,
    no_destructor_runs,
    memory_of_a_thread_that_panicked_stays,
    locks_of_a_thread_that_panicked_stay_locked,
    stdout_is_given_back,
    stdout_is_given_back_by_a_display,
    panic_in_a_signal_handler_ends_the_thread,
}

const ABORTED: End = End::Signal(k::SIGABRT as i32);
/// What a child leaves with that got where it should.
const LIVES: u8 = 77;
const ALIVE: End = End::Exit(LIVES as i32);

/// Runs `body` in a child where panics end threads; the child lives if `body` returns true.
fn run(body: impl FnOnce() -> bool + Copy) -> Captured {
    capture::run(|| {
        no_core_file();
        thread::set_panic_policy(PanicPolicy::EndThread);
        if body() {
            process::exit(LIVES.into());
        }
    })
}

fn panicked<T>(joined: Result<T, JoinError>) -> bool {
    joined.is_err_and(|error| error.is_panic())
}

fn panic_ends_its_thread_alone() -> Verdict {
    static ROUNDS: AtomicU32 = AtomicU32::new(0);
    let captured = run(|| {
        let other = thread::spawn(|| {
            while ROUNDS.load(SeqCst) < 3 {
                thread::yield_now();
            }
            5
        });
        let mut all = true;
        for _ in 0..3 {
            all &= panicked(thread::spawn(|| -> u32 { panic!("expected") }).join());
            ROUNDS.fetch_add(1, SeqCst);
        }
        all && other.join() == Ok(5) && thread::spawn(|| 6).join() == Ok(6)
    });
    check_eq!(captured.end, ALIVE);
    Ok(())
}

fn panic_of_a_detached_thread_ends_it_alone() -> Verdict {
    static GO: AtomicBool = AtomicBool::new(false);
    let captured = run(|| {
        for is_early in [true, false] {
            GO.store(!is_early, SeqCst);
            let worker = thread::spawn(|| {
                while !GO.load(SeqCst) {
                    thread::yield_now();
                }
                panic!("expected")
            });
            let kept = worker.thread().clone();
            let worker: thread::JoinHandle<()> = worker;
            while !is_early && !worker.is_finished() {
                thread::yield_now();
            }
            worker.detach();
            GO.store(true, SeqCst);
            while kept.kernel_id().is_some() {
                thread::yield_now();
            }
        }
        thread::spawn(|| 6).join() == Ok(6)
    });
    check_eq!(captured.end, ALIVE);
    Ok(())
}

fn join_error_tells_a_panic_from_an_exit() -> Verdict {
    let captured = run(|| {
        let (Err(panic), Err(exit)) = (
            thread::spawn(|| -> u32 { panic!("expected") }).join(),
            thread::spawn(|| -> u32 { thread::exit() }).join(),
        ) else {
            return false;
        };
        println!("{panic}\n{exit}");
        panic.is_panic() && !exit.is_panic() && panic != exit
    });
    check_eq!(captured.end, ALIVE);
    let text = "the thread panicked, as it said on standard error\n\
                the thread ended by thread::exit, without a value\n";
    check_eq!(captured.stdout.as_str(), text);
    Ok(())
}

fn message_names_the_thread() -> Verdict {
    let captured = run(|| {
        let named = Builder::new()
            .name("worker 7")
            .spawn(|| panic!("one of {}", 7));
        let named: Result<thread::JoinHandle<()>, _> = named;
        named.is_ok_and(|worker| panicked(worker.join()))
            && panicked(thread::spawn(|| panic!("nameless")).join())
    });
    check_eq!(captured.end, ALIVE);
    let said = captured.stderr.as_str();
    check!(said.starts_with("thread 'worker 7' panicked at "));
    check!(said.contains(":\none of 7\nthread '<unnamed>' panicked at "));
    check!(said.ends_with(":\nnameless\n"));
    Ok(())
}

fn policy_is_abort_unless_set() -> Verdict {
    check_eq!(PanicPolicy::default(), PanicPolicy::Abort);
    let captured = run(|| {
        if !panicked(thread::spawn(|| panic!("the first")).join()) {
            return false;
        }
        thread::set_panic_policy(PanicPolicy::Abort);
        let _ = thread::spawn(|| panic!("the second")).join();
        true
    });
    check_eq!(captured.end, ABORTED);
    check!(captured.stderr.as_str().contains("the second"));
    Ok(())
}

/// A thread that takes little, for cases that leave many behind.
fn small(body: fn()) -> Option<thread::JoinHandle<()>> {
    Builder::new().stack_size(32 << 10).spawn(body).ok()
}

/// More at once than may panic if the process is to die.
fn forty_panics_at_once() -> Verdict {
    static READY: AtomicU32 = AtomicU32::new(0);
    static WRITING: AtomicU32 = AtomicU32::new(0);
    const COUNT: u32 = 40;
    /// Is written when everybody is.
    struct Together;
    impl fmt::Display for Together {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            WRITING.fetch_add(1, SeqCst);
            while WRITING.load(SeqCst) < COUNT {
                thread::yield_now();
            }
            f.write_str("together")
        }
    }
    let captured = run(|| {
        let workers = [(); COUNT as usize].map(|()| {
            small(|| {
                READY.fetch_add(1, SeqCst);
                panic!("{Together}")
            })
        });
        let mut ended = workers.into_iter();
        ended.all(|worker| worker.is_some_and(|worker| panicked(worker.join())))
            && READY.load(SeqCst) == COUNT
    });
    check_eq!(captured.end, ALIVE);
    check!(captured.stderr.as_str().matches(":\ntogether\n").count() > 10);
    Ok(())
}

fn many_panics_one_after_the_other() -> Verdict {
    let captured = run(|| {
        let (records, _) = thread_counts();
        let mut turns = 0..100;
        turns.all(|_| small(|| panic!("again")).is_some_and(|worker| panicked(worker.join())))
            // Each keeps its record with its mapping, and nothing else does.
            && thread_counts().0 == records + 100
    });
    check_eq!(captured.end, ALIVE);
    Ok(())
}

static DROPS: AtomicU32 = AtomicU32::new(0);

struct CountsItsEnd;

impl Drop for CountsItsEnd {
    fn drop(&mut self) {
        DROPS.fetch_add(1, SeqCst);
    }
}

fn no_destructor_runs() -> Verdict {
    thread_local!(static LOCAL: CountsItsEnd = const { CountsItsEnd });
    let captured = run(|| {
        let captured = CountsItsEnd;
        let worker = thread::spawn(move || {
            let _local = CountsItsEnd;
            let _captured = captured;
            LOCAL.with(|_| ());
            panic!("expected")
        });
        let worker: thread::JoinHandle<CountsItsEnd> = worker;
        panicked(worker.join()) && DROPS.load(SeqCst) == 0
    });
    check_eq!(captured.end, ALIVE);
    Ok(())
}

/// What others have borrowed from its stack and its thread-locals.
fn memory_of_a_thread_that_panicked_stays() -> Verdict {
    static LENT: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
    thread_local!(static LOCAL: [AtomicU32; 8] = const { [const { AtomicU32::new(7) }; 8] });
    let captured = run(|| {
        let worker = thread::spawn(|| {
            let local = [const { AtomicU32::new(8) }; 8];
            LENT[0].store(black_box(&local).as_ptr().expose_provenance(), SeqCst);
            LOCAL.with(|local| LENT[1].store(local.as_ptr().expose_provenance(), SeqCst));
            panic!("expected")
        });
        let ended = panicked(worker.join());
        // What would use its memory, if it could be had.
        for _ in 0..20 {
            let _ = thread::spawn(|| black_box([0u8; 4096])).join();
        }
        let is_there = |place: usize, value: u32| {
            let place = core::ptr::with_exposed_provenance::<AtomicU32>(LENT[place].load(SeqCst));
            // SAFETY: the thread is parked for ever, and its memory with it.
            let lent = unsafe { core::slice::from_raw_parts(place, 8) };
            lent.iter().all(|word| word.load(SeqCst) == value)
        };
        ended && is_there(0, 8) && is_there(1, 7)
    });
    check_eq!(captured.end, ALIVE);
    Ok(())
}

fn locks_of_a_thread_that_panicked_stay_locked() -> Verdict {
    static HELD: Mutex<u32> = Mutex::new(0);
    static ONCE: Once = Once::new();
    let captured = run(|| {
        let holder = thread::spawn(|| {
            let _held = HELD.lock();
            ONCE.call_once(|| panic!("expected"));
        });
        panicked(holder.join()) && HELD.try_lock().is_err() && !ONCE.is_completed()
    });
    check_eq!(captured.end, ALIVE);
    Ok(())
}

fn stdout_is_given_back() -> Verdict {
    let captured = run(|| {
        let holder = thread::spawn(|| {
            let mut stdout = io::stdout().lock();
            let _again = io::stdout().lock();
            let _ = stdout.write_all(b"half ");
            panic!("expected")
        });
        let ended = panicked(holder.join());
        println!("whole");
        ended && thread::spawn(|| println!("and others")).join() == Ok(())
    });
    check_eq!(captured.end, ALIVE);
    check_eq!(captured.stdout.as_str(), "half whole\nand others\n");
    // One that does not hold it takes it from nobody.
    let captured = run(|| {
        let mut stdout = io::stdout().lock();
        let _ = stdout.write_all(b"mine ");
        let ended = panicked(thread::spawn(|| panic!("expected")).join());
        let other = thread::spawn(|| println!("theirs"));
        for _ in 0..100 {
            thread::yield_now();
        }
        let _ = stdout.write_all(b"mine\n");
        drop(stdout);
        ended && other.join() == Ok(())
    });
    check_eq!(captured.end, ALIVE);
    check_eq!(captured.stdout.as_str(), "mine mine\ntheirs\n");
    Ok(())
}

/// Panics when it is shown.
struct Bad;

impl fmt::Display for Bad {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("the inner one")
    }
}

fn stdout_is_given_back_by_a_display() -> Verdict {
    let captured = run(|| {
        let ended = panicked(thread::spawn(|| println!("before {Bad}")).join());
        println!("after");
        ended
    });
    check_eq!(captured.end, ALIVE);
    check_eq!(captured.stdout.as_str(), "before after\n");
    Ok(())
}

extern "C" fn panicking_handler(_: i32) {
    panic!("in the handler")
}

fn panic_in_a_signal_handler_ends_the_thread() -> Verdict {
    let captured = run(|| {
        kernel::dispose(k::SIGUSR1, Disposition::Handle(panicking_handler));
        let worker = thread::spawn(|| {
            let _ = signal::raise(k::SIGUSR1);
            loop {
                thread::yield_now();
            }
        });
        let worker: thread::JoinHandle<()> = worker;
        panicked(worker.join()) && thread::spawn(|| 6).join() == Ok(6)
    });
    check_eq!(captured.end, ALIVE);
    check!(captured.stderr.as_str().ends_with(":\nin the handler\n"));
    Ok(())
}
