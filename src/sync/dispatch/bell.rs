//! A word that is waited for once: by an idle thread for news, by those who share a job's handle
//! for its result.

use super::super::primitive::{self, AtomicU32, Limit, Ordering};

/// Nobody has rung.
const SILENT: u32 = 0;
/// Nobody has rung, and who waits for it sleeps, or is about to.
const AWAITED: u32 = 1;
/// There is nobody who will wait.
const DETACHED: u32 = 2;
/// It was rung.
pub(crate) const RUNG: u32 = 3;
/// It was rung, and says that there will be no result.
pub(crate) const RUNG_IN_VAIN: u32 = 4;

/// How many turns of `primitive::spins` are spun before a sleep: what is handed over between two
/// CPUs comes within a microsecond, and to be woken on an idle one costs thirty.
const SPINS_TURNS: u32 = 4;

/// What is waited for once.
pub(crate) struct Bell {
    word: AtomicU32,
}

impl Bell {
    pub(crate) const fn new() -> Bell {
        Bell {
            word: AtomicU32::new(SILENT),
        }
    }

    /// Rings with a value of `RUNG` or more; returns whether nobody waits, nor will, so that the
    /// bell is still the caller's. By raw pointer: who waits may free the bell at once.
    ///
    /// # Safety
    /// 1. The bell lives until it is rung, and nobody else rings it. Where nobody will wait, it may
    ///    be rung again.
    pub(crate) unsafe fn ring(this: *const Bell, value: u32) -> bool {
        // SAFETY: clause 1.
        let word = unsafe { &(*this).word };
        let address = word.as_ptr();
        let before = word.swap(value, Ordering::AcqRel);
        if before == AWAITED {
            // All: a job's handle may be shared by threads that wait for it.
            primitive::wake_all(address);
        }
        before == DETACHED || before >= RUNG
    }

    /// Says that nobody will wait; returns the value if it was rung already.
    pub(crate) fn detach(&self) -> Option<u32> {
        let before = self.word.swap(DETACHED, Ordering::AcqRel);
        (before >= RUNG).then_some(before)
    }

    /// The value, if it was rung.
    pub(crate) fn rung(&self) -> Option<u32> {
        let value = self.word.load(Ordering::Acquire);
        (value >= RUNG).then_some(value)
    }

    /// Waits until it is rung, or until the limit; returns the value, if rung.
    pub(crate) fn wait(&self, limit: Option<Limit>) -> Option<u32> {
        let mut left = primitive::spins() * SPINS_TURNS;
        while left > 0 && self.word.load(Ordering::Relaxed) == SILENT {
            primitive::spin_loop();
            left -= 1;
        }
        loop {
            let awaited =
                self.word
                    .compare_exchange(SILENT, AWAITED, Ordering::Relaxed, Ordering::Acquire);
            if let Err(value @ RUNG..) = awaited {
                return Some(value);
            }
            if !primitive::wait_until(&self.word, AWAITED, limit) {
                return None;
            }
        }
    }
}
