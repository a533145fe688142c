//! What a value says of itself, kept.

use core::fmt::{self, Write};
use core::str::Utf8Error;

use threadbare::io::SliceWriter;

/// A text, written.
pub struct Text([u8; 160], usize);

impl Text {
    /// The text.
    ///
    /// # Errors
    /// If it is not UTF-8.
    pub fn as_str(&self) -> Result<&str, Utf8Error> {
        core::str::from_utf8(&self.0[..self.1])
    }
}

/// Writes a value into memory.
///
/// # Panics
/// If it is longer than 160 bytes.
pub fn text(value: impl fmt::Display) -> Text {
    let mut memory = [0; 160];
    let mut writer = SliceWriter::new(&mut memory);
    assert!(write!(writer, "{value}").is_ok());
    let bytes = writer.written().len();
    Text(memory, bytes)
}
