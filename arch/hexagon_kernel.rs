//! The kernel's constants and structures on Hexagon, by their names in the kernel's headers.
//!
//! For every other CPU they come from the crate `linux-raw-sys`, whose module `general` does not
//! compile for this one: version 0.12 leaves `c_char` undefined. These are the ones that the
//! runtime and its suite use, all of them the generic ABI's.
//!
//! Sources: `include/uapi/asm-generic/`, `include/uapi/linux/`.

// asm-generic/unistd.h
pub const __NR_dup3: u32 = 24;
pub const __NR_fcntl64: u32 = 25;
pub const __NR_mkdirat: u32 = 34;
pub const __NR_unlinkat: u32 = 35;
pub const __NR_umount2: u32 = 39;
pub const __NR_mount: u32 = 40;
pub const __NR_chdir: u32 = 49;
pub const __NR_openat: u32 = 56;
pub const __NR_close: u32 = 57;
pub const __NR_pipe2: u32 = 59;
pub const __NR_llseek: u32 = 62;
pub const __NR_read: u32 = 63;
pub const __NR_write: u32 = 64;
pub const __NR_pread64: u32 = 67;
pub const __NR_sync: u32 = 81;
pub const __NR_exit: u32 = 93;
pub const __NR_exit_group: u32 = 94;
pub const __NR_set_tid_address: u32 = 96;
pub const __NR_waitid: u32 = 95;
pub const __NR_unshare: u32 = 97;
pub const __NR_futex: u32 = 98;
pub const __NR_setitimer: u32 = 103;
pub const __NR_clock_gettime: u32 = 113;
pub const __NR_clock_nanosleep: u32 = 115;
pub const __NR_ptrace: u32 = 117;
pub const __NR_sched_setscheduler: u32 = 119;
pub const __NR_sched_getscheduler: u32 = 120;
pub const __NR_sched_setaffinity: u32 = 122;
pub const __NR_sched_getaffinity: u32 = 123;
pub const __NR_sched_yield: u32 = 124;
pub const __NR_kill: u32 = 129;
pub const __NR_tgkill: u32 = 131;
pub const __NR_sigaltstack: u32 = 132;
pub const __NR_rt_sigaction: u32 = 134;
pub const __NR_rt_sigprocmask: u32 = 135;
pub const __NR_rt_sigtimedwait: u32 = 137;
pub const __NR_setpriority: u32 = 140;
pub const __NR_getpriority: u32 = 141;
pub const __NR_reboot: u32 = 142;
pub const __NR_setgid: u32 = 144;
pub const __NR_setuid: u32 = 146;
pub const __NR_setresuid: u32 = 147;
pub const __NR_setsid: u32 = 157;
pub const __NR_setgroups: u32 = 159;
pub const __NR_prctl: u32 = 167;
pub const __NR_getpid: u32 = 172;
pub const __NR_gettid: u32 = 178;
pub const __NR_munmap: u32 = 215;
pub const __NR_clone: u32 = 220;
pub const __NR_execve: u32 = 221;
pub const __NR_mmap2: u32 = 222;
pub const __NR_mprotect: u32 = 226;
pub const __NR_mlockall: u32 = 230;
pub const __NR_mincore: u32 = 232;
pub const __NR_madvise: u32 = 233;
pub const __NR_prlimit64: u32 = 261;
pub const __NR_seccomp: u32 = 277;
pub const __NR_statx: u32 = 291;
pub const __NR_clock_gettime64: u32 = 403;
pub const __NR_clock_nanosleep_time64: u32 = 407;
pub const __NR_rt_sigtimedwait_time64: u32 = 421;
pub const __NR_futex_time64: u32 = 422;

// asm-generic/mman-common.h, asm-generic/mman.h
pub const PROT_NONE: u32 = 0;
pub const PROT_READ: u32 = 1;
pub const PROT_WRITE: u32 = 2;
pub const PROT_EXEC: u32 = 4;
pub const MAP_SHARED: u32 = 0x01;
pub const MAP_PRIVATE: u32 = 0x02;
pub const MAP_ANONYMOUS: u32 = 0x20;
pub const MAP_NORESERVE: u32 = 0x4000;
pub const MAP_STACK: u32 = 0x2_0000;
pub const MADV_DONTNEED: u32 = 4;
pub const MADV_NOHUGEPAGE: u32 = 15;
pub const MADV_WIPEONFORK: u32 = 18;
pub const MADV_GUARD_INSTALL: u32 = 102;

