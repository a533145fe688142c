//! s390x (z/Architecture), 64-bit Linux.
//!
//! | fact | value | source |
//! |---|---|---|
//! | system call | `svc 0`; number `r1`; arguments `r2`…`r7` | syscall(2), `arch/s390/kernel/syscall.c` |
//! | result, error | `r2`; −4095..−1 is an error | syscall(2) |
//! | clobbers | no register but `r2` | `arch/s390/kernel/entry.S` |
//! | stack | 8-byte alignment; a caller leaves a frame of 160 bytes at `r15`, whose first word may chain it to the frame before, zero if there is none | s390x ELF ABI 1.2.2 |
//! | arguments of a function | `r2`…`r6` (`r6` is the callee's to keep all the same), the sixth at 160 above `r15` | s390x ELF ABI 1.2.1, 1.2.3 |
//! | thread register | access registers `a0` (high half) and `a1`, written directly | ELF TLS 3.4.8 |
//! | TLS variant | II: the block ends at the thread pointer | ELF TLS 3.4.8 |
//! | stack protector | compilers read the canary at 0x28 above the thread pointer | GCC `config/s390/linux.h`, LLVM `SystemZInstrInfo.cpp` |
//! | `clone` order | stack, flags, parent tid, child tid, tls | clone(2), `CONFIG_CLONE_BACKWARDS2` |
//! | `mmap` | one argument: the address of six words | `arch/s390/kernel/syscalls/syscall.tbl` (`sys_old_mmap`) |
//! | page size | 4 KiB | `arch/s390/include/asm/page.h` |
//! | signal return | the kernel's own trampoline, in the signal frame or in the vDSO | `arch/s390/kernel/signal.c` |
//! | faults | `si_addr` tells the page, not the byte | `arch/s390/mm/fault.c` |
//! | vDSO clock | `__kernel_clock_gettime`, version `LINUX_2.6.29`; entries of `DT_HASH` have 8 bytes | `arch/s390/kernel/vdso64/vdso64.lds.S`; glibc `sysdeps/unix/sysv/linux/s390/bits/elfclass.h` |
//! | stack probes | rustc emits them | rustc target specification |
//!
//! Unsafe here: system calls, the thread register, and code that runs with no stack of its own.

use core::arch::{asm, global_asm, naked_asm};

use linux_raw_sys::general as k;

use super::{
    CloneArguments, MmapArguments, Restorer, SigactionLayout, Time32, TlsVariant, U64Arg, VdsoClock,
};

pub const NAME: &str = "s390x";
pub const ELF_MACHINE: u16 = 22; // EM_S390
pub const ELF_R_RELATIVE: Option<usize> = Some(12); // R_390_RELATIVE

pub const STACK_ALIGN_BYTES: usize = 8;
pub const STACK_PROBES: bool = true;
pub const PAGE_BYTES: Option<usize> = Some(4096);

pub const TLS_VARIANT: TlsVariant = TlsVariant::Two;
pub const TLS_TP_BIAS_BYTES: usize = 0;
pub const TLS_DTV_BIAS_BYTES: usize = 0;
/// Up to the canary's end.
pub const TLS_TCB_BYTES: usize = 0x30;
pub const TLS_SELF_POINTER: bool = false;
pub const TLS_CANARY_OFFSET_BYTES: Option<isize> = Some(0x28);
pub const TLS_POINTER_GUARD_OFFSET_BYTES: Option<isize> = None;

pub const CLONE_ARGUMENTS: CloneArguments = CloneArguments::StackFlags;
pub const MMAP_ARGUMENTS: MmapArguments = MmapArguments::Memory;
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

/// The hash table is the only one whose entries are not words of 32 bits.
pub const VDSO_CLOCK: Option<VdsoClock> = Some(VdsoClock {
    symbol: b"__kernel_clock_gettime",
    version: b"LINUX_2.6.29",
    only_with: None,
    hash_entry_bytes: 8,
});

