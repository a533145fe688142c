//! Threads that borrow: what a scope promises about its end.

#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering};

use suite::kernel::mapping_count;
use suite::{Verdict, check, check_eq};
use threadbare::Errno;
use threadbare::seam::arch::nr;
use threadbare::seam::sys::task;
use threadbare::seam::{self, thread_counts};
use threadbare::thread::{self, Builder, CacheLimits, SpawnError};

suite::area! { 38:
    threads_borrow_and_change_what_they_borrowed,
    results_may_borrow,
    handles_that_are_dropped_are_waited_for,
    handles_that_are_forgotten_are_waited_for,
    threads_are_gone_from_the_kernel_at_the_end,
    thread_locals_are_destroyed_before_the_end,
    results_nobody_takes_are_dropped_before_the_end,
    a_result_that_spawns_when_dropped_is_waited_for,
    threads_spawn_into_their_scope,
    one_thread_joins_another_while_the_scope_ends,
    scopes_nest,
    sixty_four_threads_at_once,
    many_threads_in_turn_leave_their_memory,
    a_refused_thread_leaves_nothing,
    results_may_have_handles_in_them,
    a_result_may_join_another,
    memory_is_made_out_of_threads_that_are_gone,
    names_and_sizes_reach_scoped_threads,
}

/// As many as are started one after the other; an emulator takes its time.
fn threads() -> u32 {
    let asked = threadbare::env::var("SUITE_THREADS").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(2_000)
}

fn threads_borrow_and_change_what_they_borrowed() -> Verdict {
    let mut numbers = [1u32, 2, 3, 4];
    let text = [b'x'; 100];
    let (low, high) = numbers.split_at_mut(2);
    let sum = thread::scope(|scope| {
        scope.spawn(|| low.iter_mut().for_each(|number| *number *= 10));
        let high = scope.spawn(|| {
            high[0] = 7;
            text.len() as u32
        });
        high.join()
    });
    check_eq!(sum, Ok(100));
    check_eq!(numbers, [10, 20, 7, 4]);
    Ok(())
}

fn results_may_borrow() -> Verdict {
    let text = [1u8, 2, 3];
    let second = thread::scope(|scope| scope.spawn(|| &text[1]).join());
    check_eq!(second, Ok(&2));
    Ok(())
}

fn nap() {
    for _ in 0..200 {
        thread::yield_now();
    }
}

fn handles_that_are_dropped_are_waited_for() -> Verdict {
    for round in 0..50 {
        let done = AtomicU32::new(0);
        thread::scope(|scope| {
            for number in 0..4 {
                let done = &done;
                let handle = scope.spawn(move || {
                    if (number + round) % 2 == 0 {
                        nap();
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                });
                if number % 2 == 0 {
                    nap();
                }
                drop(handle);
            }
        });
        check_eq!(done.into_inner(), 4);
    }
    Ok(())
}

fn handles_that_are_forgotten_are_waited_for() -> Verdict {
    let before = thread_counts().0;
    let done = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            core::mem::forget(scope.spawn(|| {
                nap();
                done.fetch_add(1, Ordering::Relaxed);
            }));
        }
    });
    check_eq!(done.into_inner(), 4);
    // A forgotten handle keeps its reference of the record, and nothing else.
    check!(thread_counts().0 <= before + 8);
    Ok(())
}

fn threads_are_gone_from_the_kernel_at_the_end() -> Verdict {
    for _ in 0..100 {
        let tids = [const { AtomicU32::new(0) }; 4];
        thread::scope(|scope| {
            for tid in &tids {
                scope.spawn(|| tid.store(task::kernel_thread_id(), Ordering::Relaxed));
            }
        });
        for tid in &tids {
            // The kernel clears the word a moment before it forgets the number.
            let mut left = 100_000;
            while task::is_in_this_process(tid.load(Ordering::Relaxed)) && left > 0 {
                thread::yield_now();
                left -= 1;
            }
            check!(left > 0);
        }
    }
    Ok(())
}

static DROPS: AtomicU32 = AtomicU32::new(0);

struct CountsItsEnd;

impl Drop for CountsItsEnd {
    fn drop(&mut self) {
        nap();
        DROPS.fetch_add(1, Ordering::Relaxed);
    }
}

