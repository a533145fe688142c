//! threadbare for C: what `threadbare.h` declares, over the library's public interface.
//!
//! `cargo xtask capi` builds the archive and holds the header against this source. Everything here
//! is `tb_`; what is zero is ready for use, but for what has an `_init`; no function allocates.

#![no_std]
#![allow(
    non_camel_case_types,
    reason = "the names are those of the C interface"
)]

mod start;
mod sync;
mod thread;
mod tss;

/// Panics cannot get to a C program: they are this library's own mistakes, or a wait for ever.
#[cfg(not(feature = "freestanding"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    threadbare::process::abort()
}

/// What a `core` that was built to unwind names, and nothing calls.
#[cfg(not(feature = "freestanding"))]
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
