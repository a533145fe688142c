//! Pools: jobs and their results, helping while waiting, loops; ends of all kinds; children of
//! `fork`.

#![no_std]
#![no_main]

mod ends;
mod forked;
mod lost;

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use ends::*;
use forked::*;
use lost::*;
use suite::gate::Gate;
use suite::{Verdict, check, check_eq};
use threadbare::sync::Mutex;
use threadbare::thread::pool::{Builder, JobError, Memory, StaticMemory};
use threadbare::thread::{self, Pool, SpawnError};
use threadbare::time::Duration;

suite::area! { 55:
    results_come_back,
    jobs_are_begun_in_order,
    full_queue_gives_the_closure_back,
    large_and_aligned_closures_fit_or_are_refused,
    pool_without_threads_is_run_by_waiters,
    scopes_nest_in_one_thread,
    scope_runs_on_when_the_queue_is_full,
    scope_wakes_who_waits_for_it,
    waiter_runs_no_strangers_job,
    jobs_spawn_jobs,
    jobs_wait_for_all_at_once,
    pool_serves_many_threads,
    workers_have_numbers_of_their_own,
    loops_take_every_turn_once,
    loops_nest,
    chunks_are_pieces_of_the_slice,
    join_splits_work,
    threads_share_a_handle,
    dropped_pool_finishes_its_jobs,
    closed_pool_goes_on_with_loops,
    threads_that_cannot_be_started_leave_nothing,
    growth_that_fails_leaves_the_others,
    job_that_exits_is_an_error_and_its_thread_replaced,
    job_that_panics_is_an_error,
    scope_whose_job_exits_panics,
    loop_whose_turn_exits_panics,
    exit_in_a_scope_forgets_what_nobody_has_begun,
    exit_in_a_builder_loses_no_worker,
    exit_waits_for_threads_that_its_jobs_start,
    exit_tells_threads_of_its_own_scope,
    exit_after_a_wait_for_all_leaves_the_next_one_right,
    exit_within_a_wait_for_all_holds_up_no_other,
    exit_in_a_pools_owner_ends_the_pool,
    exit_in_a_builder_ends_the_pool,
    exit_in_a_destructor_is_no_jobs_end,
    pool_is_not_ended_by_a_destructor_of_its_thread,
    pool_grows_and_shrinks,
    storm_loses_no_job,
    what_nobody_takes_is_dropped_once,
    bad_input_is_refused_or_taken_for_what_it_means,
    pool_is_closed_in_a_child_of_fork,
    scope_of_a_pool_that_only_the_parent_can_end,
    worker_that_forks_ends_in_the_child,
}

/// Runs `f` with a pool of so many threads, with small stacks.
fn with<R>(threads: usize, f: impl FnOnce(&Pool) -> R) -> Result<R, SpawnError> {
    let mut memory = Memory::<8>::new();
    small().threads(threads).run_in(&mut memory, f)
}

fn small() -> Builder {
    Pool::builder().stack_size(64 << 10)
}

fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        thread::yield_now();
    }
}

fn results_come_back() -> Verdict {
    static MEMORY: StaticMemory<16, 32> = StaticMemory::new();
    let Some(memory) = MEMORY.take() else {
        check!("nobody else" == "takes it");
        return Ok(());
    };
    let started = small().threads(2).start_in(memory);
    check!(started.is_ok());
    let Ok(pool) = started else { return Ok(()) };
    check_eq!(pool.thread_count(), 2);
    for round in 0..20u64 {
        let jobs = [0u64; 16].map(|_| pool.spawn(move || round * 3));
        for job in jobs {
            check!(job.is_ok_and(|job| job.join() == Ok(round * 3)));
        }
    }
    // By another thread, for certain.
    let main = thread::current().id();
    let job = pool.spawn(move || thread::current().id() != main);
    check!(job.is_ok_and(|job| {
        job.wait();
        job.is_finished() && job.join() == Ok(true)
    }));
    pool.shutdown();
    Ok(())
}

