//! The threads beside the first: started where work turns up, each with its buffer on its stack.
//!
//! What they work on is the board's business.

use crate::BOARD;
use crate::options::Options;
use crate::work::{self, Job};
use threadbare::eprintln;
use threadbare::thread::{Builder, JoinHandle, SpawnError};

/// So many helpers' stacks are reported at the most.
const REPORTED_MAX: usize = 128;

/// All of them.
pub struct Helpers {
    job: Job,
    stack_bytes: usize,
    count: usize,
    /// How many there may be.
    max: usize,
    /// Whether their stacks are to be measured.
    reports: bool,
    handles: [Option<JoinHandle<()>>; REPORTED_MAX],
}

impl Helpers {
    /// None so far, and `max` at the most.
    pub fn new(job: Job, options: &Options, max: usize) -> Helpers {
        Helpers {
            job,
            stack_bytes: options.stack_bytes,
            count: 0,
            max,
            reports: options.reports_stacks,
            handles: [const { None }; REPORTED_MAX],
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Starts one more if there may be one. If that fails, those that there are must do.
    pub fn add_one(&mut self) {
        if self.count == self.max {
            return;
        }
        match start(self.job, self.stack_bytes, self.reports) {
            Ok(handle) => {
                // Where there is no place the handle is dropped, and the helper on its own.
                if let Some(place) = self.handles.get_mut(self.count) {
                    *place = Some(handle);
                }
                self.count += 1;
            }
            Err(error) => {
                eprintln!("wc: counting with {} thread(s): {error}", self.count + 1);
                self.max = self.count;
            }
        }
    }

    /// Says on standard error how much of its stack each has used, if that is wanted. They run on.
    pub fn report(&self) {
        if !self.reports {
            return;
        }
        for (number, handle) in (1..).zip(self.handles.iter().flatten()) {
            let stack = handle.stack();
            match stack.high_water() {
                Some(used) => eprintln!(
                    "wc: helper {number}: {used} of {} bytes of stack used",
                    stack.size()
                ),
                None => eprintln!("wc: helper {number}: {} bytes of stack", stack.size()),
            }
        }
        if self.count > REPORTED_MAX {
            eprintln!("wc: and {} more helpers", self.count - REPORTED_MAX);
        }
    }
}

/// Starts a thread that counts as long as the process lives.
///
/// Its buffer is the most of its stack: the largest of a few sizes that leaves room for everything
/// else, since the size of a frame must be known when the program is built. Whatever is asked for,
/// a thread gets 16 KiB at least.
fn start(job: Job, stack_bytes: usize, is_measured: bool) -> Result<JoinHandle<()>, SpawnError> {
    const KIB: usize = 1 << 10;
    let help: fn(&Job) = match stack_bytes / KIB {
        0..48 => help::<{ 4 * KIB }>,
        48..144 => help::<{ 32 * KIB }>,
        144..272 => help::<{ 128 * KIB }>,
        _ => help::<{ 256 * KIB }>,
    };
    let builder = Builder::new().name("wc-helper").stack_size(stack_bytes);
    builder.measure(is_measured).spawn(move || help(&job))
}

/// A helper's whole life.
fn help<const BUFFER_BYTES: usize>(job: &Job) {
    let mut buffer = [0; BUFFER_BYTES];
    loop {
        let piece = BOARD.claim();
        work::work(&BOARD, piece, job, &mut buffer);
    }
}
