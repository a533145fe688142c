//! Clocks, with seconds of 64 bits on every CPU.
//!
//! On 32-bit CPUs the calls with 64-bit seconds came in Linux 5.1. Older kernels answer `ENOSYS`,
//! or `EPERM`, as some filters do, and are asked again by the older call, whose seconds end in
//! 2038. The answer is not remembered: a wrong guess costs one call on a kernel out of support.
//!
//! Source: `kernel/time/posix-timers.c`, `include/uapi/linux/time_types.h`.

#![cfg_attr(
    not(feature = "test-seam"),
    allow(dead_code, reason = "waits with a limit are not public yet")
)]

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
    pub(super) const fn number(self) -> usize {
        match self {
            Clock::Monotonic => k::CLOCK_MONOTONIC as usize,
            Clock::Realtime => k::CLOCK_REALTIME as usize,
        }
    }
}

/// A point in time on some clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timespec {
    /// Seconds since the clock's beginning.
    pub seconds: i64,
    /// 0 to 999,999,999.
    pub nanoseconds: u32,
}

impl Timespec {
    /// As `struct __kernel_timespec`: two words of 64 bits on every CPU.
    pub(super) fn to_kernel(self) -> [i64; 2] {
        [self.seconds, i64::from(self.nanoseconds)]
    }

    /// As `struct old_timespec32`; a time past 2038 becomes the last one before it, which for
    /// whoever waits is a spurious wake-up.
    pub(super) fn to_kernel32(self) -> [i32; 2] {
        match i32::try_from(self.seconds) {
            Ok(seconds) => [seconds, self.nanoseconds as i32],
            Err(_) if self.seconds < 0 => [i32::MIN, 0],
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
/// `EINTR`: a handler ran, sleep again. `EINVAL`: `until` is before the clock's beginning.
/// Source: clock_nanosleep(2).
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
