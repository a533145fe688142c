//! Not a program of the suite's protocol: its `main` returns nothing, with an unfinished line.

#![no_std]
#![no_main]

threadbare::entry!(main);

fn main() {
    threadbare::print!("unit");
}
