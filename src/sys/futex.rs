//! `futex`: sleep while a word holds a value, wake who sleeps on a word.
//!
//! Raw pointers throughout: after the store that unlocks, another thread may free the word's
//! memory, and a wake on an address that is gone is harmless to the kernel, while a reference to
//! it would be undefined behaviour in Rust.
//!
//! Source: futex(2), `kernel/futex/`.

use super::time::{Clock, Timespec, with_fallback};
use super::{Errno, call, made};
use crate::arch::{self, kernel as k};

/// Who else may sleep or wake on the word.
///
/// # Examples
/// ```
/// use threadbare::sync::atomic::AtomicU32;
/// use threadbare::sync::futex::{Scope, wake};
///
/// // In memory that other processes map, `Private` would reach this one alone.
/// let word = AtomicU32::new(0);
/// assert_eq!(wake(word.as_ptr(), 1, Scope::Shared), 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Threads of this process: the kernel finds the queue by address alone.
    Private,
    /// Anybody who maps the memory, and the kernel itself: its wake-up of the tid word at a
    /// thread's end is a shared one (`kernel/fork.c`, `mm_release`), which a private waiter
    /// never hears.
    Shared,
}

impl Scope {
    /// The flag that goes with an operation.
    const fn flag(self) -> u32 {
        match self {
            Scope::Private => k::FUTEX_PRIVATE_FLAG,
            Scope::Shared => 0,
        }
    }
}

/// Why a wait ended.
///
/// # Examples
/// ```
/// use threadbare::sync::atomic::AtomicU32;
/// use threadbare::sync::futex::{Scope, Woken, wait};
///
/// let word = AtomicU32::new(1);
/// // SAFETY: an `AtomicU32` is aligned.
/// let woken = unsafe { wait(word.as_ptr(), 0, Scope::Private) };
/// assert_eq!(woken, Woken::ByChange);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// Somebody woke the word, or nobody did: spurious wake-ups are legal.
    ByWake,
    /// The word did not hold the value when the kernel looked.
    ByChange,
    /// A signal handler ran.
    BySignal,
    /// The time was up: [`wait_timeout`](crate::sync::futex::wait_timeout) and
    /// [`wait_until`](crate::sync::futex::wait_until) alone.
    ByTimeout,
}

/// Which sleepers of a word a call is about, as bits: a wake reaches who has one of them, too.
///
/// One word can so have queues of several kinds. A plain wait has all bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(pub u32);

impl Kinds {
    /// Sleepers of every kind.
    pub const ALL: Kinds = Kinds(k::FUTEX_BITSET_MATCH_ANY);
}

/// Sleeps while `*word == expected`.
///
/// # Blocking
/// Until a wake, a signal or for no reason at all; callers loop on the word.
///
/// # Safety
/// 1. `word` is aligned to 4 bytes. (An address that is not mapped is fatal, not undefined.)
///
/// # Examples
/// ```
/// use threadbare::sync::atomic::{AtomicU32, Ordering};
/// use threadbare::sync::futex::{Scope, wait, wake};
/// use threadbare::thread;
///
/// static DOOR: AtomicU32 = AtomicU32::new(0);
///
/// let visitor = thread::spawn(|| {
///     // In a loop: a wake-up alone proves nothing.
///     while DOOR.load(Ordering::Acquire) == 0 {
///         // SAFETY: a static is aligned.
///         unsafe { wait(DOOR.as_ptr(), 0, Scope::Private) };
///     }
/// });
/// DOOR.store(1, Ordering::Release);
/// wake(DOOR.as_ptr(), u32::MAX, Scope::Private);
/// visitor.join().unwrap();
/// ```
#[inline(always)]
pub unsafe fn wait(word: *const u32, expected: u32, scope: Scope) -> Woken {
    let operation = (k::FUTEX_WAIT | scope.flag()) as usize;
    let forever = 0;
    // SAFETY: the kernel reads four bytes; clause 1.
    let ended = unsafe { call!(FUTEX, word as usize, operation, expected as usize, forever) };
    outcome(ended, false)
}

