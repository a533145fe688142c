//! Waiting for a condition that a mutex guards.
//!
//! The word counts waiters, for notifications that find none; who they are is in
//! [`queue`](super::queue), which says how they wake up.
//!
//! Ordering: a notifier that changed the condition with the mutex held, after the waiter had
//! unlocked it, sees the waiter's count by that mutex, and the queue's own lock does the rest: the
//! word is Relaxed.

use core::fmt;
use core::time::Duration;

use super::debug::Pair;
use super::primitive::{AtomicU32, Limit, Ordering};
use super::raw_mutex::RawMutex;
use super::{LockResult, MutexGuard, queue};

/// Lets threads sleep until another one says that a condition may have changed; 4 bytes.
///
/// A notification wakes who waited first, and one thread for each `notify_one`. While the mutex is
/// held the waiter stays asleep, and unlocking wakes it: it is no slower to notify with the mutex
/// held than without.
///
/// A condition variable may be used with one mutex now and with another one later, or with two at
/// once, which `std` forbids.
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
    raw: RawCondvar,
    pair: Pair,
}

/// A condition variable for locks without values.
pub(super) struct RawCondvar {
    /// How many wait that no notification has reached.
    waiters: AtomicU32,
}

impl RawCondvar {
    pub(super) const fn new() -> RawCondvar {
        RawCondvar {
            waiters: AtomicU32::new(0),
        }
    }

    /// Unlocks, waits, and locks again; returns false if the limit came before a notification.
    ///
    /// # Safety
    /// 1. The caller holds the mutex.
    pub(super) unsafe fn wait(&self, mutex: &RawMutex, limit: Option<Limit>) -> bool {
        let node = queue::Node::new(self.waiters.as_ptr(), mutex);
        // SAFETY: it stays there: every way out is below.
        unsafe { queue::wait(&node, &self.waiters) };
        // SAFETY: clause 1.
        unsafe { mutex.unlock() };
        let mut is_notified = node.sleep(limit);
        if !is_notified && !queue::cancel(&node, &self.waiters) {
            // A notification was quicker. It comes at once, or when the mutex is free.
            is_notified = node.sleep(None);
        }
        mutex.lock();
        is_notified
    }

    #[inline]
    pub(super) fn notify(&self, count: u32) {
        if self.has_waiters() {
            queue::notify_waiters(&self.waiters, count);
        }
    }

    /// Returns whether anybody waits whom no notification has reached.
    #[inline]
    pub(super) fn has_waiters(&self) -> bool {
        self.waiters.load(Ordering::Relaxed) != 0
    }
}

/// Whether a wait with a limit ended because of it.
///
/// # Examples
/// ```
/// use threadbare::sync::{Condvar, Mutex};
/// use threadbare::time::Duration;
///
/// let (mutex, nobody) = (Mutex::new(()), Condvar::new());
/// let limit = Duration::from_millis(1);
/// let (_guard, result) = nobody.wait_timeout(mutex.lock().unwrap(), limit).unwrap();
/// assert!(result.timed_out());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Returns whether time was up.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// Makes a condition variable.
    pub const fn new() -> Condvar {
        Condvar {
            raw: RawCondvar::new(),
            pair: Pair::new(),
        }
    }

    /// Unlocks the mutex, sleeps until a notification, and locks it again.
    ///
    /// # Blocking
    /// Until notified. A program must allow for a return for no reason at all, as in `std`: look at
    /// the condition again, or use [`Condvar::wait_while`].
    ///
    /// # Errors
    /// None; see [`LockResult`].
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.wait_raw(&guard, None);
        Ok(guard)
    }

    /// Sleeps until `condition` returns false.
    ///
    /// # Blocking
    /// While the condition holds.
    ///
    /// # Errors
    /// None; see [`LockResult`].
    pub fn wait_while<'a, T: ?Sized, F>(
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

    /// As [`Condvar::wait`], for `timeout` at most.
    ///
    /// # Blocking
    /// Until notified, at most for `timeout`, and then until the mutex is to be had. Signal
    /// handlers make the wait no longer. [`Duration::MAX`] is for ever.
    ///
    /// # Errors
    /// None; see [`LockResult`].
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::{Condvar, Mutex};
    /// use threadbare::time::{Duration, Instant};
    ///
    /// let (bell, rings) = (Mutex::new(()), Condvar::new());
    /// let (begun, limit) = (Instant::now(), Duration::from_millis(1));
    /// let (_guard, result) = rings.wait_timeout(bell.lock().unwrap(), limit).unwrap();
    /// assert!(result.timed_out() && begun.elapsed() >= limit);
    /// ```
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let limit = Some(Limit::after(timeout));
        let is_notified = self.wait_raw(&guard, limit);
        Ok((guard, WaitTimeoutResult(!is_notified)))
    }

    /// Sleeps until `condition` returns false, for `timeout` at most. The result says that time was
    /// up only if the condition still holds.
    ///
    /// # Blocking
    /// While the condition holds, at most for `timeout`, and then until the mutex is to be had.
    ///
    /// # Errors
    /// None; see [`LockResult`].
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::{Condvar, Mutex};
    /// use threadbare::thread;
    /// use threadbare::time::Duration;
    ///
    /// static DONE: Mutex<bool> = Mutex::new(false);
    /// static CHANGED: Condvar = Condvar::new();
    ///
    /// let worker = thread::spawn(|| {
    ///     *DONE.lock().unwrap() = true;
    ///     CHANGED.notify_one();
    /// });
    /// let (done, limit) = (DONE.lock().unwrap(), Duration::from_secs(60));
    /// let (done, result) = CHANGED.wait_timeout_while(done, limit, |done| !*done).unwrap();
    /// assert!(*done && !result.timed_out());
    /// worker.join().unwrap();
    /// ```
    pub fn wait_timeout_while<'a, T: ?Sized, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        let limit = Limit::after(timeout);
        let mut is_in_time = true;
        loop {
            if !condition(&mut guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            if !is_in_time {
                return Ok((guard, WaitTimeoutResult(true)));
            }
            is_in_time = self.wait_raw(&guard, Some(limit));
        }
    }

    /// Waits with a guard, which is whole again on return; says whether it was notified.
    #[inline(always)]
    fn wait_raw<T: ?Sized>(&self, guard: &MutexGuard<'_, T>, limit: Option<Limit>) -> bool {
        let has_waiters = || self.raw.has_waiters();
        self.pair.expect_one(self, guard.mutex(), has_waiters);
        guard.mutex().owner.leave();
        // SAFETY: the guard is proof that the caller holds the lock, as it does on return.
        let is_notified = unsafe { self.raw.wait(guard.raw(), limit) };
        guard.mutex().owner.enter();
        is_notified
    }

    /// As [`Condvar::wait`], until `limit` if there is one; says whether it was notified.
    #[cfg(feature = "alloc")]
    pub(super) fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Option<Limit>,
    ) -> (MutexGuard<'a, T>, bool) {
        let is_notified = self.wait_raw(&guard, limit);
        (guard, is_notified)
    }

    /// Returns whether anybody waits whom no notification has reached: exact with the mutex held,
    /// as long as nobody waits with a limit.
    #[cfg(feature = "alloc")]
    pub(super) fn has_waiters(&self) -> bool {
        self.raw.has_waiters()
    }

    /// Wakes the one who waits longest, if anybody does.
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
        self.raw.notify(1);
    }

    /// Wakes everybody who waits: one after the other where the mutex is held.
    pub fn notify_all(&self) {
        self.raw.notify(u32::MAX);
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

const _: () = assert!(cfg!(feature = "lock-debug") || size_of::<Condvar>() == 4);
