//! Not a program of the suite's protocol: its threads pass known places, for a debugger to look.
//!
//! A debugger sets its breakpoints by the names that begin with `probe_`, which are not mangled.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering};

use suite::kernel::{self, Disposition};
use threadbare::seam::arch::kernel as k;
use threadbare::seam::sys::{signal, task};
use threadbare::sync::futex::{self, Scope};
use threadbare::thread::{self, Builder, CacheLimits, JoinHandle};

threadbare::entry!(main);

/// How many threads have arrived before the gate.
static ARRIVED: AtomicU32 = AtomicU32::new(0);
/// The number of the last thread that may go on.
static GATE: AtomicU32 = AtomicU32::new(0);

/// The number of the thread that nobody joins; it is the last.
const LEAVER: u32 = 3;
/// Its number in the kernel.
static LEAVER_TID: AtomicU32 = AtomicU32::new(0);

/// Little, because it ends up in core files.
const STACK_BYTES: usize = 64 << 10;

/// What makes each place a function of its own, whatever the optimiser thinks of it.
static PLACE: AtomicU32 = AtomicU32::new(0);

/// Every thread stands before the gate.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn probe_in_main() {
    PLACE.store(black_box(1), Ordering::Relaxed);
}

/// A signal handler, on the main thread.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn probe_in_handler(signal: i32) {
    PLACE.store(black_box(signal as u32), Ordering::Relaxed);
}

/// A thread behind the gate.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn probe_in_thread() {
    PLACE.store(black_box(2), Ordering::Relaxed);
}

/// Waits until it is the turn of the thread with this number.
#[inline(never)]
fn wait_before_gate(number: u32) {
    if number == LEAVER {
        LEAVER_TID.store(task::kernel_thread_id(), Ordering::Relaxed);
    }
    ARRIVED.fetch_add(1, Ordering::Release);
    futex::wake(ARRIVED.as_ptr(), 1, Scope::Private);
    wait_while(&GATE, |open_for| open_for < number);
}

/// Lets the thread with this number, and those before it, go on.
fn open_gate(number: u32) {
    GATE.store(number, Ordering::Release);
    futex::wake(GATE.as_ptr(), u32::MAX, Scope::Private);
}

/// Sleeps while `condition` holds for the word.
fn wait_while(word: &AtomicU32, condition: impl Fn(u32) -> bool) {
    loop {
        let value = word.load(Ordering::Acquire);
        if !condition(value) {
            return;
        }
        // SAFETY: an `AtomicU32` is aligned.
        unsafe { futex::wait(word.as_ptr(), value, Scope::Private) };
    }
}

fn spawn(name: &str, number: u32) -> JoinHandle<()> {
    let spawned = Builder::new()
        .name(name)
        .stack_size(STACK_BYTES)
        .spawn(move || {
            wait_before_gate(number);
            probe_in_thread();
        });
    match spawned {
        Ok(handle) => handle,
        Err(error) => panic!("no thread to look at: {error}"),
    }
}

fn main() {
    // A thread that nobody joins then unmaps its own stack.
    thread::set_cache_limits(CacheLimits::OFF);
    kernel::dispose(k::SIGUSR1, Disposition::Handle(probe_in_handler));
    let joined = [spawn("reader", 1), spawn("writer", 2)];
    spawn("leaver", LEAVER).detach();
    wait_while(&ARRIVED, |count| count < LEAVER);
    probe_in_main();
    if let Err(errno) = signal::raise(k::SIGUSR1) {
        panic!("no signal to handle: {errno}");
    }
    // One after the other: an emulator's debugger interface hears one thread at a time.
    for (handle, number) in joined.into_iter().zip(1..) {
        open_gate(number);
        if handle.join().is_err() {
            panic!("a thread left without a result");
        }
    }
    open_gate(LEAVER);
    while task::is_in_this_process(LEAVER_TID.load(Ordering::Relaxed)) {
        thread::yield_now();
    }
}
