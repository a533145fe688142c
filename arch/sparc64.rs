//! SPARC V9, 64-bit Linux.
//!
//! | fact | value | source |
//! |---|---|---|
//! | system call | `ta 0x6d`; number `%g1`; arguments `%o0`…`%o5` | syscall(2) |
//! | result, error | `%o0`; the carry flag of `%xcc` means that `%o0` is a positive error number; normalised here to −4095..−1 | `arch/sparc/kernel/syscalls.S` (`ret_sys_call`) |
//! | clobbers | `%o0 %o1 %g1 %g6`, the flags, every floating-point register; inline assembly cannot name `%g1`, so calls go out of line, where all of these are the callee's to change | `arch/sparc/kernel/signal_64.c` (`do_signal`), `etrap_64.S`, `rtrap_64.S` |
//! | stack | `%sp` and `%fp` are 2047 below what they point to, which is 16-byte aligned; a caller leaves 176 bytes there: 16 registers of its window, which the CPU or the kernel may store at any time, and the home of six arguments | SPARC Compliance Definition 2.4, chapter 3P |
//! | thread register | `%g7`, written directly | ELF TLS 3.4.3 |
//! | TLS variant | II: the block ends at the thread pointer | ELF TLS 3.4.3 |
//! | stack protector | compilers read the canary at 0x28 above the thread pointer | GCC `config/sparc/linux64.h`, LLVM `SparcInstrInfo.cpp` |
//! | `clone` order | flags, stack, parent tid, tls, child tid | clone(2), `arch/sparc/kernel/process.c` |
//! | `clone` result | `%o1` is 1 in the child and 0 in the parent; `%o0` is the other's number in both | `arch/sparc/kernel/process_64.c` (`copy_thread`) |
//! | `clone` stack | the caller's frame is copied below the stack that is given, and the child runs on the copy | `arch/sparc/kernel/process_64.c` (`clone_stackframe`) |
//! | page size | 8 KiB | `arch/sparc/include/asm/page_64.h` |
//! | signal return | the restorer is an argument of `rt_sigaction`; handlers return to 8 above it | `arch/sparc/kernel/sys_sparc_64.c`, `signal_64.c` |
//! | vDSO clock | `__vdso_clock_gettime`, version `LINUX_2.6` | `arch/sparc/vdso/vdso.lds.S` |
//! | stack probes | none | rustc target specification |
//!
//! Branches have a delay slot: the instruction that follows runs before the branch is taken.
//!
//! Unsafe here: system calls, the thread register, and code that runs with no stack of its own.

use core::arch::{asm, global_asm, naked_asm};
#[cfg(feature = "threads")]
use core::cell::UnsafeCell;

use linux_raw_sys::general as k;

use super::{
    CloneArguments, MmapArguments, Restorer, SigactionLayout, Time32, TlsVariant, U64Arg, VdsoClock,
};

pub const NAME: &str = "sparc64";
pub const ELF_MACHINE: u16 = 43; // EM_SPARCV9
pub const ELF_R_RELATIVE: Option<usize> = Some(22); // R_SPARC_RELATIVE

pub const STACK_ALIGN_BYTES: usize = 16;
pub const STACK_PROBES: bool = false;
pub const PAGE_BYTES: Option<usize> = None;

/// How far the stack and frame pointers are below what they point to.
const STACK_BIAS_BYTES: usize = 2047;
/// The room at a stack pointer for the window's registers.
const WINDOW_BYTES: usize = 16 * 8;
/// What a caller leaves at its stack pointer: that, and the home of six arguments.
const FRAME_BYTES: usize = WINDOW_BYTES + 6 * 8;

