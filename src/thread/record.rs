//! Thread records: what outlives a thread for as long as somebody holds its [`Thread`].
//!
//! A record is 64 bytes: id, name, park word, the word that the kernel clears when the thread is
//! gone, and a reference count. Records live in a slab of pages that are never unmapped (the first
//! one is static), so that a late store of the kernel, or an `unpark` of a thread long dead, hits
//! memory that is still a record. The records of all pages form a ring, in which each is followed
//! by its neighbour in memory, and the last one of a page by the first one of another page: so
//! nothing is asked of a page's address, and the static one need not be aligned as pages are, which
//! would cost programs up to a page of their file.
//!
//! A record is claimed by moving its count from 0 to 1, with no lock: a child of `fork` finds the
//! slab usable whatever the other threads were doing. Nothing here sleeps.
//!
//! [`Thread`]: super::Thread

use core::cell::UnsafeCell;
use core::ffi::CStr;
use core::ptr;
use core::sync::atomic::{AtomicIsize, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use super::measure;
use crate::line::Text;
use crate::misuse::misuse;
use crate::sys::mem::{self, Map, Prot};
use crate::sys::task::{self, NAME_BYTES};
use crate::sys::{Errno, futex};
use crate::used::Used;

/// What is known of a thread from outside.
#[repr(C, align(64))]
pub struct Record {
    /// 0: free, as soon as `tid` is 0 too. Otherwise the thread itself (or the mapping it leaves
    /// behind) and every handle.
    references: AtomicU32,
    /// The kernel's number of the thread; written by the kernel at `clone` and cleared by it when
    /// the thread is gone (`CLONE_CHILD_CLEARTID`). 0 while there is no thread.
    tid: AtomicU32,
    /// How many sleep on `tid`, where that may be several.
    sleepers: AtomicU32,
    /// The word of `park`: `thread/park.rs` has its values.
    park: AtomicU32,
    /// How much of its stack the thread ever used, in bytes and one; 0 where nobody looked. Written
    /// by the thread before it swaps its completion, or by nobody.
    high_water: AtomicUsize,
    /// What follows in the ring, in the last record of a page; null in all others, which their
    /// neighbours follow, and in the last of the static page while it is the only page. Written
    /// once, but in that record.
    next: AtomicPtr<Record>,
    /// Written by the claimer alone, before anybody else can see the record.
    identity: UnsafeCell<Identity>,
}

struct Identity {
    /// The thread's id less one, so that the main thread's is 0.
    id_less_one: u64,
    /// NUL-padded; all NUL where the thread has no name.
    name: [u8; NAME_BYTES],
}

// SAFETY: `identity` is written only between a successful claim and the record's publication, by
// the claimer; afterwards it is only read until the count is 0 again.
unsafe impl Sync for Record {}

const _: () = assert!(size_of::<Record>() == 64);

/// What messages call a thread without a name.
pub const UNNAMED: &CStr = c"<unnamed>";

/// The record of the thread that ran `_start`, once that was said. Its own reference is never given
/// up.
pub static MAIN: Record = Record::free();

/// Fills the main thread's record, so that the image need not hold it.
///
/// # Safety
/// 1. Called once, and nobody has seen the record yet.
pub unsafe fn make_main() {
    MAIN.references.store(1, Ordering::Relaxed);
    // SAFETY: clause 1.
    let identity = unsafe { &mut *MAIN.identity.get() };
    identity.name[..4].copy_from_slice(b"main");
}

impl Record {
    /// A free record, which is all zero.
    const fn free() -> Record {
        Record {
            references: AtomicU32::new(0),
            tid: AtomicU32::new(0),
            sleepers: AtomicU32::new(0),
            park: AtomicU32::new(0),
            high_water: AtomicUsize::new(0),
            next: AtomicPtr::new(ptr::null_mut()),
            identity: UnsafeCell::new(Identity {
                id_less_one: 0,
                name: [0; NAME_BYTES],
            }),
        }
    }

    /// The thread's id.
    pub fn id(&self) -> u64 {
        // SAFETY: the caller reaches the record through a reference it holds; see `Sync`.
        unsafe { (*self.identity.get()).id_less_one + 1 }
    }

    /// The thread's name, NUL-padded.
    pub fn name_bytes(&self) -> &[u8; NAME_BYTES] {
        // SAFETY: as in `id`.
        unsafe { &(*self.identity.get()).name }
    }

    /// The name as messages show it.
    #[cfg_attr(for_size, inline(never))]
    pub fn shown_name(&self) -> Text<'_> {
        Text::of_name(self.name_bytes(), UNNAMED)
    }

    /// The word on which the thread parks; 0 when it is claimed.
    pub fn park_word(&self) -> &AtomicU32 {
        &self.park
    }

    /// How much of its stack the thread used, in bytes, if that was measured at its end.
    ///
    /// # Ordering
    /// Relaxed: whoever knows that the thread has ended, knows it by an acquiring load.
    pub fn high_water(&self) -> Option<usize> {
        self.high_water.load(Ordering::Relaxed).checked_sub(1)
    }

    /// Notes how much of its stack the calling thread has used.
    pub fn set_high_water(&self, bytes: usize) {
        self.high_water.store(bytes + 1, Ordering::Relaxed);
    }

    /// The word that the kernel writes at `clone` and clears at the end.
    pub fn tid_word(&self) -> *mut u32 {
        self.tid.as_ptr()
    }

    /// The kernel's number of the thread; 0 when it is gone, and in the main thread's record.
    ///
    /// # Ordering
    /// Acquire, so that what follows is not done before the look.
    pub fn tid(&self) -> u32 {
        self.tid.load(Ordering::Acquire)
    }

    /// Notes the calling thread's number, which a child of `fork` got from nobody.
    pub fn set_tid(&self, tid: u32) {
        self.tid.store(tid, Ordering::Release);
    }

    /// Whether the kernel has let go of the thread's stack, for good.
    ///
    /// # Ordering
    /// Whoever sees `true` may reuse the thread's memory: every access of the dead thread comes
    /// before. `Acquire` here pairs with the fence that a thread executes before its last system
    /// call (`exit::leave`), which the kernel's store follows.
    pub fn is_gone(&self) -> bool {
        self.tid.load(Ordering::Acquire) == 0
    }

    /// Sleeps until the kernel has let go of the thread's stack.
    ///
    /// # Blocking
    /// Until the thread has ended. The kernel's wake-up reaches one sleeper only
    /// (`kernel/fork.c`, `mm_release`), who passes it on.
    pub fn wait_until_gone(&self) {
        self.wait::<false>();
    }

    /// The same, but a child of `fork`, which has not got the thread, does not wait: nobody will
    /// ever clear the word there. It asks the kernel before each sleep.
    pub fn wait_until_gone_here(&self) {
        self.wait::<true>();
    }

    /// Sleeps while the tid word is not clear, and can become so, if that is in doubt.
    ///
    /// # Ordering
    /// The count must let whoever the kernel wakes see everybody who slept beside it. They counted
    /// themselves before they entered the kernel's queue, and it left the queue after them: the
    /// queue's lock orders that, and Release and Acquire say it in Rust's terms.
    fn wait<const IS_IN_DOUBT: bool>(&self) {
        let is_joint = JOINTLY.get();
        // Where neither follows, the loop's first look is the same one.
        if (cfg!(feature = "fork") || is_joint) && self.is_gone() {
            return;
        }
        if is_joint {
            self.sleepers.fetch_add(1, Ordering::AcqRel);
        }
        loop {
            // What was copied from a parent says so of threads that were never here; a handler may
            // have forked while this one slept.
            crate::fork::heed();
            let tid = self.tid.load(Ordering::Acquire);
            // A thread clears its word before the kernel forgets its number, so one that is
            // unknown and still has its word is not of this process.
            if tid == 0
                || (IS_IN_DOUBT
                    && !task::is_in_this_process(tid)
                    && self.tid.load(Ordering::Acquire) == tid)
            {
                break;
            }
            // SAFETY: the word is a record's, aligned and never unmapped. Shared: the kernel's
            // wake-up at a thread's end is not a private one.
            unsafe { futex::wait(self.tid_word(), tid, futex::Scope::Shared) };
        }
        if is_joint && self.sleepers.fetch_sub(1, Ordering::AcqRel) > 1 {
            futex::wake(self.tid_word(), u32::MAX, futex::Scope::Shared);
        }
    }

    /// Takes the second reference of a record that was just claimed, which only the caller knows.
    pub fn retain_first(&self) {
        self.references.store(2, Ordering::Relaxed);
    }

    /// Takes one more reference.
    pub fn retain(&self) {
        // Relaxed: the caller has a reference already, so nothing is learnt by counting.
        let before = self.references.fetch_add(1, Ordering::Relaxed);
        if before >= u32::MAX / 2 {
            misuse(c"too many handles of one thread");
        }
    }

    /// Gives a reference up; the last one frees the record.
    ///
    /// # Safety
    /// 1. The caller owns a reference and does not use it again.
    // Each handle's end is one of these.
    #[cfg_attr(for_size, inline(never))]
    pub unsafe fn release(&self) {
        // Release: what this holder read is read before the next claimer writes.
        if self.references.fetch_sub(1, Ordering::Release) == 1 {
            IN_USE.fetch_sub(1, Ordering::Relaxed);
            set_hint(self);
        }
    }
}

