//! Arguments, environment, and what else the kernel handed the program.
//!
//! Read-only: the strings are where the kernel put them, and stay for the life of the process.
//!
//! # Examples
//! ```
//! use threadbare::{env, println};
//!
//! for argument in env::args().skip(1) {
//!     println!("{argument} has {} bytes", argument.len());
//! }
//! println!("pages of {} bytes", env::page_size());
//! ```

use core::ffi::CStr;
use core::fmt;
use core::iter::FusedIterator;

use crate::start::Process;

/// The arguments as the kernel has them: NUL-terminated bytes in no particular encoding.
///
/// # Examples
/// ```
/// let mut arguments = threadbare::env::args_os();
/// if let Some(program) = arguments.next() {
///     assert!(!program.is_empty());
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ArgsOs {
    next: *const *const u8,
    left: usize,
}

/// The arguments as text.
///
/// # Examples
/// ```
/// let arguments = threadbare::env::args();
/// threadbare::println!("{} arguments, the name included", arguments.len());
/// ```
#[derive(Clone, Debug)]
pub struct Args(ArgsOs);

/// Returns the program's arguments as bytes; the first is its name, if there is one: a program may
/// be started with no argument at all.
///
/// # Examples
/// ```
/// let is_verbose = threadbare::env::args_os().any(|argument| argument == c"-v");
/// assert!(!is_verbose);
/// ```
pub fn args_os() -> ArgsOs {
    let process = Process::get();
    ArgsOs {
        next: process.arguments,
        left: process.argument_count,
    }
}

/// Returns the program's arguments as text; the first is its name, if there is one.
///
/// # Panics
/// When iterated over an argument that is not UTF-8; [`args_os`] takes any.
///
/// # Examples
/// ```
/// for argument in threadbare::env::args().skip(1) {
///     threadbare::println!("{argument}");
/// }
/// ```
pub fn args() -> Args {
    Args(args_os())
}

/// Reads a string of the initial stack.
///
/// # Safety
/// 1. `string` points to a NUL-terminated string that nobody changes or frees.
unsafe fn string_at(string: *const u8) -> &'static CStr {
    // SAFETY: clause 1.
    unsafe { CStr::from_ptr(string.cast()) }
}

impl Iterator for ArgsOs {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        self.left = self.left.checked_sub(1)?;
        // SAFETY: `left` counts what is there.
        let string = unsafe { *self.next };
        self.next = self.next.wrapping_add(1);
        // SAFETY: an argument of the initial stack.
        Some(unsafe { string_at(string) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }

    /// Arguments are an array: skipping costs nothing.
    fn nth(&mut self, n: usize) -> Option<&'static CStr> {
        let skipped = n.min(self.left);
        self.left -= skipped;
        self.next = self.next.wrapping_add(skipped);
        self.next()
    }
}

impl ExactSizeIterator for ArgsOs {}
impl FusedIterator for ArgsOs {}

impl Iterator for Args {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        let argument = self.0.next()?;
        match argument.to_str() {
            Ok(argument) => Some(argument),
            Err(_) => panic!("an argument is not UTF-8: {argument:?}"),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Args {}
impl FusedIterator for Args {}

/// The environment as the kernel has it: pairs of name and value.
///
/// # Examples
/// ```
/// let variables = threadbare::env::vars_os();
/// assert!(variables.clone().count() == variables.count());
/// ```
#[derive(Clone, Debug)]
pub struct VarsOs {
    next: *const *const u8,
}

/// Returns the environment, entries without a `=` left out.
///
/// # Examples
/// ```
/// for (name, value) in threadbare::env::vars_os() {
///     threadbare::println!("{}={value:?}", name.escape_ascii());
/// }
/// ```
pub fn vars_os() -> VarsOs {
    VarsOs {
        next: Process::get().environment,
    }
}

impl Iterator for VarsOs {
    type Item = (&'static [u8], &'static CStr);

    fn next(&mut self) -> Option<(&'static [u8], &'static CStr)> {
        loop {
            // SAFETY: the environment ends with a null pointer, at which `next` stays.
            let string = unsafe { *self.next };
            if string.is_null() {
                return None;
            }
            self.next = self.next.wrapping_add(1);
            // SAFETY: an entry of the initial stack.
            let entry = unsafe { string_at(string) };
            // As std: a name is not empty, so a leading `=` belongs to it.
            let bytes = entry.to_bytes_with_nul();
            let equals = bytes.iter().skip(1).position(|&byte| byte == b'=');
            if let Some(equals) = equals.map(|position| position + 1)
                && let Ok(value) = CStr::from_bytes_with_nul(&bytes[equals + 1..])
            {
                return Some((&bytes[..equals], value));
            }
        }
    }
}

impl FusedIterator for VarsOs {}

/// Why an environment variable has no value as text.
///
/// # Examples
/// ```
/// use threadbare::env::{self, VarError};
///
/// assert_eq!(env::var("NOBODY_SETS_THIS"), Err(VarError::NotPresent));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VarError {
    /// It is not set.
    NotPresent,
    /// It is not UTF-8; [`var_os`] takes it.
    NotUnicode(&'static CStr),
}

impl fmt::Display for VarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VarError::NotPresent => f.write_str("environment variable not found"),
            VarError::NotUnicode(value) => {
                write!(f, "environment variable was not valid unicode: {value:?}")
            }
        }
    }
}

impl core::error::Error for VarError {}

/// Returns a variable's value as bytes.
///
/// # Examples
/// ```
/// if let Some(home) = threadbare::env::var_os("HOME") {
///     threadbare::println!("{} bytes", home.count_bytes());
/// }
/// ```
pub fn var_os(name: &str) -> Option<&'static CStr> {
    vars_os()
        .find(|(found, _)| *found == name.as_bytes())
        .map(|(_, value)| value)
}

/// Returns a variable's value as text.
///
/// # Errors
/// [`VarError`].
///
/// # Examples
/// ```
/// let level = threadbare::env::var("LOG_LEVEL").unwrap_or("warn");
/// threadbare::println!("messages from level {level} up");
/// ```
pub fn var(name: &str) -> Result<&'static str, VarError> {
    let value = var_os(name).ok_or(VarError::NotPresent)?;
    value.to_str().map_err(|_| VarError::NotUnicode(value))
}

/// Returns the page size in bytes (`AT_PAGESZ`).
///
/// # Examples
/// ```
/// assert!(threadbare::env::page_size().is_power_of_two());
/// ```
pub fn page_size() -> usize {
    Process::get().page_bytes
}
