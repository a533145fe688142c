//! Why a thread could not be started.

use core::fmt;
use core::mem::MaybeUninit;

use super::attributes::Refusal;
use crate::sys::Errno;

/// Why a thread could not be started. Nothing is left behind: the closure was dropped, and what
/// had been mapped is unmapped or cached.
///
/// # Examples
/// ```
/// use threadbare::thread::{Builder, SpawnError};
///
/// // More than there are addresses.
/// let refused = Builder::new().stack_size(usize::MAX).spawn(|| ()).map(|_| ());
/// assert_eq!(refused, Err(SpawnError::OutOfMemory));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpawnError {
    /// `clone` answered `EAGAIN`: one thread too many for `RLIMIT_NPROC` (per user),
    /// `kernel.threads-max`, `kernel.pid_max` or the cgroup's `pids.max`.
    ThreadQuotaExceeded,
    /// `clone` answered `ENOMEM`: the kernel has no memory for its side of a thread.
    SystemResources,
    /// `mmap` or `mprotect` answered `ENOMEM`, or the size exceeds the address space: no address
    /// range is left, or `RLIMIT_AS`, `RLIMIT_DATA`, `vm.max_map_count` (two mappings a thread)
    /// or, with `vm.overcommit_memory=2`, the commit limit.
    OutOfMemory,
    /// `mmap` answered `EAGAIN`: after `mlockall(MCL_FUTURE)` the stack exceeds
    /// `RLIMIT_MEMLOCK`.
    LockedMemoryLimitExceeded,
    /// The memory that [`Builder::stack`](super::Builder::stack) was given is too small: with so
    /// many bytes it would do, for this closure and this program's thread-locals.
    StackTooSmall {
        /// The least number of bytes.
        bytes_min: usize,
    },
    /// The thread could not be put on the CPUs of [`Builder::affinity`](super::Builder::affinity):
    /// `EINVAL` when none of them exists and is allowed to this process by its cpuset.
    Affinity(Errno),
    /// The thread could not get the [`Builder::policy`](super::Builder::policy): `EPERM` for real
    /// time beyond `RLIMIT_RTPRIO` without `CAP_SYS_NICE`, `EINVAL` for a priority that the policy
    /// does not have.
    Policy(Errno),
    /// The thread could not get the [`Builder::nice`](super::Builder::nice): `EACCES` for a value
    /// below what `RLIMIT_NICE` allows without `CAP_SYS_NICE`.
    Nice(Errno),
    /// Something that the kernel's documentation does not foresee here: a security module or
    /// seccomp filter (`EPERM`, `EACCES`, `ENOSYS`), or a bug.
    Unexpected(Errno),
}

impl SpawnError {
    pub(super) fn from_mapping(errno: Errno) -> SpawnError {
        match errno {
            Errno::NOMEM => SpawnError::OutOfMemory,
            Errno::AGAIN => SpawnError::LockedMemoryLimitExceeded,
            errno => SpawnError::Unexpected(errno),
        }
    }

    pub(super) fn from_clone(errno: Errno) -> SpawnError {
        match errno {
            Errno::AGAIN => SpawnError::ThreadQuotaExceeded,
            Errno::NOMEM => SpawnError::SystemResources,
            errno => SpawnError::Unexpected(errno),
        }
    }

    pub(super) fn from_refusal(refusal: Refusal) -> SpawnError {
        match refusal {
            Refusal::Affinity(errno) => SpawnError::Affinity(errno),
            Refusal::Policy(errno) => SpawnError::Policy(errno),
            Refusal::Nice(errno) => SpawnError::Nice(errno),
        }
    }
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SpawnError::ThreadQuotaExceeded => {
                "too many threads: raise RLIMIT_NPROC, kernel.threads-max, kernel.pid_max or the \
                 cgroup's pids.max, or start fewer"
            }
            SpawnError::SystemResources => {
                "the kernel has no memory for another thread: free some, or start fewer"
            }
            SpawnError::OutOfMemory => {
                "no memory for a stack: ask for a smaller one, or raise RLIMIT_AS, RLIMIT_DATA, \
                 vm.max_map_count or the commit limit"
            }
            SpawnError::LockedMemoryLimitExceeded => {
                "a locked stack exceeds RLIMIT_MEMLOCK: raise it, ask for a smaller stack, or do \
                 not lock future mappings"
            }
            SpawnError::StackTooSmall { bytes_min } => {
                return write!(
                    f,
                    "the memory for the stack is too small: {bytes_min} bytes would do"
                );
            }
            SpawnError::Affinity(errno) => {
                return write!(
                    f,
                    "the thread may not run on these CPUs: {errno}; name some that exist and that \
                     the process's cpuset allows"
                );
            }
            SpawnError::Policy(errno) => {
                return write!(
                    f,
                    "the thread may not be scheduled so: {errno}; raise RLIMIT_RTPRIO, or choose a \
                     priority from 1 to 99"
                );
            }
            SpawnError::Nice(errno) => {
                return write!(
                    f,
                    "the thread may not be so little nice: {errno}; raise RLIMIT_NICE"
                );
            }
            SpawnError::Unexpected(errno) => {
                return write!(
                    f,
                    "the kernel refused to start a thread: {errno}; let no seccomp filter or \
                     security module forbid mmap, mprotect, rt_sigprocmask or clone"
                );
            }
        })
    }
}

impl core::error::Error for SpawnError {}

/// What is given back when a thread could not be started: nothing is lost.
///
/// # Examples
/// ```
/// use threadbare::thread::{Builder, SpawnError};
///
/// let text = [b'a'; 3];
/// let refused = Builder::new()
///     .stack_size(usize::MAX)
///     .spawn_or_return(move || text.len())
///     .unwrap_err();
/// assert_eq!(refused.error, SpawnError::OutOfMemory);
/// // Then without a thread.
/// assert_eq!((refused.closure)(), 3);
/// ```
pub struct Refused<F> {
    /// Why.
    pub error: SpawnError,
    /// What the thread was to run.
    pub closure: F,
    /// The memory that [`Builder::stack`](super::Builder::stack) was given.
    pub stack: Option<&'static mut [MaybeUninit<u8>]>,
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
