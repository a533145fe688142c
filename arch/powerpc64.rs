//! PowerPC, 64-bit ELFv2 ABI, both byte orders.
//!
//! | fact | value | source |
//! |---|---|---|
//! | system call | `sc`; number `r0`; arguments `r3`…`r8`; never `scv`, which old CPUs and kernels lack | `Documentation/arch/powerpc/syscall64-abi.rst` |
//! | result, error | `r3`; `cr0.SO` set means that `r3` is a positive error number; normalised here to −4095..−1 | same |
//! | clobbers | `r0`, `r4`…`r12`, `ctr`, `xer` are zeroed on the way out, and `cr0` changes; `lr`, floating-point and vector registers are kept | same; `arch/powerpc/kernel/interrupt_64.S`, `.Lsyscall_exit` |
//! | stack alignment | 16 bytes; a caller's frame has at least 32 bytes: back chain, CR, LR and TOC save words | ELFv2 2.2.3 |
//! | TOC pointer | `r2`; functions with two entry points make it of `r12` at the first, which is what a pointer holds, and expect it at the second, which is where a direct call goes | ELFv2 2.3.2.1, 3.4.1 |
//! | thread register | `r13`, a general register: written directly | ELFv2 3.7.2 |
//! | TLS variant | I, modified: the block starts 0x7000 below the thread pointer; DTV offset 0x8000 | ELFv2 3.7.2 |
//! | stack protector | compilers read the canary 0x7010 below `r13` | GCC `TARGET_THREAD_SSP_OFFSET` |
//! | `clone` order | flags, stack, parent tid, tls, child tid; `r14`…`r31` are the parent's, others not for sure | clone(2); `arch/powerpc/kernel/entry_64.S`, `ret_from_fork` |
//! | page size | 4 or 64 KiB: `AT_PAGESZ` | `arch/powerpc/Kconfig` |
//! | signal return | the kernel's own trampoline in the vDSO; a handler is entered by its pointer, in `r12` too | `arch/powerpc/kernel/signal_64.c` |
//! | vDSO clock | `__kernel_clock_gettime`, version `LINUX_2.6.15`; its symbol is the code, whatever the ABI of the kernel, and an error is positive, with `cr0.SO` | `arch/powerpc/kernel/vdso/vdso64.lds.S`; `gettimeofday.S` |
//! | stack probes | rustc emits them | rustc target specification |
//!
//! Unsafe here: system calls, the thread register, and code that runs with no stack of its own.

use core::arch::{asm, global_asm, naked_asm};

use linux_raw_sys::general as k;

use super::{
    CloneArguments, MmapArguments, Restorer, SigactionLayout, Time32, TlsVariant, U64Arg, VdsoClock,
};

#[cfg(not(target_abi = "elfv2"))]
compile_error!(
    "the older ABI, whose function pointers point to descriptors, is not served: build for \
     powerpc64-unknown-linux-musl or powerpc64le-unknown-linux-gnu"
);

pub const NAME: &str = "powerpc64";
pub const ELF_MACHINE: u16 = 21; // EM_PPC64
pub const ELF_R_RELATIVE: Option<usize> = Some(22); // R_PPC64_RELATIVE

pub const STACK_ALIGN_BYTES: usize = 16;
pub const STACK_PROBES: bool = true;
pub const PAGE_BYTES: Option<usize> = None;

pub const TLS_VARIANT: TlsVariant = TlsVariant::OneModified;
pub const TLS_TP_BIAS_BYTES: usize = 0x7000;
pub const TLS_DTV_BIAS_BYTES: usize = 0x8000;
/// A libc's pointer guard (glibc `sysdeps/powerpc/nptl/tls.h`), the canary, and a word (a C
/// library's DTV pointer) between it and the block.
pub const TLS_TCB_BYTES: usize = 24;
pub const TLS_SELF_POINTER: bool = false;
pub const TLS_CANARY_OFFSET_BYTES: Option<isize> = Some(-0x10);
pub const TLS_POINTER_GUARD_OFFSET_BYTES: Option<isize> = Some(-0x18);

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
    version: b"LINUX_2.6.15",
    only_with: None,
    hash_entry_bytes: 4,
});

