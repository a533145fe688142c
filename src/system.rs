//! The machine, for whoever runs it: file systems, and its end. Mostly for PID 1.
//!
//! All of it needs privileges, and is one system call. What is not here, such as limits, name
//! spaces or networks, is other crates' work: `rustix` goes well with this one.
//!
//! # Examples
//! How an init begins and ends:
//! ```no_run
//! use threadbare::Errno;
//! use threadbare::system::{self, End, MountFlags};
//!
//! let strict = MountFlags::NO_SUID | MountFlags::NO_EXEC | MountFlags::NO_DEV;
//! match system::mount(c"proc", c"/proc", c"proc", strict, None) {
//!     // Somebody was faster.
//!     Ok(()) | Err(Errno::BUSY) => {}
//!     Err(errno) => threadbare::eprintln!("/proc: {errno}"),
//! }
//! // …
//! system::sync();
//! let errno = system::end(End::PowerOff);
//! threadbare::eprintln!("still here: {errno}");
//! ```

use core::ffi::CStr;
use core::ops::BitOr;

use crate::arch::kernel as k;
use crate::sys::{Errno, process};

/// How a file system is attached (mount(2)).
///
/// # Examples
/// ```
/// use threadbare::system::MountFlags;
///
/// let strict = MountFlags::NO_SUID | MountFlags::NO_DEV;
/// assert!(strict != MountFlags::NO_DEV && MountFlags::NONE | strict == strict);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MountFlags(u32);

impl MountFlags {
    /// As the file system has it.
    pub const NONE: MountFlags = MountFlags(0);
    /// Nothing can be written.
    pub const READ_ONLY: MountFlags = MountFlags(k::MS_RDONLY);
    /// Programs get no other user's rights.
    pub const NO_SUID: MountFlags = MountFlags(k::MS_NOSUID);
    /// Device nodes do nothing.
    pub const NO_DEV: MountFlags = MountFlags(k::MS_NODEV);
    /// No program can be executed.
    pub const NO_EXEC: MountFlags = MountFlags(k::MS_NOEXEC);
    /// Change the flags of what is attached there already.
    pub const REMOUNT: MountFlags = MountFlags(k::MS_REMOUNT);
    /// `source` is a directory, which is to be seen there, too.
    pub const BIND: MountFlags = MountFlags(k::MS_BIND);
    /// `source` is a mount point, which is to be moved there.
    pub const MOVE: MountFlags = MountFlags(k::MS_MOVE);
}

impl BitOr for MountFlags {
    type Output = MountFlags;

    fn bitor(self, other: MountFlags) -> MountFlags {
        MountFlags(self.0 | other.0)
    }
}

/// Attaches the file system `kind` of `source`, as often a word that nobody reads, at the directory
/// `target`. `data` are the file system's own options.
///
/// # Errors
/// Those of mount(2): `EPERM` without `CAP_SYS_ADMIN`, `EBUSY` where it is attached already,
/// `ENOENT` where there is no such directory, `ENODEV` where the kernel has no such file system.
///
/// # Examples
/// ```
/// use threadbare::system::{self, MountFlags};
///
/// let (plain, size) = (MountFlags::NONE, Some(c"size=1m"));
/// assert!(system::mount(c"none", c"/nothing/here", c"tmpfs", plain, size).is_err());
/// ```
pub fn mount(
    source: &CStr,
    target: &CStr,
    kind: &CStr,
    flags: MountFlags,
    data: Option<&CStr>,
) -> Result<(), Errno> {
    process::mount(source, target, kind, flags.0, data)
}

/// Detaches what is attached at `target`.
///
/// # Errors
/// Those of umount(2): `EBUSY` while somebody uses a file there, `EINVAL` where nothing is
/// attached.
///
/// # Examples
/// ```
/// assert!(threadbare::system::unmount(c"/nothing/here").is_err());
/// ```
pub fn unmount(target: &CStr) -> Result<(), Errno> {
    let no_flags = 0;
    process::unmount(target, no_flags)
}

/// Has everything written to disks that was not yet.
///
/// # Blocking
/// Until it is, on Linux.
///
/// # Examples
/// ```
/// threadbare::system::sync();
/// ```
pub fn sync() {
    process::sync();
}

/// How a machine ends.
///
/// # Examples
/// ```
/// use threadbare::system::End;
///
/// let wanted = if threadbare::env::var("RESTART").is_ok() { End::Restart } else { End::PowerOff };
/// assert_eq!(wanted, End::PowerOff);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is switched off, or halted where it cannot be.
    PowerOff,
    /// It begins anew.
    Restart,
    /// It does nothing any more.
    Halt,
}

/// Ends the machine, or the pid namespace whose PID 1 this is, at once: call [`sync`] before.
/// Returns only if it does not: why.
///
/// # Errors
/// `EPERM`: no `CAP_SYS_BOOT`.
///
/// # Examples
/// ```no_run
/// use threadbare::system::{self, End};
///
/// system::sync();
/// let errno = system::end(End::Restart);
/// threadbare::eprintln!("cannot restart: {errno}");
/// ```
pub fn end(end: End) -> Errno {
    let command = match end {
        End::PowerOff => k::LINUX_REBOOT_CMD_POWER_OFF,
        End::Restart => k::LINUX_REBOOT_CMD_RESTART,
        End::Halt => k::LINUX_REBOOT_CMD_HALT,
    };
    // The kernel says that it did it where the machine cannot, or has yet to.
    process::reboot(command).err().unwrap_or(Errno::NOSYS)
}

/// Sets whether Ctrl+Alt+Del restarts the machine at once, as it does at first, or sends SIGINT to
/// PID 1.
///
/// # Errors
/// `EPERM`: no `CAP_SYS_BOOT`.
///
/// # Examples
/// ```no_run
/// // SIGINT is one of the orders that the main thread waits for.
/// threadbare::system::restart_on_ctrl_alt_del(false)?;
/// # Ok::<(), threadbare::Errno>(())
/// ```
pub fn restart_on_ctrl_alt_del(restarts: bool) -> Result<(), Errno> {
    process::reboot(match restarts {
        true => k::LINUX_REBOOT_CMD_CAD_ON,
        false => k::LINUX_REBOOT_CMD_CAD_OFF,
    })
}
