//! What the lock guards: who and what is queued, in lists of nodes that others bring.
//!
//! The module above says how long each node lives.

use core::ptr;

use super::super::primitive::Handed;
use super::bell::{Bell, RUNG};

/// How many of the newest jobs are looked at for descendants of a group.
const LOOKED_AT_MAX: usize = 64;

/// A job's place in the queue.
pub(crate) struct Node {
    pub(super) next: Handed<*const Node>,
    previous: Handed<*const Node>,
    next_of_group: Handed<*const Node>,
    previous_of_group: Handed<*const Node>,
    /// The group that the job belongs to, null for none.
    pub(super) group: *const Group,
    /// How many threads may still begin it; 0 when it is not queued.
    pub(super) copies: Handed<u32>,
}

impl Node {
    pub(crate) fn new(group: *const Group) -> Node {
        Node {
            next: Handed::new(ptr::null()),
            previous: Handed::new(ptr::null()),
            next_of_group: Handed::new(ptr::null()),
            previous_of_group: Handed::new(ptr::null()),
            group,
            copies: Handed::new(0),
        }
    }

    pub(crate) fn group(&self) -> *const Group {
        self.group
    }
}

/// Jobs that one thread waits for together.
pub(crate) struct Group {
    /// The group of the job that opened this one, null for none.
    parent: *const Group,
    /// Those of its jobs that are queued, the oldest first.
    first: Handed<*const Node>,
    last: Handed<*const Node>,
    /// How many of its jobs are not finished, with each copy.
    pending: Handed<usize>,
    /// Who sleeps until none is left, null for nobody.
    pub(super) waiter: Handed<*const Idle>,
    /// Whether a job ended without a result.
    pub(super) has_failed: Handed<bool>,
}

// SAFETY: all but `parent`, which never changes, is touched with the lock held.
unsafe impl Sync for Group {}
// SAFETY: likewise.
unsafe impl Send for Group {}

impl Group {
    pub(crate) fn new(parent: *const Group) -> Group {
        Group {
            parent,
            first: Handed::new(ptr::null()),
            last: Handed::new(ptr::null()),
            pending: Handed::new(0),
            waiter: Handed::new(ptr::null()),
            has_failed: Handed::new(false),
        }
    }

    /// Whether a job has failed, if all are finished. For who opened the group, without the lock:
    /// in a process where nobody else knows of it.
    pub(crate) fn outcome(&self) -> Option<bool> {
        self.is_finished().then(|| self.has_failed.get())
    }

    /// Queues a job of its own.
    fn append(&self, at: *const Node, node: &Node) {
        let last = self.last.get();
        node.previous_of_group.set(last);
        node.next_of_group.set(ptr::null());
        // SAFETY: a queued node lives.
        match unsafe { last.as_ref() } {
            Some(last) => last.next_of_group.set(at),
            None => self.first.set(at),
        }
        self.last.set(at);
    }

    fn unlink(&self, node: &Node) {
        let (previous, next) = (node.previous_of_group.get(), node.next_of_group.get());
        // SAFETY: a queued node's neighbours are queued and live.
        match unsafe { previous.as_ref() } {
            Some(previous) => previous.next_of_group.set(next),
            None => self.first.set(next),
        }
        // SAFETY: likewise.
        match unsafe { next.as_ref() } {
            Some(next) => next.previous_of_group.set(previous),
            None => self.last.set(previous),
        }
    }

    /// Whether it is `other`, or a group of jobs that descend from it.
    fn descends_from(&self, other: &Group) -> bool {
        let mut at = ptr::from_ref(self);
        // SAFETY: the job that opened a group is not finished before it, so its own group lives.
        while let Some(group) = unsafe { at.as_ref() } {
            if ptr::eq(group, other) {
                return true;
            }
            at = group.parent;
        }
        false
    }
}

/// A thread with nothing to do.
pub(super) struct Idle {
    pub(super) bell: Bell,
    next: Handed<*const Idle>,
    previous: Handed<*const Idle>,
    pub(super) is_listed: Handed<bool>,
    /// Whether it waits until all is done, and not for the next job alone.
    pub(super) waits_for_all: bool,
}

impl Idle {
    pub(super) fn new(waits_for_all: bool) -> Idle {
        Idle {
            bell: Bell::new(),
            next: Handed::new(ptr::null()),
            previous: Handed::new(ptr::null()),
            is_listed: Handed::new(false),
            waits_for_all,
        }
    }
}

