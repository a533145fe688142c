//! A thread that runs into the guard of its stack says so before it dies.
//!
//! The kernel answers the guard by SIGSEGV, whose handler cannot run on a stack that is full. So
//! each thread has a signal stack in its own mapping, above everything else, which costs one system
//! call (`sigaltstack`) as the thread starts, some addresses, and no memory until it is used. What
//! the handler does is in [`report`].
//!
//! The kernel holds on to a signal stack as long as its thread exists, and a signal stack is never
//! taken down here; `exit` says why that is sound. A new thread begins without one, whatever its
//! maker has (`kernel/fork.c`, `copy_process`), so a mapping from the cache is as good as a new
//! one.
//!
//! A signal stack has no guard of its own: handlers of the program's that ask for it have little
//! room there.

#[cfg(feature = "overflow-report")]
mod report;

use core::sync::atomic::{AtomicUsize, Ordering};

use super::control::Control;
use crate::arch;
use crate::start::Process;
use crate::sys::signal;

#[cfg(all(feature = "overflow-report", feature = "start"))]
pub(crate) use report::begin;
#[cfg(feature = "overflow-report")]
pub use report::set_overflow_report;

/// The size of the signal stack that threads get which start now, not rounded. 0 for none: then the
/// handler says nothing.
///
/// Relaxed: a thread that has not heard of a change yet does what was right before it.
static SIGNAL_STACK_BYTES: AtomicUsize = AtomicUsize::new(0);

/// What the handler needs besides the kernel's frame: the message, its formatting unoptimised, and
/// on some CPUs a frame of 160 bytes and more for each function.
const HANDLER_BYTES: usize = 16 << 10;

/// The size of the signal stack that a new thread's mapping has room for, not rounded; 0 for none.
pub fn signal_stack_bytes() -> usize {
    if cfg!(feature = "overflow-report") {
        SIGNAL_STACK_BYTES.load(Ordering::Relaxed)
    } else {
        0
    }
}

/// The least size for the report. The kernel says how large its frame is where vector registers may
/// be long; elsewhere the constant that it refuses less of is enough.
#[cfg(feature = "overflow-report")]
fn bytes_min() -> usize {
    let told = Process::find().map(|process| process.auxv().signal_stack_bytes_min());
    let frame_bytes = told.unwrap_or(0);
    frame_bytes.max(arch::SIGNAL_STACK_BYTES_MIN) + HANDLER_BYTES
}

/// Gives the calling thread the signal stack of its mapping, if there is one.
///
/// A refusal is no reason not to run: the thread would die without a word, as without the feature.
pub fn arm(control: &Control) {
    let end = control.mapping.base.addr() + control.mapping.bytes;
    let bytes = end - control.signal_stack;
    if !cfg!(feature = "overflow-report") || bytes == 0 {
        return;
    }
    let low = control.mapping.base.with_addr(control.signal_stack);
    // SAFETY: the calling thread's own mapping, in which nothing else uses this part, and which is
    // there until the kernel has let go of the thread.
    let _ = unsafe { signal::set_stack(low, bytes) };
}