/// Whether a thread's end may be waited for by two at a time: its handle and its scope. All others
/// are waited for by one, who need not count the sleepers.
///
/// It is said before the first scope starts a thread, so whoever waits for one of those finds it.
pub static JOINTLY: Used = Used::new();

const RECORDS_PER_PAGE: usize = 64;
const PAGE_BYTES: usize = RECORDS_PER_PAGE * size_of::<Record>();

/// The records that are there without a mapping.
static FIRST: [Record; RECORDS_PER_PAGE] = [const { Record::free() }; RECORDS_PER_PAGE];

/// The one behind which pages are put into the ring.
fn last_of_first() -> &'static Record {
    &FIRST[RECORDS_PER_PAGE - 1]
}

/// How many records are in use, less those of all pages but the first: below
/// `RECORDS_PER_PAGE`, one of all is free. Advice only: it decides whether to look for a free
/// record or to map a page, never whether a record is free.
static IN_USE: AtomicIsize = AtomicIsize::new(0);
/// Where to look first: the record that was claimed or freed last, or null.
static HINT: AtomicPtr<Record> = AtomicPtr::new(ptr::null_mut());

/// Claims a free record and fills it. The caller owns its one reference.
///
/// # Errors
/// Those of `mmap` when every record is in use and one more page cannot be had.
///
/// The name is `None` where no thread was ever given one: then there is none in any record, for
/// whoever freed one that had a name has seen to it that this is known, before.
pub fn claim(name: Option<&[u8; NAME_BYTES]>) -> Result<&'static Record, Errno> {
    let record = claim_any()?;
    // SAFETY: the claim made the record ours alone until we hand it on.
    let identity = unsafe { &mut *record.identity.get() };
    identity.id_less_one = super::id::next() - 1;
    if let Some(name) = name {
        identity.name = *name;
    }
    // Relaxed: nobody else has a handle before ours is handed on.
    record.park.store(0, Ordering::Relaxed);
    if JOINTLY.get() {
        // Who slept in a parent is counted here for ever.
        record.sleepers.store(0, Ordering::Relaxed);
    }
    if measure::ASKED.get() {
        record.high_water.store(0, Ordering::Relaxed);
    }
    Ok(record)
}

