//! Names of `std::thread` that have little to do here, where nothing unwinds.

use super::SpawnError;
use crate::io;
use crate::sys::Errno;

/// Returns whether the calling thread is unwinding: never.
///
/// For code that is written for `std`, where destructors ask whether they run because of a panic.
/// Here none runs then.
///
/// # Examples
/// ```
/// use threadbare::thread;
///
/// struct Journal;
///
/// impl Drop for Journal {
///     fn drop(&mut self) {
///         if !thread::panicking() {
///             threadbare::println!("complete");
///         }
///     }
/// }
/// drop(Journal);
/// ```
#[must_use]
pub const fn panicking() -> bool {
    false
}

/// So that `Builder::spawn(…)?` works in a function that returns [`io::Error`]: the error is the
/// kernel's answer, and what the variant said beyond that is lost.
///
/// # Examples
/// ```
/// use threadbare::thread::{Builder, JoinHandle};
/// use threadbare::{Errno, io};
///
/// fn start(stack_bytes: usize) -> io::Result<JoinHandle<u32>> {
///     Ok(Builder::new().stack_size(stack_bytes).spawn(|| 6 * 7)?)
/// }
/// assert_eq!(start(64 << 10)?.join(), Ok(42));
/// assert_eq!(start(usize::MAX).map(|_| ()), Err(io::Error::Os(Errno::NOMEM)));
/// # Ok::<(), io::Error>(())
/// ```
impl From<SpawnError> for io::Error {
    fn from(error: SpawnError) -> io::Error {
        io::Error::Os(match error {
            SpawnError::ThreadQuotaExceeded | SpawnError::LockedMemoryLimitExceeded => Errno::AGAIN,
            SpawnError::SystemResources | SpawnError::OutOfMemory => Errno::NOMEM,
            SpawnError::StackTooSmall { .. } => Errno::INVAL,
            SpawnError::Affinity(errno)
            | SpawnError::Policy(errno)
            | SpawnError::Nice(errno)
            | SpawnError::Unexpected(errno) => errno,
        })
    }
}
