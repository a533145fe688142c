//! The program's allocator, with the feature `global-allocator`: the crate `talc` over pages that
//! the kernel gives, under a lock of ours.
//!
//! What is large has a mapping of its own, made and unmapped with it. What is small lies in blocks
//! that hold many; a block goes back to the kernel when nothing is left in it, but for the first.
//!
//! The lock sleeps, and knows nothing of threads: it serves a thread's destructors as it does its
//! closure. A signal handler must not allocate: the thread below it may hold the lock.
//!
//! A child of `fork` has the heap as it was. If another thread was at work in it at that moment, it
//! is in no order that anybody could rely on: then the child begins a new one, and what is freed of
//! the old one stays where it is. What is large is not affected.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};
use core::ptr::{self, NonNull};
#[cfg(feature = "test-seam")]
use core::sync::atomic::{AtomicUsize, Ordering};

use talc::DefaultBinning;
use talc::base::Talc;
use talc::source::GlobalAllocSource;

use crate::sync::Mutex;
use crate::sys::mem::{self, Map, Prot};

/// From this size on an allocation has a mapping of its own: two system calls are little beside
/// what is done with so much.
const LARGE_BYTES: usize = 128 << 10;
/// A block for what is small, before its header.
const BLOCK_BYTES: usize = 2 * LARGE_BYTES;
/// How a mapping is aligned on any machine.
const PAGE_BYTES_MIN: usize = 4096;

#[global_allocator]
static HEAP: Heap = Heap::new();

struct Heap {
    lock: UnsafeCell<Mutex<()>>,
    talc: UnsafeCell<Small>,
}

type Small = Talc<GlobalAllocSource<Blocks>, DefaultBinning>;

// SAFETY: `talc` is reached under the lock alone; both are replaced by `forget_others` alone, whose
// thread is the only one.
unsafe impl Sync for Heap {}

impl Heap {
    const fn new() -> Heap {
        Heap {
            lock: UnsafeCell::new(Mutex::new(())),
            talc: UnsafeCell::new(Heap::empty()),
        }
    }

    const fn empty() -> Small {
        Talc::new(GlobalAllocSource::with_block_size(Blocks, BLOCK_BYTES))
    }

    /// Calls `work` with what is small, alone.
    fn with<T>(&self, work: impl FnOnce(&mut Small) -> T) -> T {
        #[cfg(feature = "threads")]
        crate::fork::heed();
        // SAFETY: it is replaced while there is one thread, which is not here.
        let _guard = unsafe { &*self.lock.get() }.lock_raw();
        // SAFETY: the lock is held, and `work` calls no allocator but this one.
        work(unsafe { &mut *self.talc.get() })
    }
}

fn is_large(layout: &Layout) -> bool {
    layout.size() >= LARGE_BYTES && layout.align() <= PAGE_BYTES_MIN
}

/// Whether talc is not to see it: it adds what it needs itself to size and alignment, and does not
/// look whether that is a size. Half of all that may be one is more than programs ask for so.
fn is_absurd(layout: &Layout) -> bool {
    !is_large(layout) && layout.size() > isize::MAX as usize / 2
}

/// Maps memory; null where there is none.
fn map(bytes: usize) -> *mut u8 {
    mem::map(bytes, Prot::READ | Prot::WRITE, Map::empty()).unwrap_or(ptr::null_mut())
}

/// Whether as many pages hold both, wherever pages are larger than the smallest.
fn is_same_mapping(bytes: usize, others: usize) -> bool {
    bytes.div_ceil(PAGE_BYTES_MIN) == others.div_ceil(PAGE_BYTES_MIN)
}

// SAFETY: what is returned is mapped or talc's, large and aligned enough, and nobody else's until
// it is given back with the same layout.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let place = if is_large(&layout) {
            map(layout.size())
        } else if is_absurd(&layout) {
            ptr::null_mut()
        } else {
            // SAFETY: the caller's: the size is not 0.
            let place = self.with(|talc| unsafe { talc.allocate(layout) });
            place.map_or(ptr::null_mut(), NonNull::as_ptr)
        };
        #[cfg(feature = "test-seam")]
        if !place.is_null() {
            PIECES.fetch_add(1, Ordering::Relaxed);
        }
        place
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's.
        let place = unsafe { self.alloc(layout) };
        // A mapping is zeroes already.
        if !place.is_null() && !is_large(&layout) {
            // SAFETY: so many bytes, just allocated.
            unsafe { place.write_bytes(0, layout.size()) };
        }
        place
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        #[cfg(feature = "test-seam")]
        PIECES.fetch_sub(1, Ordering::Relaxed);
        if is_large(&layout) {
            // SAFETY: the caller's mapping, by its layout. A refusal (ENOMEM at `vm.max_map_count`)
            // leaves it where it is: a leak that nobody could have acted on.
            let _ = unsafe { mem::unmap(place, layout.size()) };
            return;
        }
        self.with(|talc| {
            if LIST.owns(place) {
                // SAFETY: the caller's, and of this heap.
                unsafe { talc.deallocate(place, layout) };
            }
        });
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller's: the size is not 0, and with the alignment it does not overflow.
        let new = unsafe { Layout::from_size_align_unchecked(bytes, layout.align()) };
        let stays = match (is_large(&layout), is_large(&new)) {
            (true, true) => is_same_mapping(layout.size(), bytes),
            (false, false) if is_absurd(&new) => false,
            (false, false) => self.with(|talc| {
                // SAFETY: the caller's, and of this heap.
                LIST.owns(place) && unsafe { talc.try_realloc_in_place(place, layout, bytes) }
            }),
            _ => false,
        };
        if stays {
            return place;
        }
        // SAFETY: the caller's.
        let moved = unsafe { self.alloc(new) };
        if !moved.is_null() {
            // SAFETY: both are allocated, and large enough; the old one is the caller's to give up.
            unsafe {
                moved.copy_from_nonoverlapping(place, layout.size().min(bytes));
                self.dealloc(place, layout);
            }
        }
        moved
    }
}

