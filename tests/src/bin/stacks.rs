//! A stack as a buffer: its guard, its owner, what it tells of itself.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, Ordering};

use suite::kernel::{self, Disposition, call, mapping_count};
use suite::{Stop, Verdict, check, check_eq, limits};
use threadbare::seam::arch::{kernel as k, nr};
use threadbare::seam::sys::task;
use threadbare::seam::{self, thread_counts};
use threadbare::thread::{self, Builder, CacheLimits, SpawnError, StaticStack};
use threadbare::{Errno, env, process};

suite::area! { 39:
    stack_says_where_it_is,
    stack_of_main_follows_the_limit,
    callers_memory_is_used_and_given_back,
    callers_memory_needs_no_mapping,
    callers_memory_may_begin_anywhere,
    callers_memory_that_is_too_small_says_what_would_do,
    callers_memory_comes_back_from_a_refused_thread,
    callers_memory_of_a_thread_that_exits_does_not_come_back,
    callers_memory_of_a_detached_thread_is_left_alone,
    callers_memory_keeps_its_record_for_handlers,
    measured_stack_tells_pages,
    measured_stack_is_empty_even_if_reused,
    measured_while_running,
    painted_stack_tells_bytes,
    both_ways_agree,
    painted_memory_of_the_callers,
    refused_questions_measure_nothing,
    nothing_is_measured_unasked,
}

macro_rules! spawned {
    ($spawned:expr) => {
        match $spawned {
            Ok(handle) => handle,
            Err(_) => return Err(Stop::Fail(file!(), line!(), "it could be spawned")),
        }
    };
}

fn stack_says_where_it_is() -> Verdict {
    let handle = spawned!(Builder::new().stack_size(300_000).spawn(|| {
        let local = 0u8;
        (thread::stack(), black_box(&raw const local).addr())
    }));
    let Ok((stack, address)) = handle.join() else {
        check!("a stack" == "told");
        return Ok(());
    };
    check!(stack.size() >= 300_000);
    check!(stack.size() < 300_000 + (64 << 10) + 2 * env::page_size());
    check!((stack.base()..stack.base() + stack.size()).contains(&address));
    check!(stack.guard_size() >= env::page_size());
    let deep = spawned!(Builder::new().stack_size(300_000).spawn(|| {
        let before = thread::stack().remaining();
        let frame = black_box([1u8; 100_000]);
        (before, remaining_below(&frame))
    }));
    let Ok((before, after)) = deep.join() else {
        check!("a stack" == "told");
        return Ok(());
    };
    check!(before <= 300_000 + (64 << 10) + 2 * env::page_size() && after < before);
    Ok(())
}

#[inline(never)]
fn remaining_below(frame: &[u8]) -> usize {
    black_box(frame);
    thread::stack().remaining()
}

fn stack_of_main_follows_the_limit() -> Verdict {
    let stack = thread::stack();
    let local = 0u8;
    let address = black_box(&raw const local).addr();
    check!((stack.base()..stack.base() + stack.size()).contains(&address));
    check!(stack.remaining() > 0 && stack.remaining() < stack.size());
    check_eq!(stack.guard_size(), 0);
    check_eq!(stack.high_water(), None);
    match seam::sys::task::stack_bytes_max() {
        // What the arguments and the environment take is not for frames.
        Some(bytes) => check!((bytes / 2..=bytes).contains(&stack.size())),
        None => check_eq!(stack.base(), 0),
    }
    seam::order(nr::PRLIMIT64, 0, 1, Errno::PERM);
    let unknown = thread::stack();
    check_eq!(seam::end(), 1);
    check_eq!(unknown.base(), 0);
    Ok(())
}

const MEMORY_BYTES: usize = 160 << 10;
static MEMORY: StaticStack<MEMORY_BYTES> = StaticStack::new();
/// Kept between cases, for the cases run one after the other.
static LENT: threadbare::sync::Mutex<Option<&'static mut [MaybeUninit<u8>]>> =
    threadbare::sync::Mutex::new(None);

