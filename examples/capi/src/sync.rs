//! Locks: `tb_mutex_*`, `tb_condition_*`, `tb_semaphore_*`, `tb_once_call`.

use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::time::Duration;

use threadbare::Errno;
use threadbare::sync::{Condvar, Mutex, MutexGuard, Once, Semaphore};

/// Mutual exclusion. All zero is unlocked. It must not move while it is in use.
#[repr(C)]
pub struct tb_mutex {
    word: u32,
    /// The holder's, while there is one.
    guard: usize,
}

/// What threads wait for until others say so. All zero is ready. It must not move while it is in
/// use.
#[repr(C)]
pub struct tb_condition {
    word: u32,
}

/// A number of permits; tb_semaphore_init makes one. It must not move while it is in use.
#[repr(C)]
pub struct tb_semaphore {
    word: u32,
}

/// What is done once. All zero is not done. It must not move while it is in use.
#[repr(C)]
pub struct tb_once {
    word: u32,
}

/// Each is one word, and one that is new is zero: no C program need initialise it.
const _: () = {
    assert!(size_of::<Mutex<()>>() == 4 && size_of::<Condvar>() == 4);
    assert!(size_of::<Semaphore>() == 4 && size_of::<Once>() == 4);
    // SAFETY: words, of which any value is a number.
    unsafe {
        assert!(core::mem::transmute::<Mutex<()>, u32>(Mutex::new(())) == 0);
        assert!(core::mem::transmute::<Condvar, u32>(Condvar::new()) == 0);
        assert!(core::mem::transmute::<Once, u32>(Once::new()) == 0);
    }
};

type Guard = MutexGuard<'static, ()>;
const _: () = assert!(size_of::<Guard>() == size_of::<usize>());

/// # Safety
/// 1. `mutex` is a C program's, for as long as it is in use.
unsafe fn parts(mutex: *mut tb_mutex) -> (&'static Mutex<()>, *mut MaybeUninit<Guard>) {
    // SAFETY: clause 1; the word is one.
    unsafe {
        (
            &*(&raw const (*mutex).word).cast(),
            (&raw mut (*mutex).guard).cast(),
        )
    }
}

/// Takes the lock; waits while another thread holds it.
///
/// # Safety
/// 1. `mutex` is one, and not held by this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_mutex_lock(mutex: *mut tb_mutex) {
    // SAFETY: clause 1.
    let (mutex, guard) = unsafe { parts(mutex) };
    let held = mutex.lock().unwrap();
    // SAFETY: who holds the lock alone touches this.
    unsafe { (*guard).write(held) };
}

/// Takes the lock if nobody holds it: 0, or EBUSY.
///
/// # Safety
/// 1. `mutex` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_mutex_try_lock(mutex: *mut tb_mutex) -> c_int {
    // SAFETY: clause 1.
    let (mutex, guard) = unsafe { parts(mutex) };
    match mutex.try_lock() {
        Ok(held) => {
            // SAFETY: who holds the lock alone touches this.
            unsafe { (*guard).write(held) };
            0
        }
        Err(_) => Errno::BUSY.raw(),
    }
}

/// Gives the lock back.
///
/// # Safety
/// 1. `mutex` is held by this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_mutex_unlock(mutex: *mut tb_mutex) {
    // SAFETY: clause 1: `tb_mutex_lock` put it there.
    drop(unsafe { parts(mutex).1.read().assume_init() });
}

/// Gives the lock back, waits to be notified, and takes it again. It may also return without that.
///
/// # Safety
/// 1. `mutex` is held by this thread, and is the one that all who wait for `condition` use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_condition_wait(condition: *mut tb_condition, mutex: *mut tb_mutex) {
    // SAFETY: clause 1.
    let (condition, guard) = unsafe { (&*condition.cast::<Condvar>(), parts(mutex).1) };
    // SAFETY: clause 1: `tb_mutex_lock` put it there.
    let held = condition
        .wait(unsafe { (*guard).assume_init_read() })
        .unwrap();
    // SAFETY: this thread holds the lock again.
    unsafe { (*guard).write(held) };
}

/// The same, for so many nanoseconds at most: 0, or ETIMEDOUT.
///
/// # Safety
/// 1. As `tb_condition_wait`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_condition_wait_for(
    condition: *mut tb_condition,
    mutex: *mut tb_mutex,
    nanoseconds: u64,
) -> c_int {
    // SAFETY: clause 1.
    let (condition, guard) = unsafe { (&*condition.cast::<Condvar>(), parts(mutex).1) };
    let timeout = Duration::from_nanos(nanoseconds);
    // SAFETY: clause 1: `tb_mutex_lock` put it there.
    let (held, outcome) = condition
        .wait_timeout(unsafe { (*guard).assume_init_read() }, timeout)
        .unwrap();
    // SAFETY: this thread holds the lock again.
    unsafe { (*guard).write(held) };
    if outcome.timed_out() {
        Errno::TIMEDOUT.raw()
    } else {
        0
    }
}

/// Wakes one of those who wait.
///
/// # Safety
/// 1. `condition` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_condition_notify_one(condition: *mut tb_condition) {
    // SAFETY: clause 1.
    unsafe { &*condition.cast::<Condvar>() }.notify_one();
}

/// Wakes all who wait.
///
/// # Safety
/// 1. `condition` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_condition_notify_all(condition: *mut tb_condition) {
    // SAFETY: clause 1.
    unsafe { &*condition.cast::<Condvar>() }.notify_all();
}

/// Makes a semaphore: 0, or EINVAL for more than 2^31 - 1 permits.
///
/// # Safety
/// 1. `semaphore` has room for one, and is in no use.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_semaphore_init(semaphore: *mut tb_semaphore, permits: u32) -> c_int {
    if permits > Semaphore::PERMITS_MAX {
        return Errno::INVAL.raw();
    }
    // SAFETY: clause 1.
    unsafe { semaphore.cast::<Semaphore>().write(Semaphore::new(permits)) };
    0
}

/// Takes a permit; waits while there is none.
///
/// # Safety
/// 1. `semaphore` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_semaphore_acquire(semaphore: *mut tb_semaphore) {
    // SAFETY: clause 1.
    unsafe { &*semaphore.cast::<Semaphore>() }.acquire();
}

/// Takes a permit if there is one: 0, or EAGAIN.
///
/// # Safety
/// 1. `semaphore` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_semaphore_try_acquire(semaphore: *mut tb_semaphore) -> c_int {
    // SAFETY: clause 1.
    if unsafe { &*semaphore.cast::<Semaphore>() }.try_acquire() {
        0
    } else {
        Errno::AGAIN.raw()
    }
}

/// Adds permits; together they must not be more than 2^31 - 1.
///
/// # Safety
/// 1. `semaphore` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_semaphore_release(semaphore: *mut tb_semaphore, permits: u32) {
    // SAFETY: clause 1.
    unsafe { &*semaphore.cast::<Semaphore>() }.release(permits);
}

/// Calls function if nobody has, and returns when it has returned, whoever called it.
///
/// # Safety
/// 1. `once` is one; `function` may be called.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_once_call(once: *mut tb_once, function: Option<extern "C" fn()>) {
    // SAFETY: clause 1.
    unsafe { &*once.cast::<Once>() }.call_once(|| {
        if let Some(function) = function {
            function();
        }
    });
}
