//! Thread records: what outlives a thread for as long as somebody holds its [`Thread`].
//!
//! A record is 64 bytes: id, name, park word, the word that the kernel clears when the thread is
//! gone, and a reference count. Records live in a slab of pages that are never unmapped (the first
//! one is static), so that a late store of the kernel, or an `unpark` of a thread long dead, hits
//! memory that is still a record.
//!
//! A record is claimed by moving its count from 0 to 1, with no lock: a child of `fork` finds the
//! slab usable whatever the other threads were doing. Nothing here sleeps.
//!
//! [`Thread`]: super::Thread

use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering, fence};

use crate::sys::mem::{self, Map, Prot};
use crate::sys::task::NAME_BYTES;
use crate::sys::{Errno, futex};

/// What is known of a thread from outside.
#[repr(C, align(64))]
pub struct Record {
    /// 0: free. Otherwise the thread itself (or the mapping it leaves behind) and every handle.
    references: AtomicU32,
    /// The kernel's number of the thread; written by the kernel at `clone`, cleared by the kernel
    /// (`CLONE_CHILD_CLEARTID`) or by the thread itself at the end. 0 while there is no thread.
    tid: AtomicU32,
    /// Written by the claimer alone, before anybody else can see the record.
    identity: UnsafeCell<Identity>,
}

struct Identity {
    id: u64,
    /// NUL-padded; all NUL where the thread has no name.
    name: [u8; NAME_BYTES],
}

// SAFETY: `identity` is written only between a successful claim and the record's publication, by
// the claimer; afterwards it is only read until the count is 0 again.
unsafe impl Sync for Record {}

const _: () = assert!(size_of::<Record>() == 64);

/// The record of the thread that ran `_start`. Its own reference is never given up.
pub static MAIN: Record = Record {
    references: AtomicU32::new(1),
    tid: AtomicU32::new(0),
    identity: UnsafeCell::new(Identity {
        id: 1,
        name: *b"main\0\0\0\0\0\0\0\0\0\0\0\0",
    }),
};

impl Record {
    /// A free record, which is all zero.
    const fn free() -> Record {
        Record {
            references: AtomicU32::new(0),
            tid: AtomicU32::new(0),
            identity: UnsafeCell::new(Identity {
                id: 0,
                name: [0; NAME_BYTES],
            }),
        }
    }

    /// The thread's id.
    pub fn id(&self) -> u64 {
        // SAFETY: the caller reaches the record through a reference it holds; see `Sync`.
        unsafe { (*self.identity.get()).id }
    }

    /// The thread's name, NUL-padded.
    pub fn name_bytes(&self) -> &[u8; NAME_BYTES] {
        // SAFETY: as in `id`.
        unsafe { &(*self.identity.get()).name }
    }

    /// The word that the kernel writes at `clone` and clears at the end.
    pub fn tid_word(&self) -> *mut u32 {
        self.tid.as_ptr()
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
    /// (`kernel/fork.c`, `mm_release`), so only the one owner of the thread's mapping may call it.
    pub fn wait_until_gone(&self) {
        loop {
            let tid = self.tid.load(Ordering::Acquire);
            if tid == 0 {
                return;
            }
            // SAFETY: the word is a record's, aligned and never unmapped. Shared: the kernel's
            // wake-up at a thread's end is not a private one.
            unsafe { futex::wait(self.tid_word(), tid, futex::Scope::Shared) };
        }
    }

    /// Clears the tid word in the kernel's place, by a thread that told the kernel not to.
    pub fn clear_tid(&self) {
        self.tid.store(0, Ordering::Release);
    }

    /// Takes one more reference.
    pub fn retain(&self) {
        // Relaxed: the caller has a reference already, so nothing is learnt by counting.
        let before = self.references.fetch_add(1, Ordering::Relaxed);
        assert!(before < u32::MAX / 2, "too many handles of one thread");
    }

    /// Gives a reference up; the last one frees the record.
    ///
    /// # Safety
    /// 1. The caller owns a reference and does not use it again.
    pub unsafe fn release(&self) {
        // Release: what this holder read is read before the next claimer writes.
        if self.references.fetch_sub(1, Ordering::Release) == 1 {
            // Acquire side of that: every other holder's reads are over too. The store to `HINT`
            // then tells a claimer where to look first.
            fence(Ordering::Acquire);
            IN_USE.fetch_sub(1, Ordering::Relaxed);
            HINT.store(ptr::from_ref(self).cast_mut(), Ordering::Relaxed);
        }
    }
}

/// One page of records.
#[repr(C, align(4096))]
struct Chunk {
    /// The next page, null at the end; written once.
    next: AtomicPtr<Chunk>,
    /// What a record's alignment leaves of the first 64 bytes.
    records: [Record; RECORDS_PER_CHUNK],
}

const RECORDS_PER_CHUNK: usize = 63;
const CHUNK_BYTES: usize = 4096;
const _: () = assert!(size_of::<Chunk>() == CHUNK_BYTES);

static FIRST: Chunk = Chunk {
    next: AtomicPtr::new(ptr::null_mut()),
    records: [const { Record::free() }; RECORDS_PER_CHUNK],
};

/// Records in all pages, and how many of them are in use. Advice only: they decide whether to look
/// for a free record or to map a page, never whether a record is free.
static CAPACITY: AtomicUsize = AtomicUsize::new(RECORDS_PER_CHUNK);
static IN_USE: AtomicUsize = AtomicUsize::new(0);
/// Where to look first: the record that was freed last, or null.
static HINT: AtomicPtr<Record> = AtomicPtr::new(ptr::null_mut());

/// Claims a free record and fills it. The caller owns its one reference.
///
/// # Errors
/// Those of `mmap` when every record is in use and one more page cannot be had.
pub fn claim(name: &[u8; NAME_BYTES]) -> Result<&'static Record, Errno> {
    let record = claim_any()?;
    let identity = Identity {
        id: super::id::next(),
        name: *name,
    };
    // SAFETY: the claim made the record ours alone until we hand it on.
    unsafe { record.identity.get().write(identity) };
    Ok(record)
}

