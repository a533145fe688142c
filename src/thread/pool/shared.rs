//! What a pool's threads share: the dispatch of jobs, the slots that jobs are kept in, the threads.
//!
//! # In a child of `fork`
//! The threads stayed in the parent, and one of them may have been changing the lists at that
//! moment. So a child looks at nothing that the dispatch's lock guards: [`Shared::dispatch`] has
//! none for it.

use core::cell::Cell;
use core::ptr::NonNull;
use core::time::Duration;

use super::error::{JobError, Refused};
use super::frame::{self, What};
use super::task::{Head, InSlot, Task, bytes_of, payload};
use crate::fork;
use crate::sync::Mutex;
use crate::sync::dispatch::{Dispatch, Done, Group, Node, Pushed};
use crate::sys::task::NAME_BYTES;
use crate::thread::error::SpawnError;
use crate::thread::scope::ScopeData;
use crate::thread::{self, Pool};

/// How a pool is to be; `pool::Builder` explains.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    pub(super) threads_min: u32,
    pub(super) threads_max: u32,
    pub(super) patience: Duration,
    pub(super) template: Option<fn(usize) -> thread::Builder>,
    pub(super) name: [u8; NAME_BYTES],
    pub(super) stack_bytes: Option<usize>,
}

const ID_WORDS: usize = Pool::THREADS_MAX / 32;

/// A pool, but for its slots.
pub(super) struct Shared {
    dispatch: Dispatch,
    /// In which process it was started, as `fork` counts them.
    generation: u32,
    threads: ScopeData,
    /// Which numbers workers have, a bit each.
    ids: Mutex<[u32; ID_WORDS]>,
    pub(super) settings: Settings,
    /// The room that each slot has behind its head.
    slot_bytes: usize,
}

/// A pool's address, for its workers.
struct Address(NonNull<Shared>);

// SAFETY: what a pool's threads share is for all threads.
unsafe impl Send for Address {}

impl Shared {
    /// Makes a pool with slots at `slots`, each `size_of::<Head>() + slot_bytes` long, and starts
    /// the threads that it has at the least.
    ///
    /// # Safety
    /// 1. `at`, and the slots, can be written, are aligned, and are nobody else's until
    ///    [`Shared::end`] has returned, or [`Shared::wait_for_threads`] after the pool was closed.
    /// 2. `slot_bytes` is a multiple of `SLOT_ALIGN`.
    pub(super) unsafe fn start(
        at: NonNull<Shared>,
        settings: Settings,
        slots: *mut u8,
        (slot_count, slot_bytes): (usize, usize),
    ) -> Result<(), SpawnError> {
        frame::provide();
        // Before the generation is looked at.
        fork::heed();
        Dispatch::learn();
        // SAFETY: clause 1.
        unsafe {
            at.write(Shared {
                dispatch: Dispatch::new(settings.threads_max),
                generation: fork::generation(),
                threads: ScopeData::new(),
                ids: Mutex::new([0; ID_WORDS]),
                settings,
                slot_bytes,
            });
        }
        // SAFETY: written just now.
        let this = unsafe { at.as_ref() };
        for index in (0..slot_count).rev() {
            let slot = slots.wrapping_add(index * (size_of::<Head>() + slot_bytes));
            // SAFETY: clause 1: it is ours, aligned, and long enough.
            let slot = unsafe { Head::free(slot.cast()) };
            // SAFETY: likewise.
            unsafe { this.dispatch.give_slot(slot) };
        }
        // A builder of the user's may end this thread: then the threads that there are end, too.
        let started = frame::within(this, What::Pool, || {
            (0..settings.threads_min).try_for_each(|_| {
                this.dispatch.add_workers(1);
                this.start_worker(this.claim_id(), 1)
            })
        });
        if started.is_err() {
            this.dispatch.close();
            this.wait_for_threads();
        }
        started
    }

