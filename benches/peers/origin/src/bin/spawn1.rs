//! One thread, which writes the line.

#![no_std]
#![no_main]

use core::ffi::c_void;
use core::ptr::NonNull;
use origin::thread;

/// # Safety
/// 1. origin alone calls it.
unsafe fn hello(_: &mut [Option<NonNull<c_void>>]) -> Option<NonNull<c_void>> {
    // SAFETY: nobody closes standard output.
    let _ = rustix::io::write(unsafe { rustix::stdio::stdout() }, b"Hello, world!\n");
    None
}

/// # Safety
/// 1. origin alone calls it.
#[unsafe(no_mangle)]
unsafe fn origin_main(_: usize, _: *mut *mut u8, _: *mut *mut u8) -> i32 {
    let (stack, guard) = (thread::default_stack_size(), thread::default_guard_size());
    // SAFETY: the function takes no arguments.
    match unsafe { thread::create(hello, &[], stack, guard) } {
        Ok(thread) => {
            // SAFETY: the thread is joined once.
            unsafe { thread::join(thread) };
            origin::program::immediate_exit(0)
        }
        Err(_) => origin::program::trap(),
    }
}
