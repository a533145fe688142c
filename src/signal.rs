//! Signals: which of them reach a thread, what the process does on them, sending and waiting.
//!
//! A signal is for the process or for one thread. Each thread has a mask of signals that it does
//! not take; one that is blocked stays pending. What is done on a signal, its [`Action`], is the
//! process's, the same for all threads. Names are the kernel's: [`Signal::TERM`] is `SIGTERM`.
//!
//! A program that wants to take signals one after the other, as plain code and not in a handler,
//! blocks them before it starts its first thread, so that all threads inherit the mask, and lets
//! one thread [`wait`] for them. A thread that does not block them may take them away from it.
//!
//! This module does not turn errors into signals, has no lock and allocates nothing. Nothing here
//! stops a program from blocking SIGSEGV; the kernel ends a process that faults with it blocked.
//!
//! # Kernel
//! signal(7). There are 64 signals, 128 on MIPS, and all from 32 on are for programs: no C library
//! keeps any for itself.
//!
//! # Examples
//! A daemon's main thread, which takes orders while others work:
//! ```
//! use threadbare::signal::{self, Signal, SignalSet};
//! use threadbare::thread;
//!
//! let orders = SignalSet::from([Signal::TERM, Signal::HUP]);
//! signal::block(&orders);
//! let _worker = thread::spawn(|| 6 * 7);
//! # signal::raise(Signal::TERM).unwrap();
//! loop {
//!     match signal::wait(&orders).signal() {
//!         Signal::HUP => threadbare::println!("reading the configuration again"),
//!         _ => break,
//!     }
//! }
//! ```

mod action;
mod info;
mod number;
mod set;

use core::fmt;
use core::time::Duration;

use crate::fatal::fatal_errno;
use crate::sys::time::{self, Clock, Timespec};
use crate::sys::{self, Errno};

pub use action::{Action, ActionFlags, Disposition, action, set_action};
pub use info::{Context, Info};
pub use number::Signal;
pub use set::{SignalIter, SignalSet};

/// Blocks the signals of `set` in the calling thread, besides those it blocks already; returns the
/// mask from before.
///
/// Threads that it starts afterwards begin with its mask. SIGKILL and SIGSTOP cannot be blocked and
/// are left out.
///
/// # Examples
/// ```
/// use threadbare::signal::{self, Signal, SignalSet};
///
/// let before = signal::block(&SignalSet::from([Signal::INT]));
/// assert!(signal::mask().contains(Signal::INT));
/// // Nobody interrupts this.
/// signal::set_mask(&before);
/// ```
pub fn block(set: &SignalSet) -> SignalSet {
    SignalSet(sys::signal::block(&set.0))
}

/// Lets the signals of `set` reach the calling thread again; returns the mask from before.
///
/// One that is pending is taken before this returns.
///
/// # Examples
/// ```
/// use threadbare::signal::{self, Signal, SignalSet};
///
/// let set = SignalSet::from([Signal::INT, Signal::TERM]);
/// signal::block(&set);
/// let before = signal::unblock(&set);
/// assert!(before.contains(Signal::TERM) && !signal::mask().contains(Signal::TERM));
/// ```
pub fn unblock(set: &SignalSet) -> SignalSet {
    SignalSet(sys::signal::unblock_all_of(&set.0))
}

/// Makes `mask` the set of signals that the calling thread blocks; returns the one from before.
///
/// # Examples
/// ```
/// use threadbare::signal::{self, SignalSet};
///
/// let before = signal::set_mask(&SignalSet::ALL);
/// // A few lines that no handler may interrupt.
/// signal::set_mask(&before);
/// ```
pub fn set_mask(mask: &SignalSet) -> SignalSet {
    SignalSet(sys::signal::replace(&mask.0))
}

/// Returns the set of signals that the calling thread blocks.
///
/// # Examples
/// ```
/// use threadbare::signal::{self, Signal};
///
/// // Not to be blocked by anything.
/// assert!(!signal::mask().contains(Signal::KILL));
/// ```
pub fn mask() -> SignalSet {
    SignalSet(sys::signal::mask())
}

