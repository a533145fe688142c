//! File names in messages, so that odd ones can be pasted into a shell: GNU's `shell-escape`.
//!
//! It covers what a message of `wc` needs. What the locale does not print is escaped.

use crate::locale::Locale;
use crate::unicode;
use crate::utf8;
use core::fmt::{self, Write};

/// A name that is written in quotes, at least if it needs them.
pub struct Quoted<'a> {
    name: &'a [u8],
    is_utf8: bool,
    always: bool,
}

impl<'a> Quoted<'a> {
    /// In quotes if it needs them.
    pub fn new(name: &'a [u8]) -> Quoted<'a> {
        Quoted {
            name,
            is_utf8: Locale::get().is_utf8,
            always: false,
        }
    }

    /// In quotes.
    pub fn always(name: &'a [u8]) -> Quoted<'a> {
        Quoted {
            always: true,
            ..Quoted::new(name)
        }
    }

    /// Goes through the name: each character that is printed, or else the next byte.
    fn units(&self) -> impl Iterator<Item = Unit> {
        let mut rest = self.name;
        core::iter::from_fn(move || {
            let &byte = rest.first()?;
            let unit = match printed(rest, self.is_utf8) {
                Some((character, length)) => {
                    rest = &rest[length..];
                    Unit::Character(character)
                }
                None => {
                    rest = &rest[1..];
                    Unit::Byte(byte)
                }
            };
            Some(unit)
        })
    }

    fn write_plain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.units().try_for_each(|unit| match unit {
            Unit::Character(character) => f.write_char(character),
            Unit::Byte(byte) => write!(f, "\\{byte:03o}"),
        })
    }
}

/// What is written in one go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Character(char),
    /// A byte that is not printed as it is.
    Byte(u8),
}

/// Decodes a character that is printed; returns its length too.
fn printed(text: &[u8], is_utf8: bool) -> Option<(char, usize)> {
    match text[0] {
        byte @ b' '..=b'~' => Some((byte as char, 1)),
        0x80.. if is_utf8 => {
            let (code, length) = utf8::decode(text)?;
            unicode::class(code, true).kind?;
            Some((char::from_u32(code)?, length))
        }
        _ => None,
    }
}

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.name.len().saturating_sub(1);
        let is_special = |(index, unit)| is_special(unit, index == 0, last == 0);
        let needs_quotes = self.name.is_empty() || self.units().enumerate().any(is_special);
        if !needs_quotes && !self.always {
            return self.write_plain(f);
        }
        let is_tame = |(index, unit)| {
            matches!(unit, Unit::Character('\'' | ' ' | ':'))
                || is_tame(unit, index == 0, last == 0)
        };
        if self.name.contains(&b'\'') && self.units().enumerate().all(is_tame) {
            f.write_str("\"")?;
            self.write_plain(f)?;
            return f.write_str("\"");
        }
        f.write_str("'")?;
        // Whether the text so far ends within `$'…'`, where escapes have a meaning.
        let mut in_escapes = false;
        for unit in self.units() {
            let is_escape = matches!(unit, Unit::Byte(_));
            if is_escape && !in_escapes {
                f.write_str("'$'")?;
            } else if in_escapes && !is_escape && unit != Unit::Character('\'') {
                f.write_str("''")?;
            }
            in_escapes = is_escape;
            match unit {
                Unit::Character('\'') => f.write_str("'\\''")?,
                Unit::Character(character) => f.write_char(character)?,
                Unit::Byte(byte @ 0x07..=0x0d) => {
                    write!(f, "\\{}", b"abtnvfr"[byte as usize - 7] as char)?;
                }
                Unit::Byte(byte) => write!(f, "\\{byte:03o}")?,
            }
        }
        f.write_str("'")
    }
}

/// Whether the unit means something to a shell at its place. A colon does not, but it would be
/// taken for the message's own.
fn is_special(unit: Unit, is_first: bool, is_alone: bool) -> bool {
    match unit {
        Unit::Byte(_) => true,
        Unit::Character('#' | '~') => is_first,
        Unit::Character('{' | '}') => is_alone,
        Unit::Character(character) => " !\"$&'()*:;<=>?[\\^`|".contains(character),
    }
}

/// Whether the unit means nothing within double quotes, as GNU sees it.
fn is_tame(unit: Unit, is_first: bool, is_alone: bool) -> bool {
    match unit {
        Unit::Character('#' | '~') => is_first,
        Unit::Character('{' | '}') => is_alone,
        _ => !is_special(unit, is_first, is_alone),
    }
}
