//! Growth, what ends jobs, threads and pools, what cannot be started, a storm.

extern crate alloc;

use alloc::sync::Arc;
use core::cell::RefCell;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use suite::child::{self, End};
use suite::gate::Gate;
use suite::{Verdict, capture, check, check_eq, kernel, limits};
use threadbare::seam::arch::nr;
use threadbare::seam::{self, thread_counts};
use threadbare::sync::OnceLock;
use threadbare::thread::pool::{Builder, JobError, Memory, StaticMemory};
use threadbare::thread::{self, PanicPolicy, Pool, SpawnError};
use threadbare::time::Duration;
use threadbare::{Errno, process};

use super::{small, until, with};

/// Counts how often it is dropped.
struct Counted<'a>(&'a AtomicU32);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

pub fn dropped_pool_finishes_its_jobs() -> Verdict {
    static RAN: AtomicU32 = AtomicU32::new(0);
    let counts = thread_counts();
    for threads in [0, 1, 2] {
        RAN.store(0, Ordering::Relaxed);
        let ran = with(threads, |pool| {
            for _ in 0..8 {
                let job = pool.spawn(|| {
                    thread::yield_now();
                    RAN.fetch_add(1, Ordering::Relaxed);
                });
                job.map(drop).unwrap();
            }
        });
        check_eq!(ran, Ok(()));
        check_eq!(RAN.load(Ordering::Relaxed), 8);
    }
    // Every thread's memory is in the cache.
    let now = thread_counts();
    check_eq!(now.0 - now.1, counts.0 - counts.1);
    Ok(())
}

pub fn closed_pool_goes_on_with_loops() -> Verdict {
    let ran = with(2, |pool| {
        let last = pool.spawn(|| 1).unwrap();
        pool.close();
        let refused = pool.spawn(|| 2).map(drop).map_err(|refused| refused.error);
        let sum = AtomicUsize::new(0);
        pool.for_each(0..10, |n| {
            sum.fetch_add(n, Ordering::Relaxed);
        });
        let scoped = pool.scope(|scope| scope.spawn(|| 3).join());
        (
            last.join(),
            refused,
            sum.into_inner(),
            scoped,
            pool.join(|| 4, || 5),
        )
    });
    check_eq!(ran, Ok((Ok(1), Err(JobError::Closed), 45, Ok(3), (4, 5))));
    Ok(())
}

pub fn threads_that_cannot_be_started_leave_nothing() -> Verdict {
    let counts = thread_counts();
    for nth in 0..3 {
        seam::order(nr::CLONE, nth, 1, Errno::AGAIN);
        let ran = with(3, |_| ());
        seam::end();
        check_eq!(ran, Err(SpawnError::ThreadQuotaExceeded));
        let now = thread_counts();
        check_eq!(now.0 - now.1, counts.0 - counts.1);
    }
    Ok(())
}

pub fn growth_that_fails_leaves_the_others() -> Verdict {
    let mut memory = Memory::<8>::new();
    let ran = small().threads(1).grow_to(4).run_in(&mut memory, |pool| {
        seam::order(nr::CLONE, 0, u32::MAX, Errno::AGAIN);
        let sum = pool.scope(|scope| {
            let jobs = [1, 2, 3].map(|n| scope.spawn(move || n));
            jobs.into_iter()
                .map(|job| job.join().unwrap_or(100))
                .sum::<u32>()
        });
        pool.for_each(0..10, |_| ());
        let threads = pool.thread_count();
        seam::end();
        (sum, threads)
    });
    check_eq!(ran, Ok((6, 1)));
    Ok(())
}

pub fn job_that_exits_is_an_error_and_its_thread_replaced() -> Verdict {
    let ran = with(1, |pool| {
        let exited = pool.spawn(|| thread::exit()).unwrap();
        exited.wait();
        let exited = exited.join().map_err(|error| error.is_panic());
        // Another thread has the same number.
        let next = pool.spawn(|| 7).unwrap();
        next.wait();
        let index = pool.scope(|scope| {
            let index = scope.spawn(|| pool.worker_index());
            index.wait();
            index.join()
        });
        (exited, next.join(), index, pool.thread_count())
    });
    check_eq!(ran, Ok((Err(false), Ok(7), Ok(Some(0)), 1)));
    Ok(())
}

