//! A message that is put together without formatting, whose machinery is larger than most programs.
//!
//! It needs no TLS, no lock and no relocation, and it cannot panic. What it writes to standard
//! error leaves in one piece as long as it fits: two threads may have come to their end at once.
//!
//! All texts end by a NUL, and a message's words are all of one size: so a call of this has two
//! arguments, and each text is one register. The messages of a small program are a tenth of it.

use core::ffi::CStr;
use core::fmt::{self, Write};
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr;

use crate::arch::{self, nr};
use crate::sys::task::NAME_BYTES;

const STDERR: usize = 2;

/// Longer than any message here that ends in one piece.
const LINE_BYTES: usize = 384;

/// Bytes up to a NUL, wherever that is: nobody need know their number.
#[derive(Clone, Copy)]
pub struct Text<'a>(*const u8, PhantomData<&'a u8>);

impl<'a> Text<'a> {
    /// A text.
    pub const fn new(text: &'a CStr) -> Text<'a> {
        Text(text.as_ptr().cast(), PhantomData)
    }

    /// A name, which is NUL-padded, or `unnamed` where it is empty.
    pub fn of_name(name: &'a [u8; NAME_BYTES], unnamed: &'a CStr) -> Text<'a> {
        debug_assert!(name[NAME_BYTES - 1] == 0, "a name has a byte less");
        match name {
            [0, ..] => Text::new(unnamed),
            _ => Text(name.as_ptr(), PhantomData),
        }
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut at = self.0;
        loop {
            // SAFETY: a text has a NUL, and this is not behind it.
            match unsafe { *at } {
                0 => return Ok(()),
                byte => f.write_char(char::from(byte))?,
            }
            at = at.wrapping_add(1);
        }
    }
}

/// What a message has in place of a sign in its template.
#[derive(Clone, Copy)]
pub struct Word<'a>(u64, PhantomData<&'a u8>);

impl<'a> Word<'a> {
    /// A text.
    pub fn text(text: Text<'a>) -> Word<'a> {
        Word(text.0.expose_provenance() as u64, PhantomData)
    }

    /// A number.
    pub const fn number(number: u64) -> Word<'a> {
        Word(number, PhantomData)
    }

    /// An address, or a number of bytes.
    pub const fn size(number: usize) -> Word<'a> {
        Word(number as u64, PhantomData)
    }
}

/// Writes a message to standard error: the template, in which `$` stands for the next word, a text,
/// `#` for the next one, a number, and `@` for the next one, a number in hexadecimal digits. There
/// is nobody to tell about a failure but the caller, who gets the kernel's raw answer.
///
/// One call for a whole message, because one for each piece of it is longer than most pieces.
///
/// # Safety
/// 1. There is a word for each of the template's signs, of the kind that the sign is for.
#[inline(never)]
pub unsafe fn say(template: &'static CStr, words: &[Word<'_>]) -> isize {
    let mut line = Line {
        count: 0,
        bytes: [MaybeUninit::uninit(); LINE_BYTES],
    };
    // SAFETY: a text, and clause 1.
    unsafe { line.add(template.as_ptr().cast(), words.as_ptr()) };
    line.leave()
}

/// What is gathered of a message. In this order, so that the count is near.
#[repr(C)]
struct Line {
    count: usize,
    bytes: [MaybeUninit<u8>; LINE_BYTES],
}

impl Line {
    /// Adds a text: a template, or, where `words` is null, one that stands for itself.
    ///
    /// # Safety
    /// 1. `text` has a NUL, and `words` is null or has what [`say`] wants of them.
    #[inline(never)]
    unsafe fn add(&mut self, mut text: *const u8, mut words: *const Word<'_>) {
        loop {
            // SAFETY: clause 1: this is not behind the NUL.
            let byte = unsafe { *text };
            text = text.wrapping_add(1);
            if byte == 0 {
                return;
            }
            let base = match if words.is_null() { 0 } else { byte } {
                b'$' => 0,
                b'#' => 10,
                b'@' => 16,
                _ => {
                    self.add_byte(byte);
                    continue;
                }
            };
            // SAFETY: clause 1: there is one for the sign.
            let Word(word, _) = unsafe { *words };
            words = words.wrapping_add(1);
            let mut digits = Digits(MaybeUninit::uninit());
            let piece = if base == 0 {
                ptr::with_exposed_provenance(word as usize)
            } else {
                digits.spell(word, base)
            };
            // SAFETY: a text, as clause 1 says of `$`, or digits, which end by a NUL.
            unsafe { self.add(piece, ptr::null()) };
        }
    }

    fn add_byte(&mut self, byte: u8) {
        let mut count = self.count;
        if count >= LINE_BYTES {
            let _ = self.leave();
            count = 0;
        }
        self.bytes[count].write(byte);
        self.count = count + 1;
    }

    /// Writes what was gathered to standard error.
    fn leave(&self) -> isize {
        let (from, count) = (self.bytes.as_ptr().expose_provenance(), self.count);
        // SAFETY: the kernel only reads the bytes, which were written.
        unsafe { arch::syscall3(nr::WRITE, STDERR, from, count) }
    }
}

/// Room for the digits of any number, and a NUL.
struct Digits(MaybeUninit<[u8; Digits::COUNT_MAX + 1]>);

impl Digits {
    /// Those of `u64::MAX`, in decimal.
    const COUNT_MAX: usize = 20;

    /// Writes a number's digits and a NUL, at the end, and returns where they begin. `base` is 10
    /// or more.
    fn spell(&mut self, mut number: u64, base: u64) -> *const u8 {
        let mut at = self.0.as_mut_ptr().cast::<u8>();
        at = at.wrapping_add(Digits::COUNT_MAX);
        // SAFETY: the last byte.
        unsafe { at.write(0) };
        loop {
            // Below 16.
            let digit = (number % base) as u8;
            number /= base;
            at = at.wrapping_sub(1);
            let digit = match digit {
                0..10 => b'0' + digit,
                _ => b'a' - 10 + digit,
            };
            // SAFETY: no number has more digits than there is room for.
            unsafe { at.write(digit) };
            if number == 0 {
                return at;
            }
        }
    }
}