pub const TLS_VARIANT: TlsVariant = TlsVariant::Two;
pub const TLS_TP_BIAS_BYTES: usize = 0;
pub const TLS_DTV_BIAS_BYTES: usize = 0;
/// Up to the end of a libc's pointer guard, which follows the canary
/// (glibc `sysdeps/sparc/nptl/tls.h`).
pub const TLS_TCB_BYTES: usize = 0x38;
pub const TLS_SELF_POINTER: bool = false;
pub const TLS_CANARY_OFFSET_BYTES: Option<isize> = Some(0x28);
pub const TLS_POINTER_GUARD_OFFSET_BYTES: Option<isize> = Some(0x30);

pub const CLONE_ARGUMENTS: CloneArguments = CloneArguments::FlagsStack;
pub const MMAP_ARGUMENTS: MmapArguments = MmapArguments::Registers;
pub const MMAP_OFFSET_UNIT: usize = 1;
pub const U64_ARG: U64Arg = U64Arg::Register;

numbers! {
    FUTEX = __NR_futex;
    FUTEX_TIME64 = __NR_futex;
    CLOCK_GETTIME64 = __NR_clock_gettime;
    CLOCK_NANOSLEEP_TIME64 = __NR_clock_nanosleep;
    FCNTL = __NR_fcntl;
    LSEEK = __NR_lseek;
    MMAP = __NR_mmap;
    RT_SIGTIMEDWAIT_TIME64 = __NR_rt_sigtimedwait;
    SETGID = __NR_setgid;
    SETGROUPS = __NR_setgroups;
    SETUID = __NR_setuid;
    RT_SIGRETURN = __NR_rt_sigreturn;
}

/// None: seconds have 64 bits in all calls.
pub const TIME32: Option<Time32> = None;

/// See the table.
pub const VDSO_CLOCK: Option<VdsoClock> = Some(VdsoClock {
    symbol: b"__vdso_clock_gettime",
    version: b"LINUX_2.6",
    only_with: None,
    hash_entry_bytes: 4,
});

/// Makes a system call with all six arguments; every raw call comes here.
///
/// Out of line, so that the calling convention covers what a real kernel clobbers and what inline
/// assembly cannot declare on this CPU.
///
/// # Safety
/// 1. The call, with these arguments, touches only memory that the caller may give away.
#[unsafe(naked)]
unsafe extern "C" fn raw_syscall(
    nr: usize,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> isize {
    // in:     %o0 nr, %o1 a, %o2 b, %o3 c, %o4 d, %o5 e, %sp + bias + frame f
    // kernel: %g1 nr, %o0 a, %o1 b, %o2 c, %o3 d, %o4 e, %o5 f
    naked_asm!(
        ".cfi_startproc",
        "mov %o0, %g1",
        "mov %o1, %o0",
        "mov %o2, %o1",
        "mov %o3, %o2",
        "mov %o4, %o3",
        "mov %o5, %o4",
        "ldx [%sp + {seventh}], %o5",
        "ta 0x6d",
        "bcc,pt %xcc, 1f",         // the error flag
        "nop",
        "sub %g0, %o0, %o0",       // normalised: errors are negative
        "1:",
        "retl",
        "nop",
        ".cfi_endproc",
        seventh = const STACK_BIAS_BYTES + FRAME_BYTES,
    )
}

/// Defines one raw system call by its number of arguments.
macro_rules! syscalls {
    ($($name:ident($($arg:ident),*), $($zero:literal),*;)*) => {$(
        /// Makes the system call and returns its result, errors as −4095..−1.
        ///
        /// # Safety
        /// 1. The call, with these arguments, touches only memory that the caller may give away.
        #[inline(always)]
        pub unsafe fn $name(nr: usize, $($arg: usize),*) -> isize {
            // SAFETY: clause 1; the kernel does not look at arguments that a call does not have.
            unsafe { raw_syscall(nr, $($arg,)* $($zero),*) }
        }
    )*};
}

syscalls! {
    syscall0(), 0, 0, 0, 0, 0, 0;
    syscall1(a), 0, 0, 0, 0, 0;
    syscall2(a, b), 0, 0, 0, 0;
    syscall3(a, b, c), 0, 0, 0;
    syscall4(a, b, c, d), 0, 0;
    syscall5(a, b, c, d, e), 0;
}

/// Makes a system call with six arguments and returns its result, errors as −4095..−1.
///
/// # Safety
/// 1. The call, with these arguments, touches only memory that the caller may give away.
#[inline(always)]
pub unsafe fn syscall6(
    nr: usize,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> isize {
    // SAFETY: clause 1.
    unsafe { raw_syscall(nr, a, b, c, d, e, f) }
}

/// The program's first instruction. The kernel leaves room for a window's registers at `%sp`, and
/// the initial stack above that (`arch/sparc/include/asm/processor_64.h`, `start_thread`).
///
/// # Safety
/// 1. Only the kernel enters here, once.
#[cfg(feature = "start")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
// What a linker says of a second `_start`: it names the section.
#[unsafe(link_section = ".text._start.pass_-nostdlib_-static-pie.see_build.rs_in_its_README")]
pub unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined %o7",              // no caller: backtraces end here
        "mov %g0, %fp",                    // no caller's frame
        "mov %g0, %i7",                    // no return address
        "add %sp, {bias} + {window}, %l0", // the initial stack, kept across the first call
        "and %l0, -16, %l1",               // the kernel aligns it; hand-made stacks may not
        "sub %l1, {bias} + {frame}, %sp",
        "mov %l0, %o0",
        "call {relocate}",                 // by a direct call, and before any other
        "nop",                             // delay slot
        "mov %l0, %o0",
        "call {entry}",                    // never returns
        "nop",
        "illtrap 0",
        ".cfi_endproc",
        bias = const STACK_BIAS_BYTES,
        window = const WINDOW_BYTES,
        frame = const FRAME_BYTES,
        relocate = sym crate::start::relocate,
        entry = sym crate::start::entry,
    )
}

