//! Bare futexes on raw pointers: sleep while a word holds a value, wake who sleeps on a word.
//!
//! Wake-ups may come for no reason, and tell nothing about the word: waiting is for loops.
//!
//! # Kernel
//! futex(2). Times are on `CLOCK_MONOTONIC`, in 64 bits also on 32-bit CPUs, if the kernel has such
//! calls (Linux 5.1).
//!
//! # Examples
//! ```
//! use threadbare::sync::atomic::{AtomicU32, Ordering};
//! use threadbare::sync::futex::{Scope, wait, wake};
//! use threadbare::thread;
//!
//! static DOOR: AtomicU32 = AtomicU32::new(0);
//!
//! let visitor = thread::spawn(|| {
//!     // In a loop: a wake-up alone proves nothing.
//!     while DOOR.load(Ordering::Acquire) == 0 {
//!         // SAFETY: a static is aligned.
//!         unsafe { wait(DOOR.as_ptr(), 0, Scope::Private) };
//!     }
//! });
//! DOOR.store(1, Ordering::Release);
//! wake(DOOR.as_ptr(), u32::MAX, Scope::Private);
//! visitor.join().unwrap();
//! ```

use crate::sys::futex;
use crate::sys::time::{Clock, Timespec};
use crate::time::{Duration, Instant, deadline};

pub use crate::sys::futex::{Scope, Woken, requeue, wait, wake};

/// As [`wait`], for `timeout` at most.
///
/// # Blocking
/// Until a wake, a signal, the end of `timeout`, or for no reason at all. [`Duration::MAX`] is for
/// ever.
///
/// # Safety
/// 1. `word` is aligned to 4 bytes. (An address that is not mapped is fatal, not undefined.)
///
/// # Examples
/// ```
/// use threadbare::sync::atomic::AtomicU32;
/// use threadbare::sync::futex::{Scope, Woken, wait_timeout};
/// use threadbare::time::Duration;
///
/// let word = AtomicU32::new(0);
/// let wait = |expected, limit| {
///     // SAFETY: an `AtomicU32` is aligned.
///     unsafe { wait_timeout(word.as_ptr(), expected, Scope::Private, limit) }
/// };
/// assert_eq!(wait(0, Duration::from_millis(1)), Woken::ByTimeout);
/// assert_eq!(wait(1, Duration::MAX), Woken::ByChange);
/// ```
pub unsafe fn wait_timeout(
    word: *const u32,
    expected: u32,
    scope: Scope,
    timeout: Duration,
) -> Woken {
    // SAFETY: clause 1.
    unsafe { until(word, expected, scope, deadline(timeout)) }
}

/// As [`wait`], until `limit` at most: for loops, in which signals and changes would make a timeout
/// begin anew.
///
/// # Blocking
/// Until a wake, a signal, `limit`, or for no reason at all.
///
/// # Safety
/// 1. As [`wait_timeout`], clause 1.
///
/// # Examples
/// ```
/// use threadbare::sync::atomic::{AtomicU32, Ordering};
/// use threadbare::sync::futex::{Scope, Woken, wait_until};
/// use threadbare::time::{Duration, Instant};
///
/// let word = AtomicU32::new(0);
/// let limit = Instant::now() + Duration::from_millis(2);
/// let mut woken = Woken::ByWake;
/// while word.load(Ordering::Acquire) == 0 && woken != Woken::ByTimeout {
///     // SAFETY: an `AtomicU32` is aligned.
///     woken = unsafe { wait_until(word.as_ptr(), 0, Scope::Private, limit) };
/// }
/// assert!(Instant::now() >= limit);
/// ```
pub unsafe fn wait_until(word: *const u32, expected: u32, scope: Scope, limit: Instant) -> Woken {
    // SAFETY: clause 1.
    unsafe { until(word, expected, scope, limit.timespec()) }
}

/// # Safety
/// 1. As [`wait_timeout`], clause 1.
unsafe fn until(word: *const u32, expected: u32, scope: Scope, limit: Timespec) -> Woken {
    // SAFETY: clause 1.
    unsafe { futex::wait_until(word, expected, scope, Clock::Monotonic, limit) }
}
