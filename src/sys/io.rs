//! Descriptors: `read`, `write`, `pread64`, `lseek`, `openat`, `close`, `statx`.

use core::ffi::CStr;

use super::{Errno, call};
use crate::arch::kernel as k;

/// Reads into `buffer`; 0 bytes is the end.
///
/// # Errors
/// Those of read(2); `EINTR` is not retried here.
pub fn read(fd: i32, buffer: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most `buffer.len()` bytes into memory that is ours alone.
    unsafe {
        call!(
            READ,
            fd as usize,
            buffer.as_mut_ptr().expose_provenance(),
            buffer.len()
        )
    }
}

/// Reads into `buffer` from `offset`, leaving the file's own position alone.
///
/// # Errors
/// Those of pread(2): `ESPIPE` for what has no positions.
pub fn read_at(fd: i32, buffer: &mut [u8], offset: u64) -> Result<usize, Errno> {
    use crate::arch::U64Arg;
    let (fd, address) = (fd as usize, buffer.as_mut_ptr().expose_provenance());
    match crate::arch::U64_ARG {
        U64Arg::Register => {
            // SAFETY: as in `read`.
            unsafe { call!(PREAD64, fd, address, buffer.len(), offset as usize) }
        }
        U64Arg::Pair => {
            let [first, second] = halves(offset);
            // SAFETY: as in `read`.
            unsafe { call!(PREAD64, fd, address, buffer.len(), first, second) }
        }
        U64Arg::AlignedPair => {
            let [first, second] = halves(offset);
            // The pair would begin at argument 3; it must be even-numbered, so 3 stays unused.
            // SAFETY: as in `read`.
            unsafe { call!(PREAD64, fd, address, buffer.len(), 0, first, second) }
        }
    }
}

/// Moves the position of `fd` to `offset`, counted from where `whence` says (`SEEK_SET`,
/// `SEEK_CUR`, `SEEK_END`), and returns it.
///
/// # Errors
/// Those of lseek(2): `ESPIPE` for what has no positions.
pub fn seek(fd: i32, offset: i64, whence: u32) -> Result<u64, Errno> {
    use crate::arch::U64Arg;
    let (fd, whence) = (fd as usize, whence as usize);
    match crate::arch::U64_ARG {
        U64Arg::Register => {
            // SAFETY: no memory is involved.
            let position = unsafe { call!(LSEEK, fd, offset as usize, whence) }?;
            Ok(position as u64)
        }
        // There the call is `_llseek`, which takes the high half first whatever the byte order.
        U64Arg::Pair | U64Arg::AlignedPair => {
            let mut position = 0u64;
            let (high, low) = ((offset >> 32) as usize, offset as usize);
            let to = (&raw mut position).expose_provenance();
            // SAFETY: the kernel writes 64 bits to `position`.
            unsafe { call!(LSEEK, fd, high, low, to, whence) }?;
            Ok(position)
        }
    }
}

/// Splits a 64-bit argument as the CPU would find it in memory.
fn halves(value: u64) -> [usize; 2] {
    let (high, low) = ((value >> 32) as u32 as usize, value as u32 as usize);
    if cfg!(target_endian = "big") {
        [high, low]
    } else {
        [low, high]
    }
}

/// Writes from `buffer`, perhaps not all of it.
///
/// # Errors
/// Those of write(2); `EINTR` is not retried here.
pub fn write(fd: i32, buffer: &[u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel only reads the buffer.
    unsafe { call!(WRITE, fd as usize, buffer.as_ptr() as usize, buffer.len()) }
}

/// Opens `path` for reading; not inherited by `exec`.
///
/// # Errors
/// Those of open(2).
pub fn open(path: &CStr) -> Result<i32, Errno> {
    open_for(path, k::O_RDONLY)
}

/// Opens what is at `path` for writing; not inherited by `exec`.
///
/// # Errors
/// Those of open(2).
pub fn open_to_write(path: &CStr) -> Result<i32, Errno> {
    open_for(path, k::O_WRONLY)
}

/// Opens what is at `path` for both; not inherited by `exec`.
///
/// # Errors
/// Those of open(2).
pub fn open_to_read_and_write(path: &CStr) -> Result<i32, Errno> {
    open_for(path, k::O_RDWR)
}

fn open_for(path: &CStr, access: u32) -> Result<i32, Errno> {
    let flags = access | k::O_CLOEXEC | k::O_LARGEFILE;
    let here = k::AT_FDCWD as isize as usize;
    // SAFETY: the kernel reads the path up to its NUL.
    let fd = unsafe { call!(OPENAT, here, path.as_ptr() as usize, flags as usize, 0) }?;
    Ok(fd as i32)
}

/// Closes `fd`. Whatever it answers, the descriptor is gone (close(2), "Dealing with error").
pub fn close(fd: i32) -> Result<(), Errno> {
    // SAFETY: the caller owns the descriptor; close touches no memory.
    unsafe { call!(CLOSE, fd as usize) }?;
    Ok(())
}

/// Mode and size of what a descriptor is open on.
///
/// # Examples
/// ```
/// use threadbare::io::{Error, Fd, Status};
///
/// assert!(Status::of(c"/proc")?.is_dir());
/// assert!(Status::of(c"/dev/null")?.is_char_device());
/// let program = Status::of(c"/proc/self/exe")?;
/// assert!(program.is_file() && program.bytes > 0);
/// // Whoever reads may not be able to go back.
/// let can_seek = !Fd::STDIN.status()?.is_pipe();
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Status {
    /// Kind and permissions (inode(7)).
    pub mode: u32,
    /// Size in bytes, where it is a regular file.
    pub bytes: u64,
}

/// Asks for kind and size of what `fd` is open on.
///
/// # Errors
/// Those of statx(2); `ENOSYS` before Linux 4.11.
pub fn status(fd: i32) -> Result<Status, Errno> {
    statx(fd as usize, c"", k::AT_EMPTY_PATH)
}

/// Asks for kind and size of the file at `path`, without opening it; symbolic links are followed.
///
/// # Errors
/// Those of statx(2); `ENOSYS` before Linux 4.11.
pub fn status_of(path: &CStr) -> Result<Status, Errno> {
    statx(k::AT_FDCWD as isize as usize, path, 0)
}

/// # Kernel
/// `statx`, whose structure is the same on every CPU.
fn statx(directory: usize, path: &CStr, flags: u32) -> Result<Status, Errno> {
    let mut found = core::mem::MaybeUninit::<k::statx>::zeroed();
    let mask = (k::STATX_TYPE | k::STATX_MODE | k::STATX_SIZE) as usize;
    let (path, flags) = (path.as_ptr() as usize, flags as usize);
    let to = found.as_mut_ptr().expose_provenance();
    // SAFETY: the path is terminated, and `found` is large enough.
    unsafe { call!(STATX, directory, path, flags, mask, to) }?;
    // SAFETY: every bit pattern is a valid `statx`.
    let found = unsafe { found.assume_init() };
    Ok(Status {
        mode: found.stx_mode as u32,
        bytes: found.stx_size,
    })
}
