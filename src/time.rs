//! Points in time and how far they are apart: `std::time`, for both clocks that programs need.
//!
//! | | [`Instant`] | [`SystemTime`] |
//! |---|---|---|
//! | for | how long something takes, deadlines | the time of day, what others understand |
//! | the kernel's clock | `CLOCK_MONOTONIC` | `CLOCK_REALTIME` |
//! | is set by somebody | never | at any moment, back too |
//! | while the machine sleeps | stands still | goes on |
//! | begins | at some moment, mostly the machine's start | 1970-01-01 00:00:00 UTC |
//!
//! Seconds have 64 bits on every CPU. On a 32-bit kernel before Linux 5.1 the clock itself ends in
//! 2038.
//!
//! There are no dates here, no time zones and no timers. [`thread::sleep`](crate::thread::sleep)
//! lets time pass.
//!
//! # Kernel
//! clock_gettime(2). Most kernels leave a function for it in every process (vdso(7)): then no
//! system call is made, and a clock is read in some 25 ns, in signal handlers and after `fork`,
//! too. The function needs less than 400 bytes of the caller's stack; on a kernel that was built to
//! check stacks, 4 KiB. Hexagon and 32-bit RISC-V have no such function, nor have emulators of one
//! process, and on some machines it makes the system call itself, for want of a counter that it may
//! read.
//!
//! A kernel that refuses the system call where it is needed, as a seccomp filter can, ends the
//! program with a message: there is no answer that a caller of `now` could do without.
//!
//! # Examples
//! ```
//! use threadbare::time::{Instant, SystemTime};
//!
//! let start = Instant::now();
//! let day = SystemTime::UNIX_EPOCH.elapsed().map(|since_1970| since_1970.as_secs() / 86_400);
//! threadbare::println!("day {day:?}, found in {:?}", start.elapsed());
//! ```

use core::fmt;
use core::ops::{Add, AddAssign, Sub, SubAssign};

use crate::sys::Errno;
use crate::sys::time::{self, Clock, Timespec};

pub use core::time::Duration;

mod vdso;

/// A point in time on a clock that is never set; for measuring, and for deadlines. 16 bytes.
///
/// Two instants of one program can be compared and subtracted; one alone says nothing.
///
/// # Examples
/// ```
/// use threadbare::thread;
/// use threadbare::time::{Duration, Instant};
///
/// let start = Instant::now();
/// let limit = start + Duration::from_millis(2);
/// while Instant::now() < limit {
///     thread::sleep(Duration::from_millis(1));
/// }
/// assert!(start.elapsed() >= Duration::from_millis(2));
///
/// // What cannot be is nothing, or `None`.
/// assert_eq!(start.duration_since(limit), Duration::ZERO);
/// assert_eq!(start.saturating_duration_since(limit), Duration::ZERO);
/// assert_eq!(start.checked_duration_since(limit), None);
/// assert_eq!(start.checked_add(Duration::MAX), None);
/// assert_eq!(limit.checked_sub(Duration::from_millis(2)), Some(start));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(Timespec);

impl Instant {
    /// Returns the current instant, to the nanosecond. One that is asked for later is never less,
    /// in whichever thread.
    ///
    /// # Kernel
    /// clock_gettime(2), `CLOCK_MONOTONIC`; the module says what a refusal does.
    pub fn now() -> Instant {
        Instant(now(Clock::Monotonic))
    }

    /// Returns how much later this instant is than `earlier`, and nothing if it is not.
    pub fn duration_since(&self, earlier: Instant) -> Duration {
        self.checked_duration_since(earlier).unwrap_or_default()
    }

    /// Returns how much later this instant is than `earlier`, `None` if it is not.
    pub fn checked_duration_since(&self, earlier: Instant) -> Option<Duration> {
        self.0.since(earlier.0).ok()
    }

    /// The same as [`Instant::duration_since`], by a name that says so.
    pub fn saturating_duration_since(&self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }

