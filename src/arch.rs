//! Chooses the CPU file, states the contract that each one fills, and pins it.
//!
//! This is the only file outside `arch/` that names a CPU. A CPU file defines every item pinned
//! below, no more and no less, with no defaults: a port that lacks one does not compile. What each
//! item means stands in `arch/README.md`; each has a case in the suite that runs on every CPU.

#[macro_use]
#[path = "../arch/numbers.rs"]
mod numbers;

// The path attributes are spelled out, and not hidden in a macro, so that rustfmt finds the files.
#[cfg_attr(target_arch = "x86_64", path = "../arch/x86_64.rs")]
#[cfg_attr(target_arch = "x86", path = "../arch/x86.rs")]
#[cfg_attr(target_arch = "aarch64", path = "../arch/aarch64.rs")]
#[cfg_attr(target_arch = "arm", path = "../arch/arm.rs")]
#[cfg_attr(
    any(target_arch = "riscv64", target_arch = "riscv32"),
    path = "../arch/riscv.rs"
)]
#[cfg_attr(target_arch = "loongarch64", path = "../arch/loongarch64.rs")]
#[cfg_attr(target_arch = "powerpc", path = "../arch/powerpc.rs")]
#[cfg_attr(target_arch = "powerpc64", path = "../arch/powerpc64.rs")]
#[cfg_attr(target_arch = "s390x", path = "../arch/s390x.rs")]
#[cfg_attr(
    any(target_arch = "mips", target_arch = "mips32r6"),
    path = "../arch/mips.rs"
)]
#[cfg_attr(
    any(target_arch = "mips64", target_arch = "mips64r6"),
    path = "../arch/mips64.rs"
)]
#[cfg_attr(target_arch = "sparc64", path = "../arch/sparc64.rs")]
#[cfg_attr(target_arch = "hexagon", path = "../arch/hexagon.rs")]
mod imp;

/// The memory functions of CPUs that have some of their own.
#[cfg(all(memory_functions, any(feature = "mem", feature = "test-seam")))]
#[cfg_attr(
    all(target_arch = "x86_64", not(for_size)),
    path = "../arch/x86_64_memory.rs"
)]
#[cfg_attr(
    all(target_arch = "x86_64", for_size),
    path = "../arch/x86_64_memory_small.rs"
)]
#[cfg_attr(target_arch = "aarch64", path = "../arch/aarch64_memory.rs")]
pub mod memory;

/// What programs compiled for size have, beside the other one, for tests; without the symbols.
#[cfg(all(
    memory_functions,
    feature = "test-seam",
    not(any(for_size, feature = "mem"))
))]
#[cfg_attr(target_arch = "x86_64", path = "../arch/x86_64_memory_small.rs")]
#[cfg_attr(target_arch = "aarch64", path = "../arch/aarch64_memory.rs")]
pub mod memory_small;

/// The kernel's constants and structures: the generated bindings, but where they do not compile.
#[cfg(not(target_arch = "hexagon"))]
pub use linux_raw_sys::{general as kernel, prctl};
#[cfg(target_arch = "hexagon")]
#[path = "../arch/hexagon_kernel.rs"]
#[allow(
    dead_code,
    non_camel_case_types,
    non_upper_case_globals,
    missing_docs,
    reason = "the kernel's names, some of which the suite alone uses"
)]
pub mod kernel;
#[cfg(target_arch = "hexagon")]
pub use kernel as prctl;

#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "x86",
    target_arch = "aarch64",
    target_arch = "arm",
    target_arch = "riscv64",
    target_arch = "riscv32",
    target_arch = "loongarch64",
    target_arch = "powerpc",
    target_arch = "powerpc64",
    target_arch = "s390x",
    target_arch = "mips",
    target_arch = "mips32r6",
    target_arch = "mips64",
    target_arch = "mips64r6",
    target_arch = "sparc64",
    target_arch = "hexagon",
)))]
compile_error!("threadbare does not know this CPU yet: arch/README.md says how to port it");
#[cfg(all(
    target_pointer_width = "32",
    any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "mips64",
        target_arch = "mips64r6",
    )
))]
compile_error!("threadbare has no ABI of 32-bit pointers on a 64-bit CPU: arch/README.md says why");
#[cfg(all(target_arch = "powerpc64", target_abi = "elfv1"))]
compile_error!("threadbare is for ELFv2 on 64-bit PowerPC: build for powerpc64-unknown-linux-musl");
#[cfg(not(target_os = "linux"))]
compile_error!("threadbare talks to the Linux kernel itself: build it for a Linux target");

/// Where what `clone_thread` starts goes on: at the function that its last argument points to,
/// which is handed that argument.
///
/// # Safety
/// 1. Entered only by `clone_thread`: the argument points to a [`Beginning`], whose clauses hold.
#[cfg(feature = "threads")]
pub(crate) unsafe extern "C" fn thread_entry(argument: *mut u8) -> ! {
    // SAFETY: clause 1.
    unsafe { (*argument.cast::<Beginning>())(argument) }
}

