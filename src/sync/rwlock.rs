//! Many readers or one writer of a value: [`RawRwLock`](super::raw_rwlock::RawRwLock) beside it.

use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ops::{Deref, DerefMut};
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::debug::{Asks, Owner, Readers};
use super::raw_rwlock::RawRwLock;
use super::{LockResult, TryLockError, TryLockResult};

/// Lets many threads read a value, or one change it; `std`'s `RwLock`, 4 bytes and the value.
///
/// A writer that waits is passed by no reader that comes later: who is inside leaves, and then it
/// enters. So a thread that reads must not ask to read again, for a writer may have come in
/// between. Readers wait as long as writers come one after the other without a pause, even those
/// that were there first: where that happens, a [`Mutex`](super::Mutex) bounds everybody's wait.
///
/// Up to 262,143 readers hold a lock at a time; one more panics. Of writers that wait, 511 are
/// counted; further ones wait with the readers until the counted ones have been.
///
/// In a child of `fork` nobody waits for writers that waited in the parent, as far as it
/// [notices](crate::thread#in-a-child-of-fork) that it is one.
///
/// # Examples
/// ```
/// use threadbare::sync::RwLock;
/// use threadbare::thread;
///
/// static PRICES: RwLock<[u32; 2]> = RwLock::new([3, 5]);
///
/// let clerk = thread::spawn(|| PRICES.write().unwrap()[0] = 4);
/// {
///     let reader = PRICES.read().unwrap();
///     assert!(PRICES.try_write().is_err() && reader[1] == 5);
/// }
/// clerk.join().unwrap();
/// assert_eq!(*PRICES.try_read().unwrap(), [4, 5]);
///
/// // Whoever owns it needs no lock.
/// let mut own = RwLock::new(1);
/// *own.get_mut().unwrap() += 1;
/// assert_eq!(own.into_inner().unwrap(), 2);
/// ```
pub struct RwLock<T: ?Sized> {
    raw: RawRwLock,
    writer: Owner,
    readers: Readers,
    value: UnsafeCell<T>,
}

// SAFETY: whoever owns the lock owns the value.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}
// SAFETY: the value moves between writers (`Send`), and readers share it (`Sync`).
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}
// No panic that anybody survives leaves the lock open.
impl<T: ?Sized> UnwindSafe for RwLock<T> {}
impl<T: ?Sized> RefUnwindSafe for RwLock<T> {}

/// The right to read a lock's value; dropping it gives the right up.
///
/// # Examples
/// ```
/// use threadbare::sync::{RwLock, RwLockReadGuard};
///
/// fn total(prices: RwLockReadGuard<'_, [u32; 2]>) -> u32 {
///     prices.iter().sum()
/// } // Given up here.
/// let prices = RwLock::new([3, 5]);
/// assert_eq!(total(prices.read().unwrap()), 8);
/// assert!(prices.try_write().is_ok());
/// ```
#[must_use = "the lock is given up at once when the guard is dropped"]
pub struct RwLockReadGuard<'a, T: ?Sized + 'a> {
    lock: &'a RwLock<T>,
    /// Not `Send`, as in `std`.
    _not_send: PhantomData<*const ()>,
}

/// The right to change a lock's value; dropping it gives the right up.
///
/// # Examples
/// ```
/// use threadbare::sync::{RwLock, RwLockWriteGuard};
///
/// fn raise(mut prices: RwLockWriteGuard<'_, [u32; 2]>) {
///     prices.iter_mut().for_each(|price| *price += 1);
/// } // Given up here.
/// let prices = RwLock::new([3, 5]);
/// raise(prices.write().unwrap());
/// assert_eq!(*prices.read().unwrap(), [4, 6]);
/// ```
#[must_use = "the lock is given up at once when the guard is dropped"]
pub struct RwLockWriteGuard<'a, T: ?Sized + 'a> {
    lock: &'a RwLock<T>,
    /// Not `Send`, as in `std`.
    _not_send: PhantomData<*const ()>,
}

// SAFETY: a shared guard is a shared reference to the value.
unsafe impl<T: ?Sized + Sync> Sync for RwLockReadGuard<'_, T> {}
// SAFETY: likewise.
unsafe impl<T: ?Sized + Sync> Sync for RwLockWriteGuard<'_, T> {}

impl<T> RwLock<T> {
    /// Makes a lock that nobody holds.
    pub const fn new(value: T) -> RwLock<T> {
        RwLock {
            raw: RawRwLock::new(),
            writer: Owner::new(),
            readers: Readers::new(),
            value: UnsafeCell::new(value),
        }
    }

