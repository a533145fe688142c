//! ARM, 32-bit EABI Linux: both byte orders, ARM and Thumb-2 code, hard and soft float; ARMv5T and
//! later, and ARMv4T without Thumb code.
//!
//! | fact | value | source |
//! |---|---|---|
//! | system call | `svc #0`; number `r7`; arguments `r0`…`r5` | syscall(2), `arch/arm/kernel/entry-common.S` |
//! | result, error | `r0`; −4095..−1 is an error | syscall(2) |
//! | clobbers | no register but `r0`; flags and VFP registers are kept | `arch/arm/kernel/entry-header.S`, `restore_user_regs` |
//! | 64-bit arguments | an even-odd register pair, in memory order: high word first on big-endian | AAPCS32 6.5, rule C.3 |
//! | `mmap2` | offset in units of 4096 bytes | `arch/arm/kernel/entry-common.S`, `sys_mmap2` |
//! | stack alignment | 8 bytes at a call | AAPCS32 6.2.1.2 |
//! | thread register | TPIDRURO, read by `mrc`, set by the call `set_tls`; before ARMv6K there is none, and `__kuser_get_tls` at 0xffff0fe0 reads the kernel's copy | `arch/arm/include/asm/tls.h`, `Documentation/arch/arm/kernel_user_helpers.rst` |
//! | which of the two | `HWCAP_TLS` says that the register is there; the helpers may be missing where it is | `arch/arm/kernel/setup.c` (`elf_hwcap_fixup`), `arch/arm/mm/Kconfig` (`KUSER_HELPERS`) |
//! | `__aeabi_read_tp` | result `r0`; may change `ip`, `lr` and flags only | Run-time ABI for the Arm Architecture, "Thread-local storage" |
//! | TLS variant | I: 8 bytes of control block at the thread pointer, the block above | Addenda to the ABI for the Arm Architecture, "Thread-local storage" |
//! | stack protector | global `__stack_chk_guard` | GCC ARM options |
//! | `clone` order | flags, stack, parent tid, tls, child tid | clone(2), `CONFIG_CLONE_BACKWARDS` |
//! | page size | 4 KiB; a 64-bit kernel may have more: `AT_PAGESZ` | `arch/arm/Kconfig` |
//! | signal return | `rt_sigreturn` for handlers with `SA_SIGINFO`, `sigreturn` for the others | `arch/arm/kernel/signal.c` |
//! | frame register | `r11`, in Thumb code `r7` | rustc target specification |
//! | vDSO clock | `__vdso_clock_gettime64`, version `LINUX_2.6`; without `__vdso_clock_gettime` beside it the counter cannot be read, and Linux before 5.8 forgot to take the newer function away, too | `arch/arm/vdso/vdso.lds.S`, since Linux 5.5; `arch/arm64/kernel/vdso32/vdso.lds.S`; commit 4405bdf3c57e |
//! | stack probes | none | rustc target specification |
//! | big-endian code | BE-8: instructions are little-endian from ARMv6 on, and the linker swaps them | AAELF32, `EF_ARM_BE8` |
//!
//! Functions in assembly are written so that they assemble as ARM and as Thumb-2 code: on stable
//! Rust nothing tells which one it will be. Those with a frame have two kinds of unwind tables:
//! debuggers read call-frame information, which rustc puts among the debug information if there is
//! any; `.save` is for what unwinds by the EABI's own tables. They return by `pop`: link-time
//! optimisation reads assembly as the target's name alone has it, which may be an ARM without `bx`.
//!
//! Unsafe here: system calls, the thread register, and code that runs with no stack of its own.

use core::arch::{asm, global_asm, naked_asm};

use linux_raw_sys::general as k;

use super::{
    CloneArguments, MmapArguments, Restorer, SigactionLayout, Time32, TlsVariant, U64Arg, VdsoClock,
};

pub const NAME: &str = if cfg!(target_endian = "big") {
    "armeb"
} else {
    "arm"
};
pub const ELF_MACHINE: u16 = 40; // EM_ARM
pub const ELF_R_RELATIVE: Option<usize> = Some(23); // R_ARM_RELATIVE

