//! Finding a file below the directory, and nowhere else.
//!
//! No symbolic link is followed: whoever can write below the directory does not decide what the
//! server can read beside it.

use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, Ordering};

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat, openat2};
use rustix::io::Errno;

/// The page of a directory.
const INDEX: &[u8] = b"index.html";
/// The longest path, with the index's name and the NUL behind it.
const PATH_BYTES_MAX: usize = 1024;

/// What was found.
pub struct Found {
    pub file: OwnedFd,
    pub bytes: u64,
}

/// Opens the file at `path`, which begins with `/`; at one that ends with `/`, the page in there.
///
/// # Errors
/// The kernel's; `NOENT`, too, for what is no regular file, and `NAMETOOLONG`.
pub fn open(directory: BorrowedFd<'_>, path: &[u8]) -> Result<Found, Errno> {
    let mut buffer = [0; PATH_BYTES_MAX];
    let tail = if path.ends_with(b"/") { INDEX } else { b"" };
    let path = &path[1..];
    let bytes = path.len() + tail.len();
    let into = buffer.get_mut(..=bytes).ok_or(Errno::NAMETOOLONG)?;
    into[..path.len()].copy_from_slice(path);
    into[path.len()..bytes].copy_from_slice(tail);
    let path = CStr::from_bytes_with_nul(into).map_err(|_| Errno::INVAL)?;
    let file = open_beneath(directory, path)?;
    let status = fstat(&file)?;
    if FileType::from_raw_mode(status.st_mode) != FileType::RegularFile {
        return Err(Errno::NOENT);
    }
    let bytes = u64::try_from(status.st_size).map_err(|_| Errno::INVAL)?;
    Ok(Found { file, bytes })
}

/// Not to hang on a pipe that lies there.
const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK);

/// Whether the kernel has `openat2`: Linux 5.6, and no emulator. Relaxed: who does not know yet
/// asks once more.
static HAS_OPENAT2: AtomicBool = AtomicBool::new(true);

fn open_beneath(directory: BorrowedFd<'_>, path: &CStr) -> Result<OwnedFd, Errno> {
    if HAS_OPENAT2.load(Ordering::Relaxed) {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match openat2(directory, path, FLAGS, Mode::empty(), resolve) {
            // A seccomp filter that does not know the call says PERM.
            Err(Errno::NOSYS | Errno::PERM) => HAS_OPENAT2.store(false, Ordering::Relaxed),
            // Somebody renamed something meanwhile.
            Err(Errno::AGAIN) => {}
            result => return result,
        }
    }
    walk(directory, path.to_bytes())
}

/// The same, segment by segment.
fn walk(directory: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd, Errno> {
    let mut here: Option<OwnedFd> = None;
    let mut segments = path
        .split(|byte| *byte == b'/')
        .filter(|segment| !segment.is_empty());
    let mut segment = segments.next().ok_or(Errno::NOENT)?;
    loop {
        let next = segments.next();
        let kind = match next {
            Some(_) => OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            None => FLAGS,
        };
        let at = here.as_ref().map_or(directory, AsFd::as_fd);
        let opened = open_segment(at, segment, kind | OFlags::NOFOLLOW)?;
        let Some(next) = next else {
            return Ok(opened);
        };
        (here, segment) = (Some(opened), next);
    }
}

fn open_segment(at: BorrowedFd<'_>, segment: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut name = [0; 256];
    let into = name.get_mut(..=segment.len()).ok_or(Errno::NAMETOOLONG)?;
    into[..segment.len()].copy_from_slice(segment);
    let name = CStr::from_bytes_with_nul(into).map_err(|_| Errno::INVAL)?;
    openat(at, name, flags, Mode::empty())
}
