//! Threads that wait for each other. A mutex and a condition variable order everything.

use core::fmt;

use super::{Condvar, Mutex};

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
    opened: Condvar,
    threads: usize,
}

#[derive(Debug)]
struct State {
    /// How many threads have come in this round.
    waiting: usize,
    /// Which round it is, modulo a large number.
    round: usize,
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
                round: 0,
            }),
            opened: Condvar::new(),
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
        if state.waiting >= self.threads {
            state.waiting = 0;
            state.round = state.round.wrapping_add(1);
            self.opened.notify_all();
            return BarrierWaitResult(true);
        }
        let round = state.round;
        drop(self.opened.wait_while(state, |state| state.round == round));
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
