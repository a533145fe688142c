//! Children, and how they ended.

use core::fmt;

use crate::signal::{self, SendError, Signal};
use crate::sync::{Mutex, MutexGuard, PoisonError};
use crate::sys::Errno;
use crate::sys::process::{self, Whom};
use crate::sys::signal::Info;

/// A process that this one started.
///
/// Any number of threads may wait for it, look at it and send it signals at the same time: its
/// number is not given to another process before one of them was told how it ended, and no signal
/// is sent after that. That holds unless somebody else reaps it: [`reap_orphan`] where the thread
/// that started it has ended, or the kernel where `SIGCHLD` is ignored. Who finds that out, by
/// waiting or looking, ends the sending of signals, too.
///
/// Dropping this neither ends nor reaps it: a process that has ended and that nobody waits for
/// stays in the kernel's table until its parent ends.
///
/// # Examples
/// ```
/// use threadbare::process::Command;
/// use threadbare::signal::Signal;
///
/// let child = Command::new(c"/bin/sleep").args(&[c"60"]).spawn().unwrap();
/// assert!(child.id() != 0 && child.try_wait().unwrap().is_none());
/// child.kill(Signal::TERM).unwrap();
/// let status = child.wait().unwrap();
/// assert_eq!(status.signal(), Some(Signal::TERM));
/// assert_eq!(child.try_wait(), Ok(Some(status)));
/// ```
#[derive(Debug)]
pub struct Child {
    number: u32,
    /// Who reaps it, and who sends it a signal, holds the lock.
    fate: Mutex<Fate>,
}

/// What is known of a child.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// Nothing yet: its number is its own.
    Open,
    /// It was reaped here.
    Ended(ExitStatus),
    /// Somebody else reaped it, and its number may be a stranger's.
    Lost(Errno),
}

impl Child {
    pub(super) const fn new(number: u32) -> Child {
        Child {
            number,
            fate: Mutex::new(Fate::Open),
        }
    }

    /// Returns its number. It may be another process's once somebody was told how it ended.
    pub fn id(&self) -> u32 {
        self.number
    }

    /// Waits until it has ended, and returns how.
    ///
    /// # Blocking
    /// Until then. Handlers that run meanwhile do not end the wait.
    ///
    /// # Errors
    /// `ECHILD`: somebody else reaped it, or the kernel did because `SIGCHLD` is ignored.
    pub fn wait(&self) -> Result<ExitStatus, Errno> {
        loop {
            // It is not reaped here, as somebody may be about to send it a signal.
            let (blocks, reaps) = (true, false);
            let looked = process::wait(Whom::Child(self.number), blocks, reaps);
            if matches!(looked, Err(Errno::INTR)) {
                continue;
            }
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            looked?;
        }
    }

    /// Returns how it ended, if it has.
    ///
    /// # Errors
    /// As [`Child::wait`].
    pub fn try_wait(&self) -> Result<Option<ExitStatus>, Errno> {
        let mut fate = locked(&self.fate);
        match *fate {
            Fate::Ended(status) => return Ok(Some(status)),
            Fate::Lost(errno) => return Err(errno),
            Fate::Open => {}
        }
        let (blocks, reaps) = (false, true);
        match process::wait(Whom::Child(self.number), blocks, reaps) {
            Ok(info) => {
                let ended = info.map(ExitStatus::of);
                *fate = ended.map_or(Fate::Open, Fate::Ended);
                Ok(ended)
            }
            Err(errno) => {
                if errno == Errno::CHILD {
                    *fate = Fate::Lost(errno);
                }
                Err(errno)
            }
        }
    }

    /// Sends it a signal, unless it has ended.
    ///
    /// # Errors
    /// [`SendError::NotPermitted`] where it has become another user that this process has no power
    /// over; [`SendError::Gone`] where somebody else reaped it.
    pub fn kill(&self, signal: Signal) -> Result<(), SendError> {
        let fate = locked(&self.fate);
        match *fate {
            Fate::Open => signal::send_to_process(self.number, signal),
            Fate::Ended(_) => Ok(()),
            Fate::Lost(_) => Err(SendError::Gone),
        }
    }
}

/// Locks are never poisoned here.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a process ended.
///
/// # Examples
/// ```
/// use threadbare::process::Command;
///
/// let status = Command::new(c"/bin/false").spawn().unwrap().wait().unwrap();
/// assert!(!status.success());
/// assert_eq!((status.code(), status.signal()), (Some(1), None));
/// assert!(!status.core_dumped());
/// threadbare::println!("false: {status}"); // exit status: 1
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitStatus {
    number: i32,
    has_exited: bool,
    has_dumped: bool,
}

impl ExitStatus {
    pub(super) fn of(info: Info) -> ExitStatus {
        ExitStatus {
            number: info.status(),
            has_exited: process::has_exited(&info),
            has_dumped: process::has_dumped_core(&info),
        }
    }

    /// Whether it exited with code 0.
    pub fn success(&self) -> bool {
        self.code() == Some(0)
    }

    /// Returns the exit code, 0 to 255, unless a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.has_exited.then_some(self.number)
    }

    /// Returns the signal that ended it, if one did.
    pub fn signal(&self) -> Option<Signal> {
        match self.has_exited {
            true => None,
            false => Signal::new(self.number),
        }
    }

    /// Whether the signal that ended it made it leave a core file.
    pub fn core_dumped(&self) -> bool {
        self.has_dumped
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Never negative, and most programs format such numbers anyway.
        let number = self.number.cast_unsigned();
        match self.signal() {
            None => write!(f, "exit status: {}", number),
            Some(signal) => {
                write!(f, "signal: {} ({signal})", number)?;
                f.write_str(if self.has_dumped {
                    " (core dumped)"
                } else {
                    ""
                })
            }
        }
    }
}

/// A process that has ended and that no [`Child`] stands for.
///
/// # Examples
/// As of [`reap_orphan`].
/// ```
/// assert!(threadbare::process::reap_orphan().is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// The number that it had.
    pub id: u32,
    /// How it ended.
    pub status: ExitStatus,
}

/// Reaps a process that has ended and that the calling thread is the parent of: one whose own
/// parent has ended before it, and that the kernel gave to this process. `None` if there is none.
///
/// For the main thread of PID 1, and of a process that is `PR_SET_CHILD_SUBREAPER`: the kernel
/// gives orphans to that thread as long as it lives, and `SIGCHLD` to the process when they end.
/// What a thread has started itself is its own, and this takes that, too; and so is what other
/// threads started that have ended since. So let other threads start what they wait for with
/// [`Child::wait`], and live until then.
///
/// # Kernel
/// `waitid` with `__WNOTHREAD`: of a process's threads each has children of its own
/// (`kernel/exit.c`, `find_new_reaper`, `do_wait`).
///
/// # Examples
/// What PID 1 does on `SIGCHLD`:
/// ```
/// use threadbare::{println, process};
///
/// while let Some(orphan) = process::reap_orphan() {
///     println!("{} ended: {}", orphan.id, orphan.status);
/// }
/// ```
pub fn reap_orphan() -> Option<Orphan> {
    let (blocks, reaps) = (false, true);
    // Errors: there is nothing to reap.
    let info = process::wait(Whom::OfThisThread, blocks, reaps).ok()??;
    Some(Orphan {
        id: info.process().cast_unsigned(),
        status: ExitStatus::of(info),
    })
}
