//! Mutual exclusion in one word, without a value.
//!
//! A free lock is 0 and a held one that nobody waits for is `HELD`: each costs one compare-and-swap
//! on the way in and one on the way out. Neither looks first: a look would ask another CPU's cache
//! for the word twice, once to read and once to write.
//!
//! Who has to wait counts itself into the word and sleeps on it. A thread that comes while a woken
//! one is still on its way may overtake it, which costs fairness and wins throughput; the word
//! counts those, and lets no more than `PASSES_MAX` by.
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
//! word may be free then, and 2 needs a holder. While it stays free they sleep on: each that took
//! the lock because the word had changed, only to be passed on to the next one in the same way,
//! would pay for a sleep each time as long as the one whose turn it is does not get a CPU. Who has
//! slept that long in vain takes the lock, and others may pass again, as many as before. So a child
//! of `fork`, where those who waited in the parent are counted for ever and never come, pays for
//! such a sleep once in `PASSES_MAX` times, and not each time.
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

use super::primitive::{self, AtomicU32, Limit, Ordering, Woken};
use super::queue;

/// Somebody holds the lock.
pub(super) const HELD: u32 = 1;
/// A waiter was woken, or found the word changed, and has not looked yet.
const WOKEN: u32 = 1 << 1;
/// Notified waiters of a condition variable are in this lock's queue. Set only while it is held.
pub(super) const DEFERRED: u32 = 1 << 2;
/// One newcomer has passed since one that was counted last took the lock; counted while there are
/// waiters.
const PASS: u32 = 1 << 3;
const PASSES: u32 = WAITER - PASS;
/// One thread waits.
const WAITER: u32 = 1 << 17;
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
    /// | 3 to 16 | how many newcomers have passed the waiters |
    /// | 17 to 31 | how many wait |
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
        if let Err(seen) = self.take(0, HELD) {
            self.lock_slow(seen);
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
    fn lock_slow(&self, seen: u32) {
        let mut counted = false;
        let mut seen = self.linger(seen);
        loop {
            if seen & HELD == 0 {
                let taken = if counted {
                    // One that gave way in vain passes others, and newcomers may do so again:
                    // those whose turn it is get no CPU, or stayed in the parent of this process.
                    (seen - WAITER) & !(WOKEN | PASSES) | HELD
                } else if let Some(taken) = taken_by_newcomer(seen) {
                    taken
                } else {
                    counted = self.give_way(seen);
                    seen = self.look();
                    continue;
                };
                match self.take(seen, taken) {
                    Ok(_) => return,
                    Err(now) => seen = now,
                }
                continue;
            }
            if !counted && seen & WAITERS == WAITERS {
                // There are 32,767 asleep: this one cannot be counted, and stays awake.
                primitive::yield_now();
                seen = self.look();
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
            seen = self.look();
        }
    }

    /// Changes a word that somebody else holds.
    fn change(&self, from: u32, to: u32) -> Result<u32, u32> {
        self.state
            .compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed)
    }

    /// Counts the thread as a waiter of a free lock that is somebody else's turn, if the word was
    /// as seen, and lets them have it; returns whether it is counted.
    #[cold]
    fn give_way(&self, seen: u32) -> bool {
        if seen & WAITERS == WAITERS {
            // It cannot be counted; whoever is on its way to the lock may need this CPU.
            primitive::yield_now();
            return false;
        }
        let mut counted = seen + WAITER;
        if self.change(seen, counted).is_err() {
            return false;
        }
        let limit = Limit::soon(GIVE_WAY);
        loop {
            let woken = primitive::wait_told(&self.state, counted, limit);
            if woken == Woken::ByWake || woken == Woken::ByTimeout {
                return true;
            }
            counted = self.state.load(Ordering::Relaxed);
            if counted & HELD != 0 || counted & PASSES != PASSES {
                return true;
            }
        }
    }

    /// Looks at the word for a while as long as the lock is held, for one that has slept; returns
    /// what it holds. Such a one keeps its CPU, which it has waited for: others pass meanwhile.
    fn look(&self) -> u32 {
        let mut seen = self.state.load(Ordering::Relaxed);
        let mut left = if seen & HELD != 0 {
            primitive::spins()
        } else {
            0
        };
        while seen & HELD != 0 && left > 0 {
            primitive::spin_loop();
            left -= 1;
            seen = primitive::guess(&self.state);
        }
        seen
    }

    /// Looks at the word, which is as seen, for a while, if the lock is held and at most one waits
    /// for it, for one that comes new; returns what it holds.
    ///
    /// Between two looks it lets other threads run. Looking more often takes the word's cache line
    /// away from the holder, who needs it back to unlock, and a short section is over by then; and
    /// a holder that has no CPU may get this one.
    fn linger(&self, mut seen: u32) -> u32 {
        let is_worth_it = |seen| seen & HELD != 0 && seen & WAITERS <= WAITER;
        let mut left = if is_worth_it(seen) {
            primitive::yields()
        } else {
            0
        };
        while left > 0 && is_worth_it(seen) {
            primitive::yield_now();
            left -= 1;
            seen = primitive::guess(&self.state);
        }
        seen
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

    /// Forgets who waits, and who holds the lock unless the calling thread does (`is_own`), in a
    /// child of `fork`; returns whether somebody held it.
    ///
    /// # Safety
    /// 1. The calling thread is the only one of the process, and not in a call of this lock's.
    pub(super) unsafe fn forget(&self, is_own: bool) -> bool {
        let word = self.state.as_ptr();
        // SAFETY: clause 1: nobody else looks.
        let before = unsafe { word.read() };
        // SAFETY: likewise.
        unsafe { word.write(if is_own { HELD } else { 0 }) };
        before & HELD != 0
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
const _: () = assert!(PASSES_MAX == 16_383);
