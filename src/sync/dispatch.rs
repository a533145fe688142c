//! Jobs that wait for threads, and threads that wait for jobs: what `thread::Pool` stands on.
//!
//! One lock guards the queue, the groups that jobs belong to, and the list of threads that have
//! nothing to do. Jobs and threads bring their own list nodes, so nothing is allocated here.
//! Whoever sleeps has a bell of its own. Whoever has news for it takes it off its list with the
//! lock held, and rings when the lock is free again, so that nobody wakes up into a held lock.
//!
//! A thread that waits for a group runs the group's own jobs meanwhile, and those that descend from
//! it, and no others: they alone are what it waits for. So helping takes no lock that the waiter
//! holds but where waiting would have been for ever anyway, and nests no deeper than jobs do.
//!
//! # Why nobody sleeps for ever
//! 1. A thread lists itself as idle when it has found the queue empty, with the lock held. Whoever
//!    queues a job takes a thread off the list for each copy of it, as long as there are any. So
//!    while a job is queued, nobody is listed, or somebody for each copy is on its way to the lock.
//! 2. Where nobody was listed, every worker is busy, and looks at the queue before it lists itself;
//!    or there is none, and then the nearest of those who wait for the job's group, or for one that
//!    it descends from, is called.
//! 3. Who is off its list is rung once, by whoever took it off, and does not leave before.
//! 4. Who sleeps has made its bell `AWAITED`, which only ringing changes, and that sees it.
//! 5. Who waits for a group sets its place with the lock held, having found jobs of it unfinished;
//!    the last of these finds it there. Waiting for one job alone is the bell in its slot.
//!
//! # Who may touch what, and when
//! 1. A job's node is its owner's until it is queued, and again when it was finished or withdrawn.
//! 2. An idle thread's node is its own again when its bell was rung, or when it took itself off.
//! 3. A group lives until its `wait` returns: all its jobs are finished then.
//!
//! # Ordering
//! The lock orders the lists, and what a job did before it was finished comes before the end of a
//! wait for its group. A bell is rung with Release and heard with Acquire: a job's result is owed
//! to who waits for that job alone, and an idle thread's node to that thread. `detach` is Acquire
//! for the same result and Release for what it looked at before, and ringing is Acquire for that:
//! whoever comes second gives the job's slot to others, who write all of it.

mod bell;
mod lists;

use core::cell::{Cell, UnsafeCell};
use core::ptr;
use core::time::Duration;

use super::primitive::{self, Limit};
use super::raw_mutex::RawMutex;
pub(crate) use bell::{Bell, RUNG, RUNG_IN_VAIN};
use lists::{Calls, Idle, Inside};
pub(crate) use lists::{Done, Group, Node};

/// What became of a job that was to be queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It is queued. So many threads more are worth starting; they are counted already.
    Queued { missing: u32 },
    /// It is not: nothing is queued any more.
    Closed,
}

/// What a thread found when it looked.
enum Found {
    Job(*const Node),
    End,
    Nothing,
}

/// The queue, and who waits for what in it.
pub(crate) struct Dispatch {
    lock: RawMutex,
    inside: UnsafeCell<Inside>,
}

// SAFETY: the lock guards what is inside, and what that points to belongs to no thread meanwhile.
unsafe impl Sync for Dispatch {}
// SAFETY: likewise.
unsafe impl Send for Dispatch {}

impl Dispatch {
    /// Finds out whether spinning is worth it, in a thread that may run wherever the others may: a
    /// worker that is bound to a CPU would find but that one.
    pub(crate) fn learn() {
        primitive::spins();
    }

    /// Makes one without jobs, for so many workers.
    pub(crate) const fn new(workers_max: u32) -> Dispatch {
        Dispatch {
            lock: RawMutex::new(),
            inside: UnsafeCell::new(Inside::new(workers_max)),
        }
    }

    /// Runs `f` with the lock held, and rings whom it calls.
    fn with<R>(&self, f: impl FnOnce(&mut Inside, &mut Calls) -> R) -> R {
        let mut calls = Calls(ptr::null());
        self.lock.lock();
        // SAFETY: the lock is held.
        let result = f(unsafe { &mut *self.inside.get() }, &mut calls);
        // SAFETY: it was taken above. Nothing in this module panics.
        unsafe { self.lock.unlock() };
        calls.ring();
        result
    }

