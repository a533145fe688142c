//! Writers over sinks that take little at a time and fail.

use std::fmt::Write as _;

use embedded_io::Write;
use threadbare::io::{Error, LineWriter, SliceWriter, Writer};

use crate::fakes::{FAILURE, Random, Sink, Step};

/// Small pieces wait for a flush, and leave in one write.
#[test]
fn writer_gathers_until_flush() {
    let mut memory = [0; 16];
    let mut out = Writer::new(Sink::default(), &mut memory);
    Write::write_fmt(&mut out, format_args!("{}-{}", 1, 2)).unwrap();
    assert_eq!(out.buffered(), b"1-2");
    assert!(out.get_mut().writes.is_empty());
    out.flush().unwrap();
    assert_eq!(out.get_mut().writes, [b"1-2"]);
    assert_eq!(out.get_mut().flushes, 1);
}

/// A piece without room flushes what was before it; one of the buffer's size goes past it.
#[test]
fn writer_keeps_order_around_large_pieces() {
    let mut memory = [0; 4];
    let mut out = Writer::new(Sink::default(), &mut memory);
    for piece in ["ab", "cd", "e", "0123456789", "f"] {
        out.write_all(piece.as_bytes()).unwrap();
    }
    assert_eq!(out.buffered(), b"f");
    let (sink, left) = out.into_parts();
    assert_eq!(left, b"f");
    assert_eq!(sink.writes, [&b"abcd"[..], b"e", b"0123456789"]);
}

/// An empty buffer makes every write go straight to the sink.
#[test]
fn writer_without_buffer_writes_at_once() {
    let mut out = Writer::new(Sink::default(), &mut []);
    out.write_all(b"a").unwrap();
    assert_eq!(out.write(b""), Ok(0));
    out.write_all(b"bc").unwrap();
    assert_eq!(out.get_mut().writes, [&b"a"[..], b"bc"]);
}

/// An error breaks a flush off; the next one continues with the first byte not written.
#[test]
fn writer_continues_after_the_last_byte_written() {
    let mut memory = [0; 8];
    let steps = [Step::AtMost(2), Step::Fails, Step::Fails, Step::AtMost(1)];
    let mut out = Writer::new(Sink::of(&steps), &mut memory);
    out.write_all(b"abcdef").unwrap();
    assert_eq!(out.flush(), Err(FAILURE));
    assert_eq!(out.buffered(), b"cdef");
    // No room behind them without a flush, which fails: refused whole.
    assert_eq!(out.write(b"xyz"), Err(FAILURE));
    assert_eq!(out.buffered(), b"cdef");
    out.write_all(b"gh").unwrap();
    out.flush().unwrap();
    assert_eq!(out.get_mut().text(), "abcdefgh");
    assert_eq!(out.buffered(), b"");
}

/// A refused piece may be offered again: whatever fails when, each byte arrives once, in order.
#[test]
fn writers_lose_nothing_whatever_fails() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for round in 0..4000 {
        let mut memory = vec![0; random.below(9)];
        let sink = Sink::of(&random.steps(40));
        let mut wanted = Vec::new();
        let pieces: Vec<_> = (0..12).map(|_| random.piece(14)).collect();
        let sink = if round % 2 == 0 {
            push_all(
                Writer::new(sink, &mut memory),
                &pieces,
                &mut wanted,
                |out| out.into_parts().0,
            )
        } else {
            push_all(
                LineWriter::new(sink, &mut memory),
                &pieces,
                &mut wanted,
                |out| out.into_parts().0,
            )
        };
        assert_eq!(sink.writes.concat(), wanted, "round {round}");
    }
}

fn push_all<W: Write<Error = Error>>(
    mut out: W,
    pieces: &[Vec<u8>],
    wanted: &mut Vec<u8>,
    finish: impl FnOnce(W) -> Sink,
) -> Sink {
    for piece in pieces {
        wanted.extend_from_slice(piece);
        let mut left = &piece[..];
        while !left.is_empty() {
            match out.write(left) {
                Ok(count) => left = &left[count..],
                Err(error) => assert_eq!(error, FAILURE),
            }
        }
    }
    while out.flush().is_err() {}
    finish(out)
}

/// A sink that takes nothing would be an endless loop.
#[test]
#[should_panic(expected = "accepted 0 of 2 bytes")]
fn writer_panics_over_a_sink_that_takes_nothing() {
    let mut memory = [0; 4];
    let mut out = Writer::new(Sink::of(&[Step::TakesNothing]), &mut memory);
    out.write_all(b"ab").unwrap();
    let _ = out.flush();
}

