//! Files and descriptors, through the kernel.

use embedded_io::{Error as _, ErrorKind, Read, Write};
use threadbare::Errno;
use threadbare::io::{Error, Fd, File};

/// Files are read with and without a position, and say what they are.
#[test]
fn file_reads_and_knows_its_status() {
    let path = std::env::temp_dir().join(format!("threadbare-io-{}", std::process::id()));
    std::fs::write(&path, "0123456789").unwrap();
    let name = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    let file = File::open(&name).unwrap();
    std::fs::remove_file(&path).unwrap();
    let mut three = [0; 3];
    assert_eq!(file.read_at(&mut three, 7), Ok(3));
    assert_eq!(&three, b"789");
    assert_eq!(file.read_at(&mut three, 10), Ok(0));
    assert_eq!(
        file.read_at(&mut three, u64::MAX),
        Err(Error::Os(Errno::INVAL))
    );
    assert_eq!((&file).read(&mut three), Ok(3));
    assert_eq!(&three, b"012");
    let status = file.status().unwrap();
    assert!(status.is_file() && !status.is_dir());
    assert_eq!(status.bytes, 10);
    assert!(File::open(c"/").unwrap().status().unwrap().is_dir());
    assert!(
        File::open(c"/dev/null")
            .unwrap()
            .status()
            .unwrap()
            .is_char_device()
    );
}

/// A dropped file is closed, and one given up is not.
#[test]
fn file_is_closed_on_drop() {
    let closed = {
        let file = File::open(c"/dev/null").unwrap();
        let number = file.as_fd().raw();
        // SAFETY: `fcntl` takes any number.
        let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
        assert_eq!(flags, libc::FD_CLOEXEC);
        let kept = file.into_raw();
        assert_eq!(kept, number);
        // SAFETY: open, and nobody else closes it.
        let file = unsafe { File::from_raw(kept) };
        assert!(file.status().is_ok());
        // A number that no other test's file can be given again meanwhile.
        // SAFETY: both descriptors are open or free; `high` is ours alone.
        let high = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 900) };
        assert!(high >= 900);
        // SAFETY: as above.
        drop(unsafe { File::from_raw(high) });
        high
    };
    // SAFETY: `fcntl` takes any number.
    assert_eq!(unsafe { libc::fcntl(closed, libc::F_GETFD) }, -1);
}

/// What the kernel refuses is reported with its number and its words.
#[test]
fn errors_are_the_kernels() {
    let error = File::open(c"/nonexistent/file").unwrap_err();
    assert_eq!(error, Error::Os(Errno::NOENT));
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(error.to_string(), "No such file or directory");
    assert_eq!(Error::Full.kind(), ErrorKind::WriteZero);
    // SAFETY: not open, and so nobody's.
    let mut nothing: Fd<'static> = unsafe { Fd::from_raw(-1) };
    assert_eq!(nothing.write(b"x"), Err(Error::Os(Errno::BADF)));
    assert_eq!(nothing.read(&mut [0]), Err(Error::Os(Errno::BADF)));
    assert_eq!((nothing.write(b""), nothing.read(&mut [])), (Ok(0), Ok(0)));
}

/// A pipe carries bytes, ends, has no positions, and reports that nobody reads it.
#[test]
fn pipe_carries_bytes_and_ends() {
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    let made = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    assert_eq!(made, 0);
    // SAFETY: both are ours alone now.
    let (mut from, to) = unsafe { (File::from_raw(ends[0]), File::from_raw(ends[1])) };
    to.as_fd().write_all(b"through").unwrap();
    assert!(to.as_fd().status().unwrap().is_pipe());
    let mut into = [0; 16];
    assert_eq!(from.read(&mut into), Ok(7));
    assert_eq!(from.read_at(&mut into, 0), Err(Error::Os(Errno::SPIPE)));
    drop(from);
    // The host's own start made SIGPIPE ignored.
    assert_eq!(to.as_fd().write(b"x"), Err(Error::Os(Errno::PIPE)));
}
