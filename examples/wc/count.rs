//! Counting: bytes in, a tally out.
//!
//! Text goes through in blocks. A block of ASCII, or of single-byte characters, is counted without
//! looking at one byte after the other; the rest is decoded character by character. Nothing here
//! reads or knows of files.

use crate::tally::{Kind, Method, Tally};
use crate::unicode;
use crate::utf8::{self, Fragment};
use crate::width::Ruler;

/// What is counted in one go, with sums that fit a byte.
const BLOCK_BYTES: usize = 128;
const _: () = assert!(
    BLOCK_BYTES <= u8::MAX as usize,
    "a block's counts must fit a byte"
);
/// How much is decoded before it is worth asking again whether a block of ASCII follows.
const DECODED_BYTES: usize = 48;

/// Counts `text`.
pub fn count(text: &[u8], method: &Method) -> Tally {
    let mut tally = Tally::unread(text.len() as u64);
    if method.is_bytes() {
        return tally;
    }
    if !(method.words | method.chars | method.widths) {
        tally.newlines = count_newlines(text);
        return tally;
    }
    let mut counter = Counter::new(method);
    if method.is_decoding() {
        let (begin, middle, end) = utf8::cut(text);
        counter.add_utf8(middle);
        tally.begin = Fragment::of(begin);
        tally.end = Fragment::of(end);
    } else {
        let (blocks, rest) = text.as_chunks::<BLOCK_BYTES>();
        for block in blocks {
            counter.add_block(block);
        }
        counter.add_rest(rest);
    }
    tally.newlines = counter.newlines;
    tally.words = counter.words;
    tally.chars = counter.chars;
    tally.first = counter.first;
    tally.last = counter.first.map(|_| match counter.in_word {
        true => Kind::Visible,
        false => Kind::Separator,
    });
    tally.lines = counter.ruler.lines();
    tally
}

/// The counts so far, and whether the text so far ends within a word.
struct Counter<'a> {
    method: &'a Method,
    newlines: u64,
    words: u64,
    chars: u64,
    first: Option<Kind>,
    in_word: bool,
    ruler: Ruler,
}

