//! The worst that can be handed to each public function: refused with a reason, or taken for what
//! it means. Nothing wraps around.
//!
//! The table at the end names every function that takes something which can be wrong, with the case
//! that does it; `cargo xtask check` holds it against the library's public items.

#![no_std]
#![no_main]

mod others;
mod programs;

use core::mem::MaybeUninit;

use suite::child::{self, End};
use suite::{Verdict, capture, check, check_eq, kernel};
use threadbare::seam::arch::kernel as k;
use threadbare::seam::thread_counts;
use threadbare::signal::{self, Action, SendError, Signal, SignalSet};
use threadbare::thread::{self, Builder, CacheLimits, CpuSet, Guard, JoinHandle, NameError};
use threadbare::thread::{Policy, SpawnError, StaticStack, Thread};
use threadbare::time::{Duration, Instant, SystemTime};
use threadbare::{Errno, process};

use others::{descriptors_and_files, empty_buffers, error_numbers, exit_codes, variables};
use programs::{children, machine, programs};

suite::area! { 54:
    stack_sizes,
    guard_sizes,
    callers_stacks,
    cache_limits,
    builders_names,
    attributes,
    sets_of_cpus,
    dead_threads,
    names_of_threads,
    timeouts,
    endless_timeouts_are_endless,
    points_in_time,
    signals,
    error_numbers,
    variables,
    exit_codes,
    descriptors_and_files,
    empty_buffers,
    programs,
    children,
    machine,
}

fn run(builder: Builder) -> Result<u32, SpawnError> {
    // A thread that was started has to work.
    builder.spawn(|| 7).map(|handle| handle.join().unwrap_or(0))
}

const SIZES: [usize; 9] = [
    usize::MAX,
    usize::MAX - 1,
    usize::MAX - 4095,
    usize::MAX - (16 << 20),
    usize::MAX / 2 + 1,
    usize::MAX / 2,
    0,
    1,
    12_345,
];

fn stack_sizes() -> Verdict {
    for bytes in SIZES {
        let ran = run(Builder::new().stack_size(bytes));
        check_eq!(
            ran,
            if bytes > 1 << 30 {
                Err(SpawnError::OutOfMemory)
            } else {
                Ok(7)
            }
        );
    }
    check_eq!(thread_counts().0, thread_counts().1);
    Ok(())
}

fn guard_sizes() -> Verdict {
    for bytes in SIZES {
        let ran = run(Builder::new().stack_size(0).guard(Guard::Bytes(bytes)));
        check_eq!(
            ran,
            if bytes > 1 << 30 {
                Err(SpawnError::OutOfMemory)
            } else {
                Ok(7)
            }
        );
        thread::set_default_guard(Guard::Bytes(bytes));
        let ran = run(Builder::new().stack_size(0));
        thread::set_default_guard(Guard::Bytes(1));
        // The largest size of all means something else there, and is taken for the next.
        check_eq!(
            ran,
            if bytes > 1 << 30 {
                Err(SpawnError::OutOfMemory)
            } else {
                Ok(7)
            }
        );
    }
    Ok(())
}

fn callers_stacks() -> Verdict {
    static MEMORY: StaticStack<{ 160 << 10 }> = StaticStack::new();
    let Some(memory) = MEMORY.take() else {
        check!("nobody else" == "takes it");
        return Ok(());
    };
    let whole: *mut [MaybeUninit<u8>] = memory;
    let part = |from: usize, bytes: usize| {
        let low = whole.cast::<MaybeUninit<u8>>().wrapping_add(from);
        core::ptr::slice_from_raw_parts_mut(low, bytes)
    };
    let run = |memory: *mut [MaybeUninit<u8>]| {
        // SAFETY: this case alone uses the memory, and joins the thread.
        run(unsafe { Builder::new().stack_raw(memory) })
    };
    let SpawnError::StackTooSmall { bytes_min } = run(part(0, 0)).unwrap_err() else {
        check!("nothing" == "is too small");
        return Ok(());
    };
    for (from, bytes) in [(0, 0), (0, 1), (1, 15), (7, 4096), (1, bytes_min / 2)] {
        check_eq!(
            run(part(from, bytes)),
            Err(SpawnError::StackTooSmall { bytes_min })
        );
    }
    // What was said would do, wherever it begins and ends.
    for from in [0, 1, 7, 15, 4095] {
        check_eq!(run(part(from, bytes_min)), Ok(7));
        check_eq!(run(part(from, bytes_min + 13)), Ok(7));
    }
    let refused = Builder::new()
        .stack(&mut [])
        .spawn(|| 7)
        .map(JoinHandle::join);
    check_eq!(refused, Err(SpawnError::StackTooSmall { bytes_min }));
    // More than there is, asked for on top.
    // SAFETY: as above.
    let builder = unsafe { Builder::new().stack_raw(whole) };
    check_eq!(
        builder.stack_size(usize::MAX).spawn(|| 7).map(|_| ()),
        Err(SpawnError::OutOfMemory)
    );
    Ok(())
}

