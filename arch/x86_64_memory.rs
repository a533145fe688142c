//! The memory functions for x86-64.
//!
//! Short ranges are handled without loops, by loads and stores from both ends that overlap in the
//! middle; all loads come before the first store, so that ranges may overlap. From 64 bytes on
//! all stores but the first and the last are aligned: those that are not take three times as long
//! (Zen 3). Long ranges go by 64 bytes, or by 128 in registers of 32 bytes where the CPU has
//! those. To ask it costs microseconds in a virtual machine, so nobody asks before a mebibyte went
//! the slow way: most programs never do.
//!
//! Vectors come with the CPU (SSE2); wider ones need AVX2, and a kernel that saves them. Nothing is
//! read beyond a range but by [`length`], within 16 aligned bytes that hold a part of it.
//!
//! Sources: Intel 64 and IA-32 Architectures Optimization Reference Manual, 3.7.6 and 15.16; Intel
//! SDM, volume 2, `CPUID`, `XGETBV`; volume 1, 14.3 (how AVX is found out).

use core::arch::naked_asm;
use core::sync::atomic::{AtomicU8, AtomicU32};

/// What is known of the CPU: 0 as long as nobody has asked, then `ASKED`, with `WIDE` if it has
/// registers of 32 bytes, and `FAST` if `rep movsb` is, too. Written by whoever asks; everybody
/// finds the same.
static KNOWN: AtomicU8 = AtomicU8::new(0);
/// How many bytes went in long ranges so far, until somebody asks. Added to without care for
/// others: a few more or less make no difference.
static HEAT: AtomicU32 = AtomicU32::new(0);
const ASKED: u8 = 1;
const WIDE: u8 = 2;
const FAST: u8 = 4;
/// From how many bytes on `rep movsb` is the faster way: the first cache ends there.
const HUGE_BYTES: usize = 32 << 10;
/// How many bytes go by before the CPU is asked what it has.
const HOT_BYTES: u32 = 1 << 20;

/// Goes to `18` with wide registers, `17` without; `rdx` has the number of bytes. Nothing that an
/// argument is in changes, but `rcx`; `rax` stays.
macro_rules! by_width {
    () => {
        "
        movzx ecx, byte ptr [rip + {known}]
        test ecx, {wide}
        jnz 18f
        test ecx, ecx
        jnz 17f
        add dword ptr [rip + {heat}], edx
        cmp dword ptr [rip + {heat}], {hot}
        jb 17f
        mov r8, rdx
        mov r9, rbx
        mov r10, rax
        mov r11d, {asked}
        // AVX, and a kernel that uses XSAVE.
        mov eax, 1
        cpuid
        and ecx, 0x18000000
        cmp ecx, 0x18000000
        jne 16f
        xor eax, eax
        cpuid
        cmp eax, 7
        jb 16f
        mov eax, 7
        xor ecx, ecx
        cpuid
        // AVX2.
        test ebx, 0x20
        jz 16f
        // The kernel saves the halves of the registers.
        xor ecx, ecx
        xgetbv
        and eax, 6
        cmp eax, 6
        jne 16f
        or r11d, {wide}
        // ERMS.
        test ebx, 0x200
        jz 16f
        or r11d, {fast}
    16:
        mov byte ptr [rip + {known}], r11b
        mov rax, r10
        mov rbx, r9
        mov rdx, r8
        test r11d, {wide}
        jnz 18f
    17:
        "
    };
}

#[path = "x86_64_memory_compare.rs"]
mod compare;

pub use compare::compare;
// Its symbol is what programs use.
#[cfg(feature = "test-seam")]
pub use compare::length;

