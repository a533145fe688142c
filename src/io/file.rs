//! Files opened by this program.
//!
//! It does not create, list or remove: a program that needs that brings `rustix` or the
//! like, and uses the descriptor here through [`Fd::from_raw`].

use core::ffi::CStr;
use core::mem::ManuallyDrop;

use embedded_io::{ErrorType, Read};

use super::fd::uninterrupted;
use super::{Error, Fd};
use crate::arch::kernel as k;
use crate::sys;
pub use crate::sys::io::Status;

/// An open file, closed on drop.
///
/// # Examples
/// ```
/// use threadbare::io::{Error, File, Read};
///
/// let mut file = File::open(c"/proc/self/exe")?;
/// let mut magic = [0; 4];
/// file.read_exact(&mut magic)?;
/// assert_eq!(&magic, b"\x7fELF");
///
/// // By any number of threads at once: the position that `read` moves is not used.
/// file.read_at(&mut magic[..3], 1)?;
/// assert_eq!(&magic[..3], b"ELF");
/// assert!(file.status()?.bytes > 4);
///
/// let number = file.into_raw();
/// // SAFETY: the descriptor was given up above, so nobody else closes it.
/// let file = unsafe { File::from_raw(number) };
/// assert_eq!(file.as_fd().raw(), number);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct File {
    number: i32,
}

impl File {
    /// Opens `path` for reading. Programs started by `exec` do not inherit the descriptor.
    ///
    /// # Blocking
    /// For a FIFO, until somebody opens it for writing.
    ///
    /// # Errors
    /// [`Error::Os`] with those of open(2). `EINTR` is retried.
    pub fn open(path: &CStr) -> Result<File, Error> {
        let number = uninterrupted(|| sys::io::open(path))?;
        Ok(File { number })
    }

    /// Opens what is there at `path` for writing, from its beginning on: a device, a FIFO, a file
    /// of the kernel's. Nothing is created or made shorter. Programs started by `exec` do not
    /// inherit the descriptor.
    ///
    /// # Blocking
    /// For a FIFO, until somebody opens it for reading.
    ///
    /// # Errors
    /// As [`File::open`]; `EISDIR` for a directory, `EROFS` where nothing can be written.
    ///
    /// # Examples
    /// ```
    /// use threadbare::io::{Error, File, Write};
    ///
    /// let nowhere = File::open_to_write(c"/dev/null")?;
    /// nowhere.as_fd().write_all(b"unheard")?;
    /// # Ok::<(), Error>(())
    /// ```
    pub fn open_to_write(path: &CStr) -> Result<File, Error> {
        let number = uninterrupted(|| sys::io::open_to_write(path))?;
        Ok(File { number })
    }

    /// Takes over a descriptor by its number; it is closed on drop.
    ///
    /// # Safety
    /// 1. The descriptor is open, and nobody else closes it.
    pub const unsafe fn from_raw(number: i32) -> File {
        File { number }
    }

    /// Gives the descriptor up without closing it.
    pub fn into_raw(self) -> i32 {
        ManuallyDrop::new(self).number
    }

    /// Borrows the descriptor.
    pub const fn as_fd(&self) -> Fd<'_> {
        Fd::new(self.number)
    }

    /// Reads from `offset` into `buffer` and returns how many bytes that were; 0 is the end. Any
    /// number of threads may do so at once: the file's own position is not used.
    ///
    /// # Blocking
    /// Until the bytes are there.
    ///
    /// # Errors
    /// As [`Fd::read_at`].
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Error> {
        self.as_fd().read_at(buffer, offset)
    }

    /// Asks for the file's kind, permissions and size.
    ///
    /// # Errors
    /// As [`Fd::status`].
    pub fn status(&self) -> Result<Status, Error> {
        self.as_fd().status()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // What close(2) reports is about earlier writes, and there were none. The descriptor is
        // gone whatever it answers.
        let _ = sys::io::close(self.number);
    }
}

impl ErrorType for File {
    type Error = Error;
}

/// As for [`Fd`].
impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.as_fd().read(buffer)
    }
}

impl ErrorType for &File {
    type Error = Error;
}

/// As for [`Fd`]; all who read share the file's position.
impl Read for &File {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        self.as_fd().read(buffer)
    }
}

impl Status {
    /// Asks for the kind, permissions and size of the file at `path`, without opening it: a FIFO's
    /// writer does not notice, and no right to read is needed. Symbolic links are followed.
    ///
    /// # Errors
    /// [`Error::Os`] with those of statx(2); `ENOSYS` before Linux 4.11.
    pub fn of(path: &CStr) -> Result<Status, Error> {
        Ok(sys::io::status_of(path)?)
    }

    /// The bits of the mode that name the kind (inode(7)).
    const fn kind(&self) -> u32 {
        self.mode & k::S_IFMT
    }

    /// Is it a regular file, whose size is known?
    pub const fn is_file(&self) -> bool {
        self.kind() == k::S_IFREG
    }

    /// Is it a directory?
    pub const fn is_dir(&self) -> bool {
        self.kind() == k::S_IFDIR
    }

    /// Is it a pipe, with or without a name?
    pub const fn is_pipe(&self) -> bool {
        self.kind() == k::S_IFIFO
    }

    /// Is it a character device, such as a terminal or `/dev/null`?
    pub const fn is_char_device(&self) -> bool {
        self.kind() == k::S_IFCHR
    }
}
