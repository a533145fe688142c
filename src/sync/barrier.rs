//! Threads that wait for each other. A mutex orders who comes, and a word says when all have come.
//!
//! # Why nobody sleeps for ever
//! 1. A thread reads the round with the mutex held with which it was counted. The round ends when
//!    the last thread is counted, with the mutex held as well: so the thread was counted in the
//!    round that it waits for the end of.
//! 2. It sleeps only while the word says that round. Who changes the word wakes all.
//!
//! Nobody needs the mutex to leave: all who were woken go at once, however many they are.
//!
//! # Ordering
//! Owed: what any thread did before comes before what all do after. The mutex orders the others
//! before the last one, whose store is Release; the load that sees it is Acquire.

use core::fmt;

use super::Mutex;
use super::linger::Lingering;
use super::primitive::{self, AtomicU32, Ordering};

/// Lets threads go on when a number of them have come; `std`'s `Barrier`.
///
/// # Examples
/// ```
/// use threadbare::sync::Barrier;
/// use threadbare::thread;
///
/// static START: Barrier = Barrier::new(3);
///
/// let runners = [0; 3].map(|_| thread::spawn(|| START.wait().is_leader()));
/// let leaders = runners.map(|runner| usize::from(runner.join().unwrap()));
/// assert_eq!(leaders.iter().sum::<usize>(), 1);
/// ```
pub struct Barrier {
    state: Mutex<State>,
    /// Which round it is, modulo 2^32: a thread would have to sleep through all of them to miss
    /// its own.
    round: AtomicU32,
    threads: usize,
}

struct State {
    /// How many threads have come in this round.
    waiting: usize,
    /// How they wait for the others.
    lingering: Lingering,
}

/// What [`Barrier::wait`] tells each thread.
///
/// # Examples
/// ```
/// use threadbare::sync::{Barrier, BarrierWaitResult};
///
/// // Nobody else is waited for.
/// let result: BarrierWaitResult = Barrier::new(1).wait();
/// assert!(result.is_leader());
/// ```
pub struct BarrierWaitResult(bool);

impl Barrier {
    /// Makes a barrier that opens for each `threads` threads; for 0 as for 1.
    pub const fn new(threads: usize) -> Barrier {
        Barrier {
            state: Mutex::new(State {
                waiting: 0,
                lingering: Lingering::new(),
            }),
            round: AtomicU32::new(0),
            threads,
        }
    }

    /// Waits for the other threads. The barrier can be used again at once.
    ///
    /// # Blocking
    /// Until as many threads wait as the barrier is for.
    ///
    /// # Ordering
    /// What any of the threads did before comes before the return in all of them.
    pub fn wait(&self) -> BarrierWaitResult {
        let mut state = self.state.lock_raw();
        state.waiting += 1;
        // Relaxed: it changes with the mutex held.
        let round = self.round.load(Ordering::Relaxed);
        if state.waiting >= self.threads {
            state.waiting = 0;
            let word = self.round.as_ptr();
            self.round.store(round.wrapping_add(1), Ordering::Release);
            drop(state);
            primitive::wake_all(word);
            return BarrierWaitResult(true);
        }
        let linger = state.lingering.begin();
        drop(state);
        let is_over = || self.round.load(Ordering::Acquire) != round;
        if let Some(mut linger) = linger {
            while !is_over() && linger.take_turn() {
                primitive::yield_now();
            }
            if linger.was_long() {
                self.state.lock_raw().lingering.pause();
            }
        }
        while !is_over() {
            primitive::wait(&self.round, round);
        }
        BarrierWaitResult(false)
    }
}

impl fmt::Debug for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Barrier").finish_non_exhaustive()
    }
}

impl BarrierWaitResult {
    /// Returns true in one of the threads.
    pub fn is_leader(&self) -> bool {
        self.0
    }
}

impl fmt::Debug for BarrierWaitResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BarrierWaitResult")
            .field("is_leader", &self.is_leader())
            .finish()
    }
}
