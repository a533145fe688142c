//! Threads that end in a scope, and what others still look at then.

#![no_std]
#![no_main]

extern crate alloc;

use alloc::vec::Vec;
use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use suite::capture;
use suite::child::{self, End};
use suite::{Verdict, check, check_eq};
use threadbare::process;
use threadbare::seam::sys::task;
use threadbare::thread::{self, PanicPolicy};

suite::area! { 50:
    exit_in_a_scoped_thread_is_an_error_of_join_and_a_panic_of_the_scope,
    exit_of_an_unjoined_thread_does_not_hold_the_scope,
    scope_does_not_return_after_a_sort_that_was_cut_short,
    scope_around_a_scope_that_panicked_panics,
    scope_of_the_main_thread_that_lost_a_thread_ends_the_process,
    exit_in_the_scope_itself_keeps_what_was_borrowed,
    exit_in_a_scope_within_a_scope_waits_for_its_threads,
    process_exit_leaves_borrowed_thread_locals,
}

fn nap() {
    for _ in 0..200 {
        thread::yield_now();
    }
}

/// Runs `body` in a thread of a child process in which panics end threads, and checks that a scope
/// there has ended it, and what else is to be so.
fn scope_panics(body: fn(), is_right: fn() -> bool) -> Verdict {
    let captured = capture::run(|| {
        thread::set_panic_policy(PanicPolicy::EndThread);
        let joined = thread::spawn(body).join();
        let has_panicked = joined.is_err_and(|error| error.is_panic());
        process::exit(if has_panicked && is_right() { 3 } else { 4 });
    });
    check_eq!(captured.end, End::Exit(3));
    check!(
        captured
            .stderr
            .has_line("a scoped thread ended without a value")
    );
    Ok(())
}

static JOINED: AtomicBool = AtomicBool::new(false);
static RETURNED: AtomicBool = AtomicBool::new(false);

fn exit_in_a_scoped_thread_is_an_error_of_join_and_a_panic_of_the_scope() -> Verdict {
    fn body() {
        let borrowed = 3;
        thread::scope(|scope| {
            let handle = scope.spawn(|| {
                if borrowed == 3 {
                    thread::exit()
                }
            });
            let joined = handle.join().is_err_and(|error| !error.is_panic());
            JOINED.store(joined, Ordering::Relaxed);
        });
        RETURNED.store(true, Ordering::Relaxed);
    }
    scope_panics(body, || {
        JOINED.load(Ordering::Relaxed) && !RETURNED.load(Ordering::Relaxed)
    })
}

/// Whoever waits, whether by a handle or not, is told.
fn exit_of_an_unjoined_thread_does_not_hold_the_scope() -> Verdict {
    scope_panics(
        || {
            thread::scope(|scope| drop(scope.spawn(|| thread::exit())));
            RETURNED.store(true, Ordering::Relaxed);
        },
        || !RETURNED.load(Ordering::Relaxed),
    )?;
    scope_panics(
        || {
            thread::scope(|scope| core::mem::forget(scope.spawn(|| thread::exit())));
            RETURNED.store(true, Ordering::Relaxed);
        },
        || !RETURNED.load(Ordering::Relaxed),
    )?;
    // One that is swept before the end.
    scope_panics(
        || {
            thread::scope(|scope| {
                let ended = scope.spawn(|| thread::exit());
                while ended.thread().kernel_id().is_some() {
                    thread::yield_now();
                }
                drop(ended);
                for _ in 0..40 {
                    let _ = scope.spawn(|| ()).join();
                    drop(scope.spawn(|| ()));
                }
            });
            RETURNED.store(true, Ordering::Relaxed);
        },
        || !RETURNED.load(Ordering::Relaxed),
    )
}

static DROPS: AtomicU32 = AtomicU32::new(0);

struct Item(u32);

impl Drop for Item {
    fn drop(&mut self) {
        DROPS.fetch_add(1, Ordering::Relaxed);
    }
}

/// Sorts in a thread that `end` ends in the middle, when one of the items is in the vector twice.
fn sort_in_a_thread(end: fn()) {
    let mut items: Vec<Item> = (0..8).map(Item).collect();
    let mut compared = 0;
    let _ = thread::scope(|scope| {
        let sort = || {
            items.sort_by(|a, b| {
                compared += 1;
                if compared == 10 {
                    end();
                }
                b.0.cmp(&a.0)
            });
        };
        scope.spawn(sort).join()
    });
    drop(items);
}

/// The vector is for ever as the sort left it: nobody drops it.
fn scope_does_not_return_after_a_sort_that_was_cut_short() -> Verdict {
    let is_kept = || DROPS.load(Ordering::Relaxed) == 0;
    scope_panics(|| sort_in_a_thread(|| thread::exit()), is_kept)?;
    scope_panics(
        || sort_in_a_thread(|| panic!("a comparison fails")),
        is_kept,
    )
}

/// The one in the middle has borrowed what the innermost left half changed, and passes that on.
fn scope_around_a_scope_that_panicked_panics() -> Verdict {
    scope_panics(
        || {
            let mut number = 1;
            thread::scope(|scope| {
                scope.spawn(|| {
                    thread::scope(|inner| {
                        inner.spawn(|| {
                            number = 2;
                            thread::exit()
                        });
                    });
                    number = 3;
                });
            });
            RETURNED.store(number > 1, Ordering::Relaxed);
        },
        || !RETURNED.load(Ordering::Relaxed),
    )
}

fn scope_of_the_main_thread_that_lost_a_thread_ends_the_process() -> Verdict {
    let captured = capture::run(|| {
        child::no_core_file();
        thread::set_panic_policy(PanicPolicy::EndThread);
        let joined = thread::scope(|scope| scope.spawn(|| thread::exit()).join());
        process::exit(if joined.is_err() { 5 } else { 6 });
    });
    check_eq!(captured.end, End::Signal(6));
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
    static COUNT: AtomicU32 = AtomicU32::new(0);
    fn body() {
        thread::scope(|scope| {
            let middle = scope.spawn(|| {
                thread::scope(|inner| {
                    inner.spawn(|| {
                        for _ in 0..100 {
                            COUNT.fetch_add(1, Ordering::Relaxed);
                            thread::yield_now();
                        }
                    });
                    thread::exit()
                })
            });
            let is_waited_for = middle.join().is_err() && COUNT.load(Ordering::Relaxed) == 100;
            JOINED.store(is_waited_for, Ordering::Relaxed);
        });
    }
    scope_panics(body, || JOINED.load(Ordering::Relaxed))
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
