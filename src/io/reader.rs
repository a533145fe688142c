//! A reader that asks its source for much at a time, and keeps it in the caller's buffer.
//!
//! It does not seek, and it does not put anything back into the source.

use embedded_io::{BufRead, ErrorType, Read, Write};

use super::{Error, SliceWriter};

/// Reads from a source through a buffer.
///
/// A read that is at least as large as the buffer goes straight to the source once the buffer is
/// empty. An empty slice is a legal buffer, and makes every read go straight there.
///
/// # Examples
/// ```
/// use threadbare::io::{Error, Reader, SliceWriter};
///
/// let (mut memory, mut line) = ([0; 4096], [0; 80]);
/// let mut input = Reader::new(&b"one\ntwenty\nthe rest"[..], &mut memory);
/// let mut line = SliceWriter::new(&mut line);
/// let mut longest = 0;
/// while input.read_until(b'\n', &mut line)? != 0 && line.written().ends_with(b"\n") {
///     longest = longest.max(line.written().len() - 1);
///     line.clear();
/// }
/// assert_eq!((longest, line.written()), (6, &b"the rest"[..]));
/// // Nothing is left, neither here nor at the source.
/// assert!(input.buffered().is_empty() && input.get_mut().is_empty());
/// let (_source, unread) = input.into_parts();
/// assert!(unread.is_empty());
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Reader<'b, R> {
    source: R,
    buffer: &'b mut [u8],
    /// The bytes that wait are `buffer[start..end]`.
    start: usize,
    end: usize,
}

impl<'b, R> Reader<'b, R> {
    /// Makes a reader that has read nothing yet. What the slice holds does not matter.
    pub const fn new(source: R, buffer: &'b mut [u8]) -> Reader<'b, R> {
        Reader {
            source,
            buffer,
            start: 0,
            end: 0,
        }
    }

    /// Returns the bytes that were read from the source, but not from this reader yet.
    pub fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Borrows the source. What is read from it directly comes behind what is buffered.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.source
    }

    /// Takes the reader apart: the source, and the bytes that it gave but nobody read.
    pub fn into_parts(self) -> (R, &'b [u8]) {
        (self.source, &self.buffer[self.start..self.end])
    }
}

impl<R: Read> Reader<'_, R> {
    /// Asks the source for more, unless bytes wait.
    fn fill(&mut self) -> Result<(), R::Error> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.end = read_some(&mut self.source, self.buffer)?;
        }
        Ok(())
    }

    /// Moves bytes into `line` up to and with the first `last`, or up to the source's end, and
    /// returns how many that were; 0 is the end.
    ///
    /// # Blocking
    /// As the source does.
    ///
    /// # Errors
    /// [`Error::Full`] where `line` has no room: what fits is in `line` then, and the next read
    /// continues behind it. Without a buffer, the end cannot be seen by a `line` that is full, and
    /// is reported so too. Those of the source: what came before the error is in `line`.
    ///
    /// # Panics
    /// If the source breaks its contract: it gives more bytes than were asked for.
    pub fn read_until(&mut self, last: u8, line: &mut SliceWriter<'_>) -> Result<usize, Error>
    where
        Error: From<R::Error>,
    {
        let mut moved = 0;
        loop {
            if self.buffer.is_empty() {
                // Without a buffer, a byte too many could not be kept; and so one at a time, and
                // none before there is room for it.
                let mut byte = [0];
                if line.spare_bytes() == 0 {
                    return Err(Error::Full);
                }
                if read_some(&mut self.source, &mut byte)? == 0 {
                    return Ok(moved);
                }
                line.write_all(&byte)?;
                moved += 1;
                if byte[0] == last {
                    return Ok(moved);
                }
                continue;
            }
            self.fill()?;
            let waiting = self.buffered();
            if waiting.is_empty() {
                return Ok(moved);
            }
            let found = waiting.iter().position(|&byte| byte == last);
            let wanted = found.map_or(waiting.len(), |at| at + 1);
            let count = line.write(&waiting[..wanted])?;
            self.start += count;
            moved += count;
            if found.is_some() && count == wanted {
                return Ok(moved);
            }
        }
    }
}

/// Reads once, and checks what the source says about it.
fn read_some<R: Read>(source: &mut R, into: &mut [u8]) -> Result<usize, R::Error> {
    let count = source.read(into)?;
    // Going on would show bytes that nobody read.
    assert!(
        count <= into.len(),
        "the source of a Reader gave {count} of {} bytes: correct its Read::read",
        into.len(),
    );
    Ok(count)
}

impl<R: ErrorType> ErrorType for Reader<'_, R> {
    type Error = R::Error;
}

impl<R: Read> Read for Reader<'_, R> {
    /// Reads what waits, and only where nothing does, from the source.
    ///
    /// # Blocking
    /// As the source does.
    ///
    /// # Errors
    /// Those of the source; nothing was read then.
    ///
    /// # Panics
    /// If the source breaks its contract: it gives more bytes than were asked for.
    fn read(&mut self, into: &mut [u8]) -> Result<usize, R::Error> {
        if into.is_empty() {
            return Ok(0);
        }
        if self.start == self.end && into.len() >= self.buffer.len() {
            return read_some(&mut self.source, into);
        }
        self.fill()?;
        let waiting = self.buffered();
        let count = waiting.len().min(into.len());
        into[..count].copy_from_slice(&waiting[..count]);
        self.start += count;
        Ok(count)
    }
}

impl<R: Read> BufRead for Reader<'_, R> {
    /// Returns the bytes that wait, asking the source where none does. None at all is the end.
    ///
    /// # Blocking
    /// As the source does.
    ///
    /// # Errors
    /// Those of the source.
    ///
    /// # Panics
    /// If the buffer is the empty slice: returning nothing would claim that the input has ended.
    fn fill_buf(&mut self) -> Result<&[u8], R::Error> {
        assert!(
            !self.buffer.is_empty(),
            "fill_buf needs a buffer: give Reader::new a larger slice"
        );
        self.fill()?;
        Ok(self.buffered())
    }

    /// Marks `count` bytes as read.
    ///
    /// # Panics
    /// If fewer bytes than that wait.
    fn consume(&mut self, count: usize) {
        let waiting = self.end - self.start;
        assert!(
            count <= waiting,
            "consume({count}) of {waiting} bytes: fill_buf returned no more"
        );
        self.start += count;
    }
}
