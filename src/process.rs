//! The process and its end.
//!
//! A process ends when `main` returns, when any thread calls [`exit`] or [`abort`], when a panic
//! aborts it, or when its last thread ends. When `main` returns or a thread calls [`exit`], in this
//! order: that thread's thread-locals are destroyed, `.fini_array` runs, standard output is
//! flushed, and `exit_group` ends every thread wherever it is.
//!
//! # Examples
//! ```
//! #![no_std]
//! #![no_main]
//!
//! use threadbare::{env, println, process};
//!
//! threadbare::entry!(main);
//!
//! fn main() -> Result<(), &'static str> {
//!     if env::args().len() > 2 {
//!         return Err("one argument at most");
//!     }
//!     println!("process {}", process::id());
//!     Ok(())
//! }
//! ```

#[cfg(feature = "threads")]
mod child;
#[cfg(feature = "threads")]
mod command;
#[cfg(feature = "threads")]
mod error;

use core::fmt;
#[cfg(all(feature = "start", feature = "setup"))]
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use crate::arch::kernel::{SIGABRT, SIGKILL};
use crate::sys::{signal, task};

#[cfg(feature = "threads")]
pub use child::{Child, ExitStatus, Orphan, reap_orphan};
#[cfg(feature = "threads")]
pub use command::{Command, pipe};
#[cfg(feature = "threads")]
pub use error::{CommandError, Step};

/// What a process tells whoever waits for it: 0 to 255, of which 0 is success.
///
/// # Examples
/// ```
/// #![no_std]
/// #![no_main]
///
/// use threadbare::process::ExitCode;
///
/// threadbare::entry!(main);
///
/// fn main() -> ExitCode {
///     match threadbare::env::args().len() {
///         0 | 1 => ExitCode::SUCCESS,
///         2 => ExitCode::FAILURE,
///         _ => ExitCode::from(64),
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitCode(u8);

impl ExitCode {
    /// 0.
    pub const SUCCESS: ExitCode = ExitCode(0);
    /// 1.
    pub const FAILURE: ExitCode = ExitCode(1);

    /// Ends the process with this code, as [`exit`] does.
    ///
    /// # Examples
    /// ```
    /// use threadbare::process::ExitCode;
    ///
    /// ExitCode::SUCCESS.exit_process();
    /// ```
    pub fn exit_process(self) -> ! {
        exit(self.0.into())
    }
}

impl From<u8> for ExitCode {
    fn from(code: u8) -> ExitCode {
        ExitCode(code)
    }
}

impl From<ExitCode> for u8 {
    fn from(code: ExitCode) -> u8 {
        code.0
    }
}

/// What `main` may return.
///
/// # Examples
/// ```
/// use threadbare::process::{ExitCode, Termination};
///
/// fn code_of(result: impl Termination) -> ExitCode {
///     result.report()
/// }
/// assert_eq!(code_of(()), ExitCode::SUCCESS);
/// assert_eq!(code_of(Err::<(), _>("the disk is full")), ExitCode::FAILURE);
///
/// // A type of one's own, for a `main` that returns it.
/// struct Found(u32);
/// impl Termination for Found {
///     fn report(self) -> ExitCode {
///         if self.0 > 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
///     }
/// }
/// assert_eq!(code_of(Found(0)), ExitCode::from(1));
/// ```
pub trait Termination {
    /// Turns it into the process's exit code.
    fn report(self) -> ExitCode;
}

impl Termination for () {
    fn report(self) -> ExitCode {
        ExitCode::SUCCESS
    }
}

impl Termination for ExitCode {
    fn report(self) -> ExitCode {
        self
    }
}

impl<T: Termination, E: fmt::Debug> Termination for Result<T, E> {
    /// An error goes to standard error, as `std` writes it, and is a failure; outside of the main
    /// thread with the thread's name.
    fn report(self) -> ExitCode {
        match self {
            Ok(value) => value.report(),
            Err(error) => {
                complain(&error);
                ExitCode::FAILURE
            }
        }
    }
}

