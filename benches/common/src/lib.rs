//! What `cargo xtask bench` measures, once for every runtime.
//!
//! A program brings its threads and locks as implementations of the traits here, and a list of the
//! tests it can run. All else is the same in each of them, so that only the runtime can make a
//! difference: the loops, the clocks, the calls of the kernel (raw ones, for x86-64).
//!
//! `PROGRAM TEST [PERCENT [COUNT]]` prints lines `name value unit` and leaves with 0; with 2 where
//! it has no such test, and with 1 where a result was wrong. PERCENT scales the amount of work.
#![no_std]

pub mod channel;
pub mod clock;
pub mod locks;
pub mod many;
pub mod memory;
pub mod monitor;
pub mod os;
pub mod print;
pub mod spawn;
mod std_shaped;
pub mod threads;

pub use threads::Threads;

/// How a test is to run.
pub struct Run {
    /// How much of the work is done, in percent: 100 for a measurement, little to try it out.
    pub percent: u64,
    /// How many threads a test with a number to choose has, 0 for what it has by itself.
    pub count: usize,
}

impl Run {
    /// Returns how often to do what is done `times` times in a measurement.
    pub fn times(&self, times: u64) -> u64 {
        (times * self.percent / 100).max(1)
    }
}

/// A test by its name.
pub type Test = (&'static str, fn(&Run));

/// The exit status of a program that lacks the test.
const NO_SUCH_TEST: i32 = 2;

/// Runs the test that the arguments name and returns the exit status.
pub fn run<'a>(tests: &[Test], mut arguments: impl Iterator<Item = &'a str>) -> i32 {
    let name = arguments.next().unwrap_or("");
    let percent = arguments.next().and_then(|text| text.parse().ok());
    let count = arguments.next().and_then(|text| text.parse().ok());
    let run = Run {
        percent: percent.unwrap_or(100),
        count: count.unwrap_or(0),
    };
    match tests.iter().find(|(known, _)| *known == name) {
        Some((_, test)) => {
            test(&run);
            0
        }
        None => NO_SUCH_TEST,
    }
}

/// Ends the program, whose result is wrong, unless `is_right`.
pub fn verify(is_right: bool, what: &str) {
    if !is_right {
        os::write(2, b"wrong result: ");
        os::write(2, what.as_bytes());
        os::write(2, b"\n");
        os::exit(1);
    }
}