fn cache_limits() -> Verdict {
    for mappings_max in SIZES {
        for bytes_max in SIZES {
            thread::set_cache_limits(CacheLimits {
                mappings_max,
                bytes_max,
            });
            check_eq!(run(Builder::new().stack_size(0)), Ok(7));
            check!(thread_counts().1 <= mappings_max.min(64));
        }
    }
    thread::set_cache_limits(CacheLimits::DEFAULT);
    Ok(())
}

fn builders_names() -> Verdict {
    let named = |name: &str| {
        let handle = Builder::new().name(name).spawn(|| ());
        handle.map(|handle| handle.thread().clone())
    };
    let is = |thread: Result<Thread, SpawnError>, name: Option<&str>| {
        thread.is_ok_and(|thread| thread.name() == name)
    };
    check!(is(named(""), None));
    check!(is(named("fifteen letters"), Some("fifteen letters")));
    check!(is(named("sixteen letters!"), Some("sixteen letters")));
    // Cut at a character.
    check!(is(named("éééééééé"), Some("ééééééé")));
    for name in ["\0", "a\0b", "sixteen letters!\0"] {
        let captured = capture::run(|| {
            child::no_core_file();
            let _ = Builder::new().name(name);
        });
        check!(matches!(captured.end, End::Signal(_)));
        check!(
            captured
                .stderr
                .has_line("a thread's name must not hold a NUL byte")
        );
    }
    Ok(())
}

fn attributes() -> Verdict {
    let small = || Builder::new().stack_size(0);
    let none = CpuSet::new();
    check_eq!(
        run(small().affinity(none)),
        Err(SpawnError::Affinity(Errno::INVAL))
    );
    for priority in [0, 100, 255] {
        for policy in [Policy::Fifo(priority), Policy::RoundRobin(priority)] {
            check_eq!(
                run(small().policy(policy)),
                Err(SpawnError::Policy(Errno::INVAL))
            );
        }
    }
    // What lies beyond counts as the nearest.
    check_eq!(run(small().nice(i8::MAX)), Ok(7));
    let least = run(small().nice(i8::MIN));
    check!([Ok(7), Err(SpawnError::Nice(Errno::ACCES))].contains(&least));
    Ok(())
}

fn sets_of_cpus() -> Verdict {
    let mut set = CpuSet::new();
    for cpu in [CpuSet::CAPACITY, usize::MAX, usize::MAX / 2 + 1] {
        check!(!set.contains(cpu));
        set.remove(cpu);
        let captured = capture::run(|| {
            child::no_core_file();
            CpuSet::new().insert(cpu);
        });
        check!(matches!(captured.end, End::Signal(_)));
        check!(
            captured
                .stderr
                .has_line("a CpuSet has room for CPUs 0 to 1023")
        );
    }
    set.insert(CpuSet::CAPACITY - 1);
    check!(set.len() == 1 && set.contains(CpuSet::CAPACITY - 1));
    Ok(())
}

fn dead_threads() -> Verdict {
    let handle = thread::spawn(|| ());
    let dead = handle.thread().clone();
    check_eq!(handle.join(), Ok(()));
    // Its record may serve another thread by now; it is still this one's name that counts.
    let next = thread::spawn(thread::park);
    check_eq!(thread::set_name(&dead, "late"), Err(NameError::Gone));
    check_eq!(thread::kernel_name(&dead).err(), Some(NameError::Gone));
    check_eq!(signal::send(&dead, Signal::URG), Err(SendError::Gone));
    check_eq!(dead.kernel_id(), None);
    dead.unpark();
    check!(dead.id() != next.thread().id());
    next.thread().unpark();
    check_eq!(next.join(), Ok(()));
    Ok(())
}

