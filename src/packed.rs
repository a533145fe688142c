//! Texts by number, without a pointer for each: names of errors and signals, of which the tables
//! would be larger than the texts.

/// Texts, one behind the other.
pub struct Packed {
    /// Of each its number and its length in bytes.
    pub keys: &'static [(u16, u8)],
    pub texts: &'static str,
}

impl Packed {
    /// Returns the text of a number.
    pub fn find(&self, number: u16) -> Option<&'static str> {
        let mut start = 0;
        for (key, bytes) in self.keys {
            let end = start + usize::from(*bytes);
            if *key == number {
                return self.texts.get(start..end);
            }
            start = end;
        }
        None
    }
}

/// The length of a text, where it is a constant.
pub const fn length(text: &str) -> u8 {
    assert!(text.len() <= u8::MAX as usize);
    text.len() as u8
}
