//! What a start that is not ours hands over, and the two ways in from there.

use linux_raw_sys::elf::{Elf_Phdr, PT_INTERP};

use super::{Guards, Process, TLS_IS_UP, is_known, learn, set_up};
use crate::arch;
use crate::auxv::Auxv;
use crate::fatal::{fatal, text};
use core::sync::atomic::Ordering;

/// What is known of the program: all that the kernel said, or a part of it.
///
/// More is better. Without the auxiliary vector the stack protector's value is made of addresses
/// instead of the kernel's random bytes, and clocks are read by system calls; without the initial
/// stack there are no arguments and no environment.
///
/// # Examples
/// ```
/// use threadbare::start::HandOver;
///
/// /// What an entry point found at its stack pointer.
/// fn told_by(stack_pointer: *const usize) -> HandOver {
///     HandOver::InitialStack(stack_pointer)
/// }
/// # assert!(matches!(told_by(&0), HandOver::InitialStack(_)));
/// ```
#[derive(Clone, Copy, Debug)]
pub enum HandOver {
    /// The initial stack: the kernel left its address in the stack pointer. The argument count, the
    /// arguments, a null pointer, the environment, a null pointer, the auxiliary vector
    /// (`fs/binfmt_elf.c`, `create_elf_tables`).
    InitialStack(*const usize),
    /// The auxiliary vector: pairs of words, of which the last is `AT_NULL`. The kernel's own, or a
    /// copy of it.
    AuxiliaryVector(*const usize),
    /// The program headers alone.
    ProgramHeaders {
        /// Where the first of them is in memory.
        headers: *const u8,
        /// How many there are, each of the size that this CPU's ELF class has.
        count: usize,
        /// The machine's page size in bytes: a power of two.
        page_bytes: usize,
    },
}

/// What was read of it, beside the auxiliary vector.
pub struct Told {
    pub argument_count: usize,
    pub arguments: *const *const u8,
    pub environment: *const *const u8,
    pub stack_top: usize,
}

/// The end of a list of strings that has none.
struct NoStrings([*const u8; 1]);

// SAFETY: a null pointer, which nobody writes.
unsafe impl Sync for NoStrings {}

static NO_STRINGS: NoStrings = NoStrings([core::ptr::null()]);

impl HandOver {
    /// Phase 1.
    ///
    /// # Safety
    /// 1. As [`initialize`], clause 1.
    pub(super) unsafe fn read(self, auxv: &mut Auxv) -> Told {
        match self {
            // SAFETY: clause 1.
            HandOver::InitialStack(stack) => unsafe { read_stack(stack, auxv) },
            HandOver::AuxiliaryVector(vector) => {
                // SAFETY: clause 1.
                unsafe { read_vector(vector, auxv) };
                without_strings(auxv)
            }
            HandOver::ProgramHeaders {
                headers,
                count,
                page_bytes,
            } => {
                let address = headers.expose_provenance();
                auxv.note_headers(address, size_of::<Elf_Phdr>(), count);
                auxv.note_page_bytes(page_bytes);
                without_strings(auxv)
            }
        }
    }
}

/// Pure pointer walking; an empty argument list is legal before Linux 5.18.
///
/// # Safety
/// 1. `stack` is the kernel's initial stack, or one like it.
unsafe fn read_stack(stack: *const usize, auxv: &mut Auxv) -> Told {
    // SAFETY: clause 1, for this and all the steps below: each stays within the block.
    let argument_count = unsafe { *stack };
    let arguments = stack.wrapping_add(1).cast::<*const u8>();
    let environment = arguments.wrapping_add(argument_count + 1);
    let mut end = environment;
    // SAFETY: the environment ends with a null pointer.
    while !unsafe { *end }.is_null() {
        end = end.wrapping_add(1);
    }
    // SAFETY: the vector comes next.
    unsafe { read_vector(end.wrapping_add(1).cast(), auxv) };
    Told {
        argument_count,
        arguments,
        environment,
        stack_top: arguments.addr(),
    }
}

/// # Safety
/// 1. `vector` is a list of pairs of words up to `AT_NULL`.
unsafe fn read_vector(vector: *const usize, auxv: &mut Auxv) {
    let mut pair = vector;
    // SAFETY: clause 1: there is one, unless this one was the end.
    while unsafe { auxv.note(*pair, *pair.wrapping_add(1)) } {
        pair = pair.wrapping_add(2);
    }
}

