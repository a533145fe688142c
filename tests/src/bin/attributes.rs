//! What a thread does to itself before its closure, and what comes of refusals.

#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering};

use suite::kernel::{call, mapping_count};
use suite::{Verdict, check, check_eq};
use threadbare::Errno;
use threadbare::seam::arch::{kernel as k, nr};
use threadbare::seam::{self, thread_counts};
use threadbare::thread::{self, Builder, CpuSet, Policy, SpawnError};

suite::area! { 40:
    cpu_sets_hold_what_is_put_in,
    affinity_holds_before_the_closure,
    affinity_of_no_cpu_is_refused,
    policy_holds_before_the_closure,
    real_time_is_given_or_refused,
    niceness_holds_before_the_closure,
    every_refusal_loses_nothing,
    refused_threads_leave_no_trace_in_thousands,
}

fn cpu_sets_hold_what_is_put_in() -> Verdict {
    let mut set = CpuSet::new();
    check!(set.is_empty() && !set.contains(0) && !set.contains(usize::MAX));
    for cpu in [0, 31, 32, 63, 64, 1023] {
        set.insert(cpu);
        check!(set.contains(cpu));
    }
    check_eq!(set.len(), 6);
    check!(set.iter().eq([0, 31, 32, 63, 64, 1023]));
    set.remove(64);
    set.remove(usize::MAX);
    check!(set == [0, 31, 32, 63, 1023].into_iter().collect());
    check_eq!(
        CpuSet::of_current().map(|own| own.len()),
        seam::sys::task::count_cpus()
    );
    Ok(())
}

fn affinity_holds_before_the_closure() -> Verdict {
    let Ok(own) = CpuSet::of_current() else {
        check!("the affinity" == "told");
        return Ok(());
    };
    for cpu in own.iter() {
        let one: CpuSet = [cpu].into_iter().collect();
        let spawned = Builder::new().affinity(one).spawn(CpuSet::of_current);
        check_eq!(spawned.map(|handle| handle.join()), Ok(Ok(Ok(one))));
    }
    check_eq!(CpuSet::of_current(), Ok(own));
    Ok(())
}

fn affinity_of_no_cpu_is_refused() -> Verdict {
    let refused = Builder::new().affinity(CpuSet::new()).spawn(|| ());
    check_eq!(refused.err(), Some(SpawnError::Affinity(Errno::INVAL)));
    Ok(())
}

/// The calling thread's policy.
fn own_policy() -> Result<usize, Errno> {
    // SAFETY: the call touches no memory.
    unsafe { call(k::__NR_sched_getscheduler, [0; 6]) }
}

fn policy_holds_before_the_closure() -> Verdict {
    for (policy, number) in [
        (Policy::Other, k::SCHED_NORMAL),
        (Policy::Batch, k::SCHED_BATCH),
        (Policy::Idle, k::SCHED_IDLE),
    ] {
        let spawned = Builder::new().policy(policy).spawn(own_policy);
        check_eq!(
            spawned.map(|handle| handle.join()),
            Ok(Ok(Ok(number as usize)))
        );
    }
    Ok(())
}

/// Depends on the rights that the suite is run with; both outcomes have a meaning.
fn real_time_is_given_or_refused() -> Verdict {
    for (policy, number) in [
        (Policy::Fifo(1), k::SCHED_FIFO),
        (Policy::RoundRobin(1), k::SCHED_RR),
    ] {
        let spawned = Builder::new().policy(policy).spawn(own_policy);
        match spawned {
            Err(error) => check_eq!(error, SpawnError::Policy(Errno::PERM)),
            Ok(handle) => check_eq!(handle.join(), Ok(Ok(number as usize))),
        }
    }
    let refused = Builder::new().policy(Policy::Fifo(100)).spawn(|| ());
    check_eq!(refused.err(), Some(SpawnError::Policy(Errno::INVAL)));
    Ok(())
}

/// The calling thread's niceness, as the kernel answers it: 20 less it.
fn own_niceness() -> Result<usize, Errno> {
    // SAFETY: the call touches no memory.
    unsafe {
        call(
            k::__NR_getpriority,
            [k::PRIO_PROCESS as usize, 0, 0, 0, 0, 0],
        )
    }
}

fn niceness_holds_before_the_closure() -> Verdict {
    let own = own_niceness();
    let spawned = Builder::new().nice(19).spawn(own_niceness);
    check_eq!(spawned.map(|handle| handle.join()), Ok(Ok(Ok(1))));
    let spawned = Builder::new().nice(127).spawn(own_niceness);
    check_eq!(spawned.map(|handle| handle.join()), Ok(Ok(Ok(1))));
    // It was the thread's own.
    check_eq!(own_niceness(), own);
    Ok(())
}

static RUNS: AtomicU32 = AtomicU32::new(0);
static DROPS: AtomicU32 = AtomicU32::new(0);

struct Captured;

impl Drop for Captured {
    fn drop(&mut self) {
        DROPS.fetch_add(1, Ordering::Relaxed);
    }
}

fn is_refused(builder: Builder, nr: usize, expected: SpawnError) -> Verdict {
    // One in the cache, so that the counts are those of one thread more.
    check_eq!(thread::spawn(|| 1).join(), Ok(1));
    let before = (mapping_count(), thread_counts());
    RUNS.store(0, Ordering::Relaxed);
    DROPS.store(0, Ordering::Relaxed);
    let captured = Captured;
    seam::order(nr, 0, 1, Errno::PERM);
    let refused = builder.spawn(move || {
        let _captured = captured;
        RUNS.fetch_add(1, Ordering::Relaxed);
    });
    check_eq!(seam::end(), 1);
    check_eq!(refused.err(), Some(expected));
    check_eq!(RUNS.load(Ordering::Relaxed), 0);
    check_eq!(DROPS.load(Ordering::Relaxed), 1);
    check_eq!((mapping_count(), thread_counts()), before);
    check_eq!(thread::spawn(|| 2).join(), Ok(2));
    Ok(())
}

fn every_refusal_loses_nothing() -> Verdict {
    let own = CpuSet::of_current();
    let own = own.unwrap_or_default();
    let all = || Builder::new().affinity(own).policy(Policy::Batch).nice(19);
    is_refused(
        all(),
        nr::SCHED_SETAFFINITY,
        SpawnError::Affinity(Errno::PERM),
    )?;
    is_refused(
        all(),
        nr::SCHED_SETSCHEDULER,
        SpawnError::Policy(Errno::PERM),
    )?;
    is_refused(all(), nr::SETPRIORITY, SpawnError::Nice(Errno::PERM))
}

fn refused_threads_leave_no_trace_in_thousands() -> Verdict {
    let before = (mapping_count(), thread_counts());
    let asked = threadbare::env::var("SUITE_THREADS").ok();
    for _ in 0..asked
        .and_then(|count| count.parse().ok())
        .unwrap_or(2_000u32)
    {
        let refused = Builder::new().affinity(CpuSet::new()).spawn(|| ());
        check!(refused.is_err());
    }
    let (mappings, counts) = (mapping_count(), thread_counts());
    check!(mappings <= before.0 + 2 && counts.0 <= before.1.0 + 1);
    Ok(())
}
