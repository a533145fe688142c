//! The arch contract: a case for every item, on every CPU, and the memory functions. Those about
//! signals and times have programs of their own: `signals`, `times`.

#![no_std]
#![no_main]

use core::cell::Cell;
use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering};

use suite::child::{self, End, TRAP_SIGNALS};
use suite::kernel::call;
use suite::memory::{
    comparisons as memory_comparisons, copies as memory_copies, fills as memory_fills,
    lengths as memory_lengths, overlaps as memory_overlaps,
};
use suite::{Verdict, check, check_eq};
use threadbare::io::File;
use threadbare::seam::arch::kernel as k;
use threadbare::seam::arch::{self, TlsVariant, U64Arg};
use threadbare::seam::{self, Process, sys, tls};
use threadbare::time::{Instant, SystemTime};
use threadbare::{Errno, thread};

suite::area! { 11:
    elf_machine_is_the_programs_own,
    r_relative_exists_where_the_program_is_relocatable,
    stack_is_aligned_in_main_and_in_threads,
    stack_probes_or_a_wide_guard,
    page_is_as_large_as_the_kernel_says,
    tls_shape_holds_at_the_thread_pointer,
    dtv_bias_is_the_variants,
    every_number_of_arguments_arrives,
    errors_are_small_negative_numbers,
    registers_survive_system_calls,
    mmap_offset_unit,
    u64_arguments_arrive_whole,
    vdso_clock_is_the_kernels,
    thread_pointer_can_be_set_to_itself,
    current_word_is_each_threads_own,
    clone_reports_errors,
    unmap_and_exit_unmaps,
    trap_is_deadly,
    second_implementation_agrees,
    memory_copies,
    memory_overlaps,
    memory_fills,
    memory_comparisons,
    memory_lengths,
}

/// `ELF_MACHINE`: the ELF header lies before the program headers.
fn elf_machine_is_the_programs_own() -> Verdict {
    let headers = Process::get().auxv().phdr_address();
    let header_bytes = size_of::<usize>() * 3 + 16 + 8 + 16;
    let header = (headers - header_bytes) as *const u8;
    // SAFETY: the linker puts the program headers right after the ELF header, in one segment.
    let header = unsafe { core::slice::from_raw_parts(header, header_bytes) };
    check_eq!(header[..4], *b"\x7fELF");
    check_eq!(
        u16::from_ne_bytes([header[18], header[19]]),
        arch::ELF_MACHINE
    );
    Ok(())
}

/// `ELF_R_RELATIVE`: a program with a load bias got here, so its pointers were relocated.
fn r_relative_exists_where_the_program_is_relocatable() -> Verdict {
    static TEXTS: [&str; 2] = ["one", "two"];
    check_eq!(black_box(&TEXTS)[1], "two");
    check!(Process::get().image.load_bias == 0 || arch::ELF_R_RELATIVE.is_some());
    Ok(())
}

#[repr(align(16))]
struct Aligned([u8; 16]);

#[inline(never)]
fn aligned_local_is_aligned() -> bool {
    let local = Aligned([1; 16]);
    let address = black_box(&local).0.as_ptr().addr();
    let word = black_box(0u64);
    // The compiler relies on the stack for up to STACK_ALIGN_BYTES and aligns by itself above.
    address.is_multiple_of(16)
        && black_box(&raw const word)
            .addr()
            .is_multiple_of(align_of::<u64>())
}

/// `STACK_ALIGN_BYTES`.
fn stack_is_aligned_in_main_and_in_threads() -> Verdict {
    check!(aligned_local_is_aligned());
    check!(thread::spawn(aligned_local_is_aligned).join() == Ok(true));
    Ok(())
}