/// See [`super::ThreadPointer`].
///
/// # Safety
/// 1. The clauses of [`super::ThreadPointer`].
#[inline(always)]
pub unsafe fn thread_pointer() -> usize {
    let tp;
    // SAFETY: reading the register has no effect.
    unsafe { asm!("mov %g7, {}", out(reg) tp, options(nostack, nomem, preserves_flags)) };
    tp
}

/// See [`super::SetThreadPointer`]. It cannot fail here.
///
/// # Safety
/// 1. The clauses of [`super::SetThreadPointer`].
#[inline]
pub unsafe fn set_thread_pointer(tp: usize) -> isize {
    // SAFETY: clauses 1 and 2 make later uses of the register sound.
    unsafe { asm!("mov {}, %g7", in(reg) tp, options(nostack, preserves_flags)) };
    0
}

// The one thread-local variable of the runtime: the current thread's control block, 0 where the
// thread is not one of ours.
global_asm!(
    ".pushsection .tbss.threadbare_current, \"awT\", @nobits",
    ".balign 8",
    ".hidden threadbare_current",
    ".globl threadbare_current",
    ".type threadbare_current, @object",
    ".size threadbare_current, 8",
    "threadbare_current: .zero 8",
    ".popsection",
);

/// Returns the address of the runtime's thread-local word.
#[inline(always)]
fn current_address() -> *mut usize {
    let address: usize;
    // SAFETY: only registers change; the local-exec offset is a link-time constant, negative, of
    // which the first instruction has the complement.
    unsafe {
        asm!(
            "sethi %tle_hix22(threadbare_current), {0}",
            "xor {0}, %tle_lox10(threadbare_current), {0}",
            "add %g7, {0}, {0}",
            out(reg) address,
            options(nostack, nomem, preserves_flags),
        );
    }
    address as *mut usize
}

