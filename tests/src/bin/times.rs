//! Clocks and sleeps: seconds of 64 bits on every CPU, what older kernels have, and that no sleep
//! is too short. Arithmetic with points in time is tested on the host.

#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering};

use suite::capture;
use suite::child::{self, End};
use suite::kernel::{self, Alarm, spawn_without_signals};
use suite::{Stop, Verdict, check, check_eq};
use threadbare::seam::arch::kernel as k;
use threadbare::seam::sys::futex::{self, Scope, Woken};
use threadbare::seam::sys::time::Clock;
use threadbare::seam::{self, Process, Vdso, arch, sys};
use threadbare::thread::{self, Builder};
use threadbare::time::{Duration, Instant, SystemTime};
use threadbare::{Errno, println};

suite::area! { 37:
    times_have_64_bits,
    times_fall_back_to_32_bits,
    instants_never_go_back,
    time_of_day_is_of_this_century,
    sleep_lasts_as_long,
    sleep_of_nothing_asks_nobody,
    sleep_until_the_past_returns,
    signals_make_no_sleep_shorter,
    refusals_are_fatal,
    vdso_agrees_with_the_kernel,
    vdso_that_refuses_is_not_believed,
    vdso_takes_little_stack,
    clocks_are_read_in_handlers_and_children,
    sleep_without_end_does_not_end,
}

const SHORT: Duration = Duration::from_millis(3);

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
    while wait(5, Clock::Monotonic, until) != Woken::ByTimeout {}
    check!(sys::time::now(Clock::Monotonic).is_ok_and(|now| now >= until));
    check_eq!(wait(6, Clock::Monotonic, soon()), Woken::ByChange);
    let past = sys::time::Timespec {
        seconds: 1,
        nanoseconds: 0,
    };
    check_eq!(wait(5, Clock::Realtime, past), Woken::ByTimeout);
    public_times_work()
}

/// The same by the public names.
fn public_times_work() -> Verdict {
    let (start, limit) = (Instant::now(), Duration::from_millis(1));
    thread::sleep(limit);
    check!(start.elapsed() >= limit);
    let next = Instant::now() + limit;
    thread::sleep_until(next);
    check!(Instant::now() >= next);
    let start = Instant::now();
    thread::park_timeout(limit);
    check!(start.elapsed() >= limit);
    time_of_day_is_of_this_century()
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
    check_eq!(woken, Woken::ByWake);
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
            seam::set_vdso(Vdso::Absent);
            seam::order(call, 0, u32::MAX, refusal);
            let verdict = times_work();
            let refused = seam::end();
            seam::set_vdso(Vdso::Works);
            verdict?;
            check!(refused > 0);
        }
    }
    Ok(())
}

fn instants_never_go_back() -> Verdict {
    let mut last = Instant::now();
    for _ in 0..1000 {
        let now = Instant::now();
        check!(now >= last);
        last = now;
    }
    for _ in 0..20 {
        let Ok(others) = thread::spawn(Instant::now).join() else {
            check!("a thread" == "joined");
            return Ok(());
        };
        let now = Instant::now();
        check!(last <= others && others <= now);
        last = now;
    }
    Ok(())
}

/// The machine's clock is right, or at least newer than this program.
fn time_of_day_is_of_this_century() -> Verdict {
    let year_2020 = SystemTime::UNIX_EPOCH + Duration::from_secs(1_577_836_800);
    check!(year_2020.elapsed().is_ok());
    check!(SystemTime::now().duration_since(year_2020).is_ok());
    Ok(())
}

fn sleep_lasts_as_long() -> Verdict {
    for microseconds in [1, 999, 1_000, 5_000, 100_000] {
        let duration = Duration::from_micros(microseconds);
        let start = Instant::now();
        thread::sleep(duration);
        check!(start.elapsed() >= duration);
        let next = start + 2 * duration;
        thread::sleep_until(next);
        check!(Instant::now() >= next);
    }
    Ok(())
}

