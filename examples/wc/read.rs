//! Reading through a buffer, and counting what was read.
//!
//! The buffer is the caller's; nothing else is kept. A file may grow or shrink meanwhile: the last
//! part reads to wherever the end is by then, and a part beyond the end finds nothing.

use crate::count;
use crate::shared::Part;
use crate::tally::{Method, Tally};
use core::ops::Range;
use threadbare::io::{Error, Fd, File, Read, Seek, SeekFrom, Status};

/// What bytes are read from.
pub enum Source {
    Opened(File),
    StandardInput,
}

/// What was counted before the end, or before an error.
pub type Counted = (Tally, Option<Error>);

impl Source {
    pub fn fd(&self) -> Fd<'_> {
        match self {
            Source::Opened(file) => file.as_fd(),
            Source::StandardInput => Fd::STDIN,
        }
    }

    pub fn is_standard(&self) -> bool {
        matches!(self, Source::StandardInput)
    }

    /// Where reading begins: others may have read from standard input before.
    ///
    /// # Errors
    /// Those of a descriptor without positions.
    pub fn position(&self) -> Result<u64, Error> {
        match self {
            Source::Opened(_) => Ok(0),
            Source::StandardInput => self.fd().seek(SeekFrom::Current(0)),
        }
    }
}

/// Counts everything from where `fd` stands.
pub fn rest(mut fd: Fd, method: &Method, buffer: &mut [u8]) -> Counted {
    all(method, buffer, |buffer| fd.read(buffer))
}

/// Counts a part of a shared file, or what there is of it.
pub fn part(part: &Part, method: &Method, buffer: &mut [u8]) -> Counted {
    let mut fd = part.fd;
    if !part.is_last {
        return range(fd, part.range.clone(), method, buffer);
    }
    if !part.moves_position {
        return range(fd, part.range.start..u64::MAX, method, buffer);
    }
    match fd.seek(SeekFrom::Start(part.range.start)) {
        Ok(_) => rest(fd, method, buffer),
        Err(error) => (Tally::EMPTY, Some(error)),
    }
}

/// Finds the length of what `source` has, if possible without reading it.
///
/// Ordinary files say how long they are. Those of `/proc` and `/sys` say 0 or whole pages whatever
/// they hold, so where a file says so its end is read.
///
/// `known` is the length that a regular file had a moment ago.
pub fn measure(source: &Source, known: Option<u64>, method: &Method, buffer: &mut [u8]) -> Counted {
    const PAGE_BYTES: u64 = 4096;
    let mut fd = source.fd();
    let bytes = match known {
        Some(bytes) => Some(bytes),
        None => fd
            .status()
            .ok()
            .filter(Status::is_file)
            .map(|status| status.bytes),
    };
    let (Some(bytes), Ok(position)) = (bytes, source.position()) else {
        return rest(fd, method, buffer);
    };
    if !bytes.is_multiple_of(PAGE_BYTES) {
        return (Tally::unread(bytes.saturating_sub(position)), None);
    }
    // As GNU wc does: of one page everything is read, of more than that the last page or less.
    let start = position.max(bytes - bytes % (PAGE_BYTES + 1));
    if start != position
        && let Err(error) = fd.seek(SeekFrom::Start(start))
    {
        return (Tally::EMPTY, Some(error));
    }
    let (end, error) = rest(fd, method, buffer);
    (Tally::unread(start - position + end.bytes), error)
}

/// Counts a range of a regular file, or what there is of it.
fn range(fd: Fd, range: Range<u64>, method: &Method, buffer: &mut [u8]) -> Counted {
    let mut offset = range.start;
    all(method, buffer, |buffer| {
        let wanted = (range.end - offset).min(buffer.len() as u64) as usize;
        if wanted == 0 {
            return Ok(0);
        }
        let count = fd.read_at(&mut buffer[..wanted], offset)?;
        offset += count as u64;
        Ok(count)
    })
}

/// Counts what `read` delivers until it delivers nothing.
fn all(
    method: &Method,
    buffer: &mut [u8],
    mut read: impl FnMut(&mut [u8]) -> Result<usize, Error>,
) -> Counted {
    let mut tally = Tally::EMPTY;
    loop {
        match read(buffer) {
            Ok(0) => return (tally, None),
            Ok(count) => {
                let next = count::count(&buffer[..count], method);
                tally = tally.then(next, method.locale);
            }
            Err(error) => return (tally, Some(error)),
        }
    }
}
