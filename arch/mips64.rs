//! MIPS, 64-bit n64 ABI, both byte orders, release 2 and 6.
//!
//! | fact | value | source |
//! |---|---|---|
//! | system call | `syscall`; number `$2` (v0); arguments `$4`…`$9` (a0–a5) | syscall(2) |
//! | result, error | `$2`; `$7` non-zero means that `$2` is a positive error number; normalised here to −4095..−1 | syscall(2) |
//! | clobbers | `$1 $3 $10`–`$15 $24 $25 hi lo`; inline assembly cannot name the first and the last two, so calls go out of line | `arch/mips/include/asm/stackframe.h` |
//! | stack alignment | 16 bytes; arguments have no home on the stack | MIPSpro N32 ABI Handbook, chapter 2 (n64 is the same) |
//! | thread register | `rdhwr $3, $29` (emulated where the CPU lacks it), set by `set_thread_area` | `arch/mips/kernel/traps.c` |
//! | TLS variant | I, modified: the block starts 0x7000 below the thread pointer; DTV offset 0x8000 | MIPS TLS supplement |
//! | stack protector | global `__stack_chk_guard` | GCC MIPS options |
//! | `clone` order | flags, stack, parent tid, tls, child tid | clone(2), `CONFIG_CLONE_BACKWARDS` |
//! | `mmap` | offset in bytes | `arch/mips/kernel/syscall.c` |
//! | page size | 4, 16 or 64 KiB: `AT_PAGESZ` | `arch/mips/Kconfig` |
//! | signal return | the kernel's own trampoline | `arch/mips/kernel/signal.c` |
//! | position-independent calls | `$25` holds the callee's address, from which it makes its `$gp`; it leaves its caller's as it was | MIPSpro N32 ABI Handbook, chapter 2 |
//! | relocation | the GOT's first `DT_MIPS_LOCAL_GOTNO` entries take the load bias with no relocation of their own, but for one or two reserved ones; the others by `R_MIPS_REL32` with `R_MIPS_64` | 64-bit ELF Object File Specification (MIPS) |
//! | vDSO clock | `__vdso_clock_gettime`, version `LINUX_2.6`; `-ENOSYS` before Linux 4.13 where it cannot read the counter; `$25` holds its address, as of each callee | `arch/mips/vdso/vdso.lds.S`; commit 180902e08f05 |
//! | stack probes | none | rustc target specification |
//!
//! Unsafe here: system calls, the thread register, and code that runs with no stack of its own.

use core::arch::{asm, global_asm, naked_asm};

use linux_raw_sys::general as k;

use super::{
    CloneArguments, MmapArguments, Restorer, SigactionLayout, Time32, TlsVariant, U64Arg, VdsoClock,
};

pub const NAME: &str = "mips64";
pub const ELF_MACHINE: u16 = 8; // EM_MIPS
/// `R_MIPS_REL32` with `R_MIPS_64`, without a symbol. What has no relocation, `_start` sees to.
///
/// `r_info` is a structure here: the symbol in 32 bits, a byte, then three types, the first of them
/// last. So a big-endian word has the types at its low end, as elsewhere, and a little-endian one
/// at its high end, the other way round.
pub const ELF_R_RELATIVE: Option<usize> = Some(if cfg!(target_endian = "big") {
    0x12_03
} else {
    0x0312 << 48
});

pub const STACK_ALIGN_BYTES: usize = 16;
pub const STACK_PROBES: bool = false;
pub const PAGE_BYTES: Option<usize> = None;

pub const TLS_VARIANT: TlsVariant = TlsVariant::OneModified;
pub const TLS_TP_BIAS_BYTES: usize = 0x7000;
pub const TLS_DTV_BIAS_BYTES: usize = 0x8000;
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
    SET_THREAD_AREA = __NR_set_thread_area;
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
/// assembly cannot declare on this CPU: `$1`, `hi` and `lo` (an emulator preserves them).
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
    // in:     $4 nr, $5 a, $6 b, $7 c, $8 d, $9 e, $10 f
    // kernel: $2 nr, $4 a, $5 b, $6 c, $7 d, $8 e, $9 f
    naked_asm!(
        ".cfi_startproc",
        ".set push; .set noreorder",
        "move $2, $4",
        "move $4, $5",
        "move $5, $6",
        "move $6, $7",
        "move $7, $8",
        "move $8, $9",
        "move $9, $10",
        "syscall",
        "beqz $7, 1f", // the error flag
        "nop",
        "dsubu $2, $zero, $2", // normalised: errors are negative
        "1:",
        "jr $31",
        "nop",
        ".set pop",
        ".cfi_endproc",
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

/// Calls the function of the operand `$operand`. `$25` becomes its address, as position-independent
/// code wants it, by no table: in the program's first instructions that is not relocated yet.
macro_rules! call {
    ($operand:literal) => {
        concat!(
            "bal 9f\n",
            "nop\n",
            ".word {",
            $operand,
            "} - .\n", // how far it is from here
            "9: lw $25, 0($31)\n",
            "daddu $25, $25, $31\n",
            "jalr $25\n",
            "nop", // delay slot
        )
    };
}

/// The program's first instruction. The kernel leaves the initial stack at `$sp`.
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
        ".cfi_undefined 31",       // no caller: backtraces end here
        ".set push; .set noreorder; .set noat",
        "move $30, $zero",         // no caller's frame
        "move $16, $sp",           // the initial stack, kept across calls
        "daddiu $1, $zero, -16",
        "and $sp, $sp, $1",        // the kernel aligns it; hand-made stacks may not
        call!("relocate_got"),     // unoptimised code calls by that table
        "move $4, $16",            // first argument: the initial stack
        call!("relocate"),
        "move $4, $16",
        call!("entry"),            // never returns
        "break",
        ".set pop",
        ".cfi_endproc",
        relocate_got = sym relocate_got,
        relocate = sym crate::start::relocate,
        entry = sym crate::start::entry,
    )
}

