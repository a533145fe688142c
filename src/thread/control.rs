//! The control block: what a thread's mapping knows about itself.
//!
//! It lies in the mapping, above the TLS, and the thread finds it through the runtime's one
//! thread-local word. It is written by the spawner before `clone`; afterwards the thread owns all
//! of it but the completion word, and after the completion is decided the one that the word names.

use core::cell::Cell;
use core::sync::atomic::{AtomicU32, Ordering};

use super::attributes::{Attributes, SetUp};
use super::builder::OWN_MEMORY;
use super::measure::Look;
use super::record::Record;
use super::scope::{Link, ScopeData};
use crate::arch::Beginning;
use crate::sys::signal::SignalSet;
use crate::used::Used;

/// A thread's memory: `[base, base + bytes)`, of which the lowest `guard_bytes` are inaccessible.
#[derive(Clone, Copy, Debug)]
pub struct Mapping {
    pub base: *mut u8,
    pub bytes: usize,
    pub guard_bytes: usize,
    pub origin: Origin,
}

/// Where a thread's memory comes from, and so where it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Mapped by the runtime, which caches or unmaps it; the guard is made of pages without access.
    /// Of the main thread's, which nobody gives back, nobody asks. The first one, which is zero.
    Mapped,
    /// The same, with a guard that is marked in the page tables.
    MappedLightweight,
    /// The user's: given back by `join_with_stack`, or given up.
    Caller,
}

impl Mapping {
    /// Whether the runtime mapped it and has to get rid of it.
    pub fn is_ours(&self) -> bool {
        !OWN_MEMORY.get() || self.origin != Origin::Caller
    }
}

/// Who gives the mapping back: decided by one swap from each side, of which the second one sees
/// the first.
///
/// | value | thread | handle |
/// |---|---|---|
/// | `RUNNING` | runs | has not decided |
/// | `DETACHED` | will own its mapping | gone |
/// | `COMPLETED` | done, touches only its stack from here on | owns the mapping |
pub struct Completion(AtomicU32);

/// Whether a handle ever decided before its thread had ended.
///
/// Who finds the word of such a handle finds this, too: it comes before the handle's swap.
static DETACHES: Used = Used::new();

/// Whether a thread may end, or have ended, that nobody joins.
pub fn may_be_detached() -> bool {
    DETACHES.get()
}

/// What the completion word held before a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// The other side has not decided: it will see this swap and owns the mapping then.
    Undecided,
    /// The other side decided first: the mapping is the caller's.
    Decided,
}

impl Completion {
    const RUNNING: u32 = 0;
    const DETACHED: u32 = 1;
    const COMPLETED: u32 = 2;

    /// The thread's swap. By raw pointer, as all that may give memory away: the swap that leaves
    /// the other side in charge may be followed by an unmap before this function returns.
    ///
    /// # Ordering
    /// The result that the thread wrote is owed to the handle, and the handle's last accesses to
    /// the thread: Release and Acquire on both swaps.
    ///
    /// # Safety
    /// 1. `this` is valid until the swap, and the caller is the thread.
    pub unsafe fn complete(this: *const Completion) -> Before {
        // SAFETY: clause 1; the reference ends with the swap itself.
        match unsafe { (*this).0.swap(Completion::COMPLETED, Ordering::AcqRel) } {
            Completion::RUNNING => Before::Undecided,
            Completion::DETACHED if DETACHES.get() => Before::Decided,
            _ => crate::fatal::fatal(c"a thread ended twice"),
        }
    }

    /// The swap of a thread that ends without a value and parks its mapping for ever. It may have
    /// swapped before: a destructor of its result, or a signal handler, ends it.
    pub fn abandon(&self) {
        self.0.swap(Completion::COMPLETED, Ordering::AcqRel);
    }

    /// The handle's swap, in the same way and order.
    ///
    /// # Safety
    /// 1. `this` is valid until the swap, and the caller is the handle.
    pub unsafe fn detach(this: *const Completion) -> Before {
        DETACHES.set();
        // SAFETY: clause 1; the reference ends with the swap itself.
        match unsafe { (*this).0.swap(Completion::DETACHED, Ordering::AcqRel) } {
            Completion::RUNNING => Before::Undecided,
            Completion::COMPLETED => Before::Decided,
            _ => crate::fatal::fatal(c"a thread was detached twice"),
        }
    }

