//! `wc`: counts lines, words and bytes, many files and the parts of a large file at once.
//!
//! What it shows: threads that are started where work turns up, whose stacks are their read
//! buffers, a bounded queue of work in one static lock, options, errors and output, without a libc
//! and without a heap. Run it with `cargo run --release --example wc -- -lw FILE…`.
//!
//! - `options`, `locale`: the command line and the environment.
//! - `inputs`, `names`: what is to be counted; `survey`: the width of the columns.
//! - `board`, `shared`: who does what; the only shared state.
//! - `helpers`: the threads beside the first, and their stacks.
//! - `work`, `read`: opening and reading an input.
//! - `count`, `utf8`, `unicode`: counting a piece of text; `tally`, `width`: what came out of it.
//! - `report`, `quote`: what is printed.
//!
//! Output and exit status are those of GNU wc 9.1, in the C locale and in UTF-8 ones, also for
//! bytes that are not UTF-8. No text is left to one thread because of `-m` or `-L`: what the border
//! of a part cuts off a character, a word or a line is kept with the part's tally. These differ:
//!
//! | Where | Here | Elsewhere |
//! |---|---|---|
//! | Which characters are printed, widths | Unicode 14.0 as in glibc 2.36 | that of the C library |
//! | A locale whose files are missing | UTF-8 if its name says so | GNU: the C locale |
//! | Bytes that are not UTF-8, unprinted characters | no part of words, as in 9.1 | from 9.5: part of words |
//! | UTF-8 of 5 or 6 bytes, or beyond U+10FFFF | as glibc: one character | most others: none |
//! | `-c` from within a file of whole pages | what is left of it | GNU: less |
//! | Position of standard input behind `-c` | often unmoved, as in 9.1 | from 9.3: at the end |
//! | `--total` | none, as in 9.1 | from 9.2: there |
//! | Closed standard input | one message | GNU: two |
//! | `'` in a name that ends in an escape | quoted for a shell | 9.1: `''` too many |
//! | A name of 4096 bytes or more in a list | cut in its message | GNU: all of it |
//! | A list of names in a regular file | read twice | GNU: kept in memory |
//! | Reason for a failed write | always given | GNU: not always |

#![no_std]
#![no_main]

mod board;
mod count;
mod helpers;
mod inputs;
mod locale;
mod names;
mod options;
mod quote;
mod read;
mod report;
mod shared;
mod survey;
mod tally;
mod unicode;
mod utf8;
mod width;
mod work;

use board::{Board, Step};
use core::ffi::CStr;
use helpers::Helpers;
use inputs::Inputs;
use names::List;
use options::{Options, Wish};
use quote::Quoted;
use report::Report;
use survey::Survey;
use threadbare::eprintln;
use threadbare::io::{Error, Fd, File, Write};
use threadbare::process::ExitCode;
use threadbare::thread;
use work::Job;

threadbare::entry!(main);

/// The board is a static because threads outlive every stack frame but the first.
static BOARD: Board = Board::new();

const HELP: &str = "\
Usage: wc [OPTION]... [FILE]...
  or:  wc [OPTION]... --files0-from=F
Print newline, word, and byte counts for each FILE, and a total line if
more than one FILE is specified.  A word is a non-zero-length sequence of
printable characters delimited by white space.

With no FILE, or when FILE is -, read standard input.

The options below may be used to select which counts are printed, always in
the following order: newline, word, character, byte, maximum line length.
  -c, --bytes             print the byte counts
  -m, --chars             print the character counts
  -l, --lines             print the newline counts
      --files0-from=F     read input from the files specified by
                            NUL-terminated names in file F;
                            If F is - then read names from standard input
  -L, --max-line-length   print the maximum display width
  -w, --words             print the word counts
  -j, --threads=N         count with N threads at the most; one for each CPU
                            if not given
      --stack-size=BYTES  give each thread but the first a stack of BYTES, most
                            of which is its read buffer; 294912 if not given
      --report            say for each thread but the first how large its stack
                            is and how much of it was used, on standard error
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

/// Counts and reports everything; returns whether all of it could be read.
///
/// This thread reports, since it has the output's buffer, and counts while there is nothing to
/// report. It starts a helper whenever it finds more work than it can do.
fn count(options: Options) -> Result<bool, Error> {
    // Once: the answer takes the kernel a few files.
    let threads = options.threads.unwrap_or_else(cpus);
    let Some((survey, list)) = look_ahead(&options, threads) else {
        return Ok(false);
    };
    let job = Job {
        method: options.method(),
        is_regular: survey.is_regular,
        names_are_standard: options.names_from == Some(c"-"),
    };
    let mut helpers = Helpers::new(job, &options, threads - 1);
    BOARD.begin(Inputs::new(list));
    let mut lines = [0; 4096];
    let mut report = Report::new(options, survey.width, &mut lines);
    // This thread's stack is not ours to choose; a buffer of this size leaves room for a low limit.
    let mut buffer = [0; 64 << 10];
    loop {
        match BOARD.step(helpers.count()) {
            Step::Report(outcome) => report.take(&outcome)?,
            Step::Work(piece, is_worth_a_helper) => {
                if is_worth_a_helper {
                    helpers.add_one();
                }
                work::work(&BOARD, piece, &job, &mut buffer);
            }
            Step::Refill => {
                // Whoever writes the names may wait for what comes of those before.
                report.flush()?;
                BOARD.refill();
            }
            // The helpers have nothing left to do and end with the process.
            Step::End => {
                let is_all = report.end(BOARD.list_error())?;
                helpers.report();
                return Ok(is_all);
            }
        }
    }
}

/// Opens the list of names if there is one, and looks at all inputs. If that fails, says why and
/// returns `None`.
fn look_ahead(options: &Options, threads: usize) -> Option<(Survey, Option<List>)> {
    /// Beyond this size GNU does not look at a list in advance.
    const LIST_BYTES_MAX: u64 = 10 << 20;
    let Some(name) = options.names_from else {
        return Some((survey::survey_operands(options, threads), None));
    };
    let quoted = Quoted::always(name.to_bytes());
    let fd = match open_list(name) {
        Ok(fd) => fd,
        Err(error) => {
            eprintln!("wc: cannot open {quoted} for reading: {error}");
            return None;
        }
    };
    let is_short = fd.status().is_ok_and(|status| {
        let is_file = status.is_file();
        is_file && status.bytes <= LIST_BYTES_MAX
    });
    let inputs = is_short.then(|| Inputs::new(Some(List::new(fd))));
    match survey::survey_list(options, inputs) {
        Ok(survey) => Some((survey, Some(List::new(fd)))),
        Err(_) => {
            eprintln!("wc: cannot read file names from {quoted}");
            None
        }
    }
}

/// Opens the list of names, which then is open until the process ends.
fn open_list(name: &CStr) -> Result<Fd<'static>, Error> {
    if name == c"-" {
        return Ok(Fd::STDIN);
    }
    let number = File::open(name)?.into_raw();
    // SAFETY: the descriptor was given up by its owner, so nobody closes it.
    Ok(unsafe { Fd::from_raw(number) })
}

/// One thread for each CPU that this process may use.
fn cpus() -> usize {
    thread::available_parallelism().map_or(1, |count| count.get())
}