/// Defines one raw system call: the number in `r0`, arguments from `r3` up, the result in `r3`,
/// and the registers that have no argument.
macro_rules! syscalls {
    ($($name:ident($first:expr; $($param:ident),*; $($arg:ident in $reg:tt),*;
        $($free:tt),*);)*) => {$(
        /// Makes the system call and returns its result, errors as −4095..−1.
        ///
        /// # Safety
        /// 1. The call, with these arguments, touches only memory that the caller may give away.
        #[inline(always)]
        pub unsafe fn $name(nr: usize, $($param: usize),*) -> isize {
            let result: isize;
            // SAFETY: clause 1; the outputs are all that the kernel overwrites, and memory counts
            // as touched because `nomem` is not claimed.
            unsafe {
                asm!(
                    "sc",
                    "bns 2f",        // no error
                    "neg %r3, %r3",  // normalised: errors are negative
                    "2:",
                    inlateout("r0") nr => _,
                    inlateout("r3") $first as isize => result,
                    $(inlateout($reg) $arg => _,)*
                    $(lateout($free) _,)*
                    lateout("r9") _,
                    lateout("r10") _,
                    lateout("r11") _,
                    lateout("r12") _,
                    lateout("cr0") _,
                    lateout("ctr") _,
                    lateout("xer") _,
                    options(nostack),
                );
            }
            result
        }
    )*};
}

syscalls! {
    syscall0(0usize; ; ; "r4", "r5", "r6", "r7", "r8");
    syscall1(a; a; ; "r4", "r5", "r6", "r7", "r8");
    syscall2(a; a, b; b in "r4"; "r5", "r6", "r7", "r8");
    syscall3(a; a, b, c; b in "r4", c in "r5"; "r6", "r7", "r8");
    syscall4(a; a, b, c, d; b in "r4", c in "r5", d in "r6"; "r7", "r8");
    syscall5(a; a, b, c, d, e; b in "r4", c in "r5", d in "r6", e in "r7"; "r8");
    syscall6(a; a, b, c, d, e, f; b in "r4", c in "r5", d in "r6", e in "r7", f in "r8"; );
}

/// The program's first instruction. The kernel leaves the initial stack at `r1` and this address in
/// `r12` (`arch/powerpc/kernel/process.c`, `start_thread`), of which a C library's start makes the
/// TOC pointer; here it is made without, so that nothing but `r1` counts.
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
        ".cfi_undefined lr",            // no caller: backtraces end here
        "mr %r31, %r1",                 // the initial stack, kept across the first call
        "bcl 20, 31, 2f",               // lr := the address of label 2; CPUs know it is no call
        "2:",
        "mflr %r2",
        "addis %r2, %r2, .TOC.-2b@ha",  // the TOC pointer by distance: nothing is relocated yet
        "addi %r2, %r2, .TOC.-2b@l",
        "clrrdi %r1, %r1, 4",           // the kernel aligns it; hand-made stacks may not
        "li %r0, 0",
        "stdu %r0, -32(%r1)",           // a frame, whose back chain ends here
        ".cfi_def_cfa_offset 32",
        "mr %r3, %r31",
        "bl {relocate}",                // by a direct call, and before any other
        "nop",                          // where linkers restore r2 after a call elsewhere
        "mr %r3, %r31",
        "bl {entry}",                   // never returns
        "nop",
        "trap",
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
    unsafe { asm!("mr {}, %r13", out(reg) tp, options(nostack, nomem, preserves_flags)) };
    tp
}

