//! Waiting for a condition that a mutex guards.
//!
//! One counter: a waiter reads it before it unlocks and sleeps while it has not moved, so that a
//! notification between the two is seen. A notification that comes exactly 2^32 times between them
//! is not; that is accepted, as in `std`.
//!
//! Ordering: everything that matters is ordered by the mutex, which a notifier held when it changed
//! the condition and a waiter holds when it looks. The counter itself carries nothing: Relaxed.

use core::fmt;

use super::primitive::{self, AtomicU32, Ordering};
use super::{LockResult, MutexGuard};

/// Lets threads sleep until another one says that a condition may have changed; 4 bytes.
///
/// # Examples
/// ```
/// use threadbare::sync::{Condvar, Mutex};
/// use threadbare::thread;
///
/// static READY: Mutex<bool> = Mutex::new(false);
/// static CHANGED: Condvar = Condvar::new();
///
/// let one = thread::spawn(|| {
///     let ready = CHANGED.wait_while(READY.lock().unwrap(), |ready| !*ready).unwrap();
///     assert!(*ready);
/// });
/// // The same, in steps.
/// let other = thread::spawn(|| {
///     let mut ready = READY.lock().unwrap();
///     while !*ready {
///         ready = CHANGED.wait(ready).unwrap();
///     }
/// });
/// *READY.lock().unwrap() = true;
/// CHANGED.notify_all();
/// one.join().unwrap();
/// other.join().unwrap();
/// ```
pub struct Condvar {
    /// How many notifications there were, modulo 2^32.
    notifications: AtomicU32,
}

impl Condvar {
    /// Makes a condition variable.
    pub const fn new() -> Condvar {
        Condvar {
            notifications: AtomicU32::new(0),
        }
    }

    /// Unlocks the mutex, sleeps until a notification, and locks it again.
    ///
    /// # Blocking
    /// Until notified, or for no reason at all: look at the condition again, or use
    /// [`Condvar::wait_while`].
    ///
    /// # Errors
    /// None; see [`LockResult`].
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let mutex = guard.mutex();
        let seen = self.notifications.load(Ordering::Relaxed);
        drop(guard);
        primitive::wait(&self.notifications, seen);
        mutex.lock()
    }

    /// Sleeps until `condition` returns false.
    ///
    /// # Blocking
    /// While the condition holds.
    ///
    /// # Errors
    /// None; see [`LockResult`].
    pub fn wait_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// Wakes one sleeper, if there is one.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::{Condvar, Mutex};
    /// use threadbare::thread;
    ///
    /// static TICKETS: Mutex<u32> = Mutex::new(0);
    /// static ISSUED: Condvar = Condvar::new();
    ///
    /// let holder = thread::spawn(|| {
    ///     let tickets = TICKETS.lock().unwrap();
    ///     *ISSUED.wait_while(tickets, |tickets| *tickets == 0).unwrap() -= 1;
    /// });
    /// *TICKETS.lock().unwrap() += 1;
    /// // One ticket: one sleeper is enough.
    /// ISSUED.notify_one();
    /// holder.join().unwrap();
    /// ```
    pub fn notify_one(&self) {
        primitive::wake_one(self.advance());
    }

    /// Wakes every sleeper.
    pub fn notify_all(&self) {
        primitive::wake_all(self.advance());
    }

    /// Moves the counter, so that whoever is about to sleep does not, and returns its address: the
    /// one who sees the move may free the condition variable.
    fn advance(&self) -> *const u32 {
        let word = self.notifications.as_ptr();
        self.notifications.fetch_add(1, Ordering::Relaxed);
        word
    }
}

impl Default for Condvar {
    fn default() -> Condvar {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}

const _: () = assert!(size_of::<Condvar>() == 4);
