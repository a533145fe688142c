//! Threads by the kernel's names and numbers: what `ps`, debuggers and `/proc` show.
//!
//! A thread's own name goes by `prctl`, which needs no `/proc` and no rights. Another thread's goes
//! by `/proc/self/task/NUMBER/comm`, the only way that the kernel has.
//!
//! **Which thread a number means.** Between reading a thread's number and opening its file the
//! thread may end, and the number may become another thread's. So the number is read once more when
//! the file is open. The kernel clears the word on the thread's way out (`kernel/fork.c`,
//! `mm_release`), before it gives the number up (`kernel/exit.c`, `release_task`), and nothing
//! writes another number there while a handle keeps the record from being claimed. A word that
//! still holds the number therefore says that it was the thread's own all the while, and so that
//! the file is. From then on the file is bound to that thread and not to the number
//! (`fs/proc/base.c`: the inode holds the `struct pid`): when it is gone, reading and writing
//! answer `ESRCH`.
//!
//! The main thread's number is the process's, which is nobody else's while the process lives.

use core::ffi::CStr;
use core::fmt::{self, Write};
use core::str::Utf8Error;

use super::current::{self, Thread};
use super::record;
use crate::sys::task::{self, NAME_BYTES};
use crate::sys::{Errno, io};

/// The longest name, in bytes: a NUL follows in the kernel.
const BYTES_MAX: usize = NAME_BYTES - 1;

/// A thread's name as the kernel has it: at most 15 bytes, which need not be UTF-8.
///
/// `Display` shows it as `/proc/PID/status` does, with `\\` and `\n` for a backslash and a newline,
/// and `\xff` for a byte that is not UTF-8; so no two names look alike.
///
/// # Examples
/// ```
/// use threadbare::thread::{self, KernelName};
///
/// let main = thread::current();
/// thread::set_name(&main, "tick\ntock")?;
/// let name: KernelName = thread::kernel_name(&main)?;
/// assert_eq!(name.as_bytes(), b"tick\ntock");
/// assert_eq!(name.to_str(), Ok("tick\ntock"));
/// threadbare::println!("{name}"); // tick\ntock
/// # Ok::<(), thread::NameError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KernelName {
    /// All NUL behind the name.
    bytes: [u8; BYTES_MAX],
    count: u8,
}

impl KernelName {
    /// Takes what the kernel gave, up to a NUL.
    fn new(given: &[u8]) -> KernelName {
        let mut name = KernelName {
            bytes: [0; BYTES_MAX],
            count: 0,
        };
        let given = given.iter().take_while(|byte| **byte != 0);
        for (to, from) in name.bytes.iter_mut().zip(given) {
            *to = *from;
            name.count += 1;
        }
        name
    }

    /// Returns the name's bytes; there is no NUL among them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.count)]
    }

    /// Returns the name as text.
    ///
    /// # Errors
    /// If it is not UTF-8: somebody gave another one, or cut one in the middle of a character.
    pub fn to_str(&self) -> Result<&str, Utf8Error> {
        core::str::from_utf8(self.as_bytes())
    }
}

impl fmt::Display for KernelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_str() {
            // With the width that was asked for: names stand in tables.
            Ok(name) if !name.contains(['\\', '\n']) => return f.pad(name),
            _ => {}
        }
        for chunk in self.as_bytes().utf8_chunks() {
            for character in chunk.valid().chars() {
                match character {
                    '\\' => f.write_str("\\\\")?,
                    '\n' => f.write_str("\\n")?,
                    character => f.write_char(character)?,
                }
            }
            write_bytes(f, chunk.invalid())?;
        }
        Ok(())
    }
}

impl fmt::Debug for KernelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for chunk in self.as_bytes().utf8_chunks() {
            write!(f, "{}", chunk.valid().escape_debug())?;
            write_bytes(f, chunk.invalid())?;
        }
        f.write_char('"')
    }
}

/// Writes what is not UTF-8.
fn write_bytes(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))
}

