//! Mutual exclusion in one word, without a value.
//!
//! A free lock is 0 and a held one that nobody waits for is `HELD`: each costs one compare-and-swap
//! on the way in and one on the way out. Who has to wait counts itself into the word and sleeps on
//! it. A thread that comes while a woken one is still on its way may overtake it, which costs
//! fairness and wins throughput; the word counts those, and lets no more than `PASSES_MAX` by.
//!
//! # Why nobody sleeps for ever
//! 1. A waiter sleeps only on a word that says `HELD`, counts it, and does not say `WOKEN`. (The
//!    one exception, below, has a time limit.) The kernel compares the whole word when it falls
//!    asleep.
//! 2. So whoever unlocks after that sees the count, and wakes a waiter unless one is `WOKEN`.
//! 3. `WOKEN` says that a counted thread is awake, or about to find that the word has changed, and
//!    has not looked yet. When it looks it takes the lock or makes the word say otherwise; so does
//!    everybody who goes to sleep, for a mark that is removed too early costs one wake-up too many
//!    and no more.
//! 4. So a free word that counts waiters has one on its way to it.
//!
//! Newcomers that may not pass any more count themselves and sleep for a millisecond at most: the
//! word may be free then, and 2 needs a holder.
//!
//! # Waiters of a condition variable
//! `DEFERRED` says that some have been notified and wait in a queue beside the word
//! ([`queue`](super::queue)) until this lock is free, instead of waking up to find it held.
//!
//! # Ordering
//! Owed: who takes the lock sees all that former holders did. Taking is Acquire, and the store that
//! unlocks is Release; every store between the two is a read-modify-write, which carries the
//! release on, so that those that count and mark are Relaxed. Loads are hints, checked by what
//! follows.

use core::time::Duration;

use super::primitive::{self, AtomicU32, Limit, Ordering};
use super::queue;

/// Somebody holds the lock.
pub(super) const HELD: u32 = 1;
/// A waiter was woken, or found the word changed, and has not looked yet.
const WOKEN: u32 = 1 << 1;
/// Notified waiters of a condition variable are in this lock's queue. Set only while it is held.
pub(super) const DEFERRED: u32 = 1 << 2;
/// One newcomer has passed since a waiter last took the lock; counted while there are waiters.
const PASS: u32 = 1 << 3;
const PASSES: u32 = WAITER - PASS;
/// One thread waits.
const WAITER: u32 = 1 << 15;
const WAITERS: u32 = !(WAITER - 1);

/// How many threads that came later may take the lock before one that waits does.
pub(super) const PASSES_MAX: u32 = PASSES / PASS;

/// How long one waits that may pass no more.
const GIVE_WAY: Duration = Duration::from_millis(1);

/// A lock without a value.
#[derive(Debug)]
pub struct RawMutex {
    /// | bits | what they say |
    /// |---|---|
    /// | 0 | held |
    /// | 1 | a waiter is on its way |
    /// | 2 | a condition variable's waiters are queued for this lock |
    /// | 3 to 14 | how many newcomers have passed the waiters |
    /// | 15 to 31 | how many wait |
    pub(super) state: AtomicU32,
}

impl RawMutex {
    /// Makes an unlocked one.
    pub const fn new() -> RawMutex {
        RawMutex {
            state: AtomicU32::new(0),
        }
    }

    /// Takes the lock. Blocks while another thread holds it.
    #[inline]
    pub fn lock(&self) {
        if self.take(0, HELD).is_err() {
            self.lock_slow();
        }
    }

    /// Takes the lock if nobody holds it and those who wait for it may still be passed.
    #[inline]
    pub fn try_lock(&self) -> bool {
        match self.take(0, HELD) {
            Ok(_) => true,
            Err(seen) => self.try_lock_slow(seen),
        }
    }