fn jobs_are_begun_in_order() -> Verdict {
    static ORDER: AtomicU32 = AtomicU32::new(0);
    let ran = with(1, |pool| {
        let gate = Gate::new();
        pool.scope(|scope| {
            scope.spawn(|| gate.wait());
            let jobs = [1, 2, 3, 4, 5].map(|n| {
                let append = move |old| Some(old * 10 + n);
                pool.spawn(move || ORDER.fetch_update(Ordering::Relaxed, Ordering::Relaxed, append))
            });
            until(|| pool.queued_count() == 5);
            gate.open();
            // By the one thread that there is: nobody helps.
            jobs.into_iter().flatten().for_each(|job| job.wait());
        });
    });
    check_eq!(ran, Ok(()));
    check_eq!(ORDER.load(Ordering::Relaxed), 12345);
    Ok(())
}

fn full_queue_gives_the_closure_back() -> Verdict {
    let ran = with(0, |pool| {
        let jobs = [(); 8].map(|()| pool.spawn(|| 1).ok());
        let refused = pool.spawn(|| 5).map(drop);
        let back = refused.map_err(|refused| (refused.error, (refused.closure)()));
        let sum: u32 = jobs
            .into_iter()
            .flatten()
            .map(|job| job.join().unwrap())
            .sum();
        // All slots are free again.
        (back, sum, [(); 8].map(|()| pool.spawn(|| 1).is_ok()))
    });
    check_eq!(ran, Ok((Err((JobError::QueueFull, 5)), 8, [true; 8])));
    Ok(())
}

fn large_and_aligned_closures_fit_or_are_refused() -> Verdict {
    #[repr(align(64))]
    struct Aligned(u8);
    let mut memory = Memory::<2, 112>::new();
    let ran = small().threads(1).run_in(&mut memory, |pool| {
        let full = [3u8; 112];
        let full = pool
            .spawn(move || full)
            .map(|job| job.join() == Ok([3; 112]));
        let aligned = Aligned(9);
        let aligned = pool.spawn(move || {
            let aligned = aligned;
            ((&raw const aligned).addr() % 64 == 0, aligned.0)
        });
        let result = pool
            .spawn(|| Aligned(7))
            .map(|job| job.join().map(|it| it.0));
        let large = pool.spawn(|| [0u8; 113]).map(drop);
        (
            full.is_ok_and(|is_right| is_right),
            aligned.is_ok_and(|job| job.join() == Ok((true, 9))),
            result.is_ok_and(|it| it == Ok(7)),
            large.map_err(|refused| refused.error),
        )
    });
    let error = JobError::TooLarge {
        bytes: 113,
        bytes_max: 112,
    };
    check_eq!(ran, Ok((true, true, true, Err(error))));
    Ok(())
}

fn pool_without_threads_is_run_by_waiters() -> Verdict {
    let ran = with(0, |pool| {
        let first = pool.spawn(|| 1).unwrap();
        let second = pool.spawn(|| 2).unwrap();
        // Not in order: who waits for one runs that one.
        let second = second.join();
        let (a, b) = pool.join(|| 3, || 4);
        let mut all = [0; 5];
        pool.chunks_mut(&mut all, 2, |number, piece| piece.fill(number));
        let scoped = pool.scope(|scope| {
            scope.spawn(|| ());
            scope.spawn(|| 5).join()
        });
        pool.spawn(|| ()).map(drop).unwrap();
        pool.wait_and_help();
        let is_empty = pool.queued_count() == 0;
        (first.join(), second, a, b, all, scoped, is_empty)
    });
    check_eq!(ran, Ok((Ok(1), Ok(2), 3, 4, [0, 0, 1, 1, 2], Ok(5), true)));
    Ok(())
}

fn nest(pool: &Pool, depth: u32, leaves: &AtomicU32) {
    if depth == 0 {
        leaves.fetch_add(1, Ordering::Relaxed);
        return;
    }
    pool.scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| nest(pool, depth - 1, leaves));
        }
    });
}

fn scopes_nest_in_one_thread() -> Verdict {
    for threads in [1, 2] {
        let leaves = AtomicU32::new(0);
        check_eq!(with(threads, |pool| nest(pool, 5, &leaves)), Ok(()));
        check_eq!(leaves.load(Ordering::Relaxed), 32);
    }
    Ok(())
}

