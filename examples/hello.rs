//! The smallest program: one line, no thread but the first.

#![no_std]
#![no_main]

threadbare::entry!(main);

fn main() {
    threadbare::println!("Hello, world!");
}