/// The memory, which whoever is done gives back.
fn memory() -> Result<&'static mut [MaybeUninit<u8>], Stop> {
    let lent = LENT.lock().unwrap().take();
    lent.or_else(|| MEMORY.take())
        .ok_or(Stop::Fail(file!(), line!(), "the memory was given back"))
}

fn give_back(memory: Option<&'static mut [MaybeUninit<u8>]>) -> Verdict {
    check!(
        memory
            .as_ref()
            .is_some_and(|memory| memory.len() == MEMORY_BYTES)
    );
    *LENT.lock().unwrap() = memory;
    Ok(())
}

fn callers_memory_is_used_and_given_back() -> Verdict {
    let mut memory = memory()?;
    let range = memory.as_ptr_range();
    let range = range.start.addr()..range.end.addr();
    for number in 0..20u32 {
        let in_range = range.clone();
        let handle = spawned!(Builder::new().stack(memory).spawn(move || {
            let (local, stack) = (0u8, thread::stack());
            let is_inside = in_range.contains(&black_box(&raw const local).addr())
                && in_range.contains(&stack.base())
                && stack.guard_size() == 0;
            (is_inside, number)
        }));
        let (result, returned) = handle.join_with_stack();
        check_eq!(result, Ok((true, number)));
        let Some(returned) = returned else {
            check!("the memory" == "given back");
            return Ok(());
        };
        check_eq!(returned.as_ptr().addr(), range.start);
        memory = returned;
    }
    give_back(Some(memory))
}

fn callers_memory_needs_no_mapping() -> Verdict {
    thread::set_cache_limits(CacheLimits::OFF);
    let memory = memory()?;
    let before = mapping_count();
    seam::order(nr::MMAP, 0, 9, Errno::NOMEM);
    let spawned = Builder::new().stack(memory).spawn(|| 6 * 7);
    let (result, memory) = spawned!(spawned).join_with_stack();
    check_eq!(seam::end(), 0);
    check_eq!(result, Ok(42));
    check_eq!(mapping_count(), before);
    thread::set_cache_limits(CacheLimits::DEFAULT);
    give_back(memory)
}

fn callers_memory_may_begin_anywhere() -> Verdict {
    let mut memory = memory()?;
    let (base, bytes) = (memory.as_mut_ptr(), memory.len());
    for (skip, less) in [(0, 0), (1, 0), (3, 5), (7, 1), (15, 15), (8, 2)] {
        let part =
            core::ptr::slice_from_raw_parts_mut(base.wrapping_add(skip), bytes - skip - less);
        // SAFETY: the part is the memory's, which nobody uses until the thread is joined.
        let builder = unsafe { Builder::new().stack_raw(part) };
        let handle = spawned!(
            builder
                .paint(true)
                .spawn(move || black_box([skip; 512])[511])
        );
        let (result, returned) = handle.join_with_stack();
        check_eq!(result, Ok(skip));
        check_eq!(returned.map(|it| it.len()), Some(bytes - skip - less));
    }
    // SAFETY: the same memory again.
    memory = unsafe { core::slice::from_raw_parts_mut(base, bytes) };
    give_back(Some(memory))
}

