//! What goes wrong, in words.

use core::ffi::CStr;
use core::fmt;

use rustix::io::Errno;

/// What an error says. The library words those of the calls that it makes, which has no sockets.
pub struct Reason(pub Errno);

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Errno::ADDRINUSE => "Address already in use",
            Errno::ADDRNOTAVAIL => "Cannot assign requested address",
            Errno::AFNOSUPPORT => "Address family not supported by protocol",
            other => match threadbare::Errno::from_raw(other.raw_os_error()) {
                Some(known) => return known.fmt(f),
                None => return other.fmt(f),
            },
        })
    }
}

/// A path as it was given; what is not UTF-8 in it is shown as U+FFFD.
pub struct Path<'a>(pub &'a CStr);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.to_bytes().utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_str("\u{FFFD}")?;
            }
        }
        Ok(())
    }
}
