//! Lines `name value unit` on standard output.

use crate::os;
use core::fmt::{self, Write};

/// A line; what does not fit is cut off.
struct Line {
    bytes: [u8; 128],
    count: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.count..];
        let count = text.len().min(room.len());
        room[..count].copy_from_slice(&text.as_bytes()[..count]);
        self.count += count;
        Ok(())
    }
}

/// Prints to standard output, without the runtime's own means.
pub fn print(text: fmt::Arguments<'_>) {
    let mut line = Line {
        bytes: [0; 128],
        count: 0,
    };
    // It never fails.
    let _ = line.write_fmt(text);
    os::write(1, &line.bytes[..line.count]);
}

/// Prints a result.
pub fn result(name: impl fmt::Display, value: f64, unit: &str) {
    print(format_args!("{name} {value:.3} {unit}\n"));
}
