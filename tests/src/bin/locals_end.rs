//! When and in which order thread-locals are destroyed at a thread's end, and what their
//! destructors may do. The process's end is in `locals_exit`.

#![no_std]
#![no_main]

use core::cell::Cell;

use suite::capture::{self, Captured};
use suite::child::{End, no_core_file};
use suite::locals::{Calls, at_end};
use suite::{Verdict, check, check_eq};
use threadbare::seam::arch::kernel as k;
use threadbare::sync::Mutex;
use threadbare::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use threadbare::thread::{self, Builder, CacheLimits, JoinError};
use threadbare::thread_local;

suite::area! { 32:
    newest_goes_first,
    lazy_ones_are_registered_when_they_are_made,
    a_destructor_may_ask_for_others,
    a_destructor_may_make_others,
    what_is_destroyed_is_an_access_error,
    with_panics_after_destruction_and_names_the_user,
    a_panic_in_a_destructor_aborts,
    destructors_are_over_when_join_returns,
    destructors_come_after_the_closure,
    detached_threads_run_them,
    detached_threads_run_them_without_the_cache,
    an_unclaimed_result_goes_before,
    a_result_that_is_let_go_late_finds_memory_valid,
    destructors_may_spawn_and_join,
    destructors_know_their_thread,
    what_was_never_used_is_never_dropped,
    thread_exit_runs_none,
    thread_exit_in_a_destructor_leaves_out_the_rest,
}

/// What happened, a letter each.
static LOG: Mutex<([u8; 64], usize)> = Mutex::new(([0; 64], 0));

fn log(letter: char) {
    let mut log = LOG.lock().unwrap();
    let (letters, count) = &mut *log;
    letters[*count] = letter as u8;
    *count += 1;
}

/// Returns what was logged since the last time.
fn logged() -> ([u8; 64], usize) {
    core::mem::replace(&mut *LOG.lock().unwrap(), ([0; 64], 0))
}

macro_rules! check_log {
    ($expected:literal) => {
        let (letters, count) = logged();
        check_eq!(core::str::from_utf8(&letters[..count]), Ok($expected));
    };
}

/// Logs its letter when dropped.
struct Logs(char);

impl Drop for Logs {
    fn drop(&mut self) {
        log(self.0);
    }
}

thread_local! {
    static A: Logs = Logs('a');
    static B: Logs = const { Logs('b') };
    static C: Logs = Logs('c');
    /// Too large for the image.
    static L: (Logs, [u64; 100]) = const { (Logs('l'), [0; 100]) };
    /// Asks for another one first.
    static D: Logs = { touch_a(); Logs('d') };
    static HOOK: Cell<Option<Calls>> = const { Cell::new(None) };
}

fn touch_a() {
    A.with(|_| ());
}

fn run(body: fn()) -> Result<(), JoinError> {
    thread::spawn(body).join()
}

fn newest_goes_first() -> Verdict {
    let ran = run(|| {
        B.with(|_| ());
        A.with(|_| ());
        L.with(|_| ());
        C.with(|_| ());
        // Once more changes nothing.
        A.with(|_| ());
        B.with(|_| ());
    });
    check_eq!(ran, Ok(()));
    check_log!("clab");
    Ok(())
}

fn lazy_ones_are_registered_when_they_are_made() -> Verdict {
    check_eq!(run(|| D.with(|_| log('.'))), Ok(()));
    check_log!(".da");
    Ok(())
}

fn a_destructor_may_ask_for_others() -> Verdict {
    let ran = run(|| {
        A.with(|_| ());
        at_end(|| A.with(|a| log(a.0.to_ascii_uppercase())));
        C.with(|_| ());
    });
    check_eq!(ran, Ok(()));
    check_log!("cAa");
    Ok(())
}

/// Those that it makes are the newest, and go before all that was there.
fn a_destructor_may_make_others() -> Verdict {
    let ran = run(|| {
        A.with(|_| ());
        at_end(|| {
            log('(');
            C.with(|_| ());
            HOOK.set(Some(Calls(|| L.with(|_| ()))));
            log(')');
        });
    });
    check_eq!(ran, Ok(()));
    check_log!("()lca");
    Ok(())
}

