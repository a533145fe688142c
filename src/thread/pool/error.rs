//! Why a job was not taken, or a pool not started.

use core::fmt;

#[cfg(feature = "alloc")]
use crate::thread::SpawnError;

/// Why a pool did not take a job.
///
/// # Examples
/// ```
/// use threadbare::thread::Pool;
/// use threadbare::thread::pool::{JobError, Memory};
///
/// // Room for one job, of 64 bytes, and nobody to run it.
/// let mut memory = Memory::<1, 64>::new();
/// Pool::builder().threads(0).run_in(&mut memory, |pool| {
///     let large = [0u8; 100];
///     let error = JobError::TooLarge { bytes: 100, bytes_max: 64 };
///     assert_eq!(pool.spawn(move || drop(large)).map(drop).unwrap_err().error, error);
///     let first = pool.spawn(|| 1).unwrap();
///     assert_eq!(pool.spawn(|| 2).map(drop).unwrap_err().error, JobError::QueueFull);
///     assert_eq!(first.join(), Ok(1));
///     pool.close();
///     assert_eq!(pool.spawn(|| 3).map(drop).unwrap_err().error, JobError::Closed);
/// })?;
/// # Ok::<(), threadbare::thread::SpawnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobError {
    /// Every slot has a job, or a result that nobody has taken: the pool was given as many slots as
    /// its memory has ([`Memory`](super::Memory)).
    QueueFull,
    /// The closure, or what it returns, has more bytes than a slot has room for.
    TooLarge {
        /// How much room it takes.
        bytes: usize,
        /// How much a slot of this pool has.
        bytes_max: usize,
    },
    /// The pool takes no more jobs: [`Pool::close`](super::Pool::close), or this is a child of
    /// `fork` and the pool its parent's.
    Closed,
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobError::QueueFull => f.write_str(
                "every slot of the pool has a job: give it more slots, run a job (run_one), or \
                 call the closure",
            ),
            JobError::TooLarge { bytes, bytes_max } => write!(
                f,
                "the job takes {bytes} bytes and a slot of the pool has {bytes_max}: give it \
                 larger slots, or let the closure borrow",
            ),
            JobError::Closed => f.write_str("the pool is closed"),
        }
    }
}

impl core::error::Error for JobError {}

/// What is given back when a pool did not take a job: nothing is lost.
///
/// # Examples
/// ```
/// use threadbare::thread::Pool;
/// use threadbare::thread::pool::Memory;
///
/// let mut memory = Memory::<0, 0>::new();
/// let answer = Pool::builder().threads(1).run_in(&mut memory, |pool| {
///     match pool.spawn(|| 6 * 7) {
///         Ok(job) => job.join().unwrap(),
///         // Then without the pool.
///         Err(refused) => (refused.closure)(),
///     }
/// })?;
/// assert_eq!(answer, 42);
/// # Ok::<(), threadbare::thread::SpawnError>(())
/// ```
pub struct Refused<F> {
    /// Why.
    pub error: JobError,
    /// What was to be run.
    pub closure: F,
}

impl<F> Refused<F> {
    pub(super) fn new(error: JobError, closure: F) -> Refused<F> {
        Refused { error, closure }
    }
}

impl<F> fmt::Debug for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused")
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Display for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<F> core::error::Error for Refused<F> {}

/// Why a pool with memory of the program's allocator could not be started. Nothing is left behind.
///
/// # Examples
/// ```
/// use threadbare::thread::pool::{Builder, StartError};
///
/// let refused = Builder::new().queue(usize::MAX).start().map(drop);
/// assert_eq!(refused, Err(StartError::OutOfMemory));
/// ```
#[cfg(feature = "alloc")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// The allocator has no memory for the queue, or there are not so many addresses.
    OutOfMemory,
    /// A thread could not be started.
    Thread(SpawnError),
}

#[cfg(feature = "alloc")]
impl From<SpawnError> for StartError {
    fn from(error: SpawnError) -> StartError {
        StartError::Thread(error)
    }
}

#[cfg(feature = "alloc")]
impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::OutOfMemory => f.write_str("no memory for the pool's queue"),
            StartError::Thread(error) => error.fmt(f),
        }
    }
}

#[cfg(feature = "alloc")]
impl core::error::Error for StartError {}