fn callers_memory_that_is_too_small_says_what_would_do() -> Verdict {
    let memory = memory()?;
    let (base, bytes) = (memory.as_mut_ptr(), memory.len());
    let part = |bytes| {
        let part = core::ptr::slice_from_raw_parts_mut(base.wrapping_add(1), bytes);
        // SAFETY: the part is the memory's, which nobody uses until the thread is joined.
        unsafe { Builder::new().stack_raw(part) }
    };
    for few in [0, 1, 15, 1000] {
        let refused = part(few).spawn(|| 1).err();
        let Some(SpawnError::StackTooSmall { bytes_min }) = refused else {
            check!("too small" == "refused");
            return Ok(());
        };
        check!(bytes_min > 1000 && bytes_min < bytes - 1);
        let handle = spawned!(part(bytes_min).spawn(|| 1));
        check_eq!(handle.join(), Ok(1));
    }
    let asked = part(bytes - 1).stack_size(bytes).spawn(|| 1).err();
    check!(matches!(asked, Some(SpawnError::StackTooSmall { bytes_min }) if bytes_min > bytes));
    let absurd = part(bytes - 1).stack_size(usize::MAX).spawn(|| 1).err();
    check_eq!(absurd, Some(SpawnError::OutOfMemory));
    // SAFETY: the same memory again.
    give_back(Some(unsafe {
        core::slice::from_raw_parts_mut(base, bytes)
    }))
}

fn callers_memory_comes_back_from_a_refused_thread() -> Verdict {
    let memory = memory()?;
    let address = memory.as_ptr().addr();
    let counts = thread_counts();
    let text = [3u8; 40];
    seam::order(nr::CLONE, 0, 1, Errno::AGAIN);
    let refused = Builder::new()
        .stack(memory)
        .spawn_or_return(move || text[39]);
    check_eq!(seam::end(), 1);
    let Err(refused) = refused else {
        check!("a thread" == "refused");
        return Ok(());
    };
    check_eq!(refused.error, SpawnError::ThreadQuotaExceeded);
    check_eq!((refused.closure)(), 3);
    check_eq!(thread_counts(), counts);
    check_eq!(
        refused.stack.as_ref().map(|it| it.as_ptr().addr()),
        Some(address)
    );
    give_back(refused.stack)
}

fn callers_memory_of_a_thread_that_exits_does_not_come_back() -> Verdict {
    static OWN: StaticStack<{ 96 << 10 }> = StaticStack::new();
    let Some(memory) = OWN.take() else {
        check!("memory" == "there");
        return Ok(());
    };
    let handle = spawned!(
        Builder::new()
            .stack(memory)
            .spawn(|| -> u32 { thread::exit() })
    );
    let (result, memory) = handle.join_with_stack();
    check!(result.is_err() && memory.is_none());
    Ok(())
}

fn callers_memory_of_a_detached_thread_is_left_alone() -> Verdict {
    static OWN: StaticStack<{ 96 << 10 }> = StaticStack::new();
    static DONE: AtomicU32 = AtomicU32::new(0);
    let Some(memory) = OWN.take() else {
        check!("memory" == "there");
        return Ok(());
    };
    let counts = thread_counts();
    spawned!(
        Builder::new()
            .stack(memory)
            .spawn(|| DONE.store(1, Ordering::Release))
    )
    .detach();
    let mut left = 10_000_000u32;
    while (DONE.load(Ordering::Acquire) == 0 || thread_counts() != counts) && left > 0 {
        thread::yield_now();
        left -= 1;
    }
    // The record is free again, and nothing was unmapped or cached.
    check_eq!(thread_counts(), counts);
    Ok(())
}

extern "C" fn ask_whose_thread_it_is(_: i32) {
    drop(thread::current());
    ASKED.fetch_add(1, Ordering::Relaxed);
}

static ASKED: AtomicU32 = AtomicU32::new(0);

