//! The mutex of "Futexes Are Tricky", without spinning.

use bench_common::{locks::Mutex, os};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, Ordering::*};

pub struct FloorMutex {
    /// 0 free, 1 held, 2 held and somebody may sleep.
    state: AtomicU32,
    value: UnsafeCell<u64>,
}

// SAFETY: the lock lets one thread at a time reach the value.
unsafe impl Sync for FloorMutex {}

#[cold]
fn lock_slow(state: &AtomicU32) {
    while state.swap(2, Acquire) != 0 {
        os::futex_wait(state, 2);
    }
}

impl Mutex for FloorMutex {
    const NEW: Self = FloorMutex {
        state: AtomicU32::new(0),
        value: UnsafeCell::new(0),
    };

    #[inline]
    fn with<R>(&self, work: impl FnOnce(&mut u64) -> R) -> R {
        if self.state.compare_exchange(0, 1, Acquire, Relaxed).is_err() {
            lock_slow(&self.state);
        }
        // SAFETY: the lock is held.
        let result = work(unsafe { &mut *self.value.get() });
        if self.state.swap(0, Release) == 2 {
            os::futex_wake(&self.state, 1);
        }
        result
    }
}
