//! A panic names thread, place and message on standard error and aborts the process.
//!
//! Nothing unwinds. The two symbols at the end are what a `core` that was built to unwind refers
//! to; defining them here spares every user a link error.

use core::fmt::Write;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::io;
#[cfg(feature = "threads")]
use crate::start;
use crate::{fatal, process};

/// How many panics began: a panic in the handler must not begin another message.
static PANICS: AtomicU32 = AtomicU32::new(0);
/// Threads that panic at the same time may all write; more than this is one thread in a circle.
const PANICS_MAX: u32 = 8;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if PANICS.fetch_add(1, Ordering::Relaxed) >= PANICS_MAX {
        fatal::fatal("a panic while panicking");
    }
    with_thread_name(|thread| report(thread, info));
    process::die_by_abort()
}

/// Calls `with` with the calling thread's name. Before thread-locals exist there is one thread.
fn with_thread_name(with: impl FnOnce(&str)) {
    #[cfg(feature = "threads")]
    if start::tls_is_up() {
        return crate::thread::name_of_current(|name| with(name.unwrap_or("<unnamed>")));
    }
    with("main");
}

/// Writes the message as `std` does. Whether it arrives cannot be helped.
fn report(thread: &str, info: &PanicInfo<'_>) {
    let mut stderr = io::stderr();
    let _ = match info.location() {
        Some(place) => {
            writeln!(
                stderr,
                "thread '{thread}' panicked at {place}:\n{}",
                info.message()
            )
        }
        None => writeln!(stderr, "thread '{thread}' panicked:\n{}", info.message()),
    };
}

/// What frames of a `core` that was built to unwind name as their personality. Never called:
/// nothing here unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() -> ! {
    fatal::fatal("something tried to unwind")
}

/// Where landing pads of such a `core` go on. Never called, likewise.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    fatal::fatal("something tried to unwind")
}