fn without_strings(auxv: &Auxv) -> Told {
    let here = 0_u8;
    let none = (&raw const NO_STRINGS.0).cast();
    Told {
        argument_count: 0,
        arguments: none,
        environment: none,
        stack_top: match auxv.file_name_address() {
            0 => (&raw const here).addr(),
            // Above everything but itself.
            address => address,
        },
    }
}

/// Sets the runtime up in a program with an entry point of its own: what the kernel said is read,
/// the calling thread gets its thread-locals and becomes the main thread.
///
/// After that everything in this crate works, [`thread::spawn`](crate::thread::spawn()) included.
/// What a start owes the program beside it stays the caller's: relocation before, `.init_array`
/// after. [`process::exit`](crate::process::exit) ends the process, and does not run `.fini_array`.
/// Reports of overflows are off until `thread::set_overflow_report` switches them on, for threads
/// that start later.
///
/// It is for programs without the feature `start`, whose `_start` calls it. Thread-locals need the
/// feature `setup`, which `threads` brings along.
///
/// On 32-bit ARM that may be older than v6K the program brings `__aeabi_read_tp`, too: how the
/// thread pointer is read there depends on the machine.
///
/// # Panics
/// Never; there is no panic before thread-locals exist. A program whose headers cannot be used
/// aborts with a message: its headers are not loaded, or do not tell the load address, or it was
/// linked for a dynamic linker.
///
/// # Safety
/// 1. What is handed over is true: the kernel's initial stack, or an auxiliary vector or headers of
///    this very program. Strings, vector and headers stay, unchanged, for the life of the process.
/// 2. It is called once, by the process's first thread, before any other thread runs and before
///    anything else of this crate is called.
/// 3. Nobody else sets up the thread register, now or later. Nothing in this thread holds an
///    address of a thread-local.
/// 4. A position-independent program has been relocated.
/// 5. The thread does not end while others run but by the process's end: its stack and
///    thread-locals are what they may borrow from.
/// 6. The stack pointer is aligned as the CPU's ABI says, and the function was called, not jumped
///    to.
///
/// # Kernel
/// What sets the thread register on this CPU (`arch_prctl`, `set_thread_area`, a register); mmap(2)
/// where thread-locals take more than 512 bytes.
///
/// # Examples
/// ```
/// use threadbare::start::{self, HandOver};
/// use threadbare::{process, thread};
///
/// /// Where an entry point in assembly goes with the stack pointer that it found.
/// unsafe extern "C" fn begin(stack: *const usize) -> ! {
///     // SAFETY: the kernel's stack; this is the first thread, and the program's only start.
///     unsafe { start::initialize(HandOver::InitialStack(stack)) };
///     let answer = thread::spawn(|| 6 * 7).join();
///     process::exit(answer.unwrap_or(1))
/// }
/// # assert_ne!(begin as unsafe extern "C" fn(*const usize) -> ! as usize, 0);
/// ```
pub unsafe fn initialize(from: HandOver) {
    // SAFETY: clauses 1 to 4.
    unsafe { set_up(from) };
    refuse_interpreted();
}

