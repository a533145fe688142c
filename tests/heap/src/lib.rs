//! The heap of test programs that need one: a static area, which talc hands out.
//!
//! threadbare has no heap, and code that was written for `std` takes one for granted.

#![no_std]

use core::cell::UnsafeCell;
use talc::TalcLock;
use talc::source::Claim;

/// More than any of these programs asks for.
const BYTES: usize = 1 << 20;

struct Area(UnsafeCell<[u8; BYTES]>);

// SAFETY: nobody but talc touches it, which has a lock.
unsafe impl Sync for Area {}

static AREA: Area = Area(UnsafeCell::new([0; BYTES]));

#[global_allocator]
static HEAP: TalcLock<spin::Mutex<()>, Claim> = {
    // SAFETY: the area is there for ever, and is this heap's alone.
    TalcLock::new(unsafe { Claim::array(AREA.0.get()) })
};
