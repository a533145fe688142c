//! The jump on Hexagon.

use core::arch::asm;

/// Jumps to `entry` with the stack pointer `stack`, and nonsense in every general register but
/// `r28`, which holds `entry`, in the predicates, and in the loop and address registers. Not in
/// `gp`, which qemu 7.2 adds to absolute addresses, too.
///
/// # Safety
/// 1. `entry` is a program's first instruction, and `stack` points to its initial stack with room
///    below.
pub unsafe fn enter(entry: usize, stack: usize) -> ! {
    // SAFETY: clause 1; nothing of this program runs any more.
    unsafe {
        asm!(
            "r29 = r1",
            "r28 = r0",
            "r0 = ##0x5a5a5a5a",
            ".irp n,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,30,31",
            "r\\n = r0",
            ".endr",
            ".irp c,p3:0,m0,m1,sa0,sa1,lc0,lc1",
            "\\c = r0",
            ".endr",
            "jumpr r28",
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
