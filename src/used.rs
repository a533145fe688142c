//! What a program has ever asked for, so that it need not contain what it never does.
//!
//! A flag is set where the program chooses something and looked at where that has consequences.
//! Where nothing in the program sets it, the compiler sees that it is always false, and leaves the
//! consequences out.

use core::sync::atomic::{AtomicBool, Ordering};

/// Whether something was ever chosen.
///
/// Relaxed suffices: who looks does so on behalf of what was chosen, which reached it by means that
/// order more than that.
#[derive(Debug)]
pub struct Used(AtomicBool);

impl Used {
    /// Not chosen yet.
    pub const fn new() -> Used {
        Used(AtomicBool::new(false))
    }

    /// It is chosen.
    #[inline]
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was.
    #[inline]
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
