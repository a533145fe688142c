//! A large file that many threads count at once, part by part.
//!
//! Parts are claimed in order and finished in any order; what is finished is joined in order. So
//! that few outcomes wait to be joined, claiming must not run too far ahead. Nothing here locks.

use crate::board::{Failure, Outcome};
use crate::inputs::Input;
use crate::read::Source;
use crate::tally::{Method, Tally};
use core::ops::Range;
use threadbare::io::{Error, Fd};

/// The length of a part: long enough to make claiming cheap, short enough to share a file of a few
/// megabytes, and what the default buffer holds.
pub const PART_BYTES: u64 = 256 << 10;
/// How many files may be shared at once. With more threads than that some count a file alone.
pub const SHARED_MAX: usize = 4;
/// How far claiming may run ahead of joining.
const PARTS_AHEAD: usize = 32;

/// A part of a shared file, to be counted by one thread.
pub struct Part {
    /// Which shared file it belongs to, and its number there.
    pub index: usize,
    number: usize,
    pub fd: Fd<'static>,
    pub range: Range<u64>,
    /// Whether it reaches to the end of the file, wherever that will be by then.
    pub is_last: bool,
    /// Whether the file's position must be at its end when it was read.
    pub moves_position: bool,
}

/// The file, and what came out so far.
pub struct Shared {
    index: usize,
    pub ticket: usize,
    input: Input,
    source: Source,
    /// What is not claimed.
    range: Range<u64>,
    claimed: usize,
    joined: usize,
    /// That of all parts that were joined.
    tally: Tally,
    error: Option<Error>,
    /// Outcomes that wait for older ones, each at its number modulo the size.
    waiting: [Option<(Tally, Option<Error>)>; PARTS_AHEAD],
}

impl Shared {
    /// Shares this range of a file, of which everything is to be claimed, and all that the file
    /// grows meanwhile.
    pub fn new(
        index: usize,
        ticket: usize,
        input: Input,
        source: Source,
        range: Range<u64>,
    ) -> Shared {
        Shared {
            index,
            ticket,
            input,
            source,
            range,
            claimed: 0,
            joined: 0,
            tally: Tally::EMPTY,
            error: None,
            waiting: [None; PARTS_AHEAD],
        }
    }

    /// Whether a part can be claimed now.
    pub fn has_work(&self) -> bool {
        !self.range.is_empty() && self.claimed - self.joined < PARTS_AHEAD
    }

    /// Claims the next part, if [`Shared::has_work`].
    pub fn claim(&mut self) -> Part {
        let start = self.range.start;
        let end = self.range.end.min(start + PART_BYTES);
        self.range.start = end;
        self.claimed += 1;
        Part {
            index: self.index,
            number: self.claimed - 1,
            // SAFETY: the file is closed when all parts are joined. By then each was given up to
            // `finish`, and with it this copy.
            fd: unsafe { Fd::from_raw(self.source.fd().raw()) },
            range: start..end,
            is_last: self.range.is_empty(),
            moves_position: self.source.is_standard(),
        }
    }

    /// Takes the outcome of a part, and joins what can be joined.
    pub fn finish(&mut self, part: Part, tally: Tally, error: Option<Error>, method: &Method) {
        self.waiting[part.number % PARTS_AHEAD] = Some((tally, error));
        while let Some((tally, error)) = self.waiting[self.joined % PARTS_AHEAD].take() {
            self.joined += 1;
            // What lies behind an unreadable place is not counted: a wc with one thread would not
            // get there.
            if self.error.is_none() {
                self.tally = self.tally.then(tally, method.locale);
                self.error = error;
            }
        }
    }

    /// Whether all parts are joined.
    pub fn is_finished(&self) -> bool {
        self.range.is_empty() && self.joined == self.claimed
    }

    /// What came out of the file, once it is finished.
    pub fn outcome(&self) -> Outcome {
        Outcome {
            input: self.input,
            tally: self.tally,
            failure: self.error.map(Failure::Read),
        }
    }
}
