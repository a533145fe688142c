//! A panic names thread, place and message on standard error, and aborts the process.
//!
//! Or it ends its thread alone, where the program chose that (`thread::PanicPolicy`) and nothing
//! stands against it. Nothing unwinds. The two symbols at the end are what a `core` that was built
//! to unwind refers to; defining them here spares every user a link error.

use core::cell::Cell;
#[cfg(feature = "threads")]
use core::ffi::CStr;
use core::fmt::{self, Write};
#[cfg(feature = "threads")]
use core::panic::Location;
use core::panic::{PanicInfo, PanicMessage};
use core::sync::atomic::{AtomicU32, Ordering};

use crate::io;
#[cfg(feature = "threads")]
use crate::line::{self, Text, Word};
#[cfg(feature = "threads")]
use crate::start;
use crate::{fatal, process};

/// How many panics began of which the process dies: a panic in the handler must not begin another
/// message. Those that end a thread do not count: of each thread there is one, and any number of
/// threads may end so, one after the other or all at once.
static PANICS: AtomicU32 = AtomicU32::new(0);
/// Threads that panic at the same time may all write; more than this is one thread in a circle.
const PANICS_MAX: u32 = 8;

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // Before thread-locals exist nobody can be asked, and the one thread is the process.
    #[cfg(feature = "threads")]
    let is_reported = start::tls_is_up() && crate::thread::try_to_end_by_panic(info);
    #[cfg(not(feature = "threads"))]
    let is_reported = false;
    if !is_reported {
        if PANICS.fetch_add(1, Ordering::Relaxed) >= PANICS_MAX {
            fatal::fatal(c"a panic while panicking");
        }
        with_thread_name(|thread| report(thread, info, info.message()));
    }
    process::die_by_abort()
}

/// Reports a panic and ends its thread alone; if it must not be survived, this returns.
#[cfg(feature = "threads")]
pub(crate) fn report_and_end_thread(info: &PanicInfo<'_>, leave: crate::thread::Leave) {
    let message = Noted::new(info.message());
    with_thread_name(|thread| report(thread, info, &message));
    if !message.must_not_be_survived() {
        leave.take();
    }
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
fn report(thread: &str, info: &PanicInfo<'_>, message: impl fmt::Display) {
    let mut stderr = io::stderr();
    let _ = match info.location() {
        Some(place) => writeln!(stderr, "thread '{thread}' panicked at {place}:\n{message}"),
        None => writeln!(stderr, "thread '{thread}' panicked:\n{message}"),
    };
}

/// The same without formatting, where there are threads.
#[cfg(feature = "threads")]
#[inline(always)] // Into the one caller.
pub(crate) fn report_plainly(message: &CStr, place: &Location<'_>) {
    let words = [
        Word::text(crate::thread::shown_name_of_current()),
        Word::text(Text::new(place.file_as_c_str())),
        Word::number(place.line().into()),
        Word::number(place.column().into()),
        Word::text(Text::new(message)),
    ];
    // SAFETY: these are texts where there is a `$`, and numbers else.
    let _ = unsafe { line::say(c"thread '$' panicked at $:#:#:\n$\n", &words) };
}

/// How many bytes of a message are noted.
const NOTED_BYTES: usize = 32;

/// How the messages begin by which `core` says that a panic must end the process, whoever catches
/// panics: undefined behaviour was noticed, or unwinding has no way on. It also says so by
/// `PanicInfo::can_unwind`, which stable Rust does not show; so the words must do.
///
/// Sources, all in the standard library: `core/src/panicking.rs`, `core/src/ub_checks.rs`,
/// `core/src/intrinsics/mod.rs`, `alloc/src/alloc.rs`; and `compiler/rustc_codegen_ssa`, for the
/// types that cannot be made.
const NOT_SURVIVED: [&str; 13] = [
    "unsafe precondition(s) violated",
    "is_nonoverlapping: ",
    "misaligned pointer dereference",
    "null pointer dereference",
    "trying to construct an enum from",
    "attempted to instantiate ",
    "attempted to zero-initialize ",
    "attempted to leave type ",
    "failed requires check",
    "failed ensures check",
    "memory allocation of ",
    "panic in a function that cannot",
    "panic in a destructor during ",
];

const _: () = {
    let mut index = 0;
    while index < NOT_SURVIVED.len() {
        assert!(NOT_SURVIVED[index].len() <= NOTED_BYTES);
        index += 1;
    }
};

/// A panic's message, whose first bytes are noted as it is written: to format it twice would run
/// code of the user's twice.
struct Noted<'a> {
    message: PanicMessage<'a>,
    first: Cell<[u8; NOTED_BYTES]>,
    count: Cell<usize>,
}

impl<'a> Noted<'a> {
    fn new(message: PanicMessage<'a>) -> Noted<'a> {
        Noted {
            message,
            first: Cell::new([0; NOTED_BYTES]),
            count: Cell::new(0),
        }
    }

    fn note(&self, piece: &str) {
        let (mut first, count) = (self.first.get(), self.count.get());
        let spare = first[count..].iter_mut();
        let noted = spare.zip(piece.as_bytes()).map(|(to, from)| *to = *from);
        self.count.set(count + noted.count());
        self.first.set(first);
    }

    /// Whether what was written is one of the messages that `core` ends processes with.
    fn must_not_be_survived(&self) -> bool {
        let first = self.first.get();
        let mut known = NOT_SURVIVED.iter();
        known.any(|beginning| first.starts_with(beginning.as_bytes()))
    }
}

impl fmt::Display for Noted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Noting(self, f), "{}", self.message)
    }
}

/// Writes what is noted on.
struct Noting<'a, 'b, 'f>(&'a Noted<'b>, &'a mut fmt::Formatter<'f>);

impl Write for Noting<'_, '_, '_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0.note(piece);
        self.1.write_str(piece)
    }
}

/// What frames of a `core` that was built to unwind name as their personality. Never called:
/// nothing here unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() -> ! {
    crate::arch::trap()
}

/// Where landing pads of such a `core` go on. Never called, likewise.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    crate::arch::trap()
}