/// A function where a thread or process begins, on its own stack; it gets the address of this.
#[cfg(feature = "threads")]
pub type Beginning = unsafe extern "C" fn(*mut u8) -> !;

pub use imp::*;

/// Copies bytes, in place where the CPU has an instruction for it and the program is to be small:
/// else the call would be what brings `memcpy` into it.
///
/// # Safety
/// 1. So many bytes are readable at `from` and writable at `to`, and do not overlap.
#[cfg(not(all(target_arch = "x86_64", for_size)))]
#[inline(always)]
pub unsafe fn copy_here(from: *const u8, to: *mut u8, count: usize) {
    // SAFETY: clause 1.
    unsafe { to.copy_from_nonoverlapping(from, count) };
}

/// Where a thread's TLS block lies, seen from the thread pointer without its bias
/// (Drepper, "ELF Handling For Thread-Local Storage", section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "each CPU has one of them")]
pub enum TlsVariant {
    /// The control block of `TLS_TCB_BYTES` at the thread pointer, the TLS block above it.
    One,
    /// The TLS block at the thread pointer, the control block of `TLS_TCB_BYTES` below it.
    OneModified,
    /// The TLS block ends at the thread pointer, the control block of `TLS_TCB_BYTES` is at it.
    Two,
}

/// How a 64-bit system-call argument travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "each CPU has one of them")]
pub enum U64Arg {
    /// In one register.
    Register,
    /// In two registers, memory order, wherever they fall.
    Pair,
    /// In two registers, memory order, the first of them an even-numbered argument
    /// (counting from 0), with one left unused where that needs it.
    AlignedPair,
}

/// The order of `clone`'s first two arguments (clone(2)). A raw one is for whoever copies the
/// process; threads are [`CloneThread`]'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "each CPU has one of them")]
pub enum CloneArguments {
    /// Flags, stack.
    FlagsStack,
    /// Stack, flags.
    StackFlags,
}

/// What `mmap` takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "each CPU has one of them")]
pub enum MmapArguments {
    /// Six arguments.
    Registers,
    /// One: the address of six words.
    Memory,
}

/// The order of the kernel's `struct sigaction` for `rt_sigaction`, and what else the call takes
/// (`include/linux/signal_types.h`, `kernel/signal.c`). The mask comes last in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "each CPU has one of them")]
pub enum SigactionLayout {
    /// Handler, flags.
    HandlerFlags,
    /// Handler, flags, restorer.
    HandlerFlagsRestorer,
    /// Handler, flags, restorer; and the call takes the restorer once more, before the set's size.
    RestorerIsArgument,
    /// Flags in 32 bits, handler.
    FlagsHandler,
}

/// The numbers of the calls that take times of 32-bit seconds, on 32-bit CPUs that have such.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time32 {
    /// `futex`.
    pub futex: usize,
    /// `clock_gettime`.
    pub clock_gettime: usize,
    /// `clock_nanosleep`.
    pub clock_nanosleep: usize,
    /// `rt_sigtimedwait`.
    pub rt_sigtimedwait: usize,
}

/// The function by which the kernel's vDSO reads a clock:
/// `int (clockid_t, struct __kernel_timespec *)`, with seconds of 64 bits, by C's calling
/// convention; 0, or something else and it was not read.
#[derive(Clone, Copy, Debug)]
pub struct VdsoClock {
    /// Its name.
    pub symbol: &'static [u8],
    /// Its version, and that of `only_with`.
    pub version: &'static [u8],
    /// A function without which that one must not be called.
    pub only_with: Option<&'static [u8]>,
    /// The size of an entry in `DT_HASH`.
    pub hash_entry_bytes: usize,
}

/// What signal handlers return to, on CPUs whose kernel wants to be told: code that asks it to
/// restore the interrupted context.
#[derive(Clone, Copy, Debug)]
pub struct Restorer {
    /// For handlers that are set with `SA_SIGINFO`.
    pub with_info: unsafe extern "C" fn() -> !,
    /// For the others. Where those would get a frame of another kind, which takes another call to
    /// return from, this is a second address of the same code: all are set with `SA_SIGINFO` there,
    /// which a handler of one argument does not notice, and the address tells which it is.
    pub plain: unsafe extern "C" fn() -> !,
}

/// `signal_pc`, `signal_sp`: the interrupted code's program counter and stack pointer.
///
/// # Safety
/// 1. The pointer is the third argument of a signal handler set with `SA_SIGINFO`, which runs.
pub type SignalRegister = unsafe fn(*const u8) -> usize;

/// `thread_pointer`: returns the thread pointer, with `TLS_TP_BIAS_BYTES`.
///
/// # Safety
/// 1. This thread's pointer was set, by `set_thread_pointer`, `clone_thread` or a libc.
pub type ThreadPointer = unsafe fn() -> usize;

