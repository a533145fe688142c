//! Readers and writers over memory the caller names.
//!
//! | Type | Memory | Where the bytes go or come from |
//! |---|---|---|
//! | [`Fd`], [`File`] | none | the kernel, one call each time |
//! | [`Reader`] | the caller's slice | any [`Read`] |
//! | [`Writer`], [`LineWriter`] | the caller's slice | any [`Write`] |
//! | [`SliceWriter`] | the caller's slice | that slice |
//! | `VecWriter`, with the feature `alloc` | the allocator's | a vector |
//! | [`stdout`] | 1 KiB, static | descriptor 1, line by line |
//! | [`stderr`] | 512 bytes of the caller's stack | descriptor 2, at once |
//! | [`stdin`] | none | descriptor 0 |
//!
//! The traits are those of `embedded_io`, so that other `no_std` crates can read from and write to
//! these types. With [`Write`] in scope, `write!` and `writeln!` report the [`Error`] itself; with
//! `core::fmt::Write` they only say that there was one. Bring one of the two into scope, not both.
//!
//! A call that a signal interrupts is made again: a signal must not turn into a short read that a
//! program takes for the end. A thread that wants to be woken waits for a `signalfd` or a futex.
//!
//! `SIGPIPE` is as the process found it, which by default kills a process that writes to a pipe
//! nobody reads any more. That is what tools at the left of a pipeline want. Where the signal is
//! ignored, such writes fail with `EPIPE`.
//!
//! Nothing here allocates but `VecWriter`, and nothing is flushed on drop: a failure there could
//! not be reported.
//!
//! # Examples
//! ```
//! use threadbare::io::{Error, Fd, File, Reader, SliceWriter, Write, Writer};
//!
//! let (mut input, mut output, mut line) = ([0; 4096], [0; 4096], [0; 1024]);
//! let file = File::open(c"/proc/self/status")?;
//! let mut lines = Reader::new(&file, &mut input);
//! let mut out = Writer::new(Fd::STDOUT, &mut output);
//! let mut line = SliceWriter::new(&mut line);
//! while lines.read_until(b'\n', &mut line)? != 0 {
//!     if line.written().starts_with(b"Vm") {
//!         out.write_all(line.written())?;
//!     }
//!     line.clear();
//! }
//! out.flush()?;
//! # Ok::<(), Error>(())
//! ```

mod error;
mod fd;
mod file;
mod in_use;
mod line_writer;
mod reader;
mod slice_writer;
mod stdin;
mod stdio;
#[cfg(feature = "alloc")]
mod vec_writer;
mod writer;

pub use embedded_io::{BufRead, Read, Seek, SeekFrom, Write};

pub use error::{Error, Result};
pub use fd::Fd;
pub use file::{File, Status};
pub(crate) use in_use::flush_at_exit;
#[cfg(feature = "threads")]
pub(crate) use in_use::forget_others;
#[cfg(all(feature = "threads", feature = "panic-handler"))]
pub(crate) use in_use::give_stdout_back;
pub use line_writer::LineWriter;
pub use reader::Reader;
pub use slice_writer::SliceWriter;
pub use stdin::{Stdin, stdin};
#[doc(hidden)]
pub use stdio::{_eprint, _print};
pub use stdio::{Stderr, Stdout, StdoutLock, stderr, stdout};
#[cfg(feature = "alloc")]
pub use vec_writer::VecWriter;
pub use writer::Writer;
