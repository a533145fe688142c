//! What the lock algorithms stand on: an atomic word, two futex calls and a pause.
//!
//! The one place to change when the algorithms are to run on something else than the kernel, such
//! as a model checker: nothing in `sync` reaches past this module.
//!
//! Without the feature `threads` there is nobody to exclude or to wait for: `single` takes its
//! place.

#[cfg(not(feature = "threads"))]
mod single;

pub use core::sync::atomic::Ordering;
#[cfg(feature = "threads")]
pub use core::{
    hint::spin_loop,
    sync::atomic::{AtomicU32, AtomicUsize},
};
#[cfg(not(feature = "threads"))]
pub use single::*;

#[cfg(feature = "threads")]
use crate::sys::futex::{self, Scope};

/// Looks at a word before the first sleep: about a microsecond, less than a sleep costs. A holder
/// that works longer is better waited for asleep.
#[cfg(feature = "threads")]
pub const SPINS_MAX: u32 = 100;

/// Sleeps while the word holds `expected`, or for no reason at all: callers loop.
#[cfg(feature = "threads")]
#[inline]
pub fn wait(word: &AtomicU32, expected: u32) {
    // SAFETY: the word is aligned.
    unsafe { futex::wait(word.as_ptr(), expected, Scope::Private) };
}

/// Wakes one sleeper. By raw pointer: the store that came before may have given the word away.
#[cfg(feature = "threads")]
#[inline]
pub fn wake_one(word: *const u32) {
    futex::wake(word, 1, Scope::Private);
}

/// Wakes every sleeper, likewise.
#[cfg(feature = "threads")]
#[inline]
pub fn wake_all(word: *const u32) {
    futex::wake(word, u32::MAX, Scope::Private);
}
