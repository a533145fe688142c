//! The smallest program.

#![no_std]
#![no_main]

mod own;

use threadbare::io::{Fd, Write};

threadbare::entry!(main);

fn main() {
    let mut out = Fd::STDOUT;
    let _ = out.write_all(b"Hello, world!\n");
}
