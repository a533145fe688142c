//! One thread after the other.

use crate::threads::start;
use crate::{Run, Threads, clock, os, print, verify};
use core::hint::black_box;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

/// How many threads have run.
static RAN: AtomicU64 = AtomicU64::new(0);
/// How many detached threads have not come to their end yet.
static LIVE: AtomicI64 = AtomicI64::new(0);
/// The most detached threads at once.
pub const LIVE_MAX: i64 = 64;
const PAGE_BYTES: usize = 4096;
/// How much of its stack a thread touches.
const TOUCHED_BYTES: usize = 32 << 10;

pub fn empty(_: usize) {
    RAN.fetch_add(1, Relaxed);
}

fn touch(_: usize) {
    let mut bytes = MaybeUninit::<[u8; TOUCHED_BYTES]>::uninit();
    let bytes = black_box(bytes.as_mut_ptr().cast::<u8>());
    for at in (0..TOUCHED_BYTES).step_by(PAGE_BYTES) {
        // SAFETY: inside the array.
        unsafe { bytes.add(at).write_volatile(1) };
    }
    RAN.fetch_add(1, Relaxed);
}

fn spawn_join<T: Threads>(run: &Run, name: &str, entry: fn(usize)) {
    let times = run.times(4000);
    let warm_up = times / 10;
    let threads = |count| {
        for _ in 0..count {
            T::join(start::<T>(entry, 0));
        }
    };
    threads(warm_up);
    clock::time(name, times, || threads(times));
    verify(
        RAN.load(SeqCst) == warm_up + times,
        "not every thread has run",
    );
}

/// `spawn_join`: an empty thread with the default stack.
pub fn join<T: Threads>(run: &Run) {
    spawn_join::<T>(run, "spawn_join", empty);
}

/// `spawn_join_touch`: the same, each thread touching 32 KiB of stack.
pub fn join_touch<T: Threads>(run: &Run) {
    spawn_join::<T>(run, "spawn_join_touch", touch);
}

fn detached(_: usize) {
    RAN.fetch_add(1, Relaxed);
    LIVE.fetch_sub(1, SeqCst);
}

/// `spawn_detach`: at most 64 at once.
pub fn detach<T: Threads>(run: &Run) {
    let times = run.times(8000);
    let warm_up = times / 10;
    let threads = |count| {
        for _ in 0..count {
            while LIVE.load(SeqCst) >= LIVE_MAX {
                os::yield_now();
            }
            LIVE.fetch_add(1, SeqCst);
            T::detach(start::<T>(detached, 0));
        }
        while LIVE.load(SeqCst) != 0 {
            os::yield_now();
        }
    };
    threads(warm_up);
    let before = os::status("VmSize:");
    clock::time("spawn_detach", times, || threads(times));
    verify(
        RAN.load(SeqCst) == warm_up + times,
        "not every thread has run",
    );
    // What is kept of threads that are long gone.
    let grown = os::status("VmSize:").saturating_sub(before);
    print::result("spawn_detach_grown", grown as f64, "KiB");
}
