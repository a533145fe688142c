//! Chooses the CPU file, states the contract that each one fills, and pins it.
//!
//! This is the only file outside `arch/` that names a CPU. A CPU file defines every item pinned
//! below, no more and no less, with no defaults: a port that lacks one does not compile. What each
//! item means stands in `arch/README.md`; each has a case in the suite that runs on every CPU.

// The path attributes are spelled out, and not hidden in a macro, so that rustfmt finds the files.
#[cfg_attr(target_arch = "x86_64", path = "../arch/x86_64.rs")]
#[cfg_attr(target_arch = "aarch64", path = "../arch/aarch64.rs")]
#[cfg_attr(target_arch = "mips", path = "../arch/mips.rs")]
mod imp;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "mips")))]
compile_error!("threadbare does not know this CPU yet: arch/README.md says how to port it");
#[cfg(not(target_os = "linux"))]
compile_error!("threadbare talks to the Linux kernel itself: build it for a Linux target");

#[cfg(feature = "threads")]
pub(crate) use crate::thread::entry as thread_entry;
pub use imp::*;

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
    /// In two registers, memory order, the first of them an even-numbered argument
    /// (counting from 0), with one left unused where that needs it.
    AlignedPair,
}

// The contract. The type on each line is what portable code relies on.
const _: &str = imp::NAME;
const _: u16 = imp::ELF_MACHINE;
const _: Option<u32> = imp::ELF_R_RELATIVE;
const _: usize = imp::STACK_ALIGN_BYTES;
const _: bool = imp::STACK_PROBES;
const _: TlsVariant = imp::TLS_VARIANT;
const _: usize = imp::TLS_TP_BIAS_BYTES;
const _: usize = imp::TLS_DTV_BIAS_BYTES;
const _: usize = imp::TLS_TCB_BYTES;
const _: bool = imp::TLS_SELF_POINTER;
const _: Option<usize> = imp::TLS_CANARY_OFFSET_BYTES;
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
const _: unsafe fn() -> usize = imp::thread_pointer;
const _: unsafe fn(usize) -> isize = imp::set_thread_pointer;
const _: unsafe fn() -> usize = imp::current;
const _: unsafe fn(usize) = imp::set_current;
#[cfg(feature = "threads")]
type CloneThread = unsafe extern "C" fn(usize, usize, *mut u32, *mut u32, usize, *mut u8) -> isize;
#[cfg(feature = "threads")]
const _: CloneThread = imp::clone_thread;
#[cfg(feature = "threads")]
const _: unsafe extern "C" fn(usize, usize) -> ! = imp::unmap_and_exit;
const _: Option<unsafe extern "C" fn() -> !> = imp::SIGNAL_RESTORER;
const _: bool = imp::SIGACTION_FLAGS_FIRST;
const _: fn() -> ! = imp::trap;

const _: () = assert!(STACK_ALIGN_BYTES.is_power_of_two());
const _: () = assert!(TLS_TCB_BYTES.is_multiple_of(size_of::<usize>()));
