//! Panics that end the process though the policy is to end threads.
//!
//! Each case is a child process of its own: the policy is the process's.

#![no_std]
#![no_main]

use core::fmt::{self, Write};
use core::hint::black_box;
use core::sync::atomic::{AtomicBool, Ordering::SeqCst};

use suite::capture::{self, Captured};
use suite::child::{End, no_core_file};
use suite::{Verdict, check, check_eq};
use threadbare::io::SliceWriter;
use threadbare::seam::{arch, arch::kernel as k};
use threadbare::thread::{self, JoinError, PanicPolicy};
use threadbare::{process, thread_local};

suite::area! { 44:
    panic_in_main_aborts,
    panic_in_a_foreign_thread_aborts,
    panic_while_panicking_aborts,
    panic_in_the_results_destructor_aborts,
    panic_in_a_thread_locals_destructor_aborts,
    panic_in_a_destructor_at_the_process_end_aborts,
    panic_in_a_finaliser_aborts,
    panic_that_cannot_unwind_aborts,
    violated_precondition_aborts,
    words_of_the_users_own_end_the_thread,
}

const ABORTED: End = End::Signal(k::SIGABRT as i32);
/// What a child leaves with that got where it should.
const LIVES: u8 = 77;
const ALIVE: End = End::Exit(LIVES as i32);

/// Runs `body` in a child where panics end threads; the child lives if `body` returns true.
fn run(body: impl FnOnce() -> bool + Copy) -> Captured {
    capture::run(|| {
        no_core_file();
        thread::set_panic_policy(PanicPolicy::EndThread);
        if body() {
            process::exit(LIVES.into());
        }
    })
}

/// Runs `body` in a thread of a child, and expects that the process dies, with `message` said.
fn aborts(message: &str, body: impl FnOnce() + Send + Copy + 'static) -> Verdict {
    let captured = run(|| {
        let _ = thread::spawn(body).join();
        true
    });
    check_eq!(captured.end, ABORTED);
    check!(captured.stderr.as_str().contains(message));
    Ok(())
}

fn panicked<T>(joined: Result<T, JoinError>) -> bool {
    joined.is_err_and(|error| error.is_panic())
}

/// Panics when it is shown.
struct Bad;

impl fmt::Display for Bad {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("the inner one")
    }
}

fn panic_in_main_aborts() -> Verdict {
    let captured = run(|| panic!("in main"));
    check_eq!(captured.end, ABORTED);
    check!(
        captured
            .stderr
            .as_str()
            .starts_with("thread 'main' panicked at ")
    );
    Ok(())
}

fn panic_in_a_foreign_thread_aborts() -> Verdict {
    aborts(":\nnobody's\n", || {
        // What a thread has there that this crate did not start.
        // SAFETY: this thread's TLS is set up; the thread does not return.
        unsafe { arch::set_current(0) };
        panic!("nobody's")
    })
}

fn panic_while_panicking_aborts() -> Verdict {
    aborts(":\nthe inner one\n", || panic!("the outer one: {Bad}"))
}

/// Panics when it is dropped.
struct DropsBadly;

impl Drop for DropsBadly {
    fn drop(&mut self) {
        panic!("dropped badly")
    }
}

fn panic_in_the_results_destructor_aborts() -> Verdict {
    static GO: AtomicBool = AtomicBool::new(false);
    let captured = run(|| {
        let worker = thread::spawn(|| {
            while !GO.load(SeqCst) {
                thread::yield_now();
            }
            DropsBadly
        });
        // Nobody claims it, so the thread drops it on its way out.
        worker.detach();
        GO.store(true, SeqCst);
        loop {
            thread::yield_now();
        }
    });
    check_eq!(captured.end, ABORTED);
    check!(captured.stderr.as_str().contains("dropped badly"));
    Ok(())
}

thread_local!(static BAD_LOCAL: DropsBadly = const { DropsBadly });

fn panic_in_a_thread_locals_destructor_aborts() -> Verdict {
    aborts(":\ndropped badly\n", || BAD_LOCAL.with(|_| ()))
}

fn panic_in_a_destructor_at_the_process_end_aborts() -> Verdict {
    aborts(":\ndropped badly\n", || {
        BAD_LOCAL.with(|_| ());
        process::exit(LIVES.into())
    })
}

static FINALISER_PANICS: AtomicBool = AtomicBool::new(false);

extern "C" fn finaliser() {
    if FINALISER_PANICS.load(SeqCst) {
        panic!("finalised badly")
    }
}

#[used]
#[unsafe(link_section = ".fini_array")]
static FINI: [extern "C" fn(); 1] = [finaliser];

fn panic_in_a_finaliser_aborts() -> Verdict {
    aborts(":\nfinalised badly\n", || {
        FINALISER_PANICS.store(true, SeqCst);
        process::exit(LIVES.into())
    })
}

/// The words of `core` and `alloc`, whole or in pieces as they come.
fn panic_that_cannot_unwind_aborts() -> Verdict {
    const WORDS: [&str; 10] = [
        "unsafe precondition(s) violated: NonZero::new_unchecked requires",
        "is_nonoverlapping: `size_of::<T>() * count` overflows a usize",
        "misaligned pointer dereference: address must be a multiple of 0x4 but is 0x1",
        "null pointer dereference occurred",
        "trying to construct an enum from an invalid value 0x7",
        "attempted to instantiate uninhabited type `!`",
        "attempted to zero-initialize type `&u8`, which is invalid",
        "memory allocation of 64 bytes failed",
        "panic in a function that cannot unwind",
        "panic in a destructor during cleanup",
    ];
    for words in WORDS {
        aborts(words, move || panic!("{words}"))?;
    }
    let pieces = ("memory alloc", "ation of ", 1 << 10);
    aborts("memory allocation of 1024 bytes failed", move || {
        panic!("{}{}{} bytes failed", pieces.0, pieces.1, pieces.2)
    })
}

/// By the compiler's own hand, which a build without debug assertions does not have.
fn violated_precondition_aborts() -> Verdict {
    if !cfg!(debug_assertions) {
        return aborts("unsafe precondition(s) violated: once more", || {
            panic!("unsafe precondition(s) violated: once more")
        });
    }
    aborts("unsafe precondition(s) violated: ", || {
        // SAFETY: none. It is to be noticed, and does nothing before.
        black_box(unsafe { core::num::NonZeroU32::new_unchecked(black_box(0)) });
    })?;
    aborts("misaligned pointer dereference: ", || {
        let words = [0u32; 2];
        let place = black_box(words.as_ptr().wrapping_byte_add(1));
        // SAFETY: none, as above.
        black_box(unsafe { *place });
    })
}

/// Messages that only look like those, and one that is empty.
fn words_of_the_users_own_end_the_thread() -> Verdict {
    const WORDS: [&str; 5] = [
        "",
        "unsafe",
        "no memory allocation of 64 bytes failed",
        "attempt to add with overflow",
        "an unsafe precondition(s) violated",
    ];
    for words in WORDS {
        let captured = run(|| panicked(thread::spawn(move || panic!("{words}")).join()));
        check_eq!(captured.end, ALIVE);
        let mut expected = [0u8; 96];
        let mut expected = SliceWriter::new(&mut expected);
        let written = write!(expected, ":\n{words}\n");
        check!(written.is_ok());
        check!(
            captured
                .stderr
                .as_str()
                .ends_with(expected.as_str().unwrap_or("?"))
        );
    }
    Ok(())
}
