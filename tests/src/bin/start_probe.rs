//! Not a program of the suite's protocol: it tells what it found at its start, for `start_loader`.

#![no_std]
#![no_main]
#![feature(thread_local)]

use core::cell::Cell;
use core::hint::black_box;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use threadbare::process::ExitCode;
use threadbare::seam::{Process, arch};
use threadbare::{env, println, thread};

threadbare::entry!(main);

#[thread_local]
static INITIAL: Cell<u32> = Cell::new(0x0102_0304);
#[thread_local]
static ZERO: Cell<u32> = Cell::new(0);

/// What has to lie at a multiple of the stack's alignment.
#[repr(align(8))]
struct Word(#[allow(dead_code, reason = "its address is what counts")] u64);

/// Pointers that a position-independent program has to relocate.
static NAMES: [&str; 3] = ["zero", "one", "two"];
/// So many in a row that a packed table of relocations needs several bitmaps for them.
static TEXTS: [&str; 200] = ["text"; 200];
static HOOKS: [extern "C" fn(); 2] = [count_hook, count_hook];

static HOOK_CALLS: AtomicUsize = AtomicUsize::new(0);

extern "C" fn count_hook() {
    HOOK_CALLS.fetch_add(1, Relaxed);
}

#[used]
#[unsafe(link_section = ".init_array")]
static INIT: extern "C" fn() = count_hook;

fn tell(what: &str, is_right: bool) {
    println!("{what} {}", if is_right { "ok" } else { "wrong" });
}

fn main() -> ExitCode {
    let are_flags_clean = suite::loader::are_flags_clean();
    let process = Process::get();
    println!("arguments {}", env::args_os().len());
    for (index, argument) in env::args_os().enumerate().take(4) {
        println!("argument {index} {argument:?}");
    }
    println!("last {:?}", env::args_os().last());
    println!("variables {}", env::vars_os().count());
    for name in ["A", "B", "EMPTY", "BYTES", "=ODD", "NONE", ""] {
        println!(
            "variable {name} {:?} {:?}",
            env::var_os(name),
            env::var(name).is_ok()
        );
    }
    println!("page {}", env::page_size());
    println!("random {}", process.auxv().random_address() != 0);
    println!("canary {:#x}", process.canary);
    tell(
        "canary",
        process.canary != 0 && process.canary.to_ne_bytes()[0] == 0,
    );
    let current = thread::current();
    println!("thread {:?} {}", current.name(), current.id().as_u64());
    tell("tls", INITIAL.get() == 0x0102_0304 && ZERO.get() == 0);
    tell("flags", are_flags_clean);
    let word = Word(0);
    let aligned = black_box(&raw const word)
        .addr()
        .is_multiple_of(align_of::<Word>());
    tell("stack", aligned && stack_is_aligned());
    tell("hooks", HOOK_CALLS.load(Relaxed) == 1);
    HOOKS[black_box(1)]();
    let are_texts_right = black_box(&TEXTS).iter().all(|text| *text == "text");
    let are_names_right = NAMES[black_box(2)] == "two" && HOOK_CALLS.load(Relaxed) == 2;
    tell("pointers", are_texts_right && are_names_right);
    let answer = thread::spawn(|| {
        ZERO.set(ZERO.get() + INITIAL.get());
        ZERO.get()
    });
    tell("spawn", answer.join() == Ok(0x0102_0304) && ZERO.get() == 0);
    ExitCode::from(42)
}

/// Whether a local with the stack's alignment really has it: compilers count on the entry.
fn stack_is_aligned() -> bool {
    #[repr(align(16))]
    struct Block(#[allow(dead_code, reason = "its address is what counts")] [u8; 16]);
    let block = Block([0; 16]);
    let address = black_box(&raw const block).addr();
    address.is_multiple_of(arch::STACK_ALIGN_BYTES)
}
