//! The three standard streams, and the macros that print.
//!
//! There is one buffer in the program, that of standard output. Standard error has no lock, so that
//! a panic can speak whatever the thread held. Standard input has no buffer: wrap it in a
//! [`Reader`](super::Reader).

use core::cell::RefCell;
use core::fmt;

use embedded_io::{ErrorType, Write, WriteFmtError};

use super::in_use::{self, Stream};
use super::{Error, Fd, LineWriter, Writer};
use crate::Errno;
use crate::sync::{ReentrantGuard, ReentrantLock};

/// Bytes of standard output's buffer, as in C libraries' line buffers.
const STDOUT_BYTES: usize = 1024;

/// Bytes of a message to standard error that leave in one piece; they lie on the caller's stack.
const STDERR_BYTES: usize = 512;

/// What waits for standard output. A [`LineWriter`] over it exists for the time of one call, for
/// a static cannot lend itself its own memory.
#[derive(Debug)]
struct Pending {
    memory: [u8; STDOUT_BYTES],
    place: (usize, usize),
}

/// Reentrant, as in `std`: who holds it may print, and what is printed may print.
static STDOUT: ReentrantLock<RefCell<Pending>> = ReentrantLock::new(RefCell::new(Pending::NONE));

/// What the rest of the program does to it, if it is ever used.
static STREAM: Stream = Stream {
    flush,
    #[cfg(feature = "threads")]
    forget_others,
    #[cfg(all(feature = "threads", feature = "panic-handler"))]
    give_back,
};

impl Pending {
    const NONE: Pending = Pending {
        memory: [0; STDOUT_BYTES],
        place: (0, 0),
    };

    /// Runs `write` on the line writer, and remembers where it stopped.
    fn with<T>(
        &mut self,
        write: impl FnOnce(&mut LineWriter<'_, Fd<'static>>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut lines = LineWriter::resume(Fd::STDOUT, &mut self.memory, self.place);
        let mut result = write(&mut lines);
        if in_use::is_ending() {
            result = result.and_then(|value| lines.flush().map(|()| value));
        }
        self.place = lines.pause();
        result
    }
}

/// Returns a handle to the process' standard output.
///
/// Complete lines leave at once. The rest waits in a buffer of 1024 bytes for its newline, for
/// [`flush`](Write::flush), or for the process' end. `Fd::STDOUT` bypasses the buffer.
///
/// # Examples
/// ```
/// use threadbare::io::{self, Error, Write};
///
/// let mut out = io::stdout();
/// write!(out, "0 % ")?;
/// // Seen before the line ends.
/// out.flush()?;
/// writeln!(out, "100 %")?;
/// # Ok::<(), Error>(())
/// ```
pub fn stdout() -> Stdout {
    Stdout(())
}

/// Standard output; each call takes the lock, and `write!` takes it once for the whole message.
///
/// # Blocking
/// While another thread holds the lock, and while the descriptor accepts nothing.
///
/// A thread that holds a [`StdoutLock`] may print without it, and so may a `Display` implementation
/// that is being printed.
///
/// # Errors
/// Those of [`Fd`]. What was accepted stays in the buffer, and the next write tries it again.
///
/// # Examples
/// ```
/// use threadbare::io::{Error, Stdout, Write, stdout};
///
/// fn table(mut out: Stdout) -> Result<(), Error> {
///     writeln!(out, "n n*n")?;
///     // No other thread's lines come between these.
///     let mut out = out.lock();
///     for n in 0..10 {
///         writeln!(out, "{n} {}", n * n)?;
///     }
///     Ok(())
/// }
/// table(stdout())?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Stdout(());

impl Stdout {
    /// Takes standard output for this thread alone, until the guard is dropped.
    ///
    /// # Blocking
    /// While another thread holds it.
    pub fn lock(&self) -> StdoutLock<'static> {
        in_use::register(&STREAM);
        StdoutLock(STDOUT.lock())
    }
}

/// Standard output, taken by one thread.
///
/// # Examples
/// ```
/// use threadbare::io::{Error, StdoutLock, Write, stdout};
///
/// fn squares(out: &mut StdoutLock<'_>) -> Result<(), Error> {
///     for n in 0..10 {
///         write!(out, "{} ", n * n)?;
///     }
///     out.flush()
/// }
/// squares(&mut stdout().lock())?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct StdoutLock<'a>(ReentrantGuard<'a, RefCell<Pending>>);

impl ErrorType for StdoutLock<'_> {
    type Error = Error;
}

