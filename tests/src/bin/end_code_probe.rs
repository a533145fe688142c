//! Not a program of the suite's protocol: its `main` returns an exit code.

#![no_std]
#![no_main]

use threadbare::process::ExitCode;

threadbare::entry!(main);

fn main() -> ExitCode {
    threadbare::print!("code");
    ExitCode::from(33)
}
