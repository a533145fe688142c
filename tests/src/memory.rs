//! The memory functions that the program is linked with: every byte of what they did is looked at,
//! by code that calls none of them.
//!
//! The ranges lie between pages that cannot be touched, at both ends. On x86-64 the CPU is asked
//! for what it has only when much was copied, so all of it is done twice: before that and after.

use core::ffi::{c_char, c_int, c_void};
use core::hint::black_box;

use threadbare::env;
use threadbare::seam::sys::mem::{self, Map, Prot};

use crate::{Verdict, check};

unsafe extern "C" {
    fn memcpy(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void;
    fn memmove(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void;
    fn memset(to: *mut c_void, byte: c_int, bytes: usize) -> *mut c_void;
    fn memcmp(one: *const c_void, other: *const c_void, bytes: usize) -> c_int;
    fn bcmp(one: *const c_void, other: *const c_void, bytes: usize) -> c_int;
    fn strlen(text: *const c_char) -> usize;
}

/// The largest size.
const BYTES_MAX: usize = 1100;
/// How much is copied so that the CPU is asked.
const HOT_BYTES: usize = 3 << 20;

/// All sizes to 3 times a vector and a bit, and those about the limits behind.
fn sizes() -> impl Iterator<Item = usize> {
    let about = [96, 128, 160, 192, 256, 384, 512, 1024];
    (0..=66).chain(about.into_iter().flat_map(|size| size - 1..=size + 1))
}

/// Bytes that differ from their neighbours.
fn pattern(at: usize) -> u8 {
    (at.wrapping_mul(37) ^ (at >> 3)) as u8
}

/// Pages that end, and begin, where nothing may be touched.
struct Island {
    base: *mut u8,
    page: usize,
    bytes: usize,
}

impl Island {
    fn new() -> Option<Island> {
        let page = env::page_size();
        let bytes = (2 * BYTES_MAX).next_multiple_of(page);
        let all = mem::map(bytes + 2 * page, Prot::NONE, Map::empty()).ok()?;
        let base = all.wrapping_add(page);
        // SAFETY: the mapping is ours.
        unsafe { mem::protect(base, bytes, Prot::READ | Prot::WRITE) }.ok()?;
        Some(Island { base, page, bytes })
    }

    /// The address of `size` bytes, `gap` from an end.
    fn at(&self, is_high: bool, gap: usize, size: usize) -> *mut u8 {
        self.base.wrapping_add(if is_high {
            self.bytes - gap - size
        } else {
            gap
        })
    }
}

impl Drop for Island {
    fn drop(&mut self) {
        let start = self.base.wrapping_sub(self.page);
        // SAFETY: the mapping of `new`.
        let _ = unsafe { mem::unmap(start, self.bytes + 2 * self.page) };
    }
}

fn put(at: *mut u8, byte: u8) {
    // SAFETY: a byte of an island.
    unsafe { at.write_volatile(byte) }
}

fn get(at: *const u8) -> u8 {
    // SAFETY: a byte of an island.
    unsafe { at.read_volatile() }
}

/// Runs `test` before the CPU is asked for what it has, and after.
fn twice(test: fn(&Island, &Island) -> Verdict) -> Verdict {
    let (Some(one), Some(other)) = (Island::new(), Island::new()) else {
        check!("memory" == "mapped");
        return Ok(());
    };
    test(&one, &other)?;
    if threadbare::seam::arch::NAME != "x86_64" {
        return Ok(());
    }
    for _ in 0..HOT_BYTES / BYTES_MAX {
        let (to, from) = (other.base.cast(), one.base.cast());
        // SAFETY: both are large enough.
        unsafe { black_box(memcpy(to, from, black_box(BYTES_MAX))) };
    }
    test(&one, &other)
}

const GAPS: [(usize, usize); 4] = [(0, 0), (0, 3), (9, 8), (15, 33)];
/// What lies around a target, if there is room.
const AROUND: u8 = 0xa5;

/// Copies every size at each end of a page, and looks at what lies around.
pub fn copies() -> Verdict {
    twice(|from, to| {
        for size in sizes() {
            for (index, (gap_from, gap_to)) in GAPS.into_iter().enumerate() {
                let source = from.at(index % 2 == 0, gap_from, size);
                let target = to.at(index % 3 == 0, gap_to, size);
                for at in 0..size {
                    put(source.wrapping_add(at), pattern(at));
                    put(target.wrapping_add(at), !pattern(at));
                }
                let before = (gap_to > 0 && index % 3 != 0).then(|| target.wrapping_sub(1));
                let behind = (gap_to > 0 || index % 3 != 0).then(|| target.wrapping_add(size));
                for edge in [before, behind].into_iter().flatten() {
                    put(edge, AROUND);
                }
                // SAFETY: both are ranges of islands.
                let returned = unsafe { memcpy(target.cast(), source.cast(), black_box(size)) };
                check!(returned == target.cast());
                let wrong = (0..size).find(|at| get(target.wrapping_add(*at)) != pattern(*at));
                check!(wrong.is_none());
                check!(
                    [before, behind]
                        .into_iter()
                        .flatten()
                        .all(|edge| get(edge) == AROUND)
                );
            }
        }
        Ok(())
    })
}

/// Moves by little and by much, in both directions.
pub fn overlaps() -> Verdict {
    twice(|island, _| {
        for size in sizes() {
            for distance in [1, 16, 130] {
                for is_up in [false, true] {
                    // The whole ends where the page does, or begins there.
                    let low = island.at(is_up, 0, size + distance);
                    let high = low.wrapping_add(distance);
                    let (from, to) = if is_up { (low, high) } else { (high, low) };
                    for at in 0..size {
                        put(from.wrapping_add(at), pattern(at));
                    }
                    // SAFETY: both are ranges of the island.
                    unsafe { memmove(to.cast(), from.cast(), black_box(size)) };
                    let wrong = (0..size).find(|at| get(to.wrapping_add(*at)) != pattern(*at));
                    check!(wrong.is_none());
                }
            }
        }
        Ok(())
    })
}

/// Sets every size at each end of a page, and nothing around.
pub fn fills() -> Verdict {
    twice(|island, _| {
        for size in sizes() {
            for gap in [0, 5, 32] {
                for is_high in [false, true] {
                    let to = island.at(is_high, gap, size);
                    let before = (gap > 0 || is_high).then(|| to.wrapping_sub(1));
                    let behind = (gap > 0 || !is_high).then(|| to.wrapping_add(size));
                    for edge in [before, behind].into_iter().flatten() {
                        put(edge, AROUND);
                    }
                    for at in 0..size {
                        put(to.wrapping_add(at), 0);
                    }
                    // SAFETY: a range of the island. The low byte alone counts.
                    unsafe { memset(to.cast(), 0x1234_56e7, black_box(size)) };
                    check!((0..size).all(|at| get(to.wrapping_add(at)) == 0xe7));
                    check!(
                        [before, behind]
                            .into_iter()
                            .flatten()
                            .all(|edge| get(edge) == AROUND)
                    );
                }
            }
        }
        Ok(())
    })
}

/// Compares equal ranges, and such as differ in one place and behind it the other way.
pub fn comparisons() -> Verdict {
    twice(|one, other| {
        for size in sizes() {
            for (gap_one, gap_other) in [(0, 0), (3, 0), (0, 9)] {
                let (a, b) = (one.at(true, gap_one, size), other.at(true, gap_other, size));
                for at in 0..size {
                    put(a.wrapping_add(at), pattern(at));
                    put(b.wrapping_add(at), pattern(at));
                }
                // SAFETY: ranges of the islands, for this and the calls below.
                let order = || unsafe { memcmp(a.cast(), b.cast(), black_box(size)) };
                check!(order() == 0);
                // SAFETY: as above.
                check!(unsafe { bcmp(a.cast(), b.cast(), black_box(size)) } == 0);
                let step = 1 + size / 24;
                for at in (0..size).step_by(step).chain(size.checked_sub(1)) {
                    let (here, last) = (a.wrapping_add(at), b.wrapping_add(size - 1));
                    let kept = (get(b.wrapping_add(at)), get(last));
                    put(here, 0x80);
                    put(b.wrapping_add(at), 0x7f);
                    check!(order() > 0);
                    if at + 1 < size {
                        put(last, 0xff);
                    }
                    put(here, 0x7e);
                    check!(order() < 0);
                    // SAFETY: as above.
                    check!(unsafe { bcmp(a.cast(), b.cast(), black_box(size)) } != 0);
                    put(last, kept.1);
                    put(b.wrapping_add(at), kept.0);
                    put(here, kept.0);
                }
            }
        }
        Ok(())
    })
}

/// Measures texts that end where the page does.
pub fn lengths() -> Verdict {
    twice(|island, _| {
        for size in sizes() {
            for gap in [0, 1, 7, 16] {
                let text = island.at(true, gap, size + 1);
                if size > 0 {
                    put(text.wrapping_sub(1), 0);
                }
                for at in 0..size {
                    put(text.wrapping_add(at), 0xff);
                }
                put(text.wrapping_add(size), 0);
                // SAFETY: the NUL lies within the island.
                check!(unsafe { strlen(black_box(text.cast())) } == size);
            }
        }
        Ok(())
    })
}
