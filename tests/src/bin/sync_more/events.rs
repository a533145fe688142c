//! Permits, events, groups, barriers.

use core::sync::atomic::{AtomicU32, Ordering};
use suite::{Verdict, check, check_eq};
use threadbare::sync::{Barrier, ResetEvent, Semaphore, WaitGroup};
use threadbare::thread;
use threadbare::time::{Duration, Instant};

use super::{SOON, until};

pub fn semaphore_counts() -> Verdict {
    let seats = Semaphore::new(2);
    seats.acquire();
    check!(seats.try_acquire() && !seats.try_acquire());
    let begun = Instant::now();
    check!(!seats.acquire_timeout(SOON) && begun.elapsed() >= SOON);
    seats.release(3);
    check!(seats.acquire_timeout(Duration::ZERO));
    check_eq!(seats.permits(), 2);
    Ok(())
}

pub fn semaphore_storm_keeps_its_permits() -> Verdict {
    static SEATS: Semaphore = Semaphore::new(2);
    static INSIDE: AtomicU32 = AtomicU32::new(0);
    let guests = [0; 5].map(|_| {
        thread::spawn(|| {
            let mut most = 0;
            for _ in 0..200 {
                SEATS.acquire();
                most = most.max(INSIDE.fetch_add(1, Ordering::Relaxed) + 1);
                thread::yield_now();
                INSIDE.fetch_sub(1, Ordering::Relaxed);
                SEATS.release(1);
            }
            most
        })
    });
    for guest in guests {
        check!(guest.join().is_ok_and(|most| most <= 2));
    }
    check_eq!(SEATS.permits(), 2);
    Ok(())
}

/// Permits are taken in time or not at all; none is lost when both come at once.
pub fn semaphore_limits_lose_no_permit() -> Verdict {
    static SEATS: Semaphore = Semaphore::new(0);
    const EACH: u32 = 100;
    let guests = [0, 1, 2].map(|number: u64| {
        thread::spawn(move || {
            let limit = Duration::from_micros(20 * number);
            (0..EACH).filter(|_| SEATS.acquire_timeout(limit)).count() as u32
        })
    });
    let mut released = 0;
    while !guests.iter().all(thread::JoinHandle::is_finished) {
        SEATS.release(2);
        released += 2;
        thread::yield_now();
    }
    let mut taken = 0;
    for guest in guests {
        taken += guest.join().unwrap_or(0);
    }
    check_eq!(taken + SEATS.permits(), released);
    // Without permits a limit is kept, and a permit that comes before it is waited for no longer.
    while SEATS.try_acquire() {}
    let begun = Instant::now();
    check!(!SEATS.acquire_timeout(SOON) && begun.elapsed() >= SOON);
    let host = thread::spawn(|| SEATS.release(1));
    check!(SEATS.acquire_timeout(Duration::MAX));
    check!(host.join().is_ok());
    Ok(())
}

pub fn reset_event_lets_all_go() -> Verdict {
    static DOOR: ResetEvent = ResetEvent::new();
    let begun = Instant::now();
    check!(!DOOR.wait_timeout(SOON) && begun.elapsed() >= SOON);
    let visitors = [0; 4].map(|_| thread::spawn(|| DOOR.wait()));
    DOOR.set();
    for visitor in visitors {
        check!(visitor.join().is_ok());
    }
    check!(DOOR.is_set() && DOOR.wait_timeout(Duration::ZERO));
    DOOR.reset();
    check!(!DOOR.is_set());
    Ok(())
}

pub fn reset_event_pulse_wakes_who_waits() -> Verdict {
    static DOOR: ResetEvent = ResetEvent::new();
    static WAITS: AtomicU32 = AtomicU32::new(0);
    let visitor = thread::spawn(|| {
        WAITS.store(1, Ordering::Release);
        DOOR.wait();
    });
    until(|| WAITS.load(Ordering::Acquire) == 1);
    // A visitor that has not come yet needs another pulse.
    while !visitor.is_finished() {
        DOOR.set();
        DOOR.reset();
        thread::yield_now();
    }
    check!(visitor.join().is_ok());
    Ok(())
}

pub fn wait_group_waits_for_all() -> Verdict {
    static JOBS: WaitGroup = WaitGroup::new();
    static DONE: AtomicU32 = AtomicU32::new(0);
    JOBS.wait();
    for round in 1..=20 {
        JOBS.start(3);
        let workers = [0; 3].map(|_| {
            thread::spawn(|| {
                DONE.fetch_add(1, Ordering::Relaxed);
                JOBS.finish();
            })
        });
        JOBS.wait();
        check_eq!(DONE.load(Ordering::Relaxed), 3 * round);
        check!(JOBS.is_done());
        for worker in workers {
            check!(worker.join().is_ok());
        }
    }
    JOBS.start(1);
    check!(!JOBS.wait_timeout(SOON));
    JOBS.finish();
    check!(JOBS.wait_timeout(Duration::ZERO));
    Ok(())
}

pub fn barrier_has_one_leader_in_each_round() -> Verdict {
    static START: Barrier = Barrier::new(4);
    static LEADERS: AtomicU32 = AtomicU32::new(0);
    let runners = [0; 4].map(|_| {
        thread::spawn(|| {
            (1..=30).all(|round| {
                LEADERS.fetch_add(u32::from(START.wait().is_leader()), Ordering::Relaxed);
                START.wait();
                let leaders = LEADERS.load(Ordering::Relaxed);
                START.wait();
                leaders == round
            })
        })
    });
    for runner in runners {
        check_eq!(runner.join(), Ok(true));
    }
    Ok(())
}
