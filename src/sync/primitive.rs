//! What the lock algorithms stand on: an atomic word, futex calls with a time limit, a pause.
//!
//! The one place to change when the algorithms are to run on something else than the kernel:
//! nothing in `sync` reaches past this module. `tests/models` puts two model checkers here.
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

/// What one thread after the other touches, in an order that the algorithms owe.
pub use core::cell::Cell as Handed;
use core::time::Duration;

#[cfg(feature = "threads")]
use crate::sys::futex::{self, Scope};
use crate::sys::time::Timespec;
#[cfg(feature = "threads")]
use crate::used::Used;

pub use crate::sys::futex::{Kinds, Woken};
#[cfg(feature = "threads")]
pub use crate::sys::task::yield_now;

/// How many queues condition variables share: enough that two of them seldom meet, 4 KiB.
#[cfg(feature = "threads")]
pub const BUCKETS: usize = 64;

/// A point on the monotonic clock at which a wait ends.
#[derive(Clone, Copy, Debug)]
pub struct Limit(Timespec);

impl Limit {
    /// The point that is `timeout` from now.
    pub fn after(timeout: Duration) -> Limit {
        Limit(crate::time::deadline(timeout))
    }

    /// The same, for a wait that seldom is: by a system call, so that a program that has locks and
    /// reads no clock does not contain what finds the vDSO's.
    pub fn soon(timeout: Duration) -> Limit {
        Limit(crate::time::deadline_by_call(timeout))
    }

    /// Whether the point is in the past, by a system call as well.
    pub fn has_passed(self) -> bool {
        crate::time::deadline_by_call(Duration::ZERO) > self.0
    }
}

/// Whether somebody was ever queued. Until then no queue is looked at either, and a child of `fork`
/// has none to empty.
#[cfg(feature = "threads")]
pub static QUEUES: Used = Used::new();

/// Says that somebody is about to be.
#[cfg(feature = "threads")]
#[inline]
pub fn note_queues() {
    // Once: a store each time would take the line from other CPUs.
    if !QUEUES.get() {
        QUEUES.set();
    }
}

/// Settles, if this is a child of `fork` that has not noticed yet: what other threads queued is not
/// there.
#[cfg(feature = "threads")]
#[inline]
pub fn heed_fork() {
    crate::fork::heed();
}

/// The number of this process, which is another one than any parent's: see [`fork::generation`].
/// Settles first.
///
/// [`fork::generation`]: crate::fork::generation
#[cfg(feature = "threads")]
#[inline]
pub fn generation() -> u32 {
    crate::fork::heed();
    crate::fork::generation()
}

/// Declares statics that all threads share. A model makes them anew for each of its runs.
macro_rules! shared {
    ($(static $name:ident: [$of:ty; $count:expr];)*) => {$(
        static $name: [$of; $count] = [const { <$of>::new() }; $count];
    )*};
}
pub(super) use shared;

/// How often a word is looked at before the first sleep: for about a microsecond, less than a sleep
/// costs. A holder that works longer is better waited for asleep; so is every holder where there is
/// one CPU alone.
#[cfg(feature = "threads")]
#[cold]
pub fn spins() -> u32 {
    const UNKNOWN: u32 = u32::MAX;
    const SPINS: u32 = 100;
    static KNOWN: AtomicU32 = AtomicU32::new(UNKNOWN);
    // Relaxed: a number alone. Whoever finds none asks, too, and learns the same.
    match KNOWN.load(Ordering::Relaxed) {
        UNKNOWN => {
            let cpus = crate::sys::task::count_cpus();
            let spins = if cpus == Ok(1) { 0 } else { SPINS };
            KNOWN.store(spins, Ordering::Relaxed);
            spins
        }
        spins => spins,
    }
}

/// How often a thread that finds a lock held lets others run before the first sleep: for less than
/// ten microseconds where nobody else wants the CPU, which is what it costs to sleep and be woken.
/// Never where there is one CPU alone, on which sleeping does the same.
#[cfg(feature = "threads")]
pub fn yields() -> u32 {
    const YIELDS: u32 = 20;
    if spins() == 0 { 0 } else { YIELDS }
}

/// Looks at a word that a compare-and-swap is about to tell the truth of: with a wrong guess, an
/// old one among them, that fails, and no more.
#[inline]
pub fn guess(word: &AtomicU32) -> u32 {
    word.load(Ordering::Relaxed)
}

/// Sleeps while the word holds `expected`, or for no reason at all: callers loop.
#[cfg(feature = "threads")]
#[inline]
pub fn wait(word: &AtomicU32, expected: u32) {
    // SAFETY: the word is aligned.
    unsafe { futex::wait(word.as_ptr(), expected, Scope::Private) };
}

/// Likewise, as a sleeper of some kinds.
#[cfg(feature = "threads")]
#[inline]
pub fn wait_as(word: &AtomicU32, expected: u32, kinds: Kinds) {
    // SAFETY: the word is aligned.
    unsafe { futex::wait_as(word.as_ptr(), expected, Scope::Private, kinds) };
}

/// As [`wait`], until `limit` if there is one; returns false when that has passed.
#[cfg(feature = "threads")]
pub fn wait_until(word: &AtomicU32, expected: u32, limit: Option<Limit>) -> bool {
    let Some(limit) = limit else {
        wait(word, expected);
        return true;
    };
    wait_told(word, expected, limit) != Woken::ByTimeout
}

/// As [`wait`], until `limit`; returns why it ended. Who was woken has used up the wake-up.
#[cfg(feature = "threads")]
pub fn wait_told(word: &AtomicU32, expected: u32, Limit(until): Limit) -> Woken {
    let (scope, clock) = (Scope::Private, crate::sys::time::Clock::Monotonic);
    // SAFETY: the word is aligned.
    unsafe { futex::wait_until(word.as_ptr(), expected, scope, clock, until) }
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

/// Wakes up to `count` sleepers of some kinds, likewise.
#[cfg(feature = "threads")]
#[inline]
pub fn wake_as(word: *const u32, count: u32, kinds: Kinds) {
    futex::wake_as(word, count, Scope::Private, kinds);
}