threadbare::thread_local! {
    static LOCAL: CountsItsEnd = const { CountsItsEnd };
}

fn thread_locals_are_destroyed_before_the_end() -> Verdict {
    DROPS.store(0, Ordering::Relaxed);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| LOCAL.with(|_| ()));
        }
    });
    check_eq!(DROPS.load(Ordering::Relaxed), 3);
    Ok(())
}

fn results_nobody_takes_are_dropped_before_the_end() -> Verdict {
    DROPS.store(0, Ordering::Relaxed);
    thread::scope(|scope| {
        // Dropped before the thread ends, after it, and forgotten.
        drop(scope.spawn(|| {
            nap();
            CountsItsEnd
        }));
        let late = scope.spawn(|| CountsItsEnd);
        while !late.is_finished() {
            thread::yield_now();
        }
        drop(late);
        core::mem::forget(scope.spawn(|| CountsItsEnd));
    });
    check_eq!(DROPS.load(Ordering::Relaxed), 3);
    Ok(())
}

struct SpawnsWhenDropped<'scope, 'env>(&'scope thread::Scope<'scope, 'env>, &'env AtomicU32);

impl Drop for SpawnsWhenDropped<'_, '_> {
    fn drop(&mut self) {
        let done = self.1;
        self.0.spawn(move || {
            nap();
            done.fetch_add(1, Ordering::Relaxed)
        });
    }
}

fn a_result_that_spawns_when_dropped_is_waited_for() -> Verdict {
    let done = AtomicU32::new(0);
    thread::scope(|scope| {
        core::mem::forget(scope.spawn(|| SpawnsWhenDropped(scope, &done)));
        drop(scope.spawn(|| SpawnsWhenDropped(scope, &done)));
    });
    check_eq!(done.into_inner(), 2);
    Ok(())
}

fn threads_spawn_into_their_scope() -> Verdict {
    let done = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        nap();
                        done.fetch_add(1, Ordering::Relaxed);
                    });
                }
            });
        }
    });
    check_eq!(done.into_inner(), 9);
    Ok(())
}

fn one_thread_joins_another_while_the_scope_ends() -> Verdict {
    for round in 0..100u32 {
        let joined = AtomicU32::new(0);
        thread::scope(|scope| {
            let first = scope.spawn(move || {
                for _ in 0..round {
                    thread::yield_now();
                }
                round
            });
            let second = scope.spawn(|| first.join());
            let third = scope.spawn(|| second.join());
            scope.spawn(|| {
                if third.join() == Ok(Ok(Ok(round))) {
                    joined.store(1, Ordering::Relaxed);
                }
            });
        });
        check_eq!(joined.into_inner(), 1);
    }
    Ok(())
}

fn scopes_nest() -> Verdict {
    let outer = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut inner = 0u32;
            thread::scope(|scope| {
                scope.spawn(|| inner += 5);
            });
            outer.store(inner, Ordering::Relaxed);
        });
    });
    check_eq!(outer.into_inner(), 5);
    Ok(())
}

fn sixty_four_threads_at_once() -> Verdict {
    let arrived = AtomicU32::new(0);
    let sum = thread::scope(|scope| {
        let handles = [const { None }; 64].map(|_: Option<()>| {
            Builder::new().stack_size(0).spawn_scoped(scope, || {
                arrived.fetch_add(1, Ordering::AcqRel);
                // All of them at once.
                while arrived.load(Ordering::Acquire) < 64 {
                    thread::yield_now();
                }
                1u32
            })
        });
        let joined = handles.map(|handle| handle.ok().and_then(|handle| handle.join().ok()));
        joined.iter().flatten().sum::<u32>()
    });
    check_eq!(sum, 64);
    Ok(())
}

fn many_threads_in_turn_leave_their_memory() -> Verdict {
    thread::set_cache_limits(CacheLimits::OFF);
    // What the first thread needs stays.
    check!(thread::spawn(|| ()).join().is_ok());
    let before = mapping_count();
    check!(before > 0);
    let done = AtomicU32::new(0);
    let most = thread::scope(|scope| {
        let mut most = 0;
        for number in 0..threads() {
            let spawned = Builder::new().stack_size(0).spawn_scoped(scope, || {
                done.fetch_add(1, Ordering::Relaxed);
            });
            if spawned.is_err() {
                return usize::MAX;
            }
            // Bounded, so that a slow machine does not hold hundreds of stacks at once.
            while number.saturating_sub(done.load(Ordering::Relaxed)) > 8 {
                thread::yield_now();
            }
            if number % 100 == 0 {
                most = most.max(mapping_count());
            }
        }
        most
    });
    check_eq!(done.into_inner(), threads());
    // Two lines for each that was not yet swept.
    check!(most <= before + 2 * 100);
    let after = mapping_count();
    thread::set_cache_limits(CacheLimits::DEFAULT);
    check!(after <= before + seam::record_page_count());
    Ok(())
}

