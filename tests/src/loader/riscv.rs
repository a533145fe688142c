//! The jump on RISC-V, 64 and 32 bits.

use core::arch::asm;

/// Jumps to `entry` with the stack pointer `stack`, and nonsense in every general register but
/// `t0`, which holds `entry`, and in the floating-point registers.
///
/// # Safety
/// 1. `entry` is a program's first instruction, and `stack` points to its initial stack with room
///    below.
pub unsafe fn enter(entry: usize, stack: usize) -> ! {
    // SAFETY: clause 1; nothing of this program runs any more.
    unsafe {
        asm!(
            "fence.i",                  // what was written is executed
            "mv sp, a1",
            "mv t0, a0",
            "li a0, 0x5a5a5a5a",
            ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
            "fmv.w.x f\\n, a0",
            ".endr",
            ".irp n,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
            "fmv.w.x f\\n, a0",
            ".endr",
            ".irp n,1,3,4,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
            "mv x\\n, a0",
            ".endr",
            "jr t0",
            in("a0") entry,
            in("a1") stack,
            options(noreturn),
        )
    }
}

/// Whether the flags are as compilers count on: this CPU has none.
pub fn are_flags_clean() -> bool {
    true
}