impl Write for StdoutLock<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.0.borrow_mut().with(|lines| lines.write(bytes))
    }

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.borrow_mut().with(|lines| lines.write_all(bytes))
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.0.borrow_mut().with(|lines| lines.flush())
    }
}

impl fmt::Write for StdoutLock<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.write_all(piece.as_bytes()).map_err(|_| fmt::Error)
    }
}

impl ErrorType for Stdout {
    type Error = Error;
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.lock().write(bytes)
    }

    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.lock().write_all(bytes)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.lock().flush()
    }

    fn write_fmt(&mut self, message: fmt::Arguments<'_>) -> Result<(), WriteFmtError<Error>> {
        Write::write_fmt(&mut self.lock(), message)
    }
}

impl fmt::Write for Stdout {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.write_all(piece.as_bytes()).map_err(|_| fmt::Error)
    }

    fn write_fmt(&mut self, message: fmt::Arguments<'_>) -> fmt::Result {
        fmt::write(&mut self.lock(), message)
    }
}

/// Returns a handle to the process' standard error.
///
/// # Examples
/// ```
/// use threadbare::io::{self, Write};
///
/// let told = writeln!(io::stderr(), "the disk is {} % full", 97);
/// assert!(told.is_ok());
/// ```
pub fn stderr() -> Stderr {
    Stderr(())
}

/// Standard error: no buffer outlives a call, and no lock is taken.
///
/// The pieces of one `write!` are gathered in 512 bytes of the caller's stack, so that a message
/// that fits leaves in one system call, and threads do not mix theirs.
///
/// # Blocking
/// While the descriptor accepts nothing.
///
/// # Errors
/// Those of [`Fd`].
///
/// # Examples
/// ```
/// use threadbare::io::{Error, Stderr, Write, stderr};
///
/// fn warn(mut to: Stderr, percent: u32) -> Result<(), Error> {
///     writeln!(to, "the disk is {percent} % full")?;
///     Ok(())
/// }
/// warn(stderr(), 97)?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Stderr(());

impl ErrorType for Stderr {
    type Error = Error;
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let mut stderr = Fd::STDERR;
        stderr.write(bytes)
    }

    /// Does nothing: no byte stays behind.
    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }

    fn write_fmt(&mut self, message: fmt::Arguments<'_>) -> Result<(), WriteFmtError<Error>> {
        let mut memory = [0; STDERR_BYTES];
        let mut gathered = Writer::new(Fd::STDERR, &mut memory);
        let formatted = Write::write_fmt(&mut gathered, message);
        // Also after a failure: what came before it tells the reader something.
        let flushed = gathered.flush();
        formatted?;
        Ok(flushed?)
    }
}

impl fmt::Write for Stderr {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.write_all(piece.as_bytes()).map_err(|_| fmt::Error)
    }

    fn write_fmt(&mut self, message: fmt::Arguments<'_>) -> fmt::Result {
        Write::write_fmt(self, message).map_err(|_| fmt::Error)
    }
}

/// Flushes standard output at the process' end.
///
/// It does not wait for the lock: another thread may hold it for ever. What waits then is that
/// thread's, and is lost with it. Errors are ignored, for nobody is left to hear of them.
fn flush() {
    let Some(pending) = STDOUT.try_lock() else {
        return;
    };
    // Borrowed: a signal handler ends the process in the middle of this thread's own write.
    if let Ok(mut pending) = pending.try_borrow_mut() {
        let _ = pending.with(|lines| lines.flush());
    }
}

/// Unlocks standard output if the calling thread holds it, which ends in the middle of something.
/// What it wrote stays in the buffer.
///
/// # Safety
/// 1. None of the calling thread's guards is used again.
#[cfg(all(feature = "threads", feature = "panic-handler"))]
unsafe fn give_back() {
    let Some(pending) = STDOUT.try_lock() else {
        return;
    };
    // Borrowed: the thread ends within a write, and nobody knows what the buffer holds.
    let is_whole = pending.try_borrow_mut().is_ok();
    drop(pending);
    if is_whole {
        // SAFETY: clause 1.
        unsafe { STDOUT.abandon() };
    }
}

/// Unlocks standard output in a child of `fork`, if another thread held it in the parent. What that
/// was writing is the parent's to write.
///
/// # Safety
/// 1. The calling thread is the only one of the process, and not in a call of this module's.
#[cfg(feature = "threads")]
unsafe fn forget_others() {
    // SAFETY: clause 1.
    unsafe { STDOUT.forget_others(RefCell::new(Pending::NONE)) };
}

