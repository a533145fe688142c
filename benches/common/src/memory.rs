//! `memory`: the memory functions that the program is linked with.

use crate::{Run, clock, print, verify};
use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::hint::black_box;

unsafe extern "C" {
    fn memcpy(to: *mut c_void, from: *const c_void, bytes: usize) -> *mut c_void;
    fn memset(to: *mut c_void, byte: c_int, bytes: usize) -> *mut c_void;
    fn memcmp(one: *const c_void, other: *const c_void, bytes: usize) -> c_int;
}

type Copy = unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> *mut c_void;
type Set = unsafe extern "C" fn(*mut c_void, c_int, usize) -> *mut c_void;
type Compare = unsafe extern "C" fn(*const c_void, *const c_void, usize) -> c_int;

/// The sizes measured; the classes of the table are 0–16, 17–256, to 4 KiB, to 1 MiB.
const SIZES: [usize; 26] = [
    0, 1, 2, 3, 5, 8, 12, 16, 17, 24, 32, 48, 64, 100, 128, 192, 256, 400, 512, 1000, 2048, 4096,
    16_384, 65_536, 262_144, 1_048_576,
];
const BYTES_MAX: usize = 1 << 20;
/// How far from a multiple of 64 bytes the unaligned ones begin: both, so that neither helps.
const SKEW_TO: usize = 3;
const SKEW_FROM: usize = 9;

#[repr(C, align(4096))]
struct Buffer(UnsafeCell<[u8; BYTES_MAX + 64]>);

// SAFETY: the program's first thread alone uses it.
unsafe impl Sync for Buffer {}

static TO: Buffer = Buffer(UnsafeCell::new([0; BYTES_MAX + 64]));
static FROM: Buffer = Buffer(UnsafeCell::new([0; BYTES_MAX + 64]));

/// How often a call is repeated, so that each takes a similar time altogether.
fn times(run: &Run, bytes: usize) -> u64 {
    run.times(40_000_000 / (bytes as u64 + 400)).max(3)
}

/// Times `call` and prints what one takes.
fn measure(run: &Run, name: &str, bytes: usize, mark: &str, call: impl Fn(usize)) {
    let times = times(run, bytes);
    call(bytes);
    let begin = clock::cpu_ns();
    for _ in 0..times {
        call(black_box(bytes));
    }
    let ns = (clock::cpu_ns() - begin) / times as f64;
    print::result(format_args!("{name}_{bytes}{mark}"), ns, "ns");
}

/// All of them.
pub fn memory(run: &Run) {
    let (copy, set, compare) = black_box((memcpy as Copy, memset as Set, memcmp as Compare));
    let (to, from) = (TO.0.get().cast::<u8>(), FROM.0.get().cast::<u8>());
    for (skew_to, skew_from, mark) in [(0, 0, ""), (SKEW_TO, SKEW_FROM, "u")] {
        // SAFETY: both lie inside the buffers, with room for the largest size.
        let (to, from) = unsafe { (to.add(skew_to), from.add(skew_from)) };
        let (to, from) = (to.cast::<c_void>(), from.cast::<c_void>());
        for bytes in SIZES {
            // SAFETY: as above, for this and the calls below.
            unsafe { (set(from, 0x5a, bytes), set(to, 0, bytes)) };
            measure(run, "memcpy", bytes, mark, |bytes| {
                // SAFETY: as above.
                unsafe { copy(to, from, bytes) };
            });
            // SAFETY: as above.
            verify(unsafe { compare(to, from, bytes) } == 0, "memcpy");
            measure(run, "memcmp", bytes, mark, |bytes| {
                // SAFETY: as above.
                black_box(unsafe { compare(to, from, bytes) });
            });
            measure(run, "memset", bytes, mark, |bytes| {
                // SAFETY: as above.
                unsafe { set(to, 0x77, bytes) };
            });
            let last = to.cast::<u8>().wrapping_add(bytes.saturating_sub(1));
            // SAFETY: as above.
            verify(
                bytes == 0 || unsafe { last.read_volatile() } == 0x77,
                "memset",
            );
        }
    }
}
