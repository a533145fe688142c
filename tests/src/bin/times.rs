//! The arch contract's part about times: seconds of 64 bits, and what older kernels have.

#![no_std]
#![no_main]

use core::sync::atomic::AtomicU32;

use suite::{Verdict, check, check_eq};
use threadbare::seam::sys::futex::{self, Scope, Woken};
use threadbare::seam::sys::time::Clock;
use threadbare::seam::{self, arch, sys};
use threadbare::{Errno, thread};

suite::area! { 37:
    times_have_64_bits,
    times_fall_back_to_32_bits,
}

fn soon() -> sys::time::Timespec {
    let mut time = sys::time::now(Clock::Monotonic).unwrap_or_default();
    time.nanoseconds += 2_000_000;
    if time.nanoseconds >= 1_000_000_000 {
        time.nanoseconds -= 1_000_000_000;
        time.seconds += 1;
    }
    time
}

/// Asks each call that takes or gives a time once.
fn times_work() -> Verdict {
    let (Ok(monotonic), Ok(day)) = (
        sys::time::now(Clock::Monotonic),
        sys::time::now(Clock::Realtime),
    ) else {
        check!("clocks" == "shown");
        return Ok(());
    };
    check!(monotonic.nanoseconds < 1_000_000_000 && day.seconds > 1_600_000_000);
    let until = soon();
    check!(sys::time::sleep_until(Clock::Monotonic, until).is_ok());
    check!(sys::time::now(Clock::Monotonic).is_ok_and(|now| now >= until));
    let word = AtomicU32::new(5);
    let wait = |expected, clock, until| {
        // SAFETY: the word is aligned.
        unsafe { futex::wait_until(word.as_ptr(), expected, Scope::Private, clock, until) }
    };
    let until = soon();
    // A spurious wake-up is legal; a time that does not pass would hang here.
    while wait(5, Clock::Monotonic, until).is_some() {}
    check!(sys::time::now(Clock::Monotonic).is_ok_and(|now| now >= until));
    check_eq!(wait(6, Clock::Monotonic, soon()), Some(Woken::ByChange));
    let past = sys::time::Timespec {
        seconds: 1,
        nanoseconds: 0,
    };
    check_eq!(wait(5, Clock::Realtime, past), None);
    Ok(())
}

/// `FUTEX_TIME64`, `CLOCK_GETTIME64`, `CLOCK_NANOSLEEP_TIME64`.
fn times_have_64_bits() -> Verdict {
    times_work()?;
    // In the year 2100: with 32-bit seconds that would be in the past.
    let far = sys::time::Timespec {
        seconds: 4_102_444_800,
        nanoseconds: 0,
    };
    let word = AtomicU32::new(0);
    let address = word.as_ptr().expose_provenance();
    let waker = thread::spawn(move || {
        let word = core::ptr::with_exposed_provenance(address);
        while futex::wake(word, 1, Scope::Private) == 0 {
            thread::yield_now();
        }
    });
    // SAFETY: the word is aligned, and lives until the waker is joined.
    let woken =
        unsafe { futex::wait_until(word.as_ptr(), 0, Scope::Private, Clock::Realtime, far) };
    check!(waker.join().is_ok());
    check_eq!(woken, Some(Woken::ByWake));
    Ok(())
}

/// `TIME32`: on a kernel without the calls that have 64-bit seconds, the older ones serve.
fn times_fall_back_to_32_bits() -> Verdict {
    if arch::TIME32.is_none() {
        // No kernel for this CPU lacks them.
        check!(size_of::<usize>() == 8 || arch::nr::FUTEX == arch::nr::FUTEX_TIME64);
        return Ok(());
    }
    for call in [
        arch::nr::FUTEX_TIME64,
        arch::nr::CLOCK_GETTIME64,
        arch::nr::CLOCK_NANOSLEEP_TIME64,
    ] {
        for refusal in [Errno::NOSYS, Errno::PERM] {
            seam::order(call, 0, u32::MAX, refusal);
            let verdict = times_work();
            let refused = seam::end();
            verdict?;
            check!(refused > 0);
        }
    }
    Ok(())
}
