//! What can go wrong with reading and writing.
//!
//! It does not say with what: the caller knows the file's name, this module does not.

use core::convert::Infallible;
use core::fmt;

use embedded_io::{ErrorKind, ReadExactError, WriteFmtError};

use crate::sys::Errno;

/// Why bytes could not be read or written.
///
/// # Examples
/// ```
/// use threadbare::Errno;
/// use threadbare::io::{Error, File};
///
/// let missing = File::open(c"/nothing/here").map(|_| ());
/// assert_eq!(missing, Err(Error::Os(Errno::NOENT)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The kernel refused the call.
    Os(Errno),
    /// The slice has no room for the bytes.
    Full,
    /// The kernel accepted none of the bytes and named no reason.
    WriteZero,
    /// The source ended before the bytes that were asked for.
    UnexpectedEof,
    /// A `Display` or `Debug` implementation said that it failed, while the writer did not.
    Format,
}

/// What a function that reads or writes returns.
///
/// # Examples
/// ```
/// use threadbare::io;
///
/// fn greet(out: &mut impl io::Write<Error = io::Error>) -> io::Result<()> {
///     out.write_all(b"Hello\n")
/// }
/// greet(&mut io::stdout())?;
/// # Ok::<(), io::Error>(())
/// ```
pub type Result<T> = core::result::Result<T, Error>;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Os(errno) => errno.fmt(f),
            Error::Full => f.write_str("Buffer is full"),
            Error::WriteZero => f.write_str("No byte was accepted"),
            Error::UnexpectedEof => f.write_str("Unexpected end of input"),
            Error::Format => f.write_str("A value failed to format itself"),
        }
    }
}

impl core::error::Error for Error {}

impl embedded_io::Error for Error {
    fn kind(&self) -> ErrorKind {
        match *self {
            Error::Os(errno) => errno_kind(errno),
            // The kind that embedded_io itself has for a full slice.
            Error::Full | Error::WriteZero => ErrorKind::WriteZero,
            Error::UnexpectedEof | Error::Format => ErrorKind::Other,
        }
    }
}

/// Returns the kind that says the same as `errno`, and `Other` where none does.
fn errno_kind(errno: Errno) -> ErrorKind {
    match errno {
        Errno::NOENT => ErrorKind::NotFound,
        Errno::PERM | Errno::ACCES => ErrorKind::PermissionDenied,
        Errno::PIPE => ErrorKind::BrokenPipe,
        Errno::EXIST => ErrorKind::AlreadyExists,
        Errno::INVAL | Errno::NAMETOOLONG => ErrorKind::InvalidInput,
        Errno::TIMEDOUT => ErrorKind::TimedOut,
        Errno::INTR => ErrorKind::Interrupted,
        Errno::NOSYS | Errno::OPNOTSUPP => ErrorKind::Unsupported,
        Errno::NOMEM => ErrorKind::OutOfMemory,
        _ => ErrorKind::Other,
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Error {
        Error::Os(errno)
    }
}

/// For sources that cannot fail, such as `&[u8]`.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Error {
        match never {}
    }
}

/// So that `writeln!(out, …)?` works in a function that returns [`Error`].
impl From<WriteFmtError<Error>> for Error {
    fn from(error: WriteFmtError<Error>) -> Error {
        match error {
            WriteFmtError::FmtError => Error::Format,
            WriteFmtError::Other(error) => error,
        }
    }
}

/// So that `input.read_exact(…)?` works in a function that returns [`Error`].
impl From<ReadExactError<Error>> for Error {
    fn from(error: ReadExactError<Error>) -> Error {
        match error {
            ReadExactError::UnexpectedEof => Error::UnexpectedEof,
            ReadExactError::Other(error) => error,
        }
    }
}
