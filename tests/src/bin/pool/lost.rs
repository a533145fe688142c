//! Threads that end without a value in the middle of jobs: who waits for what, and who goes on.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use suite::child::End;
use suite::{Verdict, capture, check, check_eq, kernel};
use threadbare::process;
use threadbare::sync::OnceLock;
use threadbare::thread::pool::{Memory, StaticMemory};
use threadbare::thread::{self, PanicPolicy, Pool};
use threadbare::time::Duration;

use super::{small, until, with};

/// Runs `body` with a pool, in a thread of a child process in which panics end threads; the child
/// leaves with 3 if that thread has panicked and `is_right` says so.
fn panics_with(threads: usize, body: fn(&Pool), is_right: fn() -> bool) -> capture::Captured {
    capture::run(|| {
        thread::set_panic_policy(PanicPolicy::EndThread);
        let joined = thread::spawn(move || with(threads, body).is_ok()).join();
        let has_panicked = joined.is_err_and(|error| error.is_panic());
        process::exit(if has_panicked && is_right() { 3 } else { 4 });
    })
}

/// What a job was lent it may have left half changed: so the scope does not return, whatever has
/// become of the job's handle.
pub fn scope_whose_job_exits_panics() -> Verdict {
    static RETURNED: AtomicBool = AtomicBool::new(false);
    static JOINED: AtomicU32 = AtomicU32::new(0);
    fn by(way: u32, pool: &Pool) {
        pool.scope(|scope| {
            let job = scope.spawn(|| thread::exit());
            job.wait();
            match way {
                0 => JOINED.store(u32::from(job.join().is_err()), Ordering::Relaxed),
                1 => drop(job),
                _ => core::mem::forget(job),
            }
        });
        RETURNED.store(true, Ordering::Relaxed);
    }
    let ways: [fn(&Pool); 3] = [|pool| by(0, pool), |pool| by(1, pool), |pool| by(2, pool)];
    for (way, body) in ways.into_iter().enumerate() {
        let is_right: fn() -> bool = match way {
            0 => || !RETURNED.load(Ordering::Relaxed) && JOINED.load(Ordering::Relaxed) == 1,
            _ => || !RETURNED.load(Ordering::Relaxed),
        };
        let captured = panics_with(1, body, is_right);
        check_eq!(captured.end, End::Exit(3));
        check!(
            captured
                .stderr
                .has_line("a job of the scope ended its thread")
        );
    }
    Ok(())
}

pub fn loop_whose_turn_exits_panics() -> Verdict {
    static RETURNED: AtomicBool = AtomicBool::new(false);
    let body: fn(&Pool) = |pool| {
        let owner = thread::current().id();
        let is_over = AtomicBool::new(false);
        // One turn each.
        pool.for_each(0..2, |_| {
            if thread::current().id() != owner {
                is_over.store(true, Ordering::Release);
                thread::exit();
            }
            until(|| is_over.load(Ordering::Acquire));
        });
        RETURNED.store(true, Ordering::Relaxed);
    };
    let captured = panics_with(1, body, || !RETURNED.load(Ordering::Relaxed));
    check_eq!(captured.end, End::Exit(3));
    check!(
        captured
            .stderr
            .has_line("a part of the loop ended its thread")
    );
    Ok(())
}

/// A worker that ended is replaced, and the builder of the other one ends its thread once more: it
/// is not counted, so that the next job starts one.
pub fn exit_in_a_builder_loses_no_worker() -> Verdict {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let captured = capture::run(|| {
        kernel::limit_seconds(20);
        let builder = small().threads(1).thread_builder(|_| {
            if CALLS.fetch_add(1, Ordering::Relaxed) == 1 {
                thread::exit();
            }
            thread::Builder::new()
        });
        let mut memory = Memory::<4>::new();
        let ran = builder.run_in(&mut memory, |pool| {
            pool.spawn(|| thread::exit()).map(drop).unwrap();
            until(|| pool.thread_count() == 0);
            let job = pool.spawn(|| 7).unwrap();
            job.wait();
            job.join()
        });
        process::exit(if ran == Ok(Ok(7)) { 3 } else { 4 });
    });
    check_eq!(captured.end, End::Exit(3));
    Ok(())
}

