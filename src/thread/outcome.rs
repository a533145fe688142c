//! What a thread's function returns, as `main`'s result is looked at.

use crate::process::{ExitCode, Termination};

/// Makes a thread's function of one that returns what `main` may return: the thread's result is
/// then an exit code, and an error is written to standard error with the thread's name.
///
/// For threads that are a program's parts, and nobody else looks at their errors. It returns at
/// once; the function is called by the thread.
///
/// # Examples
/// ```
/// use threadbare::process::ExitCode;
/// use threadbare::thread::{self, Builder};
///
/// fn serve() -> Result<(), &'static str> {
///     Err("the port is taken")
/// }
/// // On standard error: Error in thread 'server': "the port is taken"
/// let server = Builder::new().name("server").spawn(thread::exit_code(serve))?;
/// assert_eq!(server.join(), Ok(ExitCode::FAILURE));
/// # Ok::<(), thread::SpawnError>(())
/// ```
pub fn exit_code<F, T>(f: F) -> impl FnOnce() -> ExitCode
where
    F: FnOnce() -> T,
    T: Termination,
{
    move || f().report()
}