pub fn job_that_panics_is_an_error() -> Verdict {
    let captured = capture::run(|| {
        thread::set_panic_policy(PanicPolicy::EndThread);
        let ran = with(1, |pool| {
            let job = pool.spawn(|| -> u32 { panic!("no result") }).unwrap();
            job.wait();
            let joined = job.join().map_err(|error| error.is_panic());
            joined
        });
        process::exit(if ran == Ok(Err(true)) { 3 } else { 4 });
    });
    check_eq!(captured.end, End::Exit(3));
    check!(captured.stderr.has_line("no result"));
    Ok(())
}

pub fn exit_in_a_scope_forgets_what_nobody_has_begun() -> Verdict {
    static MEMORY: StaticMemory<8> = StaticMemory::new();
    static POOL: OnceLock<Pool> = OnceLock::new();
    static DROPPED: AtomicU32 = AtomicU32::new(0);
    let Some(Ok(pool)) = MEMORY
        .take()
        .map(|memory| small().threads(0).start_in(memory))
    else {
        check!("nobody else" == "takes it");
        return Ok(());
    };
    let pool = POOL.get_or_init(|| pool);
    let owner = thread::spawn(|| {
        pool.scope(|scope| {
            for _ in 0..8 {
                let own = Counted(&DROPPED);
                scope.spawn(move || drop(own));
            }
            thread::exit()
        })
    });
    check!(owner.join().is_err());
    check_eq!(DROPPED.load(Ordering::Relaxed), 0);
    check_eq!([(); 8].map(|()| pool.spawn(|| ()).is_ok()), [true; 8]);
    Ok(())
}

pub fn exit_in_a_pools_owner_ends_the_pool() -> Verdict {
    static FINISHED: AtomicU32 = AtomicU32::new(0);
    let counts = thread_counts();
    let owner = thread::spawn(|| {
        let worked = AtomicBool::new(false);
        with(2, |pool| {
            pool.scope(|scope| {
                scope.spawn(|| {
                    worked.store(true, Ordering::Release);
                    thread::sleep(Duration::from_millis(2));
                    FINISHED.fetch_add(1, Ordering::Relaxed);
                });
                until(|| worked.load(Ordering::Acquire));
                thread::exit()
            })
        })
        .is_ok()
    });
    // The owner has waited for the job, and for the pool's threads. Its own is parked for ever.
    check!(owner.join().is_err());
    check_eq!(FINISHED.load(Ordering::Relaxed), 1);
    let now = thread_counts();
    check_eq!(now.0 - now.1, counts.0 - counts.1 + 1);
    Ok(())
}

/// A builder that ends the thread which starts the pool: the threads that there are end first, for
/// the memory is somebody else's.
pub fn exit_in_a_builder_ends_the_pool() -> Verdict {
    let counts = thread_counts();
    let owner = thread::spawn(|| {
        let builder = small().threads(2).thread_builder(|index| {
            if index == 1 {
                thread::exit();
            }
            thread::Builder::new()
        });
        let mut memory = Memory::<1>::new();
        builder.run_in(&mut memory, |_| ()).is_ok()
    });
    check!(owner.join().is_err());
    // The owner's own is parked for ever.
    let now = thread_counts();
    check_eq!(now.0 - now.1, counts.0 - counts.1 + 1);
    Ok(())
}

