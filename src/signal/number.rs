//! Signals by number and name.

use core::fmt;
use core::num::NonZero;

use crate::arch::kernel as k;
use crate::packed::{Packed, length};

/// A signal: 1 to 64, or to 128 on MIPS.
///
/// The constants have the kernel's names without `SIG`, as far as every CPU has the signal; the
/// numbers differ between CPUs. Those from [`Signal::RT_MIN`] to [`Signal::RT_MAX`] have no names:
/// they are for programs, several of a kind can be pending, and the lowest number is taken first.
///
/// # Examples
/// ```
/// use threadbare::signal::Signal;
///
/// assert_eq!(Signal::new(9), Some(Signal::KILL));
/// assert_eq!(Signal::KILL.number(), 9);
/// assert_eq!(Signal::KILL.name(), Some("SIGKILL"));
/// assert_eq!(Signal::new(0), None);
///
/// let own = Signal::new(Signal::RT_MIN.number() + 3).unwrap();
/// threadbare::println!("{} and {own}", Signal::TERM); // SIGTERM and signal 35
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
// As the kernel passes it to handlers: an `int`.
#[repr(transparent)]
pub struct Signal(NonZero<i32>);

impl Signal {
    /// The first signal without a name.
    pub const RT_MIN: Signal = Signal::of_kernel(k::SIGRTMIN);
    /// The last signal.
    pub const RT_MAX: Signal = Signal::of_kernel(k::_NSIG);

    /// Makes a signal of its number, or `None` where the kernel has no such signal.
    pub const fn new(number: i32) -> Option<Signal> {
        match NonZero::new(number) {
            Some(number) if number.get() > 0 && number.get() <= k::_NSIG as i32 => {
                Some(Signal(number))
            }
            _ => None,
        }
    }

    /// Returns the number.
    pub const fn number(self) -> i32 {
        self.0.get()
    }

    /// Returns the kernel's name, `None` for signals that have none.
    pub fn name(self) -> Option<&'static str> {
        // What else has a name is one of these, which some CPUs have and others have not.
        NAMES.find(self.raw() as u16).or(match self.number() {
            7 => Some("SIGEMT"),
            16 => Some("SIGSTKFLT"),
            _ => None,
        })
    }

    /// The number as calls take it.
    pub(super) const fn raw(self) -> u32 {
        self.number().cast_unsigned()
    }

    /// The signal of a number that is the kernel's.
    const fn of_kernel(number: u32) -> Signal {
        match Signal::new(number.cast_signed()) {
            Some(signal) => signal,
            None => panic!("the kernel has no such signal"),
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "signal {}", self.number().cast_unsigned()),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Declares the signals that have the same name on every CPU.
macro_rules! signals {
    ($($name:ident = $kernel:ident, $says:literal;)*) => {
        impl Signal {
            $(
                #[doc = concat!("`", stringify!($kernel), "`: ", $says, ".")]
                pub const $name: Signal = Signal::of_kernel(k::$kernel);
            )*
        }

        const NAMES: Packed = Packed {
            keys: &[$((Signal::$name.raw() as u16, length(stringify!($kernel)))),*],
            texts: concat!($(stringify!($kernel)),*),
        };
    };
}

signals! {
    HUP = SIGHUP, "the terminal is gone; to daemons, read the configuration again";
    INT = SIGINT, "interrupt from the keyboard, Ctrl-C";
    QUIT = SIGQUIT, "quit from the keyboard, with a core file";
    ILL = SIGILL, "an instruction that the CPU has not";
    TRAP = SIGTRAP, "a breakpoint";
    ABRT = SIGABRT, "the program gives up";
    BUS = SIGBUS, "an address that is mapped and has no memory, or is misaligned";
    FPE = SIGFPE, "an arithmetic error";
    KILL = SIGKILL, "ends the process; cannot be blocked, ignored or handled";
    USR1 = SIGUSR1, "the program's own meaning";
    SEGV = SIGSEGV, "an address that is not mapped, or not for this use";
    USR2 = SIGUSR2, "the program's own meaning";
    PIPE = SIGPIPE, "a write to a pipe that nobody reads";
    ALRM = SIGALRM, "a timer";
    TERM = SIGTERM, "asks the process to end";
    CHLD = SIGCHLD, "a child process ended or stopped";
    CONT = SIGCONT, "lets a stopped process go on";
    STOP = SIGSTOP, "stops the process; cannot be blocked, ignored or handled";
    TSTP = SIGTSTP, "stop from the keyboard, Ctrl-Z";
    TTIN = SIGTTIN, "a background process reads from the terminal";
    TTOU = SIGTTOU, "a background process writes to the terminal";
    URG = SIGURG, "urgent data on a socket";
    XCPU = SIGXCPU, "the limit of CPU time, `RLIMIT_CPU`";
    XFSZ = SIGXFSZ, "the limit of a file's size, `RLIMIT_FSIZE`";
    VTALRM = SIGVTALRM, "a timer of the process's CPU time in user mode";
    PROF = SIGPROF, "a timer of the process's CPU time";
    WINCH = SIGWINCH, "the terminal's window has another size";
    IO = SIGIO, "a descriptor is ready";
    PWR = SIGPWR, "the power is failing";
    SYS = SIGSYS, "a system call that a seccomp filter traps";
}
