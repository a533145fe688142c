//! The locale: how a text's bytes are to be read.
//!
//! The first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set and not empty names it. If its codeset
//! is UTF-8, bytes are read as that; any other name is the C locale. Locale files are not looked
//! for: a name with a known codeset is right even where they are not installed.

use threadbare::env;

/// What of a locale matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Locale {
    /// Whether characters are UTF-8, or else single bytes of which only ASCII is printed.
    pub is_utf8: bool,
    /// Whether spaces that forbid a line break end a word.
    pub nbsp_ends_words: bool,
}

impl Locale {
    /// Reads the environment.
    pub fn get() -> Locale {
        let is_named = |name: &&str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let name = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find(is_named);
        let value = name.and_then(env::var_os).unwrap_or_default();
        Locale {
            is_utf8: is_utf8(value.to_bytes()),
            nbsp_ends_words: !is_posix(),
        }
    }
}

/// Whether the user asked for POSIX to the letter, where GNU's ways are others.
pub fn is_posix() -> bool {
    env::var_os("POSIXLY_CORRECT").is_some()
}

/// The codeset of `language_TERRITORY.codeset@modifier`.
fn is_utf8(locale: &[u8]) -> bool {
    let name = locale.split(|&byte| byte == b'@').next();
    let codeset = name.and_then(|name| name.splitn(2, |&byte| byte == b'.').nth(1));
    codeset.is_some_and(|set| {
        let mut letters = set.iter().filter(|byte| byte.is_ascii_alphanumeric());
        letters.by_ref().map(u8::to_ascii_lowercase).eq(*b"utf8")
    })
}
