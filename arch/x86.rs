//! x86, 32-bit (i386 System V ABI), from the Pentium on.
//!
//! | fact | value | source |
//! |---|---|---|
//! | system call | `int 0x80`; number `eax`; arguments `ebx ecx edx esi edi ebp` | syscall(2) |
//! | result, error | `eax`; −4095..−1 is an error | syscall(2) |
//! | clobbers | no register but `eax`, no flag: the frame of the interrupt is put back whole | `arch/x86/entry/entry_32.S`, `entry_64_compat.S` |
//! | reserved | inline assembly cannot name `esi` and `ebp`, which LLVM may need for a frame | `compiler/rustc_target/src/asm/x86.rs` |
//! | stack alignment | 16 bytes before a `call` | i386 psABI 2.2.2 |
//! | thread register | `gs` selects a descriptor of the kernel's table, filled by `set_thread_area`; the word at `gs:0` is its base | set_thread_area(2), `arch/x86/kernel/tls.c` |
//! | the descriptor's number | the kernel's choice: 6 to 8 on 32-bit kernels, 12 to 14 on 64-bit ones | `arch/x86/include/asm/segment.h` |
//! | TLS variant | II: the block ends at the thread pointer; the word at it points to itself | ELF TLS 3.4.2 |
//! | stack protector | compilers read the canary at `gs:0x14` | GCC `-mstack-protector-guard=tls` |
//! | `clone` order | flags, stack, parent tid, tls, child tid; tls is the address of a descriptor | clone(2), `CONFIG_CLONE_BACKWARDS` |
//! | `mmap2` | offset in units of 4096 bytes | mmap2(2) |
//! | 64-bit arguments | two registers, low half first, wherever they fall | `arch/x86/kernel/sys_ia32.c` |
//! | page size | 4 KiB | `arch/x86/include/asm/page_types.h` |
//! | signal frames | two kinds, each with a call of its own to return by: `SA_SIGINFO` chooses the one of `rt_sigreturn` | `arch/x86/kernel/signal_32.c` |
//! | vDSO clock | `__vdso_clock_gettime64`, version `LINUX_2.6` | `arch/x86/entry/vdso/vdso32/vdso32.lds.S`, since Linux 5.3 |
//! | stack probes | rustc emits them | rustc target specification |
//!
//! The assembly here is of the Pentium: no conditional move, no vector register.
//!
//! Unsafe here: system calls, the thread register, and code that runs with no stack of its own.

use core::arch::{asm, global_asm, naked_asm};
use core::sync::atomic::{AtomicU32, Ordering};

use linux_raw_sys::general as k;

use super::{
    CloneArguments, MmapArguments, Restorer, SigactionLayout, Time32, TlsVariant, U64Arg, VdsoClock,
};

pub const NAME: &str = "x86";
pub const ELF_MACHINE: u16 = 3; // EM_386
pub const ELF_R_RELATIVE: Option<usize> = Some(8); // R_386_RELATIVE

pub const STACK_ALIGN_BYTES: usize = 16;
pub const STACK_PROBES: bool = true;
pub const PAGE_BYTES: Option<usize> = Some(4096);

pub const TLS_VARIANT: TlsVariant = TlsVariant::Two;
pub const TLS_TP_BIAS_BYTES: usize = 0;
pub const TLS_DTV_BIAS_BYTES: usize = 0;
/// The self pointer at 0 and the canary at 0x14, a libc's pointer guard at 0x18 (glibc
/// `sysdeps/i386/nptl/tls.h`), rounded up to the stack's alignment.
pub const TLS_TCB_BYTES: usize = 0x20;
pub const TLS_SELF_POINTER: bool = true;
pub const TLS_CANARY_OFFSET_BYTES: Option<isize> = Some(0x14);
pub const TLS_POINTER_GUARD_OFFSET_BYTES: Option<isize> = Some(0x18);

pub const CLONE_ARGUMENTS: CloneArguments = CloneArguments::FlagsStack;
pub const MMAP_ARGUMENTS: MmapArguments = MmapArguments::Registers;
pub const MMAP_OFFSET_UNIT: usize = 4096;
pub const U64_ARG: U64Arg = U64Arg::Pair;

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
    SET_THREAD_AREA = __NR_set_thread_area;
}

