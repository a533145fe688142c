//! The floor: the bare work of the kernel. A thread is one `clone` on a stack that is there, one
//! `exit`, and one futex wait for the word that the kernel clears.
//!
//! No names, no results, no signals blocked, no thread-locals, no error but death: it shows what a
//! runtime can reach, not how to write one.

#![no_std]
#![no_main]

mod locks;
mod memory;
mod threads;

use bench_common::clock::{self, Clock};
use bench_common::many::{self, Handles};
use bench_common::{Test, locks as tests, memory as mem, monitor, os, spawn};
use core::arch::global_asm;
use core::ffi::CStr;
use threads::Floor;

static HANDLES: Handles<Floor> = Handles::new();

impl Clock for Floor {
    type Instant = f64;

    fn now() -> f64 {
        clock::now_ns()
    }

    fn between(early: &f64, late: &f64) -> f64 {
        late - early
    }
}

const TESTS: &[Test] = &[
    ("spawn_join", spawn::join::<Floor>),
    ("spawn_join_touch", spawn::join_touch::<Floor>),
    ("spawn_detach", threads::detach),
    ("batch", |run| many::batch::<Floor>(run, &HANDLES)),
    ("scale", |run| many::scale::<Floor>(run, "scale", &HANDLES)),
    ("scale_light", |run| {
        threads::guard_stacks();
        many::scale::<Floor>(run, "scale_light", &HANDLES)
    }),
    ("memory", mem::memory),
    ("instant_now", clock::instant_now::<Floor>),
    (
        "mutex_alone",
        tests::mutex_alone::<Floor, locks::FloorMutex>,
    ),
    (
        "mutex_2_short",
        tests::mutex_2_short::<Floor, locks::FloorMutex>,
    ),
    (
        "mutex_4_short",
        tests::mutex_4_short::<Floor, locks::FloorMutex>,
    ),
    (
        "mutex_8_short",
        tests::mutex_8_short::<Floor, locks::FloorMutex>,
    ),
    (
        "mutex_2_long",
        tests::mutex_2_long::<Floor, locks::FloorMutex>,
    ),
    (
        "mutex_4_long",
        tests::mutex_4_long::<Floor, locks::FloorMutex>,
    ),
    (
        "mutex_8_long",
        tests::mutex_8_long::<Floor, locks::FloorMutex>,
    ),
    ("futex_1cpu", monitor::futex_1cpu::<Floor>),
    ("futex_2cpu_spin", monitor::futex_2cpu_spin::<Floor>),
];

// Keeps the initial stack's address and calls `begin` on an aligned stack.
global_asm!(
    ".globl _start",
    "_start: xor ebp, ebp",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {begin}",
    "ud2",
    begin = sym begin,
);

/// Runs the test that the arguments name.
///
/// # Safety
/// 1. `stack` is the initial stack: the count of arguments, then pointers to them.
unsafe extern "C" fn begin(stack: *const usize) -> ! {
    // SAFETY: clause 1.
    let count = unsafe { *stack };
    let arguments = (1..count).map(|index| {
        // SAFETY: clause 1: the arguments follow their count, and stay.
        let text = unsafe { CStr::from_ptr(*stack.add(1 + index).cast()) };
        text.to_str().unwrap_or("")
    });
    threads::set_up_first();
    os::exit(bench_common::run(TESTS, arguments))
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    os::write(2, b"panic\n");
    os::exit(1)
}

/// What `core`, which was built to unwind, names; nothing calls it.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// Likewise.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    os::exit(1)
}
