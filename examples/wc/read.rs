//! Reading a piece of work through a buffer, and counting what was read.
//!
//! The buffer is the caller's; nothing else is kept. A file may grow or shrink meanwhile: the last
//! piece reads to wherever the end is by then, and a piece beyond the end finds nothing.

use crate::board::{PIECE_BYTES, Piece, Work};
use crate::tally::{Depth, Tally};
use threadbare::io::{Error, Fd, Read};

/// Counts a piece. After an error the tally is that of what came before it.
pub fn count(piece: &Piece, depth: Depth, buffer: &mut [u8]) -> (Tally, Option<Error>) {
    match piece.work {
        Work::Failed(error) => (Tally::EMPTY, Some(error)),
        Work::Whole(fd, bytes) if depth == Depth::Bytes => measure(fd, bytes, buffer),
        Work::Stream(mut fd) | Work::Whole(mut fd, _) => {
            count_all(depth, buffer, |buffer| fd.read(buffer))
        }
        Work::Part(fd, offset) => {
            let end = if piece.is_last {
                u64::MAX
            } else {
                offset + PIECE_BYTES
            };
            count_range(fd, offset..end, depth, buffer)
        }
    }
}

/// Finds the length of a regular file that said to have `bytes` bytes.
///
/// Ordinary files tell the truth. Those of `/proc` and `/sys` say 0 or whole pages whatever they
/// hold, so where a file says so its end is read.
fn measure(fd: Fd, bytes: u64, buffer: &mut [u8]) -> (Tally, Option<Error>) {
    const PAGE_BYTES: u64 = 4096;
    if !bytes.is_multiple_of(PAGE_BYTES) {
        return (Tally::unread(bytes), None);
    }
    // GNU's choice: a file of one page is read whole, of a longer one less than a page is.
    let start = bytes - bytes % (PAGE_BYTES + 1);
    let (end, error) = count_range(fd, start..u64::MAX, Depth::Bytes, buffer);
    (Tally::unread(start).then(end), error)
}

fn count_range(
    fd: Fd,
    range: core::ops::Range<u64>,
    depth: Depth,
    buffer: &mut [u8],
) -> (Tally, Option<Error>) {
    let mut offset = range.start;
    count_all(depth, buffer, |buffer| {
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
fn count_all(
    depth: Depth,
    buffer: &mut [u8],
    mut read: impl FnMut(&mut [u8]) -> Result<usize, Error>,
) -> (Tally, Option<Error>) {
    let mut tally = Tally::EMPTY;
    loop {
        match read(buffer) {
            Ok(0) => return (tally, None),
            Ok(count) => tally = tally.then(Tally::of(&buffer[..count], depth)),
            Err(error) => return (tally, Some(error)),
        }
    }
}
