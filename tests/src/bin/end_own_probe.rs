//! Not a program of the suite's protocol: its `main` returns a type of its own.

#![no_std]
#![no_main]

use threadbare::process::{ExitCode, Termination};

threadbare::entry!(main);

/// A weekday, and its number as the exit code.
enum Day {
    Wednesday,
}

impl Termination for Day {
    fn report(self) -> ExitCode {
        match self {
            Day::Wednesday => ExitCode::from(3),
        }
    }
}

fn main() -> Day {
    threadbare::print!("own");
    Day::Wednesday
}
