//! System calls that fail on order, for test builds.
//!
//! One order at a time: the `skip`-th coming call of a given number and the `times - 1` after it
//! answer a given error without reaching the kernel. The order is process-wide, so that a thread's
//! own calls can be made to fail by whoever starts it.

use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};

use super::Errno;

const NO_CALL: usize = usize::MAX;

static NUMBER: AtomicUsize = AtomicUsize::new(NO_CALL);
static SKIP: AtomicU32 = AtomicU32::new(0);
static TIMES: AtomicU32 = AtomicU32::new(0);
static ERRNO: AtomicU32 = AtomicU32::new(0);
static FAILED: AtomicU32 = AtomicU32::new(0);

/// Orders call number `nr` to fail with `errno`, `times` times, after `skip` calls that go through.
pub fn order(nr: usize, skip: u32, times: u32, errno: Errno) {
    NUMBER.store(NO_CALL, SeqCst);
    SKIP.store(skip, SeqCst);
    TIMES.store(times, SeqCst);
    ERRNO.store(errno.raw() as u32, SeqCst);
    FAILED.store(0, SeqCst);
    NUMBER.store(nr, SeqCst);
}

/// Ends the order; returns how many calls it made fail.
pub fn end() -> u32 {
    NUMBER.store(NO_CALL, SeqCst);
    FAILED.load(SeqCst)
}

/// Returns the error that this call has to answer, if one is ordered.
pub(crate) fn ordered_failure(nr: usize) -> Option<Errno> {
    if NUMBER.load(SeqCst) != nr {
        return None;
    }
    let take = |count: &AtomicU32| {
        count
            .fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1))
            .is_ok()
    };
    if take(&SKIP) || !take(&TIMES) {
        return None;
    }
    FAILED.fetch_add(1, SeqCst);
    Errno::from_raw(ERRNO.load(SeqCst) as i32)
}