/// A job of a group starts a thread in a scope around the group when the group's owner is on its
/// way out: the job in which the owner ends is not over before that thread.
pub fn exit_waits_for_threads_that_its_jobs_start() -> Verdict {
    static IS_BEGUN: AtomicBool = AtomicBool::new(false);
    static IS_OVER: AtomicBool = AtomicBool::new(false);
    static WAS_OVER: AtomicBool = AtomicBool::new(false);
    let body: fn(&Pool) = |pool| {
        let data = [7; 16];
        pool.scope(|outer| {
            let job = outer.spawn(|| {
                thread::scope(|threads| {
                    pool.scope(|inner| {
                        inner.spawn(|| {
                            IS_BEGUN.store(true, Ordering::Release);
                            // Long enough for the owner to have waited for nobody, if it does.
                            thread::sleep(Duration::from_millis(5));
                            threads.spawn(|| {
                                thread::sleep(Duration::from_millis(5));
                                IS_OVER.store(data[3] == 7, Ordering::Release);
                            });
                        });
                        until(|| IS_BEGUN.load(Ordering::Acquire));
                        thread::exit()
                    });
                });
            });
            job.wait();
            WAS_OVER.store(IS_OVER.load(Ordering::Acquire), Ordering::Relaxed);
        });
    };
    let captured = panics_with(2, body, || WAS_OVER.load(Ordering::Relaxed));
    check_eq!(captured.end, End::Exit(3));
    Ok(())
}

/// A wait until all is done is over, and then the job that has waited ends its thread, within
/// another such wait: nothing is taken back that was over.
pub fn exit_after_a_wait_for_all_leaves_the_next_one_right() -> Verdict {
    static MEMORY: StaticMemory<4> = StaticMemory::new();
    static POOL: OnceLock<Pool> = OnceLock::new();
    let captured = capture::run(|| {
        kernel::limit_seconds(20);
        let started = MEMORY.take().map(|it| small().threads(0).start_in(it));
        let Some(Ok(pool)) = started else {
            return;
        };
        let pool = POOL.get_or_init(|| pool);
        let owner = thread::spawn(|| {
            let job = pool.spawn(|| {
                pool.wait_and_help();
                pool.spawn(|| ()).map(drop).unwrap();
                thread::exit()
            });
            job.map(drop).unwrap();
            pool.wait_and_help();
        });
        let has_ended = owner.join().is_err();
        pool.wait_and_help();
        process::exit(if has_ended && pool.queued_count() == 0 {
            3
        } else {
            4
        });
    });
    check_eq!(captured.end, End::Exit(3));
    Ok(())
}

/// A job waits until all is done, as does a thread of its scope; its own thread ends in another job
/// meanwhile, while a third one is still at work.
pub fn exit_within_a_wait_for_all_holds_up_no_other() -> Verdict {
    let captured = capture::run(|| {
        kernel::limit_seconds(20);
        let owner = thread::spawn(|| {
            with(1, |pool| {
                let (is_begun, may_end) = (AtomicBool::new(false), AtomicBool::new(false));
                pool.scope(|scope| {
                    scope.spawn(|| {
                        is_begun.store(true, Ordering::Release);
                        until(|| may_end.load(Ordering::Acquire));
                        // Long enough for the wait of the job that ends to be taken back, if it is.
                        thread::sleep(Duration::from_millis(5));
                    });
                    until(|| is_begun.load(Ordering::Acquire));
                    scope.spawn(|| {
                        thread::scope(|threads| {
                            threads.spawn(|| {
                                // Before that it would run the job that ends.
                                until(|| may_end.load(Ordering::Acquire));
                                pool.wait_and_help();
                            });
                            let ends = scope.spawn(|| {
                                may_end.store(true, Ordering::Release);
                                thread::exit()
                            });
                            core::mem::forget(ends);
                            pool.wait_and_help();
                        });
                    });
                    pool.run_one();
                });
            })
            .is_ok()
        });
        process::exit(if owner.join().is_err() { 3 } else { 4 });
    });
    check_eq!(captured.end, End::Exit(3));
    Ok(())
}

/// A thread of a scope waits for the job in which the scope's owner ends, and which lies within the
/// scope.
pub fn exit_tells_threads_of_its_own_scope() -> Verdict {
    static IS_TOLD: AtomicBool = AtomicBool::new(false);
    let captured = capture::run(|| {
        kernel::limit_seconds(20);
        let owner = thread::spawn(|| {
            with(0, |pool| {
                pool.scope(|scope| {
                    let job = scope.spawn(|| thread::exit());
                    let job = &job;
                    thread::scope(|threads| {
                        threads.spawn(|| {
                            job.wait();
                            IS_TOLD.store(true, Ordering::Relaxed);
                        });
                        pool.run_one();
                    });
                });
            })
            .is_ok()
        });
        let is_right = owner.join().is_err() && IS_TOLD.load(Ordering::Relaxed);
        process::exit(if is_right { 3 } else { 4 });
    });
    check_eq!(captured.end, End::Exit(3));
    Ok(())
}
