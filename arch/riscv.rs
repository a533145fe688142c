//! RISC-V, 64 and 32 bits, little-endian, hard-float and soft-float ABIs.
//!
//! | fact | value | source |
//! |---|---|---|
//! | system call | `ecall`; number `a7`; arguments `a0`…`a5` | syscall(2) |
//! | result, error | `a0`; −4095..−1 is an error | `arch/riscv/include/asm/syscall.h` |
//! | clobbers; `a7` becomes `restart_syscall`'s number when a call is restarted | no general and no floating-point register but `a0`; every vector register, `vl` and `vtype`; `arch/riscv/kernel/signal.c` | | `arch/riscv/kernel/entry.S`; `Documentation/arch/riscv/vector.rst`, section 3 |
//! | stack alignment | 16 bytes | psABI, "Integer Calling Convention" |
//! | thread register | `tp`, written directly | psABI, "Register Convention" |
//! | global pointer | `gp` is `__global_pointer$`, if the linker relaxes by it; GNU ld does unasked | psABI, "Global-pointer Relaxation" |
//! | TLS variant | I, modified: the block starts at the thread pointer; DTV offset 0x800 | psABI, "Thread Local Storage" |
//! | stack protector | global `__stack_chk_guard` | GCC RISC-V options |
//! | `clone` order | flags, stack, parent tid, tls, child tid | clone(2), `CONFIG_CLONE_BACKWARDS` |
//! | `mmap2` (32 bits) | offset in units of 4096 bytes | `arch/riscv/kernel/sys_riscv.c` |
//! | 64-bit arguments (32 bits) | two registers, low word first, wherever they fall: the ABI aligns variadic ones alone | psABI, "Integer Calling Convention"; `arch/riscv/include/asm/syscall_wrapper.h` |
//! | times (32 bits) | 64-bit seconds in all calls that there are | `arch/riscv/include/uapi/asm/unistd.h` |
//! | page size | 4 KiB | `arch/riscv/include/asm/page.h` |
//! | signal return | the kernel's own trampoline in the vDSO | `arch/riscv/kernel/signal.c` |
//! | vDSO clock | `__vdso_clock_gettime`, version `LINUX_4.15` | `arch/riscv/kernel/vdso/vdso.lds.S`; none on 32-bit CPUs: `arch/riscv/Kconfig`, `HAVE_GENERIC_VDSO` |
//! | stack probes | none | rustc target specification |
//!
//! One file for both: they differ in the width of a word and in a few calls.
//!
//! Unsafe here: system calls, the thread register, and code that runs with no stack of its own.

use core::arch::{asm, global_asm, naked_asm};

use linux_raw_sys::general as k;

use super::{
    CloneArguments, MmapArguments, Restorer, SigactionLayout, Time32, TlsVariant, U64Arg, VdsoClock,
};

const WORD_BYTES: usize = size_of::<usize>();
const IS_64: bool = WORD_BYTES == 8;

pub const NAME: &str = if IS_64 { "riscv64" } else { "riscv32" };
pub const ELF_MACHINE: u16 = 243; // EM_RISCV
pub const ELF_R_RELATIVE: Option<usize> = Some(3); // R_RISCV_RELATIVE

pub const STACK_ALIGN_BYTES: usize = 16;
pub const STACK_PROBES: bool = false;
pub const PAGE_BYTES: Option<usize> = None;

pub const TLS_VARIANT: TlsVariant = TlsVariant::OneModified;
pub const TLS_TP_BIAS_BYTES: usize = 0;
pub const TLS_DTV_BIAS_BYTES: usize = 0x800;
/// None: what lies below the thread pointer is a C library's own.
pub const TLS_TCB_BYTES: usize = 0;
pub const TLS_SELF_POINTER: bool = false;
pub const TLS_CANARY_OFFSET_BYTES: Option<isize> = None;
pub const TLS_POINTER_GUARD_OFFSET_BYTES: Option<isize> = None;

pub const CLONE_ARGUMENTS: CloneArguments = CloneArguments::FlagsStack;
pub const MMAP_ARGUMENTS: MmapArguments = MmapArguments::Registers;
pub const MMAP_OFFSET_UNIT: usize = if IS_64 { 1 } else { 4096 };
pub const U64_ARG: U64Arg = if IS_64 {
    U64Arg::Register
} else {
    U64Arg::Pair
};

#[cfg(target_pointer_width = "64")]
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
}

#[cfg(target_pointer_width = "32")]
numbers! {
    FUTEX = __NR_futex_time64;
    FUTEX_TIME64 = __NR_futex_time64;
    CLOCK_GETTIME64 = __NR_clock_gettime64;
    CLOCK_NANOSLEEP_TIME64 = __NR_clock_nanosleep_time64;
    FCNTL = __NR_fcntl64;
    LSEEK = __NR_llseek;
    MMAP = __NR_mmap2;
    RT_SIGTIMEDWAIT_TIME64 = __NR_rt_sigtimedwait_time64;
    SETGID = __NR_setgid;
    SETGROUPS = __NR_setgroups;
    SETUID = __NR_setuid;
}

