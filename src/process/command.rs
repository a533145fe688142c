//! Starting other programs.
//!
//! The child begins on a stack of its own in this process's memory (`CLONE_VM`), while the thread
//! that started it sleeps (`CLONE_VFORK`): nothing is copied, however large the process is. What
//! goes wrong there it writes into a pipe that a successful `exec` closes. An emulator may copy the
//! process instead; then all the same is true.

mod child;

use core::ffi::{CStr, c_char};
use core::ptr;

use self::child::{Order, Report};
use super::{Child, CommandError};
use crate::arch;
use crate::io::{Fd, File, Read};
use crate::signal::SignalSet;
use crate::start::Process;
use crate::sys::mem::{self, Map, Prot};
use crate::sys::process::{self, Whom};
use crate::sys::{Errno, signal, task};

/// How many descriptors a child is given by [`Command::descriptor`] and its kin.
const DESCRIPTORS_MAX: usize = 16;
/// What the child runs on, with all that the kernel may put there for `exec`'s sake. Unoptimised
/// code needs a tenth of it.
const STACK_BYTES: usize = 64 << 10;

/// Where a descriptor of a child's comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// `/dev/null`.
    Null,
    /// A descriptor of this process.
    Descriptor(i32),
}

/// A program that is to be started: its arguments, its environment and what else it inherits.
///
/// It needs no allocator: what is named here is borrowed until [`Command::spawn`] returns.
///
/// A child begins with every signal's default action but for those that this process ignores, which
/// it ignores as well, and it blocks no signal. It inherits the environment, the working directory,
/// and each descriptor that is not closed by `exec`: none that this crate opened.
///
/// # Examples
/// ```
/// use threadbare::process::Command;
///
/// let mut echo = Command::new(c"/bin/echo");
/// let child = echo.args(&[c"good", c"morning"]).spawn().unwrap();
/// assert!(child.wait().unwrap().success());
/// ```
/// A service, as an init would start it:
/// ```
/// use threadbare::io::Fd;
/// use threadbare::process::Command;
/// use threadbare::signal::SignalSet;
///
/// let mut service = Command::new(c"/bin/sh");
/// service.arg0(c"service").args(&[c"-c", c"pwd"]).current_dir(c"/").new_session();
/// service.stdin(Fd::STDIN).stdout(Fd::STDOUT).stderr(Fd::STDERR).descriptor_null(0);
/// service.signal_mask(SignalSet::EMPTY);
/// # if false {
/// // Nobody, where the caller may.
/// service.user(65534, 65534);
/// # }
/// assert!(service.spawn().unwrap().wait().unwrap().success());
/// ```
#[derive(Clone, Debug)]
pub struct Command<'a> {
    program: &'a CStr,
    name: &'a CStr,
    arguments: &'a [&'a CStr],
    variables: Option<&'a [&'a CStr]>,
    directory: Option<&'a CStr>,
    /// A number in the child, and what it means there.
    descriptors: [(i32, Source); DESCRIPTORS_MAX],
    descriptor_count: usize,
    user: Option<(u32, u32)>,
    has_new_session: bool,
    mask: SignalSet,
}