/// The calls before Linux 5.1.
pub const TIME32: Option<Time32> = Some(Time32 {
    futex: k::__NR_futex as usize,
    clock_gettime: k::__NR_clock_gettime as usize,
    clock_nanosleep: k::__NR_clock_nanosleep as usize,
    rt_sigtimedwait: k::__NR_rt_sigtimedwait as usize,
});

/// See the table.
pub const VDSO_CLOCK: Option<VdsoClock> = Some(VdsoClock {
    symbol: b"__vdso_clock_gettime64",
    version: b"LINUX_2.6",
    only_with: None,
    hash_entry_bytes: 4,
});

/// Defines one raw system call: the number in `eax`, each argument in its register.
macro_rules! syscalls {
    ($($name:ident($($arg:ident in $reg:tt),*);)*) => {$(
        /// Makes the system call and returns what the kernel put in `eax`.
        ///
        /// # Safety
        /// 1. The call, with these arguments, touches only memory that the caller may give away.
        #[inline(always)]
        pub unsafe fn $name(nr: usize, $($arg: usize),*) -> isize {
            let result: isize;
            // SAFETY: clause 1; the kernel puts every other register back, and memory counts as
            // touched because `nomem` is not claimed.
            unsafe {
                asm!(
                    "int 0x80",
                    inlateout("eax") nr as isize => result,
                    $(in($reg) $arg,)*
                    options(nostack, preserves_flags),
                );
            }
            result
        }
    )*};
}

syscalls! {
    syscall0();
    syscall1(a in "ebx");
    syscall2(a in "ebx", b in "ecx");
    syscall3(a in "ebx", b in "ecx", c in "edx");
}

/// Makes the system call and returns what the kernel put in `eax`.
///
/// # Safety
/// 1. The call, with these arguments, touches only memory that the caller may give away.
#[inline(always)]
pub unsafe fn syscall4(nr: usize, a: usize, b: usize, c: usize, d: usize) -> isize {
    let result: isize;
    // SAFETY: clause 1; as above. `esi` is only borrowed, by exchange with whatever register `d` is
    // in, which may be `esi` itself.
    unsafe {
        asm!(
            "xchg esi, {d}",
            "int 0x80",
            "xchg esi, {d}",
            inlateout("eax") nr as isize => result,
            in("ebx") a,
            in("ecx") b,
            in("edx") c,
            d = in(reg) d,
            options(nostack, preserves_flags),
        );
    }
    result
}

/// Makes the system call and returns what the kernel put in `eax`.
///
/// # Safety
/// 1. The call, with these arguments, touches only memory that the caller may give away.
#[inline(always)]
pub unsafe fn syscall5(nr: usize, a: usize, b: usize, c: usize, d: usize, e: usize) -> isize {
    // SAFETY: clause 1; the kernel does not look at an argument that a call does not have.
    unsafe { syscall6(nr, a, b, c, d, e, 0) }
}

/// Makes the system call and returns what the kernel put in `eax`.
///
/// Out of line: there are not enough registers left to keep what the compiler has in `esi` and
/// `ebp`, and inline assembly that uses the stack would make LLVM reserve one more.
///
/// # Safety
/// 1. The call, with these arguments, touches only memory that the caller may give away.
#[unsafe(naked)]
unsafe extern "C" fn raw_syscall6(
    nr: usize,
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
) -> isize {
    // in:     stack: nr, a, b, c, d, e, f, the first 4 above esp
    // kernel: eax nr, ebx a, ecx b, edx c, esi d, edi e, ebp f
    naked_asm!(
        ".cfi_startproc",
        "push ebp",
        ".cfi_def_cfa_offset 8",
        ".cfi_offset ebp, -8",
        "push edi",
        ".cfi_def_cfa_offset 12",
        ".cfi_offset edi, -12",
        "push esi",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset esi, -16",
        "push ebx",
        ".cfi_def_cfa_offset 20",
        ".cfi_offset ebx, -20",
        "mov eax, [esp + 20]",
        "mov ebx, [esp + 24]",
        "mov ecx, [esp + 28]",
        "mov edx, [esp + 32]",
        "mov esi, [esp + 36]",
        "mov edi, [esp + 40]",
        "mov ebp, [esp + 44]",
        "int 0x80",
        "pop ebx",
        ".cfi_def_cfa_offset 16",
        ".cfi_restore ebx",
        "pop esi",
        ".cfi_def_cfa_offset 12",
        ".cfi_restore esi",
        "pop edi",
        ".cfi_def_cfa_offset 8",
        ".cfi_restore edi",
        "pop ebp",
        ".cfi_def_cfa_offset 4",
        ".cfi_restore ebp",
        "ret",
        ".cfi_endproc",
    )
}

