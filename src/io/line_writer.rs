//! A writer that lets complete lines go at once.
//!
//! It does not know whether somebody watches: a terminal and a file are served alike.

use core::fmt;

use embedded_io::{ErrorType, Write};

use super::Writer;

/// Gathers a line in the caller's buffer, and hands it to a sink when the line is complete, when
/// the buffer is full, or at [`flush`](Write::flush).
///
/// As with [`Writer`], dropping it does not flush, no accepted byte is lost by an error, and what
/// is too large for the buffer goes straight to the sink.
///
/// # Examples
/// ```
/// use threadbare::io::{Error, Fd, LineWriter, Write};
///
/// let mut memory = [0; 80];
/// let mut log = LineWriter::new(Fd::STDERR, &mut memory);
/// // Leaves in one piece, although it is written in three.
/// writeln!(log, "ended with code {}", 3)?;
/// write!(log, "and then")?;
/// assert_eq!(log.buffered(), b"and then");
/// let (_stderr, waiting) = log.into_parts();
/// assert_eq!(waiting, b"and then");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct LineWriter<'b, W> {
    writer: Writer<'b, W>,
}

impl<'b, W> LineWriter<'b, W> {
    /// Makes a writer with an empty buffer. What the slice holds does not matter.
    pub const fn new(sink: W, buffer: &'b mut [u8]) -> LineWriter<'b, W> {
        LineWriter {
            writer: Writer::new(sink, buffer),
        }
    }

    /// Goes on as [`Writer::resume`].
    pub(super) fn resume(sink: W, buffer: &'b mut [u8], place: (usize, usize)) -> Self {
        LineWriter {
            writer: Writer::resume(sink, buffer, place),
        }
    }

    /// Says where the bytes that wait begin and end.
    pub(super) fn pause(&self) -> (usize, usize) {
        self.writer.pause()
    }

    /// Returns the bytes that the sink has not got yet: the line begun, or what an error left.
    pub fn buffered(&self) -> &[u8] {
        self.writer.buffered()
    }

    /// Takes the writer apart: the sink, and the bytes that it has not got yet.
    pub fn into_parts(self) -> (W, &'b [u8]) {
        self.writer.into_parts()
    }
}

impl<W: Write> LineWriter<'_, W> {
    /// Hands over a complete line that an error kept here.
    fn flush_complete(&mut self) -> Result<(), W::Error> {
        match self.buffered().last() {
            Some(b'\n') => self.writer.flush_buffer(),
            _ => Ok(()),
        }
    }
}

/// Returns how many of `bytes` belong to complete lines.
fn complete(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .rposition(|&byte| byte == b'\n')
        .map_or(0, |last| last + 1)
}

impl<W: ErrorType> ErrorType for LineWriter<'_, W> {
    type Error = W::Error;
}

impl<W: Write> Write for LineWriter<'_, W> {
    /// Hands complete lines to the sink, or as much of them as it takes; buffers an incomplete
    /// one.
    ///
    /// # Errors
    /// Those of the sink; none of `bytes` was accepted then.
    ///
    /// # Panics
    /// As [`Writer::write`](Write::write).
    fn write(&mut self, bytes: &[u8]) -> Result<usize, W::Error> {
        match complete(bytes) {
            0 => {
                self.flush_complete()?;
                self.writer.write(bytes)
            }
            // Past the buffer: a line that was accepted there and then not written could not be
            // reported.
            lines => self.writer.write_through(&bytes[..lines]),
        }
    }

    /// As [`write`](Write::write), until all bytes are accepted; and what was buffered leaves in
    /// one piece with the line's end where both fit the buffer.
    ///
    /// # Errors
    /// Those of the sink. Some of `bytes` may have been accepted, and may be in the buffer still.
    ///
    /// # Panics
    /// As [`Writer::write`](Write::write).
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), W::Error> {
        let (lines, rest) = bytes.split_at(complete(bytes));
        if lines.is_empty() {
            self.flush_complete()?;
        } else {
            if self.buffered().is_empty() {
                let mut left = lines;
                while !left.is_empty() {
                    left = &left[self.writer.write_through(left)?..];
                }
            } else {
                self.writer.write_all(lines)?;
            }
            self.writer.flush_buffer()?;
        }
        self.writer.write_all(rest)
    }

    /// Hands the sink what is buffered, and flushes the sink.
    ///
    /// # Errors
    /// Those of the sink. What it has not taken stays, and a later flush continues there.
    ///
    /// # Panics
    /// As [`Writer::flush`](Write::flush).
    fn flush(&mut self) -> Result<(), W::Error> {
        self.writer.flush()
    }
}

/// Says only that there was an error. With [`Write`] in scope instead, `write!` says which.
impl<W: Write> fmt::Write for LineWriter<'_, W> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.write_all(piece.as_bytes()).map_err(|_| fmt::Error)
    }
}