/// Why a thread's name could not be set or read.
///
/// # Examples
/// ```
/// use threadbare::thread::{self, NameError};
///
/// let worker = thread::spawn(|| ());
/// let kept = worker.thread().clone();
/// assert_eq!(worker.join(), Ok(()));
/// assert_eq!(thread::set_name(&kept, "late"), Err(NameError::Gone));
/// assert_eq!(
///     thread::set_name(&thread::current(), "more than fifteen"),
///     Err(NameError::TooLong { bytes: 17 })
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// The name has so many bytes, and the kernel keeps 15.
    TooLong {
        /// How many.
        bytes: usize,
    },
    /// There is a NUL in the name, where the kernel would end it.
    InteriorNul {
        /// At which byte, counted from 0.
        at: usize,
    },
    /// The thread has ended, or is about to.
    Gone,
    /// There is no `/proc` by which another thread could be named: none is mounted, or that of
    /// another PID namespace (`ENOENT`).
    NoProc,
    /// Something that the kernel's documentation does not foresee here: no descriptor is left
    /// (`EMFILE`, `ENFILE`); a security module or seccomp filter (`EPERM`, `EACCES`, `ENOSYS`); or,
    /// before Linux 4.7, a process that changed its user (`EACCES`).
    Unexpected(Errno),
}

impl NameError {
    /// What a call on an open file means by its error.
    fn from_file(errno: Errno) -> NameError {
        match errno {
            Errno::SRCH => NameError::Gone,
            errno => NameError::Unexpected(errno),
        }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::TooLong { bytes } => {
                write!(
                    f,
                    "a thread's name of {bytes} bytes: shorten it to {BYTES_MAX}"
                )
            }
            NameError::InteriorNul { at } => {
                write!(f, "a thread's name with a NUL at byte {at}: take it out")
            }
            NameError::Gone => {
                f.write_str("the thread has ended: threads have names while they run")
            }
            NameError::NoProc => f.write_str(
                "no /proc that shows the thread: mount one (mount -t proc proc /proc), or let the \
                 thread do it for itself, which needs none",
            ),
            NameError::Unexpected(errno) => {
                write!(f, "the kernel refused access to a thread's name: {errno}")
            }
        }
    }
}

impl core::error::Error for NameError {}

/// Sets the name by which the kernel shows a thread that runs: in `ps`, `top`, debuggers and core
/// files.
///
/// [`Thread::name`] and the messages of panics keep the name that the thread was started with, as
/// with `std`. Nothing else of the process reads the kernel's name. An empty one is allowed.
///
/// # Errors
/// [`NameError`]. Unlike [`Builder::name`](super::Builder::name), which shortens, it refuses what
/// is too long: whoever names threads at run time knows best what to leave out.
///
/// # Kernel
/// For the calling thread `prctl(PR_SET_NAME)`; for another one its `comm` in `/proc`, which takes
/// three calls.
///
/// # Examples
/// ```
/// use threadbare::sync::Mutex;
/// use threadbare::thread;
///
/// static WORK: Mutex<()> = Mutex::new(());
///
/// let held = WORK.lock().unwrap();
/// let worker = thread::spawn(|| drop(WORK.lock()));
/// thread::set_name(worker.thread(), "job 17")?;
/// assert_eq!(thread::kernel_name(worker.thread())?.to_str(), Ok("job 17"));
/// drop(held);
/// worker.join().unwrap();
/// # Ok::<(), thread::NameError>(())
/// ```
pub fn set_name(thread: &Thread, name: &str) -> Result<(), NameError> {
    if name.len() > BYTES_MAX {
        return Err(NameError::TooLong { bytes: name.len() });
    }
    if let Some(at) = name.bytes().position(|byte| byte == 0) {
        return Err(NameError::InteriorNul { at });
    }
    let mut padded = [0; NAME_BYTES];
    padded[..name.len()].copy_from_slice(name.as_bytes());
    if is_calling(thread) {
        return task::set_own_name(&padded).map_err(NameError::from_file);
    }
    // With the NUL, so that an empty name is written, too.
    let written = &padded[..=name.len()];
    with_file(thread, io::open_to_write, |file| io::write(file, written))?;
    Ok(())
}

/// Returns the name by which the kernel shows a thread that runs.
///
/// Unless somebody has changed it, that is the name that the thread was started with; a thread that
/// was given none has the name of the thread that started it, and the main thread that of the
/// program's file. A name that is just being set may be read in part: newer kernels have no lock
/// there.
///
/// # Errors
/// [`NameError`]: that the thread is gone, or that there is no `/proc`.
///
/// # Kernel
/// For the calling thread `prctl(PR_GET_NAME)`; for another one its `comm` in `/proc`, which takes
/// three calls.
///
/// # Examples
/// ```
/// use threadbare::thread;
///
/// // The beginning of the program's name.
/// let name = thread::kernel_name(&thread::current())?;
/// threadbare::println!("{name:?}");
/// # Ok::<(), thread::NameError>(())
/// ```
pub fn kernel_name(thread: &Thread) -> Result<KernelName, NameError> {
    if is_calling(thread) {
        let name = task::own_name().map_err(NameError::from_file)?;
        return Ok(KernelName::new(&name));
    }
    let mut line = [0; NAME_BYTES];
    let count = with_file(thread, io::open, |file| io::read(file, &mut line))?;
    let line = &line[..count];
    Ok(KernelName::new(line.strip_suffix(b"\n").unwrap_or(line)))
}

