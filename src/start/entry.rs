//! The last phases: initialisers, `main`, the end.

use crate::process;
use crate::sys::task;

unsafe extern "C" {
    /// What `entry!(main)` defines: calls [`enter`] with `main`.
    #[link_name = "no main: name it once with threadbare::entry!(main)"]
    fn __threadbare_main(initial_stack: *const usize);
}

/// An initialiser. glibc passes the arguments, and some C libraries count on it.
#[cfg(feature = "setup")]
type Initialiser = unsafe extern "C" fn(usize, *const *const u8, *const *const u8);
/// A finaliser. Nobody passes it anything.
#[cfg(feature = "setup")]
type Finaliser = unsafe extern "C" fn();

// Linkers define these, equal where there are none (`--defsym`-like, hidden).
#[cfg(feature = "setup")]
unsafe extern "C" {
    static __init_array_start: [Initialiser; 0];
    static __init_array_end: [Initialiser; 0];
    static __fini_array_start: [Finaliser; 0];
    static __fini_array_end: [Finaliser; 0];
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
        // SAFETY: clause 1: it is the kernel's. Phase 6.
        unsafe { run_init_array(initial_stack) };
    }
    #[cfg(not(feature = "setup"))]
    super::note(initial_stack);
}

/// Runs `.init_array`, in order.
///
/// # Safety
/// 1. Called once, with the kernel's initial stack, when all that initialisers count on is set up.
#[cfg(feature = "setup")]
unsafe fn run_init_array(initial_stack: *const usize) {
    let mut at = (&raw const __init_array_start).cast::<Initialiser>();
    let end = (&raw const __init_array_end).cast::<Initialiser>();
    while at != end {
        // SAFETY: the linker's bounds of an array of functions, which only relocation writes, and
        // that is over.
        let initialiser = unsafe { at.read() };
        at = at.wrapping_add(1);
        // SAFETY: clause 1.
        let argument_count = unsafe { initial_stack.read() };
        let arguments = initial_stack.wrapping_add(1).cast::<*const u8>();
        let environment = arguments.wrapping_add(argument_count + 1);
        // SAFETY: clause 1.
        unsafe { initialiser(argument_count, arguments, environment) };
    }
}

/// Runs `.fini_array`, the last entry first (gABI 4.1, "Initialization and Termination").
///
/// # Safety
/// 1. Called once, at the process's end.
#[cfg(feature = "setup")]
pub(crate) unsafe fn run_fini_array() {
    let start = (&raw const __fini_array_start).cast::<Finaliser>();
    let mut at = (&raw const __fini_array_end).cast::<Finaliser>();
    while at != start {
        at = at.wrapping_sub(1);
        // SAFETY: as in `run_init_array`; clause 1.
        unsafe { at.read()() };
    }
}