/// Writes an error to standard error.
fn complain(error: &dyn fmt::Debug) {
    #[cfg(feature = "threads")]
    if !crate::thread::is_main() {
        return crate::thread::name_of_current(|name| match name {
            Some(name) => crate::eprintln!("Error in thread '{name}': {error:?}"),
            None => crate::eprintln!("Error in a thread: {error:?}"),
        });
    }
    crate::eprintln!("Error: {error:?}");
}

/// What `entry!` calls: a `main`, by its type. `!` has no name of its own on stable Rust, so what
/// never returns is a kind of `main` here, and `Termination` stays open to users' types.
#[doc(hidden)]
pub trait Main {
    /// Calls it and turns what it returned into a code.
    fn call(self) -> ExitCode;
}

impl<T: Termination> Main for fn() -> T {
    fn call(self) -> ExitCode {
        self().report()
    }
}

impl Main for fn() -> ! {
    fn call(self) -> ExitCode {
        self()
    }
}

/// The kernel's number of the thread that ends the process by [`exit`], 0 while none does.
#[cfg(all(feature = "start", feature = "setup"))]
static EXITING: AtomicU32 = AtomicU32::new(0);
/// With which code it does; written after `EXITING`, read by the same thread.
#[cfg(all(feature = "start", feature = "setup"))]
static EXIT_CODE: AtomicI32 = AtomicI32::new(0);
/// Whether a thread called [`exit`]: while none did, the one whose `main` returns need not ask who
/// was first, and a program that never does has not got the code for it.
#[cfg(all(feature = "start", feature = "setup"))]
static IS_CALLED: AtomicBool = AtomicBool::new(false);
/// The same as `EXITING` of the thread whose `main` has returned.
///
/// # Ordering
/// That thread stores this and loads `IS_CALLED`; others store `IS_CALLED` and load this. One of
/// the two sees the other, as all four are sequentially consistent. If `main` sees the call, it
/// competes by `EXITING` like everybody; if not, the caller sees `main`, and waits.
#[cfg(all(feature = "start", feature = "setup"))]
static MAIN_RETURNED: AtomicU32 = AtomicU32::new(0);

/// Ends the process with the low 8 bits of `code`, after the destructors of the calling thread's
/// [thread-locals](crate::thread::LocalKey), the finalisers of `.fini_array` and a flush of
/// standard output.
///
/// No other destructor runs, in this thread or another; and where a scope (`thread::scope`) of the
/// calling thread is open, whose threads may have borrowed them, thread-locals are left, too. When
/// two threads call it, the first one's code counts and the others wait for the end; when one of
/// the destructors or finalisers calls it, the rest of them is left out. A child of `fork` ends by
/// itself even if the parent was about to end.
///
/// # Blocking
/// Never on a lock: standard output that another thread is writing to is not flushed.
///
/// # Examples
/// ```
/// threadbare::print!("this leaves, though the line does not end");
/// threadbare::process::exit(0);
/// ```
pub fn exit(code: i32) -> ! {
    #[cfg(all(feature = "start", feature = "setup"))]
    {
        IS_CALLED.store(true, Ordering::SeqCst);
        let this_thread = task::kernel_thread_id();
        let exiting = EXITING.load(Ordering::Relaxed);
        match (exiting, MAIN_RETURNED.load(Ordering::SeqCst)) {
            // From a destructor or finaliser: the rest is left out.
            (ending, _) | (0, ending) if ending == this_thread => {}
            (0, 0) => compete(code, this_thread),
            (0, main) => wait_for_the_end(&MAIN_RETURNED, main),
            // The main thread, too, if it was not the first: a handler of it may come here.
            (other, _) => wait_for_the_end(&EXITING, other),
        }
    }
    #[cfg(all(not(feature = "start"), feature = "setup"))]
    destroy_locals();
    crate::io::flush_at_exit();
    task::exit_process(code)
}

