//! AArch64, both byte orders, LP64 Linux.
//!
//! | fact | value | source |
//! |---|---|---|
//! | system call | `svc #0`; number `x8`; arguments `x0`…`x5` | syscall(2) |
//! | result, error | `x0`; −4095..−1 is an error | syscall(2) |
//! | clobbers; `x8` becomes `restart_syscall`'s number when a call is restarted | no general register but `x0`; SVE state beyond 128 bits is discarded, which compilers treat as call-clobbered and Rust does not keep across `asm!` on base targets; `arch/arm64/kernel/signal.c` | | `Documentation/arch/arm64/sve.rst` |
//! | stack alignment | 16 bytes whenever memory is accessed through `sp` | AAPCS64 6.4.5.1 |
//! | thread register | `tpidr_el0`, written directly | ELF for AArch64 TLS |
//! | TLS variant | I: 16 bytes of control block at the thread pointer, the block above | ELF for AArch64 TLS |
//! | stack protector | global `__stack_chk_guard` | GCC AArch64 options |
//! | `clone` order | flags, stack, parent tid, tls, child tid | clone(2), `CONFIG_CLONE_BACKWARDS` |
//! | page size | 4, 16 or 64 KiB: `AT_PAGESZ` | `arch/arm64/Kconfig` |
//! | signal return | the kernel's own trampoline in the vDSO | `arch/arm64/kernel/signal.c` |
//! | vDSO clock | `__kernel_clock_gettime`, version `LINUX_2.6.39` | `arch/arm64/kernel/vdso/vdso.lds.S` |
//! | stack probes | rustc emits them | rustc target specification |
//!
//! Unsafe here: system calls, the thread register, and code that runs with no stack of its own.

use core::arch::{asm, global_asm, naked_asm};

use linux_raw_sys::general as k;

use super::{
    CloneArguments, MmapArguments, Restorer, SigactionLayout, Time32, TlsVariant, U64Arg, VdsoClock,
};

#[cfg(target_feature = "sve")]
compile_error!(
    "a system call discards what SVE registers hold beyond 128 bits, which the calls here do not \
     declare yet: build without -Ctarget-feature=+sve"
);

pub const NAME: &str = if cfg!(target_endian = "big") {
    "aarch64_be"
} else {
    "aarch64"
};
pub const ELF_MACHINE: u16 = 183; // EM_AARCH64
pub const ELF_R_RELATIVE: Option<usize> = Some(1027); // R_AARCH64_RELATIVE

pub const STACK_ALIGN_BYTES: usize = 16;
pub const STACK_PROBES: bool = true;
pub const PAGE_BYTES: Option<usize> = None;

pub const TLS_VARIANT: TlsVariant = TlsVariant::One;
pub const TLS_TP_BIAS_BYTES: usize = 0;
pub const TLS_DTV_BIAS_BYTES: usize = 0;
pub const TLS_TCB_BYTES: usize = 16;
pub const TLS_SELF_POINTER: bool = false;
pub const TLS_CANARY_OFFSET_BYTES: Option<isize> = None;
pub const TLS_POINTER_GUARD_OFFSET_BYTES: Option<isize> = None;

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
}

/// None: seconds have 64 bits in all calls.
pub const TIME32: Option<Time32> = None;

/// See the table.
pub const VDSO_CLOCK: Option<VdsoClock> = Some(VdsoClock {
    symbol: b"__kernel_clock_gettime",
    version: b"LINUX_2.6.39",
    only_with: None,
    hash_entry_bytes: 4,
});

