//! What a job is: a [`Task`] with something around it, a slot of the pool's memory, or a part of
//! somebody's stack.
//!
//! Whoever runs it knows the task's address alone; the functions in its table know the rest.

use core::cell::Cell;
use core::mem;
use core::ptr;

use crate::sync::dispatch::{Bell, Group, Node, RUNG, RUNG_IN_VAIN};

/// A job, as whoever runs it sees it. First in what lies around it.
#[repr(C)]
pub(super) struct Task {
    node: Node,
    pub(super) acts: &'static Acts,
}

/// What can be done with a job.
pub(super) struct Acts {
    /// Runs it; returns its slot if that is free again, or null. On a stack, the job may be gone.
    pub(super) run: unsafe fn(*const Task) -> *const Node,
    /// Notes that it will not come to its end, or not be begun; the flag says whether by a panic.
    /// Returns its slot if that is free again, or null.
    pub(super) end: unsafe fn(*const Task, bool) -> *const Node,
    /// Drops what was to be run.
    pub(super) drop: unsafe fn(*const Task),
}

impl Task {
    pub(super) fn new(group: *const Group, acts: &'static Acts) -> Task {
        Task {
            node: Node::new(group),
            acts,
        }
    }

    pub(super) fn group(&self) -> *const Group {
        self.node.group()
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    /// Calls the table's `end`.
    ///
    /// # Safety
    /// 1. The job is the caller's, who was handed it, and who does not go on with it.
    pub(super) unsafe fn end(this: *const Task, is_panic: bool) -> *const Node {
        // SAFETY: clause 1: it lives until it is finished.
        let end = unsafe { (*this).acts.end };
        // SAFETY: clause 1.
        unsafe { end(this, is_panic) }
    }
}

/// What lies at the beginning of a slot; closure, then result come after it.
#[repr(C, align(16))]
pub(super) struct Head {
    task: Task,
    /// Rung when the job is over; detached when nobody asks for its result.
    pub(super) bell: Bell,
    /// Whether the job ended by a panic; written before the bell is rung.
    pub(super) is_panic: Cell<bool>,
}

impl Head {
    /// What a slot begins with when it gets a job.
    pub(super) fn new(group: *const Group, acts: &'static Acts) -> Head {
        Head {
            task: Task::new(group, acts),
            bell: Bell::new(),
            is_panic: Cell::new(false),
        }
    }

    /// Makes a slot's memory that of a free one.
    ///
    /// # Safety
    /// 1. It can be written, is aligned, and nobody else's.
    pub(super) unsafe fn free(slot: *mut Head) -> *const Node {
        // SAFETY: clause 1.
        unsafe { (&raw mut (*slot).task.node).write(Node::new(ptr::null())) };
        slot.cast_const().cast()
    }

    pub(super) fn task(&self) -> &Task {
        &self.task
    }
}

/// How slots are aligned, and what comes after their heads.
pub(super) const SLOT_ALIGN: usize = 16;
const _: () =
    assert!(align_of::<Head>() == SLOT_ALIGN && size_of::<Head>().is_multiple_of(SLOT_ALIGN));

/// How much room a closure and its result take in a slot, wherever it lies.
pub(super) const fn bytes_of<F, T>() -> usize {
    let bytes = max(size_of::<F>(), size_of::<T>());
    bytes + max(align_of::<F>(), align_of::<T>()).saturating_sub(SLOT_ALIGN)
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

/// Where a closure, or its result, is in a slot.
pub(super) fn payload<T>(head: *const Head) -> *mut T {
    let behind = head.cast_mut().wrapping_add(1).cast::<u8>();
    behind
        .map_addr(|at| at.next_multiple_of(align_of::<T>()))
        .cast()
}

/// The jobs in slots that run an `F` for a `T`.
pub(super) struct InSlot<F, T>(core::marker::PhantomData<(F, T)>);

impl<F: FnOnce() -> T, T> InSlot<F, T> {
    pub(super) const ACTS: Acts = Acts {
        run: Self::run,
        end: Self::end,
        drop: Self::drop,
    };

    unsafe fn run(task: *const Task) -> *const Node {
        let head = task.cast::<Head>();
        // SAFETY: the slot holds an `F`, which is moved out once.
        let closure = unsafe { payload::<F>(head).read() };
        let result = closure();
        // SAFETY: there is room for a `T`, which `Shared::queue` saw to.
        unsafe { payload::<T>(head).write(result) };
        // SAFETY: the slot is the job's until the bell is rung.
        if !unsafe { Bell::ring(&raw const (*head).bell, RUNG) } {
            return ptr::null();
        }
        // SAFETY: nobody will ask for the result.
        unsafe { payload::<T>(head).drop_in_place() };
        task.cast()
    }

    unsafe fn end(task: *const Task, is_panic: bool) -> *const Node {
        let head = task.cast::<Head>();
        // SAFETY: the slot is the job's until the bell is rung.
        unsafe { (*head).is_panic.set(is_panic) };
        // SAFETY: likewise.
        if unsafe { Bell::ring(&raw const (*head).bell, RUNG_IN_VAIN) } {
            // Nobody will ask.
            task.cast()
        } else {
            ptr::null()
        }
    }

    unsafe fn drop(task: *const Task) {
        // SAFETY: the slot holds an `F` that nobody runs.
        unsafe { payload::<F>(task.cast()).drop_in_place() };
    }
}

const _: () = assert!(mem::offset_of!(Head, task) == 0 && mem::offset_of!(Task, node) == 0);
