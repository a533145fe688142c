//! POSIX locks as the tests want them.

use bench_common::locks::{Mutex, Once, RwLock, Semaphore};
use bench_common::monitor::Monitor;
use core::cell::UnsafeCell;
use core::ffi::c_int;
use core::ops::{Deref, DerefMut};

unsafe extern "C" {
    fn pthread_mutex_lock(mutex: *mut Object) -> c_int;
    fn pthread_mutex_unlock(mutex: *mut Object) -> c_int;
    fn pthread_cond_wait(condition: *mut Object, mutex: *mut Object) -> c_int;
    fn pthread_cond_signal(condition: *mut Object) -> c_int;
    fn pthread_rwlock_rdlock(lock: *mut Object) -> c_int;
    fn pthread_rwlock_wrlock(lock: *mut Object) -> c_int;
    fn pthread_rwlock_unlock(lock: *mut Object) -> c_int;
    fn pthread_once(once: *mut Object, make: extern "C" fn()) -> c_int;
    fn sem_init(semaphore: *mut Object, shared: c_int, value: u32) -> c_int;
    fn sem_wait(semaphore: *mut Object) -> c_int;
    fn sem_post(semaphore: *mut Object) -> c_int;
}

/// Any of the objects: at most 56 bytes on x86-64, and all zero at the start.
#[repr(C, align(8))]
struct Object([u8; 64]);

/// An object, and what it guards.
struct Guarded<T> {
    object: UnsafeCell<Object>,
    value: UnsafeCell<T>,
}

// SAFETY: the object orders all accesses to the value, by the lock that it is.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    const fn new(value: T) -> Self {
        Guarded {
            object: UnsafeCell::new(Object([0; 64])),
            value: UnsafeCell::new(value),
        }
    }
}

pub struct CMutex(Guarded<u64>);

impl Mutex for CMutex {
    const NEW: Self = CMutex(Guarded::new(0));

    #[inline]
    fn with<R>(&self, work: impl FnOnce(&mut u64) -> R) -> R {
        // SAFETY: an initialised mutex; the value is touched with the lock held.
        unsafe {
            pthread_mutex_lock(self.0.object.get());
            let result = work(&mut *self.0.value.get());
            pthread_mutex_unlock(self.0.object.get());
            result
        }
    }
}

pub struct CRwLock(Guarded<u64>);

impl RwLock for CRwLock {
    const NEW: Self = CRwLock(Guarded::new(0));

    #[inline]
    fn read<R>(&self, work: impl FnOnce(&u64) -> R) -> R {
        // SAFETY: an initialised lock; the value is read with it held.
        unsafe {
            pthread_rwlock_rdlock(self.0.object.get());
            let result = work(&*self.0.value.get());
            pthread_rwlock_unlock(self.0.object.get());
            result
        }
    }

    #[inline]
    fn write<R>(&self, work: impl FnOnce(&mut u64) -> R) -> R {
        // SAFETY: an initialised lock; the value is touched with it held alone.
        unsafe {
            pthread_rwlock_wrlock(self.0.object.get());
            let result = work(&mut *self.0.value.get());
            pthread_rwlock_unlock(self.0.object.get());
            result
        }
    }
}

pub struct COnce(Guarded<()>);

impl Once for COnce {
    const NEW: Self = COnce(Guarded::new(()));

    #[inline]
    fn call(&self, make: extern "C" fn()) {
        // SAFETY: an initialised object.
        unsafe { pthread_once(self.0.object.get(), make) };
    }
}

pub struct CSemaphore(Guarded<()>);

impl Semaphore for CSemaphore {
    fn new() -> Self {
        let semaphore = CSemaphore(Guarded::new(()));
        // SAFETY: the object is ours; it may move before its first use.
        unsafe { sem_init(semaphore.0.object.get(), 0, 0) };
        semaphore
    }

    #[inline]
    fn acquire(&self) {
        // SAFETY: an initialised semaphore.
        unsafe { sem_wait(self.0.object.get()) };
    }

    #[inline]
    fn release(&self) {
        // SAFETY: an initialised semaphore.
        unsafe { sem_post(self.0.object.get()) };
    }
}

pub struct CMonitor(Guarded<u64>, [Guarded<()>; 2]);

/// The mutex is held as long as this lives.
pub struct Held<'a>(&'a CMonitor);

impl Deref for Held<'_> {
    type Target = u64;

    fn deref(&self) -> &u64 {
        // SAFETY: the lock is held.
        unsafe { &*self.0.0.value.get() }
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut u64 {
        // SAFETY: the lock is held.
        unsafe { &mut *self.0.0.value.get() }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        // SAFETY: the lock is held.
        unsafe { pthread_mutex_unlock(self.0.0.object.get()) };
    }
}

impl Monitor for CMonitor {
    type Guard<'a> = Held<'a>;
    const NEW: Self = CMonitor(Guarded::new(0), [const { Guarded::new(()) }; 2]);

    fn lock(&self) -> Held<'_> {
        // SAFETY: an initialised mutex.
        unsafe { pthread_mutex_lock(self.0.object.get()) };
        Held(self)
    }

    fn wait<'a>(&'a self, which: usize, guard: Held<'a>) -> Held<'a> {
        // SAFETY: initialised objects, and the mutex is held.
        unsafe { pthread_cond_wait(self.1[which].object.get(), self.0.object.get()) };
        guard
    }

    fn notify(&self, which: usize) {
        // SAFETY: an initialised object.
        unsafe { pthread_cond_signal(self.1[which].object.get()) };
    }
}