    /// Queues a job that so many threads may begin, and calls as many.
    ///
    /// # Safety
    /// 1. The node is in no queue, and lives until each copy was finished or withdrawn, as does its
    ///    group.
    pub(crate) unsafe fn push(&self, node: *const Node, copies: u32) -> Pushed {
        self.with(|inside, calls| {
            if inside.is_closed {
                return Pushed::Closed;
            }
            // SAFETY: clause 1.
            unsafe { inside.append(node, copies) };
            let mut called = 0;
            while called < copies
                // SAFETY: who is listed lives.
                && let Some(idle) = unsafe { inside.idle.as_ref() }
            {
                inside.notify_idle(idle, calls);
                called += 1;
            }
            if called < copies {
                // SAFETY: clause 1.
                calls.notify_waiter_of(unsafe { (*node).group });
            }
            let missing = (copies - called).min(inside.workers_max - inside.workers);
            inside.workers += missing;
            Pushed::Queued { missing }
        })
    }

    /// Takes a job off the queue with the copies that nobody has begun; returns how many.
    pub(crate) fn withdraw(&self, node: &Node) -> u32 {
        self.with(|inside, calls| {
            let copies = node.copies.get();
            if copies > 0 {
                inside.unlink(node);
                inside.queued -= copies as usize;
                // SAFETY: the group lives: its owner waits for this.
                if let Some(group) = unsafe { node.group.as_ref() } {
                    group.finish(copies as usize, calls);
                }
                inside.notify_if_over(calls);
            }
            copies
        })
    }

    /// Begins a certain job, if it is queued still; then it is the caller's to run.
    pub(crate) fn take(&self, node: &Node) -> bool {
        self.with(|inside, _| {
            let is_queued = node.copies.get() > 0;
            if is_queued {
                inside.begin(node);
            }
            is_queued
        })
    }

    /// Takes note of a job that is over.
    pub(crate) fn finish(&self, done: Done) {
        self.with(|inside, calls| {
            inside.finish(done, calls);
            inside.notify_if_over(calls);
        });
    }

    /// A worker's life between two jobs: takes note of the one, waits for the other; `None` when
    /// there is none for it any more, because all is closed, or because it had nothing to do for
    /// `patience` and there are more than `workers_min`. It is not counted as a worker then, and
    /// has called `leave` before.
    pub(crate) fn next(
        &self,
        mut done: Option<Done>,
        (patience, workers_min): (Option<Duration>, u32),
        leave: &mut dyn FnMut(),
    ) -> Option<*const Node> {
        loop {
            let idle = Idle::new(false);
            let found = self.with(|inside, calls| {
                if let Some(done) = done.take() {
                    inside.finish(done, calls);
                    inside.notify_if_over(calls);
                }
                if let Some(node) = inside.begin_first() {
                    return Found::Job(node);
                }
                if inside.is_closed {
                    leave();
                    inside.workers -= 1;
                    return Found::End;
                }
                inside.list(&idle);
                Found::Nothing
            });
            match found {
                Found::Job(node) => return Some(node),
                Found::End => return None,
                Found::Nothing => {}
            }
            if idle.bell.wait(patience.map(Limit::after)).is_none() {
                let may_go = self.with(|inside, _| {
                    let may_go = idle.is_listed.get() && inside.workers > workers_min;
                    if may_go {
                        inside.unlist(&idle);
                        leave();
                        inside.workers -= 1;
                    }
                    may_go
                });
                if may_go {
                    return None;
                }
                // It was called just now; or it is one of those that stay.
                idle.bell.wait(None);
            }
        }
    }

    /// Waits until every job of a group is finished, and returns whether one has failed. Meanwhile
    /// `run` has those of its jobs that nobody has begun, and those that descend from them, unless
    /// `is_own_only`. Where `run` returns `None`, so does this at once, and touches nothing any
    /// more.
    pub(crate) fn wait(
        &self,
        group: &Group,
        is_own_only: bool,
        run: &mut dyn FnMut(*const Node) -> Option<Done>,
    ) -> Option<bool> {
        let (mut done, mut has_failed) = (None, false);
        loop {
            let idle = Idle::new(false);
            let found = self.with(|inside, calls| {
                if let Some(done) = done.take() {
                    inside.finish(done, calls);
                    inside.notify_if_over(calls);
                }
                if group.is_finished() {
                    has_failed = group.has_failed.get();
                    return Found::End;
                }
                let own = inside.begin_own_of(group);
                let job = own.or_else(|| (!is_own_only).then(|| inside.begin_below(group))?);
                if let Some(node) = job {
                    return Found::Job(node);
                }
                group.waiter.set(&idle);
                Found::Nothing
            });
            match found {
                Found::Job(node) => done = Some(run(node)?),
                Found::End => return Some(has_failed),
                Found::Nothing => {
                    idle.bell.wait(None);
                }
            }
        }
    }

