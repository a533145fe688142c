//! threadbare: the whole runtime that a Rust program needs on bare Linux.
//!
//! It starts the program, gives it threads, thread-locals, locks and buffers on every CPU, and ends
//! it. There is no libc, no allocator and nothing below but the kernel.
//!
//! ```
//! #![no_std]
//! #![no_main]
//!
//! use threadbare::{println, thread};
//!
//! threadbare::entry!(main);
//!
//! fn main() {
//!     let answer = thread::spawn(|| 6 * 7);
//!     println!("the answer is {}", answer.join().unwrap());
//! }
//! ```
//!
//! A thread's stack is a buffer: its size, guard, memory and owner are chosen in the open. One
//! mapping holds guard, stack, TLS, control block, closure and result; `join` gives it back, or a
//! detached thread unmaps the ground under its own feet.
//!
//! # Modules
//! - [`thread`]: spawn, join, detach, identity; what [`thread_local!`] declares.
//! - [`sync`]: locks on bare futexes.
//! - [`io`]: readers and writers over memory the caller names, the standard streams, `print!`.
//! - [`time`]: instants, the time of day, durations.
//! - [`start`]: for programs that bring their own entry point, or live beside a libc.
//! - [`mod@env`], [`process`]: arguments, environment, the end.
//! - [`system`]: what PID 1 does with the machine: file systems, its end.
//! - [`signal`]: masks, actions, waiting, sending.
//!
//! # Features
//! All additive and on by default: `start` (our `_start` and [`entry!`]), `setup` (what stands when
//! `main` begins: thread-locals, the stack protector's value, `.init_array`; and `.fini_array` at
//! the end), `panic-handler`, `mem` (`memcpy` and its kin), `threads` (all of [`thread`] but
//! thread-locals and sleeping; without it the process has one thread, and [`sync`]'s locks are
//! cells), `fork` (a child of `fork` notices what it is), `cache` (the memory of a thread that has
//! ended is kept for the next one), `messages` (the line that says why the runtime aborts; without,
//! it dies by the CPU's trap), `overflow-report` (a thread that overflows its stack says so before
//! it dies).
//!
//! Off by default: `lock-api`, `critical-section`, `spin-relax` (what [`sync`] implements of those
//! crates), `lock-debug` (locks that know their holders).
//!
//! Off by default: `alloc` (`sync::Arc`, `sync::Weak`, `sync::mpsc`, `io::VecWriter`), for programs
//! that bring an allocator; `global-allocator`, for those that do not.

#![no_std]
#![cfg_attr(
    experimental_asm,
    feature(asm_experimental_arch, thread_local, allow_internal_unstable),
    allow(
        internal_features,
        reason = "the compiler is unstable there anyway; its users' crates need no gate for this"
    )
)]
#![cfg_attr(
    not(all(
        feature = "start",
        feature = "overflow-report",
        feature = "panic-handler"
    )),
    allow(
        dead_code,
        unused_imports,
        reason = "the rooms share what lies below them; with all of them everything is used"
    )
)]
#![cfg_attr(
    feature = "test-seam",
    allow(
        missing_docs,
        reason = "the seam shows what is private; what is public is checked without"
    )
)]

#[cfg(feature = "alloc")]
extern crate alloc;

mod arch;
mod auxv;
#[cfg(any(feature = "threads", feature = "test-seam"))]
mod cgroup;
mod elf;
pub mod env;
mod fatal;
#[cfg(feature = "threads")]
mod fork;
#[cfg(feature = "global-allocator")]
mod heap;
pub mod io;
mod line;
#[cfg(any(feature = "mem", feature = "test-seam"))]
mod mem;
#[cfg(feature = "threads")]
mod misuse;
mod packed;
#[cfg(feature = "panic-handler")]
mod panic;
pub mod process;
#[cfg(feature = "test-seam")]
pub mod seam;
pub mod signal;
mod stack;
pub mod start;
pub mod sync;
mod sys;
pub mod system;
pub mod thread;
pub mod time;
mod tls;
#[cfg(feature = "threads")]
mod used;
mod vdso;

pub use sys::Errno;

/// Names the program's `main`.
///
/// `main` takes nothing and returns `()`, `!`, an [`ExitCode`](process::ExitCode) or a `Result` of
/// one of them, as with `std`: an `Err` is written to standard error and is a failure.
///
/// # Examples
/// ```
/// #![no_std]
/// #![no_main]
/// threadbare::entry!(main);
/// fn main() {
///     threadbare::println!("Hello, world!");
/// }
/// ```
#[cfg(feature = "start")]
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        // The symbol's name is what a linker says when there is no `entry!`, or two.
        #[unsafe(export_name = "no main: name it once with threadbare::entry!(main)")]
        unsafe extern "C" fn __threadbare_main(initial_stack: *const usize) {
            let main: fn() -> _ = $main;
            // SAFETY: `_start` alone calls this, with the kernel's initial stack.
            unsafe { $crate::__enter(initial_stack, main) }
        }
    };
}

#[cfg(feature = "start")]
#[doc(hidden)]
pub use start::enter as __enter;