/// `STACK_PROBES`: below a thread's stack is a guard, without probes of at least 64 KiB.
fn stack_probes_or_a_wide_guard() -> Verdict {
    let region = thread::spawn(|| {
        let local = 0u8;
        suite::kernel::region_of(black_box(&raw const local).addr())
    });
    let Ok(Some((stack, below))) = region.join() else {
        check!("a stack" == "in the list of mappings");
        return Ok(());
    };
    let page = Process::get().page_bytes;
    let least = if arch::STACK_PROBES { page } else { 64 << 10 };
    check!(stack.is_readable);
    match below {
        Some(guard) => check!(!guard.is_readable && guard.end - guard.start >= least),
        // An emulator that reserves the whole address space of a 32-bit program leaves
        // inaccessible mappings out of the list.
        None => check!(size_of::<usize>() == 4),
    }
    // The kernel cannot read there either: the thread's memory is kept for the next one.
    for address in (stack.start - least..stack.start).step_by(page) {
        let bytes = size_of::<k::kernel_sigset_t>();
        // SAFETY: the kernel reads a signal set, or answers that it cannot.
        let read = unsafe {
            call(
                k::__NR_rt_sigprocmask,
                [k::SIG_BLOCK as usize, address, 0, bytes, 0, 0],
            )
        };
        check_eq!(read, Err(Errno::FAULT));
    }
    Ok(())
}

/// `PAGE_BYTES`: what the kernel says, where it is known before.
fn page_is_as_large_as_the_kernel_says() -> Verdict {
    let process = Process::get();
    check_eq!(process.page_bytes, process.auxv().page_bytes());
    check!(arch::PAGE_BYTES.is_none_or(|bytes| bytes == process.page_bytes));
    Ok(())
}

/// `TLS_VARIANT`, `TLS_TP_BIAS_BYTES`, `TLS_TCB_BYTES`, `TLS_SELF_POINTER`,
/// `TLS_CANARY_OFFSET_BYTES`, `TLS_POINTER_GUARD_OFFSET_BYTES`.
fn tls_shape_holds_at_the_thread_pointer() -> Verdict {
    let process = Process::get();
    // SAFETY: TLS is up.
    let tp = unsafe { arch::thread_pointer() } - arch::TLS_TP_BIAS_BYTES;
    check!(tp.is_multiple_of(process.tls_shape.tp_align_bytes));
    let fresh = tls::Shape::new(&process.image.tls, tls::Facts::HERE);
    check_eq!(fresh, Some(process.tls_shape));
    if arch::TLS_SELF_POINTER {
        // SAFETY: the word at the thread pointer exists on such a CPU.
        check_eq!(unsafe { *(tp as *const usize) }, tp);
    }
    if let Some(offset) = arch::TLS_CANARY_OFFSET_BYTES {
        // SAFETY: the word lies in the control block.
        check_eq!(
            unsafe { *(tp.wrapping_add_signed(offset) as *const usize) },
            process.canary
        );
    }
    // What a libc would keep there, there is none to keep; it is nothing else's place.
    if let Some(offset) = arch::TLS_POINTER_GUARD_OFFSET_BYTES {
        check!(Some(offset) != arch::TLS_CANARY_OFFSET_BYTES);
        // SAFETY: the word lies in the control block.
        check_eq!(
            unsafe { *(tp.wrapping_add_signed(offset) as *const usize) },
            0
        );
    }
    // A block, which a program without thread-locals need not have.
    threadbare::thread_local! {
        static IN_BLOCK: Cell<u8> = const { Cell::new(1) };
    }
    check_eq!(IN_BLOCK.get(), 1);
    let block_is_below = process.tls_shape.block_offset < 0;
    check_eq!(block_is_below, arch::TLS_VARIANT == TlsVariant::Two);
    Ok(())
}

/// `TLS_DTV_BIAS_BYTES`: zero but for the modified variant, whose offsets are 16-bit and signed.
fn dtv_bias_is_the_variants() -> Verdict {
    let is_modified = arch::TLS_VARIANT == TlsVariant::OneModified;
    check!(is_modified || arch::TLS_DTV_BIAS_BYTES == 0);
    Ok(())
}

