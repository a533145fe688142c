//! The one way to die without panicking: a line on standard error, then abort.
//!
//! Without the feature `messages` there is no line, and the death is the CPU's trap instruction's:
//! the kernel ends the process for it (SIGILL or SIGTRAP; SIGSEGV on Hexagon), blocked or not, and
//! PID 1 too; a handler for it, if the program has one, is called again when it returns.
//!
//! For what the runtime cannot survive and no caller can handle: the kernel or the program's image
//! broke a promise. It needs no TLS, no lock, no formatting and no relocation, so that it works in
//! every phase of a program's life.

use crate::line::Line;

/// Writes `threadbare: ` and the pieces to standard error and aborts the process.
#[cold]
#[cfg_attr(feature = "messages", inline(never))]
#[cfg_attr(not(feature = "messages"), inline(always))]
pub fn fatal_pieces(pieces: &[&str]) -> ! {
    if !cfg!(feature = "messages") {
        crate::arch::trap()
    }
    let mut line = Line::new();
    line.add("threadbare: ");
    for piece in pieces {
        line.add(piece);
    }
    end(&mut line, "\n")
}

/// Ends the message, and the process.
fn end(line: &mut Line, last: &str) -> ! {
    let _ = line.add(last).leave();
    crate::process::die_by_abort()
}

/// Writes `message` to standard error and aborts the process.
#[cold]
#[cfg_attr(feature = "messages", inline(never))]
#[cfg_attr(not(feature = "messages"), inline(always))]
pub fn fatal(message: &str) -> ! {
    fatal_pieces(&[message])
}

/// Says which call answered which error, against its own documentation, and aborts the process.
#[cold]
#[cfg_attr(feature = "messages", inline(never))]
#[cfg_attr(not(feature = "messages"), inline(always))]
pub fn fatal_errno(call: &str, errno: crate::sys::Errno) -> ! {
    if !cfg!(feature = "messages") {
        crate::arch::trap()
    }
    let mut line = Line::new();
    line.add("threadbare: ").add(call).add(" answered error ");
    line.add_number(errno.raw() as u64);
    end(&mut line, ", which it cannot\n")
}