impl Counter<'_> {
    fn new(method: &Method) -> Counter<'_> {
        Counter {
            method,
            newlines: 0,
            words: 0,
            chars: 0,
            first: None,
            in_word: false,
            ruler: Ruler::new(),
        }
    }

    /// Counts text without cut characters at its ends.
    fn add_utf8(&mut self, mut text: &[u8]) {
        loop {
            while let Some((block, rest)) = text.split_first_chunk::<BLOCK_BYTES>()
                && block.is_ascii()
            {
                self.add_block(block);
                self.chars += BLOCK_BYTES as u64;
                text = rest;
            }
            if text.len() < BLOCK_BYTES && text.is_ascii() {
                self.chars += text.len() as u64;
                return self.add_rest(text);
            }
            let mut at = 0;
            while at < text.len().min(DECODED_BYTES) {
                at += self.add_character(&text[at..]);
            }
            text = &text[at..];
        }
    }

    /// Counts the character with which `text` begins; returns its length. A byte that begins none
    /// counts for nothing.
    fn add_character(&mut self, text: &[u8]) -> usize {
        let first = text[0];
        if first.is_ascii() {
            self.chars += 1;
            self.add_ascii(first);
            return 1;
        }
        let Some((code, length)) = utf8::decode(text) else {
            return 1;
        };
        self.chars += 1;
        if self.method.words | self.method.widths {
            let class = unicode::class(code, self.method.locale.nbsp_ends_words);
            self.add_kind(class.kind);
            self.ruler.advance(class.width as u64);
        }
        length
    }

    fn add_ascii(&mut self, byte: u8) {
        self.newlines += (byte == b'\n') as u64;
        self.add_kind(kind(byte));
        self.measure_byte(byte);
    }

    fn add_kind(&mut self, kind: Option<Kind>) {
        if let Some(kind) = kind {
            self.words += (kind == Kind::Visible && !self.in_word) as u64;
            self.in_word = kind == Kind::Visible;
            self.first = self.first.or(Some(kind));
        }
    }

    fn measure_byte(&mut self, byte: u8) {
        match byte {
            b' '..=b'~' => self.ruler.advance(1),
            b'\t' => self.ruler.tab(),
            b'\n' | b'\x0c' | b'\r' => self.ruler.end_line(),
            _ => {}
        }
    }

    /// Counts less than a block.
    fn add_rest(&mut self, rest: &[u8]) {
        // NUL is neither visible nor a separator and takes no column: padding changes nothing.
        let mut block = [0; BLOCK_BYTES];
        block[..rest.len()].copy_from_slice(rest);
        self.add_block(&block);
    }

    /// Counts a block of which every byte is a character.
    fn add_block(&mut self, block: &[u8; BLOCK_BYTES]) {
        if !self.method.words {
            self.newlines += count_newlines(block);
        } else {
            if self.first.is_none() {
                self.first = block.iter().find_map(|&byte| kind(byte));
            }
            if has_others(block) {
                self.add_any(block);
            } else {
                self.add_plain(block);
            }
        }
        if self.method.widths {
            self.measure(block);
        }
    }

    /// The quick way, for a block of separators and visible bytes alone: a word begins wherever a
    /// visible byte follows one that is not. No byte waits for the outcome of the one before it.
    fn add_plain(&mut self, block: &[u8; BLOCK_BYTES]) {
        let mut newlines = 0u8;
        for &byte in block {
            newlines += (byte == b'\n') as u8;
        }
        let mut words = (is_visible(block[0]) & !self.in_word) as u8;
        for index in 1..BLOCK_BYTES {
            words += (is_visible(block[index]) & !is_visible(block[index - 1])) as u8;
        }
        self.newlines += newlines as u64;
        self.words += words as u64;
        self.in_word = is_visible(block[BLOCK_BYTES - 1]);
    }

    /// The way for all bytes, eight at a time: being in a word is the carry of an addition.
    ///
    /// A visible byte makes a carry (1 + 1 in its high bit), a separator stops the one that comes
    /// in (0 + 0), and any other byte hands it on (1 + 0), as do the seven low bits between them.
    /// Where a carry comes in from the byte before, that byte left off within a word.
    fn add_any(&mut self, block: &[u8; BLOCK_BYTES]) {
        let (mut newlines, mut words) = (0, 0);
        for &eight in block.as_chunks::<8>().0 {
            let eight = u64::from_le_bytes(eight);
            let visible = within(eight, b'!', b'~');
            let separators = within(eight, b' ', b' ') | within(eight, b'\t', b'\r');
            let handed_on = !separators;
            let (sum, carry) = handed_on.carrying_add(visible, self.in_word);
            let carried_in = sum ^ handed_on ^ visible;
            words += (visible & !carried_in) >> 7;
            newlines += within(eight, b'\n', b'\n') >> 7;
            self.in_word = carry;
        }
        self.newlines += sum_of_bytes(newlines);
        self.words += sum_of_bytes(words);
    }

    /// Measures eight bytes at a time: most of them only add a column each.
    fn measure(&mut self, block: &[u8; BLOCK_BYTES]) {
        for &bytes in block.as_chunks::<8>().0 {
            let mut others = !within(u64::from_le_bytes(bytes), b' ', b'~') & HIGH_BITS;
            let mut done = 0;
            while others != 0 {
                let index = others.trailing_zeros() / 8;
                self.ruler.advance((index - done) as u64);
                self.measure_byte(bytes[index as usize]);
                done = index + 1;
                others &= others - 1;
            }
            self.ruler.advance((8 - done) as u64);
        }
    }
}

const ONES: u64 = u64::MAX / 0xff;
const HIGH_BITS: u64 = ONES << 7;

/// Sets the high bit of each byte that lies between `low` and `high`, both of them ASCII.
fn within(eight: u64, low: u8, high: u8) -> u64 {
    // Without its high bit no byte can overflow into the next one.
    let at_least = |limit: u8| (eight & !HIGH_BITS) + ONES * (0x80 - limit as u64);
    at_least(low) & !at_least(high + 1) & !eight & HIGH_BITS
}

fn sum_of_bytes(eight: u64) -> u64 {
    eight.to_le_bytes().map(u64::from).iter().sum()
}

fn is_visible(byte: u8) -> bool {
    byte.wrapping_sub(b'!') <= b'~' - b'!'
}

fn is_separator(byte: u8) -> bool {
    byte == b' ' || byte.wrapping_sub(b'\t') <= b'\r' - b'\t'
}

fn kind(byte: u8) -> Option<Kind> {
    if is_visible(byte) {
        Some(Kind::Visible)
    } else if is_separator(byte) {
        Some(Kind::Separator)
    } else {
        None
    }
}

/// Counts newlines. The sum of a block fits a byte, so the compiler can add 16 or more lanes at a
/// time; with a wider sum it could not.
fn count_newlines(text: &[u8]) -> u64 {
    let (blocks, rest) = text.as_chunks::<BLOCK_BYTES>();
    let of = |part: &[u8]| part.iter().map(|&byte| (byte == b'\n') as u8).sum::<u8>() as u64;
    blocks.iter().map(|block| of(block)).sum::<u64>() + of(rest)
}

/// Whether any byte is neither a separator nor visible. Folds without an early end, which the
/// compiler turns into vector code.
fn has_others(block: &[u8; BLOCK_BYTES]) -> bool {
    block.iter().fold(false, |found, &byte| {
        found | !(is_visible(byte) | is_separator(byte))
    })
}