    /// Returns how much time has passed since this instant; nothing if it is still to come.
    pub fn elapsed(&self) -> Duration {
        Instant::now().duration_since(*self)
    }

    /// Returns the instant that is `duration` later, `None` where seconds of 64 bits end.
    pub fn checked_add(&self, duration: Duration) -> Option<Instant> {
        self.0.checked_add(duration).map(Instant)
    }

    /// Returns the instant that is `duration` earlier, `None` where seconds of 64 bits end. One
    /// from before the clock's beginning is an instant like any other.
    pub fn checked_sub(&self, duration: Duration) -> Option<Instant> {
        self.0.checked_sub(duration).map(Instant)
    }

    /// The point on the kernel's monotonic clock.
    pub(crate) fn timespec(self) -> Timespec {
        self.0
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;

    /// As [`Instant::duration_since`].
    fn sub(self, earlier: Instant) -> Duration {
        self.duration_since(earlier)
    }
}

/// A point in time of the kind that others understand: files, networks, people. 16 bytes.
///
/// The clock may be set back between two looks at it, so how far two points are apart is a
/// `Result`, whose error says it the other way round.
///
/// # Examples
/// ```
/// use threadbare::time::{Duration, SystemTime, UNIX_EPOCH};
///
/// let now = SystemTime::now();
/// let hour = Duration::from_secs(3600);
/// assert_eq!((now + hour).duration_since(now).ok(), Some(hour));
/// assert_eq!(now.duration_since(now + hour).map_err(|error| error.duration()), Err(hour));
/// assert!(UNIX_EPOCH.elapsed().is_ok_and(|since_1970| since_1970 > 50 * 365 * 24 * hour));
///
/// // Before 1970 there were times, too; before the universe there is none.
/// assert!(UNIX_EPOCH.checked_sub(hour).is_some_and(|before| before < UNIX_EPOCH));
/// assert_eq!(SystemTime::UNIX_EPOCH.checked_sub(Duration::MAX), None);
/// assert_eq!(now.checked_add(Duration::MAX), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SystemTime(Timespec);

/// 1970-01-01 00:00:00 UTC: [`SystemTime::UNIX_EPOCH`].
pub const UNIX_EPOCH: SystemTime = SystemTime(Timespec {
    seconds: 0,
    nanoseconds: 0,
});

impl SystemTime {
    /// 1970-01-01 00:00:00 UTC. Days have 86,400 seconds since then: leap seconds do not count.
    pub const UNIX_EPOCH: SystemTime = UNIX_EPOCH;

    /// Returns the time of day, to the nanosecond.
    ///
    /// # Kernel
    /// clock_gettime(2), `CLOCK_REALTIME`; the module says what a refusal does.
    pub fn now() -> SystemTime {
        SystemTime(now(Clock::Realtime))
    }

    /// Returns how much later this point is than `earlier`.
    ///
    /// # Errors
    /// By how much it is earlier: the clock was set between the two, or they were swapped.
    pub fn duration_since(&self, earlier: SystemTime) -> Result<Duration, SystemTimeError> {
        self.0.since(earlier.0).map_err(SystemTimeError)
    }

    /// Returns how much time has passed since this point.
    ///
    /// # Errors
    /// How far away it still is: the clock was set back, or the point was in the future.
    pub fn elapsed(&self) -> Result<Duration, SystemTimeError> {
        SystemTime::now().duration_since(*self)
    }

    /// Returns the point that is `duration` later, `None` where seconds of 64 bits end.
    pub fn checked_add(&self, duration: Duration) -> Option<SystemTime> {
        self.0.checked_add(duration).map(SystemTime)
    }

