//! The memory functions for x86-64 that write nothing: a part of `x86_64_memory.rs`, which has
//! their sources.

use core::arch::naked_asm;

use super::{ASKED, FAST, HEAT, HOT_BYTES, KNOWN, WIDE};

/// Compares up to 128 bytes and returns; with more it goes on.
macro_rules! compare {
    () => {
        "
        cmp rdx, 16
        jb 20f
        movups xmm0, [rdi]
        movups xmm1, [rsi]
        pcmpeqb xmm0, xmm1
        pmovmskb ecx, xmm0
        sub ecx, 0xffff
        jnz 40f
        cmp rdx, 32
        ja 21f
    28:
        // The last 16 bytes, all before which are equal.
        lea rdi, [rdi + rdx - 16]
        lea rsi, [rsi + rdx - 16]
        movups xmm0, [rdi]
        movups xmm1, [rsi]
        pcmpeqb xmm0, xmm1
        pmovmskb ecx, xmm0
        sub ecx, 0xffff
        jnz 40f
        xor eax, eax
        ret
        .p2align 4
    40:
        // The lowest bit that is set is of the first pair that differs.
        bsf ecx, ecx
        movzx eax, byte ptr [rdi + rcx]
        movzx edx, byte ptr [rsi + rcx]
        sub eax, edx
        ret
        .p2align 4
    20:
        cmp edx, 8
        jae 22f
        cmp edx, 4
        jae 23f
        cmp edx, 1
        jb 24f
        movzx eax, byte ptr [rdi]
        movzx ecx, byte ptr [rsi]
        je 25f
        // Two or three: the first, and the last two.
        shl eax, 16
        shl ecx, 16
        movzx r8d, word ptr [rdi + rdx - 2]
        movzx r9d, word ptr [rsi + rdx - 2]
        rol r8w, 8
        rol r9w, 8
        or eax, r8d
        or ecx, r9d
    25:
        sub eax, ecx
        ret
    24:
        xor eax, eax
        ret
        .p2align 4
    22:
        mov rcx, [rdi]
        mov r8, [rsi]
        cmp rcx, r8
        jne 41f
        mov rcx, [rdi + rdx - 8]
        mov r8, [rsi + rdx - 8]
    41:
        xor eax, eax
        bswap rcx
        bswap r8
        cmp rcx, r8
        seta al
        sbb eax, 0
        ret
        .p2align 4
    23:
        mov ecx, [rdi]
        mov r8d, [rsi]
        shl rcx, 32
        shl r8, 32
        mov r9d, [rdi + rdx - 4]
        mov r10d, [rsi + rdx - 4]
        bswap rcx
        bswap r8
        bswap r9d
        bswap r10d
        shl rcx, 32
        shl r8, 32
        or rcx, r9
        or r8, r10
        xor eax, eax
        cmp rcx, r8
        seta al
        sbb eax, 0
        ret
        .p2align 4
    21:
        cmp rdx, 64
        ja 29f
        // All at once; which of them differ is asked only if any do.
        movups xmm0, [rdi + 16]
        movups xmm1, [rsi + 16]
        pcmpeqb xmm0, xmm1
        movups xmm2, [rdi + rdx - 32]
        movups xmm3, [rsi + rdx - 32]
        pcmpeqb xmm2, xmm3
        movups xmm4, [rdi + rdx - 16]
        movups xmm5, [rsi + rdx - 16]
        pcmpeqb xmm4, xmm5
        pand xmm0, xmm2
        pand xmm0, xmm4
        pmovmskb ecx, xmm0
        sub ecx, 0xffff
        jnz 42f
        xor eax, eax
        ret
        .p2align 4
    29:
        cmp rdx, 128
        ja 27f
        movups xmm0, [rdi + 16]
        movups xmm1, [rsi + 16]
        pcmpeqb xmm0, xmm1
        movups xmm2, [rdi + 32]
        movups xmm3, [rsi + 32]
        pcmpeqb xmm2, xmm3
        movups xmm4, [rdi + 48]
        movups xmm5, [rsi + 48]
        pcmpeqb xmm4, xmm5
        pand xmm0, xmm2
        movups xmm6, [rdi + rdx - 64]
        movups xmm7, [rsi + rdx - 64]
        pcmpeqb xmm6, xmm7
        pand xmm0, xmm4
        movups xmm2, [rdi + rdx - 48]
        movups xmm3, [rsi + rdx - 48]
        pcmpeqb xmm2, xmm3
        pand xmm0, xmm6
        movups xmm4, [rdi + rdx - 32]
        movups xmm5, [rsi + rdx - 32]
        pcmpeqb xmm4, xmm5
        pand xmm0, xmm2
        movups xmm6, [rdi + rdx - 16]
        movups xmm7, [rsi + rdx - 16]
        pcmpeqb xmm6, xmm7
        pand xmm0, xmm4
        pand xmm0, xmm6
        pmovmskb ecx, xmm0
        sub ecx, 0xffff
        jnz 42f
        xor eax, eax
        ret
    42:
        // Some differ: by 16 bytes, until 32 or fewer are left.
        add rdi, 16
        add rsi, 16
        sub rdx, 16
        movups xmm0, [rdi]
        movups xmm1, [rsi]
        pcmpeqb xmm0, xmm1
        pmovmskb ecx, xmm0
        sub ecx, 0xffff
        jnz 40b
        cmp rdx, 32
        ja 42b
        jmp 28b
        .p2align 4
    27:
        "
    };
}

