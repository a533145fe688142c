//! Kernel error numbers, with the kernel's names.
//!
//! The numbers differ between CPUs; they come from the kernel's headers for each.

use core::fmt;

use linux_raw_sys::errno as k;

use crate::packed::{Packed, length};

/// An error number of the kernel, 1 to 4095.
///
/// # Kernel
/// errno(3), `include/uapi/asm-generic/errno-base.h`.
///
/// # Examples
/// ```
/// use threadbare::Errno;
///
/// let missing = Errno::from_raw(2).unwrap();
/// assert_eq!(missing, Errno::NOENT);
/// assert_eq!(missing.raw(), 2);
/// threadbare::println!("{missing}"); // No such file or directory
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(u16);

impl Errno {
    /// Splits a raw result into value and error: −4095..−1 are errors (`include/linux/err.h`).
    /// Nothing else below 0 is ever answered but addresses, which are [`Errno::decode_address`]'s.
    #[inline]
    pub(crate) fn decode(raw: isize) -> Result<usize, Errno> {
        if raw < 0 {
            Err(Errno(raw.unsigned_abs() as u16))
        } else {
            Ok(raw as usize)
        }
    }

    /// The same of a call that answers an address, which may lie in the upper half.
    #[inline]
    pub(crate) fn decode_address(raw: isize) -> Result<usize, Errno> {
        if (-4095..0).contains(&raw) {
            Err(Errno(raw.unsigned_abs() as u16))
        } else {
            Ok(raw as usize)
        }
    }

    /// The raw result that says so.
    #[inline]
    pub(crate) fn encode(self) -> isize {
        -(self.0 as isize)
    }

    /// Makes an error of its number, or `None` where the kernel has no such number.
    pub const fn from_raw(number: i32) -> Option<Errno> {
        if number >= 1 && number <= 4095 {
            Some(Errno(number as u16))
        } else {
            None
        }
    }

    /// Returns the number.
    pub const fn raw(self) -> i32 {
        self.0 as i32
    }
}

/// Declares the named errors with the C library's wording, so that messages read as users expect.
macro_rules! errnos {
    ($($name:ident = $value:ident, $text:literal;)*) => {
        impl Errno {
            $(
                #[doc = concat!("`", stringify!($value), "`: ", $text, ".")]
                pub const $name: Errno = Errno(k::$value as u16);
            )*

        }

        /// The kernel's names for the errors.
        const NAMES: Packed = Packed {
            keys: &[$((k::$value as u16, length(stringify!($value)))),*],
            texts: concat!($(stringify!($value)),*),
        };

        /// What they say.
        const TEXTS: Packed = Packed {
            keys: &[$((k::$value as u16, length($text))),*],
            texts: concat!($($text),*),
        };
    };
}

errnos! {
    PERM = EPERM, "Operation not permitted";
    NOENT = ENOENT, "No such file or directory";
    SRCH = ESRCH, "No such process";
    INTR = EINTR, "Interrupted system call";
    IO = EIO, "Input/output error";
    NXIO = ENXIO, "No such device or address";
    TOOBIG = E2BIG, "Argument list too long";
    NOEXEC = ENOEXEC, "Exec format error";
    BADF = EBADF, "Bad file descriptor";
    CHILD = ECHILD, "No child processes";
    AGAIN = EAGAIN, "Resource temporarily unavailable";
    NOMEM = ENOMEM, "Cannot allocate memory";
    ACCES = EACCES, "Permission denied";
    FAULT = EFAULT, "Bad address";
    BUSY = EBUSY, "Device or resource busy";
    EXIST = EEXIST, "File exists";
    NODEV = ENODEV, "No such device";
    NOTDIR = ENOTDIR, "Not a directory";
    ISDIR = EISDIR, "Is a directory";
    INVAL = EINVAL, "Invalid argument";
    NFILE = ENFILE, "Too many open files in system";
    MFILE = EMFILE, "Too many open files";
    NOTTY = ENOTTY, "Inappropriate ioctl for device";
    TXTBSY = ETXTBSY, "Text file busy";
    FBIG = EFBIG, "File too large";
    NOSPC = ENOSPC, "No space left on device";
    SPIPE = ESPIPE, "Illegal seek";
    ROFS = EROFS, "Read-only file system";
    PIPE = EPIPE, "Broken pipe";
    RANGE = ERANGE, "Numerical result out of range";
    DEADLK = EDEADLK, "Resource deadlock avoided";
    NAMETOOLONG = ENAMETOOLONG, "File name too long";
    NOSYS = ENOSYS, "Function not implemented";
    LOOP = ELOOP, "Too many levels of symbolic links";
    OVERFLOW = EOVERFLOW, "Value too large for defined data type";
    DESTADDRREQ = EDESTADDRREQ, "Destination address required";
    OPNOTSUPP = EOPNOTSUPP, "Operation not supported";
    TIMEDOUT = ETIMEDOUT, "Connection timed out";
    STALE = ESTALE, "Stale file handle";
    DQUOT = EDQUOT, "Disk quota exceeded";
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match TEXTS.find(self.0) {
            Some(text) => f.write_str(text),
            None => write!(f, "Unknown error {}", u32::from(self.0)),
        }
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.find(self.0) {
            Some(name) => f.write_str(name),
            None => write!(f, "Errno({})", u32::from(self.0)),
        }
    }
}

impl core::error::Error for Errno {}
