//! Processes: what a child does before it is another program, and what its parent asks about it.

use core::ffi::{CStr, c_char};

use super::signal::Info;
use super::{Errno, call};
use crate::arch::kernel as k;

/// Whom to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom {
    /// One child, of whichever thread.
    Child(u32),
    /// Any child of the calling thread's own.
    OfThisThread,
}

/// Becomes the program at `path`. Returns only if it does not.
///
/// # Errors
/// Those of execve(2).
///
/// # Safety
/// 1. `arguments` and `variables` are arrays of C strings that end with a null.
pub unsafe fn execute(
    path: *const c_char,
    arguments: *const *const c_char,
    variables: *const *const c_char,
) -> Errno {
    let (path, arguments, variables) = (path as usize, arguments as usize, variables as usize);
    // SAFETY: clause 1.
    match unsafe { call!(EXECVE, path, arguments, variables) } {
        Err(errno) => errno,
        // It does not come back.
        Ok(_) => Errno::NOSYS,
    }
}

/// Looks for a child that has ended; with `blocks` it sleeps until there is one, and with `reaps`
/// the kernel forgets it. `None` if none has ended.
///
/// # Errors
/// `ECHILD`: there is no such child, or `SIGCHLD` is ignored and they all are gone. `EINTR`: a
/// handler ran. Source: waitid(2).
pub fn wait(whom: Whom, blocks: bool, reaps: bool) -> Result<Option<Info>, Errno> {
    let (kind, number, own) = match whom {
        Whom::Child(number) => (k::P_PID, number, 0),
        Whom::OfThisThread => (k::P_ALL, 0, k::__WNOTHREAD),
    };
    let mut options = k::WEXITED | own;
    if !blocks {
        options |= k::WNOHANG;
    }
    if !reaps {
        options |= k::WNOWAIT;
    }
    let mut info = core::mem::MaybeUninit::<Info>::zeroed();
    let (to, no_usage) = (info.as_mut_ptr().expose_provenance(), 0);
    let (kind, number, options) = (kind as usize, number as usize, options as usize);
    // SAFETY: the kernel writes a `siginfo_t`.
    unsafe { call!(WAITID, kind, number, to, options, no_usage) }?;
    // SAFETY: zeroes are a valid `Info`, and so is what the kernel wrote over them.
    let info = unsafe { info.assume_init() };
    Ok((info.process() != 0).then_some(info))
}

/// Whether what ended so had exited by itself.
pub fn has_exited(info: &Info) -> bool {
    info.code() == k::CLD_EXITED as i32
}

/// Whether the signal that ended it made it leave a core file.
pub fn has_dumped_core(info: &Info) -> bool {
    info.code() == k::CLD_DUMPED as i32
}

/// A pipe: what is written to the second descriptor is read from the first. `exec` closes both.
///
/// # Errors
/// `EMFILE`: `RLIMIT_NOFILE`. `ENFILE`: `fs.file-max`, or the user's `fs.pipe-user-pages-hard`.
/// Source: pipe(2).
pub fn pipe() -> Result<[i32; 2], Errno> {
    let mut ends = [0i32; 2];
    let to = ends.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes two numbers.
    unsafe { call!(PIPE2, to, k::O_CLOEXEC as usize) }?;
    Ok(ends)
}

/// Makes `to` the same as `from`, which is another number; what `to` was is closed. `exec` leaves
/// it open.
///
/// # Errors
/// `EBADF`: `from` is not open, or `to` is beyond `RLIMIT_NOFILE`. Source: dup(2).
pub fn duplicate(from: i32, to: i32) -> Result<(), Errno> {
    // SAFETY: who owns `to` has given it up.
    unsafe { call!(DUP3, from as usize, to as usize, 0) }?;
    Ok(())
}

/// Makes a descriptor like `fd` with a number of `least` or more, which `exec` closes.
///
/// # Errors
/// `EBADF`: it is not open. `EMFILE`, `EINVAL`: beyond `RLIMIT_NOFILE`. Source: fcntl(2).
pub fn duplicate_above(fd: i32, least: i32) -> Result<i32, Errno> {
    let what = k::F_DUPFD_CLOEXEC as usize;
    // SAFETY: no memory is involved.
    let fd = unsafe { call!(FCNTL, fd as usize, what, least as usize) }?;
    Ok(fd as i32)
}