impl<'a> Command<'a> {
    /// The program in the file `program`: a path, which is not looked for in `PATH`. Its one
    /// argument is that path, which it knows as its own name.
    pub const fn new(program: &'a CStr) -> Command<'a> {
        Command {
            program,
            name: program,
            arguments: &[],
            variables: None,
            directory: None,
            descriptors: [(0, Source::Null); DESCRIPTORS_MAX],
            descriptor_count: 0,
            user: None,
            has_new_session: false,
            mask: SignalSet::EMPTY,
        }
    }

    /// Sets the arguments, after the program's own name.
    pub const fn args(&mut self, arguments: &'a [&'a CStr]) -> &mut Command<'a> {
        self.arguments = arguments;
        self
    }

    /// Sets the name that the program is told as its own: the first of its arguments.
    pub const fn arg0(&mut self, name: &'a CStr) -> &mut Command<'a> {
        self.name = name;
        self
    }

    /// Sets the environment, `NAME=value` each, in place of this process's.
    ///
    /// # Examples
    /// ```
    /// use threadbare::process::Command;
    ///
    /// let mut shell = Command::new(c"/bin/sh");
    /// shell.args(&[c"-c", c"exit $ANSWER"]).envs(&[c"ANSWER=42"]);
    /// assert_eq!(shell.spawn().unwrap().wait().unwrap().code(), Some(42));
    /// ```
    pub const fn envs(&mut self, variables: &'a [&'a CStr]) -> &mut Command<'a> {
        self.variables = Some(variables);
        self
    }

    /// Sets the working directory. A `program` that does not begin with `/` is looked for there.
    pub const fn current_dir(&mut self, directory: &'a CStr) -> &mut Command<'a> {
        self.directory = Some(directory);
        self
    }

    /// Makes descriptor 0 of the child what `fd` is here.
    pub fn stdin(&mut self, fd: Fd<'a>) -> &mut Command<'a> {
        self.descriptor(0, fd)
    }

    /// Makes descriptor 1 of the child what `fd` is here.
    pub fn stdout(&mut self, fd: Fd<'a>) -> &mut Command<'a> {
        self.descriptor(1, fd)
    }

    /// Makes descriptor 2 of the child what `fd` is here.
    pub fn stderr(&mut self, fd: Fd<'a>) -> &mut Command<'a> {
        self.descriptor(2, fd)
    }

    /// Makes the descriptor `number` of the child what `fd` is here; whatever that number means
    /// here it does not mean there. The last word on a number counts.
    ///
    /// # Panics
    /// For a number below 0, and for more than 16 numbers.
    ///
    /// # Examples
    /// A child that writes where this process reads:
    /// ```
    /// use threadbare::io::{File, Read};
    /// use threadbare::process::{self, Command};
    ///
    /// let (mut from, to) = process::pipe().unwrap();
    /// let mut echo = Command::new(c"/bin/echo");
    /// echo.args(&[c"hello"]).descriptor(1, to.as_fd()).descriptor_null(0);
    /// let child = echo.spawn().unwrap();
    /// drop(to);
    /// let mut line = [0; 6];
    /// from.read_exact(&mut line).unwrap();
    /// assert_eq!(&line, b"hello\n");
    /// assert!(child.wait().unwrap().success());
    /// ```
    pub fn descriptor(&mut self, number: i32, fd: Fd<'a>) -> &mut Command<'a> {
        self.set_descriptor(number, Source::Descriptor(fd.raw()))
    }

    /// Makes the descriptor `number` of the child `/dev/null`, to read and to write.
    ///
    /// # Panics
    /// As [`Command::descriptor`].
    pub fn descriptor_null(&mut self, number: i32) -> &mut Command<'a> {
        self.set_descriptor(number, Source::Null)
    }

    fn set_descriptor(&mut self, number: i32, source: Source) -> &mut Command<'a> {
        assert!(number >= 0, "descriptors are numbers from 0 up");
        let known = &self.descriptors[..self.descriptor_count];
        let place = known.iter().position(|&(other, _)| other == number);
        let place = place.unwrap_or(self.descriptor_count);
        assert!(
            place < DESCRIPTORS_MAX,
            "a child is given 16 descriptors at most"
        );
        self.descriptors[place] = (number, source);
        self.descriptor_count = self.descriptor_count.max(place + 1);
        self
    }

    /// Makes the child another user, of one group: numbers, as of `/etc/passwd`. It has no other
    /// groups.
    ///
    /// Such a child begins as a copy of the process, and not in its memory: the kernel makes memory
    /// in which somebody became another user undumpable (`kernel/cred.c`, `commit_creds`), which
    /// would be this process's, and for good.
    pub const fn user(&mut self, user: u32, group: u32) -> &mut Command<'a> {
        self.user = Some((user, group));
        self
    }

    /// Makes the child the leader of a session of its own, without a terminal: what a service is.
    pub const fn new_session(&mut self) -> &mut Command<'a> {
        self.has_new_session = true;
        self
    }

    /// Sets the signals that the child blocks when it begins.
    pub const fn signal_mask(&mut self, mask: SignalSet) -> &mut Command<'a> {
        self.mask = mask;
        self
    }

    /// Starts the program.
    ///
    /// # Blocking
    /// Until the kernel has loaded the program, which may have to come from a disk.
    ///
    /// # Errors
    /// [`CommandError`], which names what is missing. There is no child then.
    ///
    /// # Kernel
    /// `clone` with `CLONE_VM` and `CLONE_VFORK`, and `execve`. Two descriptors are open meanwhile,
    /// neither of them one of the standard ones.
    pub fn spawn(&self) -> Result<Child, CommandError> {
        let (from_child, to_parent) = pipe()?;
        let (mut from_child, to_parent) = (unnamed(from_child)?, unnamed(to_parent)?);
        let memory = Memory::map(self)?;
        let order = Order {
            begin: Some(child::begin),
            program: self.program.as_ptr(),
            arguments: memory.base.cast(),
            variables: match self.variables {
                None => Process::get().environment.cast(),
                // SAFETY: they come behind the arguments, of which there is a name and a null.
                Some(_) => unsafe {
                    memory
                        .base
                        .cast::<*const c_char>()
                        .add(self.arguments.len() + 2)
                },
            },
            directory: self.directory.map_or(ptr::null(), CStr::as_ptr),
            descriptors: &self.descriptors[..self.descriptor_count],
            user: self.user,
            has_new_session: self.has_new_session,
            mask: self.mask.0,
            report: to_parent.as_fd().raw(),
        };
        let number = memory.start(&order)?;
        drop(to_parent);
        let mut report = [0; size_of::<Report>()];
        // What fails to be read fails to be known: then it is the child's end that tells.
        match from_child.read_exact(&mut report) {
            Err(_) => Ok(Child::new(number)),
            Ok(()) => {
                let (blocks, reaps) = (true, true);
                while let Err(Errno::INTR) = process::wait(Whom::Child(number), blocks, reaps) {}
                Err(child::read(report))
            }
        }
    }
}

