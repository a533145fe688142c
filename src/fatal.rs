//! The one way to die without panicking: a line on standard error, then abort.
//!
//! Without the feature `messages` there is no line, and the death is the CPU's trap instruction's:
//! the kernel ends the process for it (SIGILL or SIGTRAP; SIGSEGV on Hexagon), blocked or not, and
//! PID 1 too; a handler for it, if the program has one, is called again when it returns.
//!
//! For what the runtime cannot survive and no caller can handle: the kernel or the program's image
//! broke a promise. It needs no TLS, no lock, no formatting and no relocation, so that it works in
//! every phase of a program's life.

use crate::line;

/// Writes `message` to standard error and aborts the process.
#[cold]
#[cfg_attr(feature = "messages", inline(never))]
#[cfg_attr(not(feature = "messages"), inline(always))]
pub fn fatal(message: &str) -> ! {
    if !cfg!(feature = "messages") {
        crate::arch::trap()
    }
    let _ = line::say("threadbare: $\n", &[message.as_bytes()], &[]);
    crate::process::die_by_abort()
}

/// Says which call answered which error, against its own documentation, and aborts the process.
#[cold]
#[cfg_attr(feature = "messages", inline(never))]
#[cfg_attr(not(feature = "messages"), inline(always))]
pub fn fatal_errno(call: &str, errno: crate::sys::Errno) -> ! {
    if !cfg!(feature = "messages") {
        crate::arch::trap()
    }
    let number = [errno.raw() as u64];
    let _ = line::say(
        "threadbare: $ answered error #, which it cannot\n",
        &[call.as_bytes()],
        &number,
    );
    crate::process::die_by_abort()
}
