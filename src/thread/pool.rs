//! Threads that are there already, for jobs that are given to them; the reference's `Thread.Pool`.
//!
//! A job goes to a thread that sleeps, or spins for a short while before it does, and its result
//! comes back, without a thread being started: two hand-overs by a futex on one CPU, and none on
//! two, where both sides spin.
//!
//! - [`Pool::spawn`] gives a job that borrows nothing, and returns the right to its result, a
//!   [`Job`]. [`Pool::scope`] gives jobs that borrow.
//! - [`Pool::for_each`], [`Pool::chunks`] and [`Pool::chunks_mut`] share a loop, [`Pool::join`] two
//!   closures.
//! - The queue is bounded, and its memory is named: [`Memory`] on a stack, [`StaticMemory`], or,
//!   with the feature `alloc`, one piece of the allocator's. Closures and results lie in it; no job
//!   is allocated.
//!
//! # Waiting
//! Who waits helps, so that waits may nest in any number of threads, none included. But it runs
//! only what it waits for: [`Job::join`] that job, if nobody has begun it; the end of a scope, of a
//! loop, and [`Pool::join`], their own jobs, and those that descend from them. A pool whose waiters
//! run just any job can take a lock twice in one thread; that cannot happen here. [`Pool::run_one`]
//! and [`Pool::wait_and_help`] do run any job: call them with no lock held.
//!
//! # Order
//! Jobs are begun in the order in which they were given, but for those that a waiter takes. A job
//! that is being run is not interrupted.
//!
//! # The end
//! A pool that is dropped takes no more jobs, runs those that it has, in the dropping thread too,
//! and waits until the kernel has let go of its threads. One that is forgotten goes on.
//!
//! A job that ends its thread, by [`exit`](super::exit) or by a panic under
//! [`PanicPolicy::EndThread`](super::PanicPolicy::EndThread), is over without a result: joining it
//! is an error, and the end of its scope panics if nobody did. The thread's stack stays for ever,
//! as with any thread that ends so, and the pool starts another thread. What the job itself had
//! given to a scope, and nobody has begun, is forgotten; for the rest the thread waits before it
//! ends. As anywhere, that is not for signal handlers.
//!
//! # In a child of `fork`
//! A pool's threads stayed in the parent, and its jobs with them. In the child it is a closed pool
//! without threads: `spawn` gives the closure back; jobs of scopes, loops and [`Pool::join`] are
//! run by the calling thread; nothing waits. A [`Job`] that was finished before the fork has its
//! result, and joining any other is an error. A scope, loop or [`Pool::join`] that the parent had
//! begun, with jobs that were not finished, cannot end in the child: leaving it panics, as with
//! [scopes of threads](super::scope()). Dropping the pool there gives its memory back and drops no
//! closure. A worker that forks in a job ends in the child when the job returns, and the process
//! with it. As for [threads](super), all this needs Linux 4.14.
//!
//! # Examples
//! ```
//! use threadbare::thread::Pool;
//! use threadbare::thread::pool::StaticMemory;
//!
//! static MEMORY: StaticMemory<64> = StaticMemory::new();
//!
//! let pool = Pool::builder().threads(2).start_in(MEMORY.take().unwrap())?;
//! let job = pool.spawn(|| 6 * 7).unwrap();
//! let mut squares = [0; 100];
//! pool.chunks_mut(&mut squares, 10, |number, piece| {
//!     piece.iter_mut().enumerate().for_each(|(i, n)| *n = (number * 10 + i).pow(2));
//! });
//! assert_eq!((squares[99], job.join()), (9801, Ok(42)));
//! # Ok::<(), threadbare::thread::SpawnError>(())
//! ```

mod builder;
mod error;
mod frame;
mod job;
mod loops;
mod memory;
mod scope;
mod shared;
mod task;

use core::fmt;
use core::ptr::NonNull;

pub use builder::Builder;
#[cfg(feature = "alloc")]
pub use error::StartError;
pub use error::{JobError, Refused};
pub use job::Job;
pub use memory::{Memory, StaticMemory};
pub use scope::Scope;

pub(super) use frame::give_up_jobs;
use shared::Shared;

