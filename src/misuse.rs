//! What the program did wrong, said as a panic would say it, but without formatting.
//!
//! Every program that starts a thread can do these things wrong. A panic there would bring the
//! machinery of messages, which is larger than all of starting and joining a thread.

use core::ffi::CStr;

use crate::line::Text;

/// Panics, with the caller's place and `message`. The caller has something to do with a thread that
/// was started, so thread-locals exist.
///
/// Where the panic handler is the library's and the policy is to abort, that is done without it.
#[cold]
#[inline(never)]
#[track_caller]
pub fn misuse(message: &'static CStr) -> ! {
    #[cfg(all(feature = "panic-handler", feature = "threads"))]
    if !crate::thread::may_end_by_panic() {
        crate::panic::report_plainly(message, core::panic::Location::caller());
        crate::process::die_by_abort();
    }
    panic!("{}", Text::new(message))
}
