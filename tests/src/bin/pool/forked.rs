//! Pools in children of `fork`, whose threads stayed in the parent.

use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use suite::child::{self, End};
use suite::gate::Gate;
use suite::{Stop, Verdict, check, check_eq, kernel};
use threadbare::seam;
use threadbare::seam::sys::task;
use threadbare::thread::pool::{Job, JobError, StaticMemory};
use threadbare::thread::{self, Pool};

use super::{small, until, with};

/// Whether a child notices what it is: not where an emulator refuses the advice.
fn is_noticed() -> Result<(), Stop> {
    check!(thread::spawn(|| ()).join().is_ok());
    if seam::is_fork_noticed() {
        return Ok(());
    }
    Err(Stop::Skip("the kernel wipes no page of a child of fork"))
}

/// What is wrong with a pool in a child: the number of the first thing, or 0.
fn wrong(pool: &Pool, [over, begun, queued]: [Job<'_, u32>; 3]) -> i32 {
    let turns = AtomicUsize::new(0);
    let checks: [&dyn Fn() -> bool; 6] = [
        &|| (pool.thread_count(), pool.queued_count()) == (0, 0) && !pool.run_one(),
        &|| {
            let refused = pool.spawn(|| 7).map(drop);
            refused.map_err(|refused| (refused.error, (refused.closure)()))
                == Err((JobError::Closed, 7))
        },
        // By this thread.
        &|| {
            pool.scope(|scope| scope.spawn(|| thread::current().id()).join().ok())
                == Some(thread::current().id())
        },
        &|| {
            pool.for_each(0..10, |n| {
                turns.fetch_add(n, Ordering::Relaxed);
            });
            turns.load(Ordering::Relaxed) == 45 && pool.join(|| 1, || 2) == (1, 2)
        },
        &|| {
            pool.wait_and_help();
            begun.wait();
            begun.is_finished()
        },
        // Its own has threads.
        &|| with(1, |own| own.spawn(|| 8).map(|job| job.join() == Ok(8)).ok()) == Ok(Some(true)),
    ];
    if let Some(first) = checks.iter().position(|check| !check()) {
        return first as i32 + 1;
    }
    match (over.join(), begun.join(), queued.cancel()) {
        (Ok(1), Err(error), Err(_)) if !error.is_panic() => 0,
        _ => 10,
    }
}

/// By a thread that is younger than the pool's: in a child of any other qemu-user starts no thread
/// (its plugins' table of processors keeps the parent's).
pub fn pool_is_closed_in_a_child_of_fork() -> Verdict {
    is_noticed()?;
    static MEMORY: StaticMemory<3> = StaticMemory::new();
    static GATE: Gate = Gate::new();
    let Some(Ok(pool)) = MEMORY
        .take()
        .map(|memory| small().threads(1).start_in(memory))
    else {
        check!("nobody else" == "takes it");
        return Ok(());
    };
    let forker = thread::spawn(move || {
        let over = pool.spawn(|| 1).unwrap();
        over.wait();
        let begin = || {
            GATE.wait();
            2
        };
        let begun = pool.spawn(begin).unwrap();
        let queued = pool.spawn(|| 3).unwrap();
        until(|| pool.queued_count() == 1);
        let child = child::fork();
        if child == 0 {
            child::no_core_file();
            kernel::limit_seconds(20);
            let status = wrong(&pool, [over, begun, queued]);
            drop(pool);
            task::exit_process(status);
        }
        let end = child::wait(child);
        GATE.open();
        (end, over.join(), begun.join(), queued.join())
    });
    check_eq!(forker.join(), Ok((End::Exit(0), Ok(1), Ok(2), Ok(3))));
    Ok(())
}

/// A scope whose jobs are in the parent dies in the child, and does not wait for ever; nor does a
/// job that is run by who waits for it, and forks.
pub fn scope_of_a_pool_that_only_the_parent_can_end() -> Verdict {
    is_noticed()?;
    // Read by nobody.
    let (_lost, to) = kernel::pipe();
    for threads in [0, 1] {
        let (gate, child) = (Gate::new(), AtomicU32::new(0));
        let fork = || {
            let number = child::fork();
            child.store(number as u32, Ordering::Relaxed);
            if number == 0 {
                child::no_core_file();
                kernel::limit_seconds(20);
                kernel::redirect(2, &to);
            } else {
                gate.open();
            }
        };
        let ran = with(threads, |pool| {
            pool.scope(|scope| {
                if threads == 0 {
                    scope.spawn(fork);
                } else {
                    scope.spawn(|| gate.wait());
                    fork();
                }
            });
        });
        let child = child.into_inner() as usize;
        if child == 0 {
            task::exit_process(0);
        }
        check_eq!(ran, Ok(()));
        check_eq!(child::wait(child), End::Signal(6));
    }
    Ok(())
}

/// The thread is the child's only one, and the child ends with it.
pub fn worker_that_forks_ends_in_the_child() -> Verdict {
    is_noticed()?;
    let ran = with(2, |pool| {
        let job = pool.spawn(|| {
            let child = child::fork();
            if child == 0 {
                kernel::limit_seconds(20);
            }
            child
        });
        job.map(|job| {
            job.wait();
            job.join().map(child::wait)
        })
    });
    check!(ran.is_ok_and(|job| job.is_ok_and(|end| end == Ok(End::Exit(0)))));
    Ok(())
}
