//! Sources and sinks that do what a list of steps says.

use embedded_io::{ErrorType, Read, Write};
use threadbare::Errno;
use threadbare::io::Error;

/// What a fake does on one call.
#[derive(Clone, Copy)]
pub enum Step {
    /// Takes or gives at most so many bytes.
    AtMost(usize),
    Fails,
    /// Claims more bytes than there are.
    Lies,
    /// Claims to have taken nothing.
    TakesNothing,
}

pub const FAILURE: Error = Error::Os(Errno::NOSPC);

/// Takes what its steps say, and everything once they are used up.
#[derive(Default)]
pub struct Sink {
    pub steps: Vec<Step>,
    /// One entry per successful write.
    pub writes: Vec<Vec<u8>>,
    pub flushes: usize,
}

impl Sink {
    pub fn of(steps: &[Step]) -> Sink {
        Sink {
            steps: steps.iter().rev().copied().collect(),
            ..Sink::default()
        }
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.writes.concat()).unwrap()
    }
}

impl ErrorType for Sink {
    type Error = Error;
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        assert!(
            !bytes.is_empty(),
            "nothing to write is no reason for a call"
        );
        let count = match self.steps.pop() {
            None => bytes.len(),
            Some(Step::AtMost(most)) => most.min(bytes.len()),
            Some(Step::Fails) => return Err(FAILURE),
            Some(Step::Lies) => return Ok(bytes.len() + 1),
            Some(Step::TakesNothing) => return Ok(0),
        };
        self.writes.push(bytes[..count].to_vec());
        Ok(count)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.flushes += 1;
        Ok(())
    }
}

/// Gives its bytes as its steps say, and as many as fit once they are used up.
pub struct Source {
    pub steps: Vec<Step>,
    pub left: Vec<u8>,
    /// Sizes of the buffers it was given.
    pub asked: Vec<usize>,
}

impl Source {
    pub fn of(text: &str, steps: &[Step]) -> Source {
        let steps = steps.iter().rev().copied().collect();
        Source {
            steps,
            left: text.as_bytes().to_vec(),
            asked: Vec::new(),
        }
    }
}

impl ErrorType for Source {
    type Error = Error;
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, Error> {
        self.asked.push(into.len());
        let count = match self.steps.pop() {
            None => into.len(),
            Some(Step::AtMost(most)) => most.min(into.len()),
            Some(Step::Fails) => return Err(FAILURE),
            Some(Step::Lies) => return Ok(into.len() + 1),
            Some(Step::TakesNothing) => 0,
        };
        let count = count.min(self.left.len());
        into[..count].copy_from_slice(&self.left[..count]);
        self.left.drain(..count);
        Ok(count)
    }
}

/// A small generator, so that the random tests are the same each time (xorshift).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    pub fn steps(&mut self, count: usize) -> Vec<Step> {
        let one = |random: &mut Random| match random.below(4) {
            0 => Step::Fails,
            most => Step::AtMost(most),
        };
        (0..count).map(|_| one(self)).collect()
    }

    /// A text shorter than `bound`.
    pub fn piece(&mut self, bound: usize) -> Vec<u8> {
        let length = self.below(bound);
        self.text(length)
    }

    pub fn text(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| b"abcdef\n"[self.below(7)]).collect()
    }
}