/// Adds the load bias to the GOT's entries that have no relocations: the local ones, and those of
/// symbols, which all are the program's own. A program at a fixed address has no dynamic section
/// to say how many they are.
///
/// # Safety
/// 1. Only `_start` calls it, once. It changes no register but `$1`, `$8`–`$15` and `$31`.
#[cfg(feature = "start")]
#[unsafe(naked)]
unsafe extern "C" fn relocate_got() {
    // Tags of the dynamic section (gABI 4.1; 64-bit ELF Object File Specification (MIPS)).
    const DT_PLTGOT: u32 = 3;
    const DT_MIPS_LOCAL_GOTNO: u32 = 0x7000_000a;
    const DT_MIPS_SYMTABNO: u32 = 0x7000_0011;
    const DT_MIPS_GOTSYM: u32 = 0x7000_0013;
    naked_asm!(
        ".cfi_startproc",
        ".set push; .set noreorder; .set noat",
        ".weak _DYNAMIC, _GLOBAL_OFFSET_TABLE_",
        "move $15, $31",           // the return address
        ".cfi_register 31, 15",
        "bal 1f",
        "nop",
        ".word _DYNAMIC - .",
        ".word _GLOBAL_OFFSET_TABLE_ - . + 4",
        "1: lw $8, 0($31)",
        "daddu $8, $8, $31",       // $8: the dynamic section, or 0
        "beqz $8, 9f",
        "lw $9, 4($31)",           // delay slot
        "daddu $9, $9, $31",       // $9: the GOT
        "move $11, $zero",         // $11: how many entries are local
        "move $12, $zero",         // $12: how many are not
        "2: ld $13, 0($8)",        // tag
        "ld $14, 8($8)",           // value
        "li $1, {pltgot}",
        "bne $13, $1, 3f",
        "nop",
        "dsubu $10, $9, $14",      // $10: the load bias: where it is, less where it was linked
        "3: li $1, {local_gotno}",
        "bne $13, $1, 4f",
        "nop",
        "move $11, $14",
        "4: li $1, {gotsym}",
        "bne $13, $1, 5f",
        "nop",
        "dsubu $12, $12, $14",     // the first symbol that has one …
        "5: li $1, {symtabno}",
        "bne $13, $1, 6f",
        "nop",
        "daddu $12, $12, $14",     // … to the last
        "6: bnez $13, 2b",         // DT_NULL is 0
        "daddiu $8, $8, 16",       // delay slot
        "ld $13, 8($9)",           // one entry is reserved; two, if the top bit of this one is set
        "dsrl32 $13, $13, 31",
        "addiu $13, $13, 1",
        "dsubu $11, $11, $13",
        "sll $13, $13, 3",
        "b 4f",
        "daddu $9, $9, $13",       // delay slot
        "3: ld $13, 0($9)",        // a local entry
        "daddu $13, $13, $10",
        "sd $13, 0($9)",
        "daddiu $9, $9, 8",
        "4: bgtz $11, 3b",
        "addiu $11, $11, -1",      // delay slot
        "b 7f",
        "nop",
        "5: ld $13, 0($9)",        // a symbol's address, or 0 where it has none
        "beqz $13, 6f",
        "daddu $13, $13, $10",     // delay slot
        "sd $13, 0($9)",
        "6: daddiu $9, $9, 8",
        "7: bgtz $12, 5b",
        "addiu $12, $12, -1",      // delay slot
        "9: jr $15",
        "nop",
        ".set pop",
        ".cfi_endproc",
        pltgot = const DT_PLTGOT,
        local_gotno = const DT_MIPS_LOCAL_GOTNO,
        gotsym = const DT_MIPS_GOTSYM,
        symtabno = const DT_MIPS_SYMTABNO,
    )
}

