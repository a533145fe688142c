//! Readers over sources that give little at a time and fail.

use embedded_io::{BufRead, Read, ReadExactError};
use threadbare::io::{Error, Reader, SliceWriter};

use crate::fakes::{FAILURE, Random, Source, Step};

/// Small reads share one read of the source; short reads of the source are not the end.
#[test]
fn reader_gathers_small_reads() {
    let mut memory = [0; 8];
    let mut input = Reader::new(Source::of("abcdefghij", &[Step::AtMost(3)]), &mut memory);
    let mut two = [0; 2];
    assert_eq!(input.read(&mut two), Ok(2));
    assert_eq!(input.read(&mut two), Ok(1));
    assert_eq!(two[0], b'c');
    assert_eq!(input.buffered(), b"");
    input.read_exact(&mut two).unwrap();
    assert_eq!((two, input.buffered()), (*b"de", &b"fghij"[..]));
    let (source, left) = input.into_parts();
    assert_eq!((source.asked, left), (vec![8, 8], &b"fghij"[..]));
}

/// Large reads go past the buffer, but not past the bytes that wait in it.
#[test]
fn reader_passes_large_reads_on() {
    let mut memory = [0; 4];
    let mut input = Reader::new(Source::of("abcdefghijklmnop", &[]), &mut memory);
    let (mut one, mut many) = ([0], [0; 8]);
    assert_eq!(input.read(&mut one), Ok(1));
    assert_eq!(input.read(&mut many), Ok(3));
    assert_eq!(&many[..3], b"bcd");
    assert_eq!(input.read(&mut many), Ok(8));
    assert_eq!(&many, b"efghijkl");
    assert_eq!(input.read(&mut []), Ok(0));
    assert_eq!(input.get_mut().asked, [4, 8]);
}

/// Without a buffer, reads go straight to the source.
#[test]
fn reader_without_buffer_reads_at_once() {
    let mut input = Reader::new(Source::of("abc", &[]), &mut []);
    let mut two = [0; 2];
    assert_eq!(input.read(&mut two), Ok(2));
    let error = input.read_exact(&mut two).unwrap_err();
    assert_eq!(error, ReadExactError::UnexpectedEof);
    assert_eq!(Error::from(error), Error::UnexpectedEof);
}

/// Returning nothing from `fill_buf` would claim that the input has ended.
#[test]
#[should_panic(expected = "fill_buf needs a buffer")]
fn reader_without_buffer_has_no_fill_buf() {
    let _ = Reader::new(Source::of("abc", &[]), &mut []).fill_buf();
}

/// `fill_buf` shows the same bytes until they are consumed.
#[test]
fn reader_shows_bytes_until_consumed() {
    let mut memory = [0; 4];
    let steps = [Step::AtMost(2), Step::Fails];
    let mut input = Reader::new(Source::of("abc", &steps), &mut memory);
    assert_eq!(input.fill_buf(), Ok(&b"ab"[..]));
    input.consume(1);
    assert_eq!(input.fill_buf(), Ok(&b"b"[..]));
    input.consume(1);
    assert_eq!(input.fill_buf(), Err(FAILURE));
    assert_eq!(input.fill_buf(), Ok(&b"c"[..]));
    input.consume(1);
    assert_eq!(input.fill_buf(), Ok(&b""[..]));
}

/// A source that gives more than was asked for would show bytes that nobody read.
#[test]
#[should_panic(expected = "gave 5 of 4 bytes")]
fn reader_panics_over_a_source_that_gives_too_much() {
    let mut memory = [0; 4];
    let _ = Reader::new(Source::of("abc", &[Step::Lies]), &mut memory).fill_buf();
}

/// Lines are found whatever the buffer's size, and the last one needs no newline.
#[test]
fn reader_finds_lines_with_every_buffer_size() {
    let text = "first\n\nthird line\nno end";
    for size in 0..=text.len() + 1 {
        let (mut memory, mut line) = (vec![0; size], [0; 32]);
        let mut input = Reader::new(text.as_bytes(), &mut memory);
        let mut line = SliceWriter::new(&mut line);
        for wanted in text.split_inclusive('\n') {
            assert_eq!(
                input.read_until(b'\n', &mut line),
                Ok(wanted.len()),
                "size {size}"
            );
            assert_eq!(line.as_str(), Ok(wanted));
            line.clear();
        }
        assert_eq!(input.read_until(b'\n', &mut line), Ok(0));
    }
}

/// A line too long for the caller's slice is reported, and its rest is read next.
#[test]
fn reader_loses_nothing_of_a_long_line() {
    for size in [0, 1, 3, 8, 64] {
        let (mut memory, mut line) = (vec![0; size], [0; 4]);
        let mut input = Reader::new(Source::of("abcdefg\nxy\n", &[]), &mut memory);
        let mut line = SliceWriter::new(&mut line);
        assert_eq!(
            input.read_until(b'\n', &mut line),
            Err(Error::Full),
            "size {size}"
        );
        assert_eq!(line.written(), b"abcd");
        line.clear();
        assert_eq!(input.read_until(b'\n', &mut line), Ok(4));
        assert_eq!(line.written(), b"efg\n");
        line.clear();
        assert_eq!(input.read_until(b'\n', &mut line), Ok(3));
        assert_eq!(line.written(), b"xy\n");
    }
}

/// Whatever the source does when, each byte is read once, in order.
#[test]
fn reader_loses_nothing_whatever_fails() {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    for round in 0..4000 {
        let wanted = String::from_utf8(random.text(60)).unwrap();
        let mut memory = vec![0; random.below(9)];
        let mut input = Reader::new(Source::of(&wanted, &random.steps(30)), &mut memory);
        let (mut got, mut ended) = (Vec::new(), false);
        while !ended {
            if random.below(2) == 0 {
                let mut into = vec![0; 1 + random.below(12)];
                if let Ok(count) = input.read(&mut into) {
                    got.extend_from_slice(&into[..count]);
                    ended = count == 0;
                }
            } else {
                let mut into = vec![0; 1 + random.below(12)];
                let mut line = SliceWriter::new(&mut into);
                let result = input.read_until(b'\n', &mut line);
                ended = result == Ok(0);
                got.extend_from_slice(line.written());
            }
        }
        assert_eq!(got, wanted.as_bytes(), "round {round}");
    }
}
