//! Locks: exclusion, no lost wake-up, once is once.

#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering};

use suite::{Verdict, check, check_eq};
use threadbare::sync::futex::{self, Scope, Woken};
use threadbare::sync::{Condvar, Mutex, Once, OnceLock};
use threadbare::thread;

suite::area! { 17:
    mutex_excludes,
    mutex_try_lock_tells,
    mutex_stays_locked_after_a_try,
    mutex_unlock_wakes_every_waiter_in_turn,
    condvar_ping_pong_loses_nothing,
    condvar_notify_all_wakes_all,
    once_runs_once_and_all_see_it,
    once_lock_is_written_once,
    futex_wait_returns_on_change,
    futex_wake_counts_sleepers,
}

fn mutex_excludes() -> Verdict {
    static COUNT: Mutex<(u64, u64)> = Mutex::new((0, 0));
    let workers = [0; 4].map(|_| {
        thread::spawn(|| {
            for _ in 0..5_000 {
                let mut count = COUNT.lock().unwrap();
                count.0 += 1;
                if count.0 % 64 == 0 {
                    thread::yield_now();
                }
                count.1 += 1;
            }
        })
    });
    for worker in workers {
        check!(worker.join().is_ok());
    }
    check_eq!(*COUNT.lock().unwrap(), (20_000, 20_000));
    Ok(())
}

fn mutex_try_lock_tells() -> Verdict {
    static WORD: Mutex<u32> = Mutex::new(1);
    let held = WORD.lock().unwrap();
    check!(thread::spawn(|| WORD.try_lock().is_err()).join() == Ok(true));
    drop(held);
    check!(thread::spawn(|| WORD.try_lock().is_ok()).join() == Ok(true));
    Ok(())
}

fn mutex_stays_locked_after_a_try() -> Verdict {
    static WORD: Mutex<u32> = Mutex::new(1);
    let held = WORD.lock().unwrap();
    for _ in 0..2 {
        check!(WORD.try_lock().is_err());
        check!(thread::spawn(|| WORD.try_lock().is_err()).join() == Ok(true));
    }
    drop(held);
    check!(WORD.try_lock().is_ok());
    Ok(())
}

fn mutex_unlock_wakes_every_waiter_in_turn() -> Verdict {
    static TURNS: Mutex<u32> = Mutex::new(0);
    for _ in 0..20 {
        let held = TURNS.lock().unwrap();
        let waiters = [0; 6].map(|_| thread::spawn(|| *TURNS.lock().unwrap() += 1));
        for _ in 0..20 {
            thread::yield_now();
        }
        drop(held);
        for waiter in waiters {
            check!(waiter.join().is_ok());
        }
    }
    check_eq!(*TURNS.lock().unwrap(), 120);
    Ok(())
}

fn condvar_ping_pong_loses_nothing() -> Verdict {
    static TURN: Mutex<u32> = Mutex::new(0);
    static CHANGED: Condvar = Condvar::new();
    const ROUNDS: u32 = 2_000;
    let other = thread::spawn(|| {
        for round in 0..ROUNDS {
            let mut turn = CHANGED
                .wait_while(TURN.lock().unwrap(), |t| *t != 2 * round + 1)
                .unwrap();
            *turn += 1;
            CHANGED.notify_one();
        }
    });
    for round in 0..ROUNDS {
        let mut turn = CHANGED
            .wait_while(TURN.lock().unwrap(), |t| *t != 2 * round)
            .unwrap();
        *turn += 1;
        drop(turn);
        CHANGED.notify_one();
    }
    check!(other.join().is_ok());
    check_eq!(*TURN.lock().unwrap(), 2 * ROUNDS);
    Ok(())
}

fn condvar_notify_all_wakes_all() -> Verdict {
    static STATE: Mutex<(u32, bool)> = Mutex::new((0, false));
    static CHANGED: Condvar = Condvar::new();
    let sleepers = [0; 8].map(|_| {
        thread::spawn(|| {
            let mut state = STATE.lock().unwrap();
            state.0 += 1;
            drop(CHANGED.wait_while(state, |state| !state.1));
        })
    });
    while STATE.lock().unwrap().0 < 8 {
        thread::yield_now();
    }
    STATE.lock().unwrap().1 = true;
    CHANGED.notify_all();
    for sleeper in sleepers {
        check!(sleeper.join().is_ok());
    }
    Ok(())
}

fn once_runs_once_and_all_see_it() -> Verdict {
    static ONCE: Once = Once::new();
    static RUNS: AtomicU32 = AtomicU32::new(0);
    check!(!ONCE.is_completed());
    let callers = [0; 8].map(|_| {
        thread::spawn(|| {
            ONCE.call_once(|| {
                for _ in 0..50 {
                    thread::yield_now();
                }
                RUNS.fetch_add(1, Ordering::Relaxed);
            });
            RUNS.load(Ordering::Relaxed)
        })
    });
    for caller in callers {
        check_eq!(caller.join(), Ok(1));
    }
    check!(ONCE.is_completed());
    Ok(())
}

fn once_lock_is_written_once() -> Verdict {
    static CELL: OnceLock<[u64; 4]> = OnceLock::new();
    check!(CELL.get().is_none());
    let writers =
        [1u64, 2, 3, 4].map(|value| thread::spawn(move || *CELL.get_or_init(|| [value; 4])));
    let mut seen = None;
    for writer in writers {
        let Ok(value) = writer.join() else {
            check!(false);
            return Ok(());
        };
        check_eq!(*seen.get_or_insert(value), value);
    }
    check_eq!(CELL.set([9; 4]), Err([9; 4]));
    check_eq!(CELL.get().copied(), seen);
    let mut own = OnceLock::new();
    check_eq!(own.set(5), Ok(()));
    check_eq!(own.take(), Some(5));
    check_eq!(own.into_inner(), None);
    Ok(())
}

fn futex_wait_returns_on_change() -> Verdict {
    let word = AtomicU32::new(3);
    for scope in [Scope::Private, Scope::Shared] {
        // SAFETY: the word is aligned.
        check_eq!(
            unsafe { futex::wait(word.as_ptr(), 2, scope) },
            Woken::ByChange
        );
        check_eq!(futex::wake(word.as_ptr(), 1, scope), 0);
    }
    Ok(())
}

fn futex_wake_counts_sleepers() -> Verdict {
    static WORD: AtomicU32 = AtomicU32::new(0);
    let sleeper = thread::spawn(|| {
        let mut wakes = 0u32;
        while WORD.load(Ordering::Acquire) == 0 {
            // SAFETY: the word is a static.
            if unsafe { futex::wait(WORD.as_ptr(), 0, Scope::Private) } == Woken::ByWake {
                wakes += 1;
            }
        }
        wakes
    });
    // Wakes without a change: the sleeper goes back to sleep, and each wake found one sleeper.
    let mut found = 0;
    while found < 3 {
        found += futex::wake(WORD.as_ptr(), 1, Scope::Private);
        thread::yield_now();
    }
    WORD.store(1, Ordering::Release);
    let last = futex::wake(WORD.as_ptr(), u32::MAX, Scope::Private);
    check_eq!(sleeper.join(), Ok((found + last) as u32));
    Ok(())
}
