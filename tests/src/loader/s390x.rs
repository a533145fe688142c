//! The jump on s390x.

use core::arch::asm;

/// Jumps to `entry` with the stack pointer `stack`, the condition code 3, and nonsense in every
/// general register but `r1`, which holds `entry`, and in the floating-point registers.
///
/// # Safety
/// 1. `entry` is a program's first instruction, and `stack` points to its initial stack with room
///    below.
pub unsafe fn enter(entry: usize, stack: usize) -> ! {
    // SAFETY: clause 1; nothing of this program runs any more.
    unsafe {
        asm!(
            "lgr %r15, %r3",
            "lgr %r1, %r2",
            "llihf %r0, 0x5a5a5a5a",
            "oilf %r0, 0x5a5a5a5a",
            ".irp n,2,3,4,5,6,7,8,9,10,11,12,13,14",
            "lgr %r\\n, %r0",
            ".endr",
            ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
            "ldgr %f\\n, %r0",
            ".endr",
            "tmll %r0, 0x4242",         // condition code 3: all of these bits are set
            "br %r1",
            in("r2") entry,
            in("r3") stack,
            options(noreturn),
        )
    }
}

/// Whether the flags are as compilers count on: on this CPU they count on none.
pub fn are_flags_clean() -> bool {
    true
}
