//! The jump on 32-bit PowerPC.

use core::arch::asm;

/// Jumps to `entry` with the stack pointer `stack`, all arithmetic flags set, and nonsense in every
/// register but `ctr`, which holds `entry`.
///
/// # Safety
/// 1. `entry` is a program's first instruction, and `stack` points to its initial stack with room
///    below.
pub unsafe fn enter(entry: usize, stack: usize) -> ! {
    // SAFETY: clause 1; nothing of this program runs any more.
    unsafe {
        asm!(
            "mtctr %r3",
            "mr %r1, %r4",
            "lis %r0, -0x2000",      // summary overflow, overflow, carry
            "mtxer %r0",
            "lis %r0, 0x5a5a",
            "ori %r0, %r0, 0x5a5a",
            "mtlr %r0",
            "mtcrf 255, %r0",
            ".irp n,2,3,4,5,6,7,8,9,10,11,12,13,14,15,\
             16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31",
            "mr \\n, %r0",
            ".endr",
            "bctr",
            in("r3") entry,
            in("r4") stack,
            options(noreturn),
        )
    }
}

/// Whether the flags are as compilers count on: on this CPU they count on none.
pub fn are_flags_clean() -> bool {
    true
}