/// Returns the calling thread's number in the kernel: what `ps -L`, debuggers and `/proc` call it,
/// and what system calls about threads take. Any thread may ask.
///
/// The number becomes another thread's some time after the thread has ended;
/// [`ThreadId`](super::ThreadId) does not.
///
/// # Kernel
/// No call in a thread that this crate started: its number was stored as it began, or when a child
/// of `fork` noticed that it is one. (Before Linux 4.14 it does not: there this is the parent's
/// number in a child that such a thread has made.) The main thread asks each time (`gettid`): its
/// number is in no record.
///
/// # Examples
/// ```
/// use threadbare::{process, thread};
///
/// assert_eq!(thread::kernel_id(), process::id());
/// let other = thread::spawn(thread::kernel_id);
/// assert_ne!(other.join(), Ok(process::id()));
/// ```
pub fn kernel_id() -> u32 {
    crate::fork::heed();
    match current::control().map(|control| control.record.tid()) {
        None | Some(0) => task::kernel_thread_id(),
        Some(tid) => tid,
    }
}

impl Thread {
    /// Returns the thread's number in the kernel, `None` when it is gone from there.
    ///
    /// It may be gone the moment after; whoever uses the number must be sure that the thread is
    /// alive, or bear that the number is another's. A child of `fork` has only the thread that made
    /// it; the others are gone.
    ///
    /// # Examples
    /// ```
    /// use threadbare::{process, thread};
    ///
    /// assert_eq!(thread::current().kernel_id(), Some(process::id()));
    /// let worker = thread::spawn(|| ());
    /// let kept = worker.thread().clone();
    /// worker.join().unwrap();
    /// assert_eq!(kept.kernel_id(), None);
    /// ```
    pub fn kernel_id(&self) -> Option<u32> {
        crate::fork::heed();
        if !core::ptr::eq(self.record(), &record::MAIN) {
            let tid = self.record().tid();
            return (tid != 0).then_some(tid);
        }
        // The kernel clears no word of the main thread's, but by what it ends is known.
        (!current::main_is_gone()).then(task::process_id)
    }
}

fn is_calling(thread: &Thread) -> bool {
    current::control().is_some_and(|control| core::ptr::eq(control.record, thread.record()))
}

/// Opens the file that has a thread's name, does `work` with it and closes it.
fn with_file<T>(
    thread: &Thread,
    open: fn(&CStr) -> Result<i32, Errno>,
    work: impl FnOnce(i32) -> Result<T, Errno>,
) -> Result<T, NameError> {
    let tid = thread.kernel_id().ok_or(NameError::Gone)?;
    let file = match open(CommPath::new(tid).as_c_str()) {
        Ok(file) => file,
        // A thread that ended meanwhile is no file either; nor is one of the parent's in a child
        // of `fork`, where nobody clears its word.
        Err(Errno::NOENT) if task::is_in_this_process(tid) && thread.kernel_id() == Some(tid) => {
            return Err(NameError::NoProc);
        }
        Err(Errno::NOENT) => return Err(NameError::Gone),
        Err(errno) => return Err(NameError::from_file(errno)),
    };
    // Only now is the file known to be this thread's: the module's head has the argument.
    let result = if thread.kernel_id() == Some(tid) {
        work(file).map_err(NameError::from_file)
    } else {
        Err(NameError::Gone)
    };
    let _ = io::close(file);
    result
}

/// The path of a thread's name, in a buffer.
struct CommPath([u8; CommPath::BYTES]);

impl CommPath {
    const BEFORE: &[u8] = b"/proc/self/task/";
    const AFTER: &[u8] = b"/comm\0";
    const DIGITS_MAX: usize = u32::MAX.ilog10() as usize + 1;
    const BYTES: usize = Self::BEFORE.len() + Self::DIGITS_MAX + Self::AFTER.len();

    fn new(tid: u32) -> CommPath {
        let mut digits = [0; Self::DIGITS_MAX];
        let mut first = digits.len();
        let mut rest = tid;
        while first == digits.len() || rest > 0 {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        let pieces = [Self::BEFORE, &digits[first..], Self::AFTER];
        let mut path = [0; Self::BYTES];
        let bytes = pieces.into_iter().flatten();
        path.iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        CommPath(path)
    }

    fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or(c"")
    }
}
