//! What a thread does with a piece of work: open, share or count, and hand the outcome back.
//!
//! Which piece comes next is the board's business, and printing the report's.

use crate::board::{Board, Failure, Outcome, Piece};
use crate::inputs::Input;
use crate::read::{self, Source};
use crate::shared::PART_BYTES;
use crate::survey;
use crate::tally::{Method, Tally};
use core::ops::Range;
use threadbare::io::{Fd, File, Status};

/// What all threads know of the whole job.
#[derive(Clone, Copy)]
pub struct Job {
    pub method: Method,
    /// Whether all inputs are known to be regular files.
    pub is_regular: bool,
    /// Whether standard input has the names of files and thus cannot be one.
    pub names_are_standard: bool,
}

/// Works on a piece, and hands it back to the board.
pub fn work(board: &Board, piece: Piece, job: &Job, buffer: &mut [u8]) {
    match piece {
        Piece::Input(ticket, input) if !job.is_regular && is_special(input) => {
            board.put_off(ticket, input);
        }
        Piece::Input(ticket, input) | Piece::InTurn(ticket, input) => {
            start(board, ticket, input, job, buffer);
        }
        Piece::Part(part) => {
            let (tally, error) = read::part(&part, &job.method, buffer);
            board.finish_part(part, tally, error, &job.method);
        }
    }
}

/// Whether an input is to be read only in its turn. Asked before it is opened, since a FIFO's
/// writer would notice that.
fn is_special(input: Input) -> bool {
    input.with_name(|name| match name {
        Some(name) if name != c"-" => Status::of(name).is_ok_and(|status| !status.is_file()),
        _ => true,
    })
}

/// Opens an input and shares it, or counts it.
fn start(board: &Board, ticket: usize, input: Input, job: &Job, buffer: &mut [u8]) {
    let method = &job.method;
    let source = match open(input, job) {
        Ok(source) => source,
        Err(failure) => return board.finish(ticket, failed(input, failure)),
    };
    let source = match range_to_share(&source, method) {
        None => source,
        Some(range) => match board.share(ticket, input, source, range) {
            Ok(()) => return,
            Err(source) => source,
        },
    };
    let (tally, error) = if method.is_bytes() {
        let known = match source {
            Source::Opened(_) => survey::known_bytes(ticket),
            Source::StandardInput => None,
        };
        read::measure(&source, known, method, buffer)
    } else {
        read::rest(source.fd(), method, buffer)
    };
    // Closes the file, before anybody waits.
    drop(source);
    let failure = error.map(Failure::Read);
    board.finish(
        ticket,
        Outcome {
            input,
            tally,
            failure,
        },
    );
}

fn failed(input: Input, failure: Failure) -> Outcome {
    Outcome {
        input,
        tally: Tally::EMPTY,
        failure: Some(failure),
    }
}

fn open(input: Input, job: &Job) -> Result<Source, Failure> {
    input.with_name(|name| match name {
        None => Ok(Source::StandardInput),
        Some(name) if name.is_empty() => Err(Failure::Name),
        Some(name) if name == c"-" && job.names_are_standard => Err(Failure::Name),
        Some(name) if name == c"-" => Ok(Source::StandardInput),
        Some(name) => File::open(name).map(Source::Opened).map_err(Failure::Open),
    })
}

/// What there is to count of a large regular file.
fn range_to_share(source: &Source, method: &Method) -> Option<Range<u64>> {
    if method.is_bytes() {
        return None;
    }
    let fd: Fd = source.fd();
    let status = fd.status().ok().filter(Status::is_file)?;
    // Beyond its end, the position of standard input may be anywhere.
    if status.bytes <= PART_BYTES {
        return None;
    }
    let start = source.position().ok()?;
    let bytes = status.bytes.saturating_sub(start);
    (bytes > PART_BYTES).then_some(start..status.bytes)
}