/// `syscall0` … `syscall6`: each argument makes a difference that the kernel shows.
fn every_number_of_arguments_arrives() -> Verdict {
    let page = Process::get().page_bytes;
    // SAFETY: all of these touch only memory made here, or none.
    unsafe {
        let pid = arch::syscall0(arch::nr::GETPID);
        check_eq!(pid as u32, threadbare::process::id());
        check_eq!(
            arch::syscall1(arch::nr::CLOSE, 999_999),
            -(Errno::BADF.raw() as isize)
        );
        let (prot, flags) = (
            k::PROT_READ | k::PROT_WRITE,
            k::MAP_PRIVATE | k::MAP_ANONYMOUS,
        );
        let (prot, flags) = (prot as usize, flags as usize);
        let base = sys::mem::map_anything([0, 2 * page, prot, flags, usize::MAX, 0]);
        let base = base.unwrap_or(0);
        check!(base % page == 0 && base != 0);
        *(base as *mut u8) = 7;
        let none = k::PROT_READ as usize;
        check_eq!(arch::syscall3(arch::nr::MPROTECT, base, page, none), 0);
        check_eq!(*(base as *const u8), 7);
        check_eq!(arch::syscall2(arch::nr::MUNMAP, base, 2 * page), 0);
        let mut set = [0u8; size_of::<k::kernel_sigset_t>()];
        let to = set.as_mut_ptr() as usize;
        let size = set.len();
        check_eq!(arch::syscall4(arch::nr::RT_SIGPROCMASK, 0, 0, to, size), 0);
        check_eq!(
            arch::syscall4(arch::nr::RT_SIGPROCMASK, 0, 0, to, 1),
            -(22 as isize)
        );
        let mut status = core::mem::MaybeUninit::<k::statx>::zeroed();
        let (path, to) = (c"/".as_ptr() as usize, status.as_mut_ptr() as usize);
        let mask = k::STATX_BASIC_STATS as usize;
        check_eq!(
            arch::syscall5(arch::nr::STATX, usize::MAX, path, 0, mask, to),
            0
        );
        let mode = u32::from(status.assume_init().stx_mode);
        check_eq!(mode & k::S_IFMT, k::S_IFDIR);
    }
    Ok(())
}

/// The normalised range, and a value beyond it that is not an error.
fn errors_are_small_negative_numbers() -> Verdict {
    // SAFETY: no memory is touched.
    let raw = unsafe { arch::syscall3(arch::nr::READ, usize::MAX, 0, 0) };
    check_eq!(raw, -(Errno::BADF.raw() as isize));
    let page = Process::get().page_bytes;
    // A mapping high in a 32-bit address space is a large number and no error.
    let high = sys::mem::map(page, sys::mem::Prot::READ, sys::mem::Map::empty());
    check!(high.is_ok());
    if let Ok(high) = high {
        // SAFETY: made above, used by nobody.
        check!(unsafe { sys::mem::unmap(high, page) }.is_ok());
    }
    Ok(())
}

/// More live values than any CPU has registers, across calls of every shape.
fn registers_survive_system_calls() -> Verdict {
    let mut values = [0u64; 24];
    for (index, value) in values.iter_mut().enumerate() {
        *value = black_box(index as u64 * 0x0101_0101_0101_0101);
    }
    let [
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        i,
        j,
        l,
        m,
        n,
        o,
        p,
        q,
        r,
        s,
        t,
        u,
        v,
        w,
        x,
        y,
    ] = values;
    let z = black_box(1.5f64);
    let mut sum = 0u64;
    for _ in 0..100 {
        // SAFETY: no memory is touched.
        unsafe {
            sum += arch::syscall0(arch::nr::GETPID) as u64;
            arch::syscall6(arch::nr::CLOSE, usize::MAX, 1, 2, 3, 4, 5);
        }
    }
    check_eq!(sum, 100 * u64::from(threadbare::process::id()));
    check_eq!(
        [
            a, b, c, d, e, f, g, h, i, j, l, m, n, o, p, q, r, s, t, u, v, w, x, y
        ],
        values
    );
    check!(z == 1.5);
    Ok(())
}

fn own_file() -> Option<File> {
    File::open(c"/proc/self/exe").ok()
}

