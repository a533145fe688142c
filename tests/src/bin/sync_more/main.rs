//! Locks: limits in time, fairness, readers and writers, permits, events, groups, barriers,
//! channels.

#![no_std]
#![no_main]

mod channels;
mod events;

use core::sync::atomic::{AtomicU32, Ordering};

use channels::{
    channel_bound_holds, channel_drops_what_nobody_received, channel_ends_are_told_of,
    channel_hands_over_without_a_buffer, channel_keeps_each_senders_order,
    channel_limit_against_send, channel_limits_come, channel_storm_loses_nothing,
    channel_tries_do_not_wait, channel_wakes_who_waits_when_an_end_goes,
};
use events::{
    barrier_has_one_leader_in_each_round, reset_event_lets_all_go,
    reset_event_pulse_wakes_who_waits, semaphore_counts, semaphore_limits_lose_no_permit,
    semaphore_storm_keeps_its_permits, wait_group_waits_for_all,
};
use suite::kernel::until_asleep;
use suite::{Verdict, check, check_eq};
use threadbare::sync::futex::{self, Scope, Woken};
use threadbare::sync::{
    Condvar, LazyLock, Mutex, Once, OnceLock, ResetEvent, RwLock, RwLockWriteGuard, Semaphore,
};
use threadbare::thread;
use threadbare::time::{Duration, Instant};

suite::area! { 51:
    futex_tells_why_it_woke,
    futex_requeue_moves_sleepers,
    condvar_wait_ends_in_time,
    condvar_wakes_in_order,
    condvar_serves_two_mutexes,
    condvar_storm_loses_nothing,
    mutex_waiter_is_passed_by_a_bounded_number,
    rwlock_readers_share_and_writers_exclude,
    rwlock_waiting_writer_is_passed_by_no_reader,
    rwlock_downgrade_lets_no_writer_in_between,
    rwlock_storm_excludes,
    semaphore_counts,
    semaphore_storm_keeps_its_permits,
    semaphore_limits_lose_no_permit,
    reset_event_lets_all_go,
    reset_event_pulse_wakes_who_waits,
    wait_group_waits_for_all,
    barrier_has_one_leader_in_each_round,
    once_may_be_waited_for,
    once_lock_is_written_once,
    lazy_lock_is_made_once,
    lazy_lock_that_is_never_made_drops_its_closure_once,
    channel_keeps_each_senders_order,
    channel_bound_holds,
    channel_hands_over_without_a_buffer,
    channel_tries_do_not_wait,
    channel_limits_come,
    channel_limit_against_send,
    channel_ends_are_told_of,
    channel_wakes_who_waits_when_an_end_goes,
    channel_storm_loses_nothing,
    channel_drops_what_nobody_received,
    locks_are_small,
}

const SOON: Duration = Duration::from_millis(2);

/// Lets the others run until `is_so`.
fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        thread::yield_now();
    }
}

fn futex_tells_why_it_woke() -> Verdict {
    let word = AtomicU32::new(1);
    // SAFETY: the word is aligned.
    let wait = |expected, limit| unsafe {
        futex::wait_timeout(word.as_ptr(), expected, Scope::Private, limit)
    };
    check_eq!(wait(0, Duration::MAX), Woken::ByChange);
    let begun = Instant::now();
    while wait(1, SOON) != Woken::ByTimeout {}
    check!(begun.elapsed() >= SOON);
    check_eq!(wait(1, Duration::ZERO), Woken::ByTimeout);
    let limit = Instant::now() + SOON;
    // SAFETY: likewise.
    while unsafe { futex::wait_until(word.as_ptr(), 1, Scope::Shared, limit) } != Woken::ByTimeout {
    }
    check!(Instant::now() >= limit);
    Ok(())
}

