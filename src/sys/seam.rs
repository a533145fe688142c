//! System calls that fail on order, for test builds.
//!
//! One order at a time: the `skip`-th coming call of a given number and the `times - 1` after it
//! answer a given error without reaching the kernel. The order is process-wide, so that a thread's
//! own calls can be made to fail by whoever starts it.
//!
//! And calls are counted by their numbers while somebody [`record`]s: a list of what a piece of
//! code asks of the kernel is made by running it.
//!
//! Clocks are mostly read without a call. [`set_vdso`] makes them calls, that they can fail.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering::SeqCst};

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

/// How many different calls can be counted; the runtime makes fewer.
const KINDS_MAX: usize = 48;

/// How often each call was made. Zeroes are an empty one, so that it may lie in memory that is
/// shared with a child process.
pub struct Counters([(AtomicUsize, AtomicU32); KINDS_MAX]);

/// Where calls are counted, null while they are not.
static COUNTERS: AtomicPtr<Counters> = AtomicPtr::new(ptr::null_mut());

/// Begins to count the calls that any thread makes, from nothing.
pub fn record(counters: &'static Counters) {
    COUNTERS.store(ptr::null_mut(), SeqCst);
    for (kind, count) in &counters.0 {
        kind.store(0, SeqCst);
        count.store(0, SeqCst);
    }
    COUNTERS.store(ptr::from_ref(counters).cast_mut(), SeqCst);
}

/// Ends counting.
pub fn end_record() {
    COUNTERS.store(ptr::null_mut(), SeqCst);
}

impl Counters {
    /// Returns the numbers of the calls that were made, and how often: those that failed on order,
    /// too.
    pub fn iter(&self) -> impl Iterator<Item = (usize, u32)> {
        let all = self.0.iter();
        all.map(|(kind, count)| (kind.load(SeqCst), count.load(SeqCst)))
            .take_while(|(kind, _)| *kind != 0)
            // One more is stored, because a number may be 0.
            .map(|(kind, count)| (kind - 1, count))
    }

    /// How often a call was made.
    pub fn count(&self, nr: usize) -> u32 {
        let found = self.iter().find(|(seen, _)| *seen == nr);
        found.map_or(0, |(_, count)| count)
    }

    fn note(&self, nr: usize) {
        for (kind, count) in &self.0 {
            let found = kind.compare_exchange(0, nr + 1, SeqCst, SeqCst);
            if found.is_ok() || found == Err(nr + 1) {
                count.fetch_add(1, SeqCst);
                return;
            }
        }
        crate::fatal::fatal(c"the seam counts fewer kinds of calls than there are");
    }
}

/// Returns the error that this call has to answer, if one is ordered.
pub(crate) fn ordered_failure(nr: usize) -> Option<Errno> {
    let failure = take_order(nr);
    // Counted when it is known whether it fails: who sees the count and makes the same call must
    // not be taken for the one that was seen.
    // SAFETY: null, or a `&'static Counters`.
    if let Some(counters) = unsafe { COUNTERS.load(SeqCst).as_ref() } {
        counters.note(nr);
    }
    failure
}

fn take_order(nr: usize) -> Option<Errno> {
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

/// What the vDSO does when a clock is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vdso {
    /// What it can.
    Works,
    /// There is none.
    Absent,
    /// It refuses, as one does that cannot read the machine's counter.
    Refuses,
}

/// A [`Vdso`].
static VDSO: AtomicU32 = AtomicU32::new(Vdso::Works as u32);
/// How many readings it answered.
static VDSO_READINGS: AtomicU32 = AtomicU32::new(0);

/// Sets what the vDSO does for all threads.
pub fn set_vdso(vdso: Vdso) {
    VDSO.store(vdso as u32, SeqCst);
}

/// Returns how many readings of clocks the vDSO answered, of any thread.
pub fn vdso_readings() -> u32 {
    VDSO_READINGS.load(SeqCst)
}

/// Whether there is one to ask.
pub(crate) fn may_ask_vdso() -> bool {
    VDSO.load(SeqCst) != Vdso::Absent as u32
}

/// Returns what it has answered as far as the caller is told.
pub(crate) fn vdso_answered(answer: i32) -> i32 {
    if VDSO.load(SeqCst) == Vdso::Refuses as u32 {
        return -Errno::NOSYS.raw();
    }
    VDSO_READINGS.fetch_add(u32::from(answer == 0), SeqCst);
    answer
}
