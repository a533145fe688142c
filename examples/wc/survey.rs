//! The width of the columns, which depends on all inputs and is needed before the first is counted.
//!
//! The rule is GNU's: as wide as the sum of all sizes, but at least 7 if some input's size cannot
//! be known; and 1 where there is nothing to line up, or where names come from a stream.
//!
//! Of many small files, looking at them takes as long as opening them. So threads share that too,
//! and what was learnt is kept for those who only want to know sizes.

use crate::inputs::{Input, Inputs, Next};
use crate::options::Options;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use threadbare::io::{Error, Fd, Status};
use threadbare::thread::{Builder, JoinHandle};

/// The least width beside an input that is not a regular file.
const UNKNOWN_WIDTH: usize = 7;
/// How many inputs a thread looks at before the next one's turn.
const TURN: usize = 64;
/// How many threads may look: more would wait for the kernel's locks.
const THREADS_MAX: usize = 8;

/// The sizes of the first inputs, each plus 1; 0 where it is not known. Untouched pages of it take
/// no memory; inputs beyond it are asked once more.
static SIZES: [AtomicUsize; 1 << 16] = [const { AtomicUsize::new(0) }; 1 << 16];

/// What is known of all inputs before the first is counted.
pub struct Survey {
    /// The width of a column.
    pub width: usize,
    /// Whether all inputs are known to be regular files.
    pub is_regular: bool,
}

/// Returns the size that a regular file had when it was looked at, by its ticket.
pub fn known_bytes(ticket: usize) -> Option<u64> {
    let size = SIZES.get(ticket)?.load(Relaxed);
    Some(size.checked_sub(1)? as u64)
}

/// What one thread saw of its inputs, or all threads of all.
#[derive(Clone, Copy)]
struct Sum {
    bytes: u64,
    least: usize,
    is_regular: bool,
}

impl Sum {
    const EMPTY: Sum = Sum {
        bytes: 0,
        least: 1,
        is_regular: true,
    };

    fn and(self, other: Sum) -> Sum {
        Sum {
            bytes: self.bytes.saturating_add(other.bytes),
            least: self.least.max(other.least),
            is_regular: self.is_regular && other.is_regular,
        }
    }

    /// Adds an input, and returns its size if it is a regular file with a name.
    fn add(&mut self, input: Input) -> Option<u64> {
        match status(input) {
            Ok(status) if status.is_file() => {
                self.bytes = self.bytes.saturating_add(status.bytes);
                self.is_regular &= !input.is_standard();
                (!input.is_standard()).then_some(status.bytes)
            }
            Ok(_) => {
                self.least = UNKNOWN_WIDTH;
                self.is_regular = false;
                None
            }
            // An input without a status is reported when its turn comes, not here.
            Err(_) => None,
        }
    }
}

/// Looks at all inputs of the command line, with up to `threads` threads.
pub fn survey_operands(options: &Options, threads: usize) -> Survey {
    let count = count_of(Inputs::new(None));
    let threads = threads.min(count / (4 * TURN) + 1).min(THREADS_MAX);
    let mut helpers: [Option<JoinHandle<Sum>>; THREADS_MAX] = [const { None }; THREADS_MAX];
    for (index, helper) in helpers.iter_mut().enumerate().take(threads).skip(1) {
        let look = move || look(index, threads);
        *helper = Builder::new().name("wc-survey").spawn(look).ok();
    }
    let mut sum = look(0, threads);
    for (index, helper) in helpers.into_iter().enumerate().take(threads).skip(1) {
        // What could not be given away is done here.
        let part = helper.and_then(|helper| helper.join().ok());
        sum = sum.and(part.unwrap_or_else(|| look(index, threads)));
    }
    conclude(options, sum, count)
}

/// Looks at every input of a list; `None` if their names cannot be known in advance.
///
/// # Errors
/// Those of reading the list of names.
pub fn survey_list(options: &Options, inputs: Option<Inputs>) -> Result<Survey, Error> {
    let Some(mut inputs) = inputs else {
        return Ok(Survey {
            width: 1,
            is_regular: false,
        });
    };
    let (mut sum, mut count) = (Sum::EMPTY, 0);
    while let Next::Input(input) = inputs.next(count) {
        // A list is read once more to count; should it change, sizes would go astray.
        sum.add(input);
        count += 1;
    }
    if let Some(error) = inputs.error() {
        return Err(error);
    }
    Ok(conclude(options, sum, count))
}

fn count_of(mut inputs: Inputs) -> usize {
    let mut count = 0;
    while let Next::Input(_) = inputs.next(count) {
        count += 1;
    }
    count
}

/// Looks at the inputs of the command line in every turn that is this thread's.
fn look(index: usize, threads: usize) -> Sum {
    let (mut inputs, mut sum, mut count) = (Inputs::new(None), Sum::EMPTY, 0);
    while let Next::Input(input) = inputs.next(count) {
        if count / TURN % threads == index
            && let Some(bytes) = sum.add(input)
            && let (Some(size), Ok(bytes)) = (SIZES.get(count), usize::try_from(bytes))
        {
            size.store(bytes.saturating_add(1), Relaxed);
        }
        count += 1;
    }
    sum
}

fn conclude(options: &Options, sum: Sum, count: usize) -> Survey {
    let digits = sum
        .bytes
        .checked_ilog10()
        .map_or(1, |tens| tens as usize + 1);
    let is_lined_up = count != 1 || options.columns() != 1;
    Survey {
        width: if is_lined_up {
            sum.least.max(digits)
        } else {
            1
        },
        is_regular: sum.is_regular,
    }
}

/// Asks what an input is, without opening it.
fn status(input: Input) -> Result<Status, Error> {
    input.with_name(|name| match name {
        Some(name) if name != c"-" => Status::of(name),
        _ => Fd::STDIN.status(),
    })
}
