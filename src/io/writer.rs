//! A writer that gathers small pieces in the caller's buffer.
//!
//! It does not flush on drop, and it does not look for lines;
//! [`LineWriter`](super::LineWriter) does.

use core::fmt;

use embedded_io::{ErrorType, Write};

/// Gathers what is written in a buffer, and hands it to a sink when the buffer is full or at
/// [`flush`](Write::flush).
///
/// Dropping it does not flush: the error would have nowhere to go. [`buffered`](Writer::buffered)
/// shows what would be lost.
///
/// No accepted byte is lost by an error of the sink: what the sink has not taken stays in the
/// buffer, and the next flush continues with the first such byte. A piece at least as large as the
/// buffer goes straight to the sink, after what was before it. With an empty buffer, all do.
///
/// # Examples
/// ```
/// use threadbare::io::{Error, Fd, Write, Writer};
///
/// let mut memory = [0; 4096];
/// let mut out = Writer::new(Fd::STDOUT, &mut memory);
/// for n in 0..10 {
///     writeln!(out, "{n} {}", n * n)?;
/// }
/// assert!(out.buffered().starts_with(b"0 0\n1 1\n"));
/// out.flush()?;
/// // Straight to the sink: there is nothing that it could overtake.
/// out.get_mut().write_all(b"--\n")?;
/// let (_stdout, waiting) = out.into_parts();
/// assert!(waiting.is_empty());
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Writer<'b, W> {
    sink: W,
    buffer: &'b mut [u8],
    /// The bytes that wait are `buffer[start..end]`. `start` is above 0 only after a flush that
    /// the sink broke off.
    start: usize,
    end: usize,
}

impl<'b, W> Writer<'b, W> {
    /// Makes a writer with an empty buffer. What the slice holds does not matter.
    pub const fn new(sink: W, buffer: &'b mut [u8]) -> Writer<'b, W> {
        Writer {
            sink,
            buffer,
            start: 0,
            end: 0,
        }
    }

    /// Goes on where a writer over the same buffer stood when [`pause`](Writer::pause) was asked.
    pub(super) fn resume(sink: W, buffer: &'b mut [u8], (start, end): (usize, usize)) -> Self {
        Writer {
            sink,
            buffer,
            start,
            end,
        }
    }

    /// Says where the bytes that wait begin and end.
    pub(super) fn pause(&self) -> (usize, usize) {
        (self.start, self.end)
    }

    /// Returns the bytes that the sink has not got yet.
    pub fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Borrows the sink. What is written to it directly overtakes what is buffered.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.sink
    }

    /// Takes the writer apart: the sink, and the bytes that it has not got yet.
    pub fn into_parts(self) -> (W, &'b [u8]) {
        (self.sink, &self.buffer[self.start..self.end])
    }
}

impl<W: Write> Writer<'_, W> {
    /// Hands the sink what is buffered, without flushing the sink itself.
    pub(super) fn flush_buffer(&mut self) -> Result<(), W::Error> {
        while self.start < self.end {
            // Counted at once, so that neither an error nor a panic of the sink writes twice.
            self.start += write_some(&mut self.sink, &self.buffer[self.start..self.end])?;
        }
        (self.start, self.end) = (0, 0);
        Ok(())
    }

    /// Flushes, and hands the sink `bytes`, or the first of them.
    pub(super) fn write_through(&mut self, bytes: &[u8]) -> Result<usize, W::Error> {
        self.flush_buffer()?;
        write_some(&mut self.sink, bytes)
    }
}

/// Writes at least one of `bytes`, which are not empty.
fn write_some<W: Write>(sink: &mut W, bytes: &[u8]) -> Result<usize, W::Error> {
    let count = sink.write(bytes)?;
    // Going on would be an endless loop, or lose bytes that nobody wrote.
    assert!(
        (1..=bytes.len()).contains(&count),
        "the sink of a Writer accepted {count} of {} bytes: correct its Write::write",
        bytes.len(),
    );
    Ok(count)
}

impl<W: ErrorType> ErrorType for Writer<'_, W> {
    type Error = W::Error;
}

impl<W: Write> Write for Writer<'_, W> {
    /// Accepts all bytes into the buffer, or as many as the sink takes where they are too many for
    /// it.
    ///
    /// # Errors
    /// Those of the sink; none of `bytes` was accepted then.
    ///
    /// # Panics
    /// If the sink breaks its contract: it accepts nothing, or more than there is.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, W::Error> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if bytes.len() >= self.buffer.len() {
            return self.write_through(bytes);
        }
        if bytes.len() > self.buffer.len() - self.end {
            self.flush_buffer()?;
        }
        // By length last, so that the compiler sees that both are as long.
        self.buffer[self.end..][..bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
        Ok(bytes.len())
    }

    /// As [`write`](Write::write), until all bytes are accepted.
    ///
    /// # Errors
    /// Those of the sink. Some of `bytes` may have been accepted.
    ///
    /// # Panics
    /// As [`write`](Write::write).
    fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), W::Error> {
        // At least one each time, and no more than there are.
        while !bytes.is_empty() {
            let count = self.write(bytes)?;
            bytes = bytes.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// Hands the sink what is buffered, and flushes the sink.
    ///
    /// # Errors
    /// Those of the sink. What it has not taken stays, and a later flush continues there.
    ///
    /// # Panics
    /// If the sink breaks its contract: it accepts nothing, or more than there is.
    fn flush(&mut self) -> Result<(), W::Error> {
        self.flush_buffer()?;
        self.sink.flush()
    }
}

/// Says only that there was an error. With [`Write`] in scope instead, `write!` says which.
impl<W: Write> fmt::Write for Writer<'_, W> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.write_all(piece.as_bytes()).map_err(|_| fmt::Error)
    }
}
