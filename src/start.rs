//! From the kernel's entry point to `main`, and the way in for programs with a start of their own.
//!
//! With the feature `start` nobody need know this module: `_start` and `entry!` go through these
//! phases. Whoever brings an entry point of their own calls [`initialize`] from it, which does 1 to
//! 5; who lives in a program that a libc has started calls [`initialize_beside_libc`].
//!
//! 0. **Relocate** (`relocate`): a position-independent program's pointers are still link-time
//!    addresses. No static that holds a pointer may be read before this is done.
//! 1. **Read the initial stack**: arguments, environment, auxiliary vector.
//! 2. **Read the program headers**: load bias, TLS template, stack size. Without the feature
//!    `program-headers` the linker has told (`start/linked.rs`).
//! 3. **Canary**: from `AT_RANDOM`, with a zero byte that stops string overruns.
//! 4. **TLS of the main thread**: in a static area, or a mapping where it does not fit. No panic
//!    before this: a panic asks for the thread's name.
//! 5. **Identity**: the main thread's control block becomes current, and its overflow explained.
//! 6. **`.init_array`**, in order.
//! 7. **`main`**, then [`process::exit`](crate::process::exit) with what it returned.
//!
//! Until phase 6 there is one thread and no user code has run.
//!
//! Without the feature `setup` there are phases 0 and 7 alone; 1 to 3 follow when somebody asks for
//! what they find out.

//!
//! # Examples
//! ```
//! use threadbare::start::{self, HandOver};
//! use threadbare::{process, thread};
//!
//! /// Where an entry point in assembly goes with the stack pointer that it found.
//! extern "C" fn begin(stack: *const usize) -> ! {
//!     // SAFETY: the kernel's stack; this is the first thread, and the program's only start.
//!     unsafe { start::initialize(HandOver::InitialStack(stack)) };
//!     let answer = thread::spawn(|| 6 * 7).join();
//!     process::exit(answer.unwrap_or(1))
//! }
//! # assert_ne!(begin as extern "C" fn(*const usize) -> ! as usize, 0);
//! ```

use core::cell::UnsafeCell;
#[cfg(not(feature = "setup"))]
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::arch;
use crate::auxv::Auxv;
use crate::elf::Image;
use crate::fatal::{fatal, fatal_errno};
use crate::sys::Errno;
use crate::tls::{self, Shape};

/// What a program without loaded headers is told, in whichever phase that shows.
macro_rules! no_headers {
    () => {
        "AT_PHDR is missing: link without -N, so that the program headers are loaded"
    };
}
use no_headers;

/// What a program is told that the kernel handed to a dynamic linker first.
macro_rules! interpreted {
    () => {
        "a dynamic linker was started first: link with -static-pie, or -static and -no-pie"
    };
}
use interpreted;

#[cfg(feature = "start")]
mod entry;
mod hand_over;
#[cfg(any(feature = "program-headers", not(feature = "setup")))]
mod headers;
#[cfg(all(feature = "setup", not(feature = "program-headers")))]
#[path = "start/linked.rs"]
mod headers;
mod relocate;

#[cfg(feature = "start")]
#[doc(hidden)]
pub use entry::enter;
#[cfg(feature = "start")]
#[cfg_attr(
    fixed_address,
    allow(unused_imports, reason = "`_start` goes further at once")
)]
pub(crate) use entry::entry;
#[cfg(all(feature = "start", feature = "setup"))]
pub(crate) use entry::run_fini_array;
pub use hand_over::{HandOver, initialize, initialize_beside_libc};
pub use relocate::relocate;

/// What the kernel and the linker told the program. Written once, before any second thread.
#[doc(hidden)] // the runtime's own; public for the suite
#[derive(Clone, Copy, Debug)]
pub struct Process {
    /// Number of arguments, the program's name included; may be 0.
    pub argument_count: usize,
    /// The arguments, NUL-terminated strings, then a null pointer.
    pub arguments: *const *const u8,
    /// The environment, likewise.
    pub environment: *const *const u8,
    /// The page size: the CPU's, `AT_PAGESZ`, or 4096 where the kernel gave none.
    pub page_bytes: usize,
    /// What the program headers say.
    pub image: Image,
    /// The TLS area that every thread gets.
    pub tls_shape: Shape,
    /// The stack protector's value, the same in every thread.
    pub canary: usize,
    /// A libc's pointer guard, the same in every thread; 0 without a libc.
    pub pointer_guard: usize,
    /// Where the first thread's stack begins, or an address in it where nobody knows.
    pub stack_top: usize,
}

