//! What the calling thread has under way in pools, innermost first: jobs that it runs, groups that
//! it will wait for.
//!
//! A group that is opened in a job descends from the job's own group. And a thread that ends
//! without a value, by [`exit`](crate::thread::exit) or a panic, gives up what it has under way,
//! because others wait for it: see [`give_up`].

#![allow(
    clippy::declare_interior_mutable_const,
    reason = "what `thread_local!` makes are copied into each thread's image"
)]

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::shared::Shared;
use super::task::Task;
use crate::sync::dispatch::Group;
use crate::thread::control::Control;
use crate::thread::current;
use crate::thread::scope::{self, ScopeData};

crate::thread_local! {
    /// The innermost frame, null for none.
    static FRAMES: Cell<*const Frame> = const { Cell::new(ptr::null()) };
    /// The pool whose worker the thread is, null for none, and its number there.
    static WORKER: Cell<(*const Shared, usize)> = const { Cell::new((ptr::null(), 0)) };
    /// The pool that has the thread on its list, and waits for it, though it is no worker any more.
    static LEFT: Cell<*const Shared> = const { Cell::new(ptr::null()) };
}

/// Something under way.
pub(super) struct Frame {
    outer: *const Frame,
    pool: *const Shared,
    what: What,
    /// The innermost scope of threads that was open before, null for none.
    scope: *const ScopeData,
}

/// What is under way.
#[derive(Clone, Copy)]
pub(super) enum What {
    /// A job.
    Job(*const Task),
    /// A group of jobs that lies on the thread's stack, and what they borrow beyond it.
    Group(*const Group),
    /// A wait until all is done, and in which round, once it is registered.
    All(*const Cell<Option<u32>>),
    /// A pool that lies on the thread's stack.
    Pool,
    /// The start of a worker of this number, while so many are counted that were not started yet,
    /// itself included.
    Start(usize, u32),
}

/// Calls [`give_up`]; null while there was no pool, so that programs without one do not carry it.
/// Relaxed: it orders nothing, for a thread that has a frame has stored it.
static WAY: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

/// Runs `f` with something under way.
pub(super) fn within<R>(pool: &Shared, what: What, f: impl FnOnce() -> R) -> R {
    let outer = FRAMES.get();
    let scope = current::control().map_or(ptr::null(), |control| control.innermost_scope.get());
    let frame = Frame {
        outer,
        pool,
        what,
        scope,
    };
    FRAMES.set(&frame);
    let result = f();
    FRAMES.set(outer);
    result
}

/// Makes the calling thread a worker.
pub(super) fn become_worker(pool: &Shared, index: usize) {
    WORKER.set((pool, index));
}

/// Makes the calling thread, if it is a worker, one no more.
pub(super) fn be_no_worker() {
    let (own, _) = WORKER.replace((ptr::null(), 0));
    if !own.is_null() {
        LEFT.set(own);
    }
}

/// The calling thread's number among the pool's workers.
pub(super) fn worker_index(pool: &Shared) -> Option<usize> {
    let (own, index) = WORKER.get();
    ptr::eq(own, pool).then_some(index)
}

/// Makes threads that end without a value give up what they have under way in pools.
pub(super) fn provide() {
    WAY.store(give_up as fn(&Control) as *mut (), Ordering::Relaxed);
}

/// The calling thread's frames in a pool, innermost first.
fn frames_in(pool: &Shared) -> impl Iterator<Item = &'static Frame> {
    let mut next = FRAMES.get();
    let all = core::iter::from_fn(move || {
        // SAFETY: a frame lives on this thread's stack, below all who look.
        let frame = unsafe { next.as_ref() }?;
        next = frame.outer;
        Some(frame)
    });
    all.filter(move |frame| ptr::eq(frame.pool, pool))
}

/// The group of the innermost job of the pool that the calling thread is in, null for none.
pub(super) fn innermost_group(pool: &Shared) -> *const Group {
    frames_in(pool)
        .find_map(|frame| match frame.what {
            // SAFETY: a job that is under way lives.
            What::Job(task) => Some(unsafe { (*task).group() }),
            _ => None,
        })
        .unwrap_or(ptr::null())
}