fn names_of_threads() -> Verdict {
    let main = thread::current();
    let bytes = 16;
    check_eq!(
        thread::set_name(&main, "sixteen letters!"),
        Err(NameError::TooLong { bytes })
    );
    check_eq!(
        thread::set_name(&main, "a\0"),
        Err(NameError::InteriorNul { at: 1 })
    );
    check_eq!(thread::set_name(&main, ""), Ok(()));
    check!(thread::kernel_name(&main).is_ok_and(|name| name.as_bytes().is_empty()));
    check_eq!(thread::set_name(&main, "main"), Ok(()));
    Ok(())
}

fn timeouts() -> Verdict {
    let start = Instant::now();
    thread::sleep(Duration::ZERO);
    thread::sleep(Duration::from_nanos(1));
    thread::sleep_until(start);
    if let Some(past) = start.checked_sub(Duration::from_secs(1)) {
        thread::sleep_until(past);
    }
    thread::park_timeout(Duration::ZERO);
    thread::park_timeout(Duration::from_nanos(1));
    // With the token there is nothing to wait for.
    thread::current().unpark();
    thread::park_timeout(Duration::MAX);
    let set = SignalSet::from([Signal::USR1]);
    let old = signal::block(&set);
    check!(signal::wait_timeout(&set, Duration::ZERO).is_none());
    check!(signal::wait_timeout(&set, Duration::from_nanos(1)).is_none());
    check_eq!(signal::raise(Signal::USR1), Ok(()));
    check!(signal::wait_timeout(&set, Duration::MAX).is_some());
    signal::set_mask(&old);
    check!(start.elapsed() < Duration::from_secs(30));
    Ok(())
}

/// A time that is too long for the kernel's clocks is no short one.
fn endless_timeouts_are_endless() -> Verdict {
    let end = child::run(|| {
        let waits: [fn(); 4] = [
            || thread::sleep(Duration::MAX),
            || thread::sleep(Duration::from_secs(u64::MAX / 2)),
            || thread::park_timeout(Duration::MAX),
            || {
                let set = SignalSet::from([Signal::USR2]);
                signal::block(&set);
                signal::wait_timeout(&set, Duration::MAX);
            },
        ];
        for wait in waits {
            let waiting = Builder::new().stack_size(0).spawn(move || {
                wait();
                process::exit(1)
            });
            if waiting.is_err() {
                process::exit(2);
            }
        }
        kernel::limit_seconds(1);
        thread::park_timeout(Duration::from_secs(60));
    });
    check_eq!(end, End::Signal(k::SIGALRM as i32));
    Ok(())
}

fn points_in_time() -> Verdict {
    let now = Instant::now();
    for beyond in [Duration::MAX, Duration::from_secs(i64::MAX as u64 + 1)] {
        check_eq!(now.checked_add(beyond), None);
        check_eq!(SystemTime::now().checked_add(beyond), None);
    }
    check_eq!(now.checked_sub(Duration::MAX), None);
    check_eq!(SystemTime::UNIX_EPOCH.checked_sub(Duration::MAX), None);
    let Some(later) = now.checked_add(Duration::from_secs(u64::from(u32::MAX))) else {
        check!("136 years" == "are no overflow");
        return Ok(());
    };
    check_eq!(now.duration_since(later), Duration::ZERO);
    check_eq!(now.saturating_duration_since(later), Duration::ZERO);
    check_eq!(now.checked_duration_since(later), None);
    let epoch = SystemTime::UNIX_EPOCH;
    let day = Duration::from_secs(86_400);
    let before = epoch.checked_sub(day);
    let Some(before) = before else {
        check!("1969" == "is a time");
        return Ok(());
    };
    check_eq!(
        before
            .duration_since(epoch)
            .map_err(|error| error.duration()),
        Err(day)
    );
    Ok(())
}

fn signals() -> Verdict {
    for number in [0, -1, i32::MIN, k::_NSIG as i32 + 1, i32::MAX] {
        check_eq!(Signal::new(number), None);
    }
    let mut set = SignalSet::EMPTY;
    for signal in [Signal::HUP, Signal::RT_MIN, Signal::RT_MAX] {
        check!(!set.contains(signal));
        set.insert(signal);
        check!(set.contains(signal));
        set.remove(signal);
        check_eq!(set, SignalSet::EMPTY);
    }
    for signal in [Signal::KILL, Signal::STOP] {
        check!(signal::action(signal).is_ok());
        // SAFETY: there is no handler.
        let refused = unsafe { signal::set_action(signal, Action::IGNORE) };
        check_eq!(refused.err(), Some(Errno::INVAL));
    }
    // To the kernel these would be groups of processes, or all of them.
    for number in [0, u32::MAX, i32::MAX as u32 + 1, i32::MAX as u32] {
        check_eq!(
            signal::send_to_process(number, Signal::URG),
            Err(SendError::Gone)
        );
    }
    check_eq!(signal::raise(Signal::URG), Ok(()));
    Ok(())
}