/// A cell for what is written in phases 1 to 3, and read ever after.
///
/// A static for each word, all of them zero at first: so the compiler drops those that a program
/// does not read, and what fills them.
#[repr(transparent)]
struct Found<T>(UnsafeCell<T>);

// SAFETY: written while there is one thread, read only after.
unsafe impl<T> Sync for Found<T> {}

/// Defines a static for each of the words, the function that reads them all, and the one that
/// writes them.
macro_rules! words {
    ($($place:ident: $type:ty = $zero:expr, $($field:ident).+;)*) => {
        $(static $place: Found<$type> = Found(UnsafeCell::new($zero));)*

        /// What was found out so far; all zero before that.
        #[inline(always)]
        fn found() -> Process {
            let mut process = Process::NONE;
            // SAFETY: whoever writes it is alone.
            process.canary = unsafe { *CANARY.0.get() };
            // SAFETY: likewise.
            $(process.$($field).+ = unsafe { *$place.0.get() };)*
            // So the words of what the CPU's kind of layout says by itself are not read.
            process.tls_shape = process.tls_shape.of_this_cpu();
            // Nor those that the linker has told.
            #[cfg(all(feature = "setup", not(feature = "program-headers")))]
            {
                process.image = headers::image();
                process.tls_shape = headers::shape();
            }
            // Likewise where every page of this CPU's has one size.
            process.page_bytes = arch::PAGE_BYTES.unwrap_or(process.page_bytes);
            process
        }

        /// Notes what was found out.
        ///
        /// # Safety
        /// 1. As [`initialize`], clause 2.
        #[inline(always)]
        unsafe fn note_found(process: &Process) {
            // SAFETY: clause 1: nobody reads yet.
            $(unsafe { *$place.0.get() = process.$($field).+ };)*
            // SAFETY: likewise.
            unsafe { *CANARY.0.get() = process.canary };
        }
    };
}

words! {
    ARGUMENT_COUNT: usize = 0, argument_count;
    ARGUMENTS: *const *const u8 = core::ptr::null(), arguments;
    ENVIRONMENT: *const *const u8 = core::ptr::null(), environment;
    PAGE_BYTES: usize = 0, page_bytes;
    LOAD_BIAS: usize = 0, image.load_bias;
    DYNAMIC_ADDRESS: usize = 0, image.dynamic_address;
    STACK_BYTES: usize = 0, image.stack_bytes;
    TLS_ADDRESS: usize = 0, image.tls.address;
    TLS_LINK_ADDRESS: usize = 0, image.tls.link_address;
    TLS_FILE_BYTES: usize = 0, image.tls.file_bytes;
    TLS_MEMORY_BYTES: usize = 0, image.tls.memory_bytes;
    TLS_ALIGN_BYTES: usize = 0, image.tls.align_bytes;
    BELOW_TP_BYTES: usize = 0, tls_shape.below_tp_bytes;
    ABOVE_TP_BYTES: usize = 0, tls_shape.above_tp_bytes;
    TP_ALIGN_BYTES: usize = 0, tls_shape.tp_align_bytes;
    BLOCK_OFFSET: isize = 0, tls_shape.block_offset;
    POINTER_GUARD: usize = 0, pointer_guard;
    STACK_TOP: usize = 0, stack_top;
}

/// The auxiliary vector's known entries, by themselves: they are found by number.
static AUXV: Found<Auxv> = Found(UnsafeCell::new(Auxv::EMPTY));
/// Whether all these were written. Relaxed suffices: it is set while there is one thread, and
/// `clone` orders it before every other thread's first step.
static PROCESS_IS_KNOWN: AtomicBool = AtomicBool::new(false);
/// Whether the calling thread can be asked for: phase 5 is over.
static TLS_IS_UP: AtomicBool = AtomicBool::new(false);

impl Process {
    /// Nothing was found out.
    const NONE: Process = Process {
        argument_count: 0,
        arguments: core::ptr::null(),
        environment: core::ptr::null(),
        page_bytes: 0,
        image: Image::NONE,
        tls_shape: Shape::NONE,
        canary: 0,
        pointer_guard: 0,
        stack_top: 0,
    };

    /// The lowest address of a main stack that may have so many bytes, to a page or two, or `None`
    /// where it has room below everything.
    ///
    /// It grows down from the end of the strings that the kernel put there, of which the program's
    /// file name is the last (`fs/exec.c`, `bprm_execve`; `fs/binfmt_elf.c`).
    pub fn stack_bottom(&self, bytes_max: usize) -> Option<usize> {
        let highest = match self.auxv().file_name_address() {
            0 => self.stack_top,
            address => address,
        };
        // The last byte's address, because a stack may lie at the end of the address space.
        let last = highest | (self.page_bytes - 1);
        Some(last.checked_sub(bytes_max)? + 1)
    }

