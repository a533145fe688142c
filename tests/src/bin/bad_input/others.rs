//! What is handed to functions of errors, variables, processes and io.

use embedded_io::{Read, Seek, SeekFrom, Write};
use suite::child::{self, End};
use suite::{Verdict, check, check_eq};
use threadbare::io::{self, Fd, File, LineWriter, Reader, SliceWriter, Status, Writer};
use threadbare::{Errno, env, process};

pub fn error_numbers() -> Verdict {
    for number in [0, -1, 4096, i32::MIN, i32::MAX] {
        check_eq!(Errno::from_raw(number), None);
    }
    check_eq!(Errno::from_raw(4095).map(Errno::raw), Some(4095));
    Ok(())
}

pub fn variables() -> Verdict {
    for name in ["", "=", "A=B", "\0", "a name that nobody gave"] {
        check!(env::var(name).is_err());
        check!(env::var_os(name).is_none());
    }
    Ok(())
}

pub fn exit_codes() -> Verdict {
    for (code, seen) in [
        (256, 0),
        (257, 1),
        (-1, 255),
        (i32::MIN, 0),
        (i32::MAX, 255),
    ] {
        check_eq!(child::run(|| process::exit(code)), End::Exit(seen));
    }
    Ok(())
}

pub fn descriptors_and_files() -> Verdict {
    let bad = Err(io::Error::Os(Errno::BADF));
    for number in [-1, i32::MIN, i32::MAX] {
        // SAFETY: nothing is open there, and nobody opens it.
        let mut fd = unsafe { Fd::from_raw(number) };
        check_eq!(fd.read(&mut [0]), bad);
        check_eq!(fd.write(&[0]), bad);
        check_eq!(fd.read_at(&mut [0], 0), bad);
        check_eq!(fd.seek(SeekFrom::Start(0)), Err(io::Error::Os(Errno::BADF)));
        check!(fd.status().is_err());
        // SAFETY: likewise; closing it is refused.
        drop(unsafe { File::from_raw(number) });
    }
    let missing = Some(io::Error::Os(Errno::NOENT));
    check_eq!(File::open(c"").err(), missing);
    check_eq!(Status::of(c"").err(), missing);
    let mut long = [b'a'; 5000];
    long[4999] = 0;
    let long = core::ffi::CStr::from_bytes_until_nul(&long).unwrap_or(c"");
    let refused = Some(io::Error::Os(Errno::NAMETOOLONG));
    check_eq!(File::open(long).err(), refused);
    check_eq!(Status::of(long).err(), refused);
    let Ok(file) = File::open(c"/proc/self/exe") else {
        check!("this program" == "can be opened");
        return Ok(());
    };
    let refused = Err(io::Error::Os(Errno::INVAL));
    for offset in [u64::MAX, u64::MAX / 2 + 1] {
        check_eq!(file.read_at(&mut [0], offset), refused);
        check_eq!(
            file.as_fd().seek(SeekFrom::Start(offset)).map(|_| 0),
            refused
        );
    }
    // Beyond the end there is nothing.
    check_eq!(file.read_at(&mut [0], 1 << 40), Ok(0));
    check_eq!(file.read_at(&mut [], 0), Ok(0));
    Ok(())
}

pub fn empty_buffers() -> Verdict {
    let mut slice = SliceWriter::new(&mut []);
    check_eq!(slice.write(b""), Ok(0));
    check_eq!(slice.write(b"x"), Err(io::Error::Full));
    let mut room = [0; 4];
    let mut sink = SliceWriter::new(&mut room);
    // Without a buffer all goes through at once.
    check_eq!(Writer::new(&mut sink, &mut []).write_all(b"ab"), Ok(()));
    check_eq!(
        LineWriter::new(&mut sink, &mut []).write_all(b"c\n"),
        Ok(())
    );
    check_eq!(sink.written(), b"abc\n");
    check_eq!(sink.write(b"x"), Err(io::Error::Full));
    let mut none = Reader::new(&b"ab\nc"[..], &mut []);
    let mut line = [0; 3];
    let mut line = SliceWriter::new(&mut line);
    check_eq!(none.read_until(b'\n', &mut line), Ok(3));
    // There is room for nothing more, and nothing is lost.
    check_eq!(none.read_until(b'\n', &mut line), Err(io::Error::Full));
    let mut rest = [0; 2];
    check_eq!(none.read(&mut rest), Ok(1));
    Ok(())
}
