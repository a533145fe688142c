//! The jump on SPARC V9.

use core::arch::asm;

/// Jumps to `entry` with the stack pointer one window below `stack`, all flags set, and nonsense in
/// every register but `%g1`, which holds `entry`, and those that belong to the system.
///
/// # Safety
/// 1. `entry` is a program's first instruction, and `stack` points to its initial stack with room
///    below.
pub unsafe fn enter(entry: usize, stack: usize) -> ! {
    // SAFETY: clause 1; nothing of this program runs any more.
    unsafe {
        asm!(
            "flushw",
            "mov %o0, %g1",
            "sub %o1, 2047 + 16 * 8, %sp", // the bias, and the room of one window
            "mov %o2, %g2",
            ".irp r,g3,g4,g5,o0,o1,o2,o3,o4,o5,o7,l0,l1,l2,l3,l4,l5,l6,l7,i0,i1,i2,i3,i4,i5,fp,i7",
            "mov %g2, %\\r",
            ".endr",
            "wr %g2, %g0, %y",
            "wr %g0, 0xff, %ccr",
            "jmp %g1",
            "nop",                      // delay slot
            in("o0") entry,
            in("o1") stack,
            in("o2") 0x5a5a_5a5a_5a5a_5a5a_u64,
            options(noreturn),
        )
    }
}

/// Whether the flags are as compilers count on: on this CPU they count on none.
pub fn are_flags_clean() -> bool {
    true
}
