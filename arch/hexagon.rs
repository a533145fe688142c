//! Hexagon, 32-bit, from v60 on.
//!
//! | fact | value | source |
//! |---|---|---|
//! | system call | `trap0(#1)`; number `r6`; arguments `r0`…`r5` | `arch/hexagon/kernel/traps.c` |
//! | result, error | `r0`; −4095..−1 is an error; a call that the kernel has no number for is −1 (`EPERM`) | `arch/hexagon/kernel/traps.c` |
//! | clobbers | no register but `r0`, and `r6` where the kernel restarts the call by another number; `p0`…`p3` are declared because qemu's signal return changes them | `arch/hexagon/kernel/vm_entry.S`, `arch/hexagon/kernel/signal.c`; `linux-user/hexagon/signal.c` of qemu |
//! | stack alignment | 8 bytes | Hexagon ABI, "Stack Frame" |
//! | thread register | `ugp`, written directly | `arch/hexagon/kernel/process.c` |
//! | TLS variant | II: the block ends at the thread pointer | LLD `ELF/InputSection.cpp` (`getTlsTpOffset`) |
//! | stack protector | global `__stack_chk_guard` | LLVM `TargetLoweringBase::insertSSPDeclarations` |
//! | `clone` order | flags, stack, parent tid, child tid, tls | `arch/hexagon/kernel/process.c` |
//! | `mmap2` | offset in pages, or in units of 4096 bytes under an emulator with larger pages | `arch/hexagon/include/uapi/asm/unistd.h` |
//! | 64-bit arguments | an even-odd register pair | Hexagon ABI, "Parameter Passing"; `arch/hexagon/kernel/traps.c` |
//! | page size | 4 to 256 KiB: `AT_PAGESZ`; 64 KiB under qemu | `arch/hexagon/Kconfig` |
//! | signal return | the kernel's own trampoline in the vDSO | `arch/hexagon/kernel/signal.c` |
//! | vDSO clock | none: the vDSO is a page with the signal trampoline | `arch/hexagon/kernel/vdso.c` |
//! | stack probes | none | rustc target specification |
//!
//! Instructions in one pair of braces are a packet: all of them read before any writes.
//!
//! Unsafe here: system calls, the thread register, and code that runs with no stack of its own.

use core::arch::{asm, global_asm, naked_asm};

use super::kernel as k;
use super::{
    CloneArguments, MmapArguments, Restorer, SigactionLayout, Time32, TlsVariant, U64Arg, VdsoClock,
};

pub const NAME: &str = "hexagon";
pub const ELF_MACHINE: u16 = 164; // EM_HEXAGON
pub const ELF_R_RELATIVE: Option<usize> = Some(35); // R_HEX_RELATIVE

pub const STACK_ALIGN_BYTES: usize = 8;
pub const STACK_PROBES: bool = false;
pub const PAGE_BYTES: Option<usize> = None;

pub const TLS_VARIANT: TlsVariant = TlsVariant::Two;
pub const TLS_TP_BIAS_BYTES: usize = 0;
pub const TLS_DTV_BIAS_BYTES: usize = 0;
pub const TLS_TCB_BYTES: usize = 8;
pub const TLS_SELF_POINTER: bool = false;
pub const TLS_CANARY_OFFSET_BYTES: Option<isize> = None;
pub const TLS_POINTER_GUARD_OFFSET_BYTES: Option<isize> = None;

pub const CLONE_ARGUMENTS: CloneArguments = CloneArguments::FlagsStack;
pub const MMAP_ARGUMENTS: MmapArguments = MmapArguments::Registers;
/// As under the emulator and with pages of 4 KiB; a kernel with larger ones counts in those
/// (`sys_mmap_pgoff`). The runtime itself passes no offset but 0.
pub const MMAP_OFFSET_UNIT: usize = 4096;
pub const U64_ARG: U64Arg = U64Arg::AlignedPair;