/// Moves a descriptor that anybody may name, as [`Fd::STDOUT`] and its kin do, to a higher number:
/// where standard descriptors are closed, a new pipe takes their numbers, and a child that is to
/// inherit one of them would be given the pipe.
fn unnamed(file: File) -> Result<File, CommandError> {
    let fd = file.as_fd().raw();
    if fd > Fd::STDERR.raw() {
        return Ok(file);
    }
    let moved = process::duplicate_above(fd, Fd::STDERR.raw() + 1);
    // SAFETY: it is new, and nobody else's.
    moved
        .map(|fd| unsafe { File::from_raw(fd) })
        .map_err(CommandError::from_pipe)
}

/// The child's stack, and below it the arrays that `execve` wants.
struct Memory {
    base: *mut u8,
    bytes: usize,
}

impl Memory {
    /// Maps it and writes the arrays.
    fn map(command: &Command<'_>) -> Result<Memory, CommandError> {
        // The name, and a null behind each of the two.
        let variables = command.variables.unwrap_or(&[]);
        let words = command.arguments.len() + variables.len() + 3;
        let page = Process::get().page_bytes;
        // To whole pages; their size is a power of two.
        let bytes = (words * size_of::<usize>() + STACK_BYTES + page - 1) & !(page - 1);
        let base =
            mem::map(bytes, Prot::READ | Prot::WRITE, Map::STACK).map_err(|errno| match errno {
                Errno::NOMEM | Errno::AGAIN => CommandError::OutOfMemory,
                errno => CommandError::Unexpected(errno),
            })?;
        let mut next = base.cast::<*const c_char>();
        let mut push = |word| {
            // SAFETY: the mapping has room for so many words, and is ours.
            unsafe {
                next.write(word);
                next = next.add(1);
            }
        };
        push(command.name.as_ptr());
        for list in [command.arguments, variables] {
            list.iter().for_each(|text| push(text.as_ptr()));
            push(ptr::null());
        }
        Ok(Memory { base, bytes })
    }

    /// Starts the child, waits until it is another program or gone if it shares this memory, and
    /// returns its number.
    fn start(&self, order: &Order<'_>) -> Result<u32, CommandError> {
        let sharing = match order.user {
            None => task::Clone::PROCESS_FLAGS,
            Some(_) => task::Clone::empty(),
        };
        let flags = sharing.bits() as usize | arch::kernel::SIGCHLD as usize;
        let stack_top =
            (self.base.expose_provenance() + self.bytes) & !(arch::STACK_ALIGN_BYTES - 1);
        let (no_word, no_tp) = (ptr::null_mut(), 0);
        // The address of a field, by which the child finds the others.
        let argument = ptr::from_ref(order).cast::<u8>().cast_mut();
        // A handler of this process's is not to run in the child, which shares its memory.
        let mask = signal::try_block_all().map_err(CommandError::Unexpected)?;
        let number = crate::sys::made(arch::nr::CLONE, || {
            // SAFETY: the stack is unused, and stays until the child has left it, as this thread
            // sleeps until then; or the child has a copy of it. It has this thread's TLS, which it
            // does not touch. Without their flags the words and the thread pointer are not looked
            // at.
            unsafe { arch::clone_thread(flags, stack_top, no_word, no_word, no_tp, argument) }
        });
        signal::restore(&mask);
        match number {
            Ok(number) => Ok(number as u32),
            Err(errno) => Err(CommandError::from_clone(errno)),
        }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the child has left it, or there was none. What was mapped can be unmapped.
        let _ = unsafe { mem::unmap(self.base, self.bytes) };
    }
}

/// Makes a pipe: what is written to the second is read from the first. Programs started by `exec`
/// inherit neither; [`Command::descriptor`] hands one on.
///
/// # Errors
/// [`CommandError::DescriptorQuotaExceeded`], or `Unexpected`.
///
/// # Examples
/// ```
/// use threadbare::io::{Read, Write};
///
/// let (mut from, to) = threadbare::process::pipe()?;
/// to.as_fd().write_all(b"here").unwrap();
/// let mut text = [0; 4];
/// from.read_exact(&mut text).unwrap();
/// assert_eq!(&text, b"here");
/// # Ok::<(), threadbare::process::CommandError>(())
/// ```
pub fn pipe() -> Result<(File, File), CommandError> {
    let ends = process::pipe().map_err(CommandError::from_pipe)?;
    // SAFETY: both are new, and nobody else's.
    let [from, to] = ends.map(|end| unsafe { File::from_raw(end) });
    Ok((from, to))
}