macro_rules! inputs {
    ($($function:literal => $case:ident,)*) => {
        /// The cases, so that a line without one does not compile.
        const _: &[(&str, fn() -> Verdict)] = &[$(($function, $case)),*];
    };
}

inputs! {
    "threadbare::Errno::from_raw" => error_numbers,
    "threadbare::env::var" => variables,
    "threadbare::env::var_os" => variables,
    "threadbare::io::Fd::from_raw" => descriptors_and_files,
    "threadbare::io::Fd::read_at" => descriptors_and_files,
    "threadbare::io::File::from_raw" => descriptors_and_files,
    "threadbare::io::File::open" => descriptors_and_files,
    "threadbare::io::File::open_to_write" => machine,
    "threadbare::io::File::read_at" => descriptors_and_files,
    "threadbare::io::LineWriter::new" => empty_buffers,
    "threadbare::io::Reader::new" => empty_buffers,
    "threadbare::io::Reader::read_until" => empty_buffers,
    "threadbare::io::SliceWriter::new" => empty_buffers,
    "threadbare::io::Status::of" => descriptors_and_files,
    "threadbare::io::Writer::new" => empty_buffers,
    "threadbare::process::Child::kill" => children,
    "threadbare::process::Command::arg0" => programs,
    "threadbare::process::Command::args" => programs,
    "threadbare::process::Command::current_dir" => programs,
    "threadbare::process::Command::descriptor" => programs,
    "threadbare::process::Command::descriptor_null" => programs,
    "threadbare::process::Command::envs" => programs,
    "threadbare::process::Command::new" => programs,
    "threadbare::process::Command::user" => programs,
    "threadbare::process::exit" => exit_codes,
    "threadbare::signal::Signal::new" => signals,
    "threadbare::signal::SignalSet::contains" => signals,
    "threadbare::signal::SignalSet::insert" => signals,
    "threadbare::signal::SignalSet::remove" => signals,
    "threadbare::signal::action" => signals,
    "threadbare::signal::raise" => signals,
    "threadbare::signal::send" => dead_threads,
    "threadbare::signal::send_to_all" => children,
    "threadbare::signal::send_to_process" => signals,
    "threadbare::signal::set_action" => signals,
    "threadbare::signal::wait_timeout" => timeouts,
    "threadbare::system::mount" => machine,
    "threadbare::system::unmount" => machine,
    "threadbare::thread::Builder::affinity" => attributes,
    "threadbare::thread::Builder::guard" => guard_sizes,
    "threadbare::thread::Builder::name" => builders_names,
    "threadbare::thread::Builder::nice" => attributes,
    "threadbare::thread::Builder::policy" => attributes,
    "threadbare::thread::Builder::stack" => callers_stacks,
    "threadbare::thread::Builder::stack_raw" => callers_stacks,
    "threadbare::thread::Builder::stack_size" => stack_sizes,
    "threadbare::thread::CpuSet::contains" => sets_of_cpus,
    "threadbare::thread::CpuSet::insert" => sets_of_cpus,
    "threadbare::thread::CpuSet::remove" => sets_of_cpus,
    "threadbare::thread::kernel_name" => dead_threads,
    "threadbare::thread::park_timeout" => timeouts,
    "threadbare::thread::set_cache_limits" => cache_limits,
    "threadbare::thread::set_default_guard" => guard_sizes,
    "threadbare::thread::set_name" => names_of_threads,
    "threadbare::thread::sleep" => timeouts,
    "threadbare::thread::sleep_until" => timeouts,
    "threadbare::time::Instant::checked_add" => points_in_time,
    "threadbare::time::Instant::checked_duration_since" => points_in_time,
    "threadbare::time::Instant::checked_sub" => points_in_time,
    "threadbare::time::Instant::duration_since" => points_in_time,
    "threadbare::time::Instant::saturating_duration_since" => points_in_time,
    "threadbare::time::SystemTime::checked_add" => points_in_time,
    "threadbare::time::SystemTime::checked_sub" => points_in_time,
    "threadbare::time::SystemTime::duration_since" => points_in_time,
}
