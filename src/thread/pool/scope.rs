//! Jobs that borrow: a scope does not end before they have.

use core::fmt;
use core::marker::PhantomData;

use super::Pool;
use super::error::{JobError, Refused};
use super::frame;
use super::job::Job;
use super::shared::Shared;
use crate::sync::dispatch::Group;

/// A scope whose jobs may borrow what lives outside of it; [`Pool::scope`] makes one.
///
/// # Examples
/// ```
/// use threadbare::thread::Pool;
/// use threadbare::thread::pool::{Memory, Scope};
///
/// fn check_in_background<'scope>(scope: &'scope Scope<'scope, '_>, text: &'scope str) {
///     scope.spawn(move || assert_eq!(text.split(' ').count(), 3));
/// }
/// let mut memory = Memory::<8>::new();
/// Pool::builder().threads(1).run_in(&mut memory, |pool| {
///     pool.scope(|scope| check_in_background(scope, "one two three"));
/// })?;
/// # Ok::<(), threadbare::thread::SpawnError>(())
/// ```
pub struct Scope<'scope, 'env: 'scope> {
    pool: &'env Shared,
    group: Group,
    /// Invariant, as in `std`: a scope of one lifetime is none of another.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

// SAFETY: what threads share of a pool, and groups, are for all threads.
unsafe impl Sync for Scope<'_, '_> {}

impl Pool {
    /// Runs `f` with a scope whose jobs may borrow from outside of it, and returns when all of them
    /// are finished, even those whose handles were dropped or forgotten.
    ///
    /// The calling thread runs the scope's jobs meanwhile, and jobs that these have spawned in
    /// scopes of their own: but no others, which might take a lock that the caller holds. So scopes
    /// nest, in any number of threads, without a deadlock.
    ///
    /// # Blocking
    /// Until every job of the scope is finished.
    ///
    /// # Panics
    /// If a job ended its thread, by [`exit`](crate::thread::exit) or a panic, joined or not: what
    /// it was lent it may have left half changed, as [`thread::scope`](crate::thread::scope())
    /// says.
    ///
    /// # Ordering
    /// What the jobs did comes before the return.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Pool;
    /// use threadbare::thread::pool::Memory;
    ///
    /// let mut numbers = [1, 2, 3, 4];
    /// let mut memory = Memory::<8>::new();
    /// let sum = Pool::builder().threads(2).run_in(&mut memory, |pool| {
    ///     let (low, high) = numbers.split_at_mut(2);
    ///     pool.scope(|scope| {
    ///         scope.spawn(|| low.iter_mut().for_each(|n| *n *= 10));
    ///         let high = scope.spawn(|| high.iter().sum::<u32>());
    ///         high.join().unwrap()
    ///     })
    /// })?;
    /// assert_eq!((sum, numbers), (7, [10, 20, 3, 4]));
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn scope<'env, F, T>(&'env self, f: F) -> T
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
    {
        let pool = self.shared();
        let scope = Scope {
            pool,
            group: Group::new(frame::innermost_group(pool)),
            scope: PhantomData,
            env: PhantomData,
        };
        let (result, has_failed) = pool.with_group(&scope.group, || f(&scope));
        assert!(!has_failed, "a job of the scope ended its thread");
        result
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Gives a job to the pool. If there is no slot for it, or the pool is closed, it is done here
    /// and now, in the calling thread.
    ///
    /// # Panics
    /// If the closure, or what it returns, is larger than a slot: the pool needs larger ones
    /// ([`Memory`](super::Memory)).
    pub fn spawn<F, T>(&'scope self, f: F) -> Job<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        match self.try_spawn(f) {
            Ok(job) => job,
            Err(Refused {
                error: error @ JobError::TooLarge { .. },
                ..
            }) => panic!("{error}"),
            Err(Refused { closure, .. }) => Job::done(closure()),
        }
    }

    /// Gives a job to the pool, or gives it back.
    ///
    /// # Errors
    /// [`Refused`], which has the [`JobError`] and the closure.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Pool;
    /// use threadbare::thread::pool::{JobError, Memory};
    ///
    /// let mut memory = Memory::<1>::new();
    /// Pool::builder().threads(0).run_in(&mut memory, |pool| {
    ///     pool.scope(|scope| {
    ///         let first = scope.try_spawn(|| 1).unwrap();
    ///         let refused = scope.try_spawn(|| 2).unwrap_err();
    ///         assert_eq!(refused.error, JobError::QueueFull);
    ///         assert_eq!(first.join().unwrap() + (refused.closure)(), 3);
    ///     })
    /// })?;
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn try_spawn<F, T>(&'scope self, f: F) -> Result<Job<'scope, T>, Refused<F>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        // SAFETY: the scope waits for the job before what it borrows can end; its group lies in the
        // scope; and the handle cannot leave it.
        let head = unsafe { self.pool.queue(&raw const self.group, f) }?;
        // SAFETY: just queued, and the pool outlives the scope.
        Ok(unsafe { Job::new(self.pool, head) })
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}
