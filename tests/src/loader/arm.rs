//! The jump on ARM, which assembles as Thumb-2 code too.

use core::arch::asm;

/// Jumps to `entry` with the stack pointer `stack`, the condition flags set, and nonsense in every
/// general register but `ip`, which holds `entry`.
///
/// # Safety
/// 1. `entry` is a program's first instruction, and `stack` points to its initial stack with room
///    below.
pub unsafe fn enter(entry: usize, stack: usize) -> ! {
    // SAFETY: clause 1; nothing of this program runs any more.
    unsafe {
        asm!(
            "mov sp, r1",
            "mov r12, r0",
            "mvn r0, #0xa5",
            ".irp n,1,2,3,4,5,6,7,8,9,10,11,14",
            "mov r\\n, r0",
            ".endr",
            "msr APSR_nzcvq, r0",
            "bx r12",                   // bit 0 says whether it is Thumb code
            in("r0") entry,
            in("r1") stack,
            options(noreturn),
        )
    }
}

/// Whether the flags are as compilers count on: on this CPU they count on none.
pub fn are_flags_clean() -> bool {
    true
}
