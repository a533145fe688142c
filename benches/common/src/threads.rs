//! What a runtime must bring: threads; and gates that many of them wait at.

use crate::os;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

/// A runtime's threads.
pub trait Threads {
    /// What a thread is joined by.
    type Handle;
    /// Starts a thread that calls `entry`; the stack is the runtime's default, or of so many bytes.
    fn spawn(entry: fn(usize), argument: usize, stack_bytes: Option<usize>)
    -> Option<Self::Handle>;
    /// Waits for the thread's end.
    fn join(handle: Self::Handle);
    /// Lets the thread run on alone.
    fn detach(handle: Self::Handle);
    /// Says that so many threads will be alive at once.
    fn expect(_count: usize) {}
}

/// Starts a thread, which must succeed.
pub fn start<T: Threads>(entry: fn(usize), argument: usize) -> T::Handle {
    match T::spawn(entry, argument, None) {
        Some(handle) => handle,
        None => {
            crate::verify(false, "a thread cannot be started");
            os::exit(1)
        }
    }
}

static GATE: AtomicU32 = AtomicU32::new(0);
static WAITING: AtomicU64 = AtomicU64::new(0);

/// Waits until the gate opens.
pub fn wait_at_gate(_: usize) {
    WAITING.fetch_add(1, SeqCst);
    while GATE.load(SeqCst) == 0 {
        os::futex_wait(&GATE, 0);
    }
}

/// Waits until so many threads wait at the gate.
pub fn wait_for(count: u64) {
    while WAITING.load(SeqCst) < count {
        os::yield_now();
    }
}

/// Opens the gate, for good.
pub fn open_gate() {
    GATE.store(1, SeqCst);
    os::futex_wake(&GATE, i32::MAX);
}

/// Runs `work` while a second thread exists, which sleeps.
pub fn beside_another<T: Threads>(work: impl FnOnce()) {
    let other = start::<T>(wait_at_gate, 0);
    wait_for(1);
    work();
    open_gate();
    T::join(other);
}
