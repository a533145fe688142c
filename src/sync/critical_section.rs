//! The critical section of the crate `critical-section`: one lock of the process' own.
//!
//! Reentrant, because crates that know nothing of each other nest theirs. What `acquire` returns
//! tells whether it was nested, for which the lock itself keeps count.

use core::mem;

use critical_section::RawRestoreState;

use super::ReentrantLock;

static LOCK: ReentrantLock<()> = ReentrantLock::new(());

struct Section;

critical_section::set_impl!(Section);

// SAFETY: between `acquire` and its `release` the thread holds the lock, so that no other thread is
// between its own two; the mutex inside makes what the former holder did visible to the next.
unsafe impl critical_section::Impl for Section {
    unsafe fn acquire() -> RawRestoreState {
        let guard = LOCK.lock();
        let is_nested = guard.is_nested();
        // Unlocked by `release`.
        mem::forget(guard);
        is_nested
    }

    unsafe fn release(_is_nested: RawRestoreState) {
        // SAFETY: by the contract of `release` this thread has called `acquire` before, once for
        // each `release`, and it forgot a guard.
        unsafe { LOCK.force_unlock() };
    }
}