/// A worker that has left the pool, and ends in a thread-local's destructor, is not replaced.
pub fn exit_in_a_destructor_is_no_jobs_end() -> Verdict {
    static ENDED: AtomicU32 = AtomicU32::new(0);
    struct Ends;
    impl Drop for Ends {
        fn drop(&mut self) {
            ENDED.fetch_add(1, Ordering::Relaxed);
            thread::exit();
        }
    }
    threadbare::thread_local! {
        static OWN: Ends = const { Ends };
    }
    let ran = with(2, |pool| {
        let job = pool.spawn(|| OWN.with(|_| ())).unwrap();
        job.wait();
        job.join()
    });
    check_eq!(ran, Ok(Ok(())));
    check_eq!(ENDED.load(Ordering::Relaxed), 1);
    Ok(())
}

/// The pool would wait for the thread that ends it.
pub fn pool_is_not_ended_by_a_destructor_of_its_thread() -> Verdict {
    static MEMORY: StaticMemory<4> = StaticMemory::new();
    static IS_LAST: AtomicBool = AtomicBool::new(false);
    struct Holder(RefCell<Option<Arc<Pool>>>);
    impl Drop for Holder {
        fn drop(&mut self) {
            drop(self.0.take());
        }
    }
    threadbare::thread_local! {
        static HELD: Holder = const { Holder(RefCell::new(None)) };
    }
    let captured = capture::run(|| {
        child::no_core_file();
        kernel::limit_seconds(20);
        let Some(Ok(pool)) = MEMORY.take().map(|it| small().threads(1).start_in(it)) else {
            return;
        };
        let pool = Arc::new(pool);
        let own = Arc::clone(&pool);
        let job = pool.spawn(move || {
            until(|| IS_LAST.load(Ordering::Acquire));
            own.close();
            HELD.with(|held| *held.0.borrow_mut() = Some(own));
        });
        job.map(drop).unwrap();
        drop(pool);
        IS_LAST.store(true, Ordering::Release);
        thread::sleep(Duration::MAX);
    });
    check_eq!(captured.end, End::Signal(6));
    check!(
        captured
            .stderr
            .has_line("a pool cannot be ended by its own job or thread")
    );
    Ok(())
}

pub fn pool_grows_and_shrinks() -> Verdict {
    let mut memory = Memory::<8>::new();
    let builder = small().threads(1).grow_to(3);
    let builder = builder.idle_timeout(Duration::from_millis(1));
    let ran = builder.run_in(&mut memory, |pool| {
        let before = pool.thread_count();
        let gate = Gate::new();
        let running = AtomicU32::new(0);
        let most = pool.scope(|scope| {
            for _ in 0..5 {
                scope.spawn(|| {
                    running.fetch_add(1, Ordering::Relaxed);
                    gate.wait();
                });
            }
            // Three of them, and no fourth thread for the others.
            until(|| running.load(Ordering::Relaxed) == 3);
            let most = pool.thread_count();
            gate.open();
            most
        });
        until(|| pool.thread_count() == 1);
        // And again.
        let index = pool.spawn(|| ()).map(|job| job.wait());
        (before, most, index.is_ok())
    });
    check_eq!(ran, Ok((1, 3, true)));
    Ok(())
}

/// Everything at once, from threads of the pool and others.
pub fn storm_loses_no_job() -> Verdict {
    let turns: u32 = match (limits::is_emulated(), cfg!(debug_assertions)) {
        (true, _) => 20,
        (false, true) => 100,
        (false, false) => 300,
    };
    let count = AtomicU32::new(0);
    let add = || {
        count.fetch_add(1, Ordering::Relaxed);
    };
    let mut memory = Memory::<4>::new();
    let builder = small().threads(1).grow_to(3).idle_timeout(Duration::ZERO);
    let ran = builder.run_in(&mut memory, |pool| {
        thread::scope(|threads| {
            for number in 0..3 {
                threads.spawn(move || {
                    for turn in 0..turns {
                        match (turn + number) % 5 {
                            0 => pool.scope(|scope| {
                                let kept = scope.spawn(add);
                                drop(scope.spawn(|| pool.join(add, add)));
                                let _ = kept.join();
                            }),
                            1 => pool.for_each(0..3, |_| add()),
                            2 => {
                                pool.join(add, || pool.scope(|scope| drop(scope.spawn(add))));
                                add();
                            }
                            3 => pool.scope(|scope| {
                                scope.spawn(add);
                                scope.spawn(add).wait();
                                add();
                            }),
                            _ => {
                                pool.scope(|scope| {
                                    for _ in 0..3 {
                                        scope.spawn(add);
                                    }
                                    pool.run_one();
                                });
                            }
                        }
                    }
                });
            }
        });
    });
    check_eq!(ran, Ok(()));
    check_eq!(count.into_inner(), 3 * turns * 3);
    Ok(())
}

