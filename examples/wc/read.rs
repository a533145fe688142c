//! Reading a piece of work through a buffer, and counting what was read.
//!
//! The buffer is the caller's; nothing else is kept. A file may grow or shrink meanwhile: the last
//! piece reads to wherever the end is by then, and a piece beyond the end finds nothing.

use crate::board::{PIECE_BYTES, Piece, Work};
use crate::tally::{Depth, Tally};
use core::ops::Range;
use threadbare::io::{Error, Fd, File, Read};

/// Counts a piece. After an error the tally is that of what came before it.
pub fn count(piece: &Piece, depth: Depth, buffer: &mut [u8]) -> (Tally, Option<Error>) {
    match &piece.work {
        Work::Failed(error) => (Tally::EMPTY, Some(*error)),
        Work::StandardInput => {
            let mut input = Fd::STDIN;
            count_all(depth, buffer, |buffer| input.read(buffer))
        }
        Work::Whole(file) if depth == Depth::Bytes => measure(file, buffer),
        Work::Whole(file) => count_all(depth, buffer, |buffer| file.as_fd().read(buffer)),
        Work::Part(fd, offset) => {
            let end = if piece.is_last {
                u64::MAX
            } else {
                offset + PIECE_BYTES
            };
            count_range(*fd, *offset..end, depth, buffer)
        }
    }
}

/// Finds the length of a file, if possible without reading it.
///
/// Ordinary files say how long they are. Those of `/proc` and `/sys` say 0 or whole pages whatever
/// they hold, so where a file says so its end is read.
fn measure(file: &File, buffer: &mut [u8]) -> (Tally, Option<Error>) {
    const PAGE_BYTES: u64 = 4096;
    let bytes = match file.status() {
        Ok(status) if status.is_file() => status.bytes,
        _ => return count_all(Depth::Bytes, buffer, |buffer| file.as_fd().read(buffer)),
    };
    if !bytes.is_multiple_of(PAGE_BYTES) {
        return (Tally::unread(bytes), None);
    }
    // As GNU wc does: of one page everything is read, of more than that the last page or less.
    let start = bytes - bytes % (PAGE_BYTES + 1);
    let (end, error) = count_range(file.as_fd(), start..u64::MAX, Depth::Bytes, buffer);
    (Tally::unread(start).then(end), error)
}

/// Counts a range of a regular file, or what there is of it.
fn count_range(
    fd: Fd,
    range: Range<u64>,
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