    /// The dispatch; `None` in a child of `fork` whose parent started the pool.
    pub(super) fn dispatch(&self) -> Option<&Dispatch> {
        fork::heed();
        (self.generation == fork::generation()).then_some(&self.dispatch)
    }

    /// Takes a slot back.
    ///
    /// # Safety
    /// 1. It is the caller's, who has emptied it.
    pub(super) unsafe fn give_slot(&self, head: NonNull<Head>) {
        if let Some(dispatch) = self.dispatch() {
            // SAFETY: clause 1.
            unsafe { dispatch.give_slot(head.as_ptr().cast_const().cast()) };
        }
    }

    /// Takes note of a job that is over.
    pub(super) fn finish(&self, done: Done) {
        if let Some(dispatch) = self.dispatch() {
            dispatch.finish(done);
        }
    }

    /// Starts a worker, which is counted already, as are all that are to come with it. On failure
    /// it is not counted any more.
    fn start_worker(&self, index: usize, counted: u32) -> Result<(), SpawnError> {
        let settings = &self.settings;
        let mut builder = match settings.template {
            Some(template) => frame::within(self, What::Start(index, counted), || template(index)),
            None => thread::Builder::new(),
        };
        if settings.name[0] != 0 {
            builder.name = settings.name;
        }
        builder.stack_bytes = settings.stack_bytes.or(builder.stack_bytes);
        let address = Address(NonNull::from(self));
        let work = move || {
            let Address(pool) = { address };
            // SAFETY: the pool waits for its threads before it ends.
            unsafe { pool.as_ref() }.work(index);
        };
        // SAFETY: likewise.
        let started = unsafe { self.threads.start(builder, work) };
        if started.is_err() {
            self.lose_workers(index, 1);
        }
        started
    }

    /// Takes note that workers, of which one has this number, and no other has one, are not
    /// started.
    pub(super) fn lose_workers(&self, index: usize, count: u32) {
        if let Some(dispatch) = self.dispatch() {
            self.release_id(index);
            dispatch.remove_workers(count);
        }
    }

    /// A worker's life.
    fn work(&self, index: usize) {
        frame::become_worker(self, index);
        let settings = &self.settings;
        let is_growing = settings.threads_max > settings.threads_min;
        let patience = is_growing.then_some(settings.patience);
        let stay = (patience, settings.threads_min);
        // Before it is not counted any more: whoever is started in its place finds a number.
        let leave = &mut || self.release_id(index);
        let mut done = None;
        // A job may have forked: then there are no others in the child.
        while let Some(dispatch) = self.dispatch()
            && let Some(node) = dispatch.next(done.take(), stay, leave)
        {
            done = Some(self.execute(node));
        }
        // Its thread-locals are still to be destroyed.
        frame::be_no_worker();
    }

    /// Starts another worker in place of the calling one, which ends in a job. If that cannot be,
    /// there is one less, until a job is given to the pool that finds none idle.
    pub(super) fn replace_worker(&self, index: usize) {
        if self.dispatch().is_some() {
            let _ = self.start_worker(index, 1);
        }
    }

    fn claim_id(&self) -> usize {
        let mut ids = self.ids.lock_raw();
        let free = ids
            .iter_mut()
            .enumerate()
            .find(|(_, word)| **word != u32::MAX);
        let Some((at, word)) = free else {
            crate::fatal::fatal(c"a pool counts more workers than it may have");
        };
        let bit = word.trailing_ones();
        *word |= 1 << bit;
        at * 32 + bit as usize
    }

    fn release_id(&self, index: usize) {
        self.ids.lock_raw()[index / 32] &= !(1 << (index % 32));
    }

