//! The memory functions for AArch64, in both byte orders.
//!
//! Short ranges are handled without loops, by loads and stores from both ends that overlap in the
//! middle; all loads come before the first store, so that ranges may overlap. Long ones go by 64
//! bytes, aligned where they are written. The vector registers come with the CPU. Nothing is read
//! beyond a range but by [`length`], within 16 aligned bytes that hold a part of it.
//!
//! Source: Arm Architecture Reference Manual for A-profile, C6.2 and C7.2; unaligned accesses to
//! ordinary memory are allowed (B2.8), and Linux has `SCTLR_EL1.A` clear.

use core::arch::naked_asm;

/// Copies up to 128 bytes and returns; with more it goes on, with the ends of the ranges in `x4`
/// and
/// `x5`.
macro_rules! copy_short {
    () => {
        "
        add x4, x1, x2
        add x5, x0, x2
        cmp x2, #128
        b.hi 27f
        cmp x2, #32
        b.hi 21f
        cmp x2, #16
        b.lo 20f
        ldr q0, [x1]
        ldr q1, [x4, #-16]
        str q0, [x0]
        str q1, [x5, #-16]
        ret
    20:
        tbz x2, #3, 22f
        ldr x6, [x1]
        ldr x7, [x4, #-8]
        str x6, [x0]
        str x7, [x5, #-8]
        ret
    22:
        tbz x2, #2, 23f
        ldr w6, [x1]
        ldr w7, [x4, #-4]
        str w6, [x0]
        str w7, [x5, #-4]
        ret
    23:
        // The first, the last, and the one in the middle, which may be either.
        cbz x2, 24f
        lsr x3, x2, #1
        ldrb w6, [x1]
        ldrb w7, [x4, #-1]
        ldrb w8, [x1, x3]
        strb w6, [x0]
        strb w8, [x0, x3]
        strb w7, [x5, #-1]
    24:
        ret
        .p2align 4
    21:
        ldp q0, q1, [x1]
        ldp q2, q3, [x4, #-32]
        cmp x2, #64
        b.hi 25f
        stp q0, q1, [x0]
        stp q2, q3, [x5, #-32]
        ret
    25:
        ldp q4, q5, [x1, #32]
        cmp x2, #96
        b.ls 26f
        ldp q6, q7, [x4, #-64]
        stp q6, q7, [x5, #-64]
    26:
        stp q0, q1, [x0]
        stp q4, q5, [x0, #32]
        stp q2, q3, [x5, #-32]
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
        ldr q16, [x1]
        ldp q17, q18, [x4, #-64]
        ldp q19, q20, [x4, #-32]
        and x3, x0, #15
        bic x6, x0, #15
        sub x1, x1, x3
        add x6, x6, #16
        add x1, x1, #16
        sub x7, x5, #64
        .p2align 4
    30:
        ldp q2, q3, [x1, #32]
        ldp q0, q1, [x1], #64
        stp q0, q1, [x6]
        stp q2, q3, [x6, #32]
        add x6, x6, #64
        cmp x6, x7
        b.lo 30b
        str q16, [x0]
        stp q17, q18, [x5, #-64]
        stp q19, q20, [x5, #-32]
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
        copy_up!(),
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
        ".p2align 5",
        ".cfi_startproc",
        copy_short!(),
        // Downwards if `dst` lies within the source; the difference wraps to a large one where it
        // is below.
        "
        sub x3, x0, x1
        cmp x3, x2
        b.lo 31f
        ",
        copy_up!(),
        "
        .p2align 4
    31:
        ldr q16, [x4, #-16]
        ldp q17, q18, [x1]
        ldp q19, q20, [x1, #32]
        // The last multiple of 16 below the end of `dst`, and the source's place for it.
        sub x6, x5, #1
        bic x6, x6, #15
        sub x7, x5, x6
        sub x4, x4, x7
        add x7, x0, #64
        .p2align 4
    32:
        ldp q2, q3, [x4, #-32]
        ldp q0, q1, [x4, #-64]!
        stp q2, q3, [x6, #-32]
        stp q0, q1, [x6, #-64]!
        cmp x6, x7
        b.hi 32b
        stp q17, q18, [x0]
        stp q19, q20, [x0, #32]
        str q16, [x5, #-16]
        ret
        ",
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
        "
        .p2align 5
        .cfi_startproc
        dup v0.16b, w1
        add x5, x0, x2
        cmp x2, #64
        b.hi 27f
        cmp x2, #16
        b.lo 20f
        str q0, [x0]
        str q0, [x5, #-16]
        cmp x2, #32
        b.hi 21f
        ret
    21:
        str q0, [x0, #16]
        str q0, [x5, #-32]
        ret
    20:
        tbz x2, #3, 22f
        str d0, [x0]
        str d0, [x5, #-8]
        ret
    22:
        tbz x2, #2, 23f
        str s0, [x0]
        str s0, [x5, #-4]
        ret
    23:
        cbz x2, 24f
        strb w1, [x0]
        tbz x2, #1, 24f
        str h0, [x5, #-2]
    24:
        ret
        .p2align 4
    27:
        stp q0, q0, [x0]
        stp q0, q0, [x0, #32]
        bic x6, x0, #15
        add x6, x6, #64
        sub x7, x5, #64
        cmp x6, x7
        b.hs 28f
        .p2align 4
    30:
        stp q0, q0, [x6]
        stp q0, q0, [x6, #32]
        add x6, x6, #64
        cmp x6, x7
        b.lo 30b
    28:
        stp q0, q0, [x5, #-64]
        stp q0, q0, [x5, #-32]
        ret
        .cfi_endproc
        "
    )
}

/// Turns what was loaded of two ranges so that the first byte counts most.
#[cfg(target_endian = "little")]
macro_rules! turn {
    () => {
        "
        rev x3, x3
        rev x5, x5
        "
    };
}
#[cfg(target_endian = "big")]
macro_rules! turn {
    () => {
        ""
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
        "
        .p2align 5
        .cfi_startproc
        subs x2, x2, #16
        b.lo 20f
        .p2align 4
    30:
        ldp x3, x4, [x0], #16
        ldp x5, x6, [x1], #16
        cmp x3, x5
        ccmp x4, x6, #0, eq
        b.ne 31f
        subs x2, x2, #16
        b.hi 30b
        // 16 or fewer are left: the last 16, of which the first are known to be equal.
        add x0, x0, x2
        add x1, x1, x2
        ldp x3, x4, [x0]
        ldp x5, x6, [x1]
    31:
        cmp x3, x5
        csel x3, x3, x4, ne
        csel x5, x5, x6, ne
    32:
        ",
        turn!(),
        "
        cmp x3, x5
        cset w0, ne
        cneg w0, w0, lo
        ret
        .p2align 4
    20:
        // Of 16 it is so many less.
        add x2, x2, #16
        tbz x2, #3, 22f
        ldr x3, [x0]
        ldr x5, [x1]
        cmp x3, x5
        b.ne 32b
        add x0, x0, x2
        add x1, x1, x2
        ldr x3, [x0, #-8]
        ldr x5, [x1, #-8]
        b 32b
    22:
        tbz x2, #2, 23f
        ldr w3, [x0]
        ldr w5, [x1]
        cmp w3, w5
        b.ne 32b
        add x0, x0, x2
        add x1, x1, x2
        ldr w3, [x0, #-4]
        ldr w5, [x1, #-4]
        b 32b
    23:
        cbz x2, 24f
        // The first, the one in the middle, and the last; they may be the same ones.
        lsr x7, x2, #1
        sub x8, x2, #1
        ldrb w3, [x0]
        ldrb w5, [x1]
        subs w4, w3, w5
        b.ne 25f
        ldrb w3, [x0, x7]
        ldrb w5, [x1, x7]
        subs w4, w3, w5
        b.ne 25f
        ldrb w3, [x0, x8]
        ldrb w5, [x1, x8]
        sub w4, w3, w5
    25:
        mov w0, w4
        ret
    24:
        mov w0, #0
        ret
        .cfi_endproc
        "
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
        bic x1, x0, #15
        ld1 {{v0.16b}}, [x1]
        // Four bits for each byte, set where it is NUL, the first byte's lowest.
        cmeq v0.16b, v0.16b, #0
        shrn v0.8b, v0.8h, #4
        fmov x2, d0
        // Without the bytes before the text.
        lsl x3, x0, #2
        lsr x2, x2, x3
        cbz x2, 30f
        rbit x2, x2
        clz x2, x2
        lsr x0, x2, #2
        ret
        .p2align 4
    30:
        add x1, x1, #16
        ld1 {{v0.16b}}, [x1]
        cmeq v0.16b, v0.16b, #0
        shrn v0.8b, v0.8h, #4
        fmov x2, d0
        cbz x2, 30b
        rbit x2, x2
        clz x2, x2
        sub x0, x1, x0
        add x0, x0, x2, lsr #2
        ret
        .cfi_endproc
        "
    )
}
