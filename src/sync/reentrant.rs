//! A lock that its holder may take again; for standard output, as in `std`.
//!
//! It hands out shared references only: what it guards brings its own `Cell` or `RefCell`.
//!
//! Ordering: the mutex orders everything. The owner word is Relaxed: a thread finds its own mark
//! there only if it put it there itself, and any other value, however old, means "not mine".

use core::cell::{Cell, UnsafeCell};
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;

use super::primitive::{AtomicUsize, Ordering};
use super::{Mutex, MutexGuard};

/// The owner while nobody holds the lock.
const NOBODY: usize = 0;

/// Mutual exclusion between threads, not within one.
#[derive(Debug)]
pub struct ReentrantLock<T> {
    mutex: Mutex<()>,
    /// The holder's mark (`start::thread_mark`), or `NOBODY`.
    owner: AtomicUsize,
    /// How often the holder holds it; touched by the holder alone.
    depth: Cell<u32>,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached by one thread at a time, and moves between them with the lock.
unsafe impl<T: Send> Sync for ReentrantLock<T> {}

/// One of the times that a thread holds the lock.
#[derive(Debug)]
pub struct ReentrantGuard<'a, T> {
    lock: &'a ReentrantLock<T>,
    /// A lock belongs to the thread that took it.
    not_send: PhantomData<*const ()>,
}

impl<T> ReentrantLock<T> {
    /// Makes a lock that nobody holds.
    pub const fn new(value: T) -> ReentrantLock<T> {
        ReentrantLock {
            mutex: Mutex::new(()),
            owner: AtomicUsize::new(NOBODY),
            depth: Cell::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes the lock, or takes it once more.
    ///
    /// # Blocking
    /// While another thread holds it.
    pub fn lock(&self) -> ReentrantGuard<'_, T> {
        #[cfg(feature = "threads")]
        crate::fork::heed();
        let mark = crate::start::thread_mark();
        if self.owner.load(Ordering::Relaxed) == mark {
            self.again()
        } else {
            self.first(self.mutex.lock_raw(), mark)
        }
    }

    /// Takes the lock unless another thread holds it.
    pub fn try_lock(&self) -> Option<ReentrantGuard<'_, T>> {
        let mark = crate::start::thread_mark();
        if self.owner.load(Ordering::Relaxed) == mark {
            Some(self.again())
        } else {
            Some(self.first(self.mutex.try_lock_raw()?, mark))
        }
    }

    /// Unlocks, however often the calling thread holds it; nothing if it does not.
    ///
    /// # Safety
    /// 1. None of the calling thread's guards is used again.
    pub unsafe fn abandon(&self) {
        if self.owner.load(Ordering::Relaxed) == crate::start::thread_mark() {
            self.release();
        }
    }

    /// Frees the lock of another thread, and puts a new value in the place of what that was about
    /// to change, in a child of `fork`.
    ///
    /// # Safety
    /// 1. The calling thread is the only one of the process, and not in a call of this lock's.
    #[cfg(feature = "threads")]
    pub unsafe fn forget_others(&self, value: T) {
        let is_own = self.owner.load(Ordering::Relaxed) == crate::start::thread_mark();
        // SAFETY: clause 1.
        let was_held = unsafe { self.mutex.forget_others(is_own) };
        if was_held && !is_own {
            // SAFETY: clause 1: it is another thread that has a guard, and that is not here.
            unsafe { *self.value.get() = value };
            self.owner.store(NOBODY, Ordering::Relaxed);
        }
    }

    /// Unlocks once for a guard that was forgotten.
    ///
    /// # Safety
    /// 1. The calling thread holds the lock, and has forgotten a guard.
    #[cfg(feature = "critical-section")]
    pub(super) unsafe fn force_unlock(&self) {
        drop(self.guard());
    }

    fn first(&self, held: MutexGuard<'_, ()>, mark: usize) -> ReentrantGuard<'_, T> {
        // Unlocked by the last guard's drop.
        let _ = ManuallyDrop::new(held);
        self.depth.set(1);
        // A handler on this thread that finds itself the owner finds the depth, too.
        in_this_order();
        self.owner.store(mark, Ordering::Relaxed);
        self.guard()
    }

    fn again(&self) -> ReentrantGuard<'_, T> {
        let Some(depth) = self.depth.get().checked_add(1) else {
            panic!("a lock is held too often by one thread");
        };
        self.depth.set(depth);
        self.guard()
    }

    /// Unlocks for the calling thread, which holds it.
    fn release(&self) {
        self.owner.store(NOBODY, Ordering::Relaxed);
        // A handler between the two sleeps for ever, as any does that waits for what its thread
        // holds; in the other order another thread's mark would be overwritten.
        in_this_order();
        // SAFETY: this thread took the mutex in `first` and gives it up once: here, where it stops
        // being the owner.
        unsafe { self.mutex.force_unlock() };
    }

    fn guard(&self) -> ReentrantGuard<'_, T> {
        ReentrantGuard {
            lock: self,
            not_send: PhantomData,
        }
    }
}

/// Keeps what is before it there, as a handler on this thread sees it. Without the feature
/// `threads` no handler uses a lock.
#[inline(always)]
fn in_this_order() {
    #[cfg(feature = "threads")]
    core::sync::atomic::compiler_fence(Ordering::SeqCst);
}

#[cfg(feature = "critical-section")]
impl<T> ReentrantGuard<'_, T> {
    /// Whether the thread held the lock before it took this guard.
    pub(super) fn is_nested(&self) -> bool {
        self.lock.depth.get() > 1
    }
}

impl<T> Deref for ReentrantGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: it is changed as a whole only where no guard is (`forget_others`).
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> Drop for ReentrantGuard<'_, T> {
    fn drop(&mut self) {
        match self.lock.depth.get() {
            // The depth stays: a handler on this thread that is still the owner must not be the
            // one that unlocks.
            1 => self.lock.release(),
            depth => self.lock.depth.set(depth - 1),
        }
    }
}
