//! What lies below a stack: as large as was asked for, of the kind that was asked for, and deadly.

#![no_std]
#![no_main]

use core::hint::black_box;

use suite::child::{self, End};
use suite::kernel::{mapping_count, region_of};
use suite::{Stop, Verdict, check, check_eq};
use threadbare::seam;
use threadbare::seam::arch::{self, kernel as k, nr};
use threadbare::thread::{self, Builder, CacheLimits, Guard, SpawnError};
use threadbare::{Errno, env};

suite::area! { 48:
    guard_has_the_size_that_was_asked_for,
    guard_of_no_bytes_is_none,
    default_guard_is_what_was_set,
    lightweight_guard_kills_or_is_replaced,
    lightweight_guard_that_does_nothing_is_not_trusted,
    lightweight_guard_that_is_refused_is_replaced,
    guards_are_not_mixed_up_in_the_cache,
    lightweight_guards_part_no_mappings,
}

macro_rules! spawned {
    ($spawned:expr) => {
        match $spawned {
            Ok(handle) => handle,
            Err(_) => return Err(Stop::Fail(file!(), line!(), "it could be spawned")),
        }
    };
}

/// A byte of the caller's stack, as the kernel lists it: its region, and the one below if they
/// touch.
#[inline(never)]
fn own_region() -> Option<(suite::kernel::Region, Option<suite::kernel::Region>)> {
    let local = 0u8;
    region_of(black_box(&raw const local).addr())
}

fn guard_has_the_size_that_was_asked_for() -> Verdict {
    let page = env::page_size();
    for bytes in [1, page, page + 1, 200_000] {
        let handle = spawned!(
            Builder::new()
                .guard(Guard::Bytes(bytes))
                .spawn(thread::stack)
        );
        let stack = handle.join();
        check_eq!(
            stack.map(|stack| stack.guard_size()),
            Ok(bytes.next_multiple_of(page))
        );
    }
    Ok(())
}

fn guard_of_no_bytes_is_none() -> Verdict {
    for guard in [Guard::None, Guard::Bytes(0)] {
        thread::set_cache_limits(CacheLimits::OFF);
        let before = mapping_count();
        // One call less, too: were there a guard, this would be a refusal.
        seam::order(nr::MPROTECT, 0, 1, Errno::NOMEM);
        let handle = spawned!(Builder::new().guard(guard).spawn(thread::stack));
        let stack = handle.join();
        check_eq!(seam::end(), 0);
        check_eq!(stack.map(|stack| stack.guard_size()), Ok(0));
        check_eq!(mapping_count(), before);
        thread::set_cache_limits(CacheLimits::DEFAULT);
    }
    Ok(())
}

fn default_guard_is_what_was_set() -> Verdict {
    let page = env::page_size();
    let guard_bytes = || thread::spawn(|| thread::stack().guard_size()).join();
    let default = guard_bytes();
    thread::set_default_guard(Guard::Bytes(5 * page));
    let set = guard_bytes();
    thread::set_default_guard(Guard::None);
    let none = guard_bytes();
    thread::set_default_guard(Guard::Bytes(if arch::STACK_PROBES { 1 } else { 64 << 10 }));
    check_eq!(set, Ok(5 * page));
    check_eq!(none, Ok(0));
    check_eq!(guard_bytes(), default);
    Ok(())
}

#[inline(never)]
#[allow(unconditional_recursion, reason = "the point of it")]
fn recurse(depth: usize) -> usize {
    let frame = black_box([depth; 64]);
    black_box(recurse(depth + 1)) + frame[0]
}

fn lightweight_guard_kills_or_is_replaced() -> Verdict {
    let end = child::run(|| {
        child::no_core_file();
        let guarded = Builder::new()
            .guard(Guard::Lightweight)
            .stack_size(64 << 10);
        let _ = guarded.spawn(|| recurse(0)).map(|handle| handle.join());
    });
    check_eq!(end, End::Signal(k::SIGSEGV as i32));
    Ok(())
}