    /// Returns the value; nobody else can hold the lock.
    pub fn into_inner(self) -> LockResult<T> {
        Ok(self.value.into_inner())
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Takes the lock to read.
    ///
    /// # Blocking
    /// While a writer has it or waits for it; for ever if the calling thread has it and a writer
    /// waits.
    ///
    /// # Errors
    /// None: nothing unwinds, so there is no poison.
    ///
    /// # Panics
    /// If 262,143 readers have the lock.
    #[inline]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        self.writer.expect_other(self, Asks::Read);
        self.raw.read();
        Ok(self.reader())
    }

    /// Takes the lock to read, unless a writer has it or waits for it.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`].
    ///
    /// # Panics
    /// As [`RwLock::read`].
    #[inline]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        if self.raw.try_read() {
            Ok(self.reader())
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Takes the lock to write.
    ///
    /// # Blocking
    /// While anybody else has it; for ever if the calling thread does.
    ///
    /// # Errors
    /// None: nothing unwinds, so there is no poison.
    #[inline]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        self.writer.expect_other(self, Asks::Write);
        self.readers.expect_others(self);
        self.raw.write();
        Ok(self.writer())
    }

    /// Takes the lock to write if nobody has it.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`].
    #[inline]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        if self.raw.try_write() {
            Ok(self.writer())
        } else {
            Err(TryLockError::WouldBlock)
        }
    }

    /// Returns the value; the exclusive borrow proves that nobody has the lock.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        Ok(self.value.get_mut())
    }

    /// Returns false: see the module [`sync`](super).
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::RwLock;
    /// assert!(!RwLock::new(1).is_poisoned());
    /// ```
    pub fn is_poisoned(&self) -> bool {
        false
    }

    /// Does nothing.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::RwLock;
    ///
    /// // As written for `std`.
    /// let count = RwLock::new(1);
    /// count.clear_poison();
    /// assert!(!count.is_poisoned());
    /// ```
    pub fn clear_poison(&self) {}

    /// Makes a guard; the lock was taken for it.
    #[inline]
    fn reader(&self) -> RwLockReadGuard<'_, T> {
        self.readers.enter();
        RwLockReadGuard {
            lock: self,
            _not_send: PhantomData,
        }
    }

    /// Likewise.
    #[inline]
    fn writer(&self) -> RwLockWriteGuard<'_, T> {
        self.writer.enter();
        RwLockWriteGuard {
            lock: self,
            _not_send: PhantomData,
        }
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// Makes a reader of the writer: others may read, and nobody writes in between.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::{RwLock, RwLockWriteGuard};
    ///
    /// let lock = RwLock::new(1);
    /// let mut writer = lock.write().unwrap();
    /// *writer += 1;
    /// let reader = RwLockWriteGuard::downgrade(writer);
    /// assert_eq!((*reader, *lock.read().unwrap()), (2, 2));
    /// ```
    pub fn downgrade(guard: Self) -> RwLockReadGuard<'a, T> {
        let lock = guard.lock;
        mem::forget(guard);
        lock.writer.leave();
        // SAFETY: the guard was proof that a writer has the lock, and is gone.
        unsafe { lock.raw.downgrade() };
        lock.reader()
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: while there is a reader nobody writes.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the writer is alone.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the writer is alone, and its guard is borrowed exclusively.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.readers.leave();
        // SAFETY: the guard is proof that a reader has the lock, and gone.
        unsafe { self.lock.raw.unlock_read() };
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.writer.leave();
        // SAFETY: the guard is proof that a writer has the lock, and gone.
        unsafe { self.lock.raw.unlock_write() };
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> RwLock<T> {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    fn from(value: T) -> RwLock<T> {
        RwLock::new(value)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("RwLock");
        match self.try_read() {
            Ok(guard) => f.field("data", &&*guard),
            Err(_) => f.field("data", &format_args!("<locked>")),
        };
        f.finish_non_exhaustive()
    }
}

/// What guards show: their values.
macro_rules! guards_show_values {
    ($($guard:ident)*) => {$(
        impl<T: ?Sized + fmt::Debug> fmt::Debug for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: ?Sized + fmt::Display> fmt::Display for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    )*};
}

guards_show_values! { RwLockReadGuard RwLockWriteGuard }

// Half of what `std` has there on some systems; 8 would do.
const _: () = assert!(cfg!(feature = "lock-debug") || size_of::<RwLock<()>>() <= 8);
