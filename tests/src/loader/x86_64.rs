//! The jump on x86-64.

use core::arch::asm;

/// Jumps to `entry` with the stack pointer `stack`, the direction flag set, and nonsense in every
/// general and vector register.
///
/// # Safety
/// 1. `entry` is a program's first instruction, and `stack` points to its initial stack with room
///    below.
pub unsafe fn enter(entry: usize, stack: usize) -> ! {
    // SAFETY: clause 1; nothing of this program runs any more.
    unsafe {
        asm!(
            "mov rsp, rsi",
            "push rdi",                 // for the `ret` at the end, which needs no register
            ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15",
            "pcmpeqd xmm\\n, xmm\\n",
            ".endr",
            "mov rax, 0x5a5a5a5a5a5a5a5a",
            ".irp r,rbx,rcx,rdx,rsi,rdi,rbp,r8,r9,r10,r11,r12,r13,r14,r15",
            "mov \\r, rax",
            ".endr",
            "stc",
            "std",
            "ret",
            in("rdi") entry,
            in("rsi") stack,
            options(noreturn),
        )
    }
}

/// Whether the flags are as compilers count on: the direction flag clear (psABI 3.2.1).
pub fn are_flags_clean() -> bool {
    const DIRECTION: u64 = 1 << 10;
    let flags: u64;
    // SAFETY: the flags are pushed and popped, and nothing else changes.
    unsafe { asm!("pushfq", "pop {}", out(reg) flags, options(preserves_flags)) };
    flags & DIRECTION == 0
}
