//! Printing: one line for each input in the order of the command line, and one for all of them.
//!
//! Nothing here reads or counts.

use crate::board::{Failure, Outcome};
use crate::inputs::Input;
use crate::options::Options;
use crate::quote::Quoted;
use crate::tally::Tally;
use core::ffi::CStr;
use threadbare::eprintln;
use threadbare::io::{Error, Fd, Write, Writer};

/// The numbers of a line, whatever of them is printed.
#[derive(Clone, Copy, Default)]
struct Line {
    newlines: u64,
    words: u64,
    chars: u64,
    bytes: u64,
    max_line_length: u64,
}

impl Line {
    fn of(tally: &Tally, is_utf8: bool) -> Line {
        Line {
            newlines: tally.newlines,
            words: tally.words,
            // In the C locale a byte is a character.
            chars: if is_utf8 { tally.chars } else { tally.bytes },
            bytes: tally.bytes,
            max_line_length: tally.lines.widest(),
        }
    }

    fn add(&mut self, other: Line) {
        self.newlines += other.newlines;
        self.words += other.words;
        self.chars += other.chars;
        self.bytes += other.bytes;
        self.max_line_length = self.max_line_length.max(other.max_line_length);
    }
}

/// What is printed, and the sums.
pub struct Report<'b> {
    options: Options,
    width: usize,
    out: Writer<'b, Fd<'static>>,
    total: Line,
    inputs: u64,
    failures: u64,
}

impl<'b> Report<'b> {
    /// Begins a report that gathers its lines in `buffer`.
    pub fn new(options: Options, width: usize, buffer: &'b mut [u8]) -> Report<'b> {
        Report {
            options,
            width,
            out: Writer::new(Fd::STDOUT, buffer),
            total: Line::default(),
            inputs: 0,
            failures: 0,
        }
    }

    /// Reports the next input.
    ///
    /// # Errors
    /// Those of writing to standard output.
    pub fn take(&mut self, outcome: &Outcome) -> Result<(), Error> {
        self.inputs += 1;
        if let Some(failure) = outcome.failure {
            self.failures += 1;
            self.complain(outcome.input, failure);
            if !matches!(failure, Failure::Read(_)) {
                return Ok(());
            }
        }
        let line = Line::of(&outcome.tally, self.options.locale.is_utf8);
        self.total.add(line);
        outcome
            .input
            .with_name(|name| self.line(line, name.map(CStr::to_bytes)))
    }

    /// Prints what is still in the buffer.
    ///
    /// # Errors
    /// Those of writing to standard output.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.out.flush()
    }

    /// Prints the total if there is one, and whatever is still in the buffer. `list_error` says why
    /// the list of names ended too early. Returns whether everything could be read.
    ///
    /// # Errors
    /// Those of writing to standard output.
    pub fn end(mut self, list_error: Option<Error>) -> Result<bool, Error> {
        if let (Some(error), Some(list)) = (list_error, self.options.names_from) {
            self.failures += 1;
            eprintln!("wc: {}: read error: {error}", Quoted::new(list.to_bytes()));
        }
        if self.inputs > 1 {
            self.line(self.total, Some(b"total"))?;
        }
        self.out.flush()?;
        Ok(self.failures == 0)
    }

    fn line(&mut self, line: Line, name: Option<&[u8]>) -> Result<(), Error> {
        let columns = [
            (self.options.lines, line.newlines),
            (self.options.words, line.words),
            (self.options.chars, line.chars),
            (self.options.bytes, line.bytes),
            (self.options.max_line_length, line.max_line_length),
        ];
        let mut gap = "";
        for (_, count) in columns.into_iter().filter(|&(is_wanted, _)| is_wanted) {
            write!(self.out, "{gap}{count:>width$}", width = self.width)?;
            gap = " ";
        }
        match name {
            None => {}
            // A name must not look like two lines.
            Some(name) if name.contains(&b'\n') => write!(self.out, " {}", Quoted::new(name))?,
            Some(name) => {
                self.out.write_all(b" ")?;
                self.out.write_all(name)?;
            }
        }
        self.out.write_all(b"\n")
    }

    fn complain(&self, input: Input, failure: Failure) {
        let list = self.options.names_from.unwrap_or_default().to_bytes();
        input.with_name(|name| {
            let name = name.map_or(&b"standard input"[..], CStr::to_bytes);
            match (failure, input) {
                (Failure::Open(error) | Failure::Read(error), _) => {
                    eprintln!("wc: {}: {error}", Quoted::new(name));
                }
                (Failure::Name, _) if !name.is_empty() => eprintln!(
                    "wc: when reading file names from stdin, no file name of {} allowed",
                    Quoted::always(name)
                ),
                (Failure::Name, Input::Listed(_, number)) => eprintln!(
                    "wc: {}:{number}: invalid zero-length file name",
                    Quoted::new(list)
                ),
                (Failure::Name, _) => eprintln!("wc: invalid zero-length file name"),
            }
        });
    }
}
