//! Scopes, and a mutex, that a child of `fork` has got from its parent, without the threads.

use core::hint::black_box;
use core::sync::atomic::{AtomicUsize, Ordering};

use suite::child::{self, End};
use suite::{Verdict, check, check_eq, kernel};
use threadbare::seam::sys::task;
use threadbare::sync::{Mutex, ResetEvent};
use threadbare::{seam, thread};

use super::{MAY_GO, is_noticed};

/// Who waited in the parent never comes, and is given way to once in a while: a millisecond each
/// time would be a minute.
pub fn mutex_that_was_waited_for_is_no_slower() -> Verdict {
    static LOCK: Mutex<u32> = Mutex::new(0);
    check!(thread::spawn(|| ()).join().is_ok());
    is_noticed()?;
    let held = LOCK.lock().unwrap();
    let waiter = thread::spawn(|| *LOCK.lock().unwrap() += 1);
    // It is counted.
    kernel::until_asleep(waiter.thread());
    let child = child::fork();
    drop(held);
    if child == 0 {
        kernel::limit_seconds(30);
        for _ in 0..80_000 {
            *LOCK.lock().unwrap() += 1;
        }
        task::exit_process(3);
    }
    check!(waiter.join().is_ok());
    check_eq!(child::wait(child), End::Exit(3));
    Ok(())
}

/// A scope whose threads stayed in the parent does not end in the child as if they had ended: it
/// dies, and does not wait for ever.
pub fn scope_that_only_the_parent_can_end() -> Verdict {
    check!(thread::spawn(|| ()).join().is_ok());
    is_noticed()?;
    let mut child = 0;
    // Read by nobody.
    let (_lost, to) = kernel::pipe();
    thread::scope(|scope| {
        scope.spawn(|| MAY_GO.wait());
        child = child::fork();
        if child == 0 {
            child::no_core_file();
            kernel::limit_seconds(20);
            kernel::redirect(2, &to);
        } else {
            MAY_GO.set();
        }
    });
    if child == 0 {
        task::exit_process(0);
    }
    MAY_GO.reset();
    check_eq!(child::wait(child), End::Signal(6));
    Ok(())
}

/// The list is lost to the child: it can neither use nor end the scope, and does not wait for who
/// had the lock.
pub fn scope_whose_list_another_thread_had_locked() -> Verdict {
    check!(thread::spawn(|| ()).join().is_ok());
    is_noticed()?;
    static IS_HELD: ResetEvent = ResetEvent::new();
    let mut child = 0;
    // Read by nobody.
    let (_lost, to) = kernel::pipe();
    thread::scope(|scope| {
        let first = scope.spawn(|| ());
        let second = scope.spawn(|| 7);
        while !first.is_finished() || !second.is_finished() {
            kernel::let_others_run();
        }
        let holder = thread::Builder::new().spawn_scoped(scope, || {
            seam::with_scope_list(scope, || {
                IS_HELD.set();
                MAY_GO.wait();
            });
        });
        check!(holder.is_ok());
        IS_HELD.wait();
        child = child::fork();
        if child == 0 {
            child::no_core_file();
            kernel::limit_seconds(20);
            kernel::redirect(2, &to);
            threadbare::eprintln!("{scope:?}");
            drop(first);
            if second.join() != Ok(7) {
                task::exit_process(1);
            }
        } else {
            MAY_GO.set();
        }
        Ok(())
    })?;
    if child == 0 {
        task::exit_process(0);
    }
    MAY_GO.reset();
    check_eq!(child::wait(child), End::Signal(6));
    Ok(())
}

/// A thread that is in the middle of what it was lent stayed in the parent; that it was joined in
/// vain does not let the scope return.
pub fn scope_does_not_end_without_a_thread_that_was_joined() -> Verdict {
    check!(thread::spawn(|| ()).join().is_ok());
    is_noticed()?;
    static IS_BEGUN: ResetEvent = ResetEvent::new();
    let mut pair = [0, 0];
    let mut child = 0;
    // Read by nobody.
    let (_lost, to) = kernel::pipe();
    thread::scope(|scope| {
        let handle = scope.spawn(|| {
            pair[0] = 1;
            IS_BEGUN.set();
            MAY_GO.wait();
            pair[1] = 1;
        });
        IS_BEGUN.wait();
        child = child::fork();
        if child == 0 {
            child::no_core_file();
            kernel::limit_seconds(20);
            kernel::redirect(2, &to);
            if handle.join().is_ok() {
                task::exit_process(1);
            }
        } else {
            MAY_GO.set();
        }
    });
    if child == 0 {
        task::exit_process(0);
    }
    MAY_GO.reset();
    check_eq!(pair, [1, 1]);
    check_eq!(child::wait(child), End::Signal(6));
    Ok(())
}

/// Nothing is missing of threads that came to their end in the parent, whatever became of their
/// handles: before it, after it, never.
pub fn scope_ends_whose_threads_had_ended() -> Verdict {
    check!(thread::spawn(|| ()).join().is_ok());
    is_noticed()?;
    let mut child = 0;
    thread::scope(|scope| {
        let (early, late) = (scope.spawn(|| ()), scope.spawn(|| 7));
        let threads = [early.thread().clone(), late.thread().clone()];
        drop(early);
        let kept = scope.spawn(|| 8);
        while !kept.is_finished() || threads.iter().any(|it| it.kernel_id().is_some()) {
            kernel::let_others_run();
        }
        drop(late);
        core::mem::forget(kept);
        child = child::fork();
        if child == 0 {
            child::no_core_file();
            kernel::limit_seconds(20);
            // It notices now, not at the scope's beginning.
            let _ = thread::kernel_id();
        }
    });
    if child == 0 {
        task::exit_process(3);
    }
    check_eq!(child::wait(child), End::Exit(3));
    Ok(())
}

/// Uses as much of a new thread's stack as the case below has borrowed from.
#[inline(never)]
fn write_to_stack() -> u8 {
    let written = black_box([0xaau8; 12 << 10]);
    black_box(&written)[5]
}

/// The thread that forked has borrowed from the stack of one that stayed in the parent: the child
/// gives it to no other, though nobody there will ever ask for that thread.
pub fn scope_keeps_stacks_of_threads_that_only_the_parent_has() -> Verdict {
    check!(thread::spawn(|| ()).join().is_ok());
    is_noticed()?;
    let child = AtomicUsize::new(0);
    let main = &thread::current();
    thread::scope(|outer| {
        outer.spawn(|| {
            let own = black_box([0x55u8; 2048]);
            let own = &own;
            thread::scope(|inner| {
                inner.spawn(|| {
                    // It has the lock of the list for moments before it waits for the scope's end;
                    // a child that found that taken would have lost the scope.
                    kernel::until_asleep(main);
                    let forked = child::start(|| {
                        child::no_core_file();
                        kernel::limit_seconds(20);
                        // Enough for the list to be swept, and for the caches to serve.
                        for _ in 0..40 {
                            let handle = outer.spawn(write_to_stack);
                            while handle.thread().kernel_id().is_some() {
                                kernel::let_others_run();
                            }
                        }
                        let is_kept = black_box(own).iter().all(|byte| *byte == 0x55);
                        task::exit_process(if is_kept { 3 } else { 4 });
                    });
                    child.store(forked, Ordering::Relaxed);
                });
            });
        });
    });
    check_eq!(child::wait(child.into_inner()), End::Exit(3));
    Ok(())
}