/// See [`super::Current`].
///
/// # Safety
/// 1. The clauses of [`super::Current`].
#[inline(always)]
pub unsafe fn current() -> usize {
    // SAFETY: clause 1: the address is this thread's own word.
    unsafe { current_address().read_volatile() }
}

/// See [`super::SetCurrent`].
///
/// # Safety
/// 1. The clauses of [`super::SetCurrent`].
#[inline(always)]
pub unsafe fn set_current(value: usize) {
    // SAFETY: clause 1: the address is this thread's own word.
    unsafe { current_address().write_volatile(value) }
}

/// See [`super::CloneThread`].
///
/// # Safety
/// 1. The clauses of [`super::CloneThread`].
#[cfg(feature = "threads")]
#[unsafe(naked)]
pub unsafe extern "C" fn clone_thread(
    flags: usize,
    stack_top: usize,
    parent_tid: *mut u32,
    child_tid: *mut u32,
    tp: usize,
    control: *mut u8,
) -> isize {
    // in:     %o0 flags, %o1 stack, %o2 parent tid, %o3 child tid, %o4 tp, %o5 control; the same
    //         in %i0…%i5 of the new window
    // kernel: %o0 flags, %o1 stack, %o2 parent tid, %o3 tp, %o4 child tid; keeps the window: the
    //         child's is a copy, with a frame pointer of its own
    naked_asm!(
        ".cfi_startproc",
        "save %sp, -{frame}, %sp",         // the frame that the kernel copies; small, and known
        ".cfi_def_cfa_register %fp",
        ".cfi_window_save",
        ".cfi_register %o7, %i7",
        "flushw",                          // the child has only this window
        "mov %i0, %o0",
        "sub %i1, {bias} + {frame}, %o1",  // the frame that every caller has
        "mov %i2, %o2",
        "mov %i4, %o3",
        "mov %i3, %o4",
        "mov {clone}, %g1",
        "ta 0x6d",
        ".cfi_remember_state",
        ".cfi_undefined %o7",              // two threads come by, and one has no caller
        "bcs,pn %xcc, 1f",                 // the error flag
        "nop",
        "brnz,pn %o1, 2f",                 // which of the two this is
        "nop",
        ".cfi_restore_state",
        ".cfi_remember_state",
        "ret",                             // parent: tid
        "restore %o0, %g0, %o0",           // delay slot: into the caller's window
        ".cfi_restore_state",
        ".cfi_remember_state",
        "1:",                              // parent, error: normalised to a negative number
        "sub %g0, %o0, %i0",
        "ret",
        "restore",                         // delay slot
        ".cfi_restore_state",
        "2:",                              // child: %sp is two frames below stack_top (an emulator
                                           // copies none: one frame)
        ".cfi_undefined %o7",              // backtraces end here
        "mov %g0, %fp",
        "mov %g0, %i7",
        "mov %i5, %o0",                    // control
        "call {entry}",                    // never returns
        "nop",
        "illtrap 0",
        ".cfi_endproc",
        bias = const STACK_BIAS_BYTES,
        frame = const FRAME_BYTES,
        clone = const nr::CLONE,
        entry = sym super::thread_entry,
    )
}

/// Where the stack pointer of a thread points that has unmapped its stack.
#[cfg(feature = "threads")]
#[repr(C, align(16))]
struct Spare(UnsafeCell<[u8; FRAME_BYTES]>);

// SAFETY: the CPU and the kernel store registers there that nobody reads; see `unmap_and_exit`.
#[cfg(feature = "threads")]
unsafe impl Sync for Spare {}

#[cfg(feature = "threads")]
static SPARE: Spare = Spare(UnsafeCell::new([0; FRAME_BYTES]));

