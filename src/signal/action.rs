//! What the process does on a signal.

use core::fmt;
use core::ops::BitOr;
use core::ptr;

use super::{Context, Info, Signal, SignalSet};
use crate::arch::kernel as k;
use crate::sys::{self, Errno};

/// What the process does on a signal, how, and what is blocked meanwhile.
///
/// # Examples
/// ```
/// use threadbare::signal::{Action, ActionFlags, Signal, SignalSet};
///
/// extern "C" fn on_signal(_: Signal) {}
///
/// let plain = Action::handler(on_signal);
/// let other = Action {
///     flags: ActionFlags::RESTART,
///     mask: SignalSet::from([Signal::TERM]),
///     ..plain
/// };
/// assert!(plain.mask.is_empty() && other.flags.contains(ActionFlags::RESTART));
/// # let _ = (Action::DEFAULT, Action::IGNORE);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// What is done.
    pub disposition: Disposition,
    /// How.
    pub flags: ActionFlags,
    /// What is blocked while a handler runs, besides the signal itself.
    pub mask: SignalSet,
}

/// What is done on a signal.
///
/// # Examples
/// ```
/// use threadbare::signal::{self, Disposition, Signal};
///
/// let action = signal::action(Signal::TERM)?;
/// assert!(matches!(action.disposition, Disposition::Default | Disposition::Ignore));
/// # Ok::<(), threadbare::Errno>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Disposition {
    /// What the kernel does by itself (signal(7), "Standard signals"): for most signals, it ends
    /// the process.
    Default,
    /// Nothing.
    Ignore,
    /// A thread that does not block the signal calls this, wherever it is, and goes on.
    Handler(extern "C" fn(Signal)),
    /// The same, and the handler is told more.
    HandlerWithInfo(extern "C" fn(Signal, &Info, Context<'_>)),
}

/// How an action is done. They are put together by `|`.
///
/// # Examples
/// ```
/// use threadbare::signal::ActionFlags;
///
/// let flags = ActionFlags::RESTART | ActionFlags::ON_STACK;
/// assert!(flags.contains(ActionFlags::ON_STACK) && !flags.contains(ActionFlags::NO_DEFER));
/// assert_eq!(flags | ActionFlags::NONE, flags);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct ActionFlags(u32);

impl ActionFlags {
    /// None of them.
    pub const NONE: ActionFlags = ActionFlags(0);
    /// `SA_RESTART`: a system call that the handler interrupts is made again by the kernel, where
    /// it can, and does not answer `EINTR`.
    pub const RESTART: ActionFlags = ActionFlags(k::SA_RESTART);
    /// `SA_ONSTACK`: the handler runs on the thread's signal stack, if it has one. Every thread has
    /// one while overflows are reported, and needs it for handlers of SIGSEGV that are to see them.
    pub const ON_STACK: ActionFlags = ActionFlags(k::SA_ONSTACK);
    /// `SA_NODEFER`: the signal itself is not blocked while its handler runs.
    pub const NO_DEFER: ActionFlags = ActionFlags(k::SA_NODEFER);
    /// `SA_RESETHAND`: the action becomes the default one as the handler is called.
    pub const RESET_HAND: ActionFlags = ActionFlags(k::SA_RESETHAND);
    /// `SA_NOCLDSTOP`: no SIGCHLD when a child stops or goes on.
    pub const NO_CHILD_STOP: ActionFlags = ActionFlags(k::SA_NOCLDSTOP);
    /// `SA_NOCLDWAIT`: children leave nothing behind to be waited for.
    pub const NO_CHILD_WAIT: ActionFlags = ActionFlags(k::SA_NOCLDWAIT);

    /// All that have names.
    const KNOWN: [(ActionFlags, &'static str); 6] = [
        (ActionFlags::RESTART, "RESTART"),
        (ActionFlags::ON_STACK, "ON_STACK"),
        (ActionFlags::NO_DEFER, "NO_DEFER"),
        (ActionFlags::RESET_HAND, "RESET_HAND"),
        (ActionFlags::NO_CHILD_STOP, "NO_CHILD_STOP"),
        (ActionFlags::NO_CHILD_WAIT, "NO_CHILD_WAIT"),
    ];

    /// Returns whether all flags of `other` are among these.
    pub const fn contains(self, other: ActionFlags) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for ActionFlags {
    type Output = ActionFlags;

    fn bitor(self, other: ActionFlags) -> ActionFlags {
        ActionFlags(self.0 | other.0)
    }
}

impl fmt::Debug for ActionFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut between = "";
        for (flag, name) in ActionFlags::KNOWN {
            if self.contains(flag) {
                write!(f, "{between}{name}")?;
                between = " | ";
            }
        }
        if between.is_empty() {
            f.write_str("NONE")?;
        }
        Ok(())
    }
}

impl Action {
    /// What the kernel does by itself.
    pub const DEFAULT: Action = Action::new(Disposition::Default);
    /// Nothing.
    pub const IGNORE: Action = Action::new(Disposition::Ignore);

    /// Calls a handler, with no flags, and nothing blocked but the signal itself.
    pub const fn handler(handler: extern "C" fn(Signal)) -> Action {
        Action::new(Disposition::Handler(handler))
    }

    /// Calls a handler that is told more, with no flags, and nothing blocked but the signal itself.
    ///
    /// # Examples
    /// ```
    /// use threadbare::signal::{Action, Context, Disposition, Info, Signal};
    ///
    /// extern "C" fn on_signal(_: Signal, _: &Info, _: Context<'_>) {}
    ///
    /// let action = Action::handler_with_info(on_signal);
    /// assert!(matches!(action.disposition, Disposition::HandlerWithInfo(_)));
    /// ```
    pub const fn handler_with_info(handler: extern "C" fn(Signal, &Info, Context<'_>)) -> Action {
        Action::new(Disposition::HandlerWithInfo(handler))
    }

    const fn new(disposition: Disposition) -> Action {
        Action {
            disposition,
            flags: ActionFlags::NONE,
            mask: SignalSet::EMPTY,
        }
    }

    fn to_kernel(self) -> sys::signal::Action {
        let (handler, info_flag) = match self.disposition {
            Disposition::Default => (SIG_DFL, 0),
            Disposition::Ignore => (SIG_IGN, 0),
            Disposition::Handler(handler) => (expose(handler as *const ()), 0),
            Disposition::HandlerWithInfo(handler) => (expose(handler as *const ()), k::SA_SIGINFO),
        };
        sys::signal::Action {
            handler,
            flags: self.flags.0 | info_flag,
            mask: self.mask.0,
        }
    }

    fn from_kernel(action: sys::signal::Action) -> Action {
        let code = ptr::with_exposed_provenance::<()>(action.handler);
        let has_info = action.flags & k::SA_SIGINFO != 0;
        let disposition = match action.handler {
            SIG_DFL => Disposition::Default,
            SIG_IGN => Disposition::Ignore,
            // SAFETY: it was set as a handler, and the flag says of which kind.
            _ if has_info => Disposition::HandlerWithInfo(unsafe {
                core::mem::transmute::<*const (), HandlerWithInfo>(code)
            }),
            // SAFETY: likewise.
            _ => Disposition::Handler(unsafe { core::mem::transmute::<*const (), Handler>(code) }),
        };
        Action {
            disposition,
            flags: ActionFlags(action.flags & !k::SA_SIGINFO),
            mask: SignalSet(action.mask),
        }
    }
}

type Handler = extern "C" fn(Signal);
type HandlerWithInfo = extern "C" fn(Signal, &Info, Context<'_>);

const SIG_DFL: usize = 0;
const SIG_IGN: usize = 1;

fn expose(code: *const ()) -> usize {
    code.expose_provenance()
}

/// Sets what the process does on `signal`, in all its threads, and returns what it did before.
///
/// A handler of SIGSEGV or SIGBUS replaces the report of overflows. Handlers are not inherited by a
/// program that this process executes; [`Disposition::Ignore`] is.
///
/// # Errors
/// `EINVAL`: `signal` is SIGKILL or SIGSTOP.
///
/// # Safety
/// A handler runs between any two instructions of any thread, and does only what is sound there:
/// 1. It uses no data that the interrupted code may be changing, but by atomics.
/// 2. It waits for nothing that the interrupted code may hold: no lock of [`sync`](crate::sync), no
///    `print!`, no allocator. It does not spawn or join threads.
/// 3. It can bear to interrupt itself where `NO_DEFER` lets it.
///
/// # Kernel
/// `rt_sigaction`.
///
/// # Examples
/// ```
/// use threadbare::signal::{self, Action, Disposition, Signal};
/// use threadbare::sync::atomic::{AtomicBool, Ordering};
///
/// static IS_ASKED_TO_END: AtomicBool = AtomicBool::new(false);
///
/// extern "C" fn on_term(_: Signal) {
///     IS_ASKED_TO_END.store(true, Ordering::Relaxed);
/// }
///
/// // SAFETY: the handler stores to an atomic and does nothing else.
/// let old = unsafe { signal::set_action(Signal::TERM, Action::handler(on_term)) }?;
/// assert!(matches!(old.disposition, Disposition::Default));
/// signal::raise(Signal::TERM).unwrap();
/// assert!(IS_ASKED_TO_END.load(Ordering::Relaxed));
/// # Ok::<(), threadbare::Errno>(())
/// ```
pub unsafe fn set_action(signal: Signal, action: Action) -> Result<Action, Errno> {
    // SAFETY: the handler is one by its type, gets what it takes, and by the clauses it may run
    // anywhere.
    let old = unsafe { sys::signal::set_action(signal.raw(), &action.to_kernel()) }?;
    Ok(Action::from_kernel(old))
}

/// Returns what the process does on `signal`.
///
/// # Errors
/// None that the kernel's documentation foresees: a seccomp filter's.
///
/// # Examples
/// ```
/// use threadbare::signal::{self, Disposition, Signal};
///
/// let action = signal::action(Signal::USR1)?;
/// assert!(matches!(action.disposition, Disposition::Default));
/// # Ok::<(), threadbare::Errno>(())
/// ```
pub fn action(signal: Signal) -> Result<Action, Errno> {
    sys::signal::action(signal.raw()).map(Action::from_kernel)
}
