//! How many threads at a time are worth having.

use core::num::NonZeroUsize;

use crate::cgroup;
use crate::io::File;
use crate::sys::{Errno, task};

/// Counts the CPUs that this thread may run on, however many the machine has; and if the process's
/// cgroup has a quota of CPU time, no more than that pays for, rounded down, but at least one.
///
/// Both may change while the program runs, so nothing is remembered. With cgroups a call opens a
/// few files: ask once, not in every loop. Where they cannot be read (no `/proc`, no cgroups, no
/// permission) there is no quota.
///
/// # Blocking
/// For as long as the kernel takes to show the files.
///
/// # Errors
/// What `sched_getaffinity(2)` answers: a seccomp filter's `EPERM`, or `EINVAL` with more than
/// 65,536 CPUs.
///
/// # Kernel
/// `sched_getaffinity(2)`; cgroups(7): `cpu.max`, or `cpu.cfs_quota_us` and `cpu.cfs_period_us`, of
/// the group that `/proc/self/cgroup` names and of all above it.
///
/// # Examples
/// ```
/// use threadbare::thread;
///
/// let workers = thread::available_parallelism().map_or(1, |count| count.get());
/// threadbare::println!("{workers} at a time");
/// ```
pub fn available_parallelism() -> Result<NonZeroUsize, Errno> {
    let count = NonZeroUsize::new(task::count_cpus()?).unwrap_or(NonZeroUsize::MIN);
    let limit = cgroup::cpu_limit(&|path| File::open(path).ok());
    Ok(limit.map_or(count, |limit| count.min(limit)))
}