/// How many of the pool's jobs the calling thread is in, up to the last wait until all is done.
pub(super) fn count_jobs(pool: &Shared) -> usize {
    frames_in(pool)
        .take_while(|frame| !matches!(frame.what, What::All(_)))
        .filter(|frame| matches!(frame.what, What::Job(_)))
        .count()
}

/// In which round a job of the pool waits until all is done, as do all those that its thread is in;
/// `innermost` is the thread's innermost frame.
fn round_of(job: &Frame, innermost: *const Frame) -> Option<u32> {
    let (mut round, mut next) = (None, innermost);
    while !ptr::eq(next, job)
        // SAFETY: the frames are on this thread's stack, and `job` is one of them.
        && let Some(frame) = unsafe { next.as_ref() }
    {
        if let What::All(registered) = frame.what
            && ptr::eq(frame.pool, job.pool)
        {
            // SAFETY: it lies beside the frame.
            round = unsafe { (*registered).get() };
        }
        next = frame.outer;
    }
    round
}

/// Whether the calling thread is in one of the pool's jobs, or is one of its workers, or was: the
/// pool waits for those, too, until they are gone.
pub(super) fn is_within(pool: &Shared) -> bool {
    worker_index(pool).is_some()
        || ptr::eq(LEFT.get(), pool)
        || frames_in(pool).any(|frame| matches!(frame.what, What::Job(_)))
}

/// What [`exit`](crate::thread::exit) and panics that end a thread call before they leave.
pub(in crate::thread) fn give_up_jobs(control: &Control) {
    let way = WAY.load(Ordering::Relaxed);
    if !way.is_null() {
        // SAFETY: what `provide` stored, which is a function of this type.
        let way = unsafe { core::mem::transmute::<*mut (), fn(&Control)>(way) };
        way(control);
    }
}

/// Gives up what the calling thread has under way, innermost first, for it ends without a value:
///
/// 1. Threads of scopes that it has open are waited for, each scope in its turn: they may borrow
///    what its jobs borrow. Before what lies within the scope is given up they may wait for that,
///    and its jobs may start more of them.
/// 2. Jobs of its groups that nobody has begun are forgotten, neither run nor dropped, and those
///    that others have begun are waited for, for the same reason.
/// 3. A job of its own is over, without a result: who waits for it is told. If it waits until all
///    is done, it is counted as one that does so up to then: others may wait, too, for whom this
///    thread waits.
/// 4. A pool on its stack is closed in the same way.
/// 5. Workers that it was about to start, as their builder ends it, are counted no more.
///
/// A worker is replaced at last.
fn give_up(control: &Control) {
    let (own, index) = WORKER.get();
    if FRAMES.get().is_null() && own.is_null() {
        return;
    }
    let (is_panic, innermost) = (control.ended_by_panic.get(), FRAMES.get());
    // SAFETY: the frames are on this thread's stack, which stays as it is.
    while let Some(frame) = unsafe { FRAMES.get().as_ref() } {
        scope::wait_for_scopes_within(control, frame.scope);
        FRAMES.set(frame.outer);
        // SAFETY: what is under way in a pool keeps it.
        let pool = unsafe { &*frame.pool };
        match frame.what {
            // It was handed to this thread, which does not go on with it.
            What::Job(task) => {
                if let Some(round) = round_of(frame, innermost)
                    && let Some(dispatch) = pool.dispatch()
                {
                    dispatch.unblock(round);
                }
                pool.finish(pool.forget(task.cast(), is_panic));
            }
            What::Group(group) => {
                let forget = &mut |node| Some(pool.forget(node, is_panic));
                if let Some(dispatch) = pool.dispatch() {
                    // SAFETY: it lies on this thread's stack.
                    dispatch.wait(unsafe { &*group }, true, forget);
                }
            }
            What::All(_) => {}
            What::Start(index, counted) => pool.lose_workers(index, counted),
            What::Pool => {
                pool.close();
                pool.forget_all(is_panic);
                pool.wait_for_threads();
            }
        }
    }
    scope::wait_for_scopes_within(control, ptr::null());
    // The other one's builder may end this thread once more.
    be_no_worker();
    // SAFETY: the pool waits for its workers, this one included.
    if let Some(pool) = unsafe { own.as_ref() } {
        pool.replace_worker(index);
    }
}
