//! The last phases: initialisers, `main`, the end.

use super::initialize;
use crate::process;

unsafe extern "Rust" {
    /// What `entry!(main)` defines: calls `main` and turns what it returned into a status.
    #[link_name = "no main: name it once with threadbare::entry!(main)"]
    safe fn __threadbare_main() -> i32;
}

/// An initialiser or finaliser. glibc passes the arguments, and some C libraries count on it.
type Hook = unsafe extern "C" fn(usize, *const *const u8, *const *const u8);

// Linkers define these, equal where there are none (`--defsym`-like, hidden).
unsafe extern "C" {
    static __init_array_start: [Hook; 0];
    static __init_array_end: [Hook; 0];
    static __fini_array_start: [Hook; 0];
    static __fini_array_end: [Hook; 0];
}

/// Where `_start` arrives after phase 0, with the initial stack.
///
/// # Safety
/// 1. Entered only by `_start`, with what the kernel left in the stack pointer.
pub(crate) unsafe extern "C" fn entry(initial_stack: *const usize) -> ! {
    // SAFETY: clause 1: phases 1 to 5.
    unsafe { initialize(initial_stack) };
    let (start, end) = (&raw const __init_array_start, &raw const __init_array_end);
    // SAFETY: the linker's bounds of an array of functions. Phase 6.
    unsafe { call_hooks(start.cast(), end.cast(), false) };
    // Phase 7.
    process::exit(__threadbare_main())
}

/// Runs `.fini_array`, the last entry first (gABI 4.1, "Initialization and Termination").
///
/// # Safety
/// 1. Called once, at the process's end.
pub(crate) unsafe fn run_fini_array() {
    let (start, end) = (&raw const __fini_array_start, &raw const __fini_array_end);
    // SAFETY: the linker's bounds of an array of functions; clause 1.
    unsafe { call_hooks(start.cast(), end.cast(), true) };
}

/// Calls the functions in `[start, end)`.
///
/// # Safety
/// 1. The range holds functions that may be called now.
unsafe fn call_hooks(start: *const Hook, end: *const Hook, is_reversed: bool) {
    let process = super::Process::get();
    let count = (end.addr() - start.addr()) / size_of::<Hook>();
    for index in 0..count {
        let index = if is_reversed {
            count - 1 - index
        } else {
            index
        };
        // SAFETY: clause 1; the array may be written by relocation only, which is over.
        let hook = unsafe { start.add(index).read() };
        // SAFETY: clause 1.
        unsafe {
            hook(
                process.argument_count,
                process.arguments,
                process.environment,
            )
        };
    }
}
