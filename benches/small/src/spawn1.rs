//! One thread, which writes the line.

#![no_std]
#![no_main]

mod own;

use threadbare::io::{Fd, Write};
use threadbare::thread::Builder;

threadbare::entry!(main);

fn main() {
    let thread = Builder::new().spawn(|| {
        let mut out = Fd::STDOUT;
        let _ = out.write_all(b"Hello, world!\n");
    });
    if let Ok(thread) = thread {
        let _ = thread.join();
    }
}