/// Copies up to 128 bytes and returns; with more it goes on. All loads come before the first store.
macro_rules! copy_short {
    () => {
        "
        mov rax, rdi
        cmp rdx, 16
        jb 20f
        movups xmm0, [rsi]
        movups xmm1, [rsi + rdx - 16]
        cmp rdx, 32
        ja 21f
        movups [rdi], xmm0
        movups [rdi + rdx - 16], xmm1
        ret
    20:
        cmp edx, 8
        jae 22f
        cmp edx, 4
        jae 23f
        cmp edx, 1
        jb 24f
        movzx ecx, byte ptr [rsi]
        je 25f
        movzx r8d, word ptr [rsi + rdx - 2]
        mov [rdi + rdx - 2], r8w
    25:
        mov [rdi], cl
    24:
        ret
        .p2align 4
    22:
        mov rcx, [rsi]
        mov r8, [rsi + rdx - 8]
        mov [rdi], rcx
        mov [rdi + rdx - 8], r8
        ret
        .p2align 4
    23:
        mov ecx, [rsi]
        mov r8d, [rsi + rdx - 4]
        mov [rdi], ecx
        mov [rdi + rdx - 4], r8d
        ret
        .p2align 4
    21:
        movups xmm2, [rsi + 16]
        movups xmm3, [rsi + rdx - 32]
        cmp rdx, 64
        ja 26f
        movups [rdi], xmm0
        movups [rdi + 16], xmm2
        movups [rdi + rdx - 16], xmm1
        movups [rdi + rdx - 32], xmm3
        ret
        .p2align 4
    26:
        cmp rdx, 128
        ja 27f
        // `r8` has the second aligned piece, `r9` the last one.
        lea r8, [rdi + 16]
        lea r9, [rdi + rdx - 16]
        and r8, -16
        and r9, -16
        mov rcx, rsi
        sub rcx, rdi
        movups xmm2, [r8 + rcx]
        movups xmm3, [r8 + rcx + 16]
        movups xmm4, [r8 + rcx + 32]
        movups xmm5, [r9 + rcx]
        movups xmm6, [r9 + rcx - 16]
        movups xmm7, [r9 + rcx - 32]
        cmp rdx, 96
        ja 28f
        movups [rdi], xmm0
        movaps [r8], xmm2
        movaps [r8 + 16], xmm3
        movaps [r8 + 32], xmm4
        movaps [r9 - 32], xmm7
        movaps [r9 - 16], xmm6
        movaps [r9], xmm5
        movups [rdi + rdx - 16], xmm1
        ret
        .p2align 4
    28:
        movups xmm8, [r8 + rcx + 48]
        movups xmm9, [r9 + rcx - 48]
        movups [rdi], xmm0
        movaps [r8], xmm2
        movaps [r8 + 16], xmm3
        movaps [r8 + 32], xmm4
        movaps [r8 + 48], xmm8
        movaps [r9 - 48], xmm9
        movaps [r9 - 32], xmm7
        movaps [r9 - 16], xmm6
        movaps [r9], xmm5
        movups [rdi + rdx - 16], xmm1
        ret
        .p2align 4
    27:
        "
    };
}

/// Copies more than 128 bytes upwards and returns. The first and the last bytes are loaded before
/// anything is stored, and stored last.
macro_rules! copy_up {
    () => {
        "
        movups xmm5, [rsi + rdx - 48]
        movups xmm6, [rsi + rdx - 64]
        lea rcx, [rdi + rdx]
        mov r8, rdi
        or r8, 15
        inc r8
        sub rsi, rdi
        add rsi, r8
        lea r9, [rcx - 64]
        .p2align 4
    30:
        movups xmm2, [rsi]
        movups xmm4, [rsi + 16]
        movups xmm7, [rsi + 32]
        movups xmm8, [rsi + 48]
        add rsi, 64
        movaps [r8], xmm2
        movaps [r8 + 16], xmm4
        movaps [r8 + 32], xmm7
        movaps [r8 + 48], xmm8
        add r8, 64
        cmp r8, r9
        jb 30b
        movups [rdi], xmm0
        movups [rcx - 16], xmm1
        movups [rcx - 32], xmm3
        movups [rcx - 48], xmm5
        movups [rcx - 64], xmm6
        ret
        "
    };
}