/// Makes the system call and returns what the kernel put in `eax`.
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
    unsafe { raw_syscall6(nr, a, b, c, d, e, f) }
}

/// The program's first instruction. The kernel leaves the initial stack at `esp`, `edx` zero, and
/// every other register unspecified (i386 psABI 2.3.1).
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
        ".cfi_undefined eip",      // no caller: backtraces end here
        "xor ebp, ebp",            // no caller's frame either
        "cld",                     // as compilers count on; hand-made starts may not have it so
        "mov esi, esp",            // the initial stack, kept across the first call
        "and esp, -16",            // the kernel aligns it; hand-made stacks may not
        "sub esp, 16",             // the argument, with the stack aligned below it
        "mov [esp], esi",
        "call {relocate}",         // by a direct call, and before any other
        "mov [esp], esi",          // the callee may have overwritten its argument
        "call {entry}",            // never returns
        "ud2",
        ".cfi_endproc",
        relocate = sym crate::start::relocate,
        entry = sym crate::start::entry,
    )
}

/// See [`super::ThreadPointer`]. The word at `gs:0` holds it.
///
/// # Safety
/// 1. The clauses of [`super::ThreadPointer`].
#[inline(always)]
pub unsafe fn thread_pointer() -> usize {
    let tp;
    // SAFETY: clause 1: the word at `gs:0` exists.
    unsafe { asm!("mov {}, gs:[0]", out(reg) tp, options(nostack, preserves_flags, readonly)) };
    tp
}

/// `limit` of a `user_desc`, in pages: all of the address space.
const DESCRIPTOR_LIMIT: u32 = 0xf_ffff;
/// The flags of a `user_desc` (`arch/x86/include/uapi/asm/ldt.h`): a 32-bit segment of writable
/// data, the limit in pages, usable.
const DESCRIPTOR_FLAGS: u32 = 1 | 1 << 4 | 1 << 6;

/// The descriptor's number, and `u32::MAX`, which lets the kernel choose one, before the first use.
///
/// It is not taken from `gs`: whoever started the program may have left anything there. Threads
/// have the same number, for `clone` copies the table. Relaxed suffices: it is set while there is
/// one thread.
static DESCRIPTOR: AtomicU32 = AtomicU32::new(u32::MAX);

/// See [`super::SetThreadPointer`].
///
/// # Safety
/// 1. The clauses of [`super::SetThreadPointer`].
#[inline]
pub unsafe fn set_thread_pointer(tp: usize) -> isize {
    let number = DESCRIPTOR.load(Ordering::Relaxed);
    let mut description = [number, tp as u32, DESCRIPTOR_LIMIT, DESCRIPTOR_FLAGS];
    let to = (&raw mut description).expose_provenance();
    // SAFETY: the kernel fills a descriptor, and writes its number into the first word; clauses 1
    // and 2 make later uses sound.
    let result = unsafe { syscall1(nr::SET_THREAD_AREA, to) };
    if result != 0 {
        return result;
    }
    let [number, ..] = description;
    DESCRIPTOR.store(number, Ordering::Relaxed);
    // The kernel's global table (bit 2 clear), with the rights of a program (3).
    let selector = number << 3 | 3;
    // SAFETY: the descriptor was just filled. Loaded even if `gs` has it: older kernels leave the
    // copy that the CPU holds as it was.
    unsafe { asm!("mov gs, {:e}", in(reg) selector, options(nostack, preserves_flags)) };
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
    "threadbare_current: .zero 4",
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
            "mov {}, gs:[threadbare_current@ntpoff]",
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
            "mov gs:[threadbare_current@ntpoff], {}",
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
            "mov {address}, gs:[0]",
            "lea {address}, [{address} + {symbol}@ntpoff]",
            address = out(reg) address,
            symbol = sym $symbol,
            options(pure, nomem, nostack, preserves_flags),
        );
        address
    }};
}

