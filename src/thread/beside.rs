//! What is different for threads in a program that a libc has started.
//!
//! It knows nothing of them, and they must stay clear of it: they take none of its program's
//! signals, whose handlers may call it, and their control blocks have the words that its code
//! compares with.

use crate::start::Process;
use crate::sys::signal::SignalSet;
use crate::tls;
use crate::used::Used;

static IS_BESIDE: Used = Used::new();

/// Says that a libc started the program, before any thread of ours runs.
pub(crate) fn stay_beside_libc() {
    IS_BESIDE.set();
}

/// Makes its spawner's mask, at `mask`, the one that a new thread begins with, and returns the
/// spawner's if that is another one.
///
/// # Safety
/// 1. `mask` points to a set of the caller's alone.
pub(super) unsafe fn change_mask_of_new(mask: *mut SignalSet) -> Option<SignalSet> {
    if IS_BESIDE.get() {
        // SAFETY: clause 1.
        Some(unsafe { mask.replace(SignalSet::ALL) })
    } else {
        None
    }
}

/// Gives a new thread's control block what a libc's threads have in theirs.
///
/// # Safety
/// 1. `tls::fill` has filled the area at `tp` (without bias), which nobody else uses.
pub(super) unsafe fn fill(tp: *mut u8, process: &Process) {
    if IS_BESIDE.get() {
        // SAFETY: clause 1.
        unsafe { tls::set_pointer_guard(tp, process.pointer_guard) };
    }
}