fn futex_requeue_moves_sleepers() -> Verdict {
    static FROM: AtomicU32 = AtomicU32::new(0);
    static TO: AtomicU32 = AtomicU32::new(0);
    // SAFETY: both are aligned.
    let requeue = |expected, count| unsafe {
        futex::requeue(
            FROM.as_ptr(),
            expected,
            0,
            TO.as_ptr(),
            count,
            Scope::Private,
        )
    };
    check_eq!(requeue(7, 1), None);
    check_eq!(requeue(0, 1), Some(0));
    let sleepers = [0; 3].map(|_| {
        thread::spawn(|| {
            while FROM.load(Ordering::Acquire) == 0 {
                // SAFETY: a static is aligned.
                unsafe { futex::wait(FROM.as_ptr(), 0, Scope::Private) };
            }
        })
    });
    let mut moved = 0;
    while moved < 3 {
        moved += requeue(0, 1).unwrap_or(0);
        thread::yield_now();
    }
    FROM.store(1, Ordering::Release);
    // One that woke up for no reason, as it may, was moved twice, and another one not at all.
    let left = futex::wake(FROM.as_ptr(), u32::MAX, Scope::Private);
    let woken = futex::wake(TO.as_ptr(), u32::MAX, Scope::Private);
    check!(woken >= 1 && left + woken <= 3);
    for sleeper in sleepers {
        check!(sleeper.join().is_ok());
    }
    Ok(())
}

fn condvar_wait_ends_in_time() -> Verdict {
    let (mutex, nobody) = (Mutex::new(0), Condvar::new());
    let begun = Instant::now();
    let (guard, result) = nobody.wait_timeout(mutex.lock().unwrap(), SOON).unwrap();
    check!(result.timed_out() && begun.elapsed() >= SOON);
    let (guard, result) = nobody.wait_timeout_while(guard, SOON, |n| *n == 0).unwrap();
    check!(result.timed_out() && begun.elapsed() >= 2 * SOON);
    let (guard, result) = nobody.wait_timeout_while(guard, SOON, |n| *n == 1).unwrap();
    check!(!result.timed_out());
    // Nobody waits any more, so this finds nobody, and the lock is as any other.
    nobody.notify_all();
    drop(guard);
    check!(mutex.try_lock().is_ok());
    Ok(())
}

fn condvar_wakes_in_order() -> Verdict {
    static STATE: Mutex<(u32, u32, u32)> = Mutex::new((0, 0, 0));
    static TURN: Condvar = Condvar::new();
    let sleepers = [1u32, 2, 3].map(|number| {
        let sleeper = thread::spawn(move || {
            let mut state = STATE.lock().unwrap();
            state.0 += 1;
            state = TURN.wait_while(state, |state| state.1 == 0).unwrap();
            state.1 -= 1;
            state.2 = state.2 * 10 + number;
        });
        until(|| STATE.lock().unwrap().0 == number);
        sleeper
    });
    for _ in 0..3 {
        STATE.lock().unwrap().1 += 1;
        TURN.notify_one();
        until(|| STATE.lock().unwrap().1 == 0);
    }
    for sleeper in sleepers {
        check!(sleeper.join().is_ok());
    }
    check_eq!(STATE.lock().unwrap().2, 123);
    Ok(())
}

fn condvar_serves_two_mutexes() -> Verdict {
    static STATES: [Mutex<u32>; 2] = [Mutex::new(0), Mutex::new(0)];
    static CHANGED: Condvar = Condvar::new();
    let sleepers = [0, 1].map(|index: usize| {
        thread::spawn(move || {
            let mut state = STATES[index].lock().unwrap();
            *state = 1;
            drop(CHANGED.wait_while(state, |state| *state == 1));
        })
    });
    until(|| STATES.iter().all(|state| *state.lock().unwrap() == 1));
    let mut held = STATES[0].lock().unwrap();
    *held = 2;
    *STATES[1].lock().unwrap() = 2;
    CHANGED.notify_all();
    drop(held);
    for sleeper in sleepers {
        check!(sleeper.join().is_ok());
    }
    Ok(())
}

