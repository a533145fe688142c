//! What must kill the process, and by which signal.

#![no_std]
#![no_main]

use core::hint::black_box;

use suite::child::{self, End};
use suite::{Verdict, check, check_eq};
use threadbare::seam::arch::kernel as k;
use threadbare::thread::{self, Builder};

suite::area! { 18:
    linked_stack_size_is_the_default,
    endless_recursion_hits_the_guard,
    a_large_frame_hits_the_guard,
    recursion_on_reused_memory_hits_the_guard,
    panic_in_a_thread_ends_the_process,
    panic_in_a_detached_thread_ends_the_process,
}

/// This program is linked with `-z stack-size` of so many bytes.
const LINKED_STACK_BYTES: usize = 128 << 10;

/// `PT_GNU_STACK`'s size is what a thread gets that asked for nothing.
fn linked_stack_size_is_the_default() -> Verdict {
    let region = thread::spawn(|| {
        let local = 0u8;
        suite::kernel::region_of(black_box(&raw const local).addr())
    });
    let Ok(Some((stack, _))) = region.join() else {
        check!("a stack" == "in the list of mappings");
        return Ok(());
    };
    let bytes = stack.end - stack.start;
    // With what else the thread has there, in whole pages, of which its signal stack has its own.
    let most = LINKED_STACK_BYTES + (96 << 10) + 2 * threadbare::env::page_size();
    check!((LINKED_STACK_BYTES..most).contains(&bytes));
    Ok(())
}

const SEGV: End = End::Signal(k::SIGSEGV as i32);

#[inline(never)]
#[allow(unconditional_recursion, reason = "the point of it")]
fn recurse(depth: usize) -> usize {
    let frame = black_box([depth; 64]);
    black_box(recurse(depth + 1)) + frame[0]
}

fn endless_recursion_hits_the_guard() -> Verdict {
    let end = child::run(|| {
        child::no_core_file();
        let handle = Builder::new().stack_size(64 << 10).spawn(|| recurse(0));
        let _ = handle.map(|handle| handle.join());
    });
    check_eq!(end, SEGV);
    Ok(())
}

/// A frame of 40 KiB at the stack's end: probed page by page, or smaller than the guard.
#[inline(never)]
fn step(left: usize) -> u8 {
    let frame = black_box([1u8; 40 << 10]);
    if left == 0 {
        frame[0]
    } else {
        black_box(step(left - 1)) + frame[100]
    }
}

fn a_large_frame_hits_the_guard() -> Verdict {
    let end = child::run(|| {
        child::no_core_file();
        let handle = Builder::new().stack_size(64 << 10).spawn(|| step(4));
        let _ = handle.map(|handle| handle.join());
    });
    check_eq!(end, SEGV);
    Ok(())
}

fn recursion_on_reused_memory_hits_the_guard() -> Verdict {
    let end = child::run(|| {
        child::no_core_file();
        let _ = thread::spawn(|| ()).join();
        let _ = thread::spawn(|| recurse(0)).join();
    });
    check_eq!(end, SEGV);
    Ok(())
}

fn panic_in_a_thread_ends_the_process() -> Verdict {
    let end = child::run(|| {
        child::no_core_file();
        let _ = thread::spawn(|| panic!("expected by the suite")).join();
    });
    check_eq!(end, End::Signal(k::SIGABRT as i32));
    Ok(())
}

fn panic_in_a_detached_thread_ends_the_process() -> Verdict {
    let end = child::run(|| {
        child::no_core_file();
        thread::spawn(|| panic!("expected by the suite")).detach();
        loop {
            thread::yield_now();
        }
    });
    check_eq!(end, End::Signal(k::SIGABRT as i32));
    Ok(())
}
