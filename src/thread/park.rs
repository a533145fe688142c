//! Waiting for a token of one's own: `park`, and the word behind `Thread::unpark`.
//!
//! The word lies in the thread's record, which lives for as long as anybody has a handle, so that
//! `unpark` needs to know nothing about the thread. Only the thread itself waits on it: one wake-up
//! reaches it.
//!
//! | value | the token | the thread |
//! |---|---|---|
//! | `EMPTY` | is not there | has not looked, or is on its way to `PARKED` |
//! | `NOTIFIED` | is there | takes it when it looks next |
//! | `PARKED` | is not there | sleeps, or is about to: whoever brings the token wakes it |
//!
//! The thread alone leaves `NOTIFIED`, and enters `PARKED` from `EMPTY`. A signal handler that runs
//! in `park` may park, too: it finds `PARKED` and waits for the same token, and the code below it
//! begins anew.
//!
//! Ordering. Owed: what happened before `unpark` is seen by the thread that returns from `park`
//! with the token. So `unpark` writes `NOTIFIED` with Release, even over another `NOTIFIED`, whose
//! Release its swap carries on; and the swap that takes the token is Acquire. Everything else
//! concerns this one word alone: Relaxed.

use core::sync::atomic::{AtomicU32, Ordering};

use super::current;
use crate::sys::futex::{self, Scope, Woken};
use crate::sys::time::Clock;
use crate::time::{Duration, deadline};

const EMPTY: u32 = 0;
const NOTIFIED: u32 = 1;
const PARKED: u32 = u32::MAX;

/// Waits for the calling thread's token, and takes it.
///
/// Each thread has one token or none: [`Thread::unpark`](super::Thread::unpark) brings it, before
/// this call or during it, and brings no second one where one is.
///
/// # Blocking
/// Until the token is there. A program must allow for a return without it, as in `std`: look again
/// at what is waited for. Signal handlers run meanwhile, and end nothing.
///
/// # Panics
/// In a thread that this crate did not start.
///
/// # Ordering
/// What came before the `unpark` that brought the token comes before the return.
///
/// # Kernel
/// futex(2), private.
///
/// # Examples
/// ```
/// use threadbare::sync::atomic::{AtomicU32, Ordering};
/// use threadbare::thread;
///
/// static MEALS: AtomicU32 = AtomicU32::new(0);
///
/// let eater = thread::spawn(|| {
///     while MEALS.load(Ordering::Acquire) == 0 {
///         thread::park();
///     }
/// });
/// MEALS.store(1, Ordering::Release);
/// eater.thread().unpark();
/// eater.join().unwrap();
/// ```
pub fn park() {
    let word = own_word();
    while !has_taken_token(word) {
        // SAFETY: the word is a record's, aligned.
        unsafe { futex::wait(word.as_ptr(), PARKED, Scope::Private) };
    }
}

/// Waits for the calling thread's token, and takes it; gives up after `timeout`.
///
/// # Blocking
/// Until the token is there, at most for `timeout` (and until the CPU is free); where that is zero
/// the thread does not sleep. A program must allow for an earlier return without the token, as in
/// `std`. Signal handlers make the wait no longer. [`Duration::MAX`] is for ever.
///
/// # Panics
/// In a thread that this crate did not start.
///
/// # Ordering
/// As [`park`], if there was a token.
///
/// # Kernel
/// futex(2), private, until a point on `CLOCK_MONOTONIC`.
///
/// # Examples
/// ```
/// use threadbare::thread;
/// use threadbare::time::{Duration, Instant};
///
/// // Nobody knows this thread.
/// let (start, limit) = (Instant::now(), Duration::from_millis(2));
/// while let Some(rest) = limit.checked_sub(start.elapsed()) {
///     thread::park_timeout(rest);
/// }
/// ```
pub fn park_timeout(timeout: Duration) {
    let word = own_word();
    let mut limit = None;
    while !has_taken_token(word) {
        // Only who has to wait asks for the time, and once.
        let limit = *limit.get_or_insert_with(|| deadline(timeout));
        let (scope, clock) = (Scope::Private, Clock::Monotonic);
        // SAFETY: the word is a record's, aligned.
        let woken = unsafe { futex::wait_until(word.as_ptr(), PARKED, scope, clock, limit) };
        if woken == Woken::ByTimeout {
            // A token that came with the limit is taken, and what came before it is seen.
            word.swap(EMPTY, Ordering::Acquire);
            return;
        }
    }
}

/// Takes the token, or says that the thread is about to sleep until it comes.
fn has_taken_token(word: &AtomicU32) -> bool {
    loop {
        match word.compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Relaxed) {
            Err(NOTIFIED) => {
                // Unless a handler was quicker.
                if word.swap(EMPTY, Ordering::Acquire) == NOTIFIED {
                    return true;
                }
            }
            Ok(_) | Err(_) => return false,
        }
    }
}

/// The calling thread's word.
fn own_word() -> &'static AtomicU32 {
    match current::control() {
        Some(control) => control.record.park_word(),
        None => panic!("this thread was not started by threadbare"),
    }
}

/// Brings the token to the thread whose word this is.
///
/// The caller has a handle, so that the word is this thread's until the wake-up is over.
pub(super) fn unpark(word: &AtomicU32) {
    if word.swap(NOTIFIED, Ordering::Release) == PARKED {
        futex::wake(word.as_ptr(), 1, Scope::Private);
    }
}