/// The same in wide registers.
macro_rules! copy_up_wide {
    () => {
        "
        .p2align 4
    18:
        cmp rdx, {huge}
        jae 35f
    36:
        vmovups ymm0, [rsi]
        vmovups ymm1, [rsi + rdx - 32]
        cmp rdx, 256
        ja 31f
        lea r8, [rdi + 32]
        lea r9, [rdi + rdx - 32]
        and r8, -32
        and r9, -32
        mov rcx, rsi
        sub rcx, rdi
        vmovups ymm2, [r8 + rcx]
        vmovups ymm3, [r8 + rcx + 32]
        vmovups ymm4, [r8 + rcx + 64]
        vmovups ymm5, [r9 + rcx]
        vmovups ymm6, [r9 + rcx - 32]
        vmovups ymm7, [r9 + rcx - 64]
        cmp rdx, 192
        ja 37f
        vmovups [rdi], ymm0
        vmovaps [r8], ymm2
        vmovaps [r8 + 32], ymm3
        vmovaps [r8 + 64], ymm4
        vmovaps [r9 - 64], ymm7
        vmovaps [r9 - 32], ymm6
        vmovaps [r9], ymm5
        vmovups [rdi + rdx - 32], ymm1
        vzeroupper
        ret
        .p2align 4
    37:
        vmovups ymm8, [r8 + rcx + 96]
        vmovups ymm9, [r9 + rcx - 96]
        vmovups [rdi], ymm0
        vmovaps [r8], ymm2
        vmovaps [r8 + 32], ymm3
        vmovaps [r8 + 64], ymm4
        vmovaps [r8 + 96], ymm8
        vmovaps [r9 - 96], ymm9
        vmovaps [r9 - 64], ymm7
        vmovaps [r9 - 32], ymm6
        vmovaps [r9], ymm5
        vmovups [rdi + rdx - 32], ymm1
        vzeroupper
        ret
        .p2align 4
    31:
        vmovups ymm2, [rsi + rdx - 64]
        vmovups ymm3, [rsi + rdx - 96]
        vmovups ymm8, [rsi + rdx - 128]
        lea rcx, [rdi + rdx]
        mov r8, rdi
        or r8, 31
        inc r8
        sub rsi, rdi
        add rsi, r8
        lea r9, [rcx - 128]
        .p2align 4
    32:
        vmovups ymm4, [rsi]
        vmovups ymm5, [rsi + 32]
        vmovups ymm6, [rsi + 64]
        vmovups ymm7, [rsi + 96]
        sub rsi, -128
        vmovaps [r8], ymm4
        vmovaps [r8 + 32], ymm5
        vmovaps [r8 + 64], ymm6
        vmovaps [r8 + 96], ymm7
        sub r8, -128
        cmp r8, r9
        jb 32b
        vmovups [rdi], ymm0
        vmovups [rcx - 32], ymm1
        vmovups [rcx - 64], ymm2
        vmovups [rcx - 96], ymm3
        vmovups [rcx - 128], ymm8
        vzeroupper
        ret
    35:
        // The string instruction moves whole lines from cache to cache, but overlaps byte by byte.
        test byte ptr [rip + {known}], {fast}
        jz 36b
        mov rcx, rsi
        sub rcx, rdi
        cmp rcx, rdx
        jb 36b
        mov rcx, rdx
        rep movsb
        ret
        "
    };
}

/// Copies `n` bytes between ranges that do not overlap, and returns `dst`; memcpy(3).
///
/// # Safety
/// 1. `n` bytes from `src` are readable, and `n` bytes from `dst` are writable.
/// 2. The ranges do not overlap, or are the same one, or `dst` is below `src`.
#[cfg_attr(feature = "mem", unsafe(export_name = "memcpy"))]
#[unsafe(naked)]
pub unsafe extern "C" fn copy(dst: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    naked_asm!(
        ".p2align 5",
        ".cfi_startproc",
        copy_short!(),
        by_width!(),
        copy_up!(),
        copy_up_wide!(),
        ".cfi_endproc",
        known = sym KNOWN,
        heat = sym HEAT,
        hot = const HOT_BYTES,
        asked = const ASKED,
        wide = const WIDE,
        fast = const FAST,
        huge = const HUGE_BYTES,
    )
}

/// Copies `n` bytes between ranges that may overlap, and returns `dst`; memmove(3).
///
/// # Safety
/// 1. `n` bytes from `src` are readable, and `n` bytes from `dst` are writable.
#[cfg_attr(feature = "mem", unsafe(export_name = "memmove"))]
#[unsafe(naked)]
pub unsafe extern "C" fn copy_overlapping(dst: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    naked_asm!(
        ".p2align 5",
        ".cfi_startproc",
        copy_short!(),
        // Downwards if `dst` lies within the source; the difference wraps to a large one where it
        // is below.
        "
        mov rcx, rdi
        sub rcx, rsi
        cmp rcx, rdx
        jb 19f
        ",
        by_width!(),
        copy_up!(),
        copy_up_wide!(),
        "
        .p2align 4
    19:
        movups xmm5, [rsi + 32]
        movups xmm6, [rsi + 48]
        movups xmm2, [rsi + 16]
        lea rcx, [rdi + rdx]
        mov r8, rcx
        dec r8
        and r8, -16
        sub rsi, rdi
        lea r9, [rdi + 64]
        add rsi, r8
        .p2align 4
    33:
        movups xmm3, [rsi - 16]
        movups xmm4, [rsi - 32]
        movups xmm7, [rsi - 48]
        movups xmm8, [rsi - 64]
        sub rsi, 64
        movaps [r8 - 16], xmm3
        movaps [r8 - 32], xmm4
        movaps [r8 - 48], xmm7
        movaps [r8 - 64], xmm8
        sub r8, 64
        cmp r8, r9
        ja 33b
        movups [rdi], xmm0
        movups [rdi + 16], xmm2
        movups [rdi + 32], xmm5
        movups [rdi + 48], xmm6
        movups [rcx - 16], xmm1
        ret
        ",
        ".cfi_endproc",
        known = sym KNOWN,
        heat = sym HEAT,
        hot = const HOT_BYTES,
        asked = const ASKED,
        wide = const WIDE,
        fast = const FAST,
        huge = const HUGE_BYTES,
    )
}