/// Threads that are there already, for jobs that are given to them: see the [module](self).
///
/// # Examples
/// ```
/// use threadbare::thread::Pool;
/// use threadbare::thread::pool::Memory;
///
/// let mut memory = Memory::<8>::new();
/// Pool::builder().threads(2).run_in(&mut memory, |pool| {
///     assert_eq!((pool.thread_count(), pool.queued_count()), (2, 0));
///     let job = pool.spawn(|| "done").unwrap();
///     assert_eq!(job.join(), Ok("done"));
/// })?;
/// # Ok::<(), threadbare::thread::SpawnError>(())
/// ```
pub struct Pool {
    shared: NonNull<Shared>,
    storage: Storage,
}

/// Whose memory a pool lies in.
enum Storage {
    /// Nobody's any more, or the caller's who will wait.
    GivenUp,
    #[cfg(feature = "alloc")]
    Allocated(core::alloc::Layout),
}

// SAFETY: what a pool's threads share is for all threads.
unsafe impl Send for Pool {}
// SAFETY: likewise.
unsafe impl Sync for Pool {}

impl Pool {
    /// How many threads a pool may have.
    pub const THREADS_MAX: usize = 1024;

    /// Starts a pool with as many threads as are worth having, and 256 slots of 64 bytes for jobs.
    ///
    /// # Errors
    /// [`StartError`].
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Pool;
    ///
    /// let pool = Pool::new()?;
    /// assert_eq!(pool.spawn(|| 6 * 7).unwrap().join(), Ok(42));
    /// # Ok::<(), threadbare::thread::pool::StartError>(())
    /// ```
    #[cfg(feature = "alloc")]
    pub fn new() -> Result<Pool, StartError> {
        Builder::new().start()
    }

    /// Says how a pool is to be; then it can be started.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Pool;
    /// use threadbare::thread::pool::Memory;
    ///
    /// let mut memory = Memory::<1>::new();
    /// let started = Pool::builder().threads(3).run_in(&mut memory, |pool| pool.thread_count());
    /// assert_eq!(started, Ok(3));
    /// ```
    pub const fn builder() -> Builder {
        Builder::new()
    }

    fn shared(&self) -> &Shared {
        // SAFETY: it lives until `drop`.
        unsafe { self.shared.as_ref() }
    }