// linux/sched.h
pub const CLONE_VM: u32 = 0x100;
pub const CLONE_FS: u32 = 0x200;
pub const CLONE_FILES: u32 = 0x400;
pub const CLONE_SIGHAND: u32 = 0x800;
pub const CLONE_VFORK: u32 = 0x4000;
pub const CLONE_THREAD: u32 = 0x1_0000;
pub const CLONE_SYSVSEM: u32 = 0x4_0000;
pub const CLONE_SETTLS: u32 = 0x8_0000;
pub const CLONE_PARENT_SETTID: u32 = 0x10_0000;
pub const CLONE_CHILD_CLEARTID: u32 = 0x20_0000;

// linux/futex.h
pub const FUTEX_WAIT: u32 = 0;
pub const FUTEX_WAKE: u32 = 1;
pub const FUTEX_CMP_REQUEUE: u32 = 4;
pub const FUTEX_WAIT_BITSET: u32 = 9;
pub const FUTEX_WAKE_BITSET: u32 = 10;
pub const FUTEX_PRIVATE_FLAG: u32 = 128;
pub const FUTEX_CLOCK_REALTIME: u32 = 256;
pub const FUTEX_BITSET_MATCH_ANY: u32 = u32::MAX;

// linux/sched.h (the policies), linux/resource.h
pub const SCHED_NORMAL: u32 = 0;
pub const SCHED_FIFO: u32 = 1;
pub const SCHED_RR: u32 = 2;
pub const SCHED_BATCH: u32 = 3;
pub const SCHED_IDLE: u32 = 5;
pub const PRIO_PROCESS: u32 = 0;
pub const RLIMIT_STACK: u32 = 3;

// linux/time.h, linux/prctl.h
pub const CLOCK_REALTIME: u32 = 0;
pub const CLOCK_MONOTONIC: u32 = 1;
pub const TIMER_ABSTIME: u32 = 1;
pub const ITIMER_REAL: u32 = 0;
pub const PR_SET_NAME: u32 = 15;
pub const PR_GET_NAME: u32 = 16;

// asm-generic/signal.h, asm-generic/signal-defs.h
pub const _NSIG: u32 = 64;
pub const SIGHUP: u32 = 1;
pub const SIGINT: u32 = 2;
pub const SIGQUIT: u32 = 3;
pub const SIGILL: u32 = 4;
pub const SIGTRAP: u32 = 5;
pub const SIGABRT: u32 = 6;
pub const SIGBUS: u32 = 7;
pub const SIGFPE: u32 = 8;
pub const SIGKILL: u32 = 9;
pub const SIGUSR1: u32 = 10;
pub const SIGSEGV: u32 = 11;
pub const SIGUSR2: u32 = 12;
pub const SIGPIPE: u32 = 13;
pub const SIGALRM: u32 = 14;
pub const SIGTERM: u32 = 15;
pub const SIGCHLD: u32 = 17;
pub const SIGCONT: u32 = 18;
pub const SIGSTOP: u32 = 19;
pub const SIGTSTP: u32 = 20;
pub const SIGTTIN: u32 = 21;
pub const SIGTTOU: u32 = 22;
pub const SIGURG: u32 = 23;
pub const SIGXCPU: u32 = 24;
pub const SIGXFSZ: u32 = 25;
pub const SIGVTALRM: u32 = 26;
pub const SIGPROF: u32 = 27;
pub const SIGWINCH: u32 = 28;
pub const SIGIO: u32 = 29;
pub const SIGPWR: u32 = 30;
pub const SIGSYS: u32 = 31;
pub const SIGRTMIN: u32 = 32;
pub const SIG_BLOCK: u32 = 0;
pub const SIG_UNBLOCK: u32 = 1;
pub const SIG_SETMASK: u32 = 2;
pub const SA_NOCLDSTOP: u32 = 1;
pub const SA_NOCLDWAIT: u32 = 2;
pub const SA_SIGINFO: u32 = 4;
pub const SA_ONSTACK: u32 = 0x0800_0000;
pub const SA_RESTART: u32 = 0x1000_0000;
pub const SA_NODEFER: u32 = 0x4000_0000;
pub const SA_RESETHAND: u32 = 0x8000_0000;
pub const SS_ONSTACK: u32 = 1;
pub const SS_DISABLE: u32 = 2;
pub const MINSIGSTKSZ: u32 = 2048;

/// The kernel's `sigset_t`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct kernel_sigset_t {
    pub sig: [usize; 2],
}

/// What `sigaltstack` takes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct stack_t {
    pub ss_sp: *mut core::ffi::c_void,
    pub ss_flags: i32,
    pub ss_size: usize,
}

