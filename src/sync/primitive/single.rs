//! The same for a process of one thread: words are cells, and whoever would sleep dies.
//!
//! **What it relies on:** without the feature `threads` this crate starts no thread. Whoever starts
//! one by other means (a raw `clone`, a C library below) must not use this crate in both, and a
//! signal handler must not use its locks: both take `unsafe` code, whose author is told so in the
//! documentation of `sync`.
//!
//! Nothing here is ordered, as one thread sees what it did in the order in which it did it: every
//! `Ordering` is ignored.

use core::cell::Cell;

use super::{Kinds, Limit, Ordering, Woken};

/// A child of `fork` has all that its parent had.
pub fn heed_fork() {}

/// Likewise.
#[inline]
pub fn generation() -> u32 {
    0
}

/// Nobody forks away from other threads.
pub fn note_queues() {}

/// What stands for an atomic word.
pub type AtomicU32 = Plain<u32>;
/// What stands for an atomic word as long as an address.
pub type AtomicUsize = Plain<usize>;

/// A cell with an atomic's methods: plain loads and stores.
#[derive(Debug)]
#[repr(transparent)]
pub struct Plain<T: Copy>(Cell<T>);

// SAFETY: there is one thread, by what the module relies on.
unsafe impl<T: Copy + Send> Sync for Plain<T> {}

impl<T: Copy + PartialEq> Plain<T> {
    pub const fn new(value: T) -> Plain<T> {
        Plain(Cell::new(value))
    }

    pub const fn as_ptr(&self) -> *mut T {
        self.0.as_ptr()
    }

    #[inline]
    pub fn load(&self, _: Ordering) -> T {
        self.0.get()
    }

    #[inline]
    pub fn store(&self, value: T, _: Ordering) {
        self.0.set(value);
    }

    #[inline]
    pub fn swap(&self, value: T, _: Ordering) -> T {
        self.0.replace(value)
    }

    #[inline]
    pub fn compare_exchange(&self, current: T, new: T, _: Ordering, _: Ordering) -> Result<T, T> {
        let found = self.0.get();
        if found != current {
            return Err(found);
        }
        self.0.set(new);
        Ok(found)
    }

    /// Never fails spuriously.
    #[inline]
    pub fn compare_exchange_weak(
        &self,
        current: T,
        new: T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<T, T> {
        self.compare_exchange(current, new, success, failure)
    }
}

impl Plain<u32> {
    #[inline]
    pub fn fetch_add(&self, value: u32, _: Ordering) -> u32 {
        self.0.replace(self.0.get().wrapping_add(value))
    }

    #[inline]
    pub fn fetch_sub(&self, value: u32, _: Ordering) -> u32 {
        self.0.replace(self.0.get().wrapping_sub(value))
    }
}

/// Who waits in a queue waits alone.
pub const BUCKETS: usize = 2;

/// Nobody changes a word while it is looked at.
#[inline]
pub fn spins() -> u32 {
    0
}

/// Nobody is waited for.
#[inline]
pub fn spin_loop() {}

/// Nobody could run.
#[inline]
pub fn yields() -> u32 {
    0
}

/// Nobody else wants to run.
#[inline]
pub fn yield_now() {}

/// Ends the process if the word holds `expected`: this would be for ever.
#[cold]
#[inline(never)]
pub fn wait(word: &AtomicU32, expected: u32) {
    if word.load(Ordering::Relaxed) == expected {
        crate::fatal::fatal(
            c"the only thread waits for itself: it takes a lock that it holds, or waits for what \
             nobody else can do (the feature `threads` is off, so there are no others)",
        );
    }
}

/// Likewise.
pub fn wait_as(word: &AtomicU32, expected: u32, _: Kinds) {
    wait(word, expected);
}

/// Lets the time pass that nothing else will end; without a limit as [`wait`].
#[cold]
#[inline(never)]
pub fn wait_until(word: &AtomicU32, expected: u32, limit: Option<Limit>) -> bool {
    match limit {
        Some(Limit(until)) if word.load(Ordering::Relaxed) == expected => {
            crate::time::sleep_to(until);
            false
        }
        Some(_) => true,
        None => {
            wait(word, expected);
            true
        }
    }
}

/// Likewise.
pub fn wait_told(word: &AtomicU32, expected: u32, limit: Limit) -> Woken {
    if wait_until(word, expected, Some(limit)) {
        Woken::ByChange
    } else {
        Woken::ByTimeout
    }
}

/// Nobody sleeps.
#[inline]
pub fn wake_one(_: *const u32) {}

/// Nobody sleeps.
#[inline]
pub fn wake_all(_: *const u32) {}

/// Nobody sleeps.
#[inline]
pub fn wake_as(_: *const u32, _: u32, _: Kinds) {}