/// Lets `fd` stay open over `exec`.
///
/// # Errors
/// `EBADF`: it is not open. Source: fcntl(2).
pub fn keep_open(fd: i32) -> Result<(), Errno> {
    let no_flags = 0;
    // SAFETY: no memory is involved.
    unsafe { call!(FCNTL, fd as usize, k::F_SETFD as usize, no_flags) }?;
    Ok(())
}

/// Makes the process the leader of a session of its own, without a terminal.
///
/// # Errors
/// `EPERM`: it is the leader of a group. Source: setsid(2).
pub fn new_session() -> Result<(), Errno> {
    // SAFETY: no memory is involved.
    unsafe { call!(SETSID) }?;
    Ok(())
}

/// Changes the working directory.
///
/// # Errors
/// Those of chdir(2).
pub fn change_directory(path: *const c_char) -> Result<(), Errno> {
    // SAFETY: the kernel reads a C string, and says so where there is none.
    unsafe { call!(CHDIR, path as usize) }?;
    Ok(())
}

/// Gives up all groups but the process' own; to be called before the user is changed.
///
/// # Errors
/// `EPERM`: no `CAP_SETGID`. Source: setgroups(2).
pub fn drop_groups() -> Result<(), Errno> {
    let (none, nowhere) = (0, 0);
    // SAFETY: the kernel reads an array of no elements.
    unsafe { call!(SETGROUPS, none, nowhere) }?;
    Ok(())
}

/// Changes the group for good, if the caller may.
///
/// # Errors
/// `EPERM`: no `CAP_SETGID`. `EINVAL`: not mapped in the user namespace. Source: setgid(2).
pub fn set_group(group: u32) -> Result<(), Errno> {
    // SAFETY: no memory is involved.
    unsafe { call!(SETGID, group as usize) }?;
    Ok(())
}

/// Changes the user for good, if the caller may.
///
/// # Errors
/// `EPERM`: no `CAP_SETUID`. `EINVAL`: not mapped in the user namespace. `EAGAIN`: the user's
/// `RLIMIT_NPROC`. Source: setuid(2).
pub fn set_user(user: u32) -> Result<(), Errno> {
    // SAFETY: no memory is involved.
    unsafe { call!(SETUID, user as usize) }?;
    Ok(())
}

/// Attaches a file system.
///
/// # Errors
/// Those of mount(2).
pub fn mount(
    source: &CStr,
    target: &CStr,
    kind: &CStr,
    flags: u32,
    data: Option<&CStr>,
) -> Result<(), Errno> {
    let [source, target, kind] = [source, target, kind].map(|text| text.as_ptr() as usize);
    let data = data.map_or(0, |data| data.as_ptr() as usize);
    // SAFETY: the kernel reads C strings.
    unsafe { call!(MOUNT, source, target, kind, flags as usize, data) }?;
    Ok(())
}

/// Detaches the file system at `target`.
///
/// # Errors
/// Those of umount(2).
pub fn unmount(target: &CStr, flags: u32) -> Result<(), Errno> {
    // SAFETY: the kernel reads a C string.
    unsafe { call!(UMOUNT2, target.as_ptr() as usize, flags as usize) }?;
    Ok(())
}

/// Writes what has not been written to disks, and waits for it.
pub fn sync() {
    // SAFETY: no memory is involved; the call cannot fail.
    let _ = unsafe { call!(SYNC) };
}

/// Restarts or stops the machine, by a command of reboot(2); returns only if it does not, or if the
/// command does not.
///
/// # Errors
/// `EPERM`: no `CAP_SYS_BOOT`. Source: reboot(2).
pub fn reboot(command: u32) -> Result<(), Errno> {
    let [first, second] = [k::LINUX_REBOOT_MAGIC1, k::LINUX_REBOOT_MAGIC2].map(|n| n as usize);
    let no_text = 0;
    // SAFETY: no memory is involved: the command that reads a text is not among the callers'.
    unsafe { call!(REBOOT, first, second, command as usize, no_text) }?;
    Ok(())
}
