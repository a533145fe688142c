//! What a program brings that leaves out the library's own.

/// Panics end the process at once.
#[cfg(not(feature = "everything"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    threadbare::process::abort()
}
