//! Raw locks for the crate `lock_api` (0.4): for code that is generic over locks.
//!
//! They are the locks of [`sync`](super), a word each, with what that crate builds on top: mapped
//! guards, guards of an `Arc`, `Once`-like statics of other crates. Their guards may be sent to
//! other threads, as our locks know no owner; so the feature `lock-debug` does not watch them.
//!
//! There is no fair unlocking and no lock with a time limit here.
//!
//! # Examples
//! ```
//! use threadbare::sync::lock_api::{Mutex, RawMutex, RwLock};
//! use threadbare::thread;
//!
//! // Another crate's code, generic over locks.
//! struct Counter<R>(lock_api::Mutex<R, u32>);
//! impl<R: lock_api::RawMutex> Counter<R> {
//!     fn add(&self) -> u32 {
//!         let mut count = self.0.lock();
//!         *count += 1;
//!         *count
//!     }
//! }
//! static JOBS: Counter<RawMutex> = Counter(Mutex::new(1));
//! thread::spawn(|| JOBS.add()).join().unwrap();
//! assert_eq!(JOBS.add(), 3);
//!
//! let prices = RwLock::new([3, 5]);
//! prices.write()[0] = 4;
//! assert_eq!(*prices.read(), [4, 5]);
//! ```

use lock_api::GuardSend;

use super::primitive::Ordering;
use super::raw_mutex::HELD;
use super::raw_rwlock::WRITER;
use super::{raw_mutex, raw_rwlock};

/// A mutex without a value, 4 bytes: [`sync::Mutex`](super::Mutex)'s.
///
/// # Examples
/// ```
/// use lock_api::RawMutex as _;
/// use threadbare::sync::lock_api::RawMutex;
///
/// static DOOR: RawMutex = RawMutex::INIT;
///
/// DOOR.lock();
/// assert!(DOOR.is_locked() && !DOOR.try_lock());
/// // SAFETY: it was locked above, by this thread.
/// unsafe { DOOR.unlock() };
/// ```
#[derive(Debug)]
pub struct RawMutex(raw_mutex::RawMutex);

/// `lock_api`'s mutex of ours.
///
/// # Examples
/// ```
/// use threadbare::sync::lock_api::Mutex;
///
/// static NAMES: Mutex<[&str; 2]> = Mutex::new(["a", "b"]);
///
/// // A guard of a part: what `std`'s cannot do yet.
/// let second = lock_api::MutexGuard::map(NAMES.lock(), |names| &mut names[1]);
/// assert_eq!(*second, "b");
/// assert!(NAMES.try_lock().is_none());
/// ```
pub type Mutex<T> = lock_api::Mutex<RawMutex, T>;

// SAFETY: the lock below admits one holder at a time.
unsafe impl lock_api::RawMutex for RawMutex {
    const INIT: RawMutex = RawMutex(raw_mutex::RawMutex::new());
    type GuardMarker = GuardSend;

    #[inline]
    fn lock(&self) {
        self.0.lock();
    }

    #[inline]
    fn try_lock(&self) -> bool {
        self.0.try_lock()
    }

    #[inline]
    unsafe fn unlock(&self) {
        // SAFETY: the caller's: it holds the lock, and gives it up.
        unsafe { self.0.unlock() };
    }

    #[inline]
    fn is_locked(&self) -> bool {
        // Relaxed: a hint, which may be out of date when it is read.
        self.0.state.load(Ordering::Relaxed) & HELD != 0
    }
}

/// A lock for many readers or one writer without a value, 4 bytes:
/// [`sync::RwLock`](super::RwLock)'s.
///
/// # Examples
/// ```
/// use lock_api::RawRwLock as _;
/// use threadbare::sync::lock_api::RawRwLock;
///
/// static DOOR: RawRwLock = RawRwLock::INIT;
///
/// DOOR.lock_shared();
/// assert!(DOOR.try_lock_shared() && !DOOR.try_lock_exclusive());
/// for _ in 0..2 {
///     // SAFETY: it was locked twice above, to be shared.
///     unsafe { DOOR.unlock_shared() };
/// }
/// assert!(!DOOR.is_locked());
/// ```
#[derive(Debug)]
pub struct RawRwLock(raw_rwlock::RawRwLock);

/// `lock_api`'s lock of ours for many readers or one writer.
///
/// # Examples
/// ```
/// use lock_api::RwLockWriteGuard;
/// use threadbare::sync::lock_api::RwLock;
///
/// static LEVEL: RwLock<u32> = RwLock::new(1);
///
/// let mut writer = LEVEL.write();
/// *writer += 1;
/// let reader = RwLockWriteGuard::downgrade(writer);
/// assert_eq!((*reader, *LEVEL.read()), (2, 2));
/// ```
pub type RwLock<T> = lock_api::RwLock<RawRwLock, T>;

// SAFETY: the lock below admits one writer, or readers.
unsafe impl lock_api::RawRwLock for RawRwLock {
    const INIT: RawRwLock = RawRwLock(raw_rwlock::RawRwLock::new());
    type GuardMarker = GuardSend;

    #[inline]
    fn lock_shared(&self) {
        self.0.read();
    }

    #[inline]
    fn try_lock_shared(&self) -> bool {
        self.0.try_read()
    }

    #[inline]
    unsafe fn unlock_shared(&self) {
        // SAFETY: the caller's: a reader has the lock, and gives it up.
        unsafe { self.0.unlock_read() };
    }

    #[inline]
    fn lock_exclusive(&self) {
        self.0.write();
    }

    #[inline]
    fn try_lock_exclusive(&self) -> bool {
        self.0.try_write()
    }

    #[inline]
    unsafe fn unlock_exclusive(&self) {
        // SAFETY: the caller's: a writer has the lock, and gives it up.
        unsafe { self.0.unlock_write() };
    }

    #[inline]
    fn is_locked(&self) -> bool {
        // Relaxed: as in `RawMutex::is_locked`.
        !raw_rwlock::is_free(self.0.state.load(Ordering::Relaxed))
    }

    #[inline]
    fn is_locked_exclusive(&self) -> bool {
        // Not by `try_lock_shared`, as the trait would: it is refused while a writer waits, too.
        self.0.state.load(Ordering::Relaxed) & WRITER != 0
    }
}

// SAFETY: nobody writes between the writer and the reader that it becomes.
unsafe impl lock_api::RawRwLockDowngrade for RawRwLock {
    unsafe fn downgrade(&self) {
        // SAFETY: the caller's: a writer has the lock, and becomes a reader.
        unsafe { self.0.downgrade() };
    }
}

const _: () = assert!(size_of::<Mutex<()>>() == 4);
const _: () = assert!(size_of::<RwLock<()>>() == 4);
