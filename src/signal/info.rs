//! What a handler is told: about the signal, and about the code that it interrupted.

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use super::Signal;
use crate::arch::{self, kernel as k};
use crate::fatal::fatal;
use crate::sys;

/// What the kernel tells about a signal: its `siginfo_t`.
///
/// # Kernel
/// sigaction(2), "The siginfo_t argument to a SA_SIGINFO handler".
///
/// # Examples
/// ```
/// use threadbare::signal::{self, Signal, SignalSet};
///
/// let set = SignalSet::from([Signal::USR1]);
/// signal::block(&set);
/// signal::raise(Signal::USR1)?;
/// let info = signal::wait(&set);
/// assert_eq!(info.signal(), Signal::USR1);
/// // Somebody's call sent it, and no fault.
/// assert!(info.code() <= 0 && info.fault_address().is_none());
/// assert_eq!(info.process(), Some(threadbare::process::id()));
/// # Ok::<(), signal::SendError>(())
/// ```
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Info(pub(super) sys::signal::Info);

impl Info {
    /// Returns the signal.
    pub fn signal(&self) -> Signal {
        match Signal::new(self.0.number()) {
            Some(signal) => signal,
            None => fatal(c"the kernel told of a signal that does not exist"),
        }
    }

    /// Returns the kernel's `si_code`: 0 or below if a program sent the signal; what else it says
    /// depends on the signal (`SEGV_MAPERR`, `CLD_EXITED`, …).
    pub fn code(&self) -> i32 {
        self.0.code()
    }

    /// Returns the address that could not be used, or of the instruction at fault: of SIGSEGV,
    /// SIGBUS, SIGILL, SIGFPE and SIGTRAP that the CPU caused. On s390x the page of it.
    pub fn fault_address(&self) -> Option<usize> {
        const FAULTS: [Signal; 5] = [
            Signal::SEGV,
            Signal::BUS,
            Signal::ILL,
            Signal::FPE,
            Signal::TRAP,
        ];
        let is_fault = (1..k::SI_KERNEL as i32).contains(&self.code());
        (is_fault && FAULTS.contains(&self.signal())).then(|| self.0.fault_address())
    }

    /// Returns the number of the process that sent the signal, or, of SIGCHLD, of the child that it
    /// is about; 0 where that is none of ours to see.
    pub fn process(&self) -> Option<u32> {
        let is_sent = [k::SI_USER as i32, k::SI_QUEUE, k::SI_TKILL].contains(&self.code());
        let is_about_child = self.signal() == Signal::CHLD && self.code() > 0;
        (is_sent || is_about_child).then(|| self.0.process().cast_unsigned())
    }
}

impl fmt::Debug for Info {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Info")
            .field("signal", &self.signal())
            .field("code", &self.code())
            .field("fault_address", &self.fault_address())
            .field("process", &self.process())
            .finish()
    }
}

/// The registers of the code that a handler interrupted: the kernel's `ucontext`, for as long as
/// the handler runs.
///
/// # Examples
/// ```
/// use threadbare::signal::{Context, Info, Signal};
///
/// extern "C" fn on_profile(_: Signal, _: &Info, context: Context<'_>) {
///     let (_code, _stack) = (context.pc(), context.sp());
/// }
/// # let _: extern "C" fn(Signal, &Info, Context<'_>) = on_profile;
/// ```
// A pointer, as the kernel passes it to handlers.
#[repr(transparent)]
pub struct Context<'h> {
    address: NonNull<u8>,
    handler: PhantomData<&'h mut ()>,
}

impl Context<'_> {
    /// Returns the program counter: the instruction that was not finished, or is next.
    pub fn pc(&self) -> usize {
        // SAFETY: only the kernel makes a `Context`, as a handler's argument.
        unsafe { arch::signal_pc(self.address.as_ptr()) }
    }

    /// Returns the stack pointer.
    pub fn sp(&self) -> usize {
        // SAFETY: as in `pc`.
        unsafe { arch::signal_sp(self.address.as_ptr()) }
    }

    /// Returns the address of the kernel's structure, whose fields differ between CPUs; of
    /// `siginfo_t` on SPARC, where the registers follow it.
    ///
    /// What a handler writes there the interrupted code has in its registers when it goes on.
    ///
    /// # Examples
    /// ```
    /// use threadbare::signal::{Context, Info, Signal};
    ///
    /// extern "C" fn note(_: Signal, _: &Info, context: Context<'_>) {
    ///     assert!(!context.as_ptr().is_null());
    /// }
    /// ```
    pub fn as_ptr(&self) -> *mut u8 {
        self.address.as_ptr()
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Context {{ pc: {:#x}, sp: {:#x} }}",
            self.pc(),
            self.sp()
        )
    }
}
