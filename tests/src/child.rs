//! A piece of code in a process of its own, for what must end the process.

use threadbare::process;
use threadbare::seam::arch::kernel as k;
use threadbare::seam::{self, arch};

use crate::kernel::call;
use crate::limits;

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with a status.
    Exit(i32),
    /// By a signal.
    Signal(i32),
}

/// What `trap` may end a process by: an instruction that is illegal or a breakpoint, or, where no
/// such is to be had, a load from where nothing is.
pub const TRAP_SIGNALS: [u32; 3] = [k::SIGILL, k::SIGTRAP, k::SIGSEGV];

/// Runs `body` in a child process and returns how it ended; a `body` that returns ends with 111.
///
/// # Panics
/// If there can be no child.
pub fn run(body: impl FnOnce()) -> End {
    wait(start(body))
}

/// Starts `body` in a child process and returns its number; a `body` that returns ends with 111.
///
/// # Panics
/// If there can be no child.
pub fn start(body: impl FnOnce()) -> usize {
    let child = fork();
    if child == 0 {
        body();
        seam::sys::task::exit_process(111);
    }
    child
}

/// Starts a child that is a copy of this process; returns its number, 0 in the child.
///
/// # Panics
/// If there can be no child.
pub fn fork() -> usize {
    let (flags, same_stack) = (k::SIGCHLD as usize, 0);
    let [first, second] = match arch::CLONE_ARGUMENTS {
        arch::CloneArguments::FlagsStack => [flags, same_stack],
        arch::CloneArguments::StackFlags => [same_stack, flags],
    };
    let parent = process::id();
    // SAFETY: a copy of the process with one thread; the child runs plain code and ends.
    match unsafe { call(k::__NR_clone, [first, second, 0, 0, 0, 0]) } {
        // The child need not be answered 0: one CPU's kernel tells it in a second register, and
        // answers the parent's number.
        Ok(_) if process::id() != parent => {
            // qemu-user 7.2 accepts MADV_WIPEONFORK and forgets it (`linux-user/mmap.c`,
            // `target_madvise`): this is what the kernel would have done.
            if limits::is_emulated() {
                seam::unsettle();
            }
            0
        }
        Ok(child) => child,
        Err(errno) => panic!("no child process: {errno}"),
    }
}

/// Waits for a child, by the call that every CPU has: newer 32-bit ones have no `wait4`.
///
/// # Panics
/// If there is no such child.
pub fn wait(child: usize) -> End {
    let mut found = core::mem::MaybeUninit::<k::siginfo_t>::zeroed();
    let to = found.as_mut_ptr().expose_provenance();
    let (which, how) = (k::P_PID as usize, k::WEXITED as usize);
    loop {
        // SAFETY: the kernel writes one `siginfo_t`.
        match unsafe { call(k::__NR_waitid, [which, child, to, how, 0, 0]) } {
            Ok(_) => break,
            Err(threadbare::Errno::INTR) => {}
            Err(errno) => panic!("the child cannot be waited for: {errno}"),
        }
    }
    // SAFETY: integers throughout, zeroes where the kernel wrote none; it writes these two.
    let (code, status) = unsafe {
        let found = found.assume_init().__bindgen_anon_1.__bindgen_anon_1;
        (found.si_code as u32, found._sifields._sigchld._status)
    };
    match code {
        k::CLD_EXITED => End::Exit(status),
        _ => End::Signal(status),
    }
}

/// Lets this process die without leaving a core file behind.
pub fn no_core_file() {
    const RLIMIT_CORE: usize = 4;
    let (this_process, none) = (0, [0u64; 2]);
    let from = none.as_ptr() as usize;
    // SAFETY: the kernel reads two words of 64 bits.
    let set = unsafe {
        call(
            k::__NR_prlimit64,
            [this_process, RLIMIT_CORE, from, 0, 0, 0],
        )
    };
    if set.is_err() {
        process::abort();
    }
}