fn claim_any() -> Result<&'static Record, Errno> {
    if IN_USE.fetch_add(1, Ordering::Relaxed) < RECORDS_PER_PAGE as isize
        && let Some(record) = search()
    {
        return Ok(record);
    }
    let result = grow();
    if result.is_err() {
        IN_USE.fetch_sub(1, Ordering::Relaxed);
    }
    result
}

/// Tries every record once, beginning at the hint. `None` when all were taken as it passed.
fn search() -> Option<&'static Record> {
    // Acquire pairs with `set_hint`.
    let hint = HINT.load(Ordering::Acquire);
    // SAFETY: null, or a record that was claimed once, which lives for ever.
    let start = unsafe { hint.as_ref() }.unwrap_or(&FIRST[0]);
    let mut record = start;
    loop {
        if try_claim(record) {
            set_hint(record);
            return Some(record);
        }
        record = after(record);
        if ptr::eq(record, start) {
            return None;
        }
    }
}

/// The record that follows another one in the ring. `MAIN` is in no ring.
#[inline(always)]
fn after(record: &'static Record) -> &'static Record {
    // Acquire pairs with the Release in `grow`, so that a new page's records are seen initialised.
    let next = record.next.load(Ordering::Acquire);
    // SAFETY: null, or a record, which lives for ever.
    if let Some(next) = unsafe { next.as_ref() } {
        return next;
    }
    if ptr::eq(record, last_of_first()) {
        return &FIRST[0];
    }
    // Both kinds of page are reached by address: `map` exposes those it makes.
    FIRST.as_ptr().expose_provenance();
    let neighbour = ptr::from_ref(record).addr() + size_of::<Record>();
    // SAFETY: only the last record of a page has no neighbour, and it is either named above or has
    // a `next` that is not null.
    unsafe { &*ptr::with_exposed_provenance::<Record>(neighbour) }
}

/// Says of every thread but `own` that it is gone: the process is a child of `fork`, which has not
/// got them. What they counted as references stays counted, and the records that they had are lost
/// to the child. Who sleeps stays counted, too, up to the next claim: the one thread that there is
/// may be in a handler, and among them.
pub fn forget_others(own: Option<&Record>) {
    let mut record = &FIRST[0];
    loop {
        if own.is_none_or(|own| !ptr::eq(own, record)) {
            record.tid.store(0, Ordering::Release);
        }
        record = after(record);
        if ptr::eq(record, &FIRST[0]) {
            return;
        }
    }
}

/// How many pages of records were mapped, for tests that count mappings: they stay for ever.
#[cfg(feature = "test-seam")]
pub fn mapped_page_count() -> usize {
    let mut count = 1;
    let mut record = after(&FIRST[0]);
    while !ptr::eq(record, &FIRST[0]) {
        count += 1;
        record = after(record);
    }
    count / RECORDS_PER_PAGE - 1
}

/// How many records are in use, for tests that look for leaks.
#[cfg(feature = "test-seam")]
pub fn in_use_count() -> usize {
    let mapped = mapped_page_count() * RECORDS_PER_PAGE;
    IN_USE
        .load(Ordering::Relaxed)
        .wrapping_add_unsigned(mapped)
        .cast_unsigned()
}

/// Moves the count from 0 to 1, unless the kernel has yet to clear the tid word: a detached thread
/// that unmaps itself gives its record up before it is gone, and the kernel's store must not hit
/// the next one's word.
///
/// Acquire pairs with the last holder's Release: its reads are over. The word is looked at after
/// the claim, because only then can no other claimer bring a new thread in between.
fn try_claim(record: &Record) -> bool {
    let is_claimed = record.references.load(Ordering::Relaxed) == 0
        && record
            .references
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .is_ok();
    if is_claimed && !record.is_gone() {
        // Nobody saw the claim but other claimers, who went on.
        record.references.store(0, Ordering::Release);
        return false;
    }
    is_claimed
}

/// Maps one more page of records, claims its first and puts it behind the first page.
fn grow() -> Result<&'static Record, Errno> {
    // With a stack's flags, so that the kernel can make one mapping of it and its neighbours, which
    // are stacks: else it would part them, and count as a mapping of its own.
    let flags = Map::STACK | Map::NORESERVE;
    let page = mem::map(PAGE_BYTES, Prot::READ | Prot::WRITE, flags)?.cast::<Record>();
    // SAFETY: the mapping is as large as so many records, aligned, and zero, which is what
    // `Record::free()` is; it is never unmapped.
    let records: &'static [Record; RECORDS_PER_PAGE] = unsafe { &*page.cast() };
    let record = &records[0];
    record.references.store(1, Ordering::Relaxed);
    let (from, last) = (&last_of_first().next, &records[RECORDS_PER_PAGE - 1].next);
    let mut next = from.load(Ordering::Acquire);
    // Release publishes the page's contents with the link; Acquire makes those of the next page
    // come before that.
    loop {
        let follower = if next.is_null() {
            FIRST.as_ptr().cast_mut()
        } else {
            next
        };
        last.store(follower, Ordering::Relaxed);
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        match from.compare_exchange(next, page, success, failure) {
            Ok(_) => break,
            Err(newer) => next = newer,
        }
    }
    // Only when the page is linked, so that whoever begins there finds the way round.
    IN_USE.fetch_sub(RECORDS_PER_PAGE as isize, Ordering::Relaxed);
    set_hint(record);
    Ok(record)
}

/// Tells claimers where to look first. Release: a hint into a page that is new comes after the
/// page's contents.
fn set_hint(record: &Record) {
    HINT.store(ptr::from_ref(record).cast_mut(), Ordering::Release);
}