/// Defines one raw system call: the number in `r1`, arguments from `r2` up, the result in `r2`.
macro_rules! syscalls {
    ($($name:ident($first:expr; $($param:ident),*; $($arg:ident in $reg:tt),*);)*) => {$(
        /// Makes the system call and returns what the kernel put in `r2`.
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
                    "svc 0",                // the number is in the register, not the instruction
                    in("r1") nr,
                    inlateout("r2") $first as isize => result,
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
    syscall2(a; a, b; b in "r3");
    syscall3(a; a, b, c; b in "r3", c in "r4");
    syscall4(a; a, b, c, d; b in "r3", c in "r4", d in "r5");
    syscall5(a; a, b, c, d, e; b in "r3", c in "r4", d in "r5", e in "r6");
    syscall6(a; a, b, c, d, e, f; b in "r3", c in "r4", d in "r5", e in "r6", f in "r7");
}

/// The program's first instruction. The kernel leaves the initial stack at `r15`, whose first word
/// is the argument count: there is no frame yet.
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
        ".cfi_undefined %r14",      // no caller: backtraces end here
        "lgr %r7, %r15",            // the initial stack, kept across the first call
        "nill %r15, 0xfff8",        // the kernel aligns it; hand-made stacks may not
        "aghi %r15, -160",          // the frame that every caller has
        "xc 0(8,%r15), 0(%r15)",    // no frame before it
        "lgr %r2, %r7",
        "brasl %r14, {relocate}",   // by a direct call, and before any other
        "lgr %r2, %r7",
        "brasl %r14, {entry}",      // never returns
        ".short 0",                 // no instruction
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
    // SAFETY: reading the registers has no effect.
    unsafe {
        asm!(
            "ear {0}, %a0",         // the high half, into the low half
            "sllg {0}, {0}, 32",
            "ear {0}, %a1",         // the low half; the high one stays
            out(reg) tp,
            options(nostack, nomem, preserves_flags),
        );
    }
    tp
}

/// See [`super::SetThreadPointer`]. It cannot fail here.
///
/// # Safety
/// 1. The clauses of [`super::SetThreadPointer`].
#[inline]
pub unsafe fn set_thread_pointer(tp: usize) -> isize {
    // SAFETY: clauses 1 and 2 make later uses of the registers sound.
    unsafe {
        asm!(
            "sar %a1, {0}",
            "srlg {0}, {0}, 32",
            "sar %a0, {0}",
            inout(reg) tp => _,
            options(nostack, preserves_flags),
        );
    }
    0
}

/// Evaluates to the address of this thread's copy of `$symbol`, a static in the program's TLS
/// image, by a local-exec access. For an `unsafe` block.
///
/// No instruction holds such an offset: each access brings a word among the constants.
///
/// # Safety
/// 1. The static lies in `.tdata.…` or `.tbss.…`, and the code in the program itself.
/// 2. This thread's TLS is set up.
#[doc(hidden)]
#[macro_export]
macro_rules! __tls_address {
    ($symbol:path) => {
        $crate::__tls_address!($symbol; pure)
    };
    ($symbol:path; $($option:ident)?) => {{
        let address: *mut u8;
        ::core::arch::asm!(
            ".pushsection .rodata.threadbare_offsets, \"a\", @progbits",
            ".balign 8",                // `lgrl` takes no other
            "2: .quad {symbol}@ntpoff", // from the thread pointer: negative
            ".popsection",
            "lgrl {offset}, 2b",
            "ear {address}, %a0",       // the thread pointer's high half, into the low half
            "sllg {address}, {address}, 32",
            "ear {address}, %a1",       // its low half; the high one stays
            "la {address}, 0({offset},{address})",
            symbol = sym $symbol,
            offset = out(reg_addr) _,
            address = out(reg_addr) address,
            options($($option,)? nomem, nostack, preserves_flags),
        );
        address
    }};
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

unsafe extern "C" {
    /// See above. The name stands for a place in the TLS image: only `__tls_address` may use it.
    static threadbare_current: usize;
}

/// See [`super::Current`].
///
/// # Safety
/// 1. The clauses of [`super::Current`].
#[inline(always)]
pub unsafe fn current() -> usize {
    // SAFETY: only registers change; the offset is a link-time constant. Not `pure`: it must not
    // move across a change of the thread pointer.
    let address = unsafe { crate::__tls_address!(threadbare_current;) };
    // SAFETY: clause 1: the address is this thread's own word.
    unsafe { address.cast::<usize>().read_volatile() }
}

/// See [`super::SetCurrent`].
///
/// # Safety
/// 1. The clauses of [`super::SetCurrent`].
#[inline(always)]
pub unsafe fn set_current(value: usize) {
    // SAFETY: only registers change; the offset is a link-time constant. Not `pure`: it must not
    // move across a change of the thread pointer.
    let address = unsafe { crate::__tls_address!(threadbare_current;) };
    // SAFETY: clause 1: the address is this thread's own word.
    unsafe { address.cast::<usize>().write_volatile(value) }
}

/// What C code that is linked in calls on this CPU in place of `__tls_get_addr`: `r2` is a distance
/// from the global offset table, which `r12` points to, and the answer a distance from the thread
/// pointer (ELF TLS 3.4.8). Linkers replace such calls by local-exec accesses wherever they can.
///
/// # Safety
/// 1. `r12` and `r2` lead to a module's number and an offset in its TLS block: the program's, for
///    there is no other.
#[cfg(feature = "start")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __tls_get_offset() -> isize {
    /// # Safety
    /// 1. As above.
    unsafe extern "C" fn offset(index: *const crate::tls::Index) -> isize {
        // SAFETY: clause 1.
        let in_block = unsafe { (*index).offset };
        let block = crate::start::Process::get().tls_shape.block_offset;
        block.wrapping_add_unsigned(in_block)
    }
    naked_asm!(
        ".cfi_startproc",
        "la %r2, 0(%r2,%r12)",
        "jg {offset}",              // which returns to the caller
        ".cfi_endproc",
        offset = sym offset,
    )
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
    // in:     r2 flags, r3 stack, r4 parent tid, r5 child tid, r6 tp, 160(r15) control
    // kernel: r2 stack, r3 flags, r4 parent tid, r5 child tid, r6 tp; keeps r0 and the rest
    naked_asm!(
        ".cfi_startproc",
        "lg %r0, 160(%r15)",        // control, for the child
        "lgr %r1, %r2",
        "lgr %r2, %r3",             // the stack comes first
        "lgr %r3, %r1",
        "aghi %r2, -160",           // the frame that every caller has
        "lghi %r1, {clone}",
        "svc 0",
        ".cfi_remember_state",
        ".cfi_undefined %r14",      // two threads come by here, and one of them has no caller
        "ltgr %r2, %r2",
        "jz 2f",
        ".cfi_restore_state",
        "br %r14",                  // parent: tid or error in r2
        "2:",                       // child: r15 is stack_top - 160
        ".cfi_undefined %r14",      // backtraces end here
        "xc 0(8,%r15), 0(%r15)",    // no frame before it
        "lgr %r2, %r0",             // control
        "brasl %r14, {entry}",      // never returns
        ".short 0",                 // no instruction
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
    // r2 address and r3 bytes are already where munmap wants them
    naked_asm!(
        ".cfi_startproc",
        "lghi %r1, {munmap}",
        "svc 0",                    // from here on there is no stack
        ".cfi_undefined %r14",      // nor a caller
        "lghi %r2, 0",              // status 0: only the last thread's is ever seen
        "lghi %r1, {exit}",
        "svc 0",
        ".short 0",                 // no instruction
        ".cfi_endproc",
        munmap = const nr::MUNMAP,
        exit = const nr::EXIT,
    )
}

/// None: the kernel returns through its own trampoline when `SA_RESTORER` is absent.
pub const SIGNAL_RESTORER: Option<Restorer> = None;

/// The field for a restorer is there, and is not used (`arch/s390/include/uapi/asm/signal.h`).
pub const SIGACTION_LAYOUT: SigactionLayout = SigactionLayout::HandlerFlagsRestorer;
pub const SIGNAL_STACK_BYTES_MIN: usize = k::MINSIGSTKSZ as usize;

/// See [`super::SignalRegister`]; `arch/s390/include/uapi/asm/ucontext.h`. After an illegal
/// instruction it is the address of the next one.
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_pc(context: *const u8) -> usize {
    // SAFETY: clause 1: `uc_mcontext` is 40 bytes into the context; a word of status comes first.
    unsafe { context.add(40 + 8).cast::<usize>().read() }
}

/// See [`super::SignalRegister`].
///
/// # Safety
/// 1. The clause of [`super::SignalRegister`].
pub unsafe fn signal_sp(context: *const u8) -> usize {
    // SAFETY: clause 1: as above; the registers follow the two words of status.
    unsafe { context.add(40 + 16 + 15 * 8).cast::<usize>().read() }
}

/// Ends the process by an illegal instruction.
#[inline(always)]
pub fn trap() -> ! {
    // SAFETY: the instruction faults and nothing after it runs.
    unsafe { asm!(".short 0", options(noreturn, nostack, nomem)) }
}