/// Threads that were taken off their lists, and are to be rung.
pub(super) struct Calls(pub(super) *const Idle);

impl Calls {
    fn add(&mut self, idle: &Idle) {
        idle.next.set(self.0);
        self.0 = idle;
    }

    /// Adds the nearest of those who wait for the group, or for one that it descends from.
    pub(super) fn notify_waiter_of(&mut self, mut group: *const Group) {
        // SAFETY: as in `descends_from`.
        while let Some(at) = unsafe { group.as_ref() } {
            // SAFETY: who waits has its place there until it is called.
            if let Some(waiter) = unsafe { at.waiter.get().as_ref() } {
                at.waiter.set(ptr::null());
                return self.add(waiter);
            }
            group = at.parent;
        }
    }

    pub(super) fn ring(self) {
        let mut at = self.0;
        // SAFETY: who was taken off does not leave before it is rung.
        while let Some(idle) = unsafe { at.as_ref() } {
            at = idle.next.get();
            // SAFETY: likewise; it was taken off once.
            unsafe { Bell::ring(&raw const idle.bell, RUNG) };
        }
    }
}

/// What a thread has to say of the job that it was given.
pub(crate) struct Done {
    pub(crate) group: *const Group,
    /// The slot that is free again, null for none.
    pub(crate) free: *const Node,
    pub(crate) has_failed: bool,
}

/// What the lock guards.
pub(super) struct Inside {
    /// Queued jobs, the oldest first.
    first: *const Node,
    last: *const Node,
    /// Slots that no job uses, by `next`.
    pub(super) free: *const Node,
    /// Threads with nothing to do, who came last first: its cache is the warmest, and the others
    /// may sleep until they are too many.
    pub(super) idle: *const Idle,
    /// Jobs that are queued, with each copy; that were begun and not finished; and of these, those
    /// that wait until all is done.
    pub(super) queued: usize,
    running: usize,
    pub(super) blocked: usize,
    /// How many threads wait until all is done, and how often it was, modulo 2^32: a thread that
    /// has registered waits until the count has changed, asleep or not.
    pub(super) waiting_for_all: usize,
    pub(super) rounds: u32,
    pub(super) workers: u32,
    pub(super) workers_max: u32,
    pub(super) is_closed: bool,
}

impl Group {
    /// Whether no job is left, queued or begun.
    pub(super) fn is_finished(&self) -> bool {
        self.pending.get() == 0
    }

    /// Notes that so many are over; calls who waits for the last.
    pub(super) fn finish(&self, count: usize, calls: &mut Calls) {
        let left = self.pending.get() - count;
        self.pending.set(left);
        if left == 0
            // SAFETY: who waits has its place there until it is called.
            && let Some(waiter) = unsafe { self.waiter.get().as_ref() }
        {
            self.waiter.set(ptr::null());
            calls.add(waiter);
        }
    }
}

impl Inside {
    pub(super) const fn new(workers_max: u32) -> Inside {
        Inside {
            first: ptr::null(),
            last: ptr::null(),
            free: ptr::null(),
            idle: ptr::null(),
            queued: 0,
            running: 0,
            blocked: 0,
            waiting_for_all: 0,
            rounds: 0,
            workers: 0,
            workers_max,
            is_closed: false,
        }
    }

    /// Queues a job. What it is handed as is what it is handed out as: by the same pointer whoever
    /// runs it reaches what lies around the node.
    ///
    /// # Safety
    /// 1. The node is in no queue, and lives until it has left this one, as does its group.
    pub(super) unsafe fn append(&mut self, at: *const Node, copies: u32) {
        // SAFETY: clause 1.
        let node = unsafe { &*at };
        node.copies.set(copies);
        node.next.set(ptr::null());
        node.previous.set(self.last);
        // SAFETY: a queued node lives.
        match unsafe { self.last.as_ref() } {
            Some(last) => last.next.set(at),
            None => self.first = at,
        }
        self.last = at;
        self.queued += copies as usize;
        // SAFETY: a group lives while one of its jobs is queued.
        if let Some(group) = unsafe { node.group.as_ref() } {
            group.append(at, node);
            group.pending.set(group.pending.get() + copies as usize);
        }
    }

