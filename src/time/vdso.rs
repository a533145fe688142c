//! Reading a clock without a system call: by the function that the kernel's vDSO has for it.
//!
//! It is looked for when a clock is read first: a program that reads none is not slower, nor does
//! it contain this. Whoever comes first finds it, and two who come at once find the same: no lock
//! is taken, so a signal handler may be the first, and a child of `fork` goes on with what its
//! parent knew, for the image is at the same place there. Programs that are compiled for size do
//! not look: what believes nothing of an image is two kilobytes.
//!
//! The function answers errors for what it cannot do (`-ENOSYS` on MIPS before Linux 4.13; as a
//! positive number and by a flag on PowerPC). What it answered is not looked at: anything but 0 and
//! the system call is made, which knows.
//!
//! # Stack
//! It runs on its caller's stack, of which Debian's kernels take less than 512 bytes. One that is
//! built to check stacks (`-fstack-check`, seen from 2015 to 2017) touches a word 4 KiB below:
//! within the least that a thread's stack and its signal stack have.

use core::mem;
use core::ptr;
use core::slice;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::arch;
use crate::start::Process;
#[cfg(feature = "test-seam")]
use crate::sys::seam;
use crate::sys::time::{Clock, Timespec};
use crate::vdso;

/// `int clock_gettime(clockid_t, struct __kernel_timespec *)`.
type Function = unsafe extern "C" fn(i32, *mut [i64; 2]) -> i32;

/// Nobody has looked yet.
const UNKNOWN: usize = 0;
/// The kernel has none.
const NONE: usize = 1;
/// The function's address, or one of these. Relaxed suffices: the value is all that is handed over,
/// the image was there before the program's first instruction.
static FUNCTION: AtomicUsize = AtomicUsize::new(UNKNOWN);

/// A vDSO is a few pages; what says that it has more is none.
const IMAGE_BYTES_MAX: usize = 1 << 20;

/// Returns what `clock` shows, if the kernel gives a function that says so.
#[inline]
pub fn now(clock: Clock) -> Option<Timespec> {
    arch::VDSO_CLOCK?;
    if cfg!(for_size) {
        return None;
    }
    #[cfg(feature = "test-seam")]
    if !seam::may_ask_vdso() {
        return None;
    }
    let address = match FUNCTION.load(Ordering::Relaxed) {
        UNKNOWN => look(),
        known => known,
    };
    if address == NONE {
        return None;
    }
    let mut time = [0i64; 2];
    // SAFETY: `look` found it by its name and version, which tell the type.
    let function: Function = unsafe { mem::transmute(ptr::with_exposed_provenance::<()>(address)) };
    // SAFETY: it writes two words of 64 bits, or nothing.
    let answer = unsafe { function(clock.number() as i32, &raw mut time) };
    #[cfg(feature = "test-seam")]
    let answer = seam::vdso_answered(answer);
    if answer != 0 {
        return None;
    }
    Some(Timespec {
        seconds: time[0],
        nanoseconds: time[1] as u32,
    })
}

/// Looks for the function; returns its address, or `NONE`.
#[cold]
#[inline(never)]
fn look() -> usize {
    // Before the start, or where nobody has told of one, this is not the last word.
    let Some(process) = Process::find() else {
        return NONE;
    };
    // SAFETY: `AT_SYSINFO_EHDR` is this process's.
    let found = unsafe { find(process.auxv().vdso_address(), process.page_bytes) };
    let address = found.unwrap_or(NONE);
    FUNCTION.store(address, Ordering::Relaxed);
    address
}

/// Finds the function in the image at `base`.
///
/// # Safety
/// 1. `base` is 0, or where the kernel mapped a vDSO, with a page at least.
unsafe fn find(base: usize, page_bytes: usize) -> Option<usize> {
    let wanted = arch::VDSO_CLOCK.as_ref()?;
    if base == 0 {
        return None;
    }
    let start = ptr::with_exposed_provenance::<u8>(base);
    // SAFETY: clause 1; nobody writes there.
    let head = unsafe { slice::from_raw_parts(start, page_bytes) };
    let bytes = vdso::image_bytes(head).filter(|bytes| *bytes <= IMAGE_BYTES_MAX)?;
    // SAFETY: the kernel maps what the object's own headers say, all of it.
    let image = unsafe { slice::from_raw_parts(start, bytes) };
    Some(base + vdso::find(image, wanted)?)
}