/// Sets the runtime up in a program that a libc has started, which keeps all that is its own: its
/// threads, their thread-locals, the process's end.
///
/// After that any thread may call [`thread::spawn`](crate::thread::spawn()). The threads that start
/// so are not the libc's: they have thread-locals and a stack in one mapping of this crate's, and
/// the libc does not know of them. They begin with every signal blocked, so that no handler of the
/// libc's program runs on them. Threads of the libc's may join them, take the same locks and send
/// through the same channels; [`thread::current`](crate::thread::current()) and what needs it is
/// for threads of this crate's.
///
/// It works with glibc and musl, linked statically: with the features `start`, `mem` and
/// `panic-handler` off, and `threads` on.
///
/// # Panics
/// Never. A program that has a dynamic linker aborts with a message: its functions may go through
/// that linker when they are first called, which counts on a thread of the libc's.
///
/// # Safety
/// 1. What is handed over is true: an auxiliary vector or headers of this very program, which stay
///    unchanged. A libc's `getauxval` knows `AT_PHDR`, `AT_PHNUM` and `AT_PAGESZ`.
/// 2. It is called once, by a thread of the libc's, before anything else of this crate is called.
/// 3. What runs on this crate's threads, destructors and panics included, calls no function of the
///    libc's but `memcpy`, `memmove`, `memset`, `memcmp`, `bcmp` and `strlen`: no allocation by its
///    `malloc`, nothing that sets `errno`, nothing of Rust's `std` that comes to one of those.
///    Thread-locals of the libc's have their first values there, and nobody reads them.
/// 4. No handler of the libc's program runs on them: none of them unblocks a signal that has one.
///    (What the libc sends to all its threads, for `setuid` and the like, does not reach them: they
///    keep the credentials that they started with.)
/// 5. The libc does not end the process while they use what its end takes away: what its `atexit`
///    functions and destructors of statics take down. Its `exit` does not wait for them.
/// 6. Code on them may have been compiled with a stack protector and by a libc with a pointer
///    guard: this thread's own words of both are what the libc gives all its threads, as glibc and
///    musl do (on x86-64 the words at `fs:0x28` and `fs:0x30`). They are copied into each.
///
/// # Kernel
/// No system call.
///
/// # Examples
/// ```
/// use threadbare::start::{self, HandOver};
///
/// mod libc {
///     unsafe extern "C" {
///         pub fn getauxval(kind: usize) -> usize;
///     }
/// }
///
/// /// The first thing that `main` does.
/// fn begin() {
///     const AT_PHDR: usize = 3;
///     const AT_PHNUM: usize = 5;
///     const AT_PAGESZ: usize = 6;
///     // SAFETY: the libc's, of this program; nothing of the runtime was called before, and the
///     // threads compute without the libc.
///     unsafe {
///         start::initialize_beside_libc(HandOver::ProgramHeaders {
///             headers: libc::getauxval(AT_PHDR) as *const u8,
///             count: libc::getauxval(AT_PHNUM),
///             page_bytes: libc::getauxval(AT_PAGESZ),
///         });
///     }
/// }
/// # #[unsafe(no_mangle)]
/// # extern "C" fn getauxval(_: usize) -> usize { 0 }
/// # assert_ne!(begin as fn() as usize, 0);
/// ```
pub unsafe fn initialize_beside_libc(from: HandOver) {
    if cfg!(feature = "start") || is_known() {
        fatal(c"initialize_beside_libc: the runtime is started already");
    }
    // SAFETY: clauses 1 and 2; the libc has set this thread's pointer.
    unsafe { learn(from, Some(guards_of_this_thread())) };
    refuse_interpreted();
    #[cfg(feature = "threads")]
    crate::thread::stay_beside_libc();
    TLS_IS_UP.store(true, Ordering::Relaxed);
}

/// Reads the words that the libc keeps in each thread's control block; 0 where there are none.
///
/// # Safety
/// 1. A libc has set up the calling thread.
unsafe fn guards_of_this_thread() -> Guards {
    // SAFETY: clause 1.
    let tp = unsafe { arch::thread_pointer() }.wrapping_sub(arch::TLS_TP_BIAS_BYTES);
    let word = |offset: Option<isize>| match offset {
        None => 0,
        Some(offset) => {
            let address = tp.wrapping_add_signed(offset);
            // SAFETY: clause 1: it is in the control block.
            unsafe { core::ptr::with_exposed_provenance::<usize>(address).read() }
        }
    };
    Guards {
        canary: word(arch::TLS_CANARY_OFFSET_BYTES),
        pointer: word(arch::TLS_POINTER_GUARD_OFFSET_BYTES),
    }
}

/// Dies where a dynamic linker was first, whose thread-locals no thread of ours would have.
fn refuse_interpreted() {
    let auxv = Process::get().auxv();
    let headers = core::ptr::with_exposed_provenance::<Elf_Phdr>(auxv.phdr_address());
    // SAFETY: `learn` has read them.
    let headers = unsafe { core::slice::from_raw_parts(headers, auxv.phdr_count()) };
    if headers.iter().any(|header| header.p_type == PT_INTERP) {
        fatal(const { text(concat!(interpreted!(), "\0")) });
    }
}
