//! The heap of the suite's programs, for what takes one: a static area, cut off piece by piece.
//!
//! It is here and not in the suite, because on most CPUs the examples are built together with the
//! suite, to build the library once: with the suite's features, `alloc` among them, they must have
//! a heap as well.

use alloc::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

/// Several times what a program of the suite asks for in its life. Untouched, it costs nothing.
const BYTES: usize = 512 << 10;

/// Where every piece may begin: no type of the suite is aligned to more.
const ALIGN: usize = 16;

#[repr(C, align(16))]
struct Area(UnsafeCell<[u8; BYTES]>);

// SAFETY: its pieces belong to whom they were given, one each.
unsafe impl Sync for Area {}

static AREA: Area = Area(UnsafeCell::new([0; BYTES]));

/// How many of its bytes are cut off. Relaxed: a piece's bytes were nobody's before.
static USED: AtomicUsize = AtomicUsize::new(0);

/// How many pieces are in use. Relaxed: a number, read when all threads have been joined.
static PIECES: AtomicUsize = AtomicUsize::new(0);

struct Heap;

#[global_allocator]
static HEAP: Heap = Heap;

/// Returns how many pieces of memory are in use.
pub fn heap_piece_count() -> usize {
    PIECES.load(Ordering::Relaxed)
}

// SAFETY: `alloc` hands out each byte of the area once, and no piece moves.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > ALIGN || layout.size() > BYTES {
            return ptr::null_mut();
        }
        let bytes = layout.size().next_multiple_of(ALIGN);
        let cut = |used: usize| (used + bytes <= BYTES).then_some(used + bytes);
        match USED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, cut) {
            Ok(start) => {
                PIECES.fetch_add(1, Ordering::Relaxed);
                // SAFETY: `cut` saw to it that it is inside.
                unsafe { AREA.0.get().cast::<u8>().add(start) }
            }
            Err(_) => ptr::null_mut(),
        }
    }

    /// The piece's bytes are not used again: that no piece is leaked is told by their number.
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {
        PIECES.fetch_sub(1, Ordering::Relaxed);
    }
}
