//! Something that is done once, whoever comes first.
//!
//! Ordering: who returns from `call_once` sees all that the one call did. Finishing is Release,
//! every way of learning of it is Acquire.

use core::fmt;

use super::primitive::{self, AtomicU32, Ordering};

/// Nobody has begun. Zero, so that a static `Once` lies in `.bss`.
const INCOMPLETE: u32 = 0;
/// Somebody is at it and nobody sleeps.
const RUNNING: u32 = 1;
/// Somebody is at it and somebody may sleep: finishing wakes all.
const AWAITED: u32 = 2;
/// It is done; the last state.
const COMPLETE: u32 = 3;

/// One-time initialisation; 4 bytes.
///
/// # Examples
/// ```
/// use threadbare::sync::Once;
/// static SET_UP: Once = Once::new();
/// SET_UP.call_once(|| { /* runs once in the process's life */ });
/// assert!(SET_UP.is_completed());
/// ```
pub struct Once {
    state: AtomicU32,
}

impl Once {
    /// Makes a `Once` that has not run.
    pub const fn new() -> Once {
        Once {
            state: AtomicU32::new(INCOMPLETE),
        }
    }

    /// Returns whether the call is over.
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.state.load(Ordering::Acquire) == COMPLETE
    }

    /// Calls `f` unless somebody did; when it returns, the one call is over.
    ///
    /// # Blocking
    /// While another thread is at it; for ever if `f` calls this itself, or ends its thread.
    #[inline]
    pub fn call_once<F: FnOnce()>(&self, f: F) {
        if !self.is_completed() {
            let mut f = Some(f);
            self.call_slow(&mut || {
                if let Some(f) = f.take() {
                    f();
                }
            });
        }
    }

    #[cold]
    fn call_slow(&self, f: &mut dyn FnMut()) {
        let mut state = self.state.load(Ordering::Acquire);
        loop {
            state = match state {
                COMPLETE => return,
                INCOMPLETE => match self.change(INCOMPLETE, RUNNING) {
                    Ok(_) => return self.run(f),
                    Err(state) => state,
                },
                RUNNING => match self.change(RUNNING, AWAITED) {
                    Ok(_) => AWAITED,
                    Err(state) => state,
                },
                _ => {
                    primitive::wait(&self.state, AWAITED);
                    self.state.load(Ordering::Acquire)
                }
            };
        }
    }

    fn change(&self, from: u32, to: u32) -> Result<u32, u32> {
        self.state
            .compare_exchange(from, to, Ordering::Acquire, Ordering::Acquire)
    }

    fn run(&self, f: &mut dyn FnMut()) {
        f();
        // After this swap a waiter may return and free the `Once`: only the address is used then.
        let word = self.state.as_ptr();
        if self.state.swap(COMPLETE, Ordering::Release) == AWAITED {
            primitive::wake_all(word);
        }
    }
}

impl Default for Once {
    fn default() -> Once {
        Once::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

const _: () = assert!(size_of::<Once>() == 4);
