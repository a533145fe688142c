//! Not a program of the suite's protocol: its `main` never returns.

#![no_std]
#![no_main]

use threadbare::process;

threadbare::entry!(main);

fn main() -> ! {
    threadbare::print!("never");
    process::exit(7)
}