fn scope_runs_on_when_the_queue_is_full() -> Verdict {
    let sum = AtomicU32::new(0);
    let ran = with(1, |pool| {
        pool.scope(|scope| {
            let jobs = [(); 40].map(|()| scope.spawn(|| sum.fetch_add(1, Ordering::Relaxed)));
            jobs.map(|job| job.join().is_ok())
        })
    });
    check_eq!(ran, Ok([true; 40]));
    check_eq!(sum.into_inner(), 40);
    Ok(())
}

/// A job of the scope runs in a thread that is none of the pool's, and gives the scope another one,
/// while the scope's owner sleeps and there is nobody else.
fn scope_wakes_who_waits_for_it() -> Verdict {
    let (is_begun, owner) = (AtomicBool::new(false), thread::current().id());
    let by_owner = AtomicBool::new(false);
    let ran = with(0, |pool| {
        thread::scope(|threads| {
            pool.scope(|scope| {
                let first = scope.spawn(|| {
                    is_begun.store(true, Ordering::Release);
                    // Long enough for the owner to sleep, mostly.
                    thread::sleep(Duration::from_millis(2));
                    let second = scope.spawn(|| {
                        by_owner.store(thread::current().id() == owner, Ordering::Relaxed);
                    });
                    second.wait();
                });
                threads.spawn(|| while !is_begun.load(Ordering::Acquire) && !pool.run_one() {});
                until(|| is_begun.load(Ordering::Acquire));
                drop(first);
            });
        });
    });
    check_eq!(ran, Ok(()));
    check!(by_owner.into_inner());
    Ok(())
}

/// A lock that is held while a scope is waited for cannot be asked for by the same thread.
fn waiter_runs_no_strangers_job() -> Verdict {
    static LOCK: Mutex<u32> = Mutex::new(0);
    let ran = with(0, |pool| {
        let strange = pool.spawn(|| *LOCK.lock().unwrap() += 1).unwrap();
        let held = LOCK.lock().unwrap();
        let own = pool.scope(|scope| {
            scope.spawn(|| pool.join(|| 1, || 2));
            scope.spawn(|| 3).join()
        });
        pool.for_each(0..10, |_| ());
        let is_left = !strange.is_finished() && pool.queued_count() == 1;
        drop(held);
        (own, is_left, strange.join(), *LOCK.lock().unwrap())
    });
    check_eq!(ran, Ok((Ok(3), true, Ok(()), 1)));
    Ok(())
}

fn jobs_spawn_jobs() -> Verdict {
    let count = AtomicU32::new(0);
    let ran = with(2, |pool| {
        pool.scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..4 {
                        scope.spawn(|| count.fetch_add(1, Ordering::Relaxed));
                    }
                });
            }
        });
    });
    check_eq!(ran, Ok(()));
    check_eq!(count.into_inner(), 16);
    Ok(())
}

fn jobs_wait_for_all_at_once() -> Verdict {
    let (done, seen) = (AtomicU32::new(0), AtomicU32::new(0));
    let ran = with(2, |pool| {
        pool.scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| done.fetch_add(1, Ordering::Relaxed));
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    pool.wait_and_help();
                    seen.fetch_add(done.load(Ordering::Relaxed), Ordering::Relaxed);
                });
            }
            pool.wait_and_help();
            done.load(Ordering::Relaxed)
        })
    });
    check_eq!(ran, Ok(6));
    check_eq!(seen.into_inner(), 12);
    Ok(())
}

fn pool_serves_many_threads() -> Verdict {
    let sum = AtomicU32::new(0);
    let ran = with(2, |pool| {
        thread::scope(|threads| {
            for number in 0..3 {
                let sum = &sum;
                threads.spawn(move || {
                    for turn in 0..20u32 {
                        if number == 0 {
                            pool.for_each(0..4, |n| {
                                sum.fetch_add(n as u32, Ordering::Relaxed);
                            });
                        } else if let Ok(job) = pool.spawn(move || turn % 2) {
                            sum.fetch_add(job.join().unwrap_or(100), Ordering::Relaxed);
                        }
                    }
                });
            }
        });
    });
    check_eq!(ran, Ok(()));
    check_eq!(sum.into_inner(), 20 * 6 + 2 * 10);
    Ok(())
}

