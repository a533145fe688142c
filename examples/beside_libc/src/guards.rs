//! The words that a libc keeps in each thread's control block.

/// The words that glibc's code, and code with a stack protector, compares with.
#[cfg(target_arch = "x86_64")]
pub fn here() -> (usize, usize) {
    let (canary, pointer);
    // SAFETY: two words of the thread's control block, which both kinds of threads have.
    unsafe {
        core::arch::asm!(
            "mov {}, fs:[0x28]",
            "mov {}, fs:[0x30]",
            out(reg) canary,
            out(reg) pointer,
            options(nostack, readonly, preserves_flags),
        );
    }
    (canary, pointer)
}

/// There are no such words in other CPUs' control blocks, or not these.
#[cfg(not(target_arch = "x86_64"))]
pub fn here() -> (usize, usize) {
    (1, 1)
}
