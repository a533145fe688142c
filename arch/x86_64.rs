//! x86-64, System V ABI, 64-bit Linux (not x32).
//!
//! | fact | value | source |
//! |---|---|---|
//! | system call | `syscall`; number `rax`; arguments `rdi rsi rdx r10 r8 r9` | psABI A.2.1 |
//! | result, error | `rax`; −4095..−1 is an error | psABI A.2.1 |
//! | clobbers | `rcx` (return address), `r11` (flags); every other register is kept | psABI A.2.1 |
//! | stack alignment | 16 bytes before a `call` | psABI 3.2.2 |
//! | thread register | `fs` base, set by `arch_prctl(ARCH_SET_FS)` | psABI 3.4.6, arch_prctl(2) |
//! | TLS variant | II: the block ends at the thread pointer; the word at it points to itself | ELF TLS 3.4.6 |
//! | pointer guard | glibc reads it at `fs:0x30` | glibc `sysdeps/x86_64/nptl/tls.h` |
//! | stack protector | compilers read the canary at `fs:0x28` | GCC `-mstack-protector-guard=tls` |
//! | `clone` order | flags, stack, parent tid, child tid, tls | clone(2) |
//! | page size | 4 KiB | `arch/x86/include/asm/page_types.h` |
//! | signal return | `SA_RESTORER` is required | `arch/x86/kernel/signal_64.c` |
//! | vDSO clock | `__vdso_clock_gettime`, version `LINUX_2.6` | `arch/x86/entry/vdso/vdso.lds.S` |
//! | stack probes | rustc emits them | rustc target specification |
//!
//! Unsafe here: system calls, the thread register, and code that runs with no stack of its own.

use core::arch::{asm, global_asm, naked_asm};

use linux_raw_sys::general as k;

use super::{
    CloneArguments, MmapArguments, Restorer, SigactionLayout, Time32, TlsVariant, U64Arg, VdsoClock,
};

pub const NAME: &str = "x86_64";
pub const ELF_MACHINE: u16 = 62; // EM_X86_64
pub const ELF_R_RELATIVE: Option<usize> = Some(8); // R_X86_64_RELATIVE

pub const STACK_ALIGN_BYTES: usize = 16;
pub const STACK_PROBES: bool = true;
pub const PAGE_BYTES: Option<usize> = Some(4096);

pub const TLS_VARIANT: TlsVariant = TlsVariant::Two;
pub const TLS_TP_BIAS_BYTES: usize = 0;
pub const TLS_DTV_BIAS_BYTES: usize = 0;
/// The self pointer at 0, with the feature `start` the runtime's word at 0x10, the canary at 0x28,
/// a libc's pointer guard at 0x30.
pub const TLS_TCB_BYTES: usize = 0x38;
pub const TLS_SELF_POINTER: bool = true;
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
    ARCH_PRCTL = __NR_arch_prctl;
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

/// Defines one raw system call: the number in `rax`, each argument in its register.
macro_rules! syscalls {
    ($($name:ident($($arg:ident in $reg:tt),*);)*) => {$(
        /// Makes the system call and returns what the kernel put in `rax`.
        ///
        /// # Safety
        /// 1. The call, with these arguments, touches only memory that the caller may give away.
        #[inline(always)]
        pub unsafe fn $name(nr: usize, $($arg: usize),*) -> isize {
            let result: isize;
            // SAFETY: clause 1; the clobbers are the two registers that `syscall` overwrites, and
            // memory counts as touched because `nomem` is not claimed.
            unsafe {
                asm!(
                    "syscall",
                    inlateout("rax") nr as isize => result,
                    $(in($reg) $arg,)*
                    lateout("rcx") _,
                    lateout("r11") _,
                    options(nostack),
                );
            }
            result
        }
    )*};
}

syscalls! {
    syscall0();
    syscall1(a in "rdi");
    syscall2(a in "rdi", b in "rsi");
    syscall3(a in "rdi", b in "rsi", c in "rdx");
    syscall4(a in "rdi", b in "rsi", c in "rdx", d in "r10");
    syscall5(a in "rdi", b in "rsi", c in "rdx", d in "r10", e in "r8");
    syscall6(a in "rdi", b in "rsi", c in "rdx", d in "r10", e in "r8", f in "r9");
}