/// A thread that nobody joins has its record until no handler can run there any more. Signals come
/// to it as fast as they can be sent; whether one finds the last moment is luck, which takes some
/// ten threads.
fn callers_memory_keeps_its_record_for_handlers() -> Verdict {
    static TARGET: AtomicU32 = AtomicU32::new(0);
    static IS_OVER: AtomicU32 = AtomicU32::new(0);
    let mut memory = [MaybeUninit::<u8>::uninit(); 128 << 10];
    let memory = &raw mut memory;
    kernel::dispose(k::SIGUSR2, Disposition::Handle(ask_whose_thread_it_is));
    let sender = kernel::spawn_without_signals(|| {
        while IS_OVER.load(Ordering::Relaxed) == 0 {
            let (process, target) = (process::id() as usize, TARGET.load(Ordering::Relaxed));
            if target != 0 {
                let arguments = [process, target as usize, k::SIGUSR2 as usize, 0, 0, 0];
                // SAFETY: the signal has a handler; who is gone gets none.
                let _ = unsafe { call(k::__NR_tgkill, arguments) };
            }
        }
    });
    let rounds = if limits::is_emulated() { 4 } else { 100 };
    let counts = thread_counts();
    let mut drift = false;
    for round in 0..rounds {
        // SAFETY: it is there until the thread is gone, which is waited for.
        let builder = unsafe { Builder::new().stack_raw(memory) };
        let handle = spawned!(builder.spawn(|| {
            let before = ASKED.load(Ordering::Relaxed);
            TARGET.store(task::kernel_thread_id(), Ordering::Relaxed);
            while ASKED.load(Ordering::Relaxed) < before.wrapping_add(3) {
                core::hint::spin_loop();
            }
        }));
        let tid = handle.thread().kernel_id();
        while round % 2 == 0 && !handle.is_finished() {
            thread::yield_now();
        }
        drop(handle);
        while tid.is_some_and(task::is_in_this_process) {
            thread::yield_now();
        }
        TARGET.store(0, Ordering::Relaxed);
        drift |= thread_counts() != counts;
    }
    IS_OVER.store(1, Ordering::Relaxed);
    check!(sender.join().is_ok());
    check!(!drift);
    Ok(())
}

/// Touches so much of the stack, and returns what keeps it from being optimised away.
#[inline(never)]
fn use_stack<const BYTES: usize>() -> u8 {
    let frame = black_box([1u8; BYTES]);
    frame[BYTES / 2]
}

/// What a thread needs besides, in any build: frames of the way in and out.
const OVERHEAD_BYTES: usize = 48 << 10;

fn used(builder: Builder, f: fn() -> u8) -> Option<usize> {
    let handle = builder.stack_size(1 << 20).spawn(f).ok()?;
    let thread = handle.thread().clone();
    handle.join().ok()?;
    thread.stack_high_water()
}

/// Whether `found` is what a thread uses that uses a frame of `bytes`; unoptimised code may have it
/// twice.
fn is_about(found: Option<usize>, bytes: usize) -> bool {
    let most = if cfg!(debug_assertions) {
        2 * bytes
    } else {
        bytes
    };
    let slack = OVERHEAD_BYTES + env::page_size();
    found.is_some_and(|found| (bytes..most + slack).contains(&found))
}

/// Ends a case as skipped where the kernel does not tell which pages are in memory.
fn need_pages() -> Verdict {
    match used(Builder::new().measure(true), || 0) {
        Some(_) => Ok(()),
        None => Err(Stop::Skip("the emulator answers for its host's pages")),
    }
}

fn measured_stack_tells_pages() -> Verdict {
    need_pages()?;
    let measured = || Builder::new().measure(true);
    let (small, large) = (
        used(measured(), || 0),
        used(measured(), use_stack::<300_000>),
    );
    threadbare::println!("# {small:?} {large:?}");
    check!(is_about(small, 0));
    check!(is_about(large, 300_000));
    Ok(())
}

fn measured_stack_is_empty_even_if_reused() -> Verdict {
    need_pages()?;
    // Leaves a used stack in the cache.
    let _ = used(Builder::new(), use_stack::<400_000>);
    let small = used(Builder::new().measure(true), || 0);
    check!(is_about(small, 0));
    Ok(())
}

