//! The thread's side of its end. Nobody returns from here.
//!
//! The order, and the reason of each step:
//!
//! 1. The closure has returned and its result lies in the mapping. If the handle is gone, drop the
//!    result while thread-locals are as the closure left them.
//! 2. Destroy the thread-locals: before the swap, because who joins must find them gone, and
//!    because a destructor may end the thread by [`exit`], which parks the mapping for ever.
//! 3. Swap the completion word. If the handle is undecided it owns mapping and result from here
//!    on; all that this thread still uses is its stack, which the handle leaves alone until the
//!    kernel has cleared the tid word. Signals stay deliverable: a handler runs on a stack that is
//!    still valid.
//! 4. Otherwise everything is ours; or a scope's, which waits for the tid word and then gives the
//!    mapping back; or it is memory of the user's, which is given up, and the record with it: all
//!    signals are blocked before, because a handler may ask whose thread it interrupts. Drop the
//!    result if the handle went during step 2, as ordinary code: signals on, TLS valid; and destroy
//!    what thread-locals this has made.
//! 5. Try to put the mapping into the cache. The tid word stays armed, and the cache hands the
//!    mapping on only when the kernel has cleared it.
//! 6. If the cache will not have it: block all signals, because a handler would soon have no stack,
//!    and no record; give the record up; unmap the stack and end the thread in one piece of
//!    assembly that touches no memory. The tid word stays armed here too: it lies in the record,
//!    which is memory for ever, and a record is not claimed again before the kernel has cleared it.
//!
//! The signal stack (`overflow`) stays in force to the end; no call disables it. It lies in the
//! mapping, and the mapping is there for as long as a handler can run: up to the cleared tid word,
//! after which the thread runs nothing, where the handle or the cache owns it (steps 3 and 5); up
//! to step 6, which begins by blocking all signals, and whose code faults nowhere, where the thread
//! unmaps it itself; for ever after [`exit`].
//!
//! No step sleeps but by a destructor of the user's, and none takes a lock that it has to wait for.

use core::ptr::NonNull;
use core::sync::atomic::{Ordering, fence};

use super::cache::{self, Tenancy};
use super::control::{Before, Completion, Control};
use super::{current, local, measure, overflow, pool, scope};
use crate::arch;
use crate::sys::{signal, task};

/// Ends the calling thread, whose closure has returned.
///
/// # Safety
/// 1. `control` is the calling thread's, and no value on its stack still needs dropping.
/// 2. Its thread-locals are destroyed.
#[cfg_attr(for_size, inline(always))] // Into the one caller.
unsafe fn finish(control: *const Control) -> ! {
    // SAFETY: clause 1; the mapping is valid up to the swap whatever the handle does.
    let before = unsafe { Completion::complete(&raw const (*control).completion) };
    if before == Before::Undecided {
        leave();
    }
    // SAFETY: the handle was gone before our swap, so the mapping is ours, or a scope's that waits
    // for us.
    let control = unsafe { &*control };
    // SAFETY: and the result is ours.
    unsafe { control.discard_result() };
    // SAFETY: the thread runs no other code of the user's.
    unsafe { local::run_destructors() };
    if !control.scope.is_null() {
        leave();
    }
    if !control.mapping.is_ours() {
        // A handler may ask for the current thread, which is the record's.
        signal::block_all();
        // SAFETY: the memory's reference; nobody gets at the record through it any more. It is not
        // claimed before the kernel has cleared the tid word.
        unsafe { control.record.release() };
        leave();
    }
    // SAFETY: the mapping is ours, and `leave` uses nothing of it but the stack until the kernel
    // clears the tid word; we are back at the stack's high end.
    if cfg!(feature = "cache") && unsafe { cache::keep_own(NonNull::from(control)) }.is_ok() {
        leave();
    }
    let tenancy = Tenancy::of(control);
    // SAFETY: the mapping is still ours alone, clause 1 covers what is on the stack.
    unsafe { unmap_self(tenancy) }
}