/// Takes a pending signal of `set`, or sleeps until there is one. No handler runs for it.
///
/// Block the signals in all threads first: one that is not blocked is taken by whichever thread the
/// kernel finds, and its action runs instead.
///
/// # Blocking
/// Until a signal of `set` is sent to this thread or to the process. A handler that runs for
/// another signal does not end the wait.
///
/// # Kernel
/// `rt_sigtimedwait` with no time. Of several pending signals the lowest number comes first.
///
/// # Examples
/// ```
/// use threadbare::signal::{self, Signal, SignalSet};
///
/// let set = SignalSet::from([Signal::USR1]);
/// signal::block(&set);
/// signal::raise(Signal::USR1)?;
/// assert_eq!(signal::wait(&set).signal(), Signal::USR1);
/// # Ok::<(), signal::SendError>(())
/// ```
pub fn wait(set: &SignalSet) -> Info {
    loop {
        match sys::signal::wait(&set.0, None) {
            Ok(info) => return Info(info),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(errno) => fatal_errno(c"rt_sigtimedwait", errno),
        }
    }
}

/// Takes a pending signal of `set`, or sleeps until there is one, at most for `timeout`; `None` if
/// there was none. A zero `timeout` only looks.
///
/// Block the signals in all threads first, as for [`wait`].
///
/// # Blocking
/// As [`wait`], and not much longer than `timeout`, whatever handlers run meanwhile. What does not
/// fit into the clock's range, centuries away, is for ever.
///
/// # Kernel
/// `rt_sigtimedwait`; on 32-bit CPUs `rt_sigtimedwait_time64`, and the older call where the kernel
/// has none. The time is measured by `CLOCK_MONOTONIC`, which stands still while the machine
/// sleeps.
///
/// # Examples
/// ```
/// use core::time::Duration;
/// use threadbare::signal::{self, Signal, SignalSet};
///
/// let set = SignalSet::from([Signal::USR1]);
/// signal::block(&set);
/// assert!(signal::wait_timeout(&set, Duration::from_millis(1)).is_none());
/// ```
pub fn wait_timeout(set: &SignalSet, timeout: Duration) -> Option<Info> {
    let end = monotonic().checked_add(timeout);
    let mut left = timeout;
    loop {
        let time = end.map(|_| Timespec {
            seconds: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: left.subsec_nanos(),
        });
        match sys::signal::wait(&set.0, time) {
            Ok(info) => return Some(Info(info)),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) if end.is_some_and(|end| monotonic() >= end) => return None,
            // An older kernel's 32 bits did not hold all of the time.
            Err(Errno::AGAIN) => {}
            Err(errno) => fatal_errno(c"rt_sigtimedwait", errno),
        }
        // Zero where a handler ran until the end: then there is one more look.
        left = end.map_or(left, |end| end.saturating_sub(monotonic()));
    }
}

/// What `CLOCK_MONOTONIC` shows.
fn monotonic() -> Duration {
    match time::now(Clock::Monotonic) {
        Ok(now) => Duration::new(now.seconds.unsigned_abs(), now.nanoseconds),
        Err(errno) => fatal_errno(c"clock_gettime", errno),
    }
}

/// Why a signal was not sent.
///
/// # Examples
/// ```
/// use threadbare::signal::{self, SendError, Signal};
/// use threadbare::thread;
///
/// let handle = thread::spawn(|| ());
/// let thread = handle.thread().clone();
/// handle.join().unwrap();
/// assert_eq!(signal::send(&thread, Signal::USR1), Err(SendError::Gone));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// `ESRCH`: the thread or the process has ended.
    Gone,
    /// `EPERM`: the process belongs to another user.
    NotPermitted,
    /// `EAGAIN`: a real-time signal to a thread, and as many as `RLIMIT_SIGPENDING` allows are
    /// pending.
    TooManyPending,
    /// Something that the kernel's documentation does not foresee: a seccomp filter.
    Unexpected(Errno),
}