    /// The auxiliary vector's known entries.
    #[inline]
    pub fn auxv(&self) -> &'static Auxv {
        // SAFETY: there is a `Process`, so this was written before, if at all, and is no more.
        unsafe { &*AUXV.0.get() }
    }

    /// Returns what [`initialize`] found.
    #[inline(always)]
    pub fn get() -> Process {
        let Some(process) = Process::find() else {
            fatal(c"the runtime is used before it was started");
        };
        process
    }

    /// The same, if it was called. Where our own `_start` is part of the program it was: a program
    /// that has the features `start` and `setup` begins at that one and at no other.
    #[inline(always)]
    pub fn find() -> Option<Process> {
        #[cfg(not(feature = "setup"))]
        learn_late();
        // Our own `_start` comes before everything that asks.
        let is_known = cfg!(all(feature = "start", feature = "setup")) || is_known();
        // Not by `then`, a function that may stay one.
        if is_known { Some(found()) } else { None }
    }
}

/// Whether phases 1 to 3 are over.
fn is_known() -> bool {
    PROCESS_IS_KNOWN.load(Ordering::Relaxed)
}

/// A word that no two living threads share, and that is not 0: the thread pointer, whoever set it
/// up. Before our own start has set one up there is one thread, as without the feature `threads`.
pub(crate) fn thread_mark() -> usize {
    if cfg!(not(feature = "threads")) || is_early() {
        return 1;
    }
    // SAFETY: this thread's pointer is set up: the flag says so, or whoever brought `_start`.
    unsafe { arch::thread_pointer() }
}

/// Whether our own start has not set up thread-locals yet.
pub(crate) fn is_early() -> bool {
    cfg!(feature = "start") && !TLS_IS_UP.load(Ordering::Relaxed)
}

/// Whether thread-locals can be used: false in the first phases.
#[cfg(all(feature = "panic-handler", feature = "threads"))]
pub(crate) fn tls_is_up() -> bool {
    TLS_IS_UP.load(Ordering::Relaxed)
}

/// Runs phases 1 to 5.
///
/// # Safety
/// 1. As [`initialize`].
pub(crate) unsafe fn set_up(from: HandOver) {
    // SAFETY: clause 1. Phases 1 to 3.
    unsafe { learn(from, None) };
    #[cfg(feature = "setup")]
    {
        // SAFETY: clause 1. Phase 4.
        unsafe { set_up_tls(&Process::get()) };
        // SAFETY: TLS is up, and this is the first thread. Phase 5.
        #[cfg(feature = "threads")]
        unsafe {
            crate::thread::adopt_main();
        }
        #[cfg(all(feature = "overflow-report", feature = "start"))]
        crate::thread::begin_overflow_report();
        TLS_IS_UP.store(true, Ordering::Relaxed);
    }
}

/// The initial stack of a program without the feature `setup`, which may never ask what it says.
/// It is 0 before the start. A number, so that the compiler forgets it where it is not read.
#[cfg(not(feature = "setup"))]
static INITIAL_STACK: AtomicUsize = AtomicUsize::new(0);

/// Notes where the initial stack is.
#[cfg(all(feature = "start", not(feature = "setup")))]
fn note(initial_stack: *const usize) {
    INITIAL_STACK.store(initial_stack.expose_provenance(), Ordering::Relaxed);
}

/// Reads the initial stack where that was put off. There is one thread: without the feature `setup`
/// there is no feature `threads`, and a handler that comes in between writes the same.
#[cfg(not(feature = "setup"))]
fn learn_late() {
    let stack = INITIAL_STACK.load(Ordering::Relaxed);
    if stack != 0 && !is_known() {
        // SAFETY: `_start` noted it.
        unsafe {
            let stack = core::ptr::with_exposed_provenance(stack);
            learn(HandOver::InitialStack(stack), None);
        }
    }
}

