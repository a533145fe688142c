//! Locks on bare futexes, with `std`'s names and signatures.
//!
//! Each is one word (and its data), `const` to make, and needs no thread identity, so that it works
//! in every thread of the process. A lock is never poisoned: a panic ends the process, or, where
//! [`PanicPolicy`](crate::thread::PanicPolicy) says so, a thread whose locks stay locked for ever.
//! `lock()` still returns `std`'s `Result` shape, whose error cannot be made and costs nothing.
//!
//! # Without the feature `threads`
//! This crate starts no thread then, and locks are cells: no atomic instruction, no system call.
//! What would wait for ever, such as the second `lock` of a mutex, ends the process with a message.
//! This relies on two things. No thread that anything else has started uses this crate beside the
//! first one (`clone` and a C library can start some), and no signal handler uses a lock.
//! [`atomic`] and [`futex`] stay what they are.
//!
//! The algorithms take their atomics and their two futex calls from `primitive` alone.
//!
//! # Examples
//! ```
//! use threadbare::sync::{Condvar, Mutex};
//! use threadbare::thread;
//!
//! static JOBS_LEFT: Mutex<u32> = Mutex::new(3);
//! static ALL_DONE: Condvar = Condvar::new();
//!
//! for _ in 0..3 {
//!     thread::spawn(|| {
//!         *JOBS_LEFT.lock().unwrap() -= 1;
//!         ALL_DONE.notify_one();
//!     });
//! }
//! let left = ALL_DONE.wait_while(JOBS_LEFT.lock().unwrap(), |left| *left > 0).unwrap();
//! assert_eq!(*left, 0);
//! ```

mod condvar;
mod mutex;
mod once;
mod once_lock;
mod primitive;
mod reentrant;

use core::convert::Infallible;
use core::fmt;
use core::marker::PhantomData;

pub use condvar::Condvar;
pub use mutex::{Mutex, MutexGuard};
pub use once::Once;
pub use once_lock::OnceLock;
pub(crate) use reentrant::{ReentrantGuard, ReentrantLock};

#[cfg(feature = "alloc")]
pub use alloc::sync::{Arc, Weak};
pub use core::sync::atomic;

/// Bare futexes on raw pointers: sleep while a word holds a value, wake who sleeps on a word.
///
/// # Examples
/// ```
/// use threadbare::sync::atomic::{AtomicU32, Ordering};
/// use threadbare::sync::futex::{Scope, wait, wake};
/// use threadbare::thread;
///
/// static DOOR: AtomicU32 = AtomicU32::new(0);
///
/// let visitor = thread::spawn(|| {
///     // In a loop: a wake-up alone proves nothing.
///     while DOOR.load(Ordering::Acquire) == 0 {
///         // SAFETY: a static is aligned.
///         unsafe { wait(DOOR.as_ptr(), 0, Scope::Private) };
///     }
/// });
/// DOOR.store(1, Ordering::Release);
/// wake(DOOR.as_ptr(), u32::MAX, Scope::Private);
/// visitor.join().unwrap();
/// ```
pub mod futex {
    pub use crate::sys::futex::{Scope, Woken, wait, wake};
}

/// What `std` returns when a thread panicked with the lock held. Here it cannot exist: such a lock
/// is never open again.
///
/// # Examples
/// ```
/// use threadbare::sync::{Mutex, PoisonError};
///
/// // As written for `std`, where it may run.
/// let count = Mutex::new(1);
/// assert_eq!(*count.lock().unwrap_or_else(PoisonError::into_inner), 1);
/// ```
pub struct PoisonError<G> {
    never: Infallible,
    guard: PhantomData<G>,
}

impl<G> PoisonError<G> {
    /// Returns the guard; never runs.
    pub fn into_inner(self) -> G {
        match self.never {}
    }
}

impl<G> fmt::Debug for PoisonError<G> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.never {}
    }
}

impl<G> fmt::Display for PoisonError<G> {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.never {}
    }
}

impl<G> core::error::Error for PoisonError<G> {}

/// What taking a lock returns: always `Ok`.
///
/// # Examples
/// ```
/// use threadbare::sync::{LockResult, Mutex, MutexGuard};
///
/// fn add(count: LockResult<MutexGuard<'_, u32>>) {
///     *count.unwrap() += 1;
/// }
/// let count = Mutex::new(1);
/// add(count.lock());
/// assert_eq!(count.into_inner().unwrap(), 2);
/// ```
pub type LockResult<G> = Result<G, PoisonError<G>>;

/// Why a lock could not be taken at once.
///
/// # Examples
/// ```
/// use threadbare::sync::{Mutex, TryLockError};
///
/// let count = Mutex::new(1);
/// let held = count.lock();
/// assert!(matches!(count.try_lock(), Err(TryLockError::WouldBlock)));
/// drop(held);
/// assert!(count.try_lock().is_ok());
/// ```
pub enum TryLockError<G> {
    /// Never made here.
    Poisoned(PoisonError<G>),
    /// Somebody holds the lock.
    WouldBlock,
}

impl<G> fmt::Debug for TryLockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryLockError::Poisoned(poison) => match poison.never {},
            TryLockError::WouldBlock => f.write_str("WouldBlock"),
        }
    }
}

impl<G> fmt::Display for TryLockError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TryLockError::Poisoned(poison) => match poison.never {},
            TryLockError::WouldBlock => f.write_str("the lock is held by somebody else"),
        }
    }
}

impl<G> core::error::Error for TryLockError<G> {}

/// What trying a lock returns.
///
/// # Examples
/// ```
/// use threadbare::sync::{Mutex, MutexGuard, TryLockResult};
///
/// fn is_busy(tried: TryLockResult<MutexGuard<'_, u32>>) -> bool {
///     tried.is_err()
/// }
/// assert!(!is_busy(Mutex::new(1).try_lock()));
/// ```
pub type TryLockResult<G> = Result<G, TryLockError<G>>;
