//! What the algorithms stand on, here: the host's atomics, and its C library's way to the kernel.

pub use core::cell::Cell as Handed;
pub use core::hint::spin_loop;
pub use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::time::Instant;

/// Who is meant by a wake-up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kinds(pub u32);

impl Kinds {
    pub const ALL: Kinds = Kinds(u32::MAX);
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    ByWake,
    ByChange,
    ByTimeout,
}

/// When a wait ends.
#[derive(Clone, Copy, Debug)]
pub struct Limit(Instant);

impl Limit {
    pub fn after(timeout: Duration) -> Limit {
        Limit(Instant::now() + timeout)
    }

    pub fn soon(timeout: Duration) -> Limit {
        Limit::after(timeout)
    }

    pub fn has_passed(self) -> bool {
        Instant::now() > self.0
    }
}

/// Few, so that condition variables meet.
pub const BUCKETS: usize = 2;

macro_rules! shared {
    ($(static $name:ident: [$of:ty; $count:expr];)*) => {$(
        static $name: [$of; $count] = [const { <$of>::new() }; $count];
    )*};
}
pub(super) use shared;

/// Nobody forks here.
pub fn heed_fork() {}

pub fn generation() -> u32 {
    0
}

/// Likewise.
pub fn note_queues() {}

/// Short, so that there is much sleeping.
pub fn spins() -> u32 {
    10
}

pub fn yields() -> u32 {
    2
}

pub fn yield_now() {
    std::thread::yield_now();
}

pub fn guess(word: &AtomicU32) -> u32 {
    word.load(Ordering::Relaxed)
}

pub fn wait(word: &AtomicU32, expected: u32) {
    sleep(word, expected, Kinds::ALL, None);
}

pub fn wait_as(word: &AtomicU32, expected: u32, kinds: Kinds) {
    sleep(word, expected, kinds, None);
}

pub fn wait_until(word: &AtomicU32, expected: u32, limit: Option<Limit>) -> bool {
    sleep(word, expected, Kinds::ALL, limit) != Woken::ByTimeout
}

pub fn wait_told(word: &AtomicU32, expected: u32, limit: Limit) -> Woken {
    sleep(word, expected, Kinds::ALL, Some(limit))
}

fn sleep(word: &AtomicU32, expected: u32, Kinds(kinds): Kinds, limit: Option<Limit>) -> Woken {
    // The kernel takes a point in time with these two, and this a duration: so it is made of one.
    let left = limit.map(|Limit(until)| until.saturating_duration_since(Instant::now()));
    if left == Some(Duration::ZERO) {
        return Woken::ByTimeout;
    }
    let until = left.map(|left| {
        let mut now = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: the call writes the structure.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
        let end = Duration::new(now.tv_sec as u64, now.tv_nsec as u32) + left;
        libc::timespec {
            tv_sec: end.as_secs() as i64,
            tv_nsec: i64::from(end.subsec_nanos()),
        }
    });
    let until = until
        .as_ref()
        .map_or(core::ptr::null(), core::ptr::from_ref);
    let call = libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG;
    let (word, no) = (word.as_ptr(), core::ptr::null::<u32>());
    // SAFETY: the word is aligned, and the structure is there as long as the call.
    let result = unsafe { libc::syscall(libc::SYS_futex, word, call, expected, until, no, kinds) };
    let error = std::io::Error::last_os_error().raw_os_error();
    match (result, error) {
        (0, _) => Woken::ByWake,
        (_, Some(libc::ETIMEDOUT)) => Woken::ByTimeout,
        _ => Woken::ByChange,
    }
}

pub fn wake_one(word: *const u32) {
    wake_as(word, 1, Kinds::ALL);
}

pub fn wake_all(word: *const u32) {
    wake_as(word, u32::MAX, Kinds::ALL);
}

pub fn wake_as(word: *const u32, count: u32, Kinds(kinds): Kinds) {
    let call = libc::FUTEX_WAKE_BITSET | libc::FUTEX_PRIVATE_FLAG;
    let count = count.min(i32::MAX as u32);
    let no = core::ptr::null::<u32>();
    // SAFETY: the call looks at the address alone.
    unsafe { libc::syscall(libc::SYS_futex, word, call, count, no, no, kinds) };
}
