//! The one way to die without panicking: a line on standard error, then abort.
//!
//! Without the feature `messages` there is no line, and the death is the CPU's trap instruction's:
//! the kernel ends the process for it (SIGILL or SIGTRAP; SIGSEGV on Hexagon), blocked or not, and
//! PID 1 too; a handler for it, if the program has one, is called again when it returns.
//!
//! For what the runtime cannot survive and no caller can handle: the kernel or the program's image
//! broke a promise. It needs no TLS, no lock, no formatting and no relocation, so that it works in
//! every phase of a program's life.

use core::ffi::CStr;

use crate::line::{self, Text, Word};

/// Writes `message` to standard error and aborts the process.
#[cold]
#[cfg_attr(feature = "messages", inline(never))]
#[cfg_attr(not(feature = "messages"), inline(always))]
pub fn fatal(message: &CStr) -> ! {
    if !cfg!(feature = "messages") {
        crate::arch::trap()
    }
    let word = Word::text(Text::new(message));
    // SAFETY: a text.
    let _ = unsafe { line::say(c"threadbare: $\n", &[word]) };
    crate::process::die_by_abort()
}

/// Says which call answered which error, against its own documentation, and aborts the process.
#[cold]
#[cfg_attr(feature = "messages", inline(never))]
#[cfg_attr(not(feature = "messages"), inline(always))]
pub fn fatal_errno(call: &CStr, errno: crate::sys::Errno) -> ! {
    if !cfg!(feature = "messages") {
        crate::arch::trap()
    }
    let words = [
        Word::text(Text::new(call)),
        Word::number(errno.raw() as u64),
    ];
    // SAFETY: a text and a number.
    let _ = unsafe { line::say(c"threadbare: $ answered error #, which it cannot\n", &words) };
    crate::process::die_by_abort()
}

/// The text that a literal's NUL ends, for those that macros put together.
pub const fn text(literal: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(literal.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a text ends by its only NUL"),
    }
}