/// Sleeps while `*word == expected`, at most until `clock` shows `until`.
///
/// # Blocking
/// As [`wait`], and not beyond `until`.
///
/// # Safety
/// 1. As [`wait`], clause 1.
pub unsafe fn wait_until(
    word: *const u32,
    expected: u32,
    scope: Scope,
    clock: Clock,
    until: Timespec,
) -> Woken {
    // The operation that takes an absolute time.
    let clock_flag = match clock {
        Clock::Monotonic => 0,
        Clock::Realtime => k::FUTEX_CLOCK_REALTIME,
    };
    let operation = (k::FUTEX_WAIT_BITSET | clock_flag | scope.flag()) as usize;
    let everybody = Kinds::ALL.0 as usize;
    let (word, expected, unused) = (word as usize, expected as usize, 0);
    let (time, time32) = (until.to_kernel(), until.to_kernel32());
    let ended = with_fallback(
        || {
            let time = time.as_ptr() as usize;
            // SAFETY: the kernel reads four bytes (clause 1), and the time.
            unsafe {
                call!(
                    FUTEX_TIME64,
                    word,
                    operation,
                    expected,
                    time,
                    unused,
                    everybody
                )
            }
        },
        |old| {
            let (nr, time) = (old.futex, time32.as_ptr() as usize);
            // SAFETY: as above, with the time in 32 bits.
            made(nr, || unsafe {
                arch::syscall6(nr, word, operation, expected, time, unused, everybody)
            })
        },
    );
    outcome(ended, true)
}

/// Sleeps while `*word == expected`, as a sleeper of some kinds.
///
/// # Blocking
/// As [`wait`].
///
/// # Safety
/// 1. As [`wait`], clause 1.
pub unsafe fn wait_as(word: *const u32, expected: u32, scope: Scope, kinds: Kinds) -> Woken {
    let operation = (k::FUTEX_WAIT_BITSET | scope.flag()) as usize;
    let (forever, unused) = (0, 0);
    let (word, expected, kinds) = (word as usize, expected as usize, kinds.0 as usize);
    // SAFETY: the kernel reads four bytes; clause 1.
    let ended = unsafe { call!(FUTEX, word, operation, expected, forever, unused, kinds) };
    outcome(ended, false)
}

/// Reads the kernel's answer to a wait, with a limit or without.
#[inline(always)]
fn outcome(ended: Result<usize, Errno>, has_limit: bool) -> Woken {
    match ended {
        Ok(_) => Woken::ByWake,
        Err(Errno::AGAIN) => Woken::ByChange,
        Err(Errno::INTR) => Woken::BySignal,
        Err(Errno::TIMEDOUT) if has_limit => Woken::ByTimeout,
        // EFAULT, EINVAL: the pointer was wrong. ENOSYS: no futexes in this kernel.
        Err(errno) => crate::fatal::fatal_errno(c"futex wait", errno),
    }
}

/// Wakes up to `count` sleepers on `word`; returns how many there were.
///
/// The word may be gone: then nobody is woken, or somebody who sleeps on the new tenant of the
/// address wakes spuriously, which every sleeper allows for. A kernel that refuses to wake at all,
/// as a seccomp filter can, ends the program with a message, for somebody would sleep for ever; and
/// so does a word that is not aligned to 4 bytes.
///
/// # Examples
/// ```
/// use threadbare::sync::atomic::AtomicU32;
/// use threadbare::sync::futex::{Scope, wake};
///
/// let word = AtomicU32::new(0);
/// // Nobody sleeps there.
/// assert_eq!(wake(word.as_ptr(), u32::MAX, Scope::Private), 0);
/// ```
#[inline(always)]
pub fn wake(word: *const u32, count: u32, scope: Scope) -> usize {
    if count == 0 {
        // The kernel counts after it has woken one.
        return 0;
    }
    let operation = (k::FUTEX_WAKE | scope.flag()) as usize;
    let count = count.min(i32::MAX as u32) as usize;
    // SAFETY: the kernel does not touch the word, it only looks its address up.
    woken(unsafe { call!(FUTEX, word as usize, operation, count) })
}