fn sleep_of_nothing_asks_nobody() -> Verdict {
    for call in [arch::nr::CLOCK_GETTIME64, arch::nr::CLOCK_NANOSLEEP_TIME64] {
        seam::set_vdso(Vdso::Absent);
        seam::order(call, 0, u32::MAX, Errno::IO);
        thread::sleep(Duration::ZERO);
        let refused = seam::end();
        seam::set_vdso(Vdso::Works);
        check_eq!(refused, 0);
    }
    Ok(())
}

/// A point before the clock's beginning, which the kernel refuses, has passed, too.
fn sleep_until_the_past_returns() -> Verdict {
    let now = Instant::now();
    thread::sleep_until(now);
    for seconds in [0, 1, 1 << 31, 1 << 32, 1 << 40, i64::MAX as u64] {
        let past = now.checked_sub(Duration::new(seconds, 1));
        check!(past.is_some_and(|past| past < now));
        if let Some(past) = past {
            thread::sleep_until(past);
        }
    }
    Ok(())
}

static HANDLED: AtomicU32 = AtomicU32::new(0);

extern "C" fn counts(_: i32) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// Nor longer: with a handler every millisecond, a sleep of more than one that began anew each time
/// would not end.
fn signals_make_no_sleep_shorter() -> Verdict {
    kernel::own_thread_register();
    let _alarm = Alarm::every_millisecond(counts);
    while HANDLED.load(Ordering::Relaxed) < 20 {
        let start = Instant::now();
        thread::sleep(SHORT);
        check!(start.elapsed() >= SHORT);
        let next = Instant::now() + SHORT;
        thread::sleep_until(next);
        check!(Instant::now() >= next);
    }
    Ok(())
}

/// There is nothing that a program could be told instead.
fn refusals_are_fatal() -> Verdict {
    type Attempt = fn();
    let attempts: [(usize, &str, Attempt); 3] = [
        (arch::nr::CLOCK_GETTIME64, "clock_gettime", || {
            Instant::now();
        }),
        (arch::nr::CLOCK_GETTIME64, "clock_gettime", || {
            SystemTime::now();
        }),
        (arch::nr::CLOCK_NANOSLEEP_TIME64, "clock_nanosleep", || {
            thread::sleep(SHORT)
        }),
    ];
    for (call, name, attempt) in attempts {
        let captured = capture::run(|| {
            seam::set_vdso(Vdso::Absent);
            // Not one of the errors that let an older call serve.
            seam::order(call, 0, u32::MAX, Errno::IO);
            attempt();
        });
        check_eq!(captured.end, End::Signal(k::SIGABRT as i32));
        let message = captured.stderr.as_str();
        let message = message.strip_prefix("threadbare: ");
        let message = message.and_then(|rest| rest.strip_prefix(name));
        check_eq!(message, Some(" answered error 5, which it cannot\n"));
    }
    Ok(())
}

fn has_vdso() -> Result<(), Stop> {
    match Process::get().auxv().vdso_address() {
        0 => Err(Stop::Skip("the kernel gives no vDSO")),
        _ => Ok(()),
    }
}

/// A reading by the vDSO lies between two by the system call.
fn vdso_agrees_with_the_kernel() -> Verdict {
    has_vdso()?;
    let readings = seam::vdso_readings();
    for _ in 0..200 {
        seam::set_vdso(Vdso::Absent);
        let (first, day) = (Instant::now(), SystemTime::now());
        seam::set_vdso(Vdso::Works);
        let (between, same_day) = (Instant::now(), SystemTime::now());
        seam::set_vdso(Vdso::Absent);
        let last = Instant::now();
        seam::set_vdso(Vdso::Works);
        check!(first <= between && between <= last);
        let apart = same_day.duration_since(day);
        let apart = apart.unwrap_or_else(|error| error.duration());
        // Somebody may be setting it.
        check!(apart < Duration::from_secs(10));
    }
    let expected = if arch::VDSO_CLOCK.is_some() { 400 } else { 0 };
    check_eq!(seam::vdso_readings() - readings, expected);
    Ok(())
}