/// See [`super::ThreadPointer`].
///
/// # Safety
/// 1. The clauses of [`super::ThreadPointer`].
#[inline(always)]
pub unsafe fn thread_pointer() -> usize {
    let tp;
    // SAFETY: reading the register has no effect; `$3` is the form that the kernel emulates fast.
    unsafe {
        asm!(
            "rdhwr $3, $29",
            out("$3") tp,
            options(nostack, nomem),
        );
    }
    tp
}

/// See [`super::SetThreadPointer`].
///
/// # Safety
/// 1. The clauses of [`super::SetThreadPointer`].
#[inline]
pub unsafe fn set_thread_pointer(tp: usize) -> isize {
    // SAFETY: the kernel stores the value in a register; clauses 1 and 2 make later uses sound.
    unsafe { syscall1(nr::SET_THREAD_AREA, tp) }
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
    "threadbare_current: .space 8",
    ".popsection",
);

/// Returns the address of the runtime's thread-local word.
#[inline(always)]
fn current_address() -> *mut usize {
    let address: usize;
    // SAFETY: only registers change; the local-exec offset is a link-time constant.
    unsafe {
        asm!(
            "rdhwr $3, $29",
            "lui $2, %tprel_hi(threadbare_current)",
            "daddiu $2, $2, %tprel_lo(threadbare_current)",
            "daddu $2, $2, $3",
            out("$2") address,       // by name: a free choice may be $1, the assembler's own
            out("$3") _,
            options(nostack, nomem),
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
    // in:     $4 flags, $5 stack, $6 parent tid, $7 child tid, $8 tp, $9 control
    // kernel: $4 flags, $5 stack, $6 parent tid, $7 tp, $8 child tid
    // The child's registers are a copy of the parent's, but the kernel keeps only $16-$23 and $30
    // for sure, so control crosses in memory: below the child's stack.
    naked_asm!(
        ".cfi_startproc",
        ".set push; .set noreorder",
        "daddiu $5, $5, -16",
        "sd $9, 0($5)",            // control, for the child
        "move $9, $7",             // exchange the last two for this CPU's order
        "move $7, $8",
        "move $8, $9",
        "li $2, {clone}",
        "syscall",
        ".cfi_remember_state",
        ".cfi_undefined 31",       // two threads come by here, and one of them has no caller
        "bnez $7, 1f",             // the error flag
        "nop",
        "beqz $2, 2f",
        "nop",
        ".cfi_restore_state",
        ".cfi_remember_state",
        "jr $31",                  // parent: tid in $2
        "nop",
        ".cfi_restore_state",
        "1:",                      // parent, error: normalised to a negative number
        "jr $31",
        "dsubu $2, $zero, $2",     // delay slot
        "2:",                      // child: $sp is stack_top - 16
        ".cfi_undefined 31",       // backtraces end here
        "move $30, $zero",
        "ld $4, 0($sp)",           // control
        call!("entry"),            // never returns
        "break",
        ".set pop",
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
    // $4 address and $5 bytes are already where munmap wants them
    naked_asm!(
        ".cfi_startproc",
        ".set push; .set noreorder",
        ".cfi_undefined 31",       // the return address goes, and soon the stack
        "li $2, {munmap}",
        "syscall",                 // from here on there is no stack
        "move $4, $zero",          // status 0: only the last thread's is ever seen
        "li $2, {exit}",
        "syscall",
        "break",
        ".set pop",
        ".cfi_endproc",
        munmap = const nr::MUNMAP,
        exit = const nr::EXIT,
    )
}

/// None: the kernel returns through its own trampoline.
pub const SIGNAL_RESTORER: Option<Restorer> = None;

/// Flags first, in 32 bits and 32 of padding (`arch/mips/include/uapi/asm/signal.h`); the bindings
/// of `linux-raw-sys` 0.12 have it the other way round.
pub const SIGACTION_LAYOUT: SigactionLayout = SigactionLayout::FlagsHandler;
pub const SIGNAL_STACK_BYTES_MIN: usize = k::MINSIGSTKSZ as usize;

/// See [`super::SignalRegister`]; `arch/mips/include/uapi/asm/ucontext.h`.
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_pc(context: *const u8) -> usize {
    // SAFETY: clause 1: `uc_mcontext` is 40 bytes into the context; 32 general registers, as many
    // for floating point, and 8 halves of products come before `sc_pc`.
    unsafe { context.add(40 + (32 + 32 + 8) * 8).cast::<usize>().read() }
}

/// See [`super::SignalRegister`].
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_sp(context: *const u8) -> usize {
    // SAFETY: clause 1: the registers come first, and `$sp` is number 29.
    unsafe { context.add(40 + 29 * 8).cast::<usize>().read() }
}

/// Ends the process by a breakpoint instruction, which is SIGTRAP without a debugger.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: the instruction faults and nothing after it runs.
    unsafe { asm!("break", options(noreturn, nostack, nomem)) }
}