/// Where the kernel knows such guards, `mprotect` is not called; where it takes the advice and does
/// nothing, as emulators do, it must be. Both are told by asking for a fault once.
fn lightweight_guard_that_does_nothing_is_not_trusted() -> Verdict {
    let end = child::run(|| {
        child::no_core_file();
        // Nothing to fall back on when the order is carried out.
        thread::set_cache_limits(CacheLimits::OFF);
        // A page without access is there, or a fault is reported: nothing in between.
        seam::order(nr::MPROTECT, 0, 1, Errno::NOMEM);
        let guarded = Builder::new()
            .guard(Guard::Lightweight)
            .stack_size(64 << 10);
        let spawned = guarded.spawn(own_region);
        let was_protected = seam::end() == 1;
        match spawned {
            Err(SpawnError::OutOfMemory) if was_protected => threadbare::process::exit(1),
            Ok(handle) if !was_protected => {
                let Ok(Some((_, below))) = handle.join() else {
                    threadbare::process::exit(3)
                };
                // Not to be seen in the list: the region below, if it touches, is the stack's own.
                let is_hidden = below.is_none_or(|below| below.is_readable);
                threadbare::process::exit(if is_hidden { 2 } else { 4 })
            }
            _ => threadbare::process::exit(5),
        }
    });
    check!(matches!(end, End::Exit(1 | 2)));
    Ok(())
}

fn lightweight_guard_that_is_refused_is_replaced() -> Verdict {
    let end = child::run(|| {
        seam::order(nr::MADVISE, 0, 1, Errno::INVAL);
        let light = || {
            Builder::new()
                .guard(Guard::Lightweight)
                .stack_size(64 << 10)
        };
        let first = light().spawn(own_region).map(|handle| handle.join());
        let was_asked = seam::end() == 1;
        // It is not asked again.
        seam::order(nr::MADVISE, 0, 1, Errno::INVAL);
        let second = light().spawn(own_region).map(|handle| handle.join());
        let was_asked_again = seam::end() == 1;
        let guarded = [first, second].into_iter().all(|region| {
            // Emulators may leave regions without access out of the list: then nothing touches.
            matches!(region, Ok(Ok(Some((_, below)))) if below.is_none_or(|it| !it.is_readable))
        });
        let is_right = was_asked && !was_asked_again && guarded;
        threadbare::process::exit(if is_right { 6 } else { 7 })
    });
    check_eq!(end, End::Exit(6));
    Ok(())
}

fn guards_are_not_mixed_up_in_the_cache() -> Verdict {
    thread::set_cache_limits(CacheLimits::OFF);
    thread::set_cache_limits(CacheLimits::DEFAULT);
    let guards = [
        Guard::None,
        Guard::Bytes(1),
        Guard::Bytes(1 << 18),
        Guard::Lightweight,
    ];
    for round in 0..8 {
        let guard = guards[round % guards.len()];
        let handle = spawned!(Builder::new().guard(guard).spawn(thread::stack));
        let bytes = handle.join().map(|stack| stack.guard_size());
        match guard {
            Guard::None => check_eq!(bytes, Ok(0)),
            Guard::Bytes(asked) => check_eq!(bytes, Ok(asked.next_multiple_of(env::page_size()))),
            _ => check!(bytes.is_ok_and(|bytes| bytes > 0)),
        }
    }
    Ok(())
}

/// Neither the guards nor the pages of thread records between them are mappings of their own.
fn lightweight_guards_part_no_mappings() -> Verdict {
    const COUNT: usize = 300;
    thread::set_cache_limits(CacheLimits::OFF);
    let light = || {
        Builder::new()
            .guard(Guard::Lightweight)
            .stack_size(32 << 10)
    };
    // Where they are not to be had, each thread has two mappings.
    seam::order(nr::MPROTECT, 0, 1, Errno::NOMEM);
    let first = light().spawn(thread::park);
    seam::end();
    let each_has = if first.is_ok() { 0 } else { 2 };
    let before = suite::kernel::mapping_count();
    let mut handles = [const { None }; COUNT];
    for handle in &mut handles {
        *handle = light().spawn(thread::park).ok();
    }
    let added = suite::kernel::mapping_count().saturating_sub(before);
    for handle in handles.into_iter().chain([first.ok()]).flatten() {
        handle.thread().unpark();
        check_eq!(handle.join(), Ok(()));
    }
    thread::set_cache_limits(CacheLimits::DEFAULT);
    check!(added <= each_has * COUNT + 6);
    Ok(())
}
