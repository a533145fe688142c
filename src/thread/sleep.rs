//! Letting time pass.
//!
//! Every sleep is one until a point in time: a signal handler that runs in between, however often,
//! makes it neither shorter nor longer.

use crate::time::{Duration, Instant, deadline, sleep_to};

/// Sleeps for at least `duration`; not at all, if that is zero.
///
/// # Blocking
/// For `duration`, and until the kernel's timer has come round (50 µs later for ordinary threads,
/// `PR_SET_TIMERSLACK`) and a CPU is free. Signal handlers run meanwhile. Time for which the
/// machine itself sleeps does not count. What is longer than 292 years, such as [`Duration::MAX`],
/// is for ever.
///
/// # Kernel
/// clock_nanosleep(2) with `TIMER_ABSTIME` on `CLOCK_MONOTONIC`. A kernel that refuses it, as a
/// seccomp filter can, ends the program with a message.
///
/// # Examples
/// ```
/// use threadbare::thread;
/// use threadbare::time::{Duration, Instant};
///
/// let start = Instant::now();
/// thread::sleep(Duration::from_millis(2));
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// ```
pub fn sleep(duration: Duration) {
    if !duration.is_zero() {
        sleep_to(deadline(duration));
    }
}

/// Sleeps until `deadline`; not at all, if that has passed.
///
/// For what is to happen at regular times: a sequence of [`sleep`]s adds up what each is late by.
///
/// # Blocking
/// As [`sleep`].
///
/// # Kernel
/// As [`sleep`].
///
/// # Examples
/// ```
/// use threadbare::thread;
/// use threadbare::time::{Duration, Instant};
///
/// let mut next = Instant::now();
/// for _ in 0..3 {
///     next += Duration::from_millis(1);
///     thread::sleep_until(next);
///     assert!(Instant::now() >= next);
/// }
/// ```
pub fn sleep_until(deadline: Instant) {
    sleep_to(deadline.timespec());
}