/// Lets go of what another thread was at, in a child of `fork`.
///
/// # Safety
/// 1. The calling thread is the only one of the process, and not in the allocator.
#[cfg(feature = "threads")]
pub(crate) unsafe fn forget_others() {
    // SAFETY: clause 1.
    let was_held = unsafe { (*HEAP.lock.get()).forget_others(false) };
    // SAFETY: clause 1; the old ones own nothing that anybody else could give back.
    unsafe {
        if was_held {
            HEAP.talc.get().write(Heap::empty());
            LIST.first.set(ptr::null_mut());
            LIST.is_second.set(true);
        }
    }
}

/// The heap's blocks, by their headers. Reached under its lock alone.
struct List {
    /// The newest block's header.
    first: Cell<*mut Header>,
    /// Whether there was an older heap, parts of which may be given back to this one.
    is_second: Cell<bool>,
}

// SAFETY: it is reached under the heap's lock, or by the only thread.
unsafe impl Sync for List {}

static LIST: List = List {
    first: Cell::new(ptr::null_mut()),
    is_second: Cell::new(false),
};

/// What is at the beginning of a block's mapping.
struct Header {
    next: *mut Header,
    /// The one before, or null.
    previous: *mut Header,
    /// The mapping's size.
    bytes: usize,
}

impl List {
    /// Whether the address is one of this heap's, and not of one that was given up.
    fn owns(&self, place: *mut u8) -> bool {
        if !self.is_second.get() {
            return true;
        }
        let mut at = self.first.get();
        // SAFETY: null or a header, which is there until its block is given back.
        while let Some(header) = unsafe { at.as_ref() } {
            if (at.addr()..at.addr() + header.bytes).contains(&place.addr()) {
                return true;
            }
            at = header.next;
        }
        false
    }
}

/// How many pieces of memory are in use, for tests. Relaxed: a number, read when all threads have
/// been joined.
#[cfg(feature = "test-seam")]
static PIECES: AtomicUsize = AtomicUsize::new(0);

/// Returns how many pieces of memory are in use.
#[cfg(feature = "test-seam")]
pub fn piece_count() -> usize {
    PIECES.load(Ordering::Relaxed)
}

/// Calls `work` as if it were in the allocator, for tests.
#[cfg(feature = "test-seam")]
pub(crate) fn while_held(work: impl FnOnce()) {
    HEAP.with(|_| work());
}

/// Where talc has its blocks from.
#[derive(Debug)]
struct Blocks;

// SAFETY: what is returned is mapped, and nobody else's.
unsafe impl GlobalAlloc for Blocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let bytes = layout.size() + size_of::<Header>();
        let header = map(bytes).cast::<Header>();
        if header.is_null() {
            return ptr::null_mut();
        }
        let next = LIST.first.replace(header);
        // SAFETY: the mapping begins with it; `next` is null or a header.
        unsafe {
            header.write(Header {
                next,
                previous: ptr::null_mut(),
                bytes,
            });
            if let Some(next) = next.as_mut() {
                next.previous = header;
            }
            header.add(1).cast()
        }
    }

    unsafe fn dealloc(&self, place: *mut u8, _: Layout) {
        let header = place.cast::<Header>().wrapping_sub(1);
        // SAFETY: `alloc` put it there; its neighbours are null or headers.
        let bytes = unsafe {
            let Header {
                next,
                previous,
                bytes,
            } = header.read();
            match previous.as_mut() {
                Some(previous) => previous.next = next,
                None => LIST.first.set(next),
            }
            if let Some(next) = next.as_mut() {
                next.previous = previous;
            }
            bytes
        };
        // SAFETY: the block's mapping, which talc has let go of. As in `Heap::dealloc`.
        let _ = unsafe { mem::unmap(header.cast(), bytes) };
    }
}
