//! Something that is done once, whoever comes first.
//!
//! Ordering: who returns from `call_once` or `wait` sees all that the one call did. Finishing is
//! Release, every way of learning of it is Acquire. Beginning and waiting carry nothing: Relaxed.

use core::fmt;
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::primitive::{self, AtomicU32, Ordering};

/// Somebody is at it.
const RUNNING: u32 = 1;
/// Somebody may sleep: finishing wakes all.
const AWAITED: u32 = 2;
/// It is done; the last state.
const COMPLETE: u32 = 4;

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
    /// `COMPLETE`, or `RUNNING` and `AWAITED` as they apply. Zero at first, so that a static `Once`
    /// lies in `.bss`.
    state: AtomicU32,
}

impl Once {
    /// Makes a `Once` that has not run.
    pub const fn new() -> Once {
        Once {
            state: AtomicU32::new(0),
        }
    }

    /// Returns whether the call is over.
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.state.load(Ordering::Acquire) == COMPLETE
    }

    /// Whether a call has begun. With the `Once` to oneself one that is not over never will be: it
    /// has ended its thread.
    pub(super) fn is_begun(&mut self) -> bool {
        // SAFETY: nobody else looks, as it is borrowed as a whole.
        unsafe { self.state.as_ptr().read() != 0 }
    }

    /// Calls `f` unless somebody did; when it returns, the one call is over.
    ///
    /// # Blocking
    /// While another thread is at it; for ever if `f` calls this itself, or ends its thread.
    #[inline]
    pub fn call_once<F: FnOnce()>(&self, f: F) {
        self.call_once_force(|_| f());
    }

    /// As [`Once::call_once`]: there is no poison that `f` would have to look for.
    ///
    /// # Blocking
    /// As [`Once::call_once`].
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::Once;
    /// let once = Once::new();
    /// once.call_once_force(|state| assert!(!state.is_poisoned()));
    /// once.call_once_force(|_| unreachable!("it was called"));
    /// ```
    #[inline]
    pub fn call_once_force<F: FnOnce(&OnceState)>(&self, f: F) {
        if !self.is_completed() {
            let mut f = Some(f);
            self.call_slow(&mut || {
                if let Some(f) = f.take() {
                    f(&OnceState(()));
                }
            });
        }
    }

    /// Waits until the call is over, which it may be already.
    ///
    /// # Blocking
    /// Until somebody has made the call, and it is over.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::Once;
    /// use threadbare::thread;
    ///
    /// static READY: Once = Once::new();
    ///
    /// let waiter = thread::spawn(|| READY.wait());
    /// READY.call_once(|| ());
    /// waiter.join().unwrap();
    /// ```
    #[inline]
    pub fn wait(&self) {
        if !self.is_completed() {
            self.wait_slow();
        }
    }

    /// As [`Once::wait`]: there is no poison to be ignored.
    ///
    /// # Blocking
    /// As [`Once::wait`].
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::Once;
    /// let once = Once::new();
    /// once.call_once(|| ());
    /// once.wait_force();
    /// ```
    pub fn wait_force(&self) {
        self.wait();
    }

    #[cold]
    fn call_slow(&self, f: &mut dyn FnMut()) {
        let mut seen = self.state.load(Ordering::Acquire);
        while seen != COMPLETE {
            seen = if seen & RUNNING != 0 {
                self.sleep(seen)
            } else {
                match self.change(seen, seen | RUNNING) {
                    Ok(_) => return self.run(f),
                    Err(now) => now,
                }
            };
        }
    }

    #[cold]
    fn wait_slow(&self) {
        let mut seen = self.state.load(Ordering::Acquire);
        while seen != COMPLETE {
            seen = self.sleep(seen);
        }
    }

    /// Sleeps until the call is over, or for no reason at all, if the word is as seen; returns what
    /// it holds then.
    fn sleep(&self, seen: u32) -> u32 {
        let awaited = seen | AWAITED;
        if seen != awaited
            && let Err(now) = self.change(seen, awaited)
        {
            return now;
        }
        primitive::wait(&self.state, awaited);
        self.state.load(Ordering::Acquire)
    }

    fn change(&self, from: u32, to: u32) -> Result<u32, u32> {
        self.state
            .compare_exchange(from, to, Ordering::Relaxed, Ordering::Acquire)
    }

    fn run(&self, f: &mut dyn FnMut()) {
        f();
        // After this swap a waiter may return and free the `Once`: only the address is used then.
        let word = self.state.as_ptr();
        if self.state.swap(COMPLETE, Ordering::Release) & AWAITED != 0 {
            primitive::wake_all(word);
        }
    }
}

/// What the closure of [`Once::call_once_force`] gets.
///
/// # Examples
/// ```
/// use threadbare::sync::Once;
///
/// // As written for `std`, where an earlier call may have panicked.
/// let once = Once::new();
/// once.call_once_force(|state| assert!(!state.is_poisoned()));
/// assert!(once.is_completed());
/// ```
#[derive(Debug)]
pub struct OnceState(());

impl OnceState {
    /// Returns false: see the module [`sync`](super).
    pub fn is_poisoned(&self) -> bool {
        false
    }
}

impl UnwindSafe for Once {}
impl RefUnwindSafe for Once {}

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