/// What comes before the end where `main` has returned.
#[cfg(feature = "start")]
pub(crate) fn finish(code: i32) {
    #[cfg(feature = "setup")]
    {
        let this_thread = task::kernel_thread_id();
        MAIN_RETURNED.store(this_thread, Ordering::SeqCst);
        if IS_CALLED.load(Ordering::SeqCst) {
            compete(code, this_thread);
        } else {
            EXIT_CODE.store(code, Ordering::Relaxed);
            tear_down();
        }
    }
    #[cfg(not(feature = "setup"))]
    let _ = code;
    crate::io::flush_at_exit();
}

/// Takes down what the start has set up, if no other thread is at it: else this waits for the
/// process's end.
#[cfg(all(feature = "start", feature = "setup"))]
fn compete(code: i32, this_thread: u32) {
    let first = EXITING.compare_exchange(0, this_thread, Ordering::Relaxed, Ordering::Relaxed);
    match first {
        Ok(_) => {
            EXIT_CODE.store(code, Ordering::Relaxed);
            tear_down();
        }
        Err(other) => wait_for_the_end(&EXITING, other),
    }
}

/// Destroys thread-locals, and runs the finalisers.
#[cfg(all(feature = "start", feature = "setup"))]
fn tear_down() {
    destroy_locals();
    // SAFETY: the process's end, reached once: who comes here was first.
    unsafe { crate::start::run_fini_array() }
}

/// Destroys the calling thread's thread-locals, which is about to end the process; unless scoped
/// threads may have borrowed them, which run on.
#[cfg(feature = "setup")]
fn destroy_locals() {
    #[cfg(all(feature = "threads", feature = "panic-handler"))]
    crate::thread::forbid_to_end_by_panic();
    #[cfg(feature = "threads")]
    if crate::thread::has_open_scope() {
        return;
    }
    // SAFETY: of this thread nothing runs on but destructors and finalisers.
    unsafe { crate::thread::run_destructors() };
}

/// Sleeps while another thread ends the process; returns if there is no such thread, as in a child
/// that was forked while there was.
#[cfg(all(feature = "start", feature = "setup"))]
fn wait_for_the_end(word: &'static AtomicU32, exiting: u32) {
    use crate::sys::futex::{Scope, wait};
    while task::is_in_this_process(exiting) {
        // SAFETY: the word is a static; nobody wakes it, the process's end does.
        unsafe { wait(word.as_ptr(), exiting, Scope::Private) };
    }
}

/// Ends the process if it is the calling thread that was about to; otherwise returns.
#[cfg(feature = "threads")]
pub(crate) fn go_on_exiting() {
    #[cfg(all(feature = "start", feature = "setup"))]
    {
        let exiting = [&EXITING, &MAIN_RETURNED].map(|word| word.load(Ordering::Relaxed));
        if exiting != [0, 0] && exiting.contains(&task::kernel_thread_id()) {
            exit(EXIT_CODE.load(Ordering::Relaxed));
        }
    }
}

/// Ends the process by SIGABRT, at once: nothing is flushed and nothing runs.
///
/// # Examples
/// ```no_run
/// threadbare::process::abort();
/// ```
pub fn abort() -> ! {
    die_by_abort()
}

/// Returns the process's number.
///
/// # Examples
/// ```
/// threadbare::println!("watch me with: ps -L -p {}", threadbare::process::id());
/// ```
pub fn id() -> u32 {
    task::process_id()
}

/// SIGABRT, and what remains where that is not deadly: a handler that returned, or being PID 1,
/// which signals without a handler do not reach: SIGKILL, and at last an ordinary end.
pub(crate) fn die_by_abort() -> ! {
    signal::unblock(SIGABRT);
    let _ = signal::raise(SIGABRT);
    let _ = signal::reset(SIGABRT);
    let _ = signal::raise(SIGABRT);
    let _ = signal::raise(SIGKILL);
    // What a shell reports for SIGABRT.
    task::exit_process(128 + SIGABRT as i32)
}
