//! The right to a job's result.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};

use super::shared::Shared;
use super::task::{Head, payload};
use crate::sync::dispatch::RUNG;
use crate::thread::{JoinError, Result};

/// A job that was given to a pool, and the right to what its closure returns.
///
/// Dropping it leaves the job to itself; the result is dropped then. A handle that is forgotten
/// (`mem::forget`) keeps its slot for ever.
///
/// # Examples
/// ```
/// use threadbare::thread::Pool;
/// use threadbare::thread::pool::Memory;
///
/// let mut memory = Memory::<8>::new();
/// Pool::builder().threads(2).run_in(&mut memory, |pool| {
///     let job = pool.spawn(|| 6 * 7).unwrap();
///     if !job.is_finished() {
///         job.wait();
///     }
///     assert_eq!(job.join(), Ok(42));
/// })?;
/// # Ok::<(), threadbare::thread::SpawnError>(())
/// ```
pub struct Job<'pool, T> {
    state: State<T>,
    /// The pool, and what the job borrows, outlive the handle.
    pool: PhantomData<&'pool Shared>,
}

enum State<T> {
    /// In a slot, which is the handle's together with the job.
    InSlot(NonNull<Shared>, NonNull<Head>),
    /// There was no slot, and it was done at once.
    Done(T),
}

// SAFETY: the handle stands for the `T` that `join` moves to its caller, which was `Send` when the
// job was given; whoever joins may run the closure, which was `Send`, too.
unsafe impl<T: Send> Send for Job<'_, T> {}
// SAFETY: a shared handle gives out nothing but whether the job is finished.
unsafe impl<T: Send> Sync for Job<'_, T> {}

impl<T> Job<'_, T> {
    /// Makes the handle of a job in a slot.
    ///
    /// # Safety
    /// 1. The job was queued for this handle, returns a `T`, and the pool outlives the handle.
    pub(super) unsafe fn new(pool: &Shared, head: NonNull<Head>) -> Self {
        Job {
            state: State::InSlot(NonNull::from(pool), head),
            pool: PhantomData,
        }
    }

    pub(super) fn done(value: T) -> Self {
        Job {
            state: State::Done(value),
            pool: PhantomData,
        }
    }

    /// The pool and the slot, if there is one.
    fn slot(&self) -> Option<(&Shared, NonNull<Head>)> {
        match self.state {
            // SAFETY: `new`, clause 1.
            State::InSlot(pool, head) => Some((unsafe { pool.as_ref() }, head)),
            State::Done(_) => None,
        }
    }

    /// Returns the result. A job that nobody has begun is run here and now: so a job may wait for
    /// others of its pool, however few threads that has.
    ///
    /// # Blocking
    /// While another thread runs the job, after a short spin; no other jobs are run meanwhile.
    ///
    /// # Errors
    /// [`JoinError`] when the job ended by [`exit`](crate::thread::exit), or by a panic that did
    /// not end the process. Its thread is gone then, and the pool has started another. And in a
    /// child of `fork`, of a job that was not finished in the parent.
    ///
    /// If the job is of a [`Scope`](super::Scope), an error is for what can still be done within
    /// that, which panics at its end.
    ///
    /// # Ordering
    /// What the job did comes before the return.
    pub fn join(self) -> Result<T> {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped, so the state is moved out once.
        let (pool, head) = match unsafe { ptr::read(&this.state) } {
            State::Done(value) => return Ok(value),
            // SAFETY: `new`, clause 1.
            State::InSlot(pool, head) => (unsafe { &*pool.as_ptr() }, head),
        };
        // SAFETY: the slot is the job's, or holds its result.
        let bell = unsafe { &(*head.as_ptr()).bell };
        // SAFETY: likewise.
        if bell.rung().is_none() && !unsafe { pool.try_to_run(head) } {
            this.wait();
        }
        let result = match bell.rung() {
            // SAFETY: the job is over, and left a `T` for this handle.
            Some(RUNG) => Ok(unsafe { payload::<T>(head.as_ptr()).read() }),
            // SAFETY: the job is over.
            Some(_) => Err(JoinError::new(unsafe { (*head.as_ptr()).is_panic.get() })),
            // It is the parent's.
            None => Err(JoinError::new(false)),
        };
        // SAFETY: the slot is ours, and empty.
        unsafe { pool.give_slot(head) };
        result
    }

    /// Waits until the job is finished, in another thread: it is not run here, unlike with
    /// [`Job::join`]. For closures that belong elsewhere: that take a lock which the caller holds,
    /// or need more stack than the caller has.
    ///
    /// # Blocking
    /// Until then, after a short spin. For ever, if nobody runs it: in a pool without threads. Not
    /// in a child of `fork`, if the pool is the parent's.
    pub fn wait(&self) {
        if let Some((pool, head)) = self.slot()
            && pool.dispatch().is_some()
        {
            // SAFETY: the slot is the job's, or holds its result.
            unsafe { &(*head.as_ptr()).bell }.wait(None);
        }
    }

    /// Returns whether the job is finished, so that [`Job::join`] would not block; true in a child
    /// of `fork`, if the pool is the parent's.
    pub fn is_finished(&self) -> bool {
        self.slot().is_none_or(|(pool, head)| {
            // SAFETY: the slot is the job's, or holds its result.
            unsafe { &(*head.as_ptr()).bell }.rung().is_some() || pool.dispatch().is_none()
        })
    }

    /// Takes the job back and drops its closure.
    ///
    /// # Errors
    /// The handle, if somebody has begun it.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Pool;
    /// use threadbare::thread::pool::Memory;
    ///
    /// let mut memory = Memory::<1>::new();
    /// Pool::builder().threads(0).run_in(&mut memory, |pool| {
    ///     let job = pool.spawn(|| panic!("nobody runs it")).unwrap();
    ///     assert!(job.cancel().is_ok());
    ///     let job = pool.spawn(|| 1).unwrap();
    ///     assert!(pool.run_one());
    ///     assert_eq!(job.cancel().unwrap_err().join(), Ok(1));
    /// })?;
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn cancel(self) -> core::result::Result<(), Self> {
        if let Some((pool, head)) = self.slot()
            // SAFETY: the slot is the job's, or holds its result; then this handle is forgotten.
            && unsafe { pool.try_to_drop(head) }
        {
            core::mem::forget(self);
            return Ok(());
        }
        Err(self)
    }
}

impl<T> Drop for Job<'_, T> {
    fn drop(&mut self) {
        let Some((pool, head)) = self.slot() else {
            return;
        };
        // SAFETY: the slot is the job's, or holds its result.
        let Some(value) = unsafe { &(*head.as_ptr()).bell }.detach() else {
            return; // Whoever runs the job will see it; the slot may be another's any moment now.
        };
        if value == RUNG {
            // SAFETY: the job left a `T`, for this handle.
            unsafe { payload::<T>(head.as_ptr()).drop_in_place() };
        }
        // SAFETY: the slot is ours, and empty.
        unsafe { pool.give_slot(head) };
    }
}

impl<T> fmt::Debug for Job<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("is_finished", &self.is_finished())
            .finish_non_exhaustive()
    }
}