pub const STACK_ALIGN_BYTES: usize = 8;
pub const STACK_PROBES: bool = false;
pub const PAGE_BYTES: Option<usize> = None;

pub const TLS_VARIANT: TlsVariant = TlsVariant::One;
pub const TLS_TP_BIAS_BYTES: usize = 0;
pub const TLS_DTV_BIAS_BYTES: usize = 0;
pub const TLS_TCB_BYTES: usize = 8;
pub const TLS_SELF_POINTER: bool = false;
pub const TLS_CANARY_OFFSET_BYTES: Option<isize> = None;
pub const TLS_POINTER_GUARD_OFFSET_BYTES: Option<isize> = None;

pub const CLONE_ARGUMENTS: CloneArguments = CloneArguments::FlagsStack;
pub const MMAP_ARGUMENTS: MmapArguments = MmapArguments::Registers;
pub const MMAP_OFFSET_UNIT: usize = 4096;
pub const U64_ARG: U64Arg = U64Arg::AlignedPair;

numbers! {
    FUTEX = __NR_futex;
    FUTEX_TIME64 = __NR_futex_time64;
    CLOCK_GETTIME64 = __NR_clock_gettime64;
    CLOCK_NANOSLEEP_TIME64 = __NR_clock_nanosleep_time64;
    FCNTL = __NR_fcntl;
    LSEEK = __NR__llseek;
    MMAP = __NR_mmap2;
    RT_SIGTIMEDWAIT_TIME64 = __NR_rt_sigtimedwait_time64;
    SETGID = __NR_setgid32;
    SETGROUPS = __NR_setgroups32;
    SETUID = __NR_setuid32;
    RT_SIGRETURN = __NR_rt_sigreturn;
    SET_TLS = __ARM_NR_set_tls;
}

/// The calls before Linux 5.1.
pub const TIME32: Option<Time32> = Some(Time32 {
    futex: k::__NR_futex as usize,
    clock_gettime: k::__NR_clock_gettime as usize,
    clock_nanosleep: k::__NR_clock_nanosleep as usize,
    rt_sigtimedwait: k::__NR_rt_sigtimedwait as usize,
});

/// With the older function only: see the table.
pub const VDSO_CLOCK: Option<VdsoClock> = Some(VdsoClock {
    symbol: b"__vdso_clock_gettime64",
    version: b"LINUX_2.6",
    only_with: Some(b"__vdso_clock_gettime"),
    hash_entry_bytes: 4,
});

/// Makes a system call: the number in `r8`, everything else where the kernel wants it. Every raw
/// call comes here, by a convention of its own: it changes `r0`, `lr`, and nothing else. A linker's
/// veneer on the way may change `ip` (AAPCS32, "Use of IP by the linker").
///
/// Out of line, because inline assembly cannot name `r7` in Thumb code, where it is the frame
/// register: there a debugger would lose the frame of whoever sleeps in a call.
///
/// # Safety
/// 1. Entered only by the `bl` in the functions below.
/// 2. The call, with these arguments, touches only memory that the caller may give away.
#[unsafe(naked)]
unsafe extern "C" fn raw_syscall() {
    // in:     r8 nr, r0…r5 arguments
    // kernel: r7 nr, r0…r5 arguments
    naked_asm!(
        ".cfi_startproc",
        ".fnstart",
        "push {{r7, lr}}",
        ".save {{r7, lr}}",
        ".cfi_def_cfa_offset 8",
        ".cfi_offset lr, -4",
        ".cfi_offset r7, -8",
        "mov r7, r8",
        "svc #0",
        "pop {{r7, pc}}",
        ".fnend",
        ".cfi_endproc",
    )
}