fn workers_have_numbers_of_their_own() -> Verdict {
    let ran = with(3, |pool| {
        let (all_there, numbers) = (threadbare::sync::Barrier::new(3), AtomicU32::new(0));
        pool.scope(|scope| {
            let jobs = [(); 3].map(|()| {
                scope.spawn(|| {
                    all_there.wait();
                    if let Some(index) = pool.worker_index() {
                        numbers.fetch_or(1 << index, Ordering::Relaxed);
                    }
                })
            });
            jobs.iter().for_each(|job| job.wait());
        });
        (numbers.into_inner(), pool.worker_index())
    });
    check_eq!(ran, Ok((0b111, None)));
    Ok(())
}

fn loops_take_every_turn_once() -> Verdict {
    const COUNT: usize = 300;
    static TURNS: [AtomicU32; COUNT] = [const { AtomicU32::new(0) }; COUNT];
    let ran = with(2, |pool| {
        for count in [0, 1, 2, 7, COUNT] {
            pool.for_each(0..count, |n| {
                TURNS[n].fetch_add(1, Ordering::Relaxed);
            });
            let is_right = |n: usize| TURNS[n].swap(0, Ordering::Relaxed) == u32::from(n < count);
            if !(0..COUNT).all(is_right) {
                return count;
            }
        }
        // At the end of all numbers, and backwards.
        let sum = AtomicUsize::new(0);
        pool.for_each(usize::MAX - 9..usize::MAX, |n| {
            sum.fetch_add(usize::MAX - n, Ordering::Relaxed);
        });
        #[allow(clippy::reversed_empty_ranges, reason = "that is the test")]
        pool.for_each(5..3, |_| {
            sum.fetch_add(1000, Ordering::Relaxed);
        });
        sum.into_inner()
    });
    check_eq!(ran, Ok(45));
    Ok(())
}

fn loops_nest() -> Verdict {
    let sum = AtomicUsize::new(0);
    let ran = with(2, |pool| {
        pool.for_each(0..6, |outer| {
            pool.for_each(0..10, |inner| {
                sum.fetch_add(outer * inner, Ordering::Relaxed);
            });
        });
    });
    check_eq!(ran, Ok(()));
    check_eq!(sum.into_inner(), 15 * 45);
    Ok(())
}

fn chunks_are_pieces_of_the_slice() -> Verdict {
    let mut numbers = [1u32; 50];
    let lengths = [const { AtomicUsize::new(0) }; 4];
    let ran = with(2, |pool| {
        pool.chunks(&numbers, 15, |index, piece| {
            lengths[index].store(piece.len(), Ordering::Relaxed);
        });
        pool.chunks(&[0; 0], 1, |_, _| lengths[0].store(99, Ordering::Relaxed));
        pool.chunks_mut(&mut numbers, usize::MAX, |index, piece| {
            piece.iter_mut().for_each(|n| *n += 1 + index as u32);
        });
        pool.chunks_mut(&mut numbers, 7, |index, piece| {
            piece[0] = 100 + index as u32
        });
    });
    check_eq!(ran, Ok(()));
    check_eq!(lengths.map(AtomicUsize::into_inner), [15, 15, 15, 5]);
    check_eq!((numbers[0], numbers[1], numbers[49]), (100, 2, 107));
    Ok(())
}

fn fibonacci(pool: &Pool, n: u32) -> u32 {
    if n < 2 {
        return n;
    }
    let (a, b) = pool.join(|| fibonacci(pool, n - 1), || fibonacci(pool, n - 2));
    a + b
}

fn join_splits_work() -> Verdict {
    check_eq!(with(2, |pool| fibonacci(pool, 11)), Ok(89));
    Ok(())
}

/// Who waits does not take the result: more than one may.
fn threads_share_a_handle() -> Verdict {
    let (gate, waiting) = (Gate::new(), AtomicU32::new(0));
    let ran = with(1, |pool| {
        pool.scope(|scope| {
            let job = scope.spawn(|| gate.wait());
            thread::scope(|threads| {
                for _ in 0..2 {
                    threads.spawn(|| {
                        waiting.fetch_add(1, Ordering::Relaxed);
                        job.wait();
                    });
                }
                until(|| waiting.load(Ordering::Relaxed) == 2);
                // Long enough for both to sleep, mostly.
                thread::sleep(Duration::from_millis(2));
                gate.open();
            });
            job.is_finished()
        })
    });
    check_eq!(ran, Ok(true));
    Ok(())
}
