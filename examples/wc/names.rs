//! The names of `--files0-from`: a file of names, each ended by a NUL.
//!
//! There may be any number of them, so they are kept only while they are needed: a part of the file
//! in a [`List`], and each name in a [`Name`]. Nothing here opens the files or complains.

use core::ffi::CStr;
use core::ops::Range;
use threadbare::io::{Error, Fd, Read, Seek, SeekFrom};

/// The longest name that is kept. The kernel takes no name of that length, so the end of a longer
/// one is missed in messages alone.
const NAME_BYTES: usize = 4096;

/// A file name.
pub struct Name {
    /// The bytes, and a NUL behind them.
    bytes: [u8; NAME_BYTES + 1],
    length: usize,
}

impl Name {
    pub const fn new() -> Name {
        Name {
            bytes: [0; NAME_BYTES + 1],
            length: 0,
        }
    }

    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }

    fn clear(&mut self) {
        self.length = 0;
        self.bytes[0] = 0;
    }

    fn push(&mut self, part: &[u8]) {
        let count = part.len().min(NAME_BYTES - self.length);
        self.bytes[self.length..][..count].copy_from_slice(&part[..count]);
        self.length += count;
        self.bytes[self.length] = 0;
    }
}

/// What [`List::next`] found.
pub enum Found {
    /// The next name, which is now in the place that was given.
    Name,
    /// No names that are already here: [`List::refill`] may wait for more.
    Empty,
    /// No more names at all.
    End,
}

/// A file of names, and how far it was read.
pub struct List {
    fd: Fd<'static>,
    /// Where to read on in a regular file, which then may be read more than once.
    position: Option<u64>,
    /// What was read but not taken.
    buffer: [u8; 8192],
    filled: Range<usize>,
    is_at_end: bool,
    /// Whether the name that is being put together has bytes already.
    is_begun: bool,
    /// Why reading ended too early.
    pub error: Option<Error>,
    /// How many names were taken.
    pub count: u64,
}

impl List {
    /// Begins to read `fd` where it stands.
    pub fn new(mut fd: Fd<'static>) -> List {
        let is_file = fd.status().is_ok_and(|status| status.is_file());
        let position = fd.seek(SeekFrom::Current(0)).ok();
        List {
            fd,
            position: position.filter(|_| is_file),
            buffer: [0; 8192],
            filled: 0..0,
            is_at_end: false,
            is_begun: false,
            error: None,
            count: 0,
        }
    }

    /// Whether reading may have to wait for somebody who writes.
    pub fn is_stream(&self) -> bool {
        self.position.is_none()
    }

    /// Puts the next name into `name`. After [`Found::Empty`] it must be called with the same one.
    pub fn next(&mut self, name: &mut Name) -> Found {
        if !self.is_begun {
            name.clear();
        }
        loop {
            let ready = &self.buffer[self.filled.clone()];
            if let Some(length) = ready.iter().position(|&byte| byte == 0) {
                name.push(&ready[..length]);
                self.filled.start += length + 1;
                return self.found();
            }
            name.push(ready);
            self.is_begun |= !ready.is_empty();
            self.filled = 0..0;
            if self.is_at_end {
                // The last name needs no NUL.
                return if self.is_begun {
                    self.found()
                } else {
                    Found::End
                };
            }
            if self.is_stream() {
                return Found::Empty;
            }
            self.refill();
        }
    }

    fn found(&mut self) -> Found {
        self.is_begun = false;
        self.count += 1;
        Found::Name
    }

    /// Reads more names. To be called when all that were here are taken.
    pub fn refill(&mut self) {
        let result = match &mut self.position {
            Some(position) => {
                let result = self.fd.read_at(&mut self.buffer, *position);
                *position += result.unwrap_or(0) as u64;
                result
            }
            None => self.fd.read(&mut self.buffer),
        };
        match result {
            Ok(count) => {
                self.filled = 0..count;
                self.is_at_end = count == 0;
            }
            Err(error) => {
                self.error = Some(error);
                self.is_at_end = true;
            }
        }
    }
}
