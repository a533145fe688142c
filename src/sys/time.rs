//! Clocks, with seconds of 64 bits on every CPU.
//!
//! On 32-bit CPUs the calls with 64-bit seconds came in Linux 5.1. Older kernels answer `ENOSYS`,
//! or `EPERM`, as some filters do, and are asked again by the older call, whose seconds end in
//! 2038. The answer is not remembered: a wrong guess costs one call on a kernel out of support.
//!
//! Source: `kernel/time/posix-timers.c`, `include/uapi/linux/time_types.h`.

use core::time::Duration;

use super::{Errno, call};
use crate::arch::{self, kernel as k};

/// A clock of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Never set back; stands still while the machine sleeps.
    Monotonic,
    /// Time of day, since 1970 in UTC; may be set.
    Realtime,
}

impl Clock {
    /// The kernel's number for it.
    pub(crate) const fn number(self) -> usize {
        match self {
            Clock::Monotonic => k::CLOCK_MONOTONIC as usize,
            Clock::Realtime => k::CLOCK_REALTIME as usize,
        }
    }
}

/// A point in time on some clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timespec {
    /// Seconds since the clock's beginning.
    pub seconds: i64,
    /// 0 to 999,999,999. What lies before the beginning counts up from the second before it.
    pub nanoseconds: u32,
}

const SECOND_NS: u32 = 1_000_000_000;

impl Timespec {
    /// The last point that there is. A wait until then is one without a limit: the kernel cuts it
    /// to what its own clocks hold, 292 years (`include/linux/ktime.h`, `ktime_set`).
    pub const MAX: Timespec = Timespec {
        seconds: i64::MAX,
        nanoseconds: SECOND_NS - 1,
    };

    /// The point that is `duration` later, if there is one.
    pub fn checked_add(self, duration: Duration) -> Option<Timespec> {
        let seconds = self.seconds.checked_add_unsigned(duration.as_secs())?;
        // Less than two seconds: no overflow.
        let nanoseconds = self.nanoseconds + duration.subsec_nanos();
        Some(if nanoseconds < SECOND_NS {
            Timespec {
                seconds,
                nanoseconds,
            }
        } else {
            Timespec {
                seconds: seconds.checked_add(1)?,
                nanoseconds: nanoseconds - SECOND_NS,
            }
        })
    }

    /// The point that is `duration` earlier, if there is one.
    pub fn checked_sub(self, duration: Duration) -> Option<Timespec> {
        let seconds = self.seconds.checked_sub_unsigned(duration.as_secs())?;
        let subtrahend = duration.subsec_nanos();
        Some(if self.nanoseconds >= subtrahend {
            Timespec {
                seconds,
                nanoseconds: self.nanoseconds - subtrahend,
            }
        } else {
            Timespec {
                seconds: seconds.checked_sub(1)?,
                nanoseconds: self.nanoseconds + SECOND_NS - subtrahend,
            }
        })
    }

    /// How much later this point is than `earlier`, or by how much it is not, as an error.
    pub fn since(self, earlier: Timespec) -> Result<Duration, Duration> {
        if self < earlier {
            return earlier.since(self).map_or_else(Ok, Err);
        }
        // The distance of two numbers of 64 bits has 64 bits.
        let seconds = self.seconds.abs_diff(earlier.seconds);
        Ok(if self.nanoseconds >= earlier.nanoseconds {
            Duration::new(seconds, self.nanoseconds - earlier.nanoseconds)
        } else {
            let nanoseconds = self.nanoseconds + SECOND_NS - earlier.nanoseconds;
            Duration::new(seconds - 1, nanoseconds)
        })
    }

    /// What to wait until: the kernel answers `EINVAL` to a point before the clock's beginning,
    /// which has passed like the beginning itself.
    fn to_wait_for(self) -> Timespec {
        self.max(Timespec::default())
    }

    /// As `struct __kernel_timespec`, to wait until: two words of 64 bits on every CPU.
    pub(super) fn to_kernel(self) -> [i64; 2] {
        let time = self.to_wait_for();
        [time.seconds, i64::from(time.nanoseconds)]
    }

    /// As `struct old_timespec32`, to wait until; a time past 2038 becomes the last one before it,
    /// which for whoever waits is a spurious wake-up.
    pub(super) fn to_kernel32(self) -> [i32; 2] {
        let time = self.to_wait_for();
        match i32::try_from(time.seconds) {
            Ok(seconds) => [seconds, time.nanoseconds as i32],
            Err(_) => [i32::MAX, 999_999_999],
        }
    }
}

/// Makes a call with 64-bit seconds, and where the kernel has none, the one with 32-bit seconds.
#[inline(always)]
pub(super) fn with_fallback(
    call: impl FnOnce() -> Result<usize, Errno>,
    old_call: impl FnOnce(arch::Time32) -> Result<usize, Errno>,
) -> Result<usize, Errno> {
    match (call(), arch::TIME32) {
        // `PERM`: Hexagon's kernel has no `ENOSYS` for numbers beyond its table, and old filters of
        // seccomp refuse what they do not know. None of these calls has an `EPERM` of its own.
        (Err(Errno::NOSYS | Errno::PERM), Some(old)) => old_call(old),
        (result, _) => result,
    }
}

/// Returns what `clock` shows.
///
/// # Errors
/// `EPERM`: a seccomp filter. Source: clock_gettime(2).
pub fn now(clock: Clock) -> Result<Timespec, Errno> {
    let mut time = [0i64; 2];
    let mut time32 = [0i32; 2];
    let (to, to32) = (&raw mut time, &raw mut time32);
    let clock = clock.number();
    let mut is_old = false;
    with_fallback(
        // SAFETY: the kernel writes two words of 64 bits.
        || unsafe { call!(CLOCK_GETTIME64, clock, to.expose_provenance()) },
        |old| {
            is_old = true;
            let to = to32.expose_provenance();
            // SAFETY: the kernel writes two words of 32 bits.
            super::made(old.clock_gettime, || unsafe {
                arch::syscall2(old.clock_gettime, clock, to)
            })
        },
    )?;
    // SAFETY: initialised above, and written by the kernel at most.
    let (time, time32) = unsafe { (to.read(), to32.read()) };
    Ok(if is_old {
        Timespec {
            seconds: i64::from(time32[0]),
            nanoseconds: time32[1] as u32,
        }
    } else {
        Timespec {
            seconds: time[0],
            nanoseconds: time[1] as u32,
        }
    })
}

/// Sleeps until `clock` shows `until`.
///
/// # Blocking
/// Until then, or until a signal handler has run.
///
/// # Errors
/// `EINTR`: a handler ran, sleep again. `EPERM`: a seccomp filter. Source: clock_nanosleep(2).
pub fn sleep_until(clock: Clock, until: Timespec) -> Result<(), Errno> {
    let (time, time32) = (until.to_kernel(), until.to_kernel32());
    let (clock, absolute) = (clock.number(), k::TIMER_ABSTIME as usize);
    with_fallback(
        || {
            let time = time.as_ptr() as usize;
            // SAFETY: the kernel reads two words of 64 bits; an absolute sleep has no remainder.
            unsafe { call!(CLOCK_NANOSLEEP_TIME64, clock, absolute, time, 0) }
        },
        |old| {
            let (nr, time) = (old.clock_nanosleep, time32.as_ptr() as usize);
            // SAFETY: the kernel reads two words of 32 bits; likewise.
            super::made(nr, || unsafe {
                arch::syscall4(nr, clock, absolute, time, 0)
            })
        },
    )?;
    Ok(())
}