/// Defines one raw system call: the number in `x8`, arguments from `x0` up, the result in `x0`.
macro_rules! syscalls {
    ($($name:ident($first:expr; $($param:ident),*; $($arg:ident in $reg:tt),*);)*) => {$(
        /// Makes the system call and returns what the kernel put in `x0`.
        ///
        /// # Safety
        /// 1. The call, with these arguments, touches only memory that the caller may give away.
        #[inline(always)]
        pub unsafe fn $name(nr: usize, $($param: usize),*) -> isize {
            let result: isize;
            // SAFETY: clause 1; `svc` changes no other register, and memory counts as touched
            // because `nomem` is not claimed.
            unsafe {
                asm!(
                    "svc #0",
                    inlateout("x8") nr => _,
                    inlateout("x0") $first as isize => result,
                    $(in($reg) $arg,)*
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
    syscall2(a; a, b; b in "x1");
    syscall3(a; a, b, c; b in "x1", c in "x2");
    syscall4(a; a, b, c, d; b in "x1", c in "x2", d in "x3");
    syscall5(a; a, b, c, d, e; b in "x1", c in "x2", d in "x3", e in "x4");
    syscall6(a; a, b, c, d, e, f; b in "x1", c in "x2", d in "x3", e in "x4", f in "x5");
}

/// The program's first instruction. The kernel leaves the initial stack at `sp` and zeroes every
/// general register (`arch/arm64/include/asm/processor.h`, `start_thread`).
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
        ".cfi_undefined x30",      // no caller: backtraces end here
        "mov x29, xzr",            // no caller's frame
        "mov x30, xzr",            // no return address
        "mov x19, sp",             // the initial stack, kept across the first call
        "and x9, x19, #-16",       // sp cannot be masked in place
        "mov sp, x9",
        "mov x0, x19",
        "bl {relocate}",           // by a direct call, and before any other
        "mov x0, x19",
        "bl {entry}",              // never returns
        "brk #1",
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
    unsafe { asm!("mrs {}, tpidr_el0", out(reg) tp, options(nostack, nomem, preserves_flags)) };
    tp
}

/// See [`super::SetThreadPointer`]. It cannot fail here.
///
/// # Safety
/// 1. The clauses of [`super::SetThreadPointer`].
#[inline]
pub unsafe fn set_thread_pointer(tp: usize) -> isize {
    // SAFETY: clauses 1 and 2 make later uses of the register sound.
    unsafe { asm!("msr tpidr_el0, {}", in(reg) tp, options(nostack, preserves_flags)) };
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

/// See [`super::Current`].
///
/// # Safety
/// 1. The clauses of [`super::Current`].
#[inline(always)]
pub unsafe fn current() -> usize {
    let value;
    // SAFETY: clause 1; the local-exec offset is a link-time constant.
    unsafe {
        asm!(
            "mrs {0}, tpidr_el0",
            "add {0}, {0}, #:tprel_hi12:threadbare_current, lsl #12",
            "add {0}, {0}, #:tprel_lo12_nc:threadbare_current",
            "ldr {0}, [{0}]",
            out(reg) value,
            options(nostack, preserves_flags, readonly),
        );
    }
    value
}

/// See [`super::SetCurrent`].
///
/// # Safety
/// 1. The clauses of [`super::SetCurrent`].
#[inline(always)]
pub unsafe fn set_current(value: usize) {
    // SAFETY: clause 1; the word belongs to this thread alone.
    unsafe {
        asm!(
            "mrs {0}, tpidr_el0",
            "add {0}, {0}, #:tprel_hi12:threadbare_current, lsl #12",
            "add {0}, {0}, #:tprel_lo12_nc:threadbare_current",
            "str {1}, [{0}]",
            out(reg) _,
            in(reg) value,
            options(nostack, preserves_flags),
        );
    }
}

/// Evaluates to the address of this thread's copy of `$symbol`, a static in the program's TLS
/// image, by a local-exec access. For an `unsafe` block.
///
/// # Safety
/// 1. The static lies in a section named `.tdata.…` or `.tbss.…`, and the code in the program
///    itself.
/// 2. This thread's TLS is set up.
#[doc(hidden)]
#[macro_export]
macro_rules! __tls_address {
    ($symbol:path) => {{
        let address: *mut u8;
        ::core::arch::asm!(
            "mrs {address}, tpidr_el0",
            "add {address}, {address}, #:tprel_hi12:{symbol}, lsl #12",
            "add {address}, {address}, #:tprel_lo12_nc:{symbol}",
            address = out(reg) address,
            symbol = sym $symbol,
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
    // in:     x0 flags, x1 stack, x2 parent tid, x3 child tid, x4 tp, x5 control
    // kernel: x0 flags, x1 stack, x2 parent tid, x3 tp, x4 child tid; keeps x5 and the rest
    naked_asm!(
        ".cfi_startproc",
        "mov x6, x3",              // exchange the last two for this CPU's order
        "mov x3, x4",
        "mov x4, x6",
        "mov x8, #{clone}",
        "svc #0",
        ".cfi_remember_state",
        ".cfi_undefined x30",      // two threads come by here, and one of them has no caller
        "cbz x0, 2f",
        ".cfi_restore_state",
        "ret",                     // parent: tid or error in x0
        "2:",                      // child: sp is stack_top, aligned by clause 1
        ".cfi_undefined x30",      // backtraces end here
        "mov x29, xzr",
        "mov x30, xzr",
        "mov x0, x5",              // control
        "bl {entry}",              // never returns
        "brk #1",
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
    // x0 address and x1 bytes are already where munmap wants them
    naked_asm!(
        ".cfi_startproc",
        "mov x8, #{munmap}",
        "svc #0",                  // from here on there is no stack
        ".cfi_undefined x30",      // nor a caller
        "mov x0, xzr",             // status 0: only the last thread's is ever seen
        "mov x8, #{exit}",
        "svc #0",
        "brk #1",
        ".cfi_endproc",
        munmap = const nr::MUNMAP,
        exit = const nr::EXIT,
    )
}

/// None: the kernel returns through its own trampoline when `SA_RESTORER` is absent.
pub const SIGNAL_RESTORER: Option<Restorer> = None;

/// The field for a restorer is there, and is not used (`arch/arm64/include/uapi/asm/signal.h`).
pub const SIGACTION_LAYOUT: SigactionLayout = SigactionLayout::HandlerFlagsRestorer;
pub const SIGNAL_STACK_BYTES_MIN: usize = k::MINSIGSTKSZ as usize;

/// See [`super::SignalRegister`]; `arch/arm64/include/uapi/asm/ucontext.h`.
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_pc(context: *const u8) -> usize {
    // SAFETY: clause 1: `uc_mcontext` is 176 bytes into the context; the fault's address, 31
    // registers and `sp` come before `pc`.
    unsafe { context.add(176 + 33 * 8).cast::<usize>().read() }
}

/// See [`super::SignalRegister`].
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_sp(context: *const u8) -> usize {
    // SAFETY: clause 1: as above.
    unsafe { context.add(176 + 32 * 8).cast::<usize>().read() }
}

/// Ends the process by a breakpoint instruction, which is SIGTRAP without a debugger.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: the instruction faults and nothing after it runs.
    unsafe { asm!("brk #1", options(noreturn, nostack, nomem)) }
}
