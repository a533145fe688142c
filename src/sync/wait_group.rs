//! Waiting until as much work is done as was begun; the reference's `WaitGroup`.
//!
//! The word also counts, modulo 2^11, how often everything was done: who waits goes on if nothing
//! is left or was left since, so that the group can be used again at once.
//!
//! # Ordering
//! Owed: who goes on sees what came before every `finish`. Each is Release and read-modify-write,
//! so that the last carries on what the others released; looking is Acquire. The rest is Relaxed.

use core::fmt;
use core::time::Duration;

use super::primitive::{self, AtomicU32, Limit, Ordering};

/// Somebody may sleep: the last one to finish wakes all.
const SLEEPERS: u32 = 1;
/// All was done once more.
const ROUND: u32 = 1 << 1;
const ROUNDS: u32 = TASK - ROUND;
/// One task is not done yet.
const TASK: u32 = 1 << 12;

/// Counts tasks, and lets threads wait until none is left; 4 bytes.
///
/// # Examples
/// ```
/// use threadbare::sync::WaitGroup;
/// use threadbare::thread;
///
/// static JOBS: WaitGroup = WaitGroup::new();
///
/// JOBS.start(3);
/// for _ in 0..3 {
///     thread::spawn(|| JOBS.finish());
/// }
/// JOBS.wait();
/// assert!(JOBS.is_done());
/// ```
pub struct WaitGroup {
    /// Bit 0 is `SLEEPERS`, bits 1 to 11 count rounds, bits 12 to 31 tasks.
    state: AtomicU32,
}

impl WaitGroup {
    /// How many tasks there may be at a time.
    pub const TASKS_MAX: u32 = u32::MAX / TASK;

    /// Makes a group without tasks.
    pub const fn new() -> WaitGroup {
        WaitGroup {
            state: AtomicU32::new(0),
        }
    }

    /// Adds tasks. For `wait` to know of them, do it before, not in the tasks' own threads.
    ///
    /// # Panics
    /// If there are more than [`WaitGroup::TASKS_MAX`] then.
    pub fn start(&self, tasks: u32) {
        let mut seen = self.state.load(Ordering::Relaxed);
        loop {
            assert!(
                tasks <= WaitGroup::TASKS_MAX - seen / TASK,
                "too many tasks"
            );
            match self.change(seen, seen + tasks * TASK) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Says that a task is done.
    ///
    /// # Panics
    /// If there is none.
    pub fn finish(&self) {
        // Who goes on may free the group: only the address is used then.
        let word = self.state.as_ptr();
        let mut seen = self.state.load(Ordering::Relaxed);
        loop {
            assert!(seen >= TASK, "a task is done that was never started");
            let left = seen - TASK;
            let is_last = left < TASK;
            let finished = if is_last {
                (left + ROUND) & ROUNDS
            } else {
                left
            };
            match self
                .state
                .compare_exchange(seen, finished, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) if is_last && seen & SLEEPERS != 0 => return primitive::wake_all(word),
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Returns whether no task is left.
    ///
    /// # Ordering
    /// What came before every `finish` comes before a return of true.
    #[inline]
    pub fn is_done(&self) -> bool {
        self.state.load(Ordering::Acquire) < TASK
    }

    /// Waits until no task is left.
    ///
    /// # Blocking
    /// Until then, or not at all.
    #[inline]
    pub fn wait(&self) {
        if !self.is_done() {
            self.wait_slow(None);
        }
    }

    /// Waits until no task is left, for `timeout` at most; returns whether none was.
    ///
    /// # Blocking
    /// As [`WaitGroup::wait`], and no longer than `timeout`. Signal handlers make the wait no
    /// longer; [`Duration::MAX`] is for ever.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::WaitGroup;
    /// use threadbare::time::Duration;
    ///
    /// let tasks = WaitGroup::new();
    /// tasks.start(1);
    /// assert!(!tasks.wait_timeout(Duration::from_millis(1)));
    /// tasks.finish();
    /// assert!(tasks.wait_timeout(Duration::ZERO));
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.is_done() || self.wait_slow(Some(Limit::after(timeout)))
    }

    fn change(&self, seen: u32, to: u32) -> Result<u32, u32> {
        self.state
            .compare_exchange(seen, to, Ordering::Relaxed, Ordering::Relaxed)
    }

    #[cold]
    fn wait_slow(&self, limit: Option<Limit>) -> bool {
        let mut is_in_time = true;
        let mut seen = self.state.load(Ordering::Acquire);
        let rounds = seen & ROUNDS;
        loop {
            if seen < TASK || seen & ROUNDS != rounds {
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

impl Default for WaitGroup {
    fn default() -> WaitGroup {
        WaitGroup::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup")
            .field("tasks", &(self.state.load(Ordering::Relaxed) / TASK))
            .finish_non_exhaustive()
    }
}

const _: () = assert!(size_of::<WaitGroup>() == 4);
