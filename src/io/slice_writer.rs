//! A writer into a slice.
//!
//! It does not grow and does not cut off: what has no room is refused.

use core::fmt;
use core::str::Utf8Error;

use embedded_io::{ErrorType, Write};

use super::Error;

/// Writes into the caller's slice, from its start.
///
/// # Examples
/// ```
/// use threadbare::io::{Error, SliceWriter, Write};
///
/// let mut memory = [0; 16];
/// let mut text = SliceWriter::new(&mut memory);
/// write!(text, "{}+{}={}", 1, 2, 3)?;
/// assert_eq!(text.as_str(), Ok("1+2=3"));
/// assert_eq!(text.spare_bytes(), 11);
/// assert_eq!(text.write_all(b"and far too much"), Err(Error::Full));
/// assert_eq!(text.written(), b"1+2=3");
/// text.clear();
/// text.write_all(b"again")?;
/// assert_eq!(text.into_written(), b"again");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct SliceWriter<'b> {
    buffer: &'b mut [u8],
    /// Bytes written; at most the buffer's length.
    used: usize,
}

impl<'b> SliceWriter<'b> {
    /// Makes a writer that has written nothing yet. What the buffer holds does not matter.
    pub const fn new(buffer: &'b mut [u8]) -> SliceWriter<'b> {
        SliceWriter { buffer, used: 0 }
    }

    /// Returns what has been written.
    pub fn written(&self) -> &[u8] {
        &self.buffer[..self.used]
    }

    /// Returns what has been written as text.
    ///
    /// # Errors
    /// Says where the bytes are not UTF-8. What `write!` and `fmt::Write` wrote always is.
    pub fn as_str(&self) -> Result<&str, Utf8Error> {
        core::str::from_utf8(self.written())
    }

    /// Returns how many bytes still have room.
    pub fn spare_bytes(&self) -> usize {
        self.buffer.len() - self.used
    }

    /// Forgets what has been written.
    pub fn clear(&mut self) {
        self.used = 0;
    }

    /// Returns what has been written, for as long as the buffer was lent.
    pub fn into_written(self) -> &'b mut [u8] {
        &mut self.buffer[..self.used]
    }
}

impl ErrorType for SliceWriter<'_> {
    type Error = Error;
}

impl Write for SliceWriter<'_> {
    /// Accepts as many bytes as have room.
    ///
    /// # Errors
    /// [`Error::Full`] where none has.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let count = bytes.len().min(self.spare_bytes());
        if count == 0 && !bytes.is_empty() {
            return Err(Error::Full);
        }
        self.buffer[self.used..self.used + count].copy_from_slice(&bytes[..count]);
        self.used += count;
        Ok(count)
    }

    /// Accepts all bytes or none.
    ///
    /// # Errors
    /// [`Error::Full`] where they have no room.
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.len() > self.spare_bytes() {
            return Err(Error::Full);
        }
        self.write(bytes).map(|_| ())
    }

    /// Does nothing: the bytes are where they belong.
    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

impl fmt::Write for SliceWriter<'_> {
    /// Accepts the whole piece or nothing of it.
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.write_all(piece.as_bytes()).map_err(|_| fmt::Error)
    }
}