    /// Gives a job to the pool.
    ///
    /// # Blocking
    /// Not at all, but for the pool's own lock, which nobody holds while jobs are run. A pool that
    /// [grows](Builder::grow_to) may start a thread.
    ///
    /// # Errors
    /// [`Refused`], which has the [`JobError`] and the closure.
    ///
    /// # Ordering
    /// What came before this call comes before the job.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Pool;
    /// use threadbare::thread::pool::Memory;
    ///
    /// let mut memory = Memory::<2>::new();
    /// Pool::builder().threads(1).run_in(&mut memory, |pool| {
    ///     for n in 0..100 {
    ///         let mut job = move || assert!(n < 100);
    ///         // While there is no room: help.
    ///         while let Err(refused) = pool.spawn(job) {
    ///             job = refused.closure;
    ///             pool.run_one();
    ///         }
    ///     }
    /// })?;
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn spawn<F, T>(&self, f: F) -> Result<Job<'_, T>, Refused<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: what `f` borrows, and `T`, live for ever.
        let head = unsafe { self.shared().queue(core::ptr::null(), f) }?;
        // SAFETY: just queued; the handle does not outlive the pool.
        Ok(unsafe { Job::new(self.shared(), head) })
    }

    /// Runs the oldest job of the queue, any, in the calling thread; returns false if there is
    /// none.
    ///
    /// # Blocking
    /// For as long as the job takes. It may take locks, and wait for other jobs: hold no lock, and
    /// be in no job that others wait for.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Pool;
    /// use threadbare::thread::pool::Memory;
    ///
    /// let mut memory = Memory::<8>::new();
    /// Pool::builder().threads(0).run_in(&mut memory, |pool| {
    ///     let job = pool.spawn(|| 1).unwrap();
    ///     assert!(pool.run_one() && job.is_finished() && !pool.run_one());
    /// })?;
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn run_one(&self) -> bool {
        self.shared().run_one()
    }

    /// Runs jobs of the queue, any, until none is left, and none that was begun is unfinished; the
    /// reference's `waitAndWork`.
    ///
    /// In a job, that job does not count, nor do others that wait here at the same time.
    ///
    /// # Blocking
    /// Until then; asleep while nothing is queued. The jobs may take locks, and wait for other
    /// jobs: hold no lock, and be in no job that others wait for.
    ///
    /// # Ordering
    /// What the jobs did comes before the return.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::atomic::{AtomicU32, Ordering};
    /// use threadbare::thread::Pool;
    /// use threadbare::thread::pool::Memory;
    ///
    /// static SUM: AtomicU32 = AtomicU32::new(0);
    ///
    /// let mut memory = Memory::<8>::new();
    /// Pool::builder().threads(2).run_in(&mut memory, |pool| {
    ///     for n in 1..=8 {
    ///         pool.spawn(move || SUM.fetch_add(n, Ordering::Relaxed)).unwrap();
    ///     }
    ///     pool.wait_and_help();
    ///     assert_eq!(SUM.load(Ordering::Relaxed), 36);
    /// })?;
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn wait_and_help(&self) {
        self.shared().wait_for_all();
    }

    /// Takes no more jobs from now on; those that were given are done. Loops, scopes and
    /// [`Pool::join`] go on in the threads that call them.
    ///
    /// Any thread may call it, in a job, too. The pool's threads end when the queue is empty.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Pool;
    /// use threadbare::thread::pool::{JobError, Memory};
    ///
    /// let mut memory = Memory::<8>::new();
    /// Pool::builder().threads(1).run_in(&mut memory, |pool| {
    ///     let last = pool.spawn(|| 1).unwrap();
    ///     pool.close();
    ///     assert_eq!(pool.spawn(|| 2).unwrap_err().error, JobError::Closed);
    ///     assert_eq!(last.join(), Ok(1));
    /// })?;
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn close(&self) {
        self.shared().close();
    }

    /// Does what dropping the pool does: runs what is queued, and waits for all jobs and threads.
    ///
    /// # Blocking
    /// Until the kernel has let go of the pool's threads.
    ///
    /// # Panics
    /// In one of the pool's own jobs, or a thread of its own, as in a thread-local's destructor.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Pool;
    /// use threadbare::thread::pool::StaticMemory;
    ///
    /// static MEMORY: StaticMemory<4> = StaticMemory::new();
    ///
    /// let pool = Pool::builder().threads(1).start_in(MEMORY.take().unwrap())?;
    /// pool.spawn(|| threadbare::println!("the last job")).unwrap();
    /// pool.shutdown();
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn shutdown(self) {}

    /// Returns the calling thread's number among the pool's threads: from 0, less than
    /// [`threads`](Builder::threads) or [`grow_to`](Builder::grow_to), no two alike. `None` in a
    /// thread of none of them, such as one that helps while it waits.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Pool;
    /// use threadbare::thread::pool::Memory;
    ///
    /// let mut memory = Memory::<8>::new();
    /// Pool::builder().threads(2).run_in(&mut memory, |pool| {
    ///     assert_eq!(pool.worker_index(), None);
    ///     pool.scope(|scope| {
    ///         let job = scope.spawn(|| pool.worker_index());
    ///         job.wait();
    ///         assert!(job.join().unwrap().is_some_and(|index| index < 2));
    ///     });
    /// })?;
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn worker_index(&self) -> Option<usize> {
        frame::worker_index(self.shared())
    }

    /// Returns how many threads there are now, those included that are just being started.
    pub fn thread_count(&self) -> usize {
        self.shared().counts().0 as usize
    }

    /// Returns how many jobs nobody has begun, now.
    pub fn queued_count(&self) -> usize {
        self.shared().counts().1
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared().end();
        match self.storage {
            Storage::GivenUp => {}
            #[cfg(feature = "alloc")]
            // SAFETY: it was allocated so; nobody uses it any more.
            Storage::Allocated(layout) => unsafe {
                alloc::alloc::dealloc(self.shared.as_ptr().cast(), layout);
            },
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (threads, queued) = self.shared().counts();
        f.debug_struct("Pool")
            .field("threads", &threads)
            .field("queued", &queued)
            .finish_non_exhaustive()
    }
}
