//! Not a program of the suite's protocol: its threads pass known places, for a debugger to look.
//!
//! A debugger sets its breakpoints by the names that begin with `probe_`, which are not mangled.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering};

use linux_raw_sys::general as k;
use suite::kernel::{self, Disposition};
use threadbare::seam::sys::signal;
use threadbare::sync::futex::{self, Scope};
use threadbare::thread::{self, Builder, CacheLimits, JoinHandle};

threadbare::entry!(main);

/// How many threads have arrived before the gate.
static ARRIVED: AtomicU32 = AtomicU32::new(0);
/// 1 when the threads may go on.
static GATE: AtomicU32 = AtomicU32::new(0);

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

/// Calls what it is given, so that there is a frame between the thread's start and its wait.
#[inline(never)]
fn wait_before_gate() {
    ARRIVED.fetch_add(1, Ordering::Release);
    futex::wake(ARRIVED.as_ptr(), 1, Scope::Private);
    wait_while(&GATE, |value| value == 0);
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

fn spawn(builder: Builder) -> JoinHandle<()> {
    let spawned = builder.spawn(|| {
        wait_before_gate();
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
    let reader = spawn(Builder::new().name("reader"));
    let writer = spawn(Builder::new().name("writer"));
    spawn(Builder::new().name("leaver")).detach();
    wait_while(&ARRIVED, |count| count < 3);
    probe_in_main();
    if let Err(errno) = signal::raise(k::SIGUSR1) {
        panic!("no signal to handle: {errno}");
    }
    GATE.store(1, Ordering::Release);
    futex::wake(GATE.as_ptr(), u32::MAX, Scope::Private);
    for handle in [reader, writer] {
        if handle.join().is_err() {
            panic!("a thread left without a result");
        }
    }
}