    /// Takes a node out of the queue, with all its copies.
    pub(super) fn unlink(&mut self, node: &Node) {
        let (previous, next) = (node.previous.get(), node.next.get());
        // SAFETY: a queued node's neighbours are queued and live.
        match unsafe { previous.as_ref() } {
            Some(previous) => previous.next.set(next),
            None => self.first = next,
        }
        // SAFETY: likewise.
        match unsafe { next.as_ref() } {
            Some(next) => next.previous.set(previous),
            None => self.last = previous,
        }
        node.copies.set(0);
        // SAFETY: as in `append`.
        if let Some(group) = unsafe { node.group.as_ref() } {
            group.unlink(node);
        }
    }

    /// Hands one copy of a queued job out.
    pub(super) fn begin(&mut self, node: &Node) {
        match node.copies.get() {
            1 => self.unlink(node),
            copies => node.copies.set(copies - 1),
        }
        self.queued -= 1;
        self.running += 1;
    }

    pub(super) fn begin_first(&mut self) -> Option<*const Node> {
        let first = self.first;
        // SAFETY: a queued node lives.
        self.begin(unsafe { first.as_ref() }?);
        Some(first)
    }

    /// Hands out the oldest job of the group.
    pub(super) fn begin_own_of(&mut self, group: &Group) -> Option<*const Node> {
        let first = group.first.get();
        // SAFETY: a queued node lives.
        self.begin(unsafe { first.as_ref() }?);
        Some(first)
    }

    /// Hands out a job that descends from the group and is among the newest. That is no duty:
    /// whoever has opened the job's own group runs it, too.
    pub(super) fn begin_below(&mut self, group: &Group) -> Option<*const Node> {
        let mut at = self.last;
        for _ in 0..LOOKED_AT_MAX {
            // SAFETY: a queued node lives.
            let node = unsafe { at.as_ref() }?;
            // SAFETY: as in `append`.
            let of = unsafe { node.group.as_ref() };
            if of.is_some_and(|of| of.descends_from(group)) {
                self.begin(node);
                return Some(at);
            }
            at = node.previous.get();
        }
        None
    }

    pub(super) fn finish(&mut self, done: Done, calls: &mut Calls) {
        self.running -= 1;
        if !done.free.is_null() {
            self.give_slot(done.free);
        }
        // SAFETY: a group lives until its last job is finished.
        if let Some(group) = unsafe { done.group.as_ref() } {
            if done.has_failed {
                group.has_failed.set(true);
            }
            group.finish(1, calls);
        }
    }

    pub(super) fn give_slot(&mut self, slot: *const Node) {
        // SAFETY: the slot is free, and so the list's.
        unsafe { (*slot).next.set(self.free) };
        self.free = slot;
    }

    pub(super) fn list(&mut self, idle: &Idle) {
        idle.next.set(self.idle);
        // SAFETY: who is listed lives.
        if let Some(first) = unsafe { self.idle.as_ref() } {
            first.previous.set(idle);
        }
        self.idle = idle;
        idle.is_listed.set(true);
    }

    pub(super) fn unlist(&mut self, idle: &Idle) {
        let (previous, next) = (idle.previous.get(), idle.next.get());
        // SAFETY: who is listed has neighbours that are.
        match unsafe { previous.as_ref() } {
            Some(previous) => previous.next.set(next),
            None => self.idle = next,
        }
        // SAFETY: likewise.
        if let Some(next) = unsafe { next.as_ref() } {
            next.previous.set(previous);
        }
        idle.is_listed.set(false);
    }

    /// Takes a thread off the list, to be rung.
    pub(super) fn notify_idle(&mut self, idle: &Idle, calls: &mut Calls) {
        self.unlist(idle);
        calls.add(idle);
    }

    /// Likewise, all who are meant.
    pub(super) fn notify_those(&mut self, calls: &mut Calls, is_meant: impl Fn(&Idle) -> bool) {
        let mut at = self.idle;
        // SAFETY: who is listed lives.
        while let Some(idle) = unsafe { at.as_ref() } {
            at = idle.next.get();
            if is_meant(idle) {
                self.notify_idle(idle, calls);
            }
        }
    }

    /// Lets those go on who wait until all is done, if nothing is left but their own jobs.
    pub(super) fn notify_if_over(&mut self, calls: &mut Calls) {
        if self.waiting_for_all == 0 || self.queued > 0 || self.running > self.blocked {
            return;
        }
        self.rounds = self.rounds.wrapping_add(1);
        (self.waiting_for_all, self.blocked) = (0, 0);
        self.notify_those(calls, |idle| idle.waits_for_all);
    }
}