/// `__tls_get_addr` as compilers call it here (the GNU form, ELF TLS 4.2.1): its argument is in
/// `eax`. The linker replaces such calls by local-exec accesses wherever it knows the instructions.
///
/// # Safety
/// 1. The clause of `tls::__tls_get_addr`.
#[cfg(feature = "start")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ___tls_get_addr() -> *mut u8 {
    naked_asm!(
        ".cfi_startproc",
        "sub esp, 12", // the argument, with the stack aligned below it
        ".cfi_def_cfa_offset 16",
        "mov [esp], eax",
        "call __tls_get_addr",
        "add esp, 12",
        ".cfi_def_cfa_offset 4",
        "ret",
        ".cfi_endproc",
    )
}

/// What position-independent C code calls in place of `__stack_chk_fail` on this CPU: by a direct
/// call, which needs no pointer to the global offset table (GCC, `ix86_stack_protect_fail`).
///
/// # Safety
/// 1. None: it ends the process. `unsafe` because naked functions with C names are.
#[cfg(feature = "start")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __stack_chk_fail_local() -> ! {
    naked_asm!("jmp __stack_chk_fail")
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
    // in:     stack: flags, stack, parent tid, child tid, tp, control, the first 4 above esp
    // kernel: ebx flags, ecx stack, edx parent tid, esi descriptor, edi child tid; keeps ebp
    naked_asm!(
        ".cfi_startproc",
        "push ebp",
        ".cfi_def_cfa_offset 8",
        ".cfi_offset ebp, -8",
        "push edi",
        ".cfi_def_cfa_offset 12",
        ".cfi_offset edi, -12",
        "push esi",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset esi, -16",
        "push ebx",
        ".cfi_def_cfa_offset 20",
        ".cfi_offset ebx, -20",
        // The child's descriptor has the number of this thread's, whoever filled that.
        "mov eax, gs",
        "movzx eax, ax",           // a Pentium leaves anything in the upper half
        "shr eax, 3",
        // A `user_desc`, from its end.
        "push {flags}",
        ".cfi_def_cfa_offset 24",
        "push {limit}",
        ".cfi_def_cfa_offset 28",
        "push dword ptr [esp + 44]", // tp
        ".cfi_def_cfa_offset 32",
        "push eax",
        ".cfi_def_cfa_offset 36",
        "mov ebx, [esp + 36]",     // flags
        "mov ecx, [esp + 40]",     // stack
        "mov edx, [esp + 44]",     // parent tid
        "mov esi, esp",            // descriptor
        "mov edi, [esp + 48]",     // child tid
        "mov ebp, [esp + 56]",     // control, for the child
        "mov eax, {clone}",
        "int 0x80",                // never by way of the vDSO, which returns on the parent's stack
        ".cfi_remember_state",
        ".cfi_undefined eip",      // two threads come by here, and one of them has no caller
        "test eax, eax",
        "jz 2f",
        ".cfi_restore_state",
        ".cfi_remember_state",
        "add esp, 16",             // parent: tid or error in eax
        ".cfi_def_cfa_offset 20",
        "pop ebx",
        ".cfi_def_cfa_offset 16",
        ".cfi_restore ebx",
        "pop esi",
        ".cfi_def_cfa_offset 12",
        ".cfi_restore esi",
        "pop edi",
        ".cfi_def_cfa_offset 8",
        ".cfi_restore edi",
        "pop ebp",
        ".cfi_def_cfa_offset 4",
        ".cfi_restore ebp",
        "ret",
        ".cfi_restore_state",
        "2:",                      // child: esp is stack_top, aligned by clause 1
        ".cfi_undefined eip",      // backtraces end here
        "mov eax, ebp",            // control
        "xor ebp, ebp",
        "sub esp, 16",             // the argument, with the stack aligned below it
        "mov [esp], eax",
        "call {entry}",            // never returns
        "ud2",
        ".cfi_endproc",
        flags = const DESCRIPTOR_FLAGS,
        limit = const DESCRIPTOR_LIMIT,
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
    // in:     stack: address, bytes, the first 4 above esp
    // kernel: ebx address, ecx bytes
    naked_asm!(
        ".cfi_startproc",
        "mov ebx, [esp + 4]",      // address
        ".cfi_undefined ebx",
        "mov ecx, [esp + 8]",      // bytes
        "mov eax, {munmap}",
        "int 0x80",                // from here on there is no stack
        ".cfi_undefined eip",      // nor a caller
        "xor ebx, ebx",            // status 0: only the last thread's is ever seen
        "mov eax, {exit}",
        "int 0x80",
        "ud2",
        ".cfi_endproc",
        munmap = const nr::MUNMAP,
        exit = const nr::EXIT,
    )
}

