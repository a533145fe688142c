//! talc: a heap in a static area, behind the library's own lock by `lock_api`'s trait.
//!
//! It is asked directly, for the suite has a heap of its own.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;

use suite::{Verdict, check};
use talc::TalcLock;
use talc::source::Claim;
use threadbare::sync::lock_api::RawMutex;
use threadbare::thread;

/// More than the threads have at a time.
const BYTES: usize = 256 << 10;
const THREADS: usize = 4;
/// How many blocks each keeps, and how often it takes one.
const KEPT: usize = 20;
const STEPS: usize = 600;

struct Area(UnsafeCell<[u8; BYTES]>);

// SAFETY: nobody but talc touches it, which has a lock.
unsafe impl Sync for Area {}

static AREA: Area = Area(UnsafeCell::new([0; BYTES]));

static HEAP: TalcLock<RawMutex, Claim> = {
    // SAFETY: the area is there for ever, and is this heap's alone.
    TalcLock::new(unsafe { Claim::array(AREA.0.get()) })
};

/// A block whose bytes are all the same; freed when dropped.
struct Block {
    start: *mut u8,
    layout: Layout,
    byte: u8,
}

impl Block {
    fn new(layout: Layout, byte: u8) -> Option<Block> {
        // SAFETY: its size is not 0.
        let start = unsafe { HEAP.alloc(layout) };
        if start.is_null() || start.addr() % layout.align() != 0 {
            return None;
        }
        // SAFETY: the block is that large.
        unsafe { start.write_bytes(byte, layout.size()) };
        Some(Block {
            start,
            layout,
            byte,
        })
    }

    fn is_whole(&self) -> bool {
        // SAFETY: the block is that large, and was written.
        let bytes = unsafe { core::slice::from_raw_parts(self.start, self.layout.size()) };
        bytes.iter().all(|byte| *byte == self.byte)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: it was taken with this layout, and is not used again.
        unsafe { HEAP.dealloc(self.start, self.layout) };
    }
}

/// No block is given to two threads, and what one frees the next one gets: all that is taken in the
/// end is many times the area.
pub fn talc_serves_threads_by_our_lock() -> Verdict {
    let work = |seed: usize| {
        let mut kept = [const { None::<Block> }; KEPT];
        let mut taken = 0;
        for step in 0..STEPS {
            let value = (seed * STEPS + step).wrapping_mul(0x9e37_79b9) >> 8;
            let layout = Layout::from_size_align(value % 2000 + 1, 1 << (value % 6)).ok()?;
            let place = &mut kept[value % KEPT];
            if place.as_ref().is_some_and(|block| !block.is_whole()) {
                return None;
            }
            *place = None;
            *place = Some(Block::new(layout, value as u8)?);
            taken += layout.size();
        }
        kept.iter().flatten().all(Block::is_whole).then_some(taken)
    };
    let taken = thread::scope(|scope| {
        let threads = core::array::from_fn::<_, THREADS, _>(|seed| scope.spawn(move || work(seed)));
        threads.map(|thread| thread.join().unwrap())
    });
    check!(taken.iter().all(Option::is_some));
    check!(taken.iter().flatten().sum::<usize>() > 4 * BYTES);
    Ok(())
}
