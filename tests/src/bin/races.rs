//! The end of a thread raced from both sides, thousands of times, with the cache on and off, and
//! with a signal every millisecond to a random thread.

#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering};

use suite::kernel::mapping_count;
use suite::storm::{self, Storm};
use suite::{Stop, Verdict, check, check_eq};
use threadbare::seam::{self, record_page_count, thread_counts};
use threadbare::thread::{self, Builder, CacheLimits};

suite::area! { 15:
    detached_threads_leave_no_mapping_with_the_cache,
    detached_threads_leave_no_mapping_without_the_cache,
    detach_against_exit,
    detach_against_exit_without_the_cache,
    join_against_exit,
    join_against_exit_without_the_cache,
    spawners_race_for_the_cache,
    scope_of_sixty_four_threads,
    the_storm_was_one,
}

/// How many threads a case starts. An emulator keeps memory of each, and takes its time, so whoever
/// runs this may ask for fewer.
fn threads() -> u32 {
    let asked = threadbare::env::var("SUITE_THREADS").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(2_000)
}

static ENDED: AtomicU32 = AtomicU32::new(0);

struct CountsItsEnd;

/// A thread's life: it can be hit by the storm.
fn live() -> CountsItsEnd {
    storm::enlist();
    CountsItsEnd
}

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
    seam::prepare_for_fork();
    mapping_count() - record_page_count() + 2 * limits.mappings_max
}

fn detach_many(limits: CacheLimits) -> Verdict {
    let mappings = warm_up(limits);
    check!(mappings > 0);
    let _storm = Storm::begin();
    for number in 0..threads() {
        let spawned = Builder::new().stack_size(64 << 10).spawn(live);
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
    let _storm = Storm::begin();
    for number in 0..threads() {
        let Ok(handle) = Builder::new().stack_size(32 << 10).spawn(live) else {
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
    let _storm = Storm::begin();
    let spawners = [0u32; 4].map(|_| {
        thread::spawn(|| {
            for number in 0..threads() / 4 {
                let handle = Builder::new().stack_size(32 << 10).spawn(live);
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

fn scope_of_sixty_four_threads() -> Verdict {
    const AT_ONCE: u32 = 64;
    let mappings = warm_up(CacheLimits::DEFAULT);
    let _storm = Storm::begin();
    let rounds = threads().div_ceil(AT_ONCE);
    for _ in 0..rounds {
        let is_started = thread::scope(|scope| {
            (0..AT_ONCE).all(|number| {
                let spawned = Builder::new()
                    .stack_size(32 << 10)
                    .spawn_scoped(scope, live);
                match spawned {
                    Ok(handle) if number % 2 == 0 => handle.join().is_ok(),
                    Ok(handle) => {
                        drop(handle);
                        true
                    }
                    Err(_) => false,
                }
            })
        });
        check!(is_started);
    }
    settle(rounds * AT_ONCE, mappings)?;
    Ok(())
}

/// That the cases above were what they say.
fn the_storm_was_one() -> Verdict {
    if !storm::is_possible() {
        return Err(Stop::Skip(
            "the emulator loses threads' registers in handlers",
        ));
    }
    let storm = Storm::begin();
    let (gusts, hits) = storm.force();
    let spawned = Builder::new().spawn(|| {
        storm::enlist();
        // Until the storm has found this thread in its list.
        loop {
            thread::yield_now();
            if HIT_ENOUGH.load(Ordering::Relaxed) > 0 {
                return;
            }
        }
    });
    let Ok(handle) = spawned else {
        check!("a thread" == "started");
        return Ok(());
    };
    let mut left = 100_000_000u32;
    while (storm.force().0 < gusts + 20 || storm.force().1 == hits) && left > 0 {
        thread::yield_now();
        left -= 1;
    }
    HIT_ENOUGH.store(1, Ordering::Relaxed);
    let force = storm.force();
    check!(handle.join().is_ok());
    check!(force.0 >= gusts + 20);
    check!(force.1 > hits);
    Ok(())
}

static HIT_ENOUGH: AtomicU32 = AtomicU32::new(0);