    /// Runs jobs until there are none, neither queued nor begun, but for those that wait here, too:
    /// the caller is in so many of them. All that wait at that moment go on. Where `run` returns
    /// `None`, this returns at once, and touches nothing any more.
    ///
    /// From when on the caller is counted, `registered` has the number of the round for it, which
    /// [`Dispatch::unblock`] asks for should the caller never return from `run`.
    pub(crate) fn wait_for_all(
        &self,
        jobs: usize,
        registered: &Cell<Option<u32>>,
        run: &mut dyn FnMut(*const Node) -> Option<Done>,
    ) {
        let mut done = None;
        loop {
            let idle = Idle::new(true);
            let found = self.with(|inside, calls| {
                if let Some(done) = done.take() {
                    inside.finish(done, calls);
                }
                let round = registered.get().unwrap_or_else(|| {
                    inside.waiting_for_all += 1;
                    inside.blocked += jobs;
                    inside.rounds
                });
                registered.set(Some(round));
                inside.notify_if_over(calls);
                if inside.rounds != round {
                    return Found::End;
                }
                if let Some(node) = inside.begin_first() {
                    return Found::Job(node);
                }
                inside.list(&idle);
                Found::Nothing
            });
            match found {
                Found::Job(node) => match run(node) {
                    None => return,
                    over => done = over,
                },
                Found::End => return,
                Found::Nothing => {
                    idle.bell.wait(None);
                }
            }
        }
    }

    /// Takes back that a job, which is not finished yet, waits in a round until all is done, and
    /// that its thread does: it has ended without a value, in a job that it ran meanwhile.
    ///
    /// What is over was taken back with the round. Threads stay counted, for a round that nobody
    /// waits for is over like any other, to nobody's harm; jobs must not, for they would make it
    /// come too early.
    pub(crate) fn unblock(&self, round: u32) {
        self.with(|inside, _| {
            if inside.rounds == round {
                inside.blocked -= 1;
            }
        });
    }

    /// Queues nothing from now on, and lets workers go when the queue is empty.
    pub(crate) fn close(&self) {
        self.with(|inside, calls| {
            inside.is_closed = true;
            inside.notify_those(calls, |idle| !idle.waits_for_all);
        });
    }

    /// Begins the oldest job that is left.
    pub(crate) fn take_oldest(&self) -> Option<*const Node> {
        self.with(|inside, _| inside.begin_first())
    }

    /// Counts workers that are about to be started, up to the limit; returns how many.
    pub(crate) fn add_workers(&self, count: u32) -> u32 {
        self.with(|inside, _| {
            let added = if inside.is_closed {
                0
            } else {
                count.min(inside.workers_max - inside.workers)
            };
            inside.workers += added;
            added
        })
    }

    /// Takes back that so many were counted that are not there.
    pub(crate) fn remove_workers(&self, count: u32) {
        self.with(|inside, _| inside.workers -= count);
    }

    /// How many workers there are, and how many jobs are queued.
    pub(crate) fn counts(&self) -> (u32, usize) {
        self.with(|inside, _| (inside.workers, inside.queued))
    }

    /// Hands out a free slot.
    pub(crate) fn take_slot(&self) -> Option<*const Node> {
        self.with(|inside, _| {
            let slot = inside.free;
            // SAFETY: a free slot is the list's.
            inside.free = unsafe { slot.as_ref() }?.next.get();
            Some(slot)
        })
    }

    /// Takes a slot back, or in.
    ///
    /// # Safety
    /// 1. The node lives as long as this, and nobody else uses it.
    pub(crate) unsafe fn give_slot(&self, slot: *const Node) {
        self.with(|inside, _| inside.give_slot(slot));
    }
}
