//! Printing: one line for each input in the order of the command line, and one for all of them.
//!
//! Outcomes come in the order of the pieces, one input's after the other's. Nothing here reads.

use crate::board::Outcome;
use crate::options::{Input, Options};
use crate::quote::Quoted;
use crate::tally::Tally;
use threadbare::eprintln;
use threadbare::io::{Error, Fd, Write, Writer};

/// What is printed, and the sums.
pub struct Report<'b> {
    options: Options,
    width: usize,
    out: Writer<'b, Fd<'static>>,
    /// The input that is being put together: its pieces so far, and its first error.
    current: Tally,
    error: Option<Error>,
    /// All inputs before it.
    total: Tally,
    inputs: usize,
    failures: usize,
}

impl<'b> Report<'b> {
    /// Begins a report that gathers its lines in `buffer`.
    pub fn new(options: Options, width: usize, buffer: &'b mut [u8]) -> Report<'b> {
        Report {
            options,
            width,
            out: Writer::new(Fd::STDOUT, buffer),
            current: Tally::EMPTY,
            error: None,
            total: Tally::EMPTY,
            inputs: 0,
            failures: 0,
        }
    }

    /// Takes the next outcome; with an input's last one the input is reported.
    ///
    /// # Errors
    /// Those of writing to standard output.
    pub fn take(&mut self, outcome: &Outcome) -> Result<(), Error> {
        // What lies behind an unreadable place is not counted: a wc with one thread would not get
        // there.
        if self.error.is_none() {
            self.current = self.current.then(outcome.tally);
            self.error = outcome.error;
        }
        if !outcome.is_last {
            return Ok(());
        }
        let tally = core::mem::replace(&mut self.current, Tally::EMPTY);
        self.inputs += 1;
        if let Some(error) = self.error.take() {
            self.failures += 1;
            complain(outcome.input, error);
        }
        if !outcome.is_open {
            return Ok(());
        }
        self.total.add(tally);
        match outcome.input {
            Input::Unnamed => self.line(tally, None),
            Input::Named(name) => self.line(tally, Some(name.to_bytes())),
        }
    }

    /// Prints the total if there is one, and whatever is still in the buffer. Returns whether every
    /// input could be read.
    ///
    /// # Errors
    /// Those of writing to standard output.
    pub fn end(mut self) -> Result<bool, Error> {
        if self.inputs > 1 {
            self.line(self.total, Some(b"total"))?;
        }
        self.out.flush()?;
        Ok(self.failures == 0)
    }

    fn line(&mut self, tally: Tally, name: Option<&[u8]>) -> Result<(), Error> {
        let columns = [
            (self.options.lines, tally.lines),
            (self.options.words, tally.words),
            (self.options.bytes, tally.bytes),
        ];
        let mut gap = "";
        for (_, count) in columns.into_iter().filter(|&(is_wanted, _)| is_wanted) {
            write!(self.out, "{gap}{count:>width$}", width = self.width)?;
            gap = " ";
        }
        match name {
            None => {}
            // A name must not look like two lines.
            Some(name) if name.contains(&b'\n') => write!(self.out, " {}", Quoted(name))?,
            Some(name) => {
                self.out.write_all(b" ")?;
                self.out.write_all(name)?;
            }
        }
        self.out.write_all(b"\n")
    }
}

fn complain(input: Input, error: Error) {
    match input {
        Input::Unnamed => eprintln!("wc: {}: {error}", Quoted(b"standard input")),
        Input::Named(name) if name.is_empty() => eprintln!("wc: invalid zero-length file name"),
        Input::Named(name) => eprintln!("wc: {}: {error}", Quoted(name.to_bytes())),
    }
}