/// What [`print!`](crate::print) calls.
#[doc(hidden)]
#[track_caller] // The user's line is the one to name.
pub fn _print(message: fmt::Arguments<'_>) {
    // The guard is gone before the panic, which may lead to a flush.
    let printed = Write::write_fmt(&mut stdout(), message);
    match printed.map_err(Error::from) {
        // No standard output at all: a program started without one, as PID 1 may be, prints into
        // the void, as with std, and does not die of it.
        Ok(()) | Err(Error::Os(Errno::BADF)) => {}
        Err(error) => panic!("failed printing to stdout: {error}"),
    }
}

/// What [`eprint!`](crate::eprint) calls.
#[doc(hidden)]
pub fn _eprint(message: fmt::Arguments<'_>) {
    // There is no place left to report it to.
    let _ = Write::write_fmt(&mut stderr(), message);
}

/// Prints to standard output. It may not be seen before the line ends; see
/// [`stdout`](crate::io::stdout).
///
/// # Blocking
/// As [`Stdout`](crate::io::Stdout).
///
/// # Panics
/// If standard output fails; one that is closed just swallows. Where that is no reason to die, use
/// `write!` on
/// [`stdout`](crate::io::stdout). A pipe that nobody reads kills the process by `SIGPIPE` before.
///
/// # Examples
/// ```
/// threadbare::print!("{} of {}", 1, 2);
/// ```
#[macro_export]
macro_rules! print {
    ($($message:tt)*) => {
        $crate::io::_print(::core::format_args!($($message)*))
    };
}

/// Prints a line to standard output.
///
/// # Blocking
/// As [`Stdout`](crate::io::Stdout).
///
/// # Panics
/// As [`print!`](crate::print).
///
/// # Examples
/// ```
/// threadbare::println!("{} of {}", 1, 2);
/// ```
#[macro_export]
macro_rules! println {
    () => {
        $crate::print!("\n")
    };
    ($($message:tt)*) => {
        $crate::io::_print(::core::format_args!("{}\n", ::core::format_args!($($message)*)))
    };
}

/// Prints to standard error; a failure is ignored.
///
/// # Blocking
/// As [`Stderr`](crate::io::Stderr).
///
/// # Examples
/// ```
/// threadbare::eprint!("{} of {}", 1, 2);
/// ```
#[macro_export]
macro_rules! eprint {
    ($($message:tt)*) => {
        $crate::io::_eprint(::core::format_args!($($message)*))
    };
}

/// Prints a line to standard error; a failure is ignored.
///
/// # Blocking
/// As [`Stderr`](crate::io::Stderr).
///
/// # Examples
/// ```
/// threadbare::eprintln!("{} of {}", 1, 2);
/// ```
#[macro_export]
macro_rules! eprintln {
    () => {
        $crate::eprint!("\n")
    };
    ($($message:tt)*) => {
        $crate::io::_eprint(::core::format_args!("{}\n", ::core::format_args!($($message)*)))
    };
}

/// Prints an expression, its place and its value to standard error, and returns the value. Several
/// expressions become a tuple; without one, only the place is printed. A failure is ignored.
///
/// # Blocking
/// As [`Stderr`](crate::io::Stderr).
///
/// # Examples
/// ```
/// let sides = (3, 4);
/// let squared = threadbare::dbg!(sides.0 * sides.0) + threadbare::dbg!(sides.1 * sides.1);
/// assert_eq!(squared, 25);
/// // Borrowed, so that it is not moved away.
/// threadbare::dbg!(&sides);
/// assert_eq!(threadbare::dbg!(sides.0, squared), (3, 25));
/// ```
#[macro_export]
macro_rules! dbg {
    () => {
        $crate::eprintln!("[{}:{}:{}]", ::core::file!(), ::core::line!(), ::core::column!())
    };
    ($value:expr $(,)?) => {
        $crate::__dbg!($value)
    };
    ($($value:expr),+ $(,)?) => {
        ($($crate::__dbg!($value)),+,)
    };
}

/// One expression of `dbg!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __dbg {
    ($value:expr) => {
        // No `let`: what is temporary in the expression must live as long as it would without us.
        match $value {
            value => {
                $crate::eprintln!(
                    "[{}:{}:{}] {} = {:#?}",
                    ::core::file!(),
                    ::core::line!(),
                    ::core::column!(),
                    ::core::stringify!($value),
                    &value,
                );
                value
            }
        }
    };
}