    #[cold]
    fn try_lock_slow(&self, mut seen: u32) -> bool {
        while let Some(taken) = taken_by_newcomer(seen) {
            match self.take(seen, taken) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    #[inline]
    fn take(&self, free: u32, taken: u32) -> Result<u32, u32> {
        self.state
            .compare_exchange(free, taken, Ordering::Acquire, Ordering::Relaxed)
    }

    #[cold]
    fn lock_slow(&self) {
        let (mut counted, mut gave_way) = (false, false);
        let mut seen = self.spin();
        loop {
            if seen & HELD == 0 {
                let taken = if counted {
                    let left = seen - WAITER;
                    // One that gave way has passed others like any newcomer.
                    let is_turn = !gave_way || left < WAITER;
                    let forgotten = if is_turn { WOKEN | PASSES } else { WOKEN };
                    left & !forgotten | HELD
                } else if let Some(taken) = taken_by_newcomer(seen) {
                    taken
                } else {
                    gave_way = self.give_way(seen);
                    counted = gave_way;
                    seen = self.spin();
                    continue;
                };
                match self.take(seen, taken) {
                    Ok(_) => return,
                    Err(now) => seen = now,
                }
                continue;
            }
            if !counted && seen & WAITERS == WAITERS {
                // There are 131,071 asleep: this one cannot be counted, and stays awake.
                primitive::spin_loop();
                seen = self.spin();
                continue;
            }
            let asleep = if counted { seen } else { seen + WAITER } & !WOKEN;
            if asleep != seen
                && let Err(now) = self.change(seen, asleep)
            {
                seen = now;
                continue;
            }
            counted = true;
            primitive::wait(&self.state, asleep);
            gave_way = false;
            seen = self.spin();
        }
    }

    /// Changes a word that somebody else holds.
    fn change(&self, from: u32, to: u32) -> Result<u32, u32> {
        self.state
            .compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed)
    }

    /// Counts the thread as a waiter of a free lock that is somebody else's turn, and lets them; if
    /// the word was as seen.
    #[cold]
    fn give_way(&self, seen: u32) -> bool {
        if seen & WAITERS == WAITERS || self.change(seen, seen + WAITER).is_err() {
            return false;
        }
        primitive::wait_until(&self.state, seen + WAITER, Some(Limit::after(GIVE_WAY)));
        true
    }

    /// Looks at the word while the lock is held and nobody sleeps, for a while; returns what it
    /// holds. (A sleeper would be behind us, and the lock is likely to be held for long.)
    fn spin(&self) -> u32 {
        let mut left = primitive::spins();
        loop {
            let seen = self.state.load(Ordering::Relaxed);
            if seen != HELD || left == 0 {
                return seen;
            }
            primitive::spin_loop();
            left -= 1;
        }
    }

    /// Unlocks.
    ///
    /// # Safety
    /// 1. The lock is held, and nobody else unlocks it: its holder gives it up, by whichever
    ///    thread.
    #[inline]
    pub unsafe fn unlock(&self) {
        if let Err(seen) = self.give_up(HELD, 0) {
            self.unlock_slow(seen);
        }
    }

    fn give_up(&self, seen: u32, freed: u32) -> Result<u32, u32> {
        self.state
            .compare_exchange(seen, freed, Ordering::Release, Ordering::Relaxed)
    }

    #[cold]
    fn unlock_slow(&self, mut seen: u32) {
        // Without a holder another thread may take the lock, finish, and free it: only the address
        // is used then.
        let word = self.state.as_ptr();
        let is_owed_a_wake = loop {
            if seen & DEFERRED != 0 {
                // SAFETY: the caller holds the lock.
                break unsafe { queue::release(self, seen) };
            }
            match self.free(seen, false) {
                Ok(is_owed_a_wake) => break is_owed_a_wake,
                Err(now) => seen = now,
            }
        };
        if is_owed_a_wake {
            primitive::wake_one(word);
        }
    }

    /// Unlocks, and forgets who waits, in a child of `fork`.
    ///
    /// # Safety
    /// 1. The calling thread is the only one of the process, and does not hold the lock.
    pub(super) unsafe fn forget(&self) {
        // SAFETY: clause 1: nobody else looks.
        unsafe { self.state.as_ptr().write(0) };
    }

    /// Says that nobody holds the lock, and whether there is a queue beside it, which its caller
    /// has in hand if there is one; returns whether a waiter must be woken, or what the word is, if
    /// it is not as seen.
    pub(super) fn free(&self, seen: u32, is_deferred: bool) -> Result<bool, u32> {
        let wakes = seen >= WAITER && seen & WOKEN == 0;
        let mark = if wakes { WOKEN } else { 0 };
        let deferred = if is_deferred { DEFERRED } else { 0 };
        let freed = seen & !(HELD | DEFERRED) | deferred | mark;
        self.give_up(seen, freed).map(|_| wakes)
    }

    /// Marks a held lock as one with a queue beside it; returns false if nobody holds it.
    ///
    /// The caller has the queue in hand, as has whoever removes the mark.
    pub(super) fn defer(&self) -> bool {
        let mut seen = HELD;
        while seen & HELD != 0 {
            match self.change(seen, seen | DEFERRED) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }
}

/// What the word becomes if a thread takes the lock that has not waited; nothing if it may not.
fn taken_by_newcomer(seen: u32) -> Option<u32> {
    if seen & HELD != 0 {
        None
    } else if seen < WAITER {
        Some(seen | HELD)
    } else if seen & PASSES != PASSES {
        Some((seen + PASS) | HELD)
    } else {
        None
    }
}

const _: () = assert!(size_of::<RawMutex>() == 4);
const _: () = assert!(PASSES_MAX == 4095);
