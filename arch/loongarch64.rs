//! LoongArch, 64 bits, LP64 ABIs.
//!
//! | fact | value | source |
//! |---|---|---|
//! | system call | `syscall 0`; number `$a7`; arguments `$a0`…`$a5` | `Documentation/arch/loongarch/introduction.rst`, syscall(2) |
//! | result, error | `$a0`; −4095..−1 is an error | `arch/loongarch/kernel/syscall.c` |
//! | clobbers; `$a7` becomes `restart_syscall`'s number when a call is restarted | `$t0`…`$t8`; floating-point and vector registers are kept; `arch/loongarch/kernel/signal.c` | | `arch/loongarch/kernel/entry.S` |
//! | stack alignment | 16 bytes | psABI, "Stack Frame Layout" |
//! | thread register | `$tp` (`$r2`), written directly | psABI, "Register Convention" |
//! | TLS variant | I, modified: the block starts at the thread pointer, nothing is added | psABI, "Thread Local Storage" |
//! | stack protector | global `__stack_chk_guard` | GCC LoongArch options |
//! | `clone` order | flags, stack, parent tid, child tid, tls | clone(2), no `CONFIG_CLONE_BACKWARDS` |
//! | page size | 4, 16 or 64 KiB: `AT_PAGESZ` | `arch/loongarch/Kconfig` |
//! | signal return | the kernel's own trampoline in the vDSO | `arch/loongarch/kernel/signal.c` |
//! | vDSO clock | `__vdso_clock_gettime`, version `LINUX_5.10` | `arch/loongarch/vdso/vdso.lds.S` |
//! | stack probes | none | rustc target specification |
//!
//! Unsafe here: system calls, the thread register, and code that runs with no stack of its own.

use core::arch::{asm, global_asm, naked_asm};

use linux_raw_sys::general as k;

use super::{
    CloneArguments, MmapArguments, Restorer, SigactionLayout, Time32, TlsVariant, U64Arg, VdsoClock,
};

pub const NAME: &str = "loongarch64";
pub const ELF_MACHINE: u16 = 258; // EM_LOONGARCH
pub const ELF_R_RELATIVE: Option<usize> = Some(3); // R_LARCH_RELATIVE

pub const STACK_ALIGN_BYTES: usize = 16;
pub const STACK_PROBES: bool = false;
pub const PAGE_BYTES: Option<usize> = None;

pub const TLS_VARIANT: TlsVariant = TlsVariant::OneModified;
pub const TLS_TP_BIAS_BYTES: usize = 0;
pub const TLS_DTV_BIAS_BYTES: usize = 0;
/// None: what lies below the thread pointer is a C library's own.
pub const TLS_TCB_BYTES: usize = 0;
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
    symbol: b"__vdso_clock_gettime",
    version: b"LINUX_5.10",
    only_with: None,
    hash_entry_bytes: 4,
});

/// Defines one raw system call: the number in `$a7`, arguments from `$a0` up, the result in `$a0`.
macro_rules! syscalls {
    ($($name:ident($first:expr; $($param:ident),*; $($arg:ident in $reg:tt),*);)*) => {$(
        /// Makes the system call and returns what the kernel put in `$a0`.
        ///
        /// # Safety
        /// 1. The call, with these arguments, touches only memory that the caller may give away.
        #[inline(always)]
        pub unsafe fn $name(nr: usize, $($param: usize),*) -> isize {
            let result: isize;
            // SAFETY: clause 1; the kernel restores all but the temporary registers, and memory
            // counts as touched because `nomem` is not claimed.
            unsafe {
                asm!(
                    "syscall 0",
                    inlateout("$a7") nr => _,
                    inlateout("$a0") $first as isize => result,
                    $(in($reg) $arg,)*
                    lateout("$t0") _, lateout("$t1") _, lateout("$t2") _,
                    lateout("$t3") _, lateout("$t4") _, lateout("$t5") _,
                    lateout("$t6") _, lateout("$t7") _, lateout("$t8") _,
                    options(nostack, preserves_flags),
                );
            }
            result
        }
    )*};
}

syscalls! {
    syscall0(0usize; ; );
    syscall1(a; a; );
    syscall2(a; a, b; b in "$a1");
    syscall3(a; a, b, c; b in "$a1", c in "$a2");
    syscall4(a; a, b, c, d; b in "$a1", c in "$a2", d in "$a3");
    syscall5(a; a, b, c, d, e; b in "$a1", c in "$a2", d in "$a3", e in "$a4");
    syscall6(a; a, b, c, d, e, f; b in "$a1", c in "$a2", d in "$a3", e in "$a4", f in "$a5");
}

