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

/// What is gathered of a message.
pub struct Line {
    bytes: [MaybeUninit<u8>; LINE_BYTES],
    count: usize,
}

impl Line {
    pub const fn new() -> Line {
        Line {
            bytes: [MaybeUninit::uninit(); LINE_BYTES],
            count: 0,
        }
    }

    /// Adds text.
    pub fn add(&mut self, text: &str) -> &mut Line {
        self.add_bytes(text.as_bytes())
    }

    /// Adds text that is known to be one, up to its first NUL.
    pub fn add_bytes(&mut self, bytes: &[u8]) -> &mut Line {
        for byte in bytes {
            if *byte == 0 {
                break;
            }
            self.add_byte(*byte);
        }
        self
    }

    /// Adds a number in decimal digits.
    pub fn add_number(&mut self, number: u64) -> &mut Line {
        self.add_digits(number, false)
    }

    /// Adds an address, `0x` and hexadecimal digits.
    pub fn add_address(&mut self, address: usize) -> &mut Line {
        self.add("0x").add_digits(address as u64, true)
    }

    /// The last digit comes after the others: at most 20 times itself.
    fn add_digits(&mut self, number: u64, is_hexadecimal: bool) -> &mut Line {
        let base = if is_hexadecimal { 16 } else { 10 };
        if number >= base {
            self.add_digits(number / base, is_hexadecimal);
        }
        // Below 16.
        let digit = (number % base) as u8;
        self.add_byte(match digit {
            0..10 => b'0' + digit,
            _ => b'a' - 10 + digit,
        });
        self
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

    /// Writes what was gathered to standard error. There is nobody to tell about a failure but the
    /// caller.
    pub fn leave(&mut self) -> Result<(), Errno> {
        let (from, count) = (self.bytes.as_ptr().expose_provenance(), self.count);
        self.count = 0;
        // SAFETY: the kernel only reads the bytes, which were written.
        let result = unsafe { arch::syscall3(nr::WRITE, STDERR, from, count) };
        Errno::decode(result).map(|_| ())
    }
}