/// Producers and consumers, some of whom lose patience, with notifications of both kinds.
fn condvar_storm_loses_nothing() -> Verdict {
    static STOCK: Mutex<u32> = Mutex::new(0);
    static ARRIVED: Condvar = Condvar::new();
    const EACH: u32 = 300;
    let consumers = [0, 1, 2].map(|number: u32| {
        thread::spawn(move || {
            for _ in 0..EACH {
                let mut stock = STOCK.lock().unwrap();
                while *stock == 0 {
                    stock = if number == 0 {
                        let limit = Duration::from_micros(50);
                        ARRIVED.wait_timeout(stock, limit).unwrap().0
                    } else {
                        ARRIVED.wait(stock).unwrap()
                    };
                }
                *stock -= 1;
                // Whoever was woken for what this one took goes on waiting.
                if *stock > 0 {
                    ARRIVED.notify_one();
                }
            }
        })
    });
    for number in 0..3 * EACH {
        let mut stock = STOCK.lock().unwrap();
        *stock += 1;
        if number % 2 == 0 {
            ARRIVED.notify_one();
        } else {
            drop(stock);
            ARRIVED.notify_one();
        }
    }
    for consumer in consumers {
        check!(consumer.join().is_ok());
    }
    check_eq!(*STOCK.lock().unwrap(), 0);
    Ok(())
}

/// The stated number is 16,383 newcomers. One thread takes the lock again and again while another
/// waits for it; the waiter is in after that many and few more: who may not pass waits for a
/// millisecond. A waiter that gets no CPU for so long is passed by as many again, which may be so
/// now and then where others are busy, but not mostly.
fn mutex_waiter_is_passed_by_a_bounded_number() -> Verdict {
    static TAKEN: Mutex<u32> = Mutex::new(0);
    static STARTS: AtomicU32 = AtomicU32::new(0);
    const ROUNDS: u32 = 9;
    let mut bounded = 0;
    for _ in 0..ROUNDS {
        let mut held = TAKEN.lock().unwrap();
        STARTS.store(0, Ordering::Relaxed);
        let waiter = thread::spawn(|| {
            STARTS.store(1, Ordering::Release);
            *TAKEN.lock().unwrap()
        });
        until(|| STARTS.load(Ordering::Acquire) == 1);
        // It lets others run some times before, and counts as one that waits when it sleeps.
        until_asleep(waiter.thread());
        *held = 0;
        drop(held);
        while !waiter.is_finished() {
            *TAKEN.lock().unwrap() += 1;
        }
        let passed_by = waiter.join().unwrap();
        bounded += u32::from(passed_by <= 16_383 + 100);
    }
    check!(bounded > ROUNDS / 2);
    Ok(())
}

fn rwlock_readers_share_and_writers_exclude() -> Verdict {
    let lock = RwLock::new(1);
    let (one, other) = (lock.read().unwrap(), lock.try_read().unwrap());
    check!(lock.try_write().is_err());
    check_eq!(*one + *other, 2);
    drop(one);
    check!(lock.try_write().is_err());
    drop(other);
    let mut writer = lock.try_write().unwrap();
    check!(lock.try_read().is_err() && lock.try_write().is_err());
    *writer += 1;
    drop(writer);
    check_eq!(lock.into_inner().unwrap(), 2);
    Ok(())
}

/// The bound is twice the readers that are there when the writer comes; here there is one, and none
/// passes.
fn rwlock_waiting_writer_is_passed_by_no_reader() -> Verdict {
    static LOCK: RwLock<u32> = RwLock::new(0);
    static READS: AtomicU32 = AtomicU32::new(0);
    let first = LOCK.read().unwrap();
    let writer = thread::spawn(|| {
        *LOCK.write().unwrap() = READS.load(Ordering::Relaxed) + 1;
    });
    // It waits when nobody else can come in to read.
    until(|| LOCK.try_read().is_err());
    let readers = [0; 3].map(|_| {
        thread::spawn(|| {
            let value = *LOCK.read().unwrap();
            READS.fetch_add(1, Ordering::Relaxed);
            value
        })
    });
    for _ in 0..20 {
        thread::yield_now();
    }
    check_eq!(READS.load(Ordering::Relaxed), 0);
    drop(first);
    check!(writer.join().is_ok());
    for reader in readers {
        check_eq!(reader.join(), Ok(1));
    }
    Ok(())
}

fn rwlock_downgrade_lets_no_writer_in_between() -> Verdict {
    static LOCK: RwLock<u32> = RwLock::new(0);
    let mut writer = LOCK.write().unwrap();
    let other = thread::spawn(|| *LOCK.write().unwrap() += 1);
    *writer = 10;
    for _ in 0..20 {
        thread::yield_now();
    }
    let reader = RwLockWriteGuard::downgrade(writer);
    check_eq!(*reader, 10);
    drop(reader);
    check!(other.join().is_ok());
    check_eq!(*LOCK.read().unwrap(), 11);
    Ok(())
}

