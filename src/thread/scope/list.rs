//! The threads of a scope: an intrusive list through their control blocks.
//!
//! What is here is called under the lock of the scope that has the list.

use core::cell::Cell;
use core::ptr::{self, NonNull};

use crate::thread::control::Control;
use crate::thread::join;
use crate::thread::record::Record;

/// A thread's place in its scope's list. Reached under the list's lock only.
pub struct Link {
    next: Cell<*const Control>,
    previous: Cell<*const Control>,
    /// Whether no handle will ask for the thread any more.
    pub is_released: Cell<bool>,
    /// Whether the thread ended before its handle was dropped: the completion word does not tell
    /// that any more.
    pub has_ended: Cell<bool>,
}

pub struct List {
    pub first: *const Control,
    pub count: usize,
    /// At which count to look for threads that are done and that nobody will join.
    pub sweep_at: usize,
    /// Whether a thread that is in the list no more ended without a value.
    pub has_lost: bool,
}

// SAFETY: the control blocks in the list are in mappings that the scope owns; what of them is
// reached through the list is reached under its lock.
unsafe impl Send for List {}

/// How many threads more there must be before a list is swept again, at the least.
const SWEEP_AT_MIN: usize = 16;

impl List {
    /// An empty list.
    pub const fn new() -> List {
        List {
            first: ptr::null(),
            count: 0,
            sweep_at: SWEEP_AT_MIN,
            has_lost: false,
        }
    }

    /// Puts a thread in.
    pub fn insert(&mut self, control: &Control) {
        control.scope_link.next.set(self.first);
        // SAFETY: an entry is valid while it is in the list.
        if let Some(first) = unsafe { self.first.as_ref() } {
            first.scope_link.previous.set(control);
        }
        self.first = control;
        self.count += 1;
    }

    /// Takes a thread out.
    pub fn remove(&mut self, control: &Control) {
        let (next, previous) = (&control.scope_link.next, &control.scope_link.previous);
        // SAFETY: an entry is valid while it is in the list.
        match unsafe { previous.get().as_ref() } {
            Some(entry) => entry.scope_link.next.set(next.get()),
            None => self.first = next.get(),
        }
        // SAFETY: likewise.
        if let Some(entry) = unsafe { next.get().as_ref() } {
            entry.scope_link.previous.set(previous.get());
        }
        self.count -= 1;
    }

    /// Gives back the memory of threads that are gone and that no handle will ask for; returns
    /// whether there were any. Where the list `is_inherited`, threads that are gone may be those of
    /// the parent's, in whose middle others stand: they must have ended, too.
    pub fn sweep(&mut self, is_inherited: bool) -> bool {
        let mut has_found = false;
        let mut next = self.first;
        // SAFETY: an entry is valid while it is in the list.
        while let Some(control) = unsafe { next.as_ref() } {
            next = control.scope_link.next.get();
            if control.scope_link.is_released.get()
                && control.record.is_gone()
                && (!is_inherited || has_ended(control))
            {
                self.remove(control);
                // SAFETY: the thread is gone, and so is its handle, which left no result.
                self.has_lost |= unsafe { bury(NonNull::from(control)) };
                has_found = true;
            }
        }
        self.sweep_at = self.count + (self.count / 4).max(SWEEP_AT_MIN);
        has_found
    }

    /// Whether one of the threads that are gone did not come to its end, but stayed in a parent.
    pub fn any_unfinished(&self) -> bool {
        let mut next = self.first;
        // SAFETY: an entry is valid while it is in the list.
        while let Some(control) = unsafe { next.as_ref() } {
            if !has_ended(control) {
                return true;
            }
            next = control.scope_link.next.get();
        }
        false
    }

    /// A thread whose result nobody took.
    pub fn any_with_result(&self) -> Option<&'static Control> {
        let mut next = self.first;
        // SAFETY: an entry is valid while it is in the list.
        while let Some(control) = unsafe { next.as_ref() } {
            if control.has_result.get() {
                return Some(control);
            }
            next = control.scope_link.next.get();
        }
        None
    }

    /// A thread that the kernel has not let go of.
    pub fn any_alive(&self) -> Option<&'static Record> {
        let mut next = self.first;
        // SAFETY: an entry is valid while it is in the list.
        while let Some(control) = unsafe { next.as_ref() } {
            if !control.record.is_gone() {
                return Some(control.record);
            }
            next = control.scope_link.next.get();
        }
        None
    }
}

/// Whether a thread of a list that is inherited came to its end, here or in the parent; all that it
/// may use after that is its own.
fn has_ended(control: &Control) -> bool {
    control.completion.is_complete() || control.scope_link.has_ended.get()
}

/// Gives the memory of a thread back that left the scope no value to take; returns whether it ended
/// without one. Its memory then stays for ever, as others may have borrowed from it.
///
/// By raw pointer, as all that gives memory away.
///
/// # Safety
/// 1. The thread is gone from the kernel, it left no result, no handle of it is used any more, and
///    it is in no list.
pub unsafe fn bury(control: NonNull<Control>) -> bool {
    // SAFETY: clause 1: the mapping is still there.
    let is_parked = unsafe { control.as_ref() }.is_parked.get();
    if !is_parked {
        // SAFETY: clause 1.
        unsafe { join::give_back(control) };
    }
    is_parked
}
