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

/// The signals that a new thread begins with blocked, where its spawner's are `mask`.
pub(super) fn mask_of_new(mask: SignalSet) -> SignalSet {
    if IS_BESIDE.get() {
        SignalSet::ALL
    } else {
        mask
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
