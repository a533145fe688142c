//! Thread ids: 64 bits, counted up from the main thread's 1, never used twice.

#[cfg(target_has_atomic = "64")]
mod counter {
    use core::sync::atomic::{AtomicU64, Ordering};

    static LAST: AtomicU64 = AtomicU64::new(1);

    /// Relaxed: only the uniqueness of the number matters, and no memory goes with it.
    pub fn next() -> u64 {
        LAST.fetch_add(1, Ordering::Relaxed) + 1
    }
}

#[cfg(not(target_has_atomic = "64"))]
mod counter {
    use crate::sync::Mutex;

    static LAST: Mutex<u64> = Mutex::new(1);

    /// A lock that may sleep: ids are made by spawners only, never on an exit path.
    pub fn next() -> u64 {
        let mut last = LAST.lock_raw();
        *last += 1;
        *last
    }
}

pub use counter::next;