/// The rule by which a debugger finds an interrupted register (by its DWARF number, i386 psABI
/// table 2.14): at `esp` plus an offset, which `DW_OP_breg4` takes as two bytes of seven bits.
macro_rules! interrupted {
    ($register:literal at $offset:literal) => {
        concat!(
            ".cfi_escape 0x10, ",
            $register,
            ", 3, 0x74, ",
            "(",
            $offset,
            " & 0x7f) | 0x80, ",
            $offset,
            " >> 7"
        )
    };
}

// What a signal handler returns to: asks the kernel to restore the interrupted context. At that
// moment `esp` is at the handler's three arguments; `siginfo` (128 bytes) and the `ucontext`
// follow, whose registers begin at offset 20 (`arch/x86/include/asm/sigframe.h`,
// `arch/x86/include/uapi/asm/sigcontext.h`).
global_asm!(
    ".pushsection .text.threadbare_signal_restorer, \"ax\", @progbits",
    ".cfi_startproc",
    ".cfi_signal_frame",
    ".cfi_escape 0x0f, 4, 0x74, 0xbc, 1, 0x06", // the frame's address is the word at esp + 188
    interrupted!(0 at 204), // eax
    interrupted!(1 at 200), // ecx
    interrupted!(2 at 196), // edx
    interrupted!(3 at 192), // ebx
    interrupted!(4 at 188), // esp
    interrupted!(5 at 184), // ebp
    interrupted!(6 at 180), // esi
    interrupted!(7 at 176), // edi
    interrupted!(8 at 216), // eip
    "nop",                  // debuggers look up the byte before a return address
    ".globl threadbare_plain_signal_restorer",
    ".hidden threadbare_plain_signal_restorer",
    "threadbare_plain_signal_restorer:",
    "nop",                  // the same by another address
    ".globl threadbare_signal_restorer",
    ".hidden threadbare_signal_restorer",
    ".type threadbare_signal_restorer, @function",
    "threadbare_signal_restorer:",
    "mov eax, {sigreturn}", // unwinders know these two instructions by their bytes, too
    "int 0x80",
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
    /// 1. Entered only by returning from a signal handler that was set with `SA_SIGINFO`.
    fn threadbare_signal_restorer() -> !;
    /// See above.
    ///
    /// # Safety
    /// 1. Likewise.
    fn threadbare_plain_signal_restorer() -> !;
}

/// Without one, programs return through the vDSO, and where there is none, through code on their
/// stacks, which nothing lets them run.
pub const SIGNAL_RESTORER: Option<Restorer> = Some(Restorer {
    with_info: threadbare_signal_restorer,
    plain: threadbare_plain_signal_restorer,
});

/// `arch/x86/include/uapi/asm/signal.h`.
pub const SIGACTION_LAYOUT: SigactionLayout = SigactionLayout::HandlerFlagsRestorer;
pub const SIGNAL_STACK_BYTES_MIN: usize = k::MINSIGSTKSZ as usize;

/// See [`super::SignalRegister`]; `arch/x86/include/uapi/asm/ucontext.h`.
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_pc(context: *const u8) -> usize {
    // SAFETY: clause 1: `uc_mcontext` is 20 bytes into the context, and `eip` its word 14.
    unsafe { context.add(20 + 14 * 4).cast::<usize>().read() }
}

/// See [`super::SignalRegister`].
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_sp(context: *const u8) -> usize {
    // SAFETY: clause 1: as above, and `esp` is word 7.
    unsafe { context.add(20 + 7 * 4).cast::<usize>().read() }
}

/// Ends the process by an illegal instruction.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: the instruction faults and nothing after it runs.
    unsafe { asm!("ud2", options(noreturn, nostack, nomem)) }
}