/// `set_thread_pointer`: makes its argument (biased) this thread's thread pointer; the kernel's raw
/// result, or 0.
///
/// # Safety
/// 1. The pointer is one that `tls::fill` returned.
/// 2. The control block and TLS block around it outlive the thread.
pub type SetThreadPointer = unsafe fn(usize) -> isize;

/// `current`: returns the runtime's thread-local word, by a local-exec access; 0 in a thread that
/// is not ours.
///
/// # Safety
/// 1. This thread's TLS is set up.
pub type Current = unsafe fn() -> usize;

/// `set_current`: sets the runtime's thread-local word.
///
/// # Safety
/// 1. This thread's TLS is set up.
pub type SetCurrent = unsafe fn(usize);

// The contract. The type on each line is what portable code relies on.
const _: &str = imp::NAME;
const _: u16 = imp::ELF_MACHINE;
const _: Option<usize> = imp::ELF_R_RELATIVE;
const _: usize = imp::STACK_ALIGN_BYTES;
const _: bool = imp::STACK_PROBES;
const _: Option<usize> = imp::PAGE_BYTES;
const _: TlsVariant = imp::TLS_VARIANT;
const _: usize = imp::TLS_TP_BIAS_BYTES;
const _: usize = imp::TLS_DTV_BIAS_BYTES;
const _: usize = imp::TLS_TCB_BYTES;
const _: bool = imp::TLS_SELF_POINTER;
const _: Option<isize> = imp::TLS_CANARY_OFFSET_BYTES;
const _: Option<isize> = imp::TLS_POINTER_GUARD_OFFSET_BYTES;
const _: CloneArguments = imp::CLONE_ARGUMENTS;
const _: MmapArguments = imp::MMAP_ARGUMENTS;
const _: usize = imp::MMAP_OFFSET_UNIT;
const _: U64Arg = imp::U64_ARG;
const _: unsafe fn(usize) -> isize = imp::syscall0;
const _: unsafe fn(usize, usize) -> isize = imp::syscall1;
const _: unsafe fn(usize, usize, usize) -> isize = imp::syscall2;
const _: unsafe fn(usize, usize, usize, usize) -> isize = imp::syscall3;
const _: unsafe fn(usize, usize, usize, usize, usize) -> isize = imp::syscall4;
const _: unsafe fn(usize, usize, usize, usize, usize, usize) -> isize = imp::syscall5;
const _: unsafe fn(usize, usize, usize, usize, usize, usize, usize) -> isize = imp::syscall6;
#[cfg(feature = "start")]
const _: unsafe extern "C" fn() -> ! = imp::_start;
const _: ThreadPointer = imp::thread_pointer;
const _: SetThreadPointer = imp::set_thread_pointer;
const _: Current = imp::current;
const _: SetCurrent = imp::set_current;
/// `clone_thread`: starts a thread; the kernel's raw result in the parent, errors negative;
/// what the last argument points to in the child, a [`Beginning`].
///
/// Arguments: flags, stack top, parent tid word, child tid word, thread pointer, beginning.
///
/// # Safety
/// 1. The stack top is the high end of an unused stack, aligned to `STACK_ALIGN_BYTES`.
/// 2. The thread pointer satisfies [`SetThreadPointer`]'s clauses for the child.
/// 3. Both tid words stay writable until the kernel has written them.
/// 4. What the beginning is owed holds.
#[cfg(feature = "threads")]
pub type CloneThread =
    unsafe extern "C" fn(usize, usize, *mut u32, *mut u32, usize, *mut u8) -> isize;
#[cfg(feature = "threads")]
const _: CloneThread = imp::clone_thread;
/// `unmap_and_exit`: unmaps the memory that holds this thread's stack and ends the thread.
///
/// A failing `munmap` (ENOMEM, when the process is at `vm.max_map_count`) cannot be told to
/// anybody; the mapping stays and the thread ends all the same.
///
/// Arguments: address, bytes.
///
/// # Safety
/// 1. Nobody uses the range after this call, the caller included.
/// 2. Signals are blocked: a handler would have no stack.
/// 3. The tid word that the kernel clears at the thread's end is not in the range.
#[cfg(feature = "threads")]
pub type UnmapAndExit = unsafe extern "C" fn(usize, usize) -> !;
#[cfg(feature = "threads")]
const _: UnmapAndExit = imp::unmap_and_exit;
const _: Option<Time32> = imp::TIME32;
const _: Option<VdsoClock> = imp::VDSO_CLOCK;
const _: SigactionLayout = imp::SIGACTION_LAYOUT;
const _: Option<Restorer> = imp::SIGNAL_RESTORER;
const _: usize = imp::SIGNAL_STACK_BYTES_MIN;
const _: SignalRegister = imp::signal_pc;
const _: SignalRegister = imp::signal_sp;
const _: fn() -> ! = imp::trap;

const _: () = assert!(STACK_ALIGN_BYTES.is_power_of_two());
const _: () = assert!(TLS_TCB_BYTES.is_multiple_of(size_of::<usize>()));