/// Sets `n` bytes to the low byte of `value`, and returns `dst`; memset(3).
///
/// # Safety
/// 1. `n` bytes from `dst` are writable.
#[cfg_attr(feature = "mem", unsafe(export_name = "memset"))]
#[unsafe(naked)]
pub unsafe extern "C" fn fill(dst: *mut u8, value: i32, n: usize) -> *mut u8 {
    naked_asm!(
        ".p2align 5",
        ".cfi_startproc",
        "
        mov rax, rdi
        movzx esi, sil
        mov rcx, 0x0101010101010101
        imul rcx, rsi
        cmp rdx, 16
        jb 20f
        movq xmm0, rcx
        punpcklqdq xmm0, xmm0
        cmp rdx, 32
        ja 21f
        movups [rdi], xmm0
        movups [rdi + rdx - 16], xmm0
        ret
    20:
        cmp edx, 8
        jae 22f
        cmp edx, 4
        jae 23f
        cmp edx, 1
        jb 24f
        mov [rdi], cl
        je 24f
        mov [rdi + rdx - 2], cx
    24:
        ret
        .p2align 4
    22:
        mov [rdi], rcx
        mov [rdi + rdx - 8], rcx
        ret
        .p2align 4
    23:
        mov [rdi], ecx
        mov [rdi + rdx - 4], ecx
        ret
        .p2align 4
    21:
        cmp rdx, 128
        ja 27f
        movups [rdi], xmm0
        movups [rdi + rdx - 16], xmm0
        cmp rdx, 48
        ja 25f
        movups [rdi + 16], xmm0
        ret
        .p2align 4
    25:
        // `r8` has the second aligned piece, `r9` the last one.
        lea r8, [rdi + 16]
        lea r9, [rdi + rdx - 16]
        and r8, -16
        and r9, -16
        movaps [r8], xmm0
        movaps [r8 + 16], xmm0
        movaps [r9 - 16], xmm0
        movaps [r9], xmm0
        cmp rdx, 64
        ja 26f
        ret
        .p2align 4
    26:
        movaps [r8 + 32], xmm0
        movaps [r9 - 32], xmm0
        cmp rdx, 96
        ja 28f
        ret
        .p2align 4
    28:
        movaps [r8 + 48], xmm0
        movaps [r9 - 48], xmm0
        ret
        .p2align 4
    27:
        ",
        by_width!(),
        "
        movups [rdi], xmm0
        movups [rdi + rdx - 16], xmm0
        lea r8, [rdi + 16]
        lea rcx, [rdi + rdx - 16]
        and r8, -16
        and rcx, -16
        lea r9, [rcx - 48]
        .p2align 4
    30:
        movaps [r8], xmm0
        movaps [r8 + 16], xmm0
        movaps [r8 + 32], xmm0
        movaps [r8 + 48], xmm0
        add r8, 64
        cmp r8, r9
        jb 30b
        movaps [rcx - 48], xmm0
        movaps [rcx - 32], xmm0
        movaps [rcx - 16], xmm0
        movaps [rcx], xmm0
        ret
        .p2align 4
    18:
        vpbroadcastb ymm0, xmm0
        vmovups [rdi], ymm0
        vmovups [rdi + rdx - 32], ymm0
        lea r8, [rdi + 32]
        lea rcx, [rdi + rdx - 32]
        and r8, -32
        and rcx, -32
        vmovaps [r8], ymm0
        vmovaps [r8 + 32], ymm0
        vmovaps [r8 + 64], ymm0
        vmovaps [rcx - 64], ymm0
        vmovaps [rcx - 32], ymm0
        vmovaps [rcx], ymm0
        cmp rdx, 192
        jbe 34f
        vmovaps [r8 + 96], ymm0
        lea r9, [rcx - 96]
        vmovaps [r9], ymm0
        sub r8, -128
        cmp r8, r9
        jae 34f
        .p2align 4
    32:
        vmovaps [r8], ymm0
        vmovaps [r8 + 32], ymm0
        vmovaps [r8 + 64], ymm0
        vmovaps [r8 + 96], ymm0
        sub r8, -128
        cmp r8, r9
        jb 32b
    34:
        vzeroupper
        ret
        ",
        ".cfi_endproc",
        known = sym KNOWN,
        heat = sym HEAT,
        hot = const HOT_BYTES,
        asked = const ASKED,
        wide = const WIDE,
        fast = const FAST,
    )
}
