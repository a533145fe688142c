//! What a panic ends: the process, or the thread that panicked alone.
//!
//! Nothing unwinds either way. A thread that ends by a panic ends as by [`exit`](super::exit): its
//! memory is parked for ever, so whatever others have borrowed from it stays valid, and so does
//! whatever was half done there.
//!
//! The panic handler asks [`begin`] before it writes the message, and ends the thread afterwards if
//! it got leave and the message is none of those by which `core` says that it must not be survived.

use core::sync::atomic::{AtomicBool, Ordering};

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

/// Whether the policy is `EndThread`. Relaxed: it orders nothing.
static ENDS_THREAD: AtomicBool = AtomicBool::new(false);

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
    ENDS_THREAD.store(policy == PanicPolicy::EndThread, Ordering::Relaxed);
}

/// Leave to end the calling thread, which panics for the first time.
pub(crate) struct Leave(&'static Control);

/// Notes that the calling thread panics; returns leave to end it alone, if the policy is that and
/// the thread is in its closure.
pub(crate) fn begin() -> Option<Leave> {
    let control = current::control()?;
    let is_nested = control.ended_by_panic.replace(true);
    let may_end = ENDS_THREAD.load(Ordering::Relaxed) && control.is_in_closure.get() && !is_nested;
    may_end.then_some(Leave(control))
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
        control.is_in_closure.set(false);
    }
}
