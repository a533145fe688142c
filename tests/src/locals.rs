//! Thread-locals of another crate than the programs that use them, and what those share.

use core::cell::{Cell, RefCell};

use threadbare::sync::atomic::{AtomicU32, Ordering::SeqCst};
use threadbare::{thread, thread_local};

thread_local! {
    /// Constant, no drop glue.
    pub static COUNT: Cell<u32> = const { Cell::new(10) };
    /// Lazy, no drop glue.
    pub static PLACE: Cell<(u8, u64)> = Cell::new((1, 2));
    /// Not small.
    pub static TEXT: RefCell<[u8; 400]> = const { RefCell::new([b'x'; 400]) };
    static PRIVATE: Cell<u16> = const { Cell::new(3) };
}

/// Adds one to `COUNT`, from its own crate.
pub fn count() -> u32 {
    COUNT.set(COUNT.get() + 1);
    COUNT.get()
}

/// Inlined into other crates, and with it the way to a value that they cannot name.
#[inline(always)]
pub fn next_private() -> u16 {
    PRIVATE.replace(PRIVATE.get() + 1)
}

/// Compiled in the crate that uses it: one value for all types, as statics in generic functions
/// are.
pub fn count_calls<T>(_: T) -> u32 {
    thread_local!(static CALLS: Cell<u32> = const { Cell::new(0) });
    CALLS.set(CALLS.get() + 1);
    CALLS.get()
}

/// The same, lazily.
pub fn count_calls_lazily<T: Default>(_: T) -> u32 {
    thread_local! {
        static CALLS: Cell<u32> = Cell::new(count_calls(()));
    }
    CALLS.set(CALLS.get() + 1);
    CALLS.get()
}

/// Runs `body` in a thread of its own.
///
/// # Panics
/// If the thread ended without a value.
pub fn in_thread<T: Send + 'static>(body: fn() -> T) -> T {
    match thread::spawn(body).join() {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// The sum of the numbers of all [`Adds`] that were dropped.
pub static DROPPED: AtomicU32 = AtomicU32::new(0);

/// Adds its number when dropped.
#[derive(Debug)]
pub struct Adds(pub u32);

impl Drop for Adds {
    fn drop(&mut self) {
        DROPPED.fetch_add(self.0, SeqCst);
    }
}

/// Calls its function when dropped.
#[derive(Debug)]
pub struct Calls(pub fn());

impl Drop for Calls {
    fn drop(&mut self) {
        (self.0)();
    }
}

thread_local! {
    static LATE_HOOK: Calls = const { Calls(call_late_hook) };
    static LATE: Cell<fn()> = const { Cell::new(nothing) };
}

fn nothing() {}

/// Runs whatever `LATE` says, when `LATE_HOOK` is destroyed.
fn call_late_hook() {
    LATE.get()();
}

/// Lets `hook` run as a destructor, where it stands among those of this thread.
pub fn at_end(hook: fn()) {
    LATE.set(hook);
    LATE_HOOK.with(|_| ());
}
