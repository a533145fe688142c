//! Thread ids: 64 bits, counted up from the main thread's 1, never used twice.
//!
//! No lock: a child of `fork`, or a signal handler, finds the counter usable.

#[cfg(target_has_atomic = "64")]
mod counter {
    use core::sync::atomic::{AtomicU64, Ordering};

    /// How many were given out beside the main thread's.
    static COUNT: AtomicU64 = AtomicU64::new(0);

    /// Relaxed: only the uniqueness of the number matters, and no memory goes with it.
    pub fn next() -> u64 {
        COUNT.fetch_add(1, Ordering::Relaxed) + 2
    }
}

#[cfg(not(target_has_atomic = "64"))]
mod counter {
    use core::sync::atomic::{AtomicU32, Ordering};

    static LOW: AtomicU32 = AtomicU32::new(1);
    /// The upper half, whose top bit is what the top bit of `LOW` was when it was last looked at.
    static HIGH: AtomicU32 = AtomicU32::new(0);

    /// Extends a 32-bit counter to 63 bits as `include/linux/cnt32_to_63.h` of the kernel does: the
    /// top bits of the halves differ exactly when the lower one has passed a half turn since, and
    /// then everybody who sees that stores the same new upper half. Wrong only if a thread is held
    /// up between the two lines for 2^31 spawns of others.
    pub fn next() -> u64 {
        // The upper half first: Acquire keeps the lower one after it.
        let mut high = HIGH.load(Ordering::Acquire);
        let low = LOW.fetch_add(1, Ordering::AcqRel).wrapping_add(1);
        if (high ^ low) >> 31 != 0 {
            high = (high ^ (1 << 31)).wrapping_add(high >> 31);
            HIGH.store(high, Ordering::Release);
        }
        u64::from(high & !(1 << 31)) << 32 | u64::from(low)
    }
}

pub use counter::next;
