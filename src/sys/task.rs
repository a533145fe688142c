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
    end_process(status);
    crate::arch::trap()
}

/// The same for a caller that a trap follows: this returns where the kernel refuses.
#[inline]
pub fn end_process(status: i32) {
    // SAFETY: the call does not return, or does nothing.
    let _ = unsafe { call!(EXIT_GROUP, status as usize) };
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

/// Names the word that the kernel clears, and wakes one waiter of, when the calling thread is gone;
/// returns the thread's number.
///
/// # Errors
/// `EPERM`, `ENOSYS`: a seccomp filter. Source: set_tid_address(2).
///
/// # Safety
/// 1. The word stays mapped until the thread is gone, and is the thread's.
pub unsafe fn set_tid_address(word: *mut u32) -> Result<u32, Errno> {
    // SAFETY: clause 1; the call itself touches no memory.
    let tid = unsafe { call!(SET_TID_ADDRESS, word.expose_provenance()) }?;
    Ok(tid as u32)
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

/// Returns how large the main thread's stack may grow, in bytes (`RLIMIT_STACK`); `None` where
/// nothing limits it, or nothing is known.
pub fn stack_bytes_max() -> Option<usize> {
    let (this_process, no_new_limit) = (0, 0);
    let mut limits = [u64::MAX; 2];
    let to = &raw mut limits;
    let what = k::RLIMIT_STACK as usize;
    let to_address = to.expose_provenance();
    // SAFETY: the kernel writes two words of 64 bits.
    let _ = unsafe { call!(PRLIMIT64, this_process, what, no_new_limit, to_address) };
    // What stands for no limit is there still, if the kernel refused.
    // SAFETY: initialised above, and written by the kernel at most.
    let [soft, _hard] = unsafe { to.read() };
    // "Infinity" is more than any address.
    usize::try_from(soft)
        .ok()
        .filter(|&bytes| bytes < usize::MAX)
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

/// Reads the name that the kernel has for the calling thread: up to a NUL.
pub fn own_name() -> Result<[u8; NAME_BYTES], Errno> {
    let mut name = [0; NAME_BYTES];
    let to = name.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes 16 bytes, the last of them a NUL.
    unsafe { call!(PRCTL, prctl::PR_GET_NAME as usize, to, 0, 0, 0) }?;
    Ok(name)
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

/// Stores the CPUs that this thread may run on, a bit each, in `words`.
///
/// # Errors
/// As [`count_cpus`].
pub fn own_affinity(words: &mut [usize]) -> Result<(), Errno> {
    let (this_thread, bytes) = (0, size_of_val(words));
    // What the kernel leaves untouched lies beyond its CPUs.
    words.fill(0);
    let to = words.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes at most as many bytes as there are.
    unsafe { call!(SCHED_GETAFFINITY, this_thread, bytes, to) }?;
    Ok(())
}

/// Sets the CPUs that this thread may run on.
///
/// # Errors
/// `EINVAL`: none of them exists and is allowed to this process by its cpuset. `EPERM`: a seccomp
/// filter. Source: sched_setaffinity(2).
pub fn set_own_affinity(words: &[usize]) -> Result<(), Errno> {
    let (this_thread, bytes) = (0, size_of_val(words));
    // SAFETY: the kernel reads as many bytes as there are.
    unsafe {
        call!(
            SCHED_SETAFFINITY,
            this_thread,
            bytes,
            words.as_ptr() as usize
        )
    }?;
    Ok(())
}

/// Sets how this thread is scheduled.
///
/// # Errors
/// `EINVAL`: the policy has no such priority. `EPERM`: real time beyond `RLIMIT_RTPRIO`, without
/// `CAP_SYS_NICE`. Source: sched_setscheduler(2).
pub fn set_own_policy(policy: u32, priority: i32) -> Result<(), Errno> {
    let (this_thread, parameters) = (0, &raw const priority);
    // SAFETY: the kernel reads a `struct sched_param`, which is one `int`.
    unsafe {
        call!(
            SCHED_SETSCHEDULER,
            this_thread,
            policy as usize,
            parameters as usize
        )
    }?;
    Ok(())
}

/// Sets this thread's niceness, −20 to 19; what lies beyond counts as the nearest of them.
///
/// # Errors
/// `EACCES`: less nice than `RLIMIT_NICE` allows, without `CAP_SYS_NICE`. `EPERM`: a seccomp
/// filter. Source: setpriority(2), "C library/kernel differences".
pub fn set_own_nice(nice: i32) -> Result<(), Errno> {
    let (which, this_thread) = (k::PRIO_PROCESS as usize, 0);
    // SAFETY: the call touches no memory.
    unsafe { call!(SETPRIORITY, which, this_thread, nice as usize) }?;
    Ok(())
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
        /// The caller sleeps until the child is another program or gone.
        const VFORK = k::CLONE_VFORK;
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
    /// A process that runs in the caller's memory until it becomes another program.
    pub const PROCESS_FLAGS: Clone = Clone::VM.union(Clone::VFORK);

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