/// Phases 1 to 3. A libc's guards are taken as they are.
///
/// # Safety
/// 1. As [`initialize`], clauses 1 and 2.
unsafe fn learn(from: HandOver, guards: Option<Guards>) {
    // SAFETY: clause 1: nobody reads yet.
    let auxv = unsafe { &mut *AUXV.0.get() };
    // SAFETY: clause 1. Phase 1.
    let told = unsafe { from.read(auxv) };
    // SAFETY: clause 1: it is this program's. Phase 2.
    let (image, tls_shape) = unsafe { headers::read(auxv) };
    let guards = guards.unwrap_or_else(|| Guards {
        // SAFETY: `AT_RANDOM` is 0 or points to 16 bytes. Phase 3.
        canary: unsafe { make_canary(auxv, told.stack_top) },
        pointer: 0,
    });
    let process = Process {
        argument_count: told.argument_count,
        arguments: told.arguments,
        environment: told.environment,
        page_bytes: match auxv.page_bytes() {
            0 => 4096,
            bytes => bytes,
        },
        canary: guards.canary,
        pointer_guard: guards.pointer,
        stack_top: told.stack_top,
        image,
        tls_shape,
    };
    // SAFETY: clause 1.
    unsafe { note_found(&process) };
    PROCESS_IS_KNOWN.store(true, Ordering::Relaxed);
}

/// Words that code compares with, the same in all threads.
struct Guards {
    /// The stack protector's.
    canary: usize,
    /// A libc's, by which it disguises pointers.
    pointer: usize,
}

/// Phase 3. Without `AT_RANDOM` (a hand-made stack, an old emulator) the stack's own address is
/// mixed: weaker, but different for each run where addresses are randomised.
///
/// # Safety
/// 1. `auxv.random_address()` is 0 or points to 16 bytes.
unsafe fn make_canary(auxv: &Auxv, stack_top: usize) -> usize {
    let random = core::ptr::with_exposed_provenance::<usize>(auxv.random_address());
    let seed = if random.is_null() {
        stack_top.wrapping_mul(0x61c8_8647)
    } else {
        // SAFETY: clause 1; the bytes need not be aligned.
        unsafe { random.read_unaligned() }
    };
    // The byte at the lowest address is 0, so that a string copied over it ends there.
    let mut bytes = seed.to_ne_bytes();
    bytes[0] = 0;
    usize::from_ne_bytes(bytes)
}

/// The canary, where compilers look for a global one: C code that is linked in refers to it.
#[cfg_attr(
    all(feature = "start", feature = "setup"),
    unsafe(export_name = "__stack_chk_guard")
)]
static CANARY: Found<usize> = Found(UnsafeCell::new(0));

/// Where C code that is linked in reports a stack that was overrun.
#[cfg(all(feature = "start", feature = "setup"))]
#[unsafe(no_mangle)]
extern "C" fn __stack_chk_fail() -> ! {
    fatal(c"a stack buffer was overrun: the canary below a return address has changed")
}

/// Fills the TLS area at `tp` (without bias) with what every thread begins with, and returns the
/// value for the thread register.
///
/// # Safety
/// 1. Phases 1 to 3 are over, and `tp` is aligned as the shape says.
/// 2. The area around `tp` that the shape describes is writable and nobody else uses it. Its block
///    is zero, or was [cleared](clear_tls).
#[cfg_attr(not(for_size), inline(always))]
#[cfg_attr(for_size, inline(never))]
pub(crate) unsafe fn fill_tls(tp: *mut u8) -> usize {
    let process = Process::get();
    let (template, shape) = (&process.image.tls, &process.tls_shape);
    // SAFETY: clauses 1 and 2; the shape is the template's, which is the image's.
    unsafe { tls::fill(template, shape, tp, process.canary) }
}

/// Clears the TLS block at `tp` (without bias), where another thread has had its own.
///
/// # Safety
/// 1. As [`fill_tls`], but the block may hold anything.
#[cfg(feature = "threads")]
#[inline(always)]
pub(crate) unsafe fn clear_tls(tp: *mut u8) {
    let process = Process::get();
    // SAFETY: clause 1; the shape is the template's, which is the image's.
    unsafe { tls::clear(&process.image.tls, &process.tls_shape, tp) };
}

/// Phase 4.
///
/// # Safety
/// 1. As [`initialize`], clauses 2 and 3.
unsafe fn set_up_tls(process: &Process) {
    let tp = headers::main_tp(&process.tls_shape);
    // SAFETY: the area is ours, zero, and holds the shape at `tp`.
    let tp = unsafe { fill_tls(tp) };
    // SAFETY: the control block and TLS block around `tp` stay for the life of the program.
    let result = unsafe { arch::set_thread_pointer(tp) };
    if let Err(errno) = Errno::decode(result) {
        fatal_errno(c"setting the thread pointer", errno);
    }
}