/// As MIPS' did before Linux 4.13, or any that lacks what it needs: the system call serves.
fn vdso_that_refuses_is_not_believed() -> Verdict {
    let first = Instant::now();
    seam::set_vdso(Vdso::Refuses);
    let readings = seam::vdso_readings();
    let verdict = times_work();
    let between = Instant::now();
    let answered = seam::vdso_readings() - readings;
    seam::set_vdso(Vdso::Works);
    verdict?;
    check_eq!(answered, 0);
    check!(first <= between && between <= Instant::now());
    Ok(())
}

/// A thread on the smallest stack reads both clocks; of its stack, what that took.
fn vdso_takes_little_stack() -> Verdict {
    fn used(body: fn()) -> Option<usize> {
        let small = Builder::new().stack_size(0).paint(true);
        let handle = small.spawn(body).ok()?;
        let thread = handle.thread().clone();
        handle.join().ok()?;
        thread.stack_high_water()
    }
    // Found before, so that looking for it does not count.
    Instant::now();
    let nothing = used(|| ());
    let clocks = used(|| {
        Instant::now();
        SystemTime::now();
    });
    let (Some(nothing), Some(clocks)) = (nothing, clocks) else {
        check!("a stack" == "measured");
        return Ok(());
    };
    println!(
        "# clocks took {} bytes of the stack",
        clocks.saturating_sub(nothing)
    );
    // Unoptimised frames of ours are among it.
    check!(clocks < nothing + 4096);
    Ok(())
}

static READ: AtomicU32 = AtomicU32::new(0);

extern "C" fn reads(_: i32) {
    let first = Instant::now();
    if first <= Instant::now() {
        READ.fetch_add(1, Ordering::Relaxed);
    }
}

fn clocks_are_read_in_handlers_and_children() -> Verdict {
    kernel::own_thread_register();
    let alarm = Alarm::every_millisecond(reads);
    let mut last = Instant::now();
    while READ.load(Ordering::Relaxed) < 10 {
        let now = Instant::now();
        check!(last <= now);
        last = now;
    }
    drop(alarm);
    let readings = seam::vdso_readings();
    let end = child::run(|| {
        let is_later = Instant::now() >= last;
        let by_vdso = seam::vdso_readings() - readings;
        let expected = u32::from(has_vdso().is_ok() && arch::VDSO_CLOCK.is_some());
        if is_later && by_vdso == expected {
            sys::task::exit_process(0);
        }
    });
    check_eq!(end, End::Exit(0));
    Ok(())
}

/// How many sleeps came to an end that have none.
static ENDED: AtomicU32 = AtomicU32::new(0);

/// Starts threads that sleep for ever, and leaves them to it.
fn sleep_for_ever() {
    const LONG: [Duration; 3] = [
        Duration::MAX,
        Duration::from_secs(i64::MAX as u64),
        Duration::from_secs(1 << 40),
    ];
    for duration in LONG {
        spawn_without_signals(move || {
            thread::sleep(duration);
            ENDED.fetch_add(1, Ordering::Relaxed);
        })
        .detach();
    }
    spawn_without_signals(|| {
        let far = Instant::now().checked_add(Duration::from_secs(1 << 62));
        if let Some(far) = far {
            thread::sleep_until(far);
        }
        ENDED.fetch_add(1, Ordering::Relaxed);
    })
    .detach();
    thread::sleep(5 * SHORT);
}

/// By the older call, too, where there is one. The program's end ends them all.
fn sleep_without_end_does_not_end() -> Verdict {
    sleep_for_ever();
    if arch::TIME32.is_some() {
        seam::order(arch::nr::CLOCK_NANOSLEEP_TIME64, 0, u32::MAX, Errno::NOSYS);
        sleep_for_ever();
        check!(seam::end() > 0);
    }
    check_eq!(ENDED.load(Ordering::Relaxed), 0);
    Ok(())
}
