//! A program that keeps its own entry point and hands threadbare what the kernel left there: the
//! initial stack (`stack`, or no argument); or, as its argument says, the auxiliary vector
//! (`vector`) or the program headers alone (`headers`).
//!
//! Everything before `start::initialize` is the program's own, and does without thread-locals,
//! locks and panics. After it there are threads.

#![no_std]
#![no_main]
#![cfg_attr(experimental_asm, feature(asm_experimental_arch))]

mod entry;

use core::cell::Cell;
use core::ffi::CStr;

use threadbare::start::{self, HandOver};
use threadbare::{env, eprintln, println, process, thread, thread_local};

thread_local! {
    static MINE: Cell<u32> = const { Cell::new(40) };
}

/// Where the entry point goes, with what the kernel left in the stack pointer.
extern "C" fn begin(stack: *const usize) -> ! {
    // SAFETY: the kernel's initial stack.
    let (from, said) = unsafe { choose(stack) };
    // SAFETY: what the kernel made, which stays; this is the first thread, and the only start; the
    // entry point has relocated the program and aligned the stack.
    unsafe { start::initialize(from) };

    let Some(said) = said else {
        eprintln!("own_start: hand over what? `stack`, `vector` or `headers`");
        process::exit(1)
    };
    println!("handed over: {said}");
    println!("arguments: {}", env::args().len());
    let workers = [1, 2, 3].map(|number| {
        thread::spawn(move || {
            MINE.set(MINE.get() + number);
            MINE.get()
        })
    });
    let sum: u32 = workers
        .into_iter()
        .filter_map(|worker| worker.join().ok())
        .sum();
    println!(
        "threads say {sum}, {} says {}",
        thread::current().name().unwrap_or("?"),
        MINE.get()
    );
    process::exit(0)
}

/// Chooses by the first argument, which is read by hand: `env::args` is not there yet. Names what
/// is handed over, but for an argument that names nothing.
///
/// # Safety
/// 1. `stack` is the kernel's initial stack.
unsafe fn choose(stack: *const usize) -> (HandOver, Option<&'static str>) {
    // SAFETY: clause 1: the count, the arguments and a null pointer.
    let (count, wish) = unsafe { (*stack, *stack.add(2)) };
    let wish = if count > 1 {
        // SAFETY: clause 1: the second argument, which ends with a zero.
        unsafe { CStr::from_ptr(wish as *const _) }
    } else {
        c""
    };
    match wish.to_bytes() {
        b"vector" => {
            // SAFETY: clause 1.
            let vector = unsafe { vector_above(stack) };
            (
                HandOver::AuxiliaryVector(vector),
                Some("the auxiliary vector"),
            )
        }
        b"headers" => {
            // SAFETY: clause 1.
            let value = |kind| unsafe { value_of(kind, vector_above(stack)) };
            let headers = HandOver::ProgramHeaders {
                headers: value(AT_PHDR) as *const u8,
                count: value(AT_PHNUM),
                page_bytes: value(AT_PAGESZ),
            };
            (headers, Some("the program headers"))
        }
        b"" | b"stack" => (HandOver::InitialStack(stack), Some("the initial stack")),
        // There is nobody yet to say so: the program starts, and does.
        _ => (HandOver::InitialStack(stack), None),
    }
}

const AT_NULL: usize = 0;
const AT_PHDR: usize = 3;
const AT_PHNUM: usize = 5;
const AT_PAGESZ: usize = 6;

/// The auxiliary vector comes after the arguments and the environment, each with a null pointer.
///
/// # Safety
/// 1. `stack` is the kernel's initial stack.
unsafe fn vector_above(stack: *const usize) -> *const usize {
    // SAFETY: clause 1, for all of it.
    unsafe {
        let mut at = stack.add(1 + *stack + 1);
        while *at != 0 {
            at = at.add(1);
        }
        at.add(1)
    }
}

/// An entry's value, 0 where there is none.
///
/// # Safety
/// 1. `pair` is an auxiliary vector.
unsafe fn value_of(kind: usize, mut pair: *const usize) -> usize {
    // SAFETY: clause 1, for all of it.
    unsafe {
        while *pair != kind && *pair != AT_NULL {
            pair = pair.add(2);
        }
        if *pair == kind { *pair.add(1) } else { 0 }
    }
}
