//! Mutual exclusion for a value: [`RawMutex`](super::raw_mutex::RawMutex) beside it.

use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::debug::{Asks, Owner};
use super::raw_mutex::RawMutex;
use super::{LockResult, TryLockError, TryLockResult};

/// Mutual exclusion for a value; `std`'s `Mutex`, 4 bytes and the value.
///
/// # Examples
/// ```
/// use threadbare::sync::Mutex;
/// use threadbare::thread;
///
/// static COUNT: Mutex<u32> = Mutex::new(0);
///
/// let other = thread::spawn(|| *COUNT.lock().unwrap() += 1);
/// *COUNT.lock().unwrap() += 1;
/// other.join().unwrap();
/// assert_eq!(*COUNT.try_lock().unwrap(), 2);
///
/// // Whoever owns a mutex needs no lock.
/// let mut own = Mutex::new([1, 2]);
/// own.get_mut().unwrap()[0] = 3;
/// assert_eq!(own.into_inner().unwrap(), [3, 2]);
/// ```
pub struct Mutex<T: ?Sized> {
    pub(super) raw: RawMutex,
    pub(super) owner: Owner,
    value: UnsafeCell<T>,
}

// SAFETY: the lock lets one thread at a time reach the value, which therefore moves between them.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// No panic that anybody survives leaves the lock open.
impl<T: ?Sized> UnwindSafe for Mutex<T> {}
impl<T: ?Sized> RefUnwindSafe for Mutex<T> {}

/// The right to use a mutex's value; dropping it unlocks.
///
/// # Examples
/// ```
/// use threadbare::sync::{Mutex, MutexGuard};
///
/// fn add(mut count: MutexGuard<'_, u32>) {
///     *count += 1;
/// } // Unlocked here.
/// let count = Mutex::new(1);
/// add(count.lock().unwrap());
/// assert_eq!(*count.lock().unwrap(), 2);
/// ```
#[must_use = "the mutex is unlocked at once when the guard is dropped"]
pub struct MutexGuard<'a, T: ?Sized + 'a> {
    mutex: &'a Mutex<T>,
    /// Not `Send`, as in `std`: a lock belongs to the thread that took it.
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard is a shared reference to the value.
unsafe impl<T: ?Sized + Sync> Sync for MutexGuard<'_, T> {}

impl<T> Mutex<T> {
    /// Makes an unlocked mutex.
    pub const fn new(value: T) -> Mutex<T> {
        Mutex {
            raw: RawMutex::new(),
            owner: Owner::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// Returns the value; nobody else can hold the lock.
    pub fn into_inner(self) -> LockResult<T> {
        Ok(self.value.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Takes the lock.
    ///
    /// # Blocking
    /// While another thread holds it; for ever if the calling thread itself does, or one that ended
    /// by [`exit`](crate::thread::exit) or a panic. Who comes later may be quicker than those who
    /// wait, up to 16,383 times until one of them has the lock; then whoever comes waits, too,
    /// until it is woken in its turn, or a millisecond, after which others may be quicker again.
    ///
    /// In a child of `fork` those who waited in the parent never take their turn: one in 16,384
    /// that find the lock free waits for that millisecond.
    ///
    /// # Errors
    /// None: nothing unwinds, so there is no poison.
    #[inline]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        Ok(self.lock_raw())
    }

    /// Takes the lock if nobody holds it.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`].
    #[inline]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        self.try_lock_raw().ok_or(TryLockError::WouldBlock)
    }

    /// Returns the value; the exclusive borrow proves that nobody holds the lock.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        Ok(self.value.get_mut())
    }

    /// Returns false: see the module [`sync`](super).
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::Mutex;
    /// assert!(!Mutex::new(1).is_poisoned());
    /// ```
    pub fn is_poisoned(&self) -> bool {
        false
    }

    /// Does nothing.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::Mutex;
    ///
    /// // As written for `std`.
    /// let count = Mutex::new(1);
    /// count.clear_poison();
    /// assert!(!count.is_poisoned());
    /// ```
    pub fn clear_poison(&self) {}

    /// [`Mutex::lock`] for callers that know that there is no poison.
    #[inline]
    pub(crate) fn lock_raw(&self) -> MutexGuard<'_, T> {
        self.owner.expect_other(self, Asks::Lock);
        self.raw.lock();
        self.owner.enter();
        MutexGuard {
            mutex: self,
            _not_send: PhantomData,
        }
    }

    /// [`Mutex::try_lock`] for callers that know that there is no poison.
    #[inline]
    pub(crate) fn try_lock_raw(&self) -> Option<MutexGuard<'_, T>> {
        // Made only if the lock was taken: to drop a guard is to unlock.
        self.raw.try_lock().then(|| {
            self.owner.enter();
            MutexGuard {
                mutex: self,
                _not_send: PhantomData,
            }
        })
    }

    /// Unlocks for a guard that was forgotten.
    ///
    /// # Safety
    /// 1. The calling thread holds the lock, and no guard of it is left.
    pub(super) unsafe fn force_unlock(&self) {
        self.owner.leave();
        // SAFETY: clause 1.
        unsafe { self.raw.unlock() };
    }

    /// Forgets who waits, and who holds the lock unless the calling thread does (`is_own`), in a
    /// child of `fork`; returns whether somebody held it.
    ///
    /// # Safety
    /// 1. The calling thread is the only one of the process, and not in a call of this lock's.
    #[cfg(feature = "threads")]
    pub(crate) unsafe fn forget_others(&self, is_own: bool) -> bool {
        if !is_own {
            self.owner.leave();
        }
        // SAFETY: clause 1.
        unsafe { self.raw.forget(is_own) }
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// Returns the lock that the guard is of.
    pub(super) fn raw(&self) -> &'a RawMutex {
        &self.mutex.raw
    }

    /// Returns the mutex that the guard is of.
    #[inline(always)]
    pub(super) fn mutex(&self) -> &'a Mutex<T> {
        self.mutex
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard is proof that the lock is held.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard is proof that the lock is held, and it is borrowed exclusively.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.mutex.owner.leave();
        // SAFETY: the guard is proof that the lock is held, and gone.
        unsafe { self.mutex.raw.unlock() };
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Mutex<T> {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(value: T) -> Mutex<T> {
        Mutex::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Mutex");
        match self.try_lock_raw() {
            Some(guard) => f.field("data", &&*guard),
            None => f.field("data", &format_args!("<locked>")),
        };
        f.finish_non_exhaustive()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

const _: () = assert!(cfg!(feature = "lock-debug") || size_of::<Mutex<()>>() == 4);