    /// Queues a job that so many threads may begin; returns false if nothing is queued any more.
    ///
    /// # Safety
    /// 1. The task is in no queue, lives until each copy was finished or withdrawn, as does its
    ///    group, and can be run in any thread.
    pub(super) unsafe fn push(&self, task: *const Task, copies: u32) -> bool {
        let Some(dispatch) = self.dispatch() else {
            return false;
        };
        // SAFETY: clause 1.
        match unsafe { dispatch.push(task.cast(), copies) } {
            Pushed::Queued { missing } => {
                for counted in (1..=missing).rev() {
                    // Who cannot be started is missing; those who are there do the work.
                    let _ = self.start_worker(self.claim_id(), counted);
                }
                true
            }
            Pushed::Closed => false,
        }
    }

    /// Queues a job in a slot.
    ///
    /// # Safety
    /// 1. What `f` borrows, `T`, and the group, live until the job is finished, or the handle that
    ///    is made of this gone.
    pub(super) unsafe fn queue<F: FnOnce() -> T, T>(
        &self,
        group: *const Group,
        f: F,
    ) -> Result<NonNull<Head>, Refused<F>> {
        let bytes = bytes_of::<F, T>();
        if bytes > self.slot_bytes {
            let bytes_max = self.slot_bytes;
            return Err(Refused::new(JobError::TooLarge { bytes, bytes_max }, f));
        }
        let Some(dispatch) = self.dispatch() else {
            return Err(Refused::new(JobError::Closed, f));
        };
        let Some(node) = dispatch.take_slot() else {
            return Err(Refused::new(JobError::QueueFull, f));
        };
        let head = node.cast_mut().cast::<Head>();
        // SAFETY: the slot was free, and is ours.
        unsafe { head.write(Head::new(group, &InSlot::<F, T>::ACTS)) };
        // SAFETY: there is room for it.
        unsafe { payload::<F>(head).write(f) };
        // SAFETY: the slot is the job's until it is finished; clause 1.
        if unsafe { self.push(head.cast_const().cast(), 1) } {
            // SAFETY: a slot's address is not null.
            return Ok(unsafe { NonNull::new_unchecked(head) });
        }
        // SAFETY: it was written above, and nobody has taken it out.
        let f = unsafe { payload::<F>(head).read() };
        // SAFETY: the slot is ours.
        unsafe { dispatch.give_slot(node) };
        Err(Refused::new(JobError::Closed, f))
    }

    /// Runs a job that was handed to the calling thread.
    pub(super) fn execute(&self, node: *const Node) -> Done {
        let task = node.cast::<Task>();
        // SAFETY: a job lives until it is finished, which is the caller's to say.
        let (group, run) = unsafe { ((*task).group(), (*task).acts.run) };
        let free = frame::within(self, What::Job(task), || {
            // SAFETY: it was handed to us.
            unsafe { run(task) }
        });
        Done {
            group,
            free,
            has_failed: false,
        }
    }

    /// Runs a certain job here, unless somebody has begun it.
    ///
    /// # Safety
    /// 1. The slot is the job's, or holds its result.
    pub(super) unsafe fn try_to_run(&self, head: NonNull<Head>) -> bool {
        // SAFETY: clause 1.
        let node = unsafe { (*head.as_ptr()).task().node() };
        let is_ours = self.dispatch().is_some_and(|dispatch| dispatch.take(node));
        if is_ours {
            self.finish(self.execute(head.as_ptr().cast_const().cast()));
        }
        is_ours
    }

    /// Runs the oldest job, if there is one.
    pub(super) fn run_one(&self) -> bool {
        let oldest = self.dispatch().and_then(Dispatch::take_oldest);
        if let Some(node) = oldest {
            self.finish(self.execute(node));
        }
        oldest.is_some()
    }