/// A sink that takes more than there is would make bytes vanish.
#[test]
#[should_panic(expected = "accepted 3 of 2 bytes")]
fn writer_panics_over_a_sink_that_takes_too_much() {
    let mut memory = [0; 4];
    let mut out = Writer::new(Sink::of(&[Step::Lies]), &mut memory);
    out.write_all(b"ab").unwrap();
    let _ = out.flush();
}

/// The error of the sink comes through `embedded_io`'s `write!`, and not through `fmt`'s.
#[test]
fn write_macros_report_the_error() {
    fn told(out: &mut impl Write<Error = Error>) -> Result<(), Error> {
        Ok(out.write_fmt(format_args!("{}", 123))?)
    }
    assert_eq!(
        told(&mut Writer::new(Sink::of(&[Step::Fails]), &mut [])),
        Err(FAILURE)
    );
    let mut out = Writer::new(Sink::of(&[Step::Fails]), &mut []);
    assert!(out.write_str("123").is_err());
}

// LineWriter

/// A line that is written in pieces leaves in one write, when it is complete.
#[test]
fn line_writer_lets_complete_lines_go() {
    let mut memory = [0; 32];
    let mut out = LineWriter::new(Sink::default(), &mut memory);
    Write::write_fmt(&mut out, format_args!("{}+{}\n", 1, 2)).unwrap();
    out.write_all(b"begun").unwrap();
    assert_eq!(out.buffered(), b"begun");
    out.write_all(b" and ended\nnext").unwrap();
    assert_eq!(out.buffered(), b"next");
    out.flush().unwrap();
    let (sink, _) = out.into_parts();
    assert_eq!(sink.writes, [&b"1+2\n"[..], b"begun and ended\n", b"next"]);
}

/// Lines that come whole go past the buffer in one write, short writes continued.
#[test]
fn line_writer_hands_over_several_lines_at_once() {
    let mut memory = [0; 4];
    let mut out = LineWriter::new(Sink::of(&[Step::AtMost(3)]), &mut memory);
    out.write_all(b"one\ntwo\nthree\nfo").unwrap();
    assert_eq!(out.buffered(), b"fo");
    out.write_all(b"ur is longer\n").unwrap();
    let (sink, left) = out.into_parts();
    assert!(left.is_empty());
    assert_eq!(sink.writes.concat(), b"one\ntwo\nthree\nfour is longer\n");
    assert_eq!(sink.writes[0], b"one");
    assert_eq!(sink.writes[1], b"\ntwo\nthree\n");
}

/// A line without end leaves when the buffer is full.
#[test]
fn line_writer_does_not_hold_more_than_its_buffer() {
    let mut memory = [0; 4];
    let mut out = LineWriter::new(Sink::default(), &mut memory);
    for _ in 0..5 {
        out.write_all(b"abc").unwrap();
    }
    assert_eq!(out.buffered(), b"abc");
    let (sink, _) = out.into_parts();
    assert_eq!(sink.text(), "abc".repeat(4));
}

/// The error of a complete line is reported at once, the line stays, and the next write sends it.
#[test]
fn line_writer_keeps_a_line_that_failed() {
    let mut memory = [0; 16];
    let mut out = LineWriter::new(Sink::of(&[Step::Fails]), &mut memory);
    out.write_all(b"ab").unwrap();
    assert_eq!(out.write_all(b"c\n"), Err(FAILURE));
    assert_eq!(out.buffered(), b"abc\n");
    out.write_all(b"de").unwrap();
    assert_eq!(out.buffered(), b"de");
    let (sink, _) = out.into_parts();
    assert_eq!(sink.text(), "abc\n");
}

// SliceWriter

/// Pieces without room are refused whole; `write` takes what fits.
#[test]
fn slice_writer_refuses_what_has_no_room() {
    let mut memory = [0xFF; 4];
    let mut text = SliceWriter::new(&mut memory);
    assert_eq!(text.write_all(b"abc"), Ok(()));
    assert!(text.write_str("de").is_err());
    assert_eq!(text.write_all(b"de"), Err(Error::Full));
    assert_eq!(text.as_str(), Ok("abc"));
    assert_eq!(text.write(b"de"), Ok(1));
    assert_eq!(text.write(b"e"), Err(Error::Full));
    assert_eq!(text.write(b""), Ok(0));
    assert_eq!((text.written(), text.spare_bytes()), (&b"abcd"[..], 0));
    text.clear();
    assert_eq!(text.written(), b"");
    text.write_all(&[0xC3]).unwrap();
    assert!(text.as_str().is_err());
    assert_eq!(text.into_written(), [0xC3]);
    assert_eq!(memory, [0xC3, b'b', b'c', b'd']);
}