/// The program's first instruction. The kernel leaves the initial stack at `rsp`, `rdx` zero, and
/// every other register unspecified (psABI 3.4.1).
///
/// # Safety
/// 1. Only the kernel enters here, once.
#[cfg(all(feature = "start", not(fixed_address)))]
#[unsafe(naked)]
#[unsafe(no_mangle)]
// What a linker says of a second `_start`: it names the section.
#[unsafe(link_section = ".text._start.pass_-nostdlib_-static-pie.see_build.rs_in_its_README")]
pub unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined rip",      // no caller: backtraces end here
        "xor ebp, ebp",            // no caller's frame either
        "cld",                     // as compilers count on; hand-made starts may not have it so
        "mov rbx, rsp",            // the initial stack, kept across the first call
        "mov rdi, rsp",            // and its argument
        "and rsp, -16",            // the kernel aligns it; qemu and hand-made stacks may not
        "call {relocate}",         // by a direct call, and before any other
        "mov rdi, rbx",
        "call {entry}",            // never returns
        "ud2",
        ".cfi_endproc",
        relocate = sym crate::start::relocate,
        entry = sym crate::start::entry,
    )
}

/// The same for a program that was compiled for a fixed address.
///
/// # Safety
/// 1. Only the kernel enters here, once.
#[cfg(all(feature = "start", fixed_address))]
#[unsafe(naked)]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".text._start.pass_-nostdlib_-static.see_build.rs_in_its_README")]
pub unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_undefined rip",
        "xor ebp, ebp",
        "cld",
        "push rsp", // the initial stack, as `mov rdi, rsp` in one byte less
        "pop rdi",
        "and rsp, -16",
        // By an address of 32 bits: a linker that is told to make the program position-independent,
        // which nothing here relocates, refuses. It is what `entry!` defines.
        "mov eax, offset \"no main: name it once with threadbare::entry!(main)\"",
        "call rax", // returns to its death, if at all
        "ud2",
        ".cfi_endproc",
    )
}

/// See [`super::ThreadPointer`]. The word at `fs:0` holds it.
///
/// # Safety
/// 1. The clauses of [`super::ThreadPointer`].
#[inline(always)]
pub unsafe fn thread_pointer() -> usize {
    let tp;
    // SAFETY: clause 1: the word at `fs:0` exists.
    unsafe { asm!("mov {}, fs:[0]", out(reg) tp, options(nostack, preserves_flags, readonly)) };
    tp
}

/// See [`super::SetThreadPointer`].
///
/// # Safety
/// 1. The clauses of [`super::SetThreadPointer`].
#[inline]
pub unsafe fn set_thread_pointer(tp: usize) -> isize {
    const ARCH_SET_FS: usize = 0x1002; // arch/x86/include/uapi/asm/prctl.h
    // SAFETY: the kernel stores the value in a register; clauses 1 and 2 make later uses sound.
    unsafe { syscall2(nr::ARCH_PRCTL, ARCH_SET_FS, tp) }
}

// The one thread-local word of the runtime: the current thread's control block, 0 where the thread
// is not one of ours. Where every thread's control block of the ABI's is ours, it is a word of that
// which C libraries have for the same; beside a libc it is a variable.
#[cfg(not(feature = "start"))]
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

/// Where it is, for inline assembly.
#[cfg(not(feature = "start"))]
macro_rules! current_word {
    () => {
        "fs:[threadbare_current@tpoff]"
    };
}
#[cfg(feature = "start")]
macro_rules! current_word {
    () => {
        "fs:[0x10]"
    };
}

/// See [`super::Current`].
///
/// # Safety
/// 1. The clauses of [`super::Current`].
#[inline(always)]
pub unsafe fn current() -> usize {
    let value;
    // SAFETY: clause 1; the offset is a constant. The thread's own memory is all it depends on.
    unsafe {
        asm!(
            concat!("mov {}, ", current_word!()),
            out(reg) value,
            options(nostack, preserves_flags, pure, readonly),
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
            concat!("mov ", current_word!(), ", {}"),
            in(reg) value,
            options(nostack, preserves_flags),
        );
    }
}

