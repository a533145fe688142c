//! `wc`: counts lines, words and bytes, many files and the parts of a large file at once.
//!
//! What it shows: threads that are started where work turns up, whose stacks are their read
//! buffers, a bounded queue of work in one static lock, options, errors and output, without a libc
//! and without a heap. Run it with `cargo run --release --example wc -- -lw FILE…`.
//!
//! - `options`: the command line.
//! - `survey`: the width of the columns.
//! - `board`: who does what; the only shared state.
//! - `read`, `tally`: reading a piece of a file, and counting it.
//! - `report`, `quote`: what is printed.
//!
//! Output and exit status are those of GNU wc 9.1 in the C locale. It has no `-m`, `-L` and
//! `--files0-from`, and it knows no characters beyond ASCII.

#![no_std]
#![no_main]

mod board;
mod options;
mod quote;
mod read;
mod report;
mod survey;
mod tally;

use board::{Board, Step};
use options::{Options, Wish};
use report::Report;
use tally::Depth;
use threadbare::eprintln;
use threadbare::io::{Error, Fd, Write};
use threadbare::process::ExitCode;
use threadbare::thread::{self, Builder, SpawnError};

threadbare::entry!(main);

/// The board is a static because threads outlive every stack frame but the first.
static BOARD: Board = Board::new();

const HELP: &str = "\
Usage: wc [OPTION]... [FILE]...
Print newline, word, and byte counts for each FILE, and a total line if
more than one FILE is specified.  A word is a non-zero-length sequence of
printable characters delimited by white space.

With no FILE, or when FILE is -, read standard input.

The options below may be used to select which counts are printed, always in
the following order: newline, word, byte.
  -c, --bytes             print the byte counts
  -l, --lines             print the newline counts
  -w, --words             print the word counts
  -j, --threads=N         count with N threads at the most; one for each CPU
                            if not given
      --stack-size=BYTES  give each thread but the first a stack of BYTES, most
                            of which is its read buffer; 294912 if not given
      --help              display this help and exit
      --version           output version information and exit
";
const VERSION: &str = concat!("wc (threadbare) ", env!("CARGO_PKG_VERSION"), "\n");

fn main() -> ExitCode {
    let result = match options::read() {
        Ok(Wish::Count(options)) => count(options),
        Ok(Wish::Help) => print(HELP),
        Ok(Wish::Version) => print(VERSION),
        Err(complaint) => {
            eprintln!("wc: {complaint}\nTry 'wc --help' for more information.");
            return ExitCode::FAILURE;
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("wc: write error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> Result<bool, Error> {
    let mut out = Fd::STDOUT;
    out.write_all(text.as_bytes())?;
    Ok(true)
}

/// Counts and reports everything; returns whether every input could be read.
///
/// This thread reports, since it has the output's buffer, and counts while there is nothing to
/// report. It starts a helper whenever it finds more work than it can do.
fn count(options: Options) -> Result<bool, Error> {
    let depth = match (options.words, options.lines) {
        (true, _) => Depth::Words,
        (false, true) => Depth::Lines,
        (false, false) => Depth::Bytes,
    };
    let mut helpers = Helpers {
        depth,
        stack_bytes: options.stack_bytes,
        count: 0,
        max: options.threads.unwrap_or_else(cpus) - 1,
    };
    let mut lines = [0; 4096];
    let mut report = Report::new(options, survey::width(&options), &mut lines);
    // This thread's stack is not ours to choose; a buffer of this size leaves room for a low limit.
    let mut buffer = [0; 64 << 10];
    loop {
        match BOARD.step(depth, helpers.count) {
            Step::Report(outcome) => report.take(&outcome)?,
            Step::Count(piece, is_worth_a_helper) => {
                if is_worth_a_helper {
                    helpers.add_one();
                }
                let (tally, error) = read::count(&piece, depth, &mut buffer);
                BOARD.finish(piece, tally, error);
            }
            // The helpers have nothing left to do and end by themselves, or with the process.
            Step::End => return report.end(),
        }
    }
}

/// One thread for each CPU that this process may use.
fn cpus() -> usize {
    thread::available_parallelism().map_or(1, |count| count.get())
}

/// The threads beside the first.
struct Helpers {
    depth: Depth,
    stack_bytes: usize,
    count: usize,
    /// How many there may be.
    max: usize,
}

impl Helpers {
    /// Starts one more if there may be one. If that fails, those that there are must do.
    fn add_one(&mut self) {
        if self.count == self.max {
            return;
        }
        match start_helper(self.depth, self.stack_bytes) {
            Ok(()) => self.count += 1,
            Err(error) => {
                eprintln!("wc: counting with {} thread(s): {error}", self.count + 1);
                self.max = self.count;
            }
        }
    }
}

/// Starts a thread that counts until nothing is left.
///
/// Its buffer is the most of its stack: the largest of a few sizes that leaves room for everything
/// else, since the size of a frame must be known when the program is built. Whatever is asked for,
/// a thread gets 16 KiB at least.
fn start_helper(depth: Depth, stack_bytes: usize) -> Result<(), SpawnError> {
    const KIB: usize = 1 << 10;
    let help: fn(Depth) = match stack_bytes / KIB {
        0..48 => help::<{ 4 * KIB }>,
        48..144 => help::<{ 32 * KIB }>,
        144..272 => help::<{ 128 * KIB }>,
        _ => help::<{ 256 * KIB }>,
    };
    let builder = Builder::new().name("wc-helper").stack_size(stack_bytes);
    builder.spawn(move || help(depth))?.detach();
    Ok(())
}

/// A helper's whole life.
fn help<const BUFFER_BYTES: usize>(depth: Depth) {
    let mut buffer = [0; BUFFER_BYTES];
    while let Some(piece) = BOARD.claim(depth) {
        let (tally, error) = read::count(&piece, depth, &mut buffer);
        BOARD.finish(piece, tally, error);
    }
}