/// Defines one raw system call: arguments from `r0` up, the result in `r0`.
macro_rules! syscalls {
    ($($name:ident($first:expr; $($param:ident),*; $($arg:ident in $reg:tt),*);)*) => {$(
        /// Makes the system call and returns what the kernel put in `r0`.
        ///
        /// # Safety
        /// 1. The call, with these arguments, touches only memory that the caller may give away.
        #[inline(always)]
        pub unsafe fn $name(nr: usize, $($param: usize),*) -> isize {
            let result: isize;
            // SAFETY: clause 1; the callee changes no other register, and memory counts as touched
            // because `nomem` is not claimed.
            unsafe {
                asm!(
                    "bl {raw_syscall}",
                    raw_syscall = sym raw_syscall,
                    in("r8") nr,
                    inlateout("r0") $first as isize => result,
                    $(in($reg) $arg,)*
                    out("lr") _,
                    out("r12") _,           // a linker's veneer on the way may change it
                );
            }
            result
        }
    )*};
}

syscalls! {
    syscall0(0usize; ; );
    syscall1(a; a; );
    syscall2(a; a, b; b in "r1");
    syscall3(a; a, b, c; b in "r1", c in "r2");
    syscall4(a; a, b, c, d; b in "r1", c in "r2", d in "r3");
    syscall5(a; a, b, c, d, e; b in "r1", c in "r2", d in "r3", e in "r4");
    syscall6(a; a, b, c, d, e, f; b in "r1", c in "r2", d in "r3", e in "r4", f in "r5");
}

#[path = "arm/thread_pointer.rs"]
mod thread_pointer;

/// The program's first instruction. The kernel leaves the initial stack at `sp`.
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
        ".cfi_undefined lr",       // no caller: backtraces end here
        "mov r7, #0",              // no caller's frame, in Thumb code
        "mov r11, #0",             // nor in ARM code
        "mov lr, #0",              // no return address
        "mov r4, sp",              // the initial stack, kept across the first call
        "bic r0, r4, #7",          // Thumb code cannot mask sp in place
        "mov sp, r0",
        "mov r0, r4",
        "bl {relocate}",           // by a direct call, and before any other
        "mov r0, r4",
        "bl {enter}",              // never returns
        "udf #0",
        ".cfi_endproc",
        relocate = sym crate::start::relocate,
        enter = sym thread_pointer::enter,
    )
}

/// See [`super::ThreadPointer`].
///
/// # Safety
/// 1. The clauses of [`super::ThreadPointer`].
#[inline(always)]
pub unsafe fn thread_pointer() -> usize {
    // SAFETY: clause 1. It is not `pure`: it must not move above the call that sets the pointer.
    unsafe { crate::__thread_pointer!(nomem) }
}

/// See [`super::SetThreadPointer`].
///
/// # Safety
/// 1. The clauses of [`super::SetThreadPointer`].
#[inline]
pub unsafe fn set_thread_pointer(tp: usize) -> isize {
    // SAFETY: the kernel stores the value where readers find it; clauses 1 and 2 make that sound.
    unsafe { syscall1(nr::SET_TLS, tp) }
}

/// Evaluates to the distance of `$symbol`, a static in the program's TLS image, from the thread
/// pointer. It is a word amid the code: no other relocation holds one.
#[doc(hidden)]
#[macro_export]
macro_rules! __tls_offset {
    ($symbol:path) => {{
        let offset: usize;
        ::core::arch::asm!(
            "ldr {offset}, 2f",
            "b 3f",
            ".balign 4",           // Thumb code may be at any halfword
            "2:",
            ".word {symbol}(TPOFF)",
            "3:",
            symbol = sym $symbol,
            offset = out(reg) offset,
            options(pure, nomem, nostack, preserves_flags),
        );
        offset
    }};
}

/// Evaluates to the address of this thread's copy of `$symbol`, a static in the program's TLS
/// image, by a local-exec access. For an `unsafe` block.
///
/// # Safety
/// 1. The static lies in `.tdata.…` or `.tbss.…`, and the code in the program itself.
/// 2. This thread's TLS is set up.
#[doc(hidden)]
#[macro_export]
macro_rules! __tls_address {
    ($symbol:path) => {
        ($crate::__thread_pointer!(pure, nomem).wrapping_add($crate::__tls_offset!($symbol)))
            as *mut u8
    };
}

