//! The kernel's limits, set for real: of a process, of a control group, of the machine.
//!
//! All of it in children: what a process gives up it does not get back.

use core::ffi::CStr;

use threadbare::Errno;
use threadbare::io::File;
use threadbare::seam::arch::{self, kernel as k};

use crate::Stop;
use crate::child::{self, End};
use crate::kernel::call;

/// A limit of a process (getrlimit(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Processes and threads of the user.
    Nproc,
    /// Addresses.
    As,
    /// The main thread's stack.
    Stack,
    /// Descriptors.
    Nofile,
    /// Locked memory.
    Memlock,
}

/// No limit.
pub const UNLIMITED: u64 = u64::MAX;

impl Limit {
    /// The kernel's number for it, which MIPS and SPARC have in another order
    /// (`include/uapi/asm-generic/resource.h`, and theirs).
    fn number(self) -> usize {
        let is_mips = arch::NAME.starts_with("mips");
        let is_sparc = arch::NAME.starts_with("sparc");
        match self {
            Limit::Stack => 3,
            Limit::Nproc if is_mips => 8,
            Limit::Nproc if is_sparc => 7,
            Limit::Nproc => 6,
            Limit::Nofile if is_mips => 5,
            Limit::Nofile if is_sparc => 6,
            Limit::Nofile => 7,
            Limit::Memlock if is_mips => 9,
            Limit::Memlock => 8,
            Limit::As if is_mips => 6,
            Limit::As => 9,
        }
    }

    /// Sets what counts now; it may be raised again.
    ///
    /// # Panics
    /// If the kernel refuses.
    pub fn set(self, value: u64) {
        let (this_process, mut now) = (0, [0u64; 2]);
        let to = (&raw mut now).expose_provenance();
        // SAFETY: the kernel writes two words of 64 bits.
        let asked = unsafe {
            call(
                k::__NR_prlimit64,
                [this_process, self.number(), 0, to, 0, 0],
            )
        };
        let new = [value.min(now[1]), now[1]];
        let from = new.as_ptr() as usize;
        // SAFETY: the kernel reads as many.
        let set = unsafe {
            call(
                k::__NR_prlimit64,
                [this_process, self.number(), from, 0, 0, 0],
            )
        };
        if let Err(errno) = asked.and(set) {
            panic!("the limit {self:?} cannot be set: {errno}");
        }
    }
}

/// What a child of a case came to.
const RIGHT: i32 = 0;
const NOT_TO_BE_HAD: i32 = 77;

/// Ends the child: what it was to set cannot be set here.
pub fn not_to_be_had() -> ! {
    threadbare::seam::sys::task::exit_process(NOT_TO_BE_HAD)
}

/// Runs `body` in a child; it says whether all was right.
///
/// # Errors
/// As a case.
pub fn in_child(reason: &'static str, body: impl FnOnce() -> bool) -> crate::Verdict {
    let end = child::run(|| {
        child::no_core_file();
        crate::kernel::limit_seconds(60);
        let status = if body() { RIGHT } else { 1 };
        threadbare::seam::sys::task::exit_process(status)
    });
    match end {
        End::Exit(RIGHT) => Ok(()),
        End::Exit(NOT_TO_BE_HAD) => Err(Stop::Skip(reason)),
        end => {
            threadbare::println!("# the child: {end:?}");
            Err(Stop::Fail(file!(), line!(), "the child found all right"))
        }
    }
}

/// Becomes a user without rights, of whom there is no other process.
pub fn become_nobody() {
    const USER: usize = 61_234;
    // SAFETY: no memory is touched.
    let done = unsafe { call(k::__NR_setresuid, [USER, USER, USER, 0, 0, 0]) };
    if done.is_err() {
        not_to_be_had();
    }
}

/// Locks everything that will be mapped (`mlockall(MCL_FUTURE)`).
pub fn lock_future_memory() {
    // `include/uapi/asm-generic/mman.h`; PowerPC and SPARC have their own number.
    let future = if arch::NAME.starts_with("powerpc") || arch::NAME.starts_with("sparc") {
        0x4000
    } else {
        2
    };
    // SAFETY: no memory is lost by it.
    let done = unsafe { call(k::__NR_mlockall, [future, 0, 0, 0, 0, 0]) };
    if done.is_err() {
        not_to_be_had();
    }
}