/// Compares `n` bytes as unsigned ones: negative, zero or positive as `a` is less, equal or greater
/// at the first that differs; memcmp(3).
///
/// # Safety
/// 1. `n` bytes from `a` and from `b` are readable.
#[cfg_attr(feature = "mem", unsafe(export_name = "memcmp"))]
#[unsafe(naked)]
pub unsafe extern "C" fn compare(a: *const u8, b: *const u8, n: usize) -> i32 {
    naked_asm!(
        ".p2align 5",
        ".cfi_startproc",
        compare!(),
        by_width!(),
        "
        // By 64 bytes while more than that are left; the loop stops at those that differ.
        .p2align 4
    30:
        movups xmm0, [rdi]
        movups xmm1, [rsi]
        movups xmm2, [rdi + 16]
        movups xmm3, [rsi + 16]
        pcmpeqb xmm0, xmm1
        movups xmm4, [rdi + 32]
        movups xmm5, [rsi + 32]
        pcmpeqb xmm2, xmm3
        movups xmm6, [rdi + 48]
        movups xmm7, [rsi + 48]
        pcmpeqb xmm4, xmm5
        pcmpeqb xmm6, xmm7
        pand xmm0, xmm2
        pand xmm4, xmm6
        pand xmm0, xmm4
        pmovmskb ecx, xmm0
        sub ecx, 0xffff
        jnz 43f
        add rdi, 64
        add rsi, 64
        sub rdx, 64
        cmp rdx, 64
        ja 30b
        jmp 44f
    43:
        // Within the next 64 bytes, of which there are so many.
        movups xmm0, [rdi]
        movups xmm1, [rsi]
        pcmpeqb xmm0, xmm1
        pmovmskb ecx, xmm0
        sub ecx, 0xffff
        jnz 40b
        add rdi, 16
        add rsi, 16
        jmp 43b
    44:
        // 1 to 64 are left, and 64 or more lie before: the last 64.
        lea rdi, [rdi + rdx - 64]
        lea rsi, [rsi + rdx - 64]
        mov edx, 4
    45:
        movups xmm0, [rdi]
        movups xmm1, [rsi]
        pcmpeqb xmm0, xmm1
        pmovmskb ecx, xmm0
        sub ecx, 0xffff
        jnz 40b
        add rdi, 16
        add rsi, 16
        dec edx
        jnz 45b
        xor eax, eax
        ret
        .p2align 4
    18:
        // The same by 128.
        vmovdqu ymm0, [rdi]
        vmovdqu ymm1, [rdi + 32]
        vmovdqu ymm2, [rdi + 64]
        vmovdqu ymm3, [rdi + 96]
        vpcmpeqb ymm0, ymm0, [rsi]
        vpcmpeqb ymm1, ymm1, [rsi + 32]
        vpcmpeqb ymm2, ymm2, [rsi + 64]
        vpcmpeqb ymm3, ymm3, [rsi + 96]
        vpand ymm4, ymm0, ymm1
        vpand ymm5, ymm2, ymm3
        vpand ymm4, ymm4, ymm5
        vpmovmskb ecx, ymm4
        inc ecx
        jnz 46f
        sub rdi, -128
        sub rsi, -128
        add rdx, -128
        cmp rdx, 128
        ja 18b
        // 1 to 128 are left, and 128 or more lie before: the last 128.
        lea rdi, [rdi + rdx - 128]
        lea rsi, [rsi + rdx - 128]
        vmovdqu ymm0, [rdi]
        vmovdqu ymm1, [rdi + 32]
        vmovdqu ymm2, [rdi + 64]
        vmovdqu ymm3, [rdi + 96]
        vpcmpeqb ymm0, ymm0, [rsi]
        vpcmpeqb ymm1, ymm1, [rsi + 32]
        vpcmpeqb ymm2, ymm2, [rsi + 64]
        vpcmpeqb ymm3, ymm3, [rsi + 96]
        vpand ymm4, ymm0, ymm1
        vpand ymm5, ymm2, ymm3
        vpand ymm4, ymm4, ymm5
        vpmovmskb ecx, ymm4
        inc ecx
        jnz 46f
        vzeroupper
        xor eax, eax
        ret
    46:
        // Among these four.
        vpmovmskb ecx, ymm0
        inc ecx
        jnz 47f
        add rdi, 32
        add rsi, 32
        vpmovmskb ecx, ymm1
        inc ecx
        jnz 47f
        add rdi, 32
        add rsi, 32
        vpmovmskb ecx, ymm2
        inc ecx
        jnz 47f
        add rdi, 32
        add rsi, 32
        vpmovmskb ecx, ymm3
        inc ecx
    47:
        vzeroupper
        jmp 40b
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

/// Returns the number of bytes before the first NUL; strlen(3).
///
/// # Safety
/// 1. The bytes from `text` up to and with a NUL are readable.
#[cfg_attr(feature = "mem", unsafe(export_name = "strlen"))]
#[unsafe(naked)]
pub unsafe extern "C" fn length(text: *const u8) -> usize {
    naked_asm!(
        "
        .p2align 5
        .cfi_startproc
        mov rax, rdi
        and rax, -16
        pxor xmm0, xmm0
        movaps xmm1, [rax]
        pcmpeqb xmm1, xmm0
        pmovmskb edx, xmm1
        // Without the bytes before the text.
        mov ecx, edi
        and ecx, 15
        shr edx, cl
        test edx, edx
        jnz 21f
        .p2align 4
    20:
        add rax, 16
        movaps xmm1, [rax]
        pcmpeqb xmm1, xmm0
        pmovmskb edx, xmm1
        test edx, edx
        jz 20b
        bsf edx, edx
        sub rax, rdi
        add rax, rdx
        ret
    21:
        bsf eax, edx
        ret
        .cfi_endproc
        "
    )
}
