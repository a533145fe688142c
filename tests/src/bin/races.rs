//! The end of a thread raced from both sides, thousands of times, with the cache on and off.

#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering};

use suite::kernel::mapping_count;
use suite::{Verdict, check, check_eq};
use threadbare::seam::{record_page_count, thread_counts};
use threadbare::thread::{self, Builder, CacheLimits};

suite::area! { 15:
    detached_threads_leave_no_mapping_with_the_cache,
    detached_threads_leave_no_mapping_without_the_cache,
    detach_against_exit,
    detach_against_exit_without_the_cache,
    join_against_exit,
    join_against_exit_without_the_cache,
    spawners_race_for_the_cache,
}

/// How many threads a case starts. An emulator keeps memory of each, and takes its time, so whoever
/// runs this may ask for fewer.
fn threads() -> u32 {
    let asked = threadbare::env::var("SUITE_THREADS").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(2_000)
}

static ENDED: AtomicU32 = AtomicU32::new(0);

struct CountsItsEnd;

impl Drop for CountsItsEnd {
    fn drop(&mut self) {
        ENDED.fetch_add(1, Ordering::Release);
    }
}

/// Waits until `count` results were dropped and all that is left of their threads is settled:
/// nothing in use, and no more lines of `/proc/self/maps` than `mappings`.
fn settle(count: u32, mappings: usize) -> Verdict {
    let mut left = 10_000_000u32;
    while ENDED.load(Ordering::Acquire) < count && left > 0 {
        thread::yield_now();
        left -= 1;
    }
    check_eq!(ENDED.load(Ordering::Acquire), count);
    for _ in 0..100_000 {
        let (records, kept) = thread_counts();
        if records == kept && mapping_count() <= mappings + record_page_count() {
            return Ok(());
        }
        thread::yield_now();
    }
    let (records, kept) = thread_counts();
    check_eq!(records, kept);
    check!(mapping_count() <= mappings + record_page_count());
    Ok(())
}

/// Empties the cache and returns how many mappings there may be in the end, beside pages of thread
/// records, which stay: what is there, and two for each that the cache may keep.
fn warm_up(limits: CacheLimits) -> usize {
    thread::set_cache_limits(CacheLimits::OFF);
    thread::set_cache_limits(limits);
    ENDED.store(0, Ordering::Release);
    mapping_count() - record_page_count() + 2 * limits.mappings_max
}

fn detach_many(limits: CacheLimits) -> Verdict {
    let mappings = warm_up(limits);
    check!(mappings > 0);
    for number in 0..threads() {
        let spawned = Builder::new().stack_size(64 << 10).spawn(|| CountsItsEnd);
        check!(spawned.is_ok());
        // Bounded, so that a slow machine does not hold thousands of stacks at once.
        while number - ENDED.load(Ordering::Acquire).min(number) > 100 {
            thread::yield_now();
        }
    }
    settle(threads(), mappings)?;
    thread::set_cache_limits(CacheLimits::DEFAULT);
    Ok(())
}

fn detached_threads_leave_no_mapping_with_the_cache() -> Verdict {
    detach_many(CacheLimits {
        mappings_max: 8,
        ..CacheLimits::DEFAULT
    })
}

fn detached_threads_leave_no_mapping_without_the_cache() -> Verdict {
    detach_many(CacheLimits::OFF)
}

/// Spawns, waits a varying moment, and ends the handle: now before, now after the thread's swap.
fn race(limits: CacheLimits, end: fn(thread::JoinHandle<CountsItsEnd>)) -> Verdict {
    let mappings = warm_up(limits);
    for number in 0..threads() {
        let Ok(handle) = Builder::new().stack_size(32 << 10).spawn(|| CountsItsEnd) else {
            check!(false);
            return Ok(());
        };
        for _ in 0..number % 50 {
            core::hint::spin_loop();
        }
        if number % 3 == 0 {
            thread::yield_now();
        }
        end(handle);
    }
    settle(threads(), mappings)?;
    thread::set_cache_limits(CacheLimits::DEFAULT);
    Ok(())
}

fn detach_against_exit() -> Verdict {
    race(
        CacheLimits {
            mappings_max: 8,
            ..CacheLimits::DEFAULT
        },
        drop,
    )
}

fn detach_against_exit_without_the_cache() -> Verdict {
    race(CacheLimits::OFF, drop)
}

fn join(handle: thread::JoinHandle<CountsItsEnd>) {
    drop(handle.join());
}

fn join_against_exit() -> Verdict {
    race(
        CacheLimits {
            mappings_max: 8,
            ..CacheLimits::DEFAULT
        },
        join,
    )
}

fn join_against_exit_without_the_cache() -> Verdict {
    race(CacheLimits::OFF, join)
}

fn spawners_race_for_the_cache() -> Verdict {
    let mappings = warm_up(CacheLimits {
        mappings_max: 4,
        ..CacheLimits::DEFAULT
    });
    let spawners = [0u32; 4].map(|_| {
        thread::spawn(|| {
            for number in 0..threads() / 4 {
                let handle = Builder::new().stack_size(32 << 10).spawn(|| CountsItsEnd);
                match handle {
                    Ok(handle) if number % 2 == 0 => drop(handle.join()),
                    Ok(handle) => handle.detach(),
                    Err(_) => return false,
                }
            }
            true
        })
    });
    for spawner in spawners {
        check_eq!(spawner.join(), Ok(true));
    }
    settle(threads(), mappings)?;
    thread::set_cache_limits(CacheLimits::DEFAULT);
    Ok(())
}
