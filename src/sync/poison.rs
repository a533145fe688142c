//! The results of `std`'s locks, whose errors cannot be made here.

use core::convert::Infallible;
use core::fmt;
use core::marker::PhantomData;

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
    /// Panics, as `std` does where panics abort: there is no such error. It is here for code that
    /// names it.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::PoisonError;
    /// let _: fn(u32) -> PoisonError<u32> = PoisonError::new;
    /// ```
    #[track_caller]
    pub fn new(_guard: G) -> PoisonError<G> {
        panic!("a lock is never poisoned: this error cannot be made")
    }

    /// Returns the guard; never runs.
    pub fn into_inner(self) -> G {
        match self.never {}
    }

    /// Likewise.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::Mutex;
    /// let count = Mutex::new(1);
    /// let seen = match count.lock() {
    ///     Ok(guard) => *guard,
    ///     Err(error) => **error.get_ref(),
    /// };
    /// assert_eq!(seen, 1);
    /// ```
    pub fn get_ref(&self) -> &G {
        match self.never {}
    }

    /// Likewise.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::Mutex;
    /// let count = Mutex::new(1);
    /// let seen = match count.lock() {
    ///     Ok(guard) => *guard,
    ///     Err(mut error) => **error.get_mut(),
    /// };
    /// assert_eq!(seen, 1);
    /// ```
    pub fn get_mut(&mut self) -> &mut G {
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

impl<G> From<PoisonError<G>> for TryLockError<G> {
    fn from(error: PoisonError<G>) -> TryLockError<G> {
        TryLockError::Poisoned(error)
    }
}

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