fn a_refused_thread_leaves_nothing() -> Verdict {
    thread::set_cache_limits(CacheLimits::OFF);
    DROPS.store(0, Ordering::Relaxed);
    let before = (mapping_count(), thread_counts());
    let borrowed = 5;
    let error = thread::scope(|scope| {
        let captured = CountsItsEnd;
        seam::order(nr::CLONE, 0, 1, Errno::AGAIN);
        let refused = Builder::new().spawn_scoped(scope, || {
            let _captured = captured;
            borrowed
        });
        seam::end();
        refused.err()
    });
    let after = (mapping_count(), thread_counts());
    thread::set_cache_limits(CacheLimits::DEFAULT);
    check_eq!(error, Some(SpawnError::ThreadQuotaExceeded));
    check_eq!(DROPS.load(Ordering::Relaxed), 1);
    check_eq!(after, before);
    Ok(())
}

fn results_may_have_handles_in_them() -> Verdict {
    thread::set_cache_limits(CacheLimits::OFF);
    for _ in 0..20 {
        thread::scope(|scope| {
            core::mem::forget(scope.spawn(move || {
                // So that this thread is in the list before the other.
                nap();
                scope.spawn(|| ())
            }));
        });
    }
    thread::set_cache_limits(CacheLimits::DEFAULT);
    Ok(())
}

struct JoinsWhenDropped<'scope>(Option<thread::ScopedJoinHandle<'scope, CountsItsEnd>>);

impl Drop for JoinsWhenDropped<'_> {
    fn drop(&mut self) {
        drop(self.0.take().map(|handle| handle.join()));
    }
}

fn a_result_may_join_another() -> Verdict {
    DROPS.store(0, Ordering::Relaxed);
    for _ in 0..20 {
        thread::scope(|scope| {
            core::mem::forget(scope.spawn(move || {
                nap();
                JoinsWhenDropped(Some(scope.spawn(|| CountsItsEnd)))
            }));
        });
    }
    check_eq!(DROPS.load(Ordering::Relaxed), 20);
    Ok(())
}

/// When there is no memory for a thread, that of the scope's threads that are gone serves.
fn memory_is_made_out_of_threads_that_are_gone() -> Verdict {
    thread::set_cache_limits(CacheLimits::OFF);
    let verdict = thread::scope(|scope| {
        drop(scope.spawn(|| ()));
        let kept = scope.spawn(|| ());
        while !kept.is_finished() {
            thread::yield_now();
        }
        drop(kept);
        // Until the kernel has let go of both.
        for _ in 0..1000 {
            nap();
            seam::order(nr::MMAP, 0, 1, Errno::NOMEM);
            let spawned = Builder::new().spawn_scoped(scope, || 5);
            check_eq!(seam::end(), 1);
            if let Ok(handle) = spawned {
                check_eq!(handle.join(), Ok(5));
                return Ok(());
            }
        }
        check!("memory" == "found");
        Ok(())
    });
    thread::set_cache_limits(CacheLimits::DEFAULT);
    verdict
}

fn names_and_sizes_reach_scoped_threads() -> Verdict {
    let builder = Builder::new().name("scoped").stack_size(300_000);
    let found = thread::scope(|scope| {
        let handle = builder.spawn_scoped(scope, || {
            let is_named = thread::current().name() == Some("scoped");
            (is_named, thread::stack().size())
        });
        handle.map(|handle| (handle.thread().clone(), handle.join()))
    });
    let Ok((kept, Ok((is_named, bytes)))) = found else {
        check!("a thread" == "started");
        return Ok(());
    };
    check!(is_named && bytes >= 300_000);
    check_eq!(kept.name(), Some("scoped"));
    Ok(())
}
