//! How a thread pointer is read on ARM: from a register, or with the kernel's help.
//!
//! The register came with ARMv6K. What the target guarantees is known when the crate is built
//! (`thread_register`, from the build script); a program that must not count on the register learns
//! at its start what the machine has.

#[cfg(feature = "start")]
use core::arch::naked_asm;

#[cfg(all(feature = "start", thread_register))]
pub(super) use crate::start::entry as enter;

/// Learns how the thread pointer is read, and goes on to [`crate::start::entry`].
///
/// # Safety
/// 1. Entered only by `_start`, after relocation, with what the kernel left in the stack pointer.
#[cfg(all(feature = "start", not(thread_register)))]
pub(super) unsafe extern "C" fn enter(initial_stack: *const usize) -> ! {
    use linux_raw_sys::auxvec::{AT_HWCAP, AT_NULL};
    const HWCAP_TLS: usize = 1 << 15; // arch/arm/include/uapi/asm/hwcap.h

    // SAFETY: clause 1, for all the steps below: arguments and environment end with null pointers,
    // the auxiliary vector with `AT_NULL`.
    unsafe {
        let mut at = initial_stack.add(*initial_stack + 2);
        while *at != 0 {
            at = at.add(1);
        }
        at = at.add(1);
        while *at != AT_NULL as usize {
            if *at == AT_HWCAP as usize && *at.add(1) & HWCAP_TLS != 0 {
                HAS_THREAD_REGISTER.store(true, core::sync::atomic::Ordering::Relaxed);
            }
            at = at.add(2);
        }
        crate::start::entry(initial_stack)
    }
}

/// Whether the machine has the thread register, in a program that must not rely on it. Written
/// while there is one thread.
#[cfg(all(feature = "start", not(thread_register)))]
static HAS_THREAD_REGISTER: core::sync::atomic::AtomicBool =
    core::sync::atomic::AtomicBool::new(false);

/// Returns the thread pointer, for compiled code; it may change `r0`, `ip`, `lr` and flags only.
///
/// # Safety
/// 1. This thread's pointer was set.
#[cfg(all(feature = "start", thread_register))]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __aeabi_read_tp() -> usize {
    naked_asm!(
        ".cfi_startproc",
        "mrc p15, 0, r0, c13, c0, 3",
        "push {{lr}}", // back to either instruction set, without `bx`
        "pop {{pc}}",
        ".cfi_endproc",
    )
}

/// Returns the thread pointer, for compiled code; it may change `r0`, `ip`, `lr` and flags only.
///
/// The register exists from ARMv6K on, and this program may have to run on less. There the kernel
/// keeps the value, and its helper, which returns to `lr`, reads it. The helper alone would not
/// do: a kernel for newer machines may have none.
///
/// # Safety
/// 1. This thread's pointer was set.
#[cfg(all(feature = "start", not(thread_register)))]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __aeabi_read_tp() -> usize {
    // ARM code: nothing below ARMv6K has Thumb-2.
    naked_asm!(
        ".cfi_startproc",
        "ldr ip, 3f",
        "2:",
        "ldrb ip, [pc, ip]",       // pc reads as two instructions further on
        "cmp ip, #0",
        "beq 4f",
        "mrc p15, 0, r0, c13, c0, 3",
        "push {{lr}}",             // back to either instruction set, without `bx`
        "pop {{pc}}",
        "4:",
        "mvn r0, #0xf000",         // 0xffff0fff
        "sub pc, r0, #31",         // __kuser_get_tls, at 0xffff0fe0
        "3:",
        ".word {has_register} - (2b + 8)",
        ".cfi_endproc",
        has_register = sym HAS_THREAD_REGISTER,
    )
}

/// Evaluates to the thread pointer, where the register is certain to exist.
#[cfg(thread_register)]
#[doc(hidden)]
#[macro_export]
macro_rules! __thread_pointer {
    ($($option:ident),*) => {{
        let tp: usize;
        ::core::arch::asm!(
            "mrc p15, 0, {}, c13, c0, 3",
            out(reg) tp,
            options(nostack, preserves_flags, $($option),*),
        );
        tp
    }};
}

/// Evaluates to the thread pointer, where it depends on the machine how it is read.
#[cfg(not(thread_register))]
#[doc(hidden)]
#[macro_export]
macro_rules! __thread_pointer {
    ($($option:ident),*) => {{
        let tp: usize;
        ::core::arch::asm!(
            "bl __aeabi_read_tp",  // ours, or a C library's
            out("r0") tp,
            out("r12") _,
            out("lr") _,
            options($($option),*),
        );
        tp
    }};
}