fn claim_any() -> Result<&'static Record, Errno> {
    if IN_USE.fetch_add(1, Ordering::Relaxed) < CAPACITY.load(Ordering::Relaxed)
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
    let hint = HINT.load(Ordering::Relaxed);
    let (start_chunk, start_index) = match ptr::NonNull::new(hint) {
        None => (&FIRST, 0),
        Some(hint) => {
            let address = hint.as_ptr();
            // SAFETY: every record but `MAIN`, which is never freed, lies in a chunk, at whose
            // low end its page begins; chunks live for ever.
            let chunk = unsafe { &*address.map_addr(|a| a & !(CHUNK_BYTES - 1)).cast::<Chunk>() };
            let offset = address.addr() - chunk.records.as_ptr().addr();
            (chunk, offset / size_of::<Record>())
        }
    };
    let mut chunk = start_chunk;
    let mut from = start_index;
    loop {
        if let Some(record) = chunk.records[from..]
            .iter()
            .find(|record| try_claim(record))
        {
            let next = ptr::from_ref(record).wrapping_add(1);
            let end = chunk.records.as_ptr_range().end;
            let advice = if next < end { next } else { record };
            HINT.store(advice.cast_mut(), Ordering::Relaxed);
            return Some(record);
        }
        // SAFETY: a chunk's `next` is null or a chunk that lives for ever; Acquire pairs with the
        // Release in `grow`, so that its records are seen initialised.
        chunk = unsafe { chunk.next.load(Ordering::Acquire).as_ref() }.unwrap_or(&FIRST);
        from = 0;
        if ptr::eq(chunk, start_chunk) {
            // The start of the first chunk that was looked at is still to be done.
            return chunk.records[..start_index]
                .iter()
                .find(|record| try_claim(record));
        }
    }
}

/// How many records are in use, for tests that look for leaks.
#[cfg(feature = "test-seam")]
pub fn in_use_count() -> usize {
    IN_USE.load(Ordering::Relaxed)
}

/// Moves the count from 0 to 1. Acquire pairs with the last holder's Release: its reads are over.
fn try_claim(record: &Record) -> bool {
    record.references.load(Ordering::Relaxed) == 0
        && record
            .references
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
}

/// Maps one more page of records, claims its first and appends it.
fn grow() -> Result<&'static Record, Errno> {
    let page = mem::map(CHUNK_BYTES, Prot::READ | Prot::WRITE, Map::empty())?.cast::<Chunk>();
    // SAFETY: the mapping is page-aligned, as large as a chunk, and zero, which is what
    // `Record::free()` and a null `next` are; it is never unmapped.
    let chunk: &'static Chunk = unsafe { &*page };
    chunk.records[0].references.store(1, Ordering::Relaxed);
    HINT.store(
        ptr::from_ref(&chunk.records[1]).cast_mut(),
        Ordering::Relaxed,
    );
    CAPACITY.fetch_add(RECORDS_PER_CHUNK, Ordering::Relaxed);
    let mut last = &FIRST;
    loop {
        // Release publishes the page's contents with it.
        match last
            .next
            .compare_exchange(ptr::null_mut(), page, Ordering::AcqRel, Ordering::Acquire)
        {
            Ok(_) => return Ok(&chunk.records[0]),
            // SAFETY: a chunk's `next`, once set, is a chunk that lives for ever.
            Err(next) => last = unsafe { &*next },
        }
    }
}
