//! Descriptors that somebody else owns.
//!
//! It does not open or close anything; [`File`](super::File) does.

use core::marker::PhantomData;
use core::slice;

use embedded_io::{ErrorType, Read, Seek, SeekFrom, Write};

use super::{Error, Status};
use crate::arch::kernel as k;
use crate::sys;
use crate::sys::Errno;

/// A borrowed descriptor: a number that is open for as long as `'a`.
///
/// Reading and writing are one system call each, without a buffer.
///
/// # Examples
/// ```
/// use threadbare::io::{Error, Fd, File, Write};
///
/// let mut stderr = Fd::STDERR;
/// stderr.write_all(b"good morning\n")?;
/// assert_eq!(stderr.raw(), 2);
///
/// let file = File::open(c"/proc/self/exe")?;
/// let program = file.as_fd();
/// assert!(program.status()?.is_file());
/// let mut magic = [0; 3];
/// program.read_at(&mut magic, 1)?;
/// assert_eq!(&magic, b"ELF");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fd<'a> {
    number: i32,
    owner: PhantomData<&'a ()>,
}

impl Fd<'static> {
    /// Standard input, descriptor 0.
    pub const STDIN: Fd<'static> = Fd::new(0);
    /// Standard output, descriptor 1, past the buffer of [`stdout`](super::stdout).
    pub const STDOUT: Fd<'static> = Fd::new(1);
    /// Standard error, descriptor 2.
    pub const STDERR: Fd<'static> = Fd::new(2);
}

impl<'a> Fd<'a> {
    pub(super) const fn new(number: i32) -> Fd<'a> {
        Fd {
            number,
            owner: PhantomData,
        }
    }

    /// Borrows a descriptor by its number.
    ///
    /// # Safety
    /// 1. The descriptor is open, and is not closed for as long as `'a`. Otherwise the number may
    ///    come to mean another file, and another owner's bytes are read or overwritten.
    ///
    /// # Examples
    /// ```
    /// use threadbare::io::Fd;
    ///
    /// // SAFETY: the parent process left descriptor 3 open, and nobody here closes it.
    /// let status_pipe: Fd<'static> = unsafe { Fd::from_raw(3) };
    /// assert_eq!(status_pipe.raw(), 3);
    /// ```
    pub const unsafe fn from_raw(number: i32) -> Fd<'a> {
        Fd::new(number)
    }

    /// Returns the number.
    pub const fn raw(self) -> i32 {
        self.number
    }

    /// Asks what the descriptor is open on: its kind, permissions and size.
    ///
    /// # Errors
    /// [`Error::Os`] with those of statx(2); `ENOSYS` before Linux 4.11.
    pub fn status(self) -> Result<Status, Error> {
        Ok(sys::io::status(self.number)?)
    }

    /// Reads from `offset` into `buffer` and returns how many bytes that were; 0 is the end. The
    /// position that other readers continue from does not move.
    ///
    /// # Blocking
    /// Until the bytes are there.
    ///
    /// # Errors
    /// [`Error::Os`] with those of pread(2): `ESPIPE` for pipes and terminals, `EINVAL` for an
    /// offset beyond the largest that a file may have. `EINTR` is retried.
    pub fn read_at(self, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
        uninterrupted(|| sys::io::read_at(self.number, buffer, offset))
    }
}

/// Makes a call until no signal interrupts it.
pub(super) fn uninterrupted<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Error> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result.map_err(Error::Os),
        }
    }
}

impl ErrorType for Fd<'_> {
    type Error = Error;
}

/// # Blocking
/// Until at least one byte is there, unless the descriptor is non-blocking.
///
/// # Errors
/// [`Error::Os`] with those of read(2). `EINTR` is retried.
impl Read for Fd<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        if buffer.is_empty() {
            return Ok(0);
        }
        uninterrupted(|| sys::io::read(self.number, buffer))
    }
}

/// Everybody who has the same open file shares the position.
///
/// # Errors
/// [`Error::Os`] with those of lseek(2): `ESPIPE` for pipes and terminals, `EINVAL` for a position
/// before the beginning or beyond the largest that a file may have.
impl Seek for Fd<'_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64, Error> {
        let (offset, whence) = match to {
            // Beyond the largest offset it becomes a negative one, which the kernel refuses too.
            SeekFrom::Start(offset) => (offset as i64, k::SEEK_SET),
            SeekFrom::Current(offset) => (offset, k::SEEK_CUR),
            SeekFrom::End(offset) => (offset, k::SEEK_END),
        };
        Ok(sys::io::seek(self.number, offset, whence)?)
    }
}

/// # Blocking
/// Until at least one byte is accepted, unless the descriptor is non-blocking.
///
/// # Errors
/// [`Error::Os`] with those of write(2). `EINTR` is retried. [`Error::WriteZero`] where the kernel
/// accepts nothing and gives no reason.
impl Write for Fd<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        if bytes.is_empty() {
            return Ok(0);
        }
        match uninterrupted(|| sys::io::write(self.number, bytes))? {
            0 => Err(Error::WriteZero),
            count => Ok(count),
        }
    }

    /// Writes all of it, in as many calls as that takes.
    fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        loop {
            let count = match sys::io::write(self.number, bytes) {
                Ok(0) => return Err(Error::WriteZero),
                Ok(count) => count,
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(Error::Os(errno)),
            };
            // Nothing is left, or, of a kernel that cannot count, less.
            let (left, is_more) = bytes.len().overflowing_sub(count);
            if is_more || left == 0 {
                return Ok(());
            }
            // SAFETY: `left` bytes are the end of what `count` are the beginning of.
            bytes = unsafe { slice::from_raw_parts(bytes.as_ptr().add(count), left) };
        }
    }

    /// Does nothing: no byte stays behind in this process.
    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
