//! The jump on MIPS.

use core::arch::asm;

/// Jumps to `entry` with the stack pointer `stack`, and nonsense in every register but `$2`, which
/// holds `entry`, and the two that belong to the kernel.
///
/// # Safety
/// 1. `entry` is a program's first instruction, and `stack` points to its initial stack with room
///    below.
pub unsafe fn enter(entry: usize, stack: usize) -> ! {
    // SAFETY: clause 1; nothing of this program runs any more.
    unsafe {
        asm!(
            ".set push",
            ".set noreorder",
            ".set noat",
            "move $sp, $5",
            "move $2, $4",
            "lui $1, 0x5a5a",
            "ori $1, $1, 0x5a5a",
            ".irp n,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,28,30,31",
            "move $\\n, $1",
            ".endr",
            #[cfg(not(target_arch = "mips32r6"))] // which has no such registers
            "mthi $1",
            #[cfg(not(target_arch = "mips32r6"))]
            "mtlo $1",
            "jr $2",
            "nop",                      // delay slot
            ".set pop",
            in("$4") entry,
            in("$5") stack,
            options(noreturn),
        )
    }
}

/// Whether the flags are as compilers count on: on this CPU they count on none.
pub fn are_flags_clean() -> bool {
    true
}
