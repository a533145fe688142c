//! The last phases: initialisers, `main`, the end.

use crate::process;
use crate::sys::task;

unsafe extern "C" {
    /// What `entry!(main)` defines: calls [`enter`] with `main`.
    #[link_name = "no main: name it once with threadbare::entry!(main)"]
    fn __threadbare_main(initial_stack: *const usize);
}

/// An initialiser or finaliser. glibc passes the arguments, and some C libraries count on it.
#[cfg(feature = "setup")]
type Hook = unsafe extern "C" fn(usize, *const *const u8, *const *const u8);

// Linkers define these, equal where there are none (`--defsym`-like, hidden).
#[cfg(feature = "setup")]
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
#[cfg_attr(
    fixed_address,
    allow(dead_code, reason = "`_start` goes further at once")
)]
pub(crate) unsafe extern "C" fn entry(initial_stack: *const usize) -> ! {
    // SAFETY: clause 1.
    unsafe { __threadbare_main(initial_stack) };
    crate::arch::trap()
}

/// All phases but the first. A part of the program that names `main`, which is called here alone.
///
/// It returns where the kernel refuses to end the process, to a trap. That it does not return
/// otherwise is not said: compilers do not join functions with callers that have no way on.
///
/// # Safety
/// 1. Called once, by `_start`, with what the kernel left in the stack pointer.
// Always: it is called once, by a function of the program that linkers know, which no compiler
// would join with others of its own accord.
#[inline(always)]
pub unsafe fn enter(initial_stack: *const usize, main: impl process::Main) {
    // SAFETY: clause 1.
    unsafe { begin(initial_stack) };
    // Phase 7.
    let code = i32::from(u8::from(main.call()));
    process::finish(code);
    task::end_process(code);
}

/// Phases 1 to 6.
///
/// # Safety
/// 1. As [`enter`].
unsafe fn begin(initial_stack: *const usize) {
    #[cfg(feature = "setup")]
    {
        // SAFETY: clause 1: phases 1 to 5.
        unsafe { super::set_up(super::HandOver::InitialStack(initial_stack)) };
        let (start, end) = (&raw const __init_array_start, &raw const __init_array_end);
        // SAFETY: the linker's bounds of an array of functions. Phase 6.
        unsafe { call_hooks(start.cast(), end.cast(), 1) };
    }
    #[cfg(not(feature = "setup"))]
    super::note(initial_stack);
}

/// Runs `.fini_array`, the last entry first (gABI 4.1, "Initialization and Termination").
///
/// # Safety
/// 1. Called once, at the process's end.
#[cfg(feature = "setup")]
pub(crate) unsafe fn run_fini_array() {
    let (start, end) = (&raw const __fini_array_start, &raw const __fini_array_end);
    // SAFETY: the linker's bounds of an array of functions; clause 1.
    unsafe {
        call_hooks(
            end.cast::<Hook>().wrapping_sub(1),
            start.cast::<Hook>().wrapping_sub(1),
            -1,
        )
    };
}

/// Calls the functions from `first` to before `end`, in steps.
///
/// # Safety
/// 1. There are functions that may be called now, and `end` is a number of steps away.
#[cfg(feature = "setup")]
unsafe fn call_hooks(first: *const Hook, end: *const Hook, step: isize) {
    let process = super::Process::get();
    let mut at = first;
    while at != end {
        // SAFETY: clause 1; the array may be written by relocation only, which is over.
        let hook = unsafe { at.read() };
        at = at.wrapping_offset(step);
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
