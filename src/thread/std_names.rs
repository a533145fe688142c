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