fn measured_while_running() -> Verdict {
    need_pages()?;
    static STEP: AtomicU32 = AtomicU32::new(0);
    fn wait_for(step: u32) {
        while STEP.load(Ordering::Acquire) < step {
            thread::yield_now();
        }
    }
    let builder = Builder::new().measure(true).stack_size(1 << 20);
    let handle = spawned!(builder.spawn(|| {
        let before = thread::stack().high_water();
        wait_for(1);
        let _ = use_stack::<200_000>();
        STEP.store(2, Ordering::Release);
        wait_for(3);
        (before, thread::stack().high_water())
    }));
    let early = handle.stack().high_water();
    check_eq!(handle.thread().stack_high_water(), None);
    STEP.store(1, Ordering::Release);
    wait_for(2);
    let late = handle.stack().high_water();
    STEP.store(3, Ordering::Release);
    let thread = handle.thread().clone();
    let Ok((before, after)) = handle.join() else {
        check!("a thread" == "joined");
        return Ok(());
    };
    check!(is_about(early, 0) && is_about(before, 0));
    check!(is_about(late, 200_000) && is_about(after, 200_000));
    check!(is_about(thread.stack_high_water(), 200_000));
    Ok(())
}

fn painted_stack_tells_bytes() -> Verdict {
    let painted = || Builder::new().paint(true);
    let small = used(painted(), || 0);
    let (less, more) = (
        used(painted(), use_stack::<100_000>),
        used(painted(), use_stack::<100_160>),
    );
    threadbare::println!("# {small:?} {less:?} {more:?}");
    check!(is_about(small, 0));
    check!(is_about(less, 100_000));
    // To the byte: the same code with a frame that is a little larger, which may be there twice.
    let difference = more.zip(less).map(|(more, less)| more.wrapping_sub(less));
    check!(difference.is_some_and(|bytes| (160..1024).contains(&bytes)));
    Ok(())
}

fn both_ways_agree() -> Verdict {
    need_pages()?;
    let less = used(Builder::new().paint(true), use_stack::<100_000>);
    let measured = used(Builder::new().measure(true), use_stack::<100_000>);
    let difference = measured
        .zip(less)
        .map(|(pages, bytes)| pages.abs_diff(bytes));
    check!(difference.is_some_and(|bytes| bytes <= 2 * env::page_size()));
    Ok(())
}

fn painted_memory_of_the_callers() -> Verdict {
    let memory = memory()?;
    // Pages of a static may have been touched before: nothing is told by them.
    let builder = Builder::new().paint(true).measure(true).stack(memory);
    let handle = spawned!(builder.spawn(use_stack::<50_000>));
    let thread = handle.thread().clone();
    let (result, memory) = handle.join_with_stack();
    check_eq!(result, Ok(1));
    check!(is_about(thread.stack_high_water(), 50_000));
    let Some(memory) = memory else {
        check!("the memory" == "given back");
        return Ok(());
    };
    let handle = spawned!(Builder::new().measure(true).stack(memory).spawn(|| 2));
    let thread = handle.thread().clone();
    let (result, memory) = handle.join_with_stack();
    check_eq!(result, Ok(2));
    check_eq!(thread.stack_high_water(), None);
    give_back(memory)
}

fn refused_questions_measure_nothing() -> Verdict {
    seam::order(nr::MINCORE, 0, 9, Errno::NOSYS);
    let found = used(Builder::new().measure(true), use_stack::<50_000>);
    check!(seam::end() > 0);
    check_eq!(found, None);
    // A reused stack that cannot be emptied tells nothing either.
    let _ = used(Builder::new(), || 0);
    // The first call asks for no huge pages, and may be refused.
    seam::order(nr::MADVISE, 1, 1, Errno::INVAL);
    let found = used(Builder::new().measure(true), || 0);
    check_eq!(seam::end(), 1);
    check_eq!(found, None);
    Ok(())
}

fn nothing_is_measured_unasked() -> Verdict {
    seam::order(nr::MINCORE, 0, 9, Errno::NOSYS);
    check_eq!(used(Builder::new(), use_stack::<50_000>), None);
    check_eq!(seam::end(), 0);
    Ok(())
}
