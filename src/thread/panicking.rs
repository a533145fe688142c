//! What a panic ends: the process, or the thread that panicked alone.
//!
//! Nothing unwinds either way. A thread that ends by a panic ends as by [`exit`](super::exit): its
//! memory is parked for ever, so whatever others have borrowed from it stays valid, and so does
//! whatever was half done there.
//!
//! The panic handler comes to [`try_to_end`] first, which hands it leave where the policy and the
//! thread's state give it. It takes it when the message is written, unless that is one of those by
//! which `core` says that the panic must not be survived.

use core::panic::PanicInfo;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::control::Control;
use super::{current, exit};

/// What a panic ends, in threads that this crate has started.
///
/// # Examples
/// ```
/// use threadbare::thread::{self, PanicPolicy};
///
/// thread::set_panic_policy(PanicPolicy::EndThread);
/// let job = thread::spawn(|| -> u32 { panic!("this job cannot be done") });
/// // The message is on standard error; the process goes on.
/// assert!(job.join().is_err_and(|error| error.is_panic()));
/// thread::set_panic_policy(PanicPolicy::Abort);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PanicPolicy {
    /// The process, by SIGABRT.
    #[default]
    Abort,
    /// The thread alone: it ends as by [`exit`](super::exit), and
    /// [`JoinHandle::join`](super::JoinHandle::join) returns an error whose
    /// [`is_panic`](super::JoinError::is_panic) is true.
    ///
    /// Nothing unwinds: no destructor of the thread runs, its thread-locals' included, and its
    /// stack, thread-locals and closure are never reused, unmapped or handed back. Each such thread
    /// costs its memory for ever: this is for programs in which panics are rare and staying alive
    /// is worth it.
    ///
    /// **What it held stays held.** A lock stays locked, and whoever asks for it waits for ever; a
    /// [`Once`](crate::sync::Once) stays under way; a channel stays open. Standard output alone is
    /// given back, unless the panic was within its own code.
    ///
    /// **What it was lent is lost.** A [`scope`](super::scope()) one of whose threads panicked
    /// panics at its end, whether or not the thread was joined, and so does a pool's.
    ///
    /// The process is aborted all the same by a panic
    /// - in the main thread, or in a thread that this crate did not start;
    /// - in a destructor on a thread's way out: its result's, a thread-local's;
    /// - in the thread that ends the process, from [`process::exit`](crate::process::exit) on;
    /// - while the same thread is already panicking, as in a `Display` of the message;
    /// - that tells of undefined behaviour or cannot unwind with `std` either: a violated unsafe
    ///   precondition, a null or misaligned pointer, an allocation that failed without a handler.
    ///
    /// Without unwinding nobody notices functions between the panic and the thread's beginning that
    /// must not be unwound through (`extern "C"`). Nothing passes through them; they are parked
    /// like the rest.
    ///
    /// **In a signal handler** a panic ends the thread that the handler interrupted, wherever that
    /// was. If that was inside this crate, a lock of its own may stay locked: standard output's, or
    /// the stack cache's, without which threads are started and ended a little slower and
    /// [`set_cache_limits`](super::set_cache_limits) waits for ever. Handlers should not panic.
    EndThread,
}

/// What the panic handler does with a panic that may end its thread alone, when the policy is that;
/// null otherwise. A pointer, so that programs which never choose it do not carry the code.
/// Relaxed: it orders nothing.
static WAY: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Writes the message and ends the thread. If it must not be survived, the message is written all
/// the same, and this returns.
type Way = fn(&PanicInfo<'_>, Leave);

/// Sets what panics end from now on, in the whole process.
///
/// With a panic handler other than this crate's (its feature `panic-handler` is off) there is no
/// such choice, and no such function.
///
/// # Examples
/// ```
/// use threadbare::thread::{self, PanicPolicy};
///
/// thread::set_panic_policy(PanicPolicy::EndThread);
/// ```
pub fn set_panic_policy(policy: PanicPolicy) {
    let way = match policy {
        PanicPolicy::Abort => ptr::null_mut(),
        PanicPolicy::EndThread => crate::panic::report_and_end_thread as Way as *mut (),
    };
    WAY.store(way, Ordering::Relaxed);
}

/// Whether a panic may end its thread alone, and so has to be one.
pub(crate) fn may_end() -> bool {
    !WAY.load(Ordering::Relaxed).is_null()
}

/// Leave to end the calling thread alone, given to the first panic in its closure.
pub(crate) struct Leave(&'static Control);

/// Notes that the calling thread panics, and ends it alone if the policy is that, and the thread is
/// in its closure and does not panic already. If this returns, the process must die; the flag says
/// that the message was written.
pub(crate) fn try_to_end(info: &PanicInfo<'_>) -> bool {
    let Some(control) = current::control() else {
        return false;
    };
    let is_nested = control.ended_by_panic.replace(true);
    let way = WAY.load(Ordering::Relaxed);
    if way.is_null() || is_nested || !control.is_in_closure.get() {
        return false;
    }
    // SAFETY: what `set_panic_policy` stored, which is a function of this type.
    let way = unsafe { core::mem::transmute::<*mut (), Way>(way) };
    way(info, Leave(control));
    true
}

impl Leave {
    /// Ends the thread.
    pub(crate) fn take(self) -> ! {
        // SAFETY: the thread runs no code after this but the exit's.
        unsafe { crate::io::give_stdout_back() };
        exit::park_for_ever(self.0)
    }
}

/// Makes the calling thread's panics abort: it begins to end the process.
pub(crate) fn forbid() {
    if let Some(control) = current::control() {
        control.set_in_closure(false);
    }
}