/// See [`super::copy_here`].
///
/// # Safety
/// 1. As [`super::copy_here`].
#[cfg(for_size)]
#[inline(always)]
pub unsafe fn copy_here(from: *const u8, to: *mut u8, count: usize) {
    // SAFETY: clause 1; the direction flag is clear (psABI 3.2.1).
    unsafe {
        asm!(
            "rep movsb",
            inout("rcx") count => _,
            inout("rsi") from => _,
            inout("rdi") to => _,
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
            "mov {address}, fs:[0]", // the thread pointer
            "lea {address}, [{address} + {symbol}@tpoff]",
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
    // in:     rdi flags, rsi stack, rdx parent tid, rcx child tid, r8 tp, r9 control
    // kernel: rdi flags, rsi stack, rdx parent tid, r10 child tid, r8 tp; keeps r9
    naked_asm!(
        ".cfi_startproc",
        "mov r10, rcx",            // the kernel's fourth argument register
        "mov eax, {clone}",
        "syscall",
        ".cfi_remember_state",
        ".cfi_undefined rip",      // two threads come by here, and one of them has no caller
        "test eax, eax",
        "jz 2f",
        ".cfi_restore_state",
        "ret",                     // parent: tid or error in rax
        "2:",                      // child: rsp is stack_top, aligned by clause 1
        ".cfi_undefined rip",      // backtraces end here
        "xor ebp, ebp",
        "mov rdi, r9",             // control
        "call {entry}",            // never returns
        "ud2",
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
    // rdi address and rsi bytes are already where munmap wants them
    naked_asm!(
        ".cfi_startproc",
        "mov eax, {munmap}",
        "syscall",                 // from here on there is no stack
        ".cfi_undefined rip",      // nor a caller
        "xor edi, edi",            // status 0: only the last thread's is ever seen
        "mov eax, {exit}",
        "syscall",
        "ud2",
        ".cfi_endproc",
        munmap = const nr::MUNMAP,
        exit = const nr::EXIT,
    )
}

/// The rule by which a debugger finds an interrupted register (by its DWARF number, psABI table
/// 3.36): at `rsp` plus an offset, which `DW_OP_breg7` takes as two bytes of seven bits.
macro_rules! interrupted {
    ($register:literal at $offset:literal) => {
        concat!(
            ".cfi_escape 0x10, ",
            $register,
            ", 3, 0x77, ",
            "(",
            $offset,
            " & 0x7f) | 0x80, ",
            $offset,
            " >> 7"
        )
    };
}

// What a signal handler returns to: asks the kernel to restore the interrupted context. At that
// moment `rsp` is at the `ucontext`, whose registers begin at offset 40
// (`arch/x86/include/uapi/asm/sigcontext.h`).
global_asm!(
    ".pushsection .text.threadbare_signal_restorer, \"ax\", @progbits",
    ".cfi_startproc",
    ".cfi_signal_frame",
    ".cfi_escape 0x0f, 4, 0x77, 0xa0, 1, 0x06", // the frame's address is the word at rsp + 160
    interrupted!(0 at 144), // rax
    interrupted!(1 at 136), // rdx
    interrupted!(2 at 152), // rcx
    interrupted!(3 at 128), // rbx
    interrupted!(4 at 112), // rsi
    interrupted!(5 at 104), // rdi
    interrupted!(6 at 120), // rbp
    interrupted!(7 at 160), // rsp
    interrupted!(8 at 40),
    interrupted!(9 at 48),
    interrupted!(10 at 56),
    interrupted!(11 at 64),
    interrupted!(12 at 72),
    interrupted!(13 at 80),
    interrupted!(14 at 88),
    interrupted!(15 at 96),
    interrupted!(16 at 168), // rip
    "nop",                   // debuggers look up the byte before a return address
    ".globl threadbare_signal_restorer",
    ".hidden threadbare_signal_restorer",
    ".type threadbare_signal_restorer, @function",
    "threadbare_signal_restorer:",
    "mov rax, {sigreturn}", // unwinders know these two instructions by their bytes, too
    "syscall",
    "ud2",
    ".size threadbare_signal_restorer, . - threadbare_signal_restorer",
    ".cfi_endproc",
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

/// The kernel refuses a handler without one on this CPU.
pub const SIGNAL_RESTORER: Option<Restorer> = Some(Restorer {
    with_info: threadbare_signal_restorer,
    plain: threadbare_signal_restorer,
});

/// `arch/x86/include/uapi/asm/signal.h`.
pub const SIGACTION_LAYOUT: SigactionLayout = SigactionLayout::HandlerFlagsRestorer;
pub const SIGNAL_STACK_BYTES_MIN: usize = k::MINSIGSTKSZ as usize;

/// See [`super::SignalRegister`]; `arch/x86/include/uapi/asm/ucontext.h`.
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_pc(context: *const u8) -> usize {
    // SAFETY: clause 1: `uc_mcontext` is 40 bytes into the context, and `rip` its word 16.
    unsafe { context.add(40 + 16 * 8).cast::<usize>().read() }
}

/// See [`super::SignalRegister`].
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_sp(context: *const u8) -> usize {
    // SAFETY: clause 1: as above, and `rsp` is word 15.
    unsafe { context.add(40 + 15 * 8).cast::<usize>().read() }
}

/// Ends the process by an illegal instruction.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: the instruction faults and nothing after it runs.
    unsafe { asm!("ud2", options(noreturn, nostack, nomem)) }
}
