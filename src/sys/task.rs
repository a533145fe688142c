//! Threads and processes as the kernel sees them.

use super::{Errno, call};
use crate::arch::{kernel as k, prctl};

/// Ends this thread alone.
pub fn exit_thread() -> ! {
    // SAFETY: the call does not return.
    let _ = unsafe { call!(EXIT, 0) };
    crate::arch::trap()
}

/// Ends every thread of the process.
pub fn exit_process(status: i32) -> ! {
    // SAFETY: the call does not return.
    let _ = unsafe { call!(EXIT_GROUP, status as usize) };
    crate::arch::trap()
}

/// Returns the process's number (`getpid`).
pub fn process_id() -> u32 {
    // SAFETY: getpid touches no memory and cannot fail.
    unsafe { call!(GETPID) }.unwrap_or(0) as u32
}

/// Returns the calling thread's kernel number (`gettid`).
pub fn kernel_thread_id() -> u32 {
    // SAFETY: gettid touches no memory and cannot fail.
    unsafe { call!(GETTID) }.unwrap_or(0) as u32
}

/// Whether the kernel knows a thread of this process by that number, a dying one included.
pub fn is_in_this_process(tid: u32) -> bool {
    let no_signal = 0;
    // SAFETY: signal 0 only asks.
    let found = unsafe { call!(TGKILL, process_id() as usize, tid as usize, no_signal) };
    found != Err(Errno::SRCH)
}

/// Lets another thread run (`sched_yield`).
pub fn yield_now() {
    // SAFETY: the call touches no memory and cannot fail on Linux.
    let _ = unsafe { call!(SCHED_YIELD) };
}

/// The size of the kernel's `comm`: 15 bytes of name and a NUL (`include/linux/sched.h`).
pub const NAME_BYTES: usize = 16;

/// Names the calling thread for the kernel, which shows the name in `ps` and debuggers.
pub fn set_own_name(name: &[u8; NAME_BYTES]) -> Result<(), Errno> {
    // SAFETY: the kernel reads at most 16 bytes, up to a NUL.
    unsafe {
        call!(
            PRCTL,
            prctl::PR_SET_NAME as usize,
            name.as_ptr() as usize,
            0,
            0,
            0
        )
    }?;
    Ok(())
}

/// Counts the CPUs that this thread may run on.
///
/// # Errors
/// `EINVAL` where the kernel has more than 65,536 CPUs: it refuses a set that is smaller than its
/// own (sched_setaffinity(2), "CPU count"). `EPERM`: a seccomp filter.
pub fn count_cpus() -> Result<usize, Errno> {
    // Nearly every machine has less than 1,024; the large set costs 8 KiB of stack only when asked.
    match count_cpus_in(&mut [0; 128]) {
        Err(Errno::INVAL) => count_cpus_in(&mut [0; 8192]),
        result => result,
    }
}

#[inline(never)]
fn count_cpus_in(set: &mut [u8]) -> Result<usize, Errno> {
    let this_thread = 0;
    // SAFETY: the kernel writes at most `set.len()` bytes and returns how many.
    let bytes = unsafe {
        call!(
            SCHED_GETAFFINITY,
            this_thread,
            set.len(),
            set.as_mut_ptr().expose_provenance()
        )
    }?;
    Ok(set[..bytes]
        .iter()
        .map(|byte| byte.count_ones() as usize)
        .sum())
}

bitflags::bitflags! {
    /// What a new task shares with its maker (clone(2)).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Clone: u32 {
        /// The address space.
        const VM = k::CLONE_VM;
        /// The working directory and umask.
        const FS = k::CLONE_FS;
        /// The descriptors.
        const FILES = k::CLONE_FILES;
        /// The signal handlers.
        const SIGHAND = k::CLONE_SIGHAND;
        /// The process.
        const THREAD = k::CLONE_THREAD;
        /// The System V semaphore undo list.
        const SYSVSEM = k::CLONE_SYSVSEM;
        /// The child begins with the given thread pointer.
        const SETTLS = k::CLONE_SETTLS;
        /// The tid is stored before the call returns in either thread.
        const PARENT_SETTID = k::CLONE_PARENT_SETTID;
        /// The kernel clears the tid word and wakes one waiter when the child is gone.
        const CHILD_CLEARTID = k::CLONE_CHILD_CLEARTID;
    }
}

impl Clone {
    /// A thread. qemu-user insists on exactly the sharing of the first six.
    pub const THREAD_FLAGS: Clone = Clone::VM
        .union(Clone::FS)
        .union(Clone::FILES)
        .union(Clone::SIGHAND)
        .union(Clone::THREAD)
        .union(Clone::SYSVSEM)
        .union(Clone::SETTLS)
        .union(Clone::PARENT_SETTID)
        .union(Clone::CHILD_CLEARTID);
}
