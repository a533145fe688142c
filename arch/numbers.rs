//! The numbers of the system calls that `sys` makes, under names that are the same for every CPU.
//!
//! A macro, because the list is the same everywhere but for the few calls that a CPU has under
//! another name, or alone: those it is given. The numbers themselves are the kernel's headers'.

/// Defines the module `nr`: the common calls, and a CPU's own. Those that every CPU gives:
///
/// | name | 64-bit CPUs | 32-bit CPUs |
/// |---|---|---|
/// | `FUTEX` | `futex` | `futex`, or `futex_time64` where there is no other; called without a time |
/// | `FUTEX_TIME64` | `futex` | `futex_time64` |
/// | `CLOCK_GETTIME64` | `clock_gettime` | `clock_gettime64` |
/// | `CLOCK_NANOSLEEP_TIME64` | `clock_nanosleep` | `clock_nanosleep_time64` |
/// | `FCNTL` | `fcntl` | `fcntl`, or `fcntl64` where there is no other |
/// | `LSEEK` | `lseek` | `_llseek`, whose offset is 64 bits |
/// | `MMAP` | `mmap` | `mmap2` |
/// | `RT_SIGTIMEDWAIT_TIME64` | `rt_sigtimedwait` | `rt_sigtimedwait_time64` |
/// | `SETGID`, `SETGROUPS`, `SETUID` | `setgid`, … | with `32` behind it where there are two |
macro_rules! numbers {
    ($($own:ident = $name:ident;)*) => {
        numbers! { @
            CHDIR = __NR_chdir;
            CLONE = __NR_clone;
            CLOSE = __NR_close;
            DUP3 = __NR_dup3;
            EXECVE = __NR_execve;
            EXIT = __NR_exit;
            EXIT_GROUP = __NR_exit_group;
            GETPID = __NR_getpid;
            GETTID = __NR_gettid;
            KILL = __NR_kill;
            MADVISE = __NR_madvise;
            MINCORE = __NR_mincore;
            MOUNT = __NR_mount;
            MPROTECT = __NR_mprotect;
            MUNMAP = __NR_munmap;
            OPENAT = __NR_openat;
            PIPE2 = __NR_pipe2;
            PRCTL = __NR_prctl;
            PREAD64 = __NR_pread64;
            PRLIMIT64 = __NR_prlimit64;
            READ = __NR_read;
            REBOOT = __NR_reboot;
            RT_SIGACTION = __NR_rt_sigaction;
            RT_SIGPROCMASK = __NR_rt_sigprocmask;
            SCHED_GETAFFINITY = __NR_sched_getaffinity;
            SCHED_SETAFFINITY = __NR_sched_setaffinity;
            SCHED_SETSCHEDULER = __NR_sched_setscheduler;
            SCHED_YIELD = __NR_sched_yield;
            SETPRIORITY = __NR_setpriority;
            SETSID = __NR_setsid;
            SET_TID_ADDRESS = __NR_set_tid_address;
            SIGALTSTACK = __NR_sigaltstack;
            STATX = __NR_statx;
            SYNC = __NR_sync;
            TGKILL = __NR_tgkill;
            UMOUNT2 = __NR_umount2;
            WAITID = __NR_waitid;
            WRITE = __NR_write;
            $($own = $name;)*
        }
    };
    (@ $($own:ident = $name:ident;)*) => {
        /// The numbers of the calls that `sys` makes, and of this CPU's own.
        pub mod nr {
            $(pub const $own: usize = crate::arch::kernel::$name as usize;)*
        }
    };
}
