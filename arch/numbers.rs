//! The numbers of the system calls that `sys` makes, under names that are the same for every CPU.
//!
//! A macro, because the list is the same everywhere but for the few calls that a CPU has under
//! another name, or alone: those it is given. The numbers themselves are the kernel's headers'.

/// Defines the module `nr`: the common calls, and a CPU's own.
macro_rules! numbers {
    ($($own:ident = $name:ident;)*) => {
        numbers! { @
            CLONE = __NR_clone;
            CLOSE = __NR_close;
            EXIT = __NR_exit;
            EXIT_GROUP = __NR_exit_group;
            GETPID = __NR_getpid;
            GETTID = __NR_gettid;
            MPROTECT = __NR_mprotect;
            MUNMAP = __NR_munmap;
            OPENAT = __NR_openat;
            PRCTL = __NR_prctl;
            PREAD64 = __NR_pread64;
            READ = __NR_read;
            RT_SIGACTION = __NR_rt_sigaction;
            RT_SIGPROCMASK = __NR_rt_sigprocmask;
            SCHED_GETAFFINITY = __NR_sched_getaffinity;
            SCHED_YIELD = __NR_sched_yield;
            STATX = __NR_statx;
            TGKILL = __NR_tgkill;
            WRITE = __NR_write;
            $($own = $name;)*
        }
    };
    (@ $($own:ident = $name:ident;)*) => {
        /// The numbers of the calls that `sys` makes, and of this CPU's own.
        pub mod nr {
            $(pub const $own: usize = linux_raw_sys::general::$name as usize;)*
            #[cfg(target_pointer_width = "64")]
            pub const LSEEK: usize = linux_raw_sys::general::__NR_lseek as usize;
            /// The call that takes an offset of 64 bits.
            #[cfg(target_pointer_width = "32")]
            pub const LSEEK: usize = linux_raw_sys::general::__NR__llseek as usize;
        }
    };
}