/// `MMAP_OFFSET_UNIT`: a file mapped from its second page shows what `pread` reads there.
fn mmap_offset_unit() -> Verdict {
    let page = Process::get().page_bytes;
    let Some(file) = own_file() else {
        return Err(suite::Stop::Skip("no /proc/self/exe"));
    };
    let mut expected = [0u8; 64];
    check!(file.read_at(&mut expected, page as u64).is_ok());
    let (prot, flags) = (k::PROT_READ as usize, k::MAP_PRIVATE as usize);
    let (fd, offset) = (file.as_fd().raw() as usize, page / arch::MMAP_OFFSET_UNIT);
    // SAFETY: a new private mapping of the file.
    let base = unsafe { sys::mem::map_anything([0, page, prot, flags, fd, offset]) };
    let base = base.unwrap_or(0);
    check!(base % page == 0 && base != 0);
    // SAFETY: the program file is longer than a page and 64 bytes.
    let found = unsafe { core::slice::from_raw_parts(base as *const u8, 64) };
    check_eq!(found, expected);
    Ok(())
}

/// `U64_ARG`: past the end there is nothing; with the halves exchanged there would be.
fn u64_arguments_arrive_whole() -> Verdict {
    let Some(file) = own_file() else {
        return Err(suite::Stop::Skip("no /proc/self/exe"));
    };
    let mut byte = [0u8; 1];
    check!(matches!(file.read_at(&mut byte, 1), Ok(1)));
    check_eq!(byte[0], b'E');
    check!(matches!(file.read_at(&mut byte, 1 << 32), Ok(0)));
    check!(matches!(file.read_at(&mut byte, (1 << 40) + 2), Ok(0)));
    let is_wide = size_of::<usize>() == 8;
    check_eq!(arch::U64_ARG == U64Arg::Register, is_wide);
    let mut same = file.read_at(&mut byte, 0);
    check!(matches!(same, Ok(1)) && byte[0] == 0x7f);
    same = file.read_at(&mut byte, u64::MAX >> 2);
    check!(matches!(same, Ok(0) | Err(_)));
    Ok(())
}

/// `VDSO_CLOCK`: where the kernel gives a vDSO, the function is in it, and it answers.
fn vdso_clock_is_the_kernels() -> Verdict {
    if Process::get().auxv().vdso_address() == 0 {
        return Err(suite::Stop::Skip("the kernel gives no vDSO"));
    }
    let before = seam::vdso_readings();
    Instant::now();
    SystemTime::now();
    let expected = if arch::VDSO_CLOCK.is_some() { 2 } else { 0 };
    check_eq!(seam::vdso_readings() - before, expected);
    Ok(())
}

/// `thread_pointer`, `set_thread_pointer`.
fn thread_pointer_can_be_set_to_itself() -> Verdict {
    let same = thread::spawn(|| {
        // SAFETY: the thread's own TLS, set to what it is.
        unsafe {
            let tp = arch::thread_pointer();
            let result = arch::set_thread_pointer(tp);
            (result, tp == arch::thread_pointer(), tp)
        }
    });
    let Ok((result, is_same, tp)) = same.join() else {
        return Ok(());
    };
    check_eq!(result, 0);
    check!(is_same);
    // SAFETY: TLS is up.
    check!(unsafe { arch::thread_pointer() } != tp);
    Ok(())
}

/// `current`, `set_current`.
fn current_word_is_each_threads_own() -> Verdict {
    // SAFETY: TLS is up, here and in the thread.
    let here = unsafe { arch::current() };
    let there = thread::spawn(|| unsafe {
        let before = arch::current();
        arch::set_current(before);
        (before, arch::current())
    });
    let Ok((before, after)) = there.join() else {
        return Ok(());
    };
    check_eq!(before, after);
    check!(before != here && before != 0 && here != 0);
    Ok(())
}

/// `clone_thread`, the parent's side: flags that contradict each other are `EINVAL`.
fn clone_reports_errors() -> Verdict {
    let mut word = 0u32;
    let mut stack = Aligned([0; 16]);
    let top = stack.0.as_mut_ptr() as usize + 16;
    let flags = k::CLONE_THREAD as usize;
    let tp = 0;
    let (word, control) = (&raw mut word, core::ptr::null_mut());
    // SAFETY: CLONE_THREAD without CLONE_SIGHAND and CLONE_VM starts nothing (clone(2), EINVAL).
    let raw = unsafe { arch::clone_thread(flags, top, word, word, tp, control) };
    check_eq!(raw, -(Errno::INVAL.raw() as isize));
    Ok(())
}

