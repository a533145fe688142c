//! The memory functions for x86-64, in programs that are compiled for size: the string
//! instructions, which are slow for a few bytes, and for many only on CPUs without fast ones
//! (ERMS).
//!
//! Source: Intel SDM, volume 2, `MOVS`, `STOS`, `CMPS`, `SCAS`; the direction flag is clear at
//! calls (System V ABI, AMD64 supplement, 3.2.1).

use core::arch::naked_asm;

/// Copies `n` bytes between ranges that do not overlap, and returns `dst`; memcpy(3).
///
/// # Safety
/// 1. `n` bytes from `src` are readable, and `n` bytes from `dst` are writable.
/// 2. The ranges do not overlap, or are the same one, or `dst` is below `src`.
#[cfg_attr(feature = "mem", unsafe(export_name = "memcpy"))]
#[unsafe(naked)]
pub unsafe extern "C" fn copy(dst: *mut u8, src: *const u8, n: usize) -> *mut u8 {
    naked_asm!(
        ".cfi_startproc",
        "mov rax, rdi",
        "mov rcx, rdx",
        "rep movsb",
        "ret",
        ".cfi_endproc",
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
        ".cfi_startproc",
        "mov rax, rdi",
        "mov rcx, rdx",
        // Downwards if `dst` lies within the source; the difference wraps to a large one where it
        // is below.
        "mov r8, rdi",
        "sub r8, rsi",
        "cmp r8, rdx",
        "jb 2f",
        "rep movsb",
        "ret",
        "2:",
        "lea rdi, [rdi + rdx - 1]",
        "lea rsi, [rsi + rdx - 1]",
        "std",
        "rep movsb",
        "cld",
        "ret",
        ".cfi_endproc",
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
        ".cfi_startproc",
        "mov r8, rdi",
        "mov eax, esi",
        "mov rcx, rdx",
        "rep stosb",
        "mov rax, r8",
        "ret",
        ".cfi_endproc",
    )
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
        ".cfi_startproc",
        "mov rcx, rdx",
        // Also what is found of no bytes.
        "xor eax, eax",
        "repe cmpsb",
        "je 2f",
        "movzx eax, byte ptr [rdi - 1]",
        "movzx ecx, byte ptr [rsi - 1]",
        // `cmps` takes its first operand from where `rsi` points.
        "sub eax, ecx",
        "2:",
        "ret",
        ".cfi_endproc",
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
        ".cfi_startproc",
        "lea rax, [rdi - 1]",
        "2:",
        "inc rax",
        "cmp byte ptr [rax], 0",
        "jne 2b",
        "sub rax, rdi",
        "ret",
        ".cfi_endproc",
    )
}
