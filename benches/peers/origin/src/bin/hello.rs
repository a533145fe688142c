//! The smallest program.

#![no_std]
#![no_main]

extern crate origin;

/// # Safety
/// 1. origin alone calls it.
#[unsafe(no_mangle)]
unsafe fn origin_main(_: usize, _: *mut *mut u8, _: *mut *mut u8) -> i32 {
    // SAFETY: nobody closes standard output.
    let _ = rustix::io::write(unsafe { rustix::stdio::stdout() }, b"Hello, world!\n");
    origin::program::immediate_exit(0)
}
