//! The jump on AArch64.

use core::arch::asm;

/// Jumps to `entry` with the stack pointer `stack`, the condition flags set, and nonsense in every
/// general register but `x16`, which holds `entry`, and in the vector registers.
///
/// # Safety
/// 1. `entry` is a program's first instruction, and `stack` points to its initial stack with room
///    below.
pub unsafe fn enter(entry: usize, stack: usize) -> ! {
    // SAFETY: clause 1; nothing of this program runs any more.
    unsafe {
        asm!(
            "mov sp, x1",
            "mov x16, x0",
            ".irp n,0,1,2,3,4,5,6,7,8,15,16,30,31",
            "movi v\\n\\().16b, #0x5a",
            ".endr",
            "movz x0, #0x5a5a",
            "movk x0, #0x5a5a, lsl #16",
            "movk x0, #0x5a5a, lsl #32",
            "movk x0, #0x5a5a, lsl #48",
            ".irp n,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,17,18,19,20,21,22,23,24,25,26,27,28,29,30",
            "mov x\\n, x0",
            ".endr",
            "msr nzcv, x0",
            "br x16",
            in("x0") entry,
            in("x1") stack,
            options(noreturn),
        )
    }
}

/// Whether the flags are as compilers count on: on this CPU they count on none.
pub fn are_flags_clean() -> bool {
    true
}