fn what_is_destroyed_is_an_access_error() -> Verdict {
    thread_local! {
        static SELF: Calls = Calls(|| log(if SELF.try_with(|_| ()).is_err() { 'e' } else { '!' }));
        static CONSTANT_SELF: Calls = const {
            Calls(|| log(if CONSTANT_SELF.try_with(|_| ()).is_err() { 'E' } else { '!' }))
        };
        static CELL: Cell<Option<Logs>> = const { Cell::new(Some(Logs('o'))) };
    }
    let ran = run(|| {
        at_end(|| {
            let others = [
                A.try_with(|_| ()),
                L.try_with(|_| ()),
                CELL.try_with(|_| ()),
            ];
            log(if others.iter().all(Result::is_err) {
                'x'
            } else {
                '!'
            });
            log(if B.try_with(|_| ()).is_ok() { 'y' } else { '!' });
        });
        A.with(|_| ());
        L.with(|_| ());
        CELL.with(|_| ());
        SELF.with(|_| ());
        CONSTANT_SELF.with(|_| ());
    });
    check_eq!(ran, Ok(()));
    check_log!("Eeolaxyb");
    Ok(())
}

/// Runs `body` in a child that leaves no core file.
fn run_in_child(body: fn()) -> Captured {
    capture::run(|| {
        no_core_file();
        body();
    })
}

const ABORTED: End = End::Signal(k::SIGABRT as i32);

fn with_panics_after_destruction_and_names_the_user() -> Verdict {
    let captured = run_in_child(|| {
        let spawned = Builder::new().name("worker").spawn(|| {
            at_end(|| A.with(|_| ()));
            A.with(|_| ());
        });
        let _ = spawned.map(|handle| handle.join());
    });
    check_eq!(captured.end, ABORTED);
    let report = captured.stderr.as_str();
    check!(report.starts_with(concat!("thread 'worker' panicked at ", file!(), ":")));
    let message =
        "\ncannot access a Thread Local Storage value during or after destruction: AccessError\n";
    check!(report.ends_with(message));
    Ok(())
}

fn a_panic_in_a_destructor_aborts() -> Verdict {
    let captured = run_in_child(|| {
        let _ = run(|| at_end(|| panic!("on my way out")));
    });
    check_eq!(captured.end, ABORTED);
    check!(captured.stderr.has_line("on my way out"));
    Ok(())
}

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Takes its time and counts.
struct Slow;

impl Drop for Slow {
    fn drop(&mut self) {
        for _ in 0..20 {
            thread::yield_now();
        }
        COUNT.fetch_add(1, SeqCst);
    }
}

thread_local! {
    static SLOW: Slow = Slow;
    static SLOW_TOO: Slow = const { Slow };
}

fn use_slow() {
    SLOW.with(|_| ());
    SLOW_TOO.with(|_| ());
}

fn destructors_are_over_when_join_returns() -> Verdict {
    COUNT.store(0, SeqCst);
    for round in 1..100 {
        let handle = thread::spawn(use_slow);
        if round % 2 == 0 {
            while !handle.is_finished() {
                thread::yield_now();
            }
            check_eq!(COUNT.load(SeqCst), 2 * round);
        }
        check_eq!(handle.join(), Ok(()));
        check_eq!(COUNT.load(SeqCst), 2 * round);
    }
    Ok(())
}

fn destructors_come_after_the_closure() -> Verdict {
    let handle = thread::spawn(|| {
        A.with(|_| ());
        let _captured = Logs('1');
        Logs('2')
    });
    let result = handle.join();
    log('j');
    drop(result);
    check_log!("1aj2");
    Ok(())
}

fn run_detached() -> Verdict {
    COUNT.store(0, SeqCst);
    for _ in 0..200 {
        thread::spawn(use_slow).detach();
    }
    for _ in 0..10_000_000 {
        if COUNT.load(SeqCst) == 400 {
            return Ok(());
        }
        thread::yield_now();
    }
    check_eq!(COUNT.load(SeqCst), 400);
    Ok(())
}

