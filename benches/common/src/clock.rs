//! Timing, and what it costs to ask the runtime for the time.

use crate::{Run, os, print, verify};
use core::hint::black_box;

const MONOTONIC: usize = 1;
const PROCESS_CPU: usize = 2;

/// The time since the machine's start, in nanoseconds.
pub fn now_ns() -> f64 {
    os::clock_ns(MONOTONIC)
}

/// The CPU time of the whole process, in nanoseconds.
pub fn cpu_ns() -> f64 {
    os::clock_ns(PROCESS_CPU)
}

/// Times `work`, which does something `times` times, and prints wall time and CPU time of one.
pub fn time(name: &str, times: u64, work: impl FnOnce()) {
    let (wall, cpu) = (now_ns(), cpu_ns());
    work();
    let (cpu, wall) = (cpu_ns() - cpu, now_ns() - wall);
    print::result(name, wall / times as f64, "ns");
    print::result(format_args!("{name}_cpu"), cpu / times as f64, "ns");
}

/// The runtime's clock that never goes back, in nanoseconds since whenever.
pub trait Clock {
    /// Asks for the time, as programs do.
    type Instant;
    /// Reads the clock.
    fn now() -> Self::Instant;
    /// Nanoseconds from one reading to another.
    fn between(early: &Self::Instant, late: &Self::Instant) -> f64;
}

/// `instant_now`: asking for the time.
pub fn instant_now<C: Clock>(run: &Run) {
    let times = run.times(500_000);
    for _ in 0..times / 10 {
        black_box(C::now());
    }
    let (first, before) = (C::now(), now_ns());
    time("instant_now", times, || {
        for _ in 0..times {
            black_box(C::now());
        }
    });
    let (by_clock, by_kernel) = (C::between(&first, &C::now()), now_ns() - before);
    let difference = by_clock - by_kernel;
    verify(
        difference.abs() < 1e6 + by_kernel / 10.0,
        "the clock is wrong",
    );
}