impl SendError {
    fn from_kernel(errno: Errno) -> SendError {
        match errno {
            Errno::SRCH => SendError::Gone,
            Errno::PERM => SendError::NotPermitted,
            Errno::AGAIN => SendError::TooManyPending,
            errno => SendError::Unexpected(errno),
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendError::Gone => "whom the signal was for is gone",
            SendError::NotPermitted => "the process belongs to another user",
            SendError::TooManyPending => {
                "too many signals are pending: raise RLIMIT_SIGPENDING, or send fewer"
            }
            SendError::Unexpected(errno) => {
                return write!(f, "the kernel refused to send a signal: {errno}");
            }
        })
    }
}

impl core::error::Error for SendError {}

/// Sends `signal` to the calling thread. Unless it is blocked, it is taken before this returns.
///
/// # Errors
/// [`SendError::TooManyPending`].
///
/// # Kernel
/// `tgkill`.
///
/// # Examples
/// ```
/// use threadbare::signal::{self, Signal};
///
/// // Whose default action is to do nothing.
/// signal::raise(Signal::WINCH)?;
/// # Ok::<(), signal::SendError>(())
/// ```
pub fn raise(signal: Signal) -> Result<(), SendError> {
    sys::signal::raise(signal.raw()).map_err(SendError::from_kernel)
}

/// Sends `signal` to a thread of this process. An action that ends the process ends all of it.
///
/// # Errors
/// [`SendError::Gone`] when the thread has ended or is about to; [`SendError::TooManyPending`].
///
/// # Kernel
/// `tgkill` with the number that the kernel knows the thread by. It gives a number to another
/// thread only when it has been through all others (`kernel.pid_max`); should it do so between this
/// function's look at the number and its call, the other thread gets the signal.
///
/// # Examples
/// ```
/// use threadbare::signal::{self, Signal, SignalSet};
/// use threadbare::thread;
///
/// let set = SignalSet::from([Signal::USR1]);
/// signal::block(&set);
/// let waiter = thread::spawn(move || signal::wait(&set).signal());
/// signal::send(waiter.thread(), Signal::USR1)?;
/// assert_eq!(waiter.join(), Ok(Signal::USR1));
/// # Ok::<(), signal::SendError>(())
/// ```
#[cfg(feature = "threads")]
pub fn send(thread: &crate::thread::Thread, signal: Signal) -> Result<(), SendError> {
    let number = thread.kernel_id().ok_or(SendError::Gone)?;
    sys::signal::send(number, signal.raw()).map_err(SendError::from_kernel)
}

/// Sends `signal` to the process with the number `process`, which may be this one. The kernel
/// chooses a thread that does not block it.
///
/// # Errors
/// [`SendError::Gone`] when there is no such process, as with 0 and with numbers of more than 31
/// bits; [`SendError::NotPermitted`].
///
/// # Kernel
/// `kill`.
///
/// # Examples
/// ```
/// use threadbare::process;
/// use threadbare::signal::{self, Signal};
///
/// signal::send_to_process(process::id(), Signal::WINCH)?;
/// # Ok::<(), signal::SendError>(())
/// ```
pub fn send_to_process(process: u32, signal: Signal) -> Result<(), SendError> {
    // To the kernel, 0 and what is negative are groups of processes.
    match i32::try_from(process) {
        Ok(number @ 1..) => {
            sys::signal::send_to_process(number, signal.raw()).map_err(SendError::from_kernel)
        }
        _ => Err(SendError::Gone),
    }
}

/// Sends `signal` to every process that the caller may send signals to, but itself and PID 1: what
/// a machine's last minute begins with.
///
/// # Errors
/// [`SendError::Gone`] when there is no such process.
///
/// # Kernel
/// `kill` with the number -1.
///
/// # Examples
/// ```no_run
/// use core::time::Duration;
/// use threadbare::signal::{self, Signal};
/// use threadbare::thread;
///
/// // They have a second to put things away.
/// let _ = signal::send_to_all(Signal::TERM);
/// thread::sleep(Duration::from_secs(1));
/// let _ = signal::send_to_all(Signal::KILL);
/// ```
pub fn send_to_all(signal: Signal) -> Result<(), SendError> {
    let everybody = -1;
    sys::signal::send_to_process(everybody, signal.raw()).map_err(SendError::from_kernel)
}