static UNMAPPED: AtomicU32 = AtomicU32::new(0);

/// `unmap_and_exit`: with the cache off, a detached thread's memory is gone when it is.
fn unmap_and_exit_unmaps() -> Verdict {
    thread::set_cache_limits(thread::CacheLimits::OFF);
    let address = thread::spawn(|| {
        let local = 0u8;
        black_box(&raw const local).addr()
    });
    check!(address.join().is_ok());
    let before = suite::kernel::mapping_count();
    check!(before > 0);
    for _ in 0..20 {
        thread::spawn(|| UNMAPPED.fetch_add(1, Ordering::Release)).detach();
    }
    while UNMAPPED.load(Ordering::Acquire) < 20 {
        thread::yield_now();
    }
    // The last ones may still be between the count and their end; they get there.
    let mut left = 1_000_000u32;
    while suite::kernel::mapping_count() > before && left > 0 {
        thread::yield_now();
        left -= 1;
    }
    thread::set_cache_limits(thread::CacheLimits::DEFAULT);
    check_eq!(suite::kernel::mapping_count(), before);
    Ok(())
}

/// `trap`.
fn trap_is_deadly() -> Verdict {
    let end = child::run(|| {
        child::no_core_file();
        arch::trap()
    });
    check!(matches!(end, End::Signal(signal) if TRAP_SIGNALS.contains(&(signal as u32))));
    Ok(())
}

/// The crate `sc`, where it compiles, gives the same answers to the same calls.
#[cfg(second_implementation)]
fn second_implementation_agrees() -> Verdict {
    let mut name = [0u8; 16];
    let to = name.as_mut_ptr() as usize;
    let page = Process::get().page_bytes;
    let (prot, flags) = (
        k::PROT_READ as usize,
        (k::MAP_PRIVATE | k::MAP_ANONYMOUS) as usize,
    );
    // SAFETY: the same harmless calls by two hands.
    unsafe {
        check_eq!(
            sc::syscall0(arch::nr::GETPID),
            arch::syscall0(arch::nr::GETPID) as usize
        );
        for fd in [999_999, usize::MAX] {
            let ours = arch::syscall1(arch::nr::CLOSE, fd);
            check_eq!(sc::syscall1(arch::nr::CLOSE, fd), ours as usize);
        }
        check_eq!(
            sc::syscall2(arch::nr::MUNMAP, 1, page),
            arch::syscall2(arch::nr::MUNMAP, 1, page) as usize
        );
        check_eq!(
            sc::syscall3(arch::nr::READ, usize::MAX, to, 16),
            arch::syscall3(arch::nr::READ, usize::MAX, to, 16) as usize
        );
        check_eq!(
            sc::syscall4(arch::nr::RT_SIGPROCMASK, 77, to, 0, 8),
            arch::syscall4(arch::nr::RT_SIGPROCMASK, 77, to, 0, 8) as usize
        );
        check_eq!(
            sc::syscall5(arch::nr::PRCTL, 16, to, 0, 0, 0),
            arch::syscall5(arch::nr::PRCTL, 16, to, 0, 0, 0) as usize
        );
        let theirs = sc::syscall6(arch::nr::MMAP, 0, page, prot, flags, usize::MAX, 0);
        let ours = arch::syscall6(arch::nr::MMAP, 0, page, prot, flags, usize::MAX, 0);
        check!(theirs % page == 0 && ours as usize % page == 0);
        let bad = sc::syscall6(arch::nr::MMAP, 0, 0, prot, flags, usize::MAX, 0);
        check_eq!(
            bad,
            arch::syscall6(arch::nr::MMAP, 0, 0, prot, flags, usize::MAX, 0) as usize
        );
    }
    Ok(())
}

/// The crate `sc` has no version of this CPU that compiles.
#[cfg(not(second_implementation))]
fn second_implementation_agrees() -> Verdict {
    Err(suite::Stop::Skip("sc does not compile for this CPU"))
}