// asm-generic/fcntl.h, linux/fcntl.h, linux/fs.h, linux/stat.h
pub const O_RDONLY: u32 = 0;
pub const O_WRONLY: u32 = 1;
pub const O_RDWR: u32 = 2;
pub const F_SETFD: u32 = 2;
pub const F_DUPFD_CLOEXEC: u32 = 1030;
pub const O_LARGEFILE: u32 = 0x8000;
pub const O_CLOEXEC: u32 = 0x8_0000;
pub const AT_FDCWD: i32 = -100;
pub const AT_EMPTY_PATH: u32 = 0x1000;
pub const SEEK_SET: u32 = 0;
pub const SEEK_CUR: u32 = 1;
pub const SEEK_END: u32 = 2;
pub const S_IFMT: u32 = 0o17_0000;
pub const S_IFIFO: u32 = 0o1_0000;
pub const S_IFCHR: u32 = 0o2_0000;
pub const S_IFDIR: u32 = 0o4_0000;
pub const S_IFREG: u32 = 0o10_0000;
pub const STATX_TYPE: u32 = 0x001;
pub const STATX_MODE: u32 = 0x002;
pub const STATX_SIZE: u32 = 0x200;
pub const STATX_BASIC_STATS: u32 = 0x7ff;

/// What `statx` fills: 256 bytes, of which these have names here.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct statx {
    unused_before_mode: [u32; 7],
    pub stx_mode: u16,
    unused_before_size: [u16; 5],
    pub stx_size: u64,
    unused_to_the_end: [u64; 26],
}

const _: () = assert!(size_of::<statx>() == 256);
const _: () = assert!(core::mem::offset_of!(statx, stx_mode) == 28);
const _: () = assert!(core::mem::offset_of!(statx, stx_size) == 40);

// linux/wait.h, asm-generic/siginfo.h
pub const P_ALL: u32 = 0;
pub const P_PID: u32 = 1;
pub const WNOHANG: u32 = 1;
pub const WEXITED: u32 = 4;
pub const WNOWAIT: u32 = 0x100_0000;
pub const __WNOTHREAD: u32 = 0x2000_0000;
pub const CLD_EXITED: u32 = 1;
pub const CLD_DUMPED: u32 = 3;
pub const SI_USER: u32 = 0;
pub const SI_KERNEL: u32 = 128;
pub const SI_QUEUE: i32 = -1;
pub const SI_TKILL: i32 = -6;

// The nesting and its names are the bindings'.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct siginfo_t {
    pub __bindgen_anon_1: siginfo_outer,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub union siginfo_outer {
    pub __bindgen_anon_1: siginfo_inner,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct siginfo_inner {
    pub si_signo: i32,
    pub si_errno: i32,
    pub si_code: i32,
    pub _sifields: siginfo_fields,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub union siginfo_fields {
    pub _kill: siginfo_sender,
    pub _sigchld: siginfo_child,
    pub _sigfault: siginfo_fault,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct siginfo_sender {
    pub _pid: i32,
    pub _uid: u32,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct siginfo_fault {
    pub _addr: *mut core::ffi::c_void,
}
#[repr(C)]
#[derive(Clone, Copy)]
pub struct siginfo_child {
    pub _pid: i32,
    pub _uid: u32,
    pub _status: i32,
    pub rest: [u32; 26],
}
const _: () = assert!(size_of::<siginfo_t>() == 128);

// linux/reboot.h
pub const LINUX_REBOOT_MAGIC1: u32 = 0xfee1_dead;
pub const LINUX_REBOOT_MAGIC2: u32 = 672_274_793;
pub const LINUX_REBOOT_CMD_CAD_OFF: u32 = 0;
pub const LINUX_REBOOT_CMD_CAD_ON: u32 = 0x89ab_cdef;
pub const LINUX_REBOOT_CMD_HALT: u32 = 0xcdef_0123;
pub const LINUX_REBOOT_CMD_RESTART: u32 = 0x0123_4567;
pub const LINUX_REBOOT_CMD_POWER_OFF: u32 = 0x4321_fedc;

// linux/mount.h
pub const MS_RDONLY: u32 = 1;
pub const MS_NOSUID: u32 = 2;
pub const MS_NODEV: u32 = 4;
pub const MS_NOEXEC: u32 = 8;
pub const MS_REMOUNT: u32 = 32;
pub const MS_BIND: u32 = 4096;
pub const MS_MOVE: u32 = 8192;