/// Leaves the stack to whoever waits for the tid word.
///
/// # Ordering
/// The fence comes before the kernel's store to the tid word in this thread's program order, so
/// that whoever reads the cleared word (`Record::is_gone`, Acquire) comes after every store of
/// this thread. The exit path of the kernel has barriers of its own; nothing promises them.
pub(super) fn leave() -> ! {
    fence(Ordering::Release);
    task::exit_thread()
}

/// Unmaps the memory below our feet and leaves.
///
/// # Safety
/// 1. The caller owns the tenancy, is its tenant, and leaves nothing behind that needs dropping.
unsafe fn unmap_self(tenancy: Tenancy) -> ! {
    let Tenancy { mapping, record } = tenancy;
    signal::block_all();
    // SAFETY: the mapping's reference; nobody uses the record through the mapping any more.
    unsafe { record.release() };
    // SAFETY: clause 1; signals are blocked; the tid word is the record's.
    unsafe { arch::unmap_and_exit(mapping.base.addr(), mapping.bytes) }
}

/// Ends the calling thread without a value and without running a single destructor.
///
/// For memory the thread parks for ever: nothing on its stack is dropped, and its stack, TLS and
/// closure are never reused, unmapped or handed back, so that what others borrowed from them stays
/// valid. [`JoinHandle::join`](super::JoinHandle::join) returns an error; a
/// [`scope`](super::scope()) that the thread is of, or a pool's whose job it was in, panics at its
/// end, because what the thread was lent may be half changed. The process goes on, even when it is
/// the main thread that ends; it ends with its last thread.
///
/// Not for signal handlers: what they interrupted may hold one of the runtime's locks.
///
/// # Blocking
/// Not at all, but for a scoped thread that ends inside a [`scope`](super::scope()) of its own:
/// until the threads of that scope have ended, because they may use what it had borrowed.
///
/// # Panics
/// In a thread that this crate did not start.
///
/// # Examples
/// ```
/// use threadbare::thread;
///
/// let handle = thread::spawn(|| thread::exit());
/// assert!(handle.join().is_err());
/// ```
pub fn exit() -> ! {
    let Some(control) = current::control() else {
        panic!("this thread was not started by threadbare");
    };
    // A finaliser that ends its thread ends the process, which waits for it.
    crate::process::go_on_exiting();
    park_for_ever(control)
}

/// Ends the calling thread without a value, by [`exit`] or a panic: whoever decides about its
/// mapping finds no result and leaves it alone.
pub(super) fn park_for_ever(control: &Control) -> ! {
    measure::note(control);
    pool::give_up_jobs(control);
    scope::wait_for_own_scopes(control);
    control.is_parked.set(true);
    control.completion.abandon();
    leave()
}

/// Runs the closure, then ends the thread: the rest of `spawn::entry`, on the thread itself.
///
/// # Safety
/// 1. `control` is the calling thread's and its payload holds the closure.
pub(super) unsafe fn run_and_finish(control: *mut Control) -> ! {
    // SAFETY: clause 1; from `clone` on the control block is this thread's, its cells included.
    let control = unsafe { &*control };
    // Before the first handler can run.
    overflow::arm(control);
    signal::restore(&control.signal_mask);
    control.set_in_closure(true);
    // SAFETY: clause 1; `run` moves the closure out, which happens here and once.
    unsafe { control.run() };
    control.set_in_closure(false);
    let is_unclaimed = control.completion.is_detached();
    if is_unclaimed {
        // SAFETY: the handle is gone, and the payload holds the result.
        unsafe { control.drop_result() };
    }
    // SAFETY: the closure and all its locals are gone.
    unsafe { local::run_destructors() };
    measure::note(control);
    // Only now: until here a destructor may end the thread without a result.
    control.has_result.set(!is_unclaimed);
    // SAFETY: as above; the thread-locals are gone, too.
    unsafe { finish(control) }
}