/// See [`super::SetThreadPointer`]. It cannot fail here.
///
/// # Safety
/// 1. The clauses of [`super::SetThreadPointer`].
#[inline]
pub unsafe fn set_thread_pointer(tp: usize) -> isize {
    // SAFETY: clauses 1 and 2 make later uses of the register sound; compilers never allocate it.
    unsafe { asm!("mr %r13, {}", in(reg) tp, options(nostack, preserves_flags)) };
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
            "addis {0}, %r13, threadbare_current@tprel@ha",
            "ld {0}, threadbare_current@tprel@l({0})",
            out(reg_nonzero) value,  // r0 as a base means the number 0
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
            "addis {0}, %r13, threadbare_current@tprel@ha",
            "std {1}, threadbare_current@tprel@l({0})",
            out(reg_nonzero) _,
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
            "addis {0}, 13, {1}@tprel@ha",
            "addi {0}, {0}, {1}@tprel@l",
            out(reg_nonzero) address,
            sym $symbol,
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
    // in:     r3 flags, r4 stack, r5 parent tid, r6 child tid, r7 tp, r8 control
    // kernel: r0 nr, r3 flags, r4 stack, r5 parent tid, r6 tp, r7 child tid
    // The kernel promises the child r14…r31 alone, which are the caller's to keep, so control
    // crosses in memory: in the child's first frame, above the words that a callee may write.
    // The TOC pointer, r2, is the caller's, and one for the whole program.
    naked_asm!(
        ".cfi_startproc",
        "li %r0, 0",
        "std %r8, -16(%r4)",       // control, for the child
        "stdu %r0, -48(%r4)",      // the child's first frame, whose back chain ends there
        "mr %r9, %r6",             // exchange the last two for this CPU's order
        "mr %r6, %r7",
        "mr %r7, %r9",
        "li %r0, {clone}",
        "sc",
        ".cfi_remember_state",
        ".cfi_undefined lr",       // two threads come by here, and one of them has no caller
        "cmpdi %cr7, %r3, 0",      // not cr0, which has the error flag
        "beq %cr7, 2f",
        ".cfi_restore_state",
        "bnslr",                   // parent: tid in r3
        "neg %r3, %r3",            // parent, error: normalised to a negative number
        "blr",
        "2:",                      // child: r1 is stack_top - 48
        ".cfi_undefined lr",       // backtraces end here
        ".cfi_def_cfa_offset 48",
        "ld %r3, 32(%r1)",         // control
        "bl {entry}",              // never returns
        "nop",                     // where linkers restore r2 after a call elsewhere
        "trap",
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
    // r3 address and r4 bytes are already where munmap wants them
    naked_asm!(
        ".cfi_startproc",
        "li %r0, {munmap}",
        "sc",                      // from here on there is no stack
        ".cfi_undefined lr",       // nor a caller
        "li %r3, 0",               // status 0: only the last thread's is ever seen
        "li %r0, {exit}",
        "sc",
        "trap",
        ".cfi_endproc",
        munmap = const nr::MUNMAP,
        exit = const nr::EXIT,
    )
}

/// None: the kernel returns through its own trampoline, and looks at no other.
pub const SIGNAL_RESTORER: Option<Restorer> = None;

/// The field for a restorer is there, and is not used (`arch/powerpc/include/uapi/asm/signal.h`).
pub const SIGACTION_LAYOUT: SigactionLayout = SigactionLayout::HandlerFlagsRestorer;
pub const SIGNAL_STACK_BYTES_MIN: usize = k::MINSIGSTKSZ as usize;

/// Where the general registers begin in a signal handler's context, which come in order: 168 bytes
/// of `ucontext` before `uc_mcontext`, and eight words in it
/// (`arch/powerpc/include/uapi/asm/ucontext.h`, `sigcontext.h`).
const SIGNAL_REGISTERS: usize = 168 + 8 * 8;

/// See [`super::SignalRegister`].
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_pc(context: *const u8) -> usize {
    const PT_NIP: usize = 32; // arch/powerpc/include/uapi/asm/ptrace.h
    // SAFETY: clause 1: the context holds 48 registers.
    unsafe {
        let registers = context.add(SIGNAL_REGISTERS).cast::<usize>();
        registers.add(PT_NIP).read()
    }
}

/// See [`super::SignalRegister`].
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_sp(context: *const u8) -> usize {
    // SAFETY: clause 1: as above; the stack pointer is r1.
    unsafe {
        let registers = context.add(SIGNAL_REGISTERS).cast::<usize>();
        registers.add(1).read()
    }
}

/// Ends the process by a trap instruction, which is SIGTRAP without a debugger.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: the instruction faults and nothing after it runs.
    unsafe { asm!("trap", options(noreturn, nostack, nomem)) }
}
