//! The one way to die without panicking: a line on standard error, then abort.
//!
//! Without the feature `messages` there is no line.
//!
//! For what the runtime cannot survive and no caller can handle: the kernel or the program's image
//! broke a promise. It needs no TLS, no lock, no formatting and no relocation, so that it works in
//! every phase of a program's life.

use crate::arch::{self, nr};

const STDERR: usize = 2;

/// Writes `threadbare: ` and the pieces to standard error and aborts the process.
#[cold]
#[inline(never)]
pub fn fatal_pieces(pieces: &[&str]) -> ! {
    if cfg!(feature = "messages") {
        say(pieces);
    }
    crate::process::die_by_abort()
}

/// Writes the line.
fn say(pieces: &[&str]) {
    // In one piece, as long as it fits: two threads may have come to their end at once.
    let mut line = Line {
        bytes: [0; LINE_BYTES],
        count: 0,
    };
    line.add("threadbare: ");
    for piece in pieces {
        line.add(piece);
    }
    line.add("\n");
    line.leave();
}

/// Longer than any message here.
const LINE_BYTES: usize = 256;

/// What is gathered of a message.
struct Line {
    bytes: [u8; LINE_BYTES],
    count: usize,
}

impl Line {
    fn add(&mut self, text: &str) {
        for byte in text.bytes() {
            if self.count == LINE_BYTES {
                self.leave();
            }
            self.bytes[self.count] = byte;
            self.count += 1;
        }
    }

    /// Writes what it can; there is nobody to tell about a failure.
    fn leave(&mut self) {
        let (from, count) = (self.bytes.as_ptr() as usize, self.count);
        // SAFETY: the kernel only reads the bytes.
        let _ = unsafe { arch::syscall3(nr::WRITE, STDERR, from, count) };
        self.count = 0;
    }
}

/// Writes `message` to standard error and aborts the process.
#[cold]
#[inline(never)]
pub fn fatal(message: &str) -> ! {
    fatal_pieces(&[message])
}

/// Says which call answered which error, against its own documentation, and aborts the process.
#[cold]
#[inline(never)]
pub fn fatal_errno(call: &str, errno: crate::sys::Errno) -> ! {
    if !cfg!(feature = "messages") {
        fatal(call);
    }
    let mut digits = [0u8; 4];
    let mut number = errno.raw() as u32;
    let mut at = digits.len();
    while at > 0 && (number > 0 || at == digits.len()) {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    // SAFETY: digits are ASCII. To check that would be more code than all of this.
    let digits = unsafe { core::str::from_utf8_unchecked(&digits[at..]) };
    fatal_pieces(&[call, " answered error ", digits, ", which it cannot"])
}