/// See [`super::UnmapAndExit`].
///
/// There is no moment without a stack on this CPU: entering the kernel may store the window's `%l`
/// and `%i` registers at `%sp`, and leaving it loads them from there. So `%sp` points to a spare
/// frame, one for all threads: what they load may be each other's, and no step below uses those
/// registers. (`%o` and `%g` registers stay with the thread.) There is nothing else that would use
/// the frame, for signals are blocked.
///
/// # Safety
/// 1. The clauses of [`super::UnmapAndExit`].
#[cfg(feature = "threads")]
#[unsafe(naked)]
pub unsafe extern "C" fn unmap_and_exit(address: usize, bytes: usize) -> ! {
    // %o0 address and %o1 bytes are already where munmap wants them
    naked_asm!(
        ".cfi_startproc",
        "flushw",                          // callers' windows, which belong on the old stack
        "rd %pc, %g2",                     // the spare frame's address, from this instruction's
        "sethi %pc22({spare} + 4), %g3",
        "or %g3, %pc10({spare} + 8), %g3",
        "sra %g3, 0, %g3",                 // the distance has 32 bits and a sign
        "add %g2, %g3, %g2",
        "sub %g2, {bias}, %sp",            // from here on this is the stack
        ".cfi_undefined %o7",              // and there is no caller
        "mov {munmap}, %g1",
        "ta 0x6d",
        "mov %g0, %o0",                    // status 0: only the last thread's is ever seen
        "mov {exit}, %g1",
        "ta 0x6d",
        "illtrap 0",
        ".cfi_endproc",
        bias = const STACK_BIAS_BYTES,
        spare = sym SPARE,
        munmap = const nr::MUNMAP,
        exit = const nr::EXIT,
    )
}

// What a signal handler returns to: asks the kernel to restore the interrupted context. A return
// goes to 8 above the address in `%i7`, past a call and its delay slot, which there is none here.
// Debuggers know the two instructions.
global_asm!(
    ".pushsection .text.threadbare_signal_restorer, \"ax\", @progbits",
    ".globl threadbare_signal_restorer",
    ".hidden threadbare_signal_restorer",
    ".type threadbare_signal_restorer, @function",
    ".balign 4",
    "threadbare_signal_restorer:",
    "nop",
    "nop",
    "mov {sigreturn}, %g1",
    "ta 0x6d",
    "illtrap 0",
    ".size threadbare_signal_restorer, . - threadbare_signal_restorer",
    ".popsection",
    sigreturn = const nr::RT_SIGRETURN,
);

unsafe extern "C" {
    /// See above.
    ///
    /// # Safety
    /// 1. Entered only by returning from a signal handler.
    fn threadbare_signal_restorer() -> !;
}

/// The kernel has none of its own on this CPU.
pub const SIGNAL_RESTORER: Option<Restorer> = Some(Restorer {
    with_info: threadbare_signal_restorer,
    plain: threadbare_signal_restorer,
});

/// `arch/sparc/kernel/sys_sparc_64.c`. The structure has the field too, and the kernel ignores it.
pub const SIGACTION_LAYOUT: SigactionLayout = SigactionLayout::RestorerIsArgument;
pub const SIGNAL_STACK_BYTES_MIN: usize = k::MINSIGSTKSZ as usize;

/// See [`super::SignalRegister`]; `struct rt_signal_frame` in `arch/sparc/kernel/signal_64.c`.
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_pc(context: *const u8) -> usize {
    // SAFETY: clause 1: a handler's third argument is its second again on this CPU, and the
    // registers follow the 128 bytes of the signal's description: 16 and a status before `tpc`.
    unsafe { context.add(128 + 17 * 8).cast::<usize>().read() }
}

/// See [`super::SignalRegister`]. It is the address that the register stood for.
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_sp(context: *const u8) -> usize {
    // SAFETY: clause 1: as above; `%o6` is the register with number 14.
    unsafe { context.add(128 + 14 * 8).cast::<usize>().read() + STACK_BIAS_BYTES }
}

/// Ends the process by an illegal instruction.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: the instruction faults and nothing after it runs.
    unsafe { asm!("illtrap 0", options(noreturn, nostack, nomem)) }
}