/// The program's first instruction. The kernel leaves the initial stack at `$sp` and zeroes every
/// other register (`arch/loongarch/include/asm/elf.h`, `ELF_PLAT_INIT`).
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
        ".cfi_undefined 1",        // $ra: no caller, backtraces end here
        "move $fp, $zero",         // no caller's frame
        "move $ra, $zero",         // no return address
        "move $s0, $sp",           // the initial stack, kept across the first call
        "move $a0, $sp",
        "bstrins.d $sp, $zero, 3, 0", // the kernel aligns it to 16; hand-made stacks may not be
        "bl {relocate}",           // by a direct call, and before any other
        "move $a0, $s0",
        "bl {entry}",              // never returns
        "break 0",
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
    unsafe { asm!("move {}, $tp", out(reg) tp, options(nostack, nomem, preserves_flags)) };
    tp
}

/// See [`super::SetThreadPointer`]. It cannot fail here.
///
/// # Safety
/// 1. The clauses of [`super::SetThreadPointer`].
#[inline]
pub unsafe fn set_thread_pointer(tp: usize) -> isize {
    // SAFETY: clauses 1 and 2 make later uses of the register sound.
    unsafe { asm!("move $tp, {}", in(reg) tp, options(nostack, preserves_flags)) };
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
            "lu12i.w {0}, %le_hi20(threadbare_current)",
            "ori {0}, {0}, %le_lo12(threadbare_current)",
            "ldx.d {0}, {0}, $tp",
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
            "lu12i.w {0}, %le_hi20(threadbare_current)",
            "ori {0}, {0}, %le_lo12(threadbare_current)",
            "stx.d {1}, {0}, $tp",
            out(reg) _,
            in(reg) value,
            options(nostack, preserves_flags),
        );
    }
}

/// Evaluates to the address of this thread's copy of `$symbol`, a static in the program's TLS
/// image, by a local-exec access.
#[doc(hidden)]
#[macro_export]
macro_rules! __tls_address {
    ($symbol:path) => {{
        let address: *mut u8;
        ::core::arch::asm!(
            "lu12i.w {address}, %le_hi20({symbol})",
            "ori {address}, {address}, %le_lo12({symbol})",
            "add.d {address}, {address}, $tp",
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
    // in:     $a0 flags, $a1 stack, $a2 parent tid, $a3 child tid, $a4 tp, $a5 control
    // kernel: the same five; keeps $a5, in the child too
    naked_asm!(
        ".cfi_startproc",
        "li.w $a7, {clone}",
        "syscall 0",
        ".cfi_remember_state",
        ".cfi_undefined 1",        // two threads come by here, and one of them has no caller
        "beqz $a0, 2f",
        ".cfi_restore_state",
        "ret",                     // parent: tid or error in $a0
        "2:",                      // child: $sp is stack_top, aligned by clause 1
        ".cfi_undefined 1",        // backtraces end here
        "move $fp, $zero",
        "move $ra, $zero",
        "move $a0, $a5",           // control
        "bl {entry}",              // never returns
        "break 0",
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
    // $a0 address and $a1 bytes are already where munmap wants them
    naked_asm!(
        ".cfi_startproc",
        "li.w $a7, {munmap}",
        "syscall 0",               // from here on there is no stack
        ".cfi_undefined 1",        // nor a caller
        "move $a0, $zero",         // status 0: only the last thread's is ever seen
        "li.w $a7, {exit}",
        "syscall 0",
        "break 0",
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

/// See [`super::SignalRegister`]; `arch/loongarch/include/uapi/asm/ucontext.h`, `sigcontext.h`.
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_pc(context: *const u8) -> usize {
    // SAFETY: clause 1: `uc_mcontext` is 176 bytes into the context, aligned to 16, and begins
    // with `sc_pc`.
    unsafe { context.add(176).cast::<usize>().read() }
}

/// See [`super::SignalRegister`].
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_sp(context: *const u8) -> usize {
    // SAFETY: clause 1: the 32 registers follow `sc_pc`, and `$sp` is number 3.
    unsafe { context.add(176 + 8 + 3 * 8).cast::<usize>().read() }
}

/// Ends the process by a breakpoint instruction, which is SIGTRAP without a debugger.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: the instruction faults and nothing after it runs.
    unsafe { asm!("break 0", options(noreturn, nostack, nomem)) }
}
