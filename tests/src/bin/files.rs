//! Files: reading, positions beyond 32 bits, kinds and sizes, and the errors of each. And what
//! `dbg` prints.

#![no_std]
#![no_main]

use embedded_io::{Read, Seek, SeekFrom};
use suite::capture;
use suite::kernel::pipe;
use suite::{Verdict, check, check_eq};
use threadbare::Errno;
// By its own name it may not be committed.
use threadbare::dbg as shown;
use threadbare::io::{Error, File, Status};

suite::area! { 26:
    reading_moves_the_position,
    positions_beyond_32_bits_arrive_whole,
    end_of_file_is_the_size,
    what_has_no_position_says_so,
    kinds_are_told_apart,
    failures_name_their_reason,
    dbg_names_its_place_and_hands_the_value_on,
}

fn own_file() -> Result<File, Error> {
    File::open(c"/proc/self/exe")
}

fn reading_moves_the_position() -> Verdict {
    let Ok(file) = own_file() else {
        check!("/proc/self/exe" == "readable");
        return Ok(());
    };
    let mut bytes = [0u8; 3];
    check_eq!((&file).read(&mut bytes[..1]), Ok(1));
    check_eq!((&file).read(&mut bytes[1..]), Ok(2));
    check_eq!(bytes, *b"\x7fEL");
    let mut fd = file.as_fd();
    check_eq!(fd.seek(SeekFrom::Current(0)), Ok(3));
    check_eq!(fd.seek(SeekFrom::Current(-2)), Ok(1));
    check_eq!(fd.read(&mut bytes[..1]), Ok(1));
    check_eq!(bytes[0], b'E');
    Ok(())
}

fn positions_beyond_32_bits_arrive_whole() -> Verdict {
    let Ok(file) = own_file() else {
        check!("/proc/self/exe" == "readable");
        return Ok(());
    };
    let mut fd = file.as_fd();
    let far = (5 << 32) + 7;
    check_eq!(fd.seek(SeekFrom::Start(far)), Ok(far));
    check_eq!(fd.seek(SeekFrom::Current(-7)), Ok(5 << 32));
    check_eq!(fd.read(&mut [0; 4]), Ok(0));
    check_eq!(file.read_at(&mut [0; 4], far), Ok(0));
    Ok(())
}

fn end_of_file_is_the_size() -> Verdict {
    let Ok(file) = own_file() else {
        check!("/proc/self/exe" == "readable");
        return Ok(());
    };
    let Ok(status) = file.status() else {
        check!("a status" == "given");
        return Ok(());
    };
    check!(status.is_file() && status.bytes > 1000);
    let mut fd = file.as_fd();
    check_eq!(fd.seek(SeekFrom::End(0)), Ok(status.bytes));
    let mut last = [0u8; 16];
    check_eq!(fd.seek(SeekFrom::End(-5)), Ok(status.bytes - 5));
    check_eq!(fd.read(&mut last), Ok(5));
    Ok(())
}

fn what_has_no_position_says_so() -> Verdict {
    let (from, _to) = pipe();
    let mut fd = from.as_fd();
    check_eq!(fd.seek(SeekFrom::Current(0)), Err(Error::Os(Errno::SPIPE)));
    check_eq!(from.read_at(&mut [0; 4], 0), Err(Error::Os(Errno::SPIPE)));
    check!(
        from.status()
            .is_ok_and(|status| status.is_pipe() && !status.is_file())
    );
    Ok(())
}

fn kinds_are_told_apart() -> Verdict {
    check!(Status::of(c"/").is_ok_and(|status| status.is_dir() && !status.is_file()));
    check!(Status::of(c"/dev/null").is_ok_and(|status| status.is_char_device()));
    check!(Status::of(c"/proc/self/exe").is_ok_and(|status| status.is_file()));
    Ok(())
}

fn failures_name_their_reason() -> Verdict {
    let missing = c"/nowhere/at/all";
    check_eq!(File::open(missing).err(), Some(Error::Os(Errno::NOENT)));
    check_eq!(Status::of(missing).err(), Some(Error::Os(Errno::NOENT)));
    check_eq!(
        File::open(c"/dev/null/x").err(),
        Some(Error::Os(Errno::NOTDIR))
    );
    let Ok(mut folder) = File::open(c"/") else {
        check!("/" == "readable");
        return Ok(());
    };
    check_eq!(folder.read(&mut [0; 4]), Err(Error::Os(Errno::ISDIR)));
    Ok(())
}

fn dbg_names_its_place_and_hands_the_value_on() -> Verdict {
    struct Dropped<'a>(&'a core::cell::Cell<u32>);
    impl Drop for Dropped<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    impl core::fmt::Debug for Dropped<'_> {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            write!(f, "{} drops", self.0.get())
        }
    }

    let drops = core::cell::Cell::new(0);
    let first_line = line!() + 2;
    let captured = capture::run(|| {
        shown!();
        let (sum, text) = shown!(1 + 1, "a");
        // A temporary lives until the statement's end, as it does without the macro.
        let before = shown!(&Dropped(&drops)).0.get();
        let counts = shown!([Some(before), Some(drops.get())]);
        threadbare::process::exit(
            i32::from((sum, text, counts) == (2, "a", [Some(0), Some(1)])) + 6,
        );
    });
    check_eq!(captured.end, suite::child::End::Exit(7));
    check_eq!(captured.stdout.as_str(), "");
    let mut lines = captured.stderr.as_str().lines();
    let is_at = |line: &str, number: u32, rest: &str| {
        let place = line.strip_prefix("[").and_then(|line| line.split_once("]"));
        place.is_some_and(|(place, after)| {
            let mut parts = place.rsplitn(3, ':').skip(1);
            let is_number = parts.next().and_then(|part| part.parse().ok()) == Some(number);
            let is_file = parts.next() == Some(file!());
            is_number && is_file && after == rest
        })
    };
    let wanted = [
        (first_line, ""),
        (first_line + 1, " 1 + 1 = 2"),
        (first_line + 1, " \"a\" = \"a\""),
        (first_line + 3, " &Dropped(&drops) = 0 drops"),
        (first_line + 4, " [Some(before), Some(drops.get())] = ["),
    ];
    for (number, rest) in wanted {
        check!(lines.next().is_some_and(|line| is_at(line, number, rest)));
    }
    check_eq!(lines.next(), Some("    Some("));
    Ok(())
}
