//! What a program brings that leaves out the library's own.

/// Panics end the process at once, by the trap that `core`'s own abort is.
#[cfg(not(feature = "everything"))]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: the instruction is one that no CPU has, by definition.
    unsafe { core::arch::asm!("ud2", options(noreturn)) }
}
