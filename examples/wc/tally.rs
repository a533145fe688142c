//! What is known of a text once it was counted, and how that of two texts becomes that of both.
//!
//! Everything here is pure, so that any thread can count any part of a text: a [`Tally`] knows how
//! its text begins and ends, and two tallies of adjoining texts make the tally of both. A word, a
//! character or a line that was cut in two is then counted once, as if nobody had cut. Joining may
//! be done in any grouping. Nothing here looks at a text, reads, prints or shares.

use crate::locale::Locale;
use crate::unicode;
use crate::utf8::{self, Fragment};
use crate::width::{Lines, Ruler};

/// What counting has to find out beside the number of bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Method {
    pub lines: bool,
    pub words: bool,
    /// The number of characters, where that is not the number of bytes.
    pub chars: bool,
    pub widths: bool,
    pub locale: Locale,
}

impl Method {
    /// Whether the number of bytes is all.
    pub fn is_bytes(&self) -> bool {
        !(self.lines | self.words | self.chars | self.widths)
    }

    /// Whether characters must be told apart.
    pub fn is_decoding(&self) -> bool {
        self.locale.is_utf8 && (self.words | self.chars | self.widths)
    }
}

/// The two kinds of character that matter to words; all others are as if they were not there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Ends a word: white space.
    Separator,
    /// Makes a word: whatever else is printed.
    Visible,
}

/// The counts of a text, and all that is needed to join it to its neighbours.
#[derive(Clone, Copy)]
pub struct Tally {
    pub bytes: u64,
    pub newlines: u64,
    /// The words, as if the text stood alone.
    pub words: u64,
    /// The characters that are whole.
    pub chars: u64,
    /// The first kind in the text, or `None` if it has neither.
    pub first: Option<Kind>,
    /// The last kind in the text, or `None` if it has neither.
    pub last: Option<Kind>,
    pub lines: Lines,
    /// The bytes that may end a character of the text before.
    pub begin: Fragment,
    /// The bytes that begin a character of which the rest is missing.
    pub end: Fragment,
}

impl Tally {
    /// The tally of no text at all.
    pub const EMPTY: Tally = Tally::unread(0);

    /// The tally of `bytes` bytes that nobody needs to look at.
    pub const fn unread(bytes: u64) -> Tally {
        Tally {
            bytes,
            newlines: 0,
            words: 0,
            chars: 0,
            first: None,
            last: None,
            lines: Lines::EMPTY,
            begin: Fragment::EMPTY,
            end: Fragment::EMPTY,
        }
    }

    /// The tally of one character beyond ASCII, whose bytes are counted elsewhere.
    fn of_character(code: u32, locale: Locale) -> Tally {
        let class = unicode::class(code, locale.nbsp_ends_words);
        let mut ruler = Ruler::new();
        ruler.advance(class.width as u64);
        Tally {
            words: (class.kind == Some(Kind::Visible)) as u64,
            chars: 1,
            first: class.kind,
            last: class.kind,
            lines: ruler.lines(),
            ..Tally::EMPTY
        }
    }

    /// Joins the tally of a text to that of the text right behind it.
    pub fn then(self, next: Tally, locale: Locale) -> Tally {
        let mut joined = self;
        joined.end = Fragment::EMPTY;
        let is_next_begin = next.bytes == next.begin.bytes().len() as u64;
        let (both, length) = self.end.with(&next.begin);
        if !self.end.bytes().is_empty() {
            if let Some((code, _)) = utf8::decode(&both[..length]) {
                joined = joined.append(Tally::of_character(code, locale));
            } else if is_next_begin && utf8::is_begun(&both[..length]) {
                joined.end = Fragment::of(&both[..length]);
            }
        } else if self.bytes == self.begin.bytes().len() as u64 {
            let (both, length) = self.begin.with(&next.begin);
            joined.begin = Fragment::of(&both[..length]);
        }
        joined = joined.append(next);
        if !is_next_begin {
            joined.end = next.end;
        }
        joined
    }

    /// Joins all but the fragments at the ends.
    fn append(self, next: Tally) -> Tally {
        let is_word_cut = (self.last, next.first) == (Some(Kind::Visible), Some(Kind::Visible));
        Tally {
            bytes: self.bytes + next.bytes,
            newlines: self.newlines + next.newlines,
            words: self.words + next.words - is_word_cut as u64,
            chars: self.chars + next.chars,
            first: self.first.or(next.first),
            last: next.last.or(self.last),
            lines: self.lines.then(next.lines),
            begin: self.begin,
            end: self.end,
        }
    }
}
