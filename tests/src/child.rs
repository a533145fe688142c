//! A piece of code in a process of its own, for what must end the process.

use linux_raw_sys::general as k;
use threadbare::{process, seam};

use crate::kernel::call;

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with a status.
    Exit(i32),
    /// By a signal.
    Signal(i32),
}

/// Runs `body` in a child process and returns how it ended; a `body` that returns ends with 111.
///
/// # Panics
/// If there can be no child.
pub fn run(body: impl FnOnce()) -> End {
    let child = fork();
    if child == 0 {
        body();
        seam::sys::task::exit_process(111);
    }
    wait(child)
}

/// Starts a child that is a copy of this process; 0 in the child.
fn fork() -> usize {
    let arguments = [k::SIGCHLD as usize, 0, 0, 0, 0, 0];
    // SAFETY: a copy of the process with one thread; the child runs plain code and ends.
    match unsafe { call(k::__NR_clone, arguments) } {
        Ok(child) => child,
        Err(errno) => panic!("no child process: {errno}"),
    }
}

/// Waits for a child.
fn wait(child: usize) -> End {
    let mut status = 0i32;
    let to = (&raw mut status).expose_provenance();
    loop {
        // SAFETY: the kernel writes one word.
        match unsafe { call(k::__NR_wait4, [child, to, 0, 0, 0, 0]) } {
            Ok(_) => break,
            Err(threadbare::Errno::INTR) => {}
            Err(errno) => panic!("the child cannot be waited for: {errno}"),
        }
    }
    match status & 0x7f {
        0 => End::Exit(status >> 8 & 0xff),
        signal => End::Signal(signal),
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