// The one thread-local variable of the runtime: the current thread's control block, 0 where the
// thread is not one of ours.
global_asm!(
    ".pushsection .tbss.threadbare_current, \"awT\", %nobits",
    ".balign 4",
    ".hidden threadbare_current",
    ".globl threadbare_current",
    ".type threadbare_current, %object",
    ".size threadbare_current, 4",
    "threadbare_current: .space 4",
    ".popsection",
);

unsafe extern "C" {
    /// See above; never accessed as a static.
    static threadbare_current: usize;
}

/// Returns the address of the runtime's thread-local word.
#[inline(always)]
fn current_address() -> *mut usize {
    // SAFETY: reading the thread pointer has no effect, whatever it is; the offset is a constant.
    unsafe { thread_pointer().wrapping_add(__tls_offset!(threadbare_current)) as *mut usize }
}

/// See [`super::Current`].
///
/// # Safety
/// 1. The clauses of [`super::Current`].
#[inline(always)]
pub unsafe fn current() -> usize {
    // SAFETY: clause 1: the address is this thread's own word.
    unsafe { current_address().read() }
}

/// See [`super::SetCurrent`].
///
/// # Safety
/// 1. The clauses of [`super::SetCurrent`].
#[inline(always)]
pub unsafe fn set_current(value: usize) {
    // SAFETY: clause 1: the address is this thread's own word.
    unsafe { current_address().write(value) }
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
    // in:     r0 flags, r1 stack, r2 parent tid, r3 child tid, [sp] tp, [sp, #4] control
    // kernel: r0 flags, r1 stack, r2 parent tid, r3 tp, r4 child tid; the child's registers are a
    //         copy of the parent's but for r0 and sp, so control crosses in ip
    naked_asm!(
        ".cfi_startproc",
        ".fnstart",
        "push {{r4, r5, r7, lr}}", // r5 for alignment
        ".save {{r4, r5, r7, lr}}",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset lr, -4",
        ".cfi_offset r7, -8",
        ".cfi_offset r5, -12",
        ".cfi_offset r4, -16",
        "mov r4, r3",              // fifth: child tid
        "ldr r3, [sp, #16]",       // fourth: tp
        "ldr ip, [sp, #20]",       // control, for the child
        "mov r7, #{clone}",
        "svc #0",
        ".cfi_remember_state",
        ".cfi_undefined lr",       // two threads come by here, and one of them has no caller
        "cmp r0, #0",
        "beq 2f",
        ".cfi_restore_state",
        "pop {{r4, r5, r7, pc}}",  // parent: tid or error in r0
        "2:",                      // child: sp is stack_top, aligned by clause 1
        ".cfi_undefined lr",       // backtraces end here
        ".cfi_def_cfa_offset 0",
        "mov r7, #0",
        "mov r11, #0",
        "mov lr, #0",
        "push {{r4, r5, r7, lr}}", // the parent's frame, for `.save`, with no return address
        ".cfi_def_cfa_offset 16",
        "mov r0, ip",              // control
        "bl {entry}",              // never returns
        "udf #0",
        ".fnend",
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
    // r0 address and r1 bytes are already where munmap wants them
    naked_asm!(
        ".cfi_startproc",
        "mov r7, #{munmap}",
        "svc #0",                  // from here on there is no stack
        ".cfi_undefined lr",       // nor a caller
        "mov r0, #0",              // status 0: only the last thread's is ever seen
        "mov r7, #{exit}",
        "svc #0",
        "udf #0",
        ".cfi_endproc",
        munmap = const nr::MUNMAP,
        exit = const nr::EXIT,
    )
}

// What a signal handler returns to: asks the kernel to restore the interrupted context. At that
// moment `sp` is at 128 bytes of `siginfo`; the `ucontext` follows, whose registers begin at
// offset 32 (`arch/arm/include/uapi/asm/sigcontext.h`).
//
// gdb knows the two instructions, as ARM code and as Thumb code of this width, but in BE-8 programs
// it reads them the wrong way round. The kernel's own Thumb version is one that it does not know.
global_asm!(
    ".pushsection .text.threadbare_signal_restorer, \"ax\", %progbits",
    ".balign 4",
    ".cfi_startproc",
    ".cfi_signal_frame",
    ".cfi_return_column 15",
    ".cfi_escape 0x0f, 4, 0x7d, 0xd4, 1, 0x06", // the frame's address is the word at sp + 212
    // Each register is in one of the 17 words at sp + 160: `DW_OP_breg13`, an offset of twice seven
    // bits. DWARF's numbers are the CPU's.
    ".irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,14,15",
    ".cfi_escape 0x10, \\n, 3, 0x7d, ((160 + 4 * \\n) & 0x7f) | 0x80, (160 + 4 * \\n) >> 7",
    ".endr",
    "nop", // debuggers look up the byte before a return address
    ".globl threadbare_plain_signal_restorer",
    ".hidden threadbare_plain_signal_restorer",
    ".type threadbare_plain_signal_restorer, %function", // as below
    "threadbare_plain_signal_restorer:",
    "nop", // the same by another address
    ".globl threadbare_signal_restorer",
    ".hidden threadbare_signal_restorer",
    ".type threadbare_signal_restorer, %function", // before the label: there it marks Thumb code
    "threadbare_signal_restorer:",
    "mov r7, #{sigreturn}", // not `movs`, which is shorter
    "svc #0",
    "udf #0",
    ".size threadbare_signal_restorer, . - threadbare_signal_restorer",
    ".cfi_endproc",
    ".popsection",
    sigreturn = const nr::RT_SIGRETURN,
);

unsafe extern "C" {
    /// See above.
    ///
    /// # Safety
    /// 1. Entered only by returning from a signal handler set with `SA_SIGINFO`.
    fn threadbare_signal_restorer() -> !;
    /// See above.
    ///
    /// # Safety
    /// 1. Likewise.
    fn threadbare_plain_signal_restorer() -> !;
}

/// Our own, for debuggers' sake.
pub const SIGNAL_RESTORER: Option<Restorer> = Some(Restorer {
    with_info: threadbare_signal_restorer,
    plain: threadbare_plain_signal_restorer,
});

/// `include/linux/signal_types.h`, with `__ARCH_HAS_SA_RESTORER`.
pub const SIGACTION_LAYOUT: SigactionLayout = SigactionLayout::HandlerFlagsRestorer;
pub const SIGNAL_STACK_BYTES_MIN: usize = k::MINSIGSTKSZ as usize;

/// See [`super::SignalRegister`]; `arch/arm/include/uapi/asm/sigcontext.h`.
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_pc(context: *const u8) -> usize {
    // SAFETY: clause 1: `uc_mcontext` is 20 bytes into the context; three words come before `r0`,
    // and `pc` is register 15.
    unsafe { context.add(20 + (3 + 15) * 4).cast::<usize>().read() }
}

/// See [`super::SignalRegister`].
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_sp(context: *const u8) -> usize {
    // SAFETY: clause 1: as above, and `sp` is register 13.
    unsafe { context.add(20 + (3 + 13) * 4).cast::<usize>().read() }
}

/// Ends the process by an instruction that is undefined for ever.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: the instruction faults and nothing after it runs.
    unsafe { asm!("udf #0", options(noreturn, nostack, nomem)) }
}

/// The personality that unwind tables of compiled code name on this CPU, whether or not anything
/// unwinds. Never called: nothing here does.
#[cfg(feature = "panic-handler")]
#[unsafe(no_mangle)]
extern "C" fn __aeabi_unwind_cpp_pr0() -> ! {
    crate::fatal::fatal(c"something tried to unwind")
}

/// Likewise, for functions with longer tables.
#[cfg(feature = "panic-handler")]
#[unsafe(no_mangle)]
extern "C" fn __aeabi_unwind_cpp_pr1() -> ! {
    crate::fatal::fatal(c"something tried to unwind")
}