/// None: the 32-bit kernel came after the year-2038 problem's solution.
pub const TIME32: Option<Time32> = None;

/// On 64-bit CPUs.
pub const VDSO_CLOCK: Option<VdsoClock> = if cfg!(target_pointer_width = "64") {
    Some(VdsoClock {
        symbol: b"__vdso_clock_gettime",
        version: b"LINUX_4.15",
        only_with: None,
        hash_entry_bytes: 4,
    })
} else {
    None
};

/// Defines one raw system call: the number in `a7`, arguments from `a0` up, the result in `a0`.
macro_rules! syscalls {
    ($($name:ident($first:expr; $($param:ident),*; $($arg:ident in $reg:tt),*);)*) => {$(
        /// Makes the system call and returns what the kernel put in `a0`.
        ///
        /// # Safety
        /// 1. The call, with these arguments, touches only memory that the caller may give away.
        #[inline(always)]
        pub unsafe fn $name(nr: usize, $($param: usize),*) -> isize {
            let result: isize;
            // SAFETY: clause 1; of the registers, `ecall` changes the vector ones, and `vl` and
            // `vtype` which count as flags; memory counts as touched because `nomem` is not
            // claimed.
            unsafe {
                asm!(
                    "ecall",
                    inlateout("a7") nr => _,
                    inlateout("a0") $first as isize => result,
                    $(in($reg) $arg,)*
                    lateout("v0") _, lateout("v1") _, lateout("v2") _, lateout("v3") _,
                    lateout("v4") _, lateout("v5") _, lateout("v6") _, lateout("v7") _,
                    lateout("v8") _, lateout("v9") _, lateout("v10") _, lateout("v11") _,
                    lateout("v12") _, lateout("v13") _, lateout("v14") _, lateout("v15") _,
                    lateout("v16") _, lateout("v17") _, lateout("v18") _, lateout("v19") _,
                    lateout("v20") _, lateout("v21") _, lateout("v22") _, lateout("v23") _,
                    lateout("v24") _, lateout("v25") _, lateout("v26") _, lateout("v27") _,
                    lateout("v28") _, lateout("v29") _, lateout("v30") _, lateout("v31") _,
                    options(nostack),
                );
            }
            result
        }
    )*};
}

syscalls! {
    syscall0(0usize; ; );
    syscall1(a; a; );
    syscall2(a; a, b; b in "a1");
    syscall3(a; a, b, c; b in "a1", c in "a2");
    syscall4(a; a, b, c, d; b in "a1", c in "a2", d in "a3");
    syscall5(a; a, b, c, d, e; b in "a1", c in "a2", d in "a3", e in "a4");
    syscall6(a; a, b, c, d, e, f; b in "a1", c in "a2", d in "a3", e in "a4", f in "a5");
}

/// The program's first instruction. The kernel leaves the initial stack at `sp`, and in all other
/// registers what was there before `execve` (`arch/riscv/kernel/process.c`, `start_thread`).
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
        ".cfi_undefined ra",       // no caller: backtraces end here
        ".option push",
        ".option norelax",         // the linker would shorten this to `mv gp, gp`
        "lla gp, __global_pointer$", // relative to pc: nothing is relocated yet
        ".option pop",
        "mv s0, zero",             // no caller's frame
        "mv ra, zero",             // no return address
        "mv s1, sp",               // the initial stack, kept across the first call
        "mv a0, sp",
        "andi sp, sp, -16",        // the kernel aligns it; hand-made stacks may not
        "call {relocate}",         // by a direct call, and before any other
        "mv a0, s1",
        "call {entry}",            // never returns
        "unimp",
        ".cfi_endproc",
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
    unsafe { asm!("mv {}, tp", out(reg) tp, options(nostack, nomem, preserves_flags)) };
    tp
}

/// See [`super::SetThreadPointer`]. It cannot fail here.
///
/// # Safety
/// 1. The clauses of [`super::SetThreadPointer`].
#[inline]
pub unsafe fn set_thread_pointer(tp: usize) -> isize {
    // SAFETY: clauses 1 and 2 make later uses of the register sound.
    unsafe { asm!("mv tp, {}", in(reg) tp, options(nostack, preserves_flags)) };
    0
}

// The one thread-local variable of the runtime: the current thread's control block, 0 where the
// thread is not one of ours.
global_asm!(
    ".pushsection .tbss.threadbare_current, \"awT\", @nobits",
    ".balign {word}",
    ".hidden threadbare_current",
    ".globl threadbare_current",
    ".type threadbare_current, @object",
    ".size threadbare_current, {word}",
    "threadbare_current: .zero {word}",
    ".popsection",
    word = const WORD_BYTES,
);

