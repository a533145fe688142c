//! A message that is put together without formatting, whose machinery is larger than most programs.
//!
//! It needs no TLS, no lock and no relocation, and it cannot panic. What it writes to standard
//! error leaves in one piece as long as it fits: two threads may have come to their end at once.

use core::mem::MaybeUninit;

use crate::arch::{self, nr};
use crate::sys::Errno;

const STDERR: usize = 2;

/// Longer than any message here that ends in one piece.
const LINE_BYTES: usize = 384;

/// Writes a message to standard error: the template, in which `$` stands for the next text (up to
/// its first NUL, if it has one), `#` for the next number and `@` for the next one in hexadecimal
/// digits. There is nobody to tell about a failure but the caller.
///
/// One call for a whole message, because one for each piece of it is longer than most pieces.
#[inline(never)]
pub fn say(template: &str, texts: &[&[u8]], numbers: &[u64]) -> Result<(), Errno> {
    let (mut texts, mut numbers) = (texts.iter(), numbers.iter());
    let mut line = Line {
        bytes: [MaybeUninit::uninit(); LINE_BYTES],
        count: 0,
    };
    for byte in template.bytes() {
        match byte {
            b'$' => line.add_bytes(texts.next().copied().unwrap_or_default()),
            b'#' | b'@' => {
                let base = if byte == b'#' { 10 } else { 16 };
                line.add_digits(numbers.next().copied().unwrap_or_default(), base);
            }
            _ => line.add_byte(byte),
        }
    }
    line.leave()
}

/// What is gathered of a message.
struct Line {
    bytes: [MaybeUninit<u8>; LINE_BYTES],
    count: usize,
}

impl Line {
    /// Adds text, up to its first NUL.
    fn add_bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == 0 {
                break;
            }
            self.add_byte(*byte);
        }
    }

    /// Adds a number. The last digit comes after the others: at most 20 times itself.
    fn add_digits(&mut self, number: u64, base: u64) {
        if number >= base {
            self.add_digits(number / base, base);
        }
        // Below 16.
        let digit = (number % base) as u8;
        self.add_byte(match digit {
            0..10 => b'0' + digit,
            _ => b'a' - 10 + digit,
        });
    }

    fn add_byte(&mut self, byte: u8) {
        if self.count >= LINE_BYTES {
            let _ = self.leave();
        }
        if let Some(to) = self.bytes.get_mut(self.count) {
            to.write(byte);
            self.count += 1;
        }
    }

    /// Writes what was gathered to standard error.
    fn leave(&mut self) -> Result<(), Errno> {
        let (from, count) = (self.bytes.as_ptr().expose_provenance(), self.count);
        self.count = 0;
        // SAFETY: the kernel only reads the bytes, which were written.
        let result = unsafe { arch::syscall3(nr::WRITE, STDERR, from, count) };
        Errno::decode(result).map(|_| ())
    }
}