pub fn what_nobody_takes_is_dropped_once() -> Verdict {
    let (closures, results) = (&AtomicU32::new(0), &AtomicU32::new(0));
    let ran = with(1, |pool| {
        pool.scope(|scope| {
            for turn in 0..40 {
                let own = Counted(closures);
                let job = scope.spawn(move || {
                    let _own = own;
                    Counted(results)
                });
                match turn % 4 {
                    0 => drop(job),
                    1 => drop(job.join()),
                    // Before or after it was begun.
                    2 => drop(job.cancel()),
                    _ => {
                        until(|| job.is_finished());
                        drop(job);
                    }
                }
            }
        });
        pool.queued_count()
    });
    check_eq!(ran, Ok(0));
    check_eq!(closures.load(Ordering::Relaxed), 40);
    let results = results.load(Ordering::Relaxed);
    check!((30..=40).contains(&results));
    // What was cancelled did not run.
    let dropped = &AtomicU32::new(0);
    let ran = with(0, |pool| {
        pool.scope(|scope| {
            let own = Counted(dropped);
            let job = scope.spawn(move || drop(own));
            job.cancel().is_ok() && dropped.load(Ordering::Relaxed) == 1
        })
    });
    check_eq!(ran, Ok(true));
    Ok(())
}

/// Numbers, sizes, times and names that cannot be meant, or mean more than there is.
pub fn bad_input_is_refused_or_taken_for_what_it_means() -> Verdict {
    let mut memory = Memory::<2>::new();
    for bytes in [usize::MAX, usize::MAX / 2] {
        let builder = Pool::builder().threads(2).stack_size(bytes);
        check_eq!(
            builder.run_in(&mut memory, |_| ()),
            Err(SpawnError::OutOfMemory)
        );
    }
    // As large as it must be.
    let builder = Pool::builder().threads(1).stack_size(0);
    check_eq!(
        builder.run_in(&mut memory, |pool| pool.join(|| 1, || 2)),
        Ok((1, 2))
    );
    for timeout in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let builder = small().threads(0).grow_to(2).idle_timeout(timeout);
        let job = |pool: &Pool| {
            pool.spawn(|| 7).map(|job| {
                job.wait();
                job.join()
            })
        };
        let ran = builder.run_in(&mut memory, |pool| job(pool).ok());
        check_eq!(ran, Ok(Some(Ok(7))));
    }
    let too_many = Pool::THREADS_MAX + 1;
    let refused: [(&str, fn(usize)); 6] = [
        ("a pool has up to 1024 threads", |n| {
            drop(Builder::new().threads(n))
        }),
        ("a pool has up to 1024 threads", |n| {
            drop(Builder::new().grow_to(n))
        }),
        ("a pool has up to 1024 threads", |_| {
            drop(Builder::new().threads(usize::MAX))
        }),
        ("a thread's name must not hold a NUL byte", |_| {
            drop(Builder::new().name("a\0b"))
        }),
        ("a piece has one element at the least", |_| {
            let _ = with(0, |pool| pool.chunks(&[1, 2], 0, |_, _| ()));
        }),
        ("a piece has one element at the least", |_| {
            let _ = with(0, |pool| pool.chunks_mut(&mut [1, 2], 0, |_, _| ()));
        }),
    ];
    for (message, give) in refused {
        let captured = capture::run(|| {
            child::no_core_file();
            give(too_many);
        });
        check!(matches!(captured.end, End::Signal(_)));
        check!(captured.stderr.has_line(message));
    }
    Ok(())
}