/// Returns the address of the runtime's thread-local word.
#[inline(always)]
fn current_address() -> *mut usize {
    let address;
    // SAFETY: only a register changes; the local-exec offset is a link-time constant. Not `pure`:
    // it must not move across a change of `tp`.
    unsafe {
        asm!(
            "lui {0}, %tprel_hi(threadbare_current)",
            "add {0}, {0}, tp, %tprel_add(threadbare_current)",
            "addi {0}, {0}, %tprel_lo(threadbare_current)",
            out(reg) address,
            options(nostack, nomem, preserves_flags),
        );
    }
    address
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

/// Evaluates to the address of this thread's copy of `$symbol`, a static in the program's TLS
/// image, by a local-exec access.
#[doc(hidden)]
#[macro_export]
macro_rules! __tls_address {
    ($symbol:path) => {{
        let address: *mut u8;
        ::core::arch::asm!(
            "lui {address}, %tprel_hi({symbol})",
            "add {address}, {address}, tp, %tprel_add({symbol})",
            "addi {address}, {address}, %tprel_lo({symbol})",
            symbol = sym $symbol,
            address = out(reg) address,
            options(pure, nomem, nostack, preserves_flags),
        );
        address
    }};
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
    // in:     a0 flags, a1 stack, a2 parent tid, a3 child tid, a4 tp, a5 control
    // kernel: a0 flags, a1 stack, a2 parent tid, a3 tp, a4 child tid; keeps a5 and the rest
    naked_asm!(
        ".cfi_startproc",
        "mv t0, a3",               // exchange the last two for this CPU's order
        "mv a3, a4",
        "mv a4, t0",
        "li a7, {clone}",
        "ecall",
        ".cfi_remember_state",
        ".cfi_undefined ra",       // two threads come by here, and one of them has no caller
        "beqz a0, 2f",
        ".cfi_restore_state",
        "ret",                     // parent: tid or error in a0
        "2:",                      // child: sp is stack_top, aligned by clause 1; gp is kept
        ".cfi_undefined ra",       // backtraces end here
        "mv s0, zero",
        "mv ra, zero",
        "mv a0, a5",               // control
        "call {entry}",            // never returns
        "unimp",
        ".cfi_endproc",
        clone = const nr::CLONE,
        entry = sym super::thread_entry,
    )
}

/// See [`super::UnmapAndExit`].
///
/// # Safety
/// 1. The clauses of [`super::UnmapAndExit`].
#[cfg(feature = "threads")]
#[unsafe(naked)]
pub unsafe extern "C" fn unmap_and_exit(address: usize, bytes: usize) -> ! {
    // a0 address and a1 bytes are already where munmap wants them
    naked_asm!(
        ".cfi_startproc",
        "li a7, {munmap}",
        "ecall",                   // from here on there is no stack
        ".cfi_undefined ra",       // nor a caller
        "li a0, 0",                // status 0: only the last thread's is ever seen
        "li a7, {exit}",
        "ecall",
        "unimp",
        ".cfi_endproc",
        munmap = const nr::MUNMAP,
        exit = const nr::EXIT,
    )
}

/// None: the kernel returns through its own trampoline, and has no field for another.
pub const SIGNAL_RESTORER: Option<Restorer> = None;

/// `include/uapi/asm-generic/signal.h`, without `SA_RESTORER`.
pub const SIGACTION_LAYOUT: SigactionLayout = SigactionLayout::HandlerFlags;
pub const SIGNAL_STACK_BYTES_MIN: usize = k::MINSIGSTKSZ as usize;

/// Where the registers begin in a `struct ucontext`: after five words and the signal set with its
/// 128 bytes of room, at a multiple of 16 because of the floating-point registers behind them
/// (`arch/riscv/include/uapi/asm/ucontext.h`, `sigcontext.h`, `ptrace.h`).
const SIGNAL_REGISTERS_OFFSET: usize = (5 * WORD_BYTES + 128).next_multiple_of(16);

/// See [`super::SignalRegister`].
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_pc(context: *const u8) -> usize {
    // SAFETY: clause 1: `pc` is the first, in the place of `x0`.
    unsafe { context.add(SIGNAL_REGISTERS_OFFSET).cast::<usize>().read() }
}

/// See [`super::SignalRegister`].
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_sp(context: *const u8) -> usize {
    const SP: usize = 2; // x2
    let offset = SIGNAL_REGISTERS_OFFSET + SP * WORD_BYTES;
    // SAFETY: clause 1: as above, and `x1` follows `pc`.
    unsafe { context.add(offset).cast::<usize>().read() }
}

/// Ends the process by an illegal instruction.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: the instruction faults and nothing after it runs.
    unsafe { asm!("unimp", options(noreturn, nostack, nomem)) }
}
