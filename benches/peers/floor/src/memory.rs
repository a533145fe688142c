//! The memory functions in one instruction each, where there is one.

use core::arch::asm;
use core::arch::x86_64::{_mm_cmpeq_epi8, _mm_loadu_si128, _mm_movemask_epi8};

/// # Safety
/// 1. As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8 {
    // SAFETY: clause 1.
    unsafe {
        asm!("rep movsb", inout("rdi") to => _, inout("rsi") from => _, inout("rcx") bytes => _,
            options(nostack, preserves_flags));
    }
    to
}

/// # Safety
/// 1. As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, byte: i32, bytes: usize) -> *mut u8 {
    // SAFETY: clause 1.
    unsafe {
        asm!("rep stosb", inout("rdi") to => _, in("al") byte as u8, inout("rcx") bytes => _,
            options(nostack, preserves_flags));
    }
    to
}

/// # Safety
/// 1. As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(one: *const u8, other: *const u8, bytes: usize) -> i32 {
    let mut at = 0;
    while at + 16 <= bytes {
        // SAFETY: clause 1: sixteen bytes are left in both.
        let mask = unsafe {
            let (one, other) = (one.add(at).cast(), other.add(at).cast());
            _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128(one), _mm_loadu_si128(other)))
        };
        if mask != 0xffff {
            break;
        }
        at += 16;
    }
    while at < bytes {
        // SAFETY: clause 1: a byte is left in both.
        let (one, other) = unsafe { (one.add(at).read(), other.add(at).read()) };
        if one != other {
            return i32::from(one) - i32::from(other);
        }
        at += 1;
    }
    0
}

/// # Safety
/// 1. As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(one: *const u8, other: *const u8, bytes: usize) -> i32 {
    // SAFETY: clause 1.
    unsafe { memcmp(one, other, bytes) }
}

/// # Safety
/// 1. As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8 {
    if to.addr().wrapping_sub(from.addr()) >= bytes {
        // SAFETY: clause 1; going up overwrites nothing that is still to be read.
        return unsafe { memcpy(to, from, bytes) };
    }
    // SAFETY: clause 1; going down, from the last byte.
    unsafe {
        asm!("std", "rep movsb", "cld", inout("rdi") to.wrapping_add(bytes).wrapping_sub(1) => _,
            inout("rsi") from.wrapping_add(bytes).wrapping_sub(1) => _,
            inout("rcx") bytes => _, options(nostack));
    }
    to
}

/// # Safety
/// 1. As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut count = 0;
    // SAFETY: clause 1.
    while unsafe { text.add(count).read_volatile() } != 0 {
        count += 1;
    }
    count
}
