//! Threads that end in a scope, and what others still look at then.

#![no_std]
#![no_main]

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};

use suite::child::{self, End};
use suite::{Verdict, check, check_eq};
use threadbare::process;
use threadbare::seam::sys::task;
use threadbare::thread;

suite::area! { 50:
    exit_in_a_scoped_thread_is_an_error_of_join,
    exit_of_an_unjoined_thread_does_not_hold_the_scope,
    exit_in_the_scope_itself_keeps_what_was_borrowed,
    exit_in_a_scope_within_a_scope_waits_for_its_threads,
    process_exit_leaves_borrowed_thread_locals,
}

fn nap() {
    for _ in 0..200 {
        thread::yield_now();
    }
}

fn exit_in_a_scoped_thread_is_an_error_of_join() -> Verdict {
    let borrowed = 3;
    let joined = thread::scope(|scope| {
        let handle = scope.spawn(|| {
            if borrowed == 3 {
                thread::exit()
            }
        });
        handle.join()
    });
    check!(joined.is_err());
    Ok(())
}

fn exit_of_an_unjoined_thread_does_not_hold_the_scope() -> Verdict {
    let value = thread::scope(|scope| {
        scope.spawn(|| thread::exit());
        core::mem::forget(scope.spawn(|| thread::exit()));
        4
    });
    check_eq!(value, 4);
    Ok(())
}

/// The thread of the scope goes, its stack stays, and with it what others borrowed.
fn exit_in_the_scope_itself_keeps_what_was_borrowed() -> Verdict {
    static SEEN: AtomicU32 = AtomicU32::new(0);
    let parent = thread::spawn(|| {
        let own = [9u32; 16];
        let own = &own;
        thread::scope(|scope| {
            scope.spawn(|| {
                nap();
                SEEN.store(own.iter().sum(), Ordering::Release);
            });
            thread::exit()
        })
    });
    check!(parent.join().is_err());
    let mut left = 10_000_000u32;
    while SEEN.load(Ordering::Acquire) == 0 && left > 0 {
        thread::yield_now();
        left -= 1;
    }
    check_eq!(SEEN.load(Ordering::Acquire), 9 * 16);
    Ok(())
}

/// What the inner thread uses is not the exiting thread's own.
fn exit_in_a_scope_within_a_scope_waits_for_its_threads() -> Verdict {
    for _ in 0..20 {
        let count = AtomicU32::new(0);
        let ended = AtomicU32::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::scope(|inner| {
                    inner.spawn(|| {
                        for _ in 0..100 {
                            count.fetch_add(1, Ordering::Relaxed);
                            thread::yield_now();
                        }
                        ended.store(1, Ordering::Relaxed);
                    });
                    thread::exit()
                })
            });
        });
        check_eq!(ended.into_inner(), 1);
        check_eq!(count.into_inner(), 100);
    }
    Ok(())
}

struct EndsBadly(Cell<u32>);

impl Drop for EndsBadly {
    fn drop(&mut self) {
        task::exit_process(77);
    }
}

threadbare::thread_local! {
    static LENT: EndsBadly = const { EndsBadly(Cell::new(0)) };
}

/// A thread-local that scoped threads may be looking at is not destroyed under their eyes.
fn process_exit_leaves_borrowed_thread_locals() -> Verdict {
    let end = child::run(|| {
        LENT.with(|_| {
            thread::scope(|scope| {
                scope.spawn(|| ());
                process::exit(5)
            })
        })
    });
    check_eq!(end, End::Exit(5));
    // And with no scope open it is.
    let end = child::run(|| {
        LENT.with(|lent| lent.0.set(1));
        thread::scope(|_| ());
        process::exit(5)
    });
    check_eq!(end, End::Exit(77));
    Ok(())
}
