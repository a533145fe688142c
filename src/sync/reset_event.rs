//! A door that is open or shut; the reference's `ResetEvent`.
//!
//! The word also counts, modulo 2^30, how often the door was opened: who waits goes on if it is
//! open or was opened since, so that `reset` right after `set` holds nobody back.
//!
//! # Ordering
//! Owed: who goes through sees what came before every `set` so far. `set` is Release, even where
//! the door is open, looking is Acquire, and everything between is a read-modify-write, Relaxed.

use core::fmt;
use core::time::Duration;

use super::primitive::{self, AtomicU32, Limit, Ordering};

/// The door is open.
const SET: u32 = 1;
/// Somebody may sleep: opening wakes all.
const SLEEPERS: u32 = 2;
/// It was opened once more.
const OPENING: u32 = 4;

/// Lets threads wait until another one says so, once and for all or until it is reset; 4 bytes.
///
/// # Examples
/// ```
/// use threadbare::sync::ResetEvent;
/// use threadbare::thread;
/// use threadbare::time::Duration;
///
/// static READY: ResetEvent = ResetEvent::new();
///
/// let waiter = thread::spawn(|| READY.wait());
/// READY.set();
/// waiter.join().unwrap();
/// assert!(READY.is_set());
/// READY.reset();
/// assert!(!READY.wait_timeout(Duration::from_millis(1)));
/// ```
pub struct ResetEvent {
    /// Bits 0 and 1 are `SET` and `SLEEPERS`; the rest counts openings.
    state: AtomicU32,
}

impl ResetEvent {
    /// Makes an event that is not set.
    pub const fn new() -> ResetEvent {
        ResetEvent {
            state: AtomicU32::new(0),
        }
    }

    /// Returns whether the event is set.
    ///
    /// # Ordering
    /// What came before `set` comes before a return of true.
    #[inline]
    pub fn is_set(&self) -> bool {
        self.state.load(Ordering::Acquire) & SET != 0
    }

    /// Sets the event and lets everybody go on who waits.
    pub fn set(&self) {
        // Who goes on may free the event: only the address is used then.
        let word = self.state.as_ptr();
        let mut seen = self.state.load(Ordering::Relaxed);
        loop {
            let opening = if seen & SET == 0 { OPENING } else { 0 };
            let set = (seen & !SLEEPERS | SET).wrapping_add(opening);
            match self
                .state
                .compare_exchange(seen, set, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        if seen & SLEEPERS != 0 {
            primitive::wake_all(word);
        }
    }

    /// Lets those wait that come from now on. Those who waited before the last `set` go on.
    pub fn reset(&self) {
        let mut seen = self.state.load(Ordering::Relaxed);
        while seen & SET != 0 {
            match self.change(seen, seen & !SET) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Waits until the event is set.
    ///
    /// # Blocking
    /// Until then, or not at all.
    #[inline]
    pub fn wait(&self) {
        if !self.is_set() {
            self.wait_slow(None);
        }
    }

    /// Waits until the event is set, for `timeout` at most; returns whether it was.
    ///
    /// # Blocking
    /// As [`ResetEvent::wait`], and no longer than `timeout`. Signal handlers make the wait no
    /// longer; [`Duration::MAX`] is for ever.
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.is_set() || self.wait_slow(Some(Limit::after(timeout)))
    }

    fn change(&self, seen: u32, to: u32) -> Result<u32, u32> {
        self.state
            .compare_exchange(seen, to, Ordering::Relaxed, Ordering::Relaxed)
    }

    #[cold]
    fn wait_slow(&self, limit: Option<Limit>) -> bool {
        let flags = SET | SLEEPERS;
        let mut is_in_time = true;
        let mut seen = self.state.load(Ordering::Acquire);
        let openings = seen & !flags;
        loop {
            if seen & SET != 0 || seen & !flags != openings {
                return true;
            }
            if !is_in_time {
                return false;
            }
            if seen & SLEEPERS != 0 || self.change(seen, seen | SLEEPERS).is_ok() {
                is_in_time = primitive::wait_until(&self.state, seen | SLEEPERS, limit);
            }
            seen = self.state.load(Ordering::Acquire);
        }
    }
}

impl Default for ResetEvent {
    fn default() -> ResetEvent {
        ResetEvent::new()
    }
}

impl fmt::Debug for ResetEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResetEvent")
            .field("is_set", &self.is_set())
            .finish_non_exhaustive()
    }
}

const _: () = assert!(size_of::<ResetEvent>() == 4);