/// Reads the kernel's answer to a wake.
#[inline(always)]
fn woken(answer: Result<usize, Errno>) -> usize {
    match answer {
        Ok(woken) => woken,
        // What a shared wake on unmapped memory answers: nobody sleeps there.
        Err(Errno::FAULT) => 0,
        Err(errno) => crate::fatal::fatal_errno(c"futex wake", errno),
    }
}

/// Wakes up to `count` sleepers on `word` that are of one of `kinds`; returns how many there were.
#[inline]
pub fn wake_as(word: *const u32, count: u32, scope: Scope, kinds: Kinds) -> usize {
    let operation = (k::FUTEX_WAKE_BITSET | scope.flag()) as usize;
    let (word, count, unused) = (word as usize, count.min(i32::MAX as u32) as usize, 0);
    let kinds = kinds.0 as usize;
    // SAFETY: as for `wake`, and likewise for errors.
    woken(unsafe { call!(FUTEX, word, operation, count, unused, unused, kinds) })
}

/// If `*from == expected`, wakes up to `wake_count` of its sleepers and makes up to `move_count`
/// others sleep on `to` instead.
///
/// It spares them to wake up only to sleep again. Returns how many were woken and moved together,
/// `None` where the word held another value, or is gone.
///
/// Whoever is moved returns from its wait when `to` is woken, and only then: the caller owes it
/// that wake-up.
///
/// # Kernel
/// futex(2), `FUTEX_CMP_REQUEUE`.
///
/// # Safety
/// 1. Both words are aligned to 4 bytes.
///
/// # Examples
/// ```
/// use threadbare::sync::atomic::{AtomicU32, Ordering};
/// use threadbare::sync::futex::{Scope, requeue, wait, wake};
/// use threadbare::thread;
///
/// static DOOR: AtomicU32 = AtomicU32::new(0);
/// static HALL: AtomicU32 = AtomicU32::new(0);
///
/// let visitor = thread::spawn(|| {
///     while DOOR.load(Ordering::Acquire) == 0 {
///         // SAFETY: a static is aligned.
///         unsafe { wait(DOOR.as_ptr(), 0, Scope::Private) };
///     }
/// });
/// // SAFETY: likewise. Nobody is woken, and one sleeper moved, as soon as there is one.
/// while unsafe { requeue(DOOR.as_ptr(), 0, 0, HALL.as_ptr(), 1, Scope::Private) } != Some(1) {
///     thread::yield_now();
/// }
/// DOOR.store(1, Ordering::Release);
/// assert_eq!(wake(HALL.as_ptr(), 1, Scope::Private), 1);
/// visitor.join().unwrap();
/// ```
pub unsafe fn requeue(
    from: *const u32,
    expected: u32,
    wake_count: u32,
    to: *const u32,
    move_count: u32,
    scope: Scope,
) -> Option<usize> {
    let operation = (k::FUTEX_CMP_REQUEUE | scope.flag()) as usize;
    let count = |count: u32| count.min(i32::MAX as u32) as usize;
    let (from, to, expected) = (from as usize, to as usize, expected as usize);
    let (wake_count, move_count) = (count(wake_count), count(move_count));
    // SAFETY: the kernel reads four bytes of `from`; clause 1.
    match unsafe { call!(FUTEX, from, operation, wake_count, move_count, to, expected) } {
        Ok(count) => Some(count),
        // EFAULT: as for `wake`.
        Err(Errno::AGAIN | Errno::FAULT) => None,
        Err(errno) => crate::fatal::fatal_errno(c"futex requeue", errno),
    }
}
