//! A number of permits; the reference's `Semaphore`.
//!
//! # Why nobody sleeps for ever
//! 1. A thread sleeps only on a word of no permits that says `SLEEPERS`.
//! 2. `release` removes the mark, and wakes as many as there are new permits.
//! 3. Who has slept leaves the mark when it goes, for others may sleep still: with its permit, or
//!    when its time is up. If it leaves permits, it wakes another one: that one's `release` may
//!    have found no mark.
//!
//! # Ordering
//! Owed: who acquires a permit sees what came before its release. `release` is Release, taking is
//! Acquire, and every change between is a read-modify-write. Marks are Relaxed, loads are hints.

use core::fmt;
use core::time::Duration;

use super::primitive::{self, AtomicU32, Limit, Ordering};

/// Somebody may sleep.
const SLEEPERS: u32 = 1 << 31;

/// Counts permits, which threads take and give back; 4 bytes.
///
/// There is no owner and no guard: any thread may release what it never acquired.
///
/// # Examples
/// ```
/// use threadbare::sync::Semaphore;
/// use threadbare::thread;
/// use threadbare::time::Duration;
///
/// static SEATS: Semaphore = Semaphore::new(1);
///
/// SEATS.acquire();
/// assert!(!SEATS.try_acquire());
/// assert!(!SEATS.acquire_timeout(Duration::from_millis(1)));
/// let guest = thread::spawn(|| SEATS.acquire());
/// SEATS.release(1);
/// guest.join().unwrap();
/// assert_eq!(SEATS.permits(), 0);
/// ```
pub struct Semaphore {
    /// Bits 0 to 30 count the permits, bit 31 is `SLEEPERS`.
    state: AtomicU32,
}

impl Semaphore {
    /// How many permits there may be.
    pub const PERMITS_MAX: u32 = SLEEPERS - 1;

    /// Makes a semaphore.
    ///
    /// # Panics
    /// With more than [`Semaphore::PERMITS_MAX`] permits.
    pub const fn new(permits: u32) -> Semaphore {
        assert!(permits <= Semaphore::PERMITS_MAX, "too many permits");
        Semaphore {
            state: AtomicU32::new(permits),
        }
    }

    /// Takes a permit.
    ///
    /// # Blocking
    /// Until there is one.
    #[inline]
    pub fn acquire(&self) {
        if !self.try_acquire() {
            self.acquire_slow(None);
        }
    }

    /// Takes a permit if there is one.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        let mut seen = self.state.load(Ordering::Relaxed);
        while seen & !SLEEPERS != 0 {
            match self.take(seen, seen - 1) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Takes a permit if there is one within `timeout`; returns whether there was.
    ///
    /// # Blocking
    /// For `timeout` at most. Signal handlers make the wait no longer; [`Duration::MAX`] is for
    /// ever.
    pub fn acquire_timeout(&self, timeout: Duration) -> bool {
        self.try_acquire() || self.acquire_slow(Some(Limit::after(timeout)))
    }

    /// Adds permits, and wakes who waits for them.
    ///
    /// # Panics
    /// If there are more than [`Semaphore::PERMITS_MAX`] then.
    #[inline]
    pub fn release(&self, permits: u32) {
        if permits == 0 {
            // Those who sleep stay counted.
            return;
        }
        // With its permit somebody may free the semaphore: only the address is used then.
        let word = self.state.as_ptr();
        let mut seen = self.state.load(Ordering::Relaxed);
        loop {
            let sum = (seen & !SLEEPERS).saturating_add(permits);
            assert!(sum <= Semaphore::PERMITS_MAX, "too many permits");
            match self
                .state
                .compare_exchange(seen, sum, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        if seen & SLEEPERS != 0 {
            wake(word, permits);
        }
    }

    /// Returns how many permits there are, at some moment of the call.
    pub fn permits(&self) -> u32 {
        self.state.load(Ordering::Relaxed) & !SLEEPERS
    }

    #[inline]
    fn take(&self, seen: u32, taken: u32) -> Result<u32, u32> {
        self.state
            .compare_exchange(seen, taken, Ordering::Acquire, Ordering::Relaxed)
    }

    fn mark(&self) -> Result<u32, u32> {
        self.state
            .compare_exchange(0, SLEEPERS, Ordering::Relaxed, Ordering::Relaxed)
    }

    #[cold]
    fn acquire_slow(&self, limit: Option<Limit>) -> bool {
        let mut is_in_time = true;
        let mut mark = 0;
        let mut seen = self.spin();
        loop {
            if seen & !SLEEPERS != 0 {
                match self.take(seen, (seen - 1) | mark) {
                    Ok(_) => {
                        if mark != 0 && (seen - 1) & !SLEEPERS != 0 {
                            primitive::wake_one(self.state.as_ptr());
                        }
                        return true;
                    }
                    Err(now) => seen = now,
                }
                continue;
            }
            if seen == 0
                && let Err(now) = self.mark()
            {
                seen = now;
                continue;
            }
            if !is_in_time {
                return false;
            }
            is_in_time = primitive::wait_until(&self.state, SLEEPERS, limit);
            mark = SLEEPERS;
            seen = self.state.load(Ordering::Relaxed);
        }
    }

    /// Looks at the word while there is no permit and nobody sleeps, for a while.
    fn spin(&self) -> u32 {
        let mut left = primitive::spins();
        loop {
            let seen = self.state.load(Ordering::Relaxed);
            if seen != 0 || left == 0 {
                return seen;
            }
            primitive::spin_loop();
            left -= 1;
        }
    }
}

#[cold]
fn wake(word: *const u32, permits: u32) {
    primitive::wake_as(word, permits, primitive::Kinds::ALL);
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore")
            .field("permits", &self.permits())
            .finish_non_exhaustive()
    }
}

const _: () = assert!(size_of::<Semaphore>() == 4);