fn rwlock_storm_excludes() -> Verdict {
    static PAIR: RwLock<(u32, u32)> = RwLock::new((0, 0));
    let readers = [0; 3].map(|_| {
        thread::spawn(|| {
            (0..500).all(|_| {
                let pair = PAIR.read().unwrap();
                pair.0 == pair.1
            })
        })
    });
    let writers = [0; 2].map(|_| {
        thread::spawn(|| {
            for number in 0..300 {
                let mut pair = PAIR.write().unwrap();
                pair.0 += 1;
                if number % 32 == 0 {
                    thread::yield_now();
                }
                pair.1 += 1;
            }
        })
    });
    for reader in readers {
        check_eq!(reader.join(), Ok(true));
    }
    for writer in writers {
        check!(writer.join().is_ok());
    }
    check_eq!(*PAIR.read().unwrap(), (600, 600));
    Ok(())
}

fn once_may_be_waited_for() -> Verdict {
    static READY: Once = Once::new();
    let waiters = [0; 3].map(|_| thread::spawn(|| READY.wait()));
    READY.call_once_force(|state| assert!(!state.is_poisoned()));
    for waiter in waiters {
        check!(waiter.join().is_ok());
    }
    check!(READY.is_completed());
    Ok(())
}

fn once_lock_is_written_once() -> Verdict {
    static VALUE: OnceLock<u32> = OnceLock::new();
    static MADE: AtomicU32 = AtomicU32::new(0);
    check!(VALUE.get().is_none());
    let waiter = thread::spawn(|| *VALUE.wait());
    let writers = [1, 2, 3].map(|number: u32| {
        thread::spawn(move || {
            *VALUE.get_or_init(|| {
                thread::yield_now();
                MADE.fetch_add(1, Ordering::Relaxed);
                number
            })
        })
    });
    let value = *VALUE.wait();
    for writer in writers {
        check_eq!(writer.join(), Ok(value));
    }
    check_eq!(waiter.join(), Ok(value));
    check_eq!(MADE.load(Ordering::Relaxed), 1);
    check_eq!(VALUE.set(9), Err(9));
    check_eq!(VALUE.get(), Some(&value));
    Ok(())
}

/// Its closure ends the thread that calls it: then there is neither closure nor value.
fn lazy_lock_that_is_never_made_drops_its_closure_once() -> Verdict {
    static DROPS: AtomicU32 = AtomicU32::new(0);
    struct CountsItsEnd;
    impl Drop for CountsItsEnd {
        fn drop(&mut self) {
            DROPS.fetch_add(1, Ordering::Relaxed);
        }
    }
    let held = CountsItsEnd;
    let lock = LazyLock::new(move || -> u32 {
        drop(held);
        thread::exit()
    });
    // SAFETY: it is joined before the lock is gone.
    let maker = unsafe { thread::Builder::new().spawn_unchecked(|| *lock) };
    check!(maker.is_ok_and(|maker| maker.join().is_err()));
    drop(lock);
    check_eq!(DROPS.load(Ordering::Relaxed), 1);
    Ok(())
}

fn lazy_lock_is_made_once() -> Verdict {
    static MADE: AtomicU32 = AtomicU32::new(0);
    static VALUE: LazyLock<u32> = LazyLock::new(|| {
        thread::yield_now();
        MADE.fetch_add(1, Ordering::Relaxed) + 7
    });
    let readers = [0; 4].map(|_| thread::spawn(|| *VALUE));
    for reader in readers {
        check_eq!(reader.join(), Ok(7));
    }
    check_eq!(MADE.load(Ordering::Relaxed), 1);
    Ok(())
}

fn locks_are_small() -> Verdict {
    check_eq!(size_of::<Mutex<()>>(), 4);
    check_eq!(size_of::<Condvar>(), 4);
    check_eq!(size_of::<Once>(), 4);
    check_eq!(size_of::<Semaphore>(), 4);
    check_eq!(size_of::<ResetEvent>(), 4);
    check_eq!(size_of::<RwLock<()>>(), 4);
    Ok(())
}