/// Writes a file of the kernel's.
///
/// # Errors
/// The kernel's.
pub fn write_file(path: &CStr, text: &str) -> Result<(), Errno> {
    use embedded_io::Write;
    let (here, flags) = (k::AT_FDCWD as isize as usize, k::O_WRONLY as usize);
    // SAFETY: the kernel reads the path.
    let fd = unsafe {
        call(
            k::__NR_openat,
            [here, path.as_ptr() as usize, flags, 0, 0, 0],
        )
    }?;
    // SAFETY: just opened.
    let file = unsafe { File::from_raw(fd as i32) };
    let written = file.as_fd().write_all(text.as_bytes());
    written.map_err(|_| Errno::IO)
}

/// Whether a user-mode emulator is between the kernel and this program: qemu takes advice on memory
/// that no kernel knows (`linux-user/mmap.c`, `target_madvise`), and a kernel refuses it first of
/// all (`mm/madvise.c`, `madvise_behavior_valid`).
pub fn is_emulated() -> bool {
    const UNKNOWN: usize = 9999;
    let (nowhere, nothing) = (0, 0);
    // SAFETY: it is about no memory.
    unsafe { call(k::__NR_madvise, [nowhere, nothing, UNKNOWN, 0, 0, 0]) }.is_ok()
}

/// Whether the machine is this suite's own: `boot_probe` is its first process.
pub fn is_machine_ours() -> bool {
    File::open(c"/programs").is_ok()
}

/// Puts this process into a control group of its own that has `controller`, mounted over `/dev` for
/// this process alone, of version 2 or 1.
///
/// # Errors
/// If there is no such group to be had.
pub fn enter_group(controller: &CStr) -> Result<(), Errno> {
    const NEW_MOUNTS: usize = 0x0002_0000;
    const RECURSIVE_PRIVATE: usize = 0x0004_0000 | 0x4000;
    let mount = |kind: &CStr, at: &CStr, flags: usize, data: usize| {
        let (kind, at) = (kind.as_ptr() as usize, at.as_ptr() as usize);
        // SAFETY: the kernel reads strings.
        unsafe { call(k::__NR_mount, [kind, at, kind, flags, data, 0]) }
    };
    // SAFETY: no memory is touched.
    unsafe { call(k::__NR_unshare, [NEW_MOUNTS, 0, 0, 0, 0, 0]) }?;
    mount(c"none", c"/", RECURSIVE_PRIVATE, 0)?;
    mount(c"cgroup2", c"/dev", 0, 0)?;
    let is_new = match controller.to_bytes() {
        b"pids" => write_file(c"/dev/cgroup.subtree_control", "+pids"),
        _ => write_file(c"/dev/cgroup.subtree_control", "+memory"),
    };
    if is_new.is_err() {
        mount(c"cgroup", c"/dev", 0, controller.as_ptr() as usize)?;
    }
    let (here, path) = (k::AT_FDCWD as isize as usize, GROUP.as_ptr() as usize);
    // SAFETY: the kernel reads the path.
    match unsafe { call(k::__NR_mkdirat, [here, path, 0o755, 0, 0, 0]) } {
        Ok(_) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(errno),
    }
    write_file(c"/dev/threadbare-suite/cgroup.procs", "0")
}

const GROUP: &CStr = c"/dev/threadbare-suite";

/// Leaves the group and removes it.
pub fn leave_group() {
    const DIRECTORY: usize = 0x200;
    let _ = write_file(c"/dev/cgroup.procs", "0");
    let (here, path) = (k::AT_FDCWD as isize as usize, GROUP.as_ptr() as usize);
    // SAFETY: the kernel reads the path.
    let _ = unsafe { call(k::__NR_unlinkat, [here, path, DIRECTORY, 0, 0, 0]) };
}
