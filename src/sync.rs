//! Locks on bare futexes, with `std`'s names and signatures.
//!
//! Each is one word (and its data), `const` to make, and needs no thread identity, so that it works
//! in every thread of the process. A panic aborts, so a lock is never poisoned: `lock()` still
//! returns `std`'s `Result` shape, whose error cannot be made and costs nothing.
//!
//! The algorithms take their atomics and their two futex calls from [`primitive`] alone.

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

pub use core::sync::atomic;

/// Bare futexes on raw pointers: sleep while a word holds a value, wake who sleeps on a word.
pub mod futex {
    pub use crate::sys::futex::{Scope, Woken, wait, wake};
}

/// What `std` returns when a thread panicked with the lock held. Here it cannot exist.
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
pub type LockResult<G> = Result<G, PoisonError<G>>;

/// Why a lock could not be taken at once.
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
pub type TryLockResult<G> = Result<G, TryLockError<G>>;
