//! The memory functions that compiled code calls by name: `memcpy`, `memmove`, `memset`, `memcmp`,
//! `bcmp`, `strlen`.
//!
//! CPUs for which a program in their own language is much faster have one in `arch/`
//! (`*_memory.rs`), which defines the symbols itself, lest there be a jump before each; all others
//! have [`portable`]. The functions are plain ones, so that they can be tested where a C library
//! owns the symbols; feature `mem` defines the symbols.

#[cfg(any(not(memory_functions), feature = "test-seam"))]
pub mod portable;

/// What programs have on this CPU.
#[cfg(feature = "test-seam")]
pub mod own {
    #[cfg(not(memory_functions))]
    pub use super::portable::{compare, copy_forward as copy, copy_overlapping, fill, length};
    #[cfg(memory_functions)]
    pub use crate::arch::memory::*;
}

/// What those have that are compiled for size.
#[cfg(all(feature = "test-seam", not(any(for_size, feature = "mem"))))]
pub mod small {
    #[cfg(not(memory_functions))]
    pub use super::own::*;
    #[cfg(memory_functions)]
    pub use crate::arch::memory_small::*;
}

/// The symbol that no file in `arch/` defines: it is another name for `memcmp`.
#[cfg(all(feature = "mem", memory_functions))]
mod symbols {
    use core::ffi::{c_int, c_void};

    /// Compares `n` bytes for being equal; bcmp(3).
    ///
    /// # Safety
    /// 1. As for [`crate::arch::memory::compare`].
    #[unsafe(no_mangle)]
    unsafe extern "C" fn bcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int {
        // SAFETY: by 1.
        unsafe { crate::arch::memory::compare(a.cast(), b.cast(), n) }
    }
}

/// The symbols, with the C library's signatures.
#[cfg(all(feature = "mem", not(memory_functions)))]
mod symbols {
    use core::ffi::{c_char, c_int, c_void};

    /// Copies `n` bytes; memcpy(3).
    ///
    /// # Safety
    /// 1. As for [`super::portable::copy_forward`], with ranges that do not overlap or are the same
    /// one.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(dst: *mut c_void, src: *const c_void, n: usize) -> *mut c_void {
        // SAFETY: by 1.
        unsafe { super::portable::copy_forward(dst.cast(), src.cast(), n) };
        dst
    }

    /// Copies `n` bytes between ranges that may overlap; memmove(3).
    ///
    /// # Safety
    /// 1. As for [`super::portable::copy_overlapping`].
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memmove(dst: *mut c_void, src: *const c_void, n: usize) -> *mut c_void {
        // SAFETY: by 1.
        unsafe { super::portable::copy_overlapping(dst.cast(), src.cast(), n) };
        dst
    }

    /// Sets `n` bytes to the low byte of `value`; memset(3).
    ///
    /// # Safety
    /// 1. As for [`super::portable::fill`].
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memset(dst: *mut c_void, value: c_int, n: usize) -> *mut c_void {
        // SAFETY: by 1.
        unsafe { super::portable::fill(dst.cast(), value as u8, n) };
        dst
    }

    /// Compares `n` bytes, with their order; memcmp(3).
    ///
    /// # Safety
    /// 1. As for [`super::portable::compare`].
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int {
        // SAFETY: by 1.
        unsafe { super::portable::compare(a.cast(), b.cast(), n) }
    }

    /// Compares `n` bytes for being equal; bcmp(3).
    ///
    /// # Safety
    /// 1. As for [`super::portable::compare`].
    #[unsafe(no_mangle)]
    unsafe extern "C" fn bcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int {
        // SAFETY: by 1.
        unsafe { super::portable::compare(a.cast(), b.cast(), n) }
    }

    /// Counts the bytes before the NUL; strlen(3).
    ///
    /// # Safety
    /// 1. As for [`super::portable::length`].
    #[unsafe(no_mangle)]
    unsafe extern "C" fn strlen(text: *const c_char) -> usize {
        // SAFETY: by 1.
        unsafe { super::portable::length(text.cast()) }
    }
}
