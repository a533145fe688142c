//! The heap that channels need: a static area, of which only what is used costs memory.

use core::cell::UnsafeCell;
use talc::TalcLock;
use talc::source::Claim;
use threadbare::sync::lock_api::RawMutex;

/// Room for all messages of a run at once, twice.
const BYTES: usize = 64 << 20;

struct Area(UnsafeCell<[u8; BYTES]>);

// SAFETY: nobody but talc touches it, which has a lock.
unsafe impl Sync for Area {}

static AREA: Area = Area(UnsafeCell::new([0; BYTES]));

#[global_allocator]
static HEAP: TalcLock<RawMutex, Claim> = {
    // SAFETY: the area is there for ever, and is this heap's alone.
    TalcLock::new(unsafe { Claim::array(AREA.0.get()) })
};