    /// Returns the point that is `duration` earlier, `None` where seconds of 64 bits end.
    pub fn checked_sub(&self, duration: Duration) -> Option<SystemTime> {
        self.0.checked_sub(duration).map(SystemTime)
    }
}

/// Two [`SystemTime`]s were in the other order than the caller thought.
///
/// # Examples
/// ```
/// use threadbare::time::{Duration, UNIX_EPOCH};
///
/// let second = Duration::from_secs(1);
/// let error = UNIX_EPOCH.duration_since(UNIX_EPOCH + second).unwrap_err();
/// assert_eq!(error.duration(), second);
/// threadbare::println!("{error}"); // second time provided was later than self
/// ```
#[derive(Clone, Debug)]
pub struct SystemTimeError(Duration);

impl SystemTimeError {
    /// Returns how far they are apart.
    pub fn duration(&self) -> Duration {
        self.0
    }
}

impl fmt::Display for SystemTimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("second time provided was later than self")
    }
}

impl core::error::Error for SystemTimeError {}

/// What both kinds of points share: a duration moves them, and they show as `std`'s do.
macro_rules! points_in_time {
    ($($point:ident)*) => {$(
        impl Add<Duration> for $point {
            type Output = $point;

            /// # Panics
            /// Where seconds of 64 bits end; `checked_add` returns `None` there.
            #[track_caller]
            fn add(self, duration: Duration) -> $point {
                self.checked_add(duration)
                    .expect("a time plus a duration is beyond what can be told")
            }
        }

        impl AddAssign<Duration> for $point {
            /// # Panics
            /// As `+`.
            #[track_caller]
            fn add_assign(&mut self, duration: Duration) {
                *self = *self + duration;
            }
        }

        impl Sub<Duration> for $point {
            type Output = $point;

            /// # Panics
            /// Where seconds of 64 bits end; `checked_sub` returns `None` there.
            #[track_caller]
            fn sub(self, duration: Duration) -> $point {
                self.checked_sub(duration)
                    .expect("a time minus a duration is beyond what can be told")
            }
        }

        impl SubAssign<Duration> for $point {
            /// # Panics
            /// As `-`.
            #[track_caller]
            fn sub_assign(&mut self, duration: Duration) {
                *self = *self - duration;
            }
        }

        impl fmt::Debug for $point {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($point))
                    .field("tv_sec", &self.0.seconds)
                    .field("tv_nsec", &self.0.nanoseconds)
                    .finish()
            }
        }
    )*};
}

points_in_time! { Instant SystemTime }

/// The point on the monotonic clock at which `timeout` is over, counted from now. One that is too
/// far away to be told never comes.
///
/// Out of line: who asks is about to wait, and code that seldom does should be short.
#[inline(never)]
pub(crate) fn deadline(timeout: Duration) -> Timespec {
    let now = now(Clock::Monotonic);
    now.checked_add(timeout).unwrap_or(Timespec::MAX)
}

/// The same, by a system call.
#[cold]
#[inline(never)]
pub(crate) fn deadline_by_call(timeout: Duration) -> Timespec {
    let now = ask(Clock::Monotonic);
    now.checked_add(timeout).unwrap_or(Timespec::MAX)
}

/// Sleeps until the monotonic clock shows `until`; out of line, likewise.
#[inline(never)]
pub(crate) fn sleep_to(until: Timespec) {
    loop {
        match time::sleep_until(Clock::Monotonic, until) {
            Ok(()) => return,
            // A handler ran. The point in time is still the same.
            Err(Errno::INTR) => {}
            Err(errno) => crate::fatal::fatal_errno(c"clock_nanosleep", errno),
        }
    }
}

/// Reads a clock by what the kernel left here for that, or else by asking it.
#[inline]
fn now(clock: Clock) -> Timespec {
    match vdso::now(clock) {
        Some(time) => time,
        None => ask(clock),
    }
}

/// Asks the kernel, and dies where it will not say.
#[cold]
#[inline(never)]
fn ask(clock: Clock) -> Timespec {
    match time::now(clock) {
        Ok(time) => time,
        Err(errno) => crate::fatal::fatal_errno(c"clock_gettime", errno),
    }
}