    /// Whether the handle is gone; then it stays so, and its accesses come before (Acquire).
    pub fn is_detached(&self) -> bool {
        DETACHES.get() && self.0.load(Ordering::Acquire) == Completion::DETACHED
    }

    /// Whether the thread has swapped. Acquire: the result may be read then.
    pub fn is_complete(&self) -> bool {
        self.0.load(Ordering::Acquire) == Completion::COMPLETED
    }
}

/// What the spawner leaves for the thread, and the thread for its handle.
///
/// All of it begins as zero but for what the spawner writes (`spawn::Prepared::control`).
///
/// In this order: what every thread's life reads and writes comes first, where instructions reach
/// it that are three bytes shorter, and what few threads have is at the end.
#[repr(C)]
pub struct Control {
    /// Where the thread begins; the main thread did so elsewhere.
    pub begin: Option<Beginning>,
    /// This thread's record. The mapping owns one of its references.
    pub record: &'static Record,
    pub completion: Completion,
    /// Whether `payload` holds a result that is to be claimed. Written by the thread before its
    /// swap.
    pub has_result: Cell<bool>,
    /// Whether the thread is in its closure, and not on its way in or out.
    pub is_in_closure: Cell<bool>,
    /// Whether the thread has ended without a value, so that its memory is never touched again.
    /// Written by the thread before its swap.
    pub is_parked: Cell<bool>,
    /// Whether the thread panics, or ended by that. Written by the thread before its swap.
    pub ended_by_panic: Cell<bool>,
    /// Closure, then result.
    pub payload: *mut u8,
    /// Takes the closure out of the payload, calls it and leaves the result there. `None` in the
    /// main thread's, as the next one.
    pub run: Option<unsafe fn(*mut u8)>,
    pub mapping: Mapping,
    /// The stack's high end; it begins above the mapping's guard.
    pub stack_top: usize,
    /// The signal stack's low end; it reaches to the mapping's end, and is empty where they meet.
    pub signal_stack: usize,
    /// The next entry of the stack cache, which owns this field once it has the mapping.
    pub next_kept: Cell<*const Control>,
    /// The mask that the thread begins user code with: the spawner's.
    pub signal_mask: SignalSet,
    /// Drops the result in the payload; `None` where nothing is to be done for that, too.
    pub drop_result: Option<unsafe fn(*mut u8)>,
    /// The scope that owns the mapping and waits for the thread, null for none.
    pub scope: *const ScopeData,
    /// The thread's place in that scope's list.
    pub scope_link: Link,
    /// The scope that the thread opened last and has not left, null for none.
    pub innermost_scope: Cell<*const ScopeData>,
    /// What the thread does to itself before its closure, null for nothing. The spawner, which
    /// owns it, waits until `set_up` says that this is over.
    pub attributes: *const Attributes,
    pub set_up: SetUp,
    /// What is to be found out about the stack.
    pub look: Look,
}

impl Control {
    /// Calls the closure, whose result is in the payload then.
    ///
    /// # Safety
    /// 1. The calling thread is the one, and its payload holds the closure.
    pub unsafe fn run(&self) {
        // SAFETY: clause 1: it is not the main thread, which alone has none.
        let run = unsafe { self.run.unwrap_unchecked() };
        // SAFETY: clause 1.
        unsafe { run(self.payload) };
    }

    /// Notes whether the thread is in its closure, which our panic handler alone asks.
    pub fn set_in_closure(&self, is_in_closure: bool) {
        if cfg!(feature = "panic-handler") {
            self.is_in_closure.set(is_in_closure);
        }
    }

    /// Drops the result.
    ///
    /// # Safety
    /// 1. The payload holds a result, which is the caller's.
    pub unsafe fn drop_result(&self) {
        if let Some(drop_result) = self.drop_result {
            // SAFETY: clause 1.
            unsafe { drop_result(self.payload) };
        }
    }

    /// Drops the result, if there is one.
    ///
    /// # Safety
    /// 1. The caller owns the result: it saw the completion decided in its favour.
    pub unsafe fn discard_result(&self) {
        if self.has_result.replace(false) {
            // SAFETY: the payload holds a result, and by clause 1 nobody else will read it.
            unsafe { self.drop_result() };
        }
    }
}
