//! UTF-8 as glibc decodes it, from bytes to code points.
//!
//! It takes what glibc 2.36 takes: sequences of up to six bytes, also beyond U+10FFFF, but not
//! surrogates, and nothing in more bytes than it needs. `core::str` knows only what Unicode allows,
//! so it would count less. What a code point means is not known here.

/// The most bytes of a character.
pub const BYTES_MAX: usize = 6;

/// The least code point that needs as many bytes as the index says.
const LEAST: [u32; BYTES_MAX + 1] = [0, 0, 0x80, 0x800, 0x1_0000, 0x20_0000, 0x400_0000];

/// Is it a byte that may only come behind another one of its character?
pub fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// Returns how many bytes a character has that begins with this byte; 0 if none can.
fn length(first: u8) -> usize {
    match first {
        0..0x80 => 1,
        0xc2..=0xfd => first.leading_ones() as usize,
        _ => 0,
    }
}

/// Decodes the character with which `text` begins; returns its code point and length in bytes, or
/// `None` if it does not begin with one.
pub fn decode(text: &[u8]) -> Option<(u32, usize)> {
    let &first = text.first()?;
    let length = length(first);
    let later = text.get(1..length)?;
    // The first byte's ones and the zero behind them say the length; what follows is the value's.
    let mut code = (first & (0x7f >> length)) as u32;
    for &byte in later {
        if !is_continuation(byte) {
            return None;
        }
        code = code << 6 | (byte & 0x3f) as u32;
    }
    let is_right = code >= LEAST[length] && !matches!(code, 0xd800..=0xdfff);
    is_right.then_some((code, length))
}

/// Is `text` the beginning of a character, and no more? Then it depends on what follows.
pub fn is_begun(text: &[u8]) -> bool {
    match text {
        [first, later @ ..] => {
            text.len() < length(*first) && later.iter().all(|&byte| is_continuation(byte))
        }
        [] => false,
    }
}

/// Cuts off the bytes at the begin and at the end of `text` that may belong to characters which
/// began before it or end behind it: returns begin, middle and end.
pub fn cut(text: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let later = text.iter().take_while(|&&byte| is_continuation(byte));
    let (begin, rest) = text.split_at(later.count());
    let begun = (1..BYTES_MAX.min(rest.len() + 1)).find(|&count| {
        // The last byte that is not a continuation decides.
        !is_continuation(rest[rest.len() - count])
    });
    match begun {
        Some(count) if is_begun(&rest[rest.len() - count..]) => {
            let (middle, end) = rest.split_at(rest.len() - count);
            (begin, middle, end)
        }
        _ => (begin, rest, &[]),
    }
}

/// A few bytes of a character that other bytes may complete.
#[derive(Clone, Copy)]
pub struct Fragment {
    bytes: [u8; BYTES_MAX - 1],
    length: u8,
}

impl Fragment {
    /// No bytes at all.
    pub const EMPTY: Fragment = Fragment {
        bytes: [0; BYTES_MAX - 1],
        length: 0,
    };

    /// Keeps as many bytes of `text` as can matter.
    pub fn of(text: &[u8]) -> Fragment {
        let mut fragment = Fragment::EMPTY;
        let length = text.len().min(fragment.bytes.len());
        fragment.bytes[..length].copy_from_slice(&text[..length]);
        fragment.length = length as u8;
        fragment
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length as usize]
    }

    /// Both, one behind the other, in an array and its used length.
    pub fn with(&self, next: &Fragment) -> ([u8; 2 * (BYTES_MAX - 1)], usize) {
        let mut both = [0; 2 * (BYTES_MAX - 1)];
        let (one, other) = (self.bytes(), next.bytes());
        let length = one.len() + other.len();
        both[..one.len()].copy_from_slice(one);
        both[one.len()..length].copy_from_slice(other);
        (both, length)
    }
}