    /// Drops the closure of a certain job, unless somebody has begun it.
    ///
    /// # Safety
    /// 1. The slot is the job's, or holds its result; if this returns true, nobody asks for that.
    pub(super) unsafe fn try_to_drop(&self, head: NonNull<Head>) -> bool {
        let task = head.as_ptr().cast_const().cast::<Task>();
        // SAFETY: clause 1.
        let (group, drop) = unsafe { ((*task).group(), (*task).acts.drop) };
        // SAFETY: likewise.
        let node = unsafe { (*task).node() };
        let is_ours = self.dispatch().is_some_and(|dispatch| dispatch.take(node));
        if is_ours {
            frame::within(self, What::Job(task), || {
                // SAFETY: nobody else runs it.
                unsafe { drop(task) };
            });
            self.finish(Done {
                group,
                free: task.cast(),
                has_failed: false,
            });
        }
        is_ours
    }

    /// Forgets a job that was handed to the calling thread, in place of running it to its end.
    ///
    /// Its group has failed whoever is told beside: what the job was lent may be half changed, and
    /// a handle may be forgotten.
    pub(super) fn forget(&self, node: *const Node, is_panic: bool) -> Done {
        let task = node.cast::<Task>();
        // SAFETY: it was handed to us, and lives until it is finished.
        let (group, free) = unsafe { ((*task).group(), Task::end(task, is_panic)) };
        Done {
            group,
            free,
            has_failed: true,
        }
    }

    /// Forgets all jobs that nobody has begun.
    pub(super) fn forget_all(&self, is_panic: bool) {
        while let Some(node) = self.dispatch().and_then(Dispatch::take_oldest) {
            self.finish(self.forget(node, is_panic));
        }
    }

    /// Runs `f`, then waits for the group, running its jobs; returns whether one of them failed.
    ///
    /// # Panics
    /// In a child of `fork`, if the parent has given the group jobs that were not finished.
    pub(super) fn with_group<R>(&self, group: &Group, f: impl FnOnce() -> R) -> (R, bool) {
        // Others may borrow the thread's thread-locals, as in a scope of threads.
        let borrowing = ScopeData::new();
        let open = thread::scope::Open::new(&borrowing);
        let outcome = frame::within(self, What::Group(group), || {
            let result = f();
            let run = &mut |node| self.execute_here(node);
            let dispatch = self.dispatch();
            let waited = dispatch.and_then(|dispatch| dispatch.wait(group, false, run));
            (result, waited.or_else(|| group.outcome()))
        });
        drop(open);
        let (result, Some(has_failed)) = outcome else {
            panic!("a pool's jobs are the parent's, and this is its child");
        };
        (result, has_failed)
    }

    /// As [`Shared::execute`]; `None` if the job has forked, and this is the child.
    fn execute_here(&self, node: *const Node) -> Option<Done> {
        let done = self.execute(node);
        self.dispatch().map(|_| done)
    }

    /// Runs jobs until there are none.
    pub(super) fn wait_for_all(&self) {
        let jobs = frame::count_jobs(self);
        let run = &mut |node| self.execute_here(node);
        let registered = Cell::new(None);
        if let Some(dispatch) = self.dispatch() {
            frame::within(self, What::All(&registered), || {
                dispatch.wait_for_all(jobs, &registered, run);
            });
        }
    }

    /// Waits until the kernel has let go of every thread. The pool is closed.
    pub(super) fn wait_for_threads(&self) {
        // In a child its memory of them stays, as that of all of the parent's threads.
        if self.dispatch().is_some() {
            self.threads.end();
        }
    }

    /// Queues nothing any more, runs what is queued, and waits for all jobs and threads.
    pub(super) fn end(&self) {
        assert!(
            !frame::is_within(self),
            "a pool cannot be ended by its own job or thread"
        );
        self.close();
        self.wait_for_all();
        self.wait_for_threads();
    }

    /// Queues nothing any more.
    pub(super) fn close(&self) {
        if let Some(dispatch) = self.dispatch() {
            dispatch.close();
        }
    }

    /// How many threads there are, and how many jobs are queued.
    pub(super) fn counts(&self) -> (u32, usize) {
        self.dispatch().map_or((0, 0), Dispatch::counts)
    }
}
