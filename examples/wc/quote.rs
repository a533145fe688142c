//! File names in messages, so that odd ones can be pasted into a shell: GNU's `shell-escape`.
//!
//! It covers what a message of `wc` needs, in the C locale: bytes that are not ASCII are escaped.

use core::fmt;

/// A name that is written in quotes if it needs them.
pub struct Quoted<'a>(pub &'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0;
        if !name.is_empty() && !(0..name.len()).any(|index| is_special(name, index)) {
            return plain(f, name);
        }
        let is_tame = |index: usize| matches!(name[index], b'\'') || is_tame(name, index);
        if name.contains(&b'\'') && (0..name.len()).all(is_tame) {
            f.write_str("\"")?;
            plain(f, name)?;
            return f.write_str("\"");
        }
        f.write_str("'")?;
        // Whether the text so far ends within `$'…'`, where escapes have a meaning.
        let mut in_escapes = false;
        for &byte in name {
            let is_escape = !matches!(byte, b' '..=b'~');
            if is_escape && !in_escapes {
                f.write_str("'$'")?;
            } else if in_escapes && !is_escape && byte != b'\'' {
                f.write_str("''")?;
            }
            in_escapes = is_escape;
            match byte {
                b'\'' => f.write_str("'\\''")?,
                0x07..=0x0d => write!(f, "\\{}", b"abtnvfr"[byte as usize - 7] as char)?,
                _ if is_escape => write!(f, "\\{byte:03o}")?,
                _ => write!(f, "{}", byte as char)?,
            }
        }
        f.write_str("'")
    }
}

/// Writes a name that is known to be ASCII.
fn plain(f: &mut fmt::Formatter<'_>, name: &[u8]) -> fmt::Result {
    name.iter()
        .try_for_each(|&byte| write!(f, "{}", byte as char))
}

/// Whether the byte means something to a shell at its place. A colon does not, but it would be
/// taken for the message's own.
fn is_special(name: &[u8], index: usize) -> bool {
    match name[index] {
        b'#' | b'~' => index == 0,
        b'{' | b'}' => name.len() == 1,
        byte => b" !\"$&'()*:;<=>?[\\^`|".contains(&byte) || !matches!(byte, b' '..=b'~'),
    }
}

/// Whether the byte means nothing within double quotes, as GNU sees it.
fn is_tame(name: &[u8], index: usize) -> bool {
    match name[index] {
        b' ' | b':' => true,
        b'#' | b'~' => index == 0,
        b'{' | b'}' => name.len() == 1,
        _ => !is_special(name, index),
    }
}
