//! What the lock algorithms stand on: an atomic word, two futex calls and a pause.
//!
//! The one place to change when the algorithms are to run on something else than the kernel, such
//! as a model checker: nothing in `sync` reaches past this module.

pub use core::hint::spin_loop;
pub use core::sync::atomic::{AtomicU32, Ordering};

use crate::sys::futex::{self, Scope};

/// Sleeps while the word holds `expected`, or for no reason at all: callers loop.
#[inline]
pub fn wait(word: &AtomicU32, expected: u32) {
    // SAFETY: the word is aligned.
    unsafe { futex::wait(word.as_ptr(), expected, Scope::Private) };
}

/// Wakes one sleeper. By raw pointer: the store that came before may have given the word away.
#[inline]
pub fn wake_one(word: *const u32) {
    futex::wake(word, 1, Scope::Private);
}

/// Wakes every sleeper, likewise.
#[inline]
pub fn wake_all(word: *const u32) {
    futex::wake(word, u32::MAX, Scope::Private);
}
