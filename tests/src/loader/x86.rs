//! The jump on 32-bit x86.

use core::arch::asm;

/// Jumps to `entry` with the stack pointer `stack`, the direction flag set, and nonsense in every
/// general register, and in the vector registers where the target has them. `gs` keeps the
/// loader's selector.
///
/// # Safety
/// 1. `entry` is a program's first instruction, and `stack` points to its initial stack with room
///    below.
pub unsafe fn enter(entry: usize, stack: usize) -> ! {
    #[cfg(target_feature = "sse2")]
    // SAFETY: nothing of this program runs any more that has something in them.
    unsafe {
        asm!(
            ".irp n,0,1,2,3,4,5,6,7",
            "pcmpeqd xmm\\n, xmm\\n",
            ".endr",
            options(nomem, nostack),
        )
    };
    // SAFETY: clause 1; nothing of this program runs any more.
    unsafe {
        asm!(
            "mov esp, edx",
            "push ecx",                 // for the `ret` at the end, which needs no register
            "mov eax, 0x5a5a5a5a",
            ".irp r,ebx,ecx,edx,esi,edi,ebp",
            "mov \\r, eax",
            ".endr",
            "stc",
            "std",
            "ret",
            in("ecx") entry,
            in("edx") stack,
            options(noreturn),
        )
    }
}

/// Whether the flags are as compilers count on: the direction flag clear (i386 psABI 2.2.1).
pub fn are_flags_clean() -> bool {
    const DIRECTION: u32 = 1 << 10;
    let flags: u32;
    // SAFETY: the flags are pushed and popped, and nothing else changes.
    unsafe { asm!("pushfd", "pop {}", out(reg) flags, options(preserves_flags)) };
    flags & DIRECTION == 0
}
