//! Counting: bytes in, a tally out.
//!
//! Everything here is pure, so that any thread can count any part of a text: a [`Tally`] knows how
//! its text begins and ends, and two tallies of adjoining texts make the tally of both. A word
//! that was cut in two is then counted once. Nothing here reads, prints or shares.

/// What counting has to find out, from cheap to dear.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The number of bytes only.
    Bytes,
    /// Bytes and newlines.
    Lines,
    /// Bytes, newlines and words.
    Words,
}

/// The two kinds of byte that matter to words; all others are as if they were not there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ends a word: space, `\t`, `\n`, `\v`, `\f`, `\r`.
    Separator,
    /// Makes a word: the visible characters of ASCII.
    Visible,
}

/// The counts of a text, and all that is needed to join it to its neighbours.
#[derive(Clone, Copy)]
pub struct Tally {
    pub bytes: u64,
    pub lines: u64,
    /// The words, as if the text stood alone.
    pub words: u64,
    /// The first kind in the text, or `None` if it has neither.
    first: Option<Kind>,
    /// The last kind in the text, or `None` if it has neither.
    last: Option<Kind>,
}

/// What is counted in one go, with sums that fit a byte.
const BLOCK_BYTES: usize = 128;

impl Tally {
    /// The tally of no text at all.
    pub const EMPTY: Tally = Tally::unread(0);

    /// The tally of `bytes` bytes that nobody needs to look at.
    pub const fn unread(bytes: u64) -> Tally {
        Tally {
            bytes,
            lines: 0,
            words: 0,
            first: None,
            last: None,
        }
    }

    /// Counts `text`.
    pub fn of(text: &[u8], depth: Depth) -> Tally {
        let mut tally = Tally::unread(text.len() as u64);
        match depth {
            Depth::Bytes => {}
            Depth::Lines => tally.lines = count_newlines(text),
            Depth::Words => tally.count_words(text),
        }
        tally
    }

    /// Joins the tally of a text to that of the text right behind it.
    pub fn then(self, next: Tally) -> Tally {
        let is_word_cut = (self.last, next.first) == (Some(Kind::Visible), Some(Kind::Visible));
        Tally {
            bytes: self.bytes + next.bytes,
            lines: self.lines + next.lines,
            words: self.words + next.words - is_word_cut as u64,
            first: self.first.or(next.first),
            last: next.last.or(self.last),
        }
    }

    /// Adds the counts of another file: words of different files never join.
    pub fn add(&mut self, other: Tally) {
        self.bytes += other.bytes;
        self.lines += other.lines;
        self.words += other.words;
    }

    fn count_words(&mut self, text: &[u8]) {
        self.first = text.iter().find_map(|&byte| kind(byte));
        let mut counts = Counts {
            lines: 0,
            words: 0,
            in_word: false,
        };
        let (blocks, rest) = text.as_chunks::<BLOCK_BYTES>();
        for block in blocks {
            if has_others(block) {
                counts.add_any(block);
            } else {
                counts.add_plain(block);
            }
        }
        // NUL is neither visible nor a separator: padding changes nothing.
        let mut block = [0; BLOCK_BYTES];
        block[..rest.len()].copy_from_slice(rest);
        counts.add_any(&block);
        self.lines = counts.lines;
        self.words = counts.words;
        let last = if counts.in_word {
            Kind::Visible
        } else {
            Kind::Separator
        };
        self.last = self.first.map(|_| last);
    }
}

/// The counts so far, and whether the text so far ends within a word.
struct Counts {
    lines: u64,
    words: u64,
    in_word: bool,
}

impl Counts {
    /// The quick way, for a block of separators and visible bytes alone: a word begins wherever a
    /// visible byte follows one that is not. No byte waits for the outcome of the one before it.
    fn add_plain(&mut self, block: &[u8; BLOCK_BYTES]) {
        let mut lines = 0u8;
        for &byte in block {
            lines += (byte == b'\n') as u8;
        }
        let mut words = (is_visible(block[0]) & !self.in_word) as u8;
        for index in 1..BLOCK_BYTES {
            words += (is_visible(block[index]) & !is_visible(block[index - 1])) as u8;
        }
        self.lines += lines as u64;
        self.words += words as u64;
        self.in_word = is_visible(block[BLOCK_BYTES - 1]);
    }

    /// The way for all bytes, eight at a time: being in a word is the carry of an addition.
    ///
    /// A visible byte makes a carry (1 + 1 in its high bit), a separator stops the one that comes
    /// in (0 + 0), and any other byte hands it on (1 + 0), as do the seven low bits between them.
    /// Where a carry comes in from the byte before, that byte left off within a word.
    fn add_any(&mut self, block: &[u8; BLOCK_BYTES]) {
        let (mut lines, mut words) = (0, 0);
        for &eight in block.as_chunks::<8>().0 {
            let eight = u64::from_le_bytes(eight);
            let visible = within(eight, b'!', b'~');
            let separators = within(eight, b' ', b' ') | within(eight, b'\t', b'\r');
            let handed_on = !separators;
            let (sum, carry) = handed_on.carrying_add(visible, self.in_word);
            let carried_in = sum ^ handed_on ^ visible;
            words += (visible & !carried_in) >> 7;
            lines += within(eight, b'\n', b'\n') >> 7;
            self.in_word = carry;
        }
        self.lines += lines.to_le_bytes().map(u64::from).iter().sum::<u64>();
        self.words += words.to_le_bytes().map(u64::from).iter().sum::<u64>();
    }
}

/// Sets the high bit of each byte that lies between `low` and `high`, both of them ASCII.
fn within(eight: u64, low: u8, high: u8) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH_BITS: u64 = ONES << 7;
    // Without its high bit no byte can overflow into the next one.
    let at_least = |limit: u8| (eight & !HIGH_BITS) + ONES * (0x80 - limit as u64);
    at_least(low) & !at_least(high + 1) & !eight & HIGH_BITS
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

const _: () = assert!(
    BLOCK_BYTES <= u8::MAX as usize,
    "a block's counts must fit a byte"
);