fn detached_threads_run_them() -> Verdict {
    run_detached()
}

fn detached_threads_run_them_without_the_cache() -> Verdict {
    thread::set_cache_limits(CacheLimits::OFF);
    let verdict = run_detached();
    thread::set_cache_limits(CacheLimits::DEFAULT);
    verdict
}

static GO_ON: AtomicBool = AtomicBool::new(false);
static IS_DONE: AtomicBool = AtomicBool::new(false);

fn wait_for(flag: &AtomicBool) {
    while !flag.swap(false, SeqCst) {
        thread::yield_now();
    }
}

/// A result that nobody can claim any more is dropped while thread-locals are alive.
fn an_unclaimed_result_goes_before() -> Verdict {
    let handle = thread::spawn(|| {
        at_end(|| IS_DONE.store(true, SeqCst));
        A.with(|_| ());
        wait_for(&GO_ON);
        Calls(|| log(if A.try_with(|_| ()).is_ok() { 'r' } else { '!' }))
    });
    handle.detach();
    GO_ON.store(true, SeqCst);
    wait_for(&IS_DONE);
    check_log!("ra");
    Ok(())
}

/// The handle goes while destructors run: the result is dropped after them, with TLS in place, and
/// what it makes is destroyed after it.
fn a_result_that_is_let_go_late_finds_memory_valid() -> Verdict {
    let handle = thread::spawn(|| {
        at_end(|| {
            IS_DONE.store(true, SeqCst);
            wait_for(&GO_ON);
        });
        A.with(|_| ());
        Calls(|| {
            log(if A.try_with(|_| ()).is_err() {
                'r'
            } else {
                '!'
            });
            C.with(|_| ());
            HOOK.set(Some(Calls(|| IS_DONE.store(true, SeqCst))));
            B.with(|_| ());
        })
    });
    wait_for(&IS_DONE);
    drop(handle);
    GO_ON.store(true, SeqCst);
    wait_for(&IS_DONE);
    // `C` is older than the one that has told us.
    for _ in 0..10_000_000 {
        if LOG.lock().unwrap().1 == 4 {
            break;
        }
        thread::yield_now();
    }
    check_log!("arbc");
    Ok(())
}

fn destructors_may_spawn_and_join() -> Verdict {
    let ran = run(|| {
        at_end(|| {
            log('(');
            let inner = run(|| A.with(|_| log('.')));
            log(if inner.is_ok() { ')' } else { '!' });
        });
        A.with(|_| ());
    });
    check_eq!(ran, Ok(()));
    check_log!("a(.a)");
    Ok(())
}

fn destructors_know_their_thread() -> Verdict {
    static ID: Mutex<Option<thread::ThreadId>> = Mutex::new(None);
    let handle = thread::spawn(|| at_end(|| *ID.lock().unwrap() = Some(thread::current().id())));
    let id = handle.thread().id();
    check_eq!(handle.join(), Ok(()));
    check_eq!(*ID.lock().unwrap(), Some(id));
    Ok(())
}

fn what_was_never_used_is_never_dropped() -> Verdict {
    check_eq!(run(|| log('.')), Ok(()));
    check_log!(".");
    Ok(())
}

fn thread_exit_runs_none() -> Verdict {
    let ran = run(|| {
        A.with(|_| ());
        B.with(|_| ());
        thread::exit()
    });
    check!(ran.is_err());
    check_log!("");
    Ok(())
}

/// The memory is parked: the result is never seen again, whoever asks.
fn thread_exit_in_a_destructor_leaves_out_the_rest() -> Verdict {
    for joins in [true, false] {
        let handle = thread::spawn(|| {
            A.with(|_| ());
            at_end(|| thread::exit());
            C.with(|_| ());
            Logs('r')
        });
        if joins {
            check!(handle.join().is_err());
        } else {
            while !handle.is_finished() {
                thread::yield_now();
            }
            drop(handle);
        }
        check_log!("c");
    }
    Ok(())
}