numbers! {
    FUTEX = __NR_futex;
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

/// The calls before Linux 5.1.
pub const TIME32: Option<Time32> = Some(Time32 {
    futex: k::__NR_futex as usize,
    clock_gettime: k::__NR_clock_gettime as usize,
    clock_nanosleep: k::__NR_clock_nanosleep as usize,
    rt_sigtimedwait: k::__NR_rt_sigtimedwait as usize,
});

/// None: the kernel gives no function.
pub const VDSO_CLOCK: Option<VdsoClock> = None;

/// Defines one raw system call: the number in `r6`, arguments from `r0` up, the result in `r0`.
macro_rules! syscalls {
    ($($name:ident($first:expr; $($param:ident),*; $($arg:ident in $reg:tt),*);)*) => {$(
        /// Makes the system call and returns what the kernel put in `r0`.
        ///
        /// # Safety
        /// 1. The call, with these arguments, touches only memory that the caller may give away.
        #[inline(always)]
        pub unsafe fn $name(nr: usize, $($param: usize),*) -> isize {
            let result: isize;
            // SAFETY: clause 1; the trap changes no register that is not named, and memory counts
            // as touched because `nomem` is not claimed.
            unsafe {
                asm!(
                    "trap0(#1)",
                    inlateout("r6") nr => _,
                    inlateout("r0") $first as isize => result,
                    $(in($reg) $arg,)*
                    lateout("p0") _,
                    lateout("p1") _,
                    lateout("p2") _,
                    lateout("p3") _,
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
    syscall2(a; a, b; b in "r1");
    syscall3(a; a, b, c; b in "r1", c in "r2");
    syscall4(a; a, b, c, d; b in "r1", c in "r2", d in "r3");
    syscall5(a; a, b, c, d, e; b in "r1", c in "r2", d in "r3", e in "r4");
    syscall6(a; a, b, c, d, e, f; b in "r1", c in "r2", d in "r3", e in "r4", f in "r5");
}

/// The program's first instruction. The kernel leaves the initial stack at `r29` and zeroes every
/// other general register (`arch/hexagon/kernel/process.c`, `start_thread`).
///
/// # Safety
/// 1. Only the kernel enters here, once.
#[cfg(feature = "start")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined r31",      // no caller: backtraces end here
        "{{ r30 = #0",             // no caller's frame
        "   r31 = #0",             // no return address
        "   r16 = r29 }}",         // the initial stack, kept across the first call
        "{{ r29 = and(r29, #-8)",  // the kernel aligns it; hand-made stacks may not
        "   r0 = r16 }}",
        "call ##{relocate}",       // by a direct call, and before any other
        "r0 = r16",
        "call ##{entry}",          // never returns
        "r0 = memw(##0)",          // faults
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
    unsafe { asm!("{} = ugp", out(reg) tp, options(nostack, nomem, preserves_flags)) };
    tp
}

/// See [`super::SetThreadPointer`]. It cannot fail here.
///
/// # Safety
/// 1. The clauses of [`super::SetThreadPointer`].
#[inline]
pub unsafe fn set_thread_pointer(tp: usize) -> isize {
    // SAFETY: clauses 1 and 2 make later uses of the register sound.
    unsafe { asm!("ugp = {}", in(reg) tp, options(nostack, preserves_flags)) };
    0
}

// The one thread-local variable of the runtime: the current thread's control block, 0 where the
// thread is not one of ours.
global_asm!(
    ".pushsection .tbss.threadbare_current, \"awT\", @nobits",
    ".balign 4",
    ".hidden threadbare_current",
    ".globl threadbare_current",
    ".type threadbare_current, @object",
    ".size threadbare_current, 4",
    "threadbare_current: .space 4",
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
            "{0} = ugp",
            "{0} = add({0}, ##threadbare_current@TPREL)",
            "{0} = memw({0} + #0)",
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
            "{0} = ugp",
            "{0} = add({0}, ##threadbare_current@TPREL)",
            "memw({0} + #0) = {1}",
            out(reg) _,
            in(reg) value,
            options(nostack, preserves_flags),
        );
    }
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
    // in and kernel: r0 flags, r1 stack, r2 parent tid, r3 child tid, r4 tp; r5 control, which the
    // kernel keeps, as it does all registers but r0
    naked_asm!(
        ".cfi_startproc",
        "r6 = #{clone}",
        "trap0(#1)",
        ".cfi_remember_state",
        ".cfi_undefined r31",      // two threads come by here, and one of them has no caller
        "{{ p0 = cmp.eq(r0, #0)",
        "   if (p0.new) jump:nt 2f }}",
        ".cfi_restore_state",
        "jumpr r31",               // parent: tid or error in r0
        "2:",                      // child: r29 is stack_top, aligned by clause 1
        ".cfi_undefined r31",      // backtraces end here
        "{{ r30 = #0",
        "   r31 = #0",
        "   r0 = r5 }}",           // control
        "call ##{entry}",          // never returns
        "r0 = memw(##0)",          // faults
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
        "r6 = #{munmap}",
        "trap0(#1)",               // from here on there is no stack
        ".cfi_undefined r31",      // nor a caller
        "{{ r0 = #0",              // status 0: only the last thread's is ever seen
        "   r6 = #{exit} }}",
        "trap0(#1)",
        "r0 = memw(##0)",          // faults
        ".cfi_endproc",
        munmap = const nr::MUNMAP,
        exit = const nr::EXIT,
    )
}

/// None: the kernel returns through its own trampoline.
pub const SIGNAL_RESTORER: Option<Restorer> = None;

/// `include/uapi/asm-generic/signal.h`.
pub const SIGACTION_LAYOUT: SigactionLayout = SigactionLayout::HandlerFlags;
pub const SIGNAL_STACK_BYTES_MIN: usize = k::MINSIGSTKSZ as usize;

/// See [`super::SignalRegister`]; `include/uapi/asm-generic/ucontext.h`,
/// `arch/hexagon/include/uapi/asm/user.h`.
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_pc(context: *const u8) -> usize {
    // SAFETY: clause 1: `uc_mcontext` is 24 bytes into the context; 32 general registers and 10
    // others come before `pc`.
    unsafe { context.add(24 + (32 + 10) * 4).cast::<usize>().read() }
}

/// See [`super::SignalRegister`].
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_sp(context: *const u8) -> usize {
    // SAFETY: clause 1: as above, and the stack pointer is `r29`.
    unsafe { context.add(24 + 29 * 4).cast::<usize>().read() }
}

/// Ends the process by a load from address 0, which is SIGSEGV: the CPU has an illegal instruction,
/// but qemu 7.2 ends itself by it and delivers no signal.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: the instruction faults and nothing after it runs.
    unsafe { asm!("r0 = memw(##0)", options(noreturn, nostack)) }
}
