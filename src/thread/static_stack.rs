//! Memory for a thread, in a static: for programs that map nothing.

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

/// `BYTES` of memory for one thread at a time, in a static; they take no room in the file.
///
/// # Examples
/// ```
/// use threadbare::thread::{Builder, StaticStack};
///
/// static STACK: StaticStack<{ 128 << 10 }> = StaticStack::new();
///
/// let mut memory = STACK.take().expect("nobody else takes it");
/// for n in 0..3 {
///     let handle = Builder::new().stack(memory).spawn(move || n * n)?;
///     let (result, returned) = handle.join_with_stack();
///     assert_eq!(result, Ok(n * n));
///     memory = returned.unwrap();
/// }
/// assert!(STACK.take().is_none());
/// # Ok::<(), threadbare::thread::SpawnError>(())
/// ```
#[repr(C, align(16))]
pub struct StaticStack<const BYTES: usize> {
    memory: UnsafeCell<[MaybeUninit<u8>; BYTES]>,
    is_taken: AtomicBool,
}

// SAFETY: the memory is handed out once, as the only reference to it.
unsafe impl<const BYTES: usize> Sync for StaticStack<BYTES> {}

impl<const BYTES: usize> StaticStack<BYTES> {
    /// Memory that nobody has taken.
    pub const fn new() -> StaticStack<BYTES> {
        StaticStack {
            memory: UnsafeCell::new([MaybeUninit::uninit(); BYTES]),
            is_taken: AtomicBool::new(false),
        }
    }

    /// Returns the memory, for [`Builder::stack`](super::Builder::stack); `None` when it was taken
    /// before.
    #[allow(clippy::mut_from_ref, reason = "once, which the flag sees to")]
    pub fn take(&'static self) -> Option<&'static mut [MaybeUninit<u8>]> {
        // Relaxed: only who is first matters; nothing was written to the memory before.
        if self.is_taken.swap(true, Ordering::Relaxed) {
            return None;
        }
        // SAFETY: the flag makes this the only reference there ever is.
        Some(unsafe { &mut *self.memory.get() })
    }
}

impl<const BYTES: usize> Default for StaticStack<BYTES> {
    fn default() -> StaticStack<BYTES> {
        StaticStack::new()
    }
}

impl<const BYTES: usize> fmt::Debug for StaticStack<BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticStack")
            .field("bytes", &BYTES)
            .field("is_taken", &self.is_taken)
            .finish_non_exhaustive()
    }
}
