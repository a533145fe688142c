//! Standard input.

use embedded_io::{ErrorType, Read};

use super::{Error, Fd};

/// Returns a handle to the process' standard input.
///
/// # Examples
/// ```
/// use threadbare::io::{self, Error, Read};
///
/// let mut byte = [0];
/// match io::stdin().read(&mut byte)? {
///     0 => threadbare::println!("the end"),
///     _ => threadbare::println!("{}", byte.escape_ascii()),
/// }
/// # Ok::<(), Error>(())
/// ```
pub fn stdin() -> Stdin {
    Stdin(())
}

/// Standard input, without a buffer and without a lock: threads that read at once share the bytes.
///
/// # Blocking
/// Until at least one byte is there.
///
/// # Errors
/// Those of [`Fd`].
///
/// # Examples
/// ```
/// use threadbare::io::{Error, Reader, SliceWriter, Stdin, stdin};
///
/// fn answer(from: Stdin, into: &mut SliceWriter<'_>) -> Result<usize, Error> {
///     let mut memory = [0; 80];
///     Reader::new(from, &mut memory).read_until(b'\n', into)
/// }
/// let mut line = [0; 80];
/// answer(stdin(), &mut SliceWriter::new(&mut line))?;
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Stdin(());

impl ErrorType for Stdin {
    type Error = Error;
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut stdin = Fd::STDIN;
        stdin.read(buffer)
    }
}
