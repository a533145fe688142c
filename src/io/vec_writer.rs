//! A writer that grows.

use alloc::vec::Vec;
use core::fmt;
use core::str::Utf8Error;

use embedded_io::{ErrorType, Write};

use super::Error;
use crate::sys::Errno;

/// Writes into memory of the program's allocator, as much as there is; with the feature `alloc`.
///
/// # Examples
/// ```
/// use threadbare::io::{Error, VecWriter, Write};
///
/// let mut text = VecWriter::new();
/// for number in 1..=3 {
///     write!(text, "{number} ")?;
/// }
/// assert_eq!(text.as_str(), Ok("1 2 3 "));
/// text.clear();
/// text.write_all(b"again")?;
/// assert_eq!(text.into_vec(), b"again");
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct VecWriter {
    bytes: Vec<u8>,
}

impl VecWriter {
    /// Makes a writer that has written nothing yet, and allocates nothing.
    pub const fn new() -> VecWriter {
        VecWriter { bytes: Vec::new() }
    }

    /// Returns what has been written.
    ///
    /// # Examples
    /// ```
    /// use threadbare::io::{Error, VecWriter, Write};
    ///
    /// let mut text = VecWriter::from(b"a".to_vec());
    /// text.write_all(b"b")?;
    /// assert_eq!(text.written(), b"ab");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn written(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns what has been written as text.
    ///
    /// # Errors
    /// Says where the bytes are not UTF-8. What `write!` and `fmt::Write` wrote always is.
    pub fn as_str(&self) -> Result<&str, Utf8Error> {
        core::str::from_utf8(&self.bytes)
    }

    /// Forgets what has been written, and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Returns what has been written, in the memory that it is in.
    pub fn into_vec(self) -> Vec<u8> {
        self.bytes
    }
}

impl From<Vec<u8>> for VecWriter {
    /// Writes behind what is there.
    fn from(bytes: Vec<u8>) -> VecWriter {
        VecWriter { bytes }
    }
}

impl ErrorType for VecWriter {
    type Error = Error;
}

impl Write for VecWriter {
    /// Accepts all bytes.
    ///
    /// # Errors
    /// [`Error::Os`] with `ENOMEM` where the allocator has no memory for them; what was written
    /// stays.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let room = self.bytes.try_reserve(bytes.len());
        room.map_err(|_| Error::Os(Errno::NOMEM))?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Does nothing: the bytes are where they belong.
    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

impl fmt::Write for VecWriter {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.write_all(piece.as_bytes()).map_err(|_| fmt::Error)
    }
}
