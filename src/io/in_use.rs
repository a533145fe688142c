//! What the rest of the runtime does to standard output, in programs that use it: at the process'
//! end, in a child of `fork`, and where a thread ends in the middle of something.
//!
//! That calls it by a pointer that the first use stores: a program without standard output has
//! neither its buffer nor its lock.

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// What is called.
pub(super) struct Stream {
    /// Writes what waits.
    pub flush: fn(),
    /// Unlocks it, if a thread held it that is not there.
    ///
    /// # Safety
    /// 1. The calling thread is the only one of the process, and not in a call of the stream's.
    #[cfg(feature = "threads")]
    pub forget_others: unsafe fn(),
    /// Unlocks it, if the calling thread holds it.
    ///
    /// # Safety
    /// 1. None of the calling thread's guards is used again.
    #[cfg(all(feature = "threads", feature = "panic-handler"))]
    pub give_back: unsafe fn(),
}

/// Null as long as nobody has used standard output.
static STREAM: AtomicPtr<Stream> = AtomicPtr::new(ptr::null_mut());
/// Set when the process has flushed for the last time, or is about to.
static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// Has `stream` flushed at the end. Whoever is about to write calls this first.
///
/// # Ordering
/// Who writes while the process ends, and is not flushed, must find that it ends. The end stores
/// `IS_ENDING` and then loads `STREAM`; a writer stores `STREAM`, or loads what another one stored,
/// and then loads `IS_ENDING`. One of the two sees the other if all of these are sequentially
/// consistent.
#[inline]
pub(super) fn register(stream: &'static Stream) {
    if STREAM.load(Ordering::SeqCst).is_null() {
        STREAM.store(ptr::from_ref(stream).cast_mut(), Ordering::SeqCst);
    }
}

/// What was registered.
fn stream() -> Option<&'static Stream> {
    // SAFETY: null, or what `register` stored, a static that is never written.
    unsafe { STREAM.load(Ordering::SeqCst).as_ref() }
}

/// Whether nothing may wait in the buffer any more.
pub(super) fn is_ending() -> bool {
    IS_ENDING.load(Ordering::SeqCst)
}

/// Flushes standard output at the process' end, if it was ever used, and makes it unbuffered, so
/// that what destructors and other threads print later is not lost.
pub(crate) fn flush_at_exit() {
    IS_ENDING.store(true, Ordering::SeqCst);
    if let Some(stream) = stream() {
        (stream.flush)();
    }
}

/// Unlocks standard output in a child of `fork`, if another thread held it in the parent.
///
/// # Safety
/// 1. The calling thread is the only one of the process, and not in a call of this module's.
#[cfg(feature = "threads")]
pub(crate) unsafe fn forget_others() {
    if let Some(stream) = stream() {
        // SAFETY: clause 1.
        unsafe { (stream.forget_others)() };
    }
}

/// Unlocks standard output if the calling thread holds it, which ends in the middle of something.
/// What it wrote stays in the buffer.
///
/// # Safety
/// 1. None of the calling thread's guards is used again.
#[cfg(all(feature = "threads", feature = "panic-handler"))]
pub(crate) unsafe fn give_stdout_back() {
    if let Some(stream) = stream() {
        // SAFETY: clause 1.
        unsafe { (stream.give_back)() };
    }
}
