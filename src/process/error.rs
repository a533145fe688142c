//! Why a program could not be started.

use core::fmt;

use crate::sys::Errno;

/// Why a [`Command`](super::Command) could not be started. Nothing is left behind: no process, no
/// descriptor, no memory.
///
/// # Examples
/// ```
/// use threadbare::Errno;
/// use threadbare::process::{Command, CommandError, Step};
///
/// let refused = Command::new(c"/nothing/here").spawn().map(|_| ());
/// assert_eq!(refused, Err(CommandError::InChild(Step::Program, Errno::NOENT)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandError {
    /// `clone` answered `EAGAIN`: one process too many for `RLIMIT_NPROC` (per user),
    /// `kernel.threads-max`, `kernel.pid_max` or the cgroup's `pids.max`.
    ProcessQuotaExceeded,
    /// `clone` or `mmap` answered `ENOMEM`: there is no memory for another process, or for the
    /// stack that it begins on.
    OutOfMemory,
    /// `pipe2` answered `EMFILE` or `ENFILE`: two more descriptors are too many for
    /// `RLIMIT_NOFILE`, or for `fs.file-max`.
    DescriptorQuotaExceeded,
    /// The child failed to do this before it was another program, and is gone.
    InChild(Step, Errno),
    /// Something that the kernel's documentation does not foresee here: a security module or
    /// seccomp filter (`EPERM`, `EACCES`, `ENOSYS`), or a bug.
    Unexpected(Errno),
}

/// What a child does before it is another program, in this order.
///
/// # Examples
/// ```
/// use threadbare::Errno;
/// use threadbare::process::{Command, CommandError, Step};
///
/// let refused = Command::new(c"/bin/true").current_dir(c"/nothing").spawn().map(|_| ());
/// assert_eq!(refused, Err(CommandError::InChild(Step::Directory, Errno::NOENT)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[repr(u32)]
pub enum Step {
    /// Handlers go, and then the mask of signals is set: [`Command::signal_mask`].
    ///
    /// [`Command::signal_mask`]: super::Command::signal_mask
    Signals = 1,
    /// [`Command::new_session`](super::Command::new_session).
    Session = 2,
    /// [`Command::descriptor`](super::Command::descriptor) and its kin: `EBADF` beyond
    /// `RLIMIT_NOFILE`, or where `/dev/null` is missing `ENOENT`.
    Descriptors = 3,
    /// [`Command::user`](super::Command::user): `EPERM` for who may not.
    User = 4,
    /// [`Command::current_dir`](super::Command::current_dir).
    Directory = 5,
    /// The program itself: `ENOENT`, `EACCES`, `ENOEXEC`, `E2BIG` and others of execve(2).
    Program = 6,
}

impl Step {
    pub(super) fn from_number(number: u32) -> Option<Step> {
        [
            Step::Signals,
            Step::Session,
            Step::Descriptors,
            Step::User,
            Step::Directory,
            Step::Program,
        ]
        .into_iter()
        .find(|&step| step as u32 == number)
    }
}

impl CommandError {
    pub(super) fn from_clone(errno: Errno) -> CommandError {
        match errno {
            Errno::AGAIN => CommandError::ProcessQuotaExceeded,
            Errno::NOMEM => CommandError::OutOfMemory,
            errno => CommandError::Unexpected(errno),
        }
    }

    pub(super) fn from_pipe(errno: Errno) -> CommandError {
        match errno {
            Errno::MFILE | Errno::NFILE => CommandError::DescriptorQuotaExceeded,
            errno => CommandError::Unexpected(errno),
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CommandError::ProcessQuotaExceeded => {
                "too many processes: raise RLIMIT_NPROC, kernel.threads-max, kernel.pid_max or the \
                 cgroup's pids.max, or start fewer"
            }
            CommandError::OutOfMemory => "no memory for another process: free some",
            CommandError::DescriptorQuotaExceeded => {
                "too many open descriptors: raise RLIMIT_NOFILE or fs.file-max, or close some"
            }
            CommandError::InChild(step, errno) => {
                let what = match step {
                    Step::Signals => "its signals could not be set",
                    Step::Session => "it could not have a session of its own",
                    Step::Descriptors => "its descriptors could not be set",
                    Step::User => "it could not become that user",
                    Step::Directory => "its directory could not be entered",
                    Step::Program => "it could not be executed",
                };
                return write!(f, "{what}: {errno}");
            }
            CommandError::Unexpected(errno) => {
                return write!(
                    f,
                    "the kernel refused to start a process: {errno}; let no seccomp filter or \
                     security module forbid pipe2, mmap, rt_sigprocmask, clone or read"
                );
            }
        })
    }
}

impl core::error::Error for CommandError {}
