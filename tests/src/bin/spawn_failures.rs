//! Every failing step of `spawn`: the right error, nothing left behind, and the next one works.

#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU32, Ordering};

use suite::kernel::mapping_count;
use suite::{Verdict, check, check_eq};
use threadbare::Errno;
use threadbare::seam::{self, arch::nr, thread_counts};
use threadbare::thread::{self, Builder, CacheLimits, SpawnError};

suite::area! { 16:
    mmap_fails,
    mprotect_fails,
    clone_fails,
    clone_fails_on_a_cached_mapping,
    cached_memory_is_given_up_for_a_thread,
    mapping_of_records_fails,
    munmap_fails_at_join,
    naming_fails,
    spawn_panics_with_the_limits,
    parallelism_falls_back_or_reports,
}

static DROPS: AtomicU32 = AtomicU32::new(0);

struct Captured;

impl Drop for Captured {
    fn drop(&mut self) {
        DROPS.fetch_add(1, Ordering::Relaxed);
    }
}

/// Spawns with one call ordered to fail, and checks error, leaks, the closure's one drop, and that
/// the next spawn works.
fn fails(call: usize, errno: Errno, expected: SpawnError) -> Verdict {
    seam::prepare_for_fork();
    let before = (mapping_count(), thread_counts());
    check!(before.0 > 0);
    DROPS.store(0, Ordering::Relaxed);
    let captured = Captured;
    seam::order(call, 0, 1, errno);
    let result = Builder::new().spawn(move || {
        let _captured = captured;
        1
    });
    check_eq!(seam::end(), 1);
    check_eq!(result.err(), Some(expected));
    check_eq!(DROPS.load(Ordering::Relaxed), 1);
    check_eq!((mapping_count(), thread_counts()), before);
    check_eq!(thread::spawn(|| 2).join(), Ok(2));
    Ok(())
}

/// The same with no cache to fall back on.
fn fails_uncached(call: usize, errno: Errno, expected: SpawnError) -> Verdict {
    thread::set_cache_limits(CacheLimits::OFF);
    let verdict = fails(call, errno, expected);
    thread::set_cache_limits(CacheLimits::DEFAULT);
    verdict
}

fn mmap_fails() -> Verdict {
    fails_uncached(nr::MMAP, Errno::NOMEM, SpawnError::OutOfMemory)?;
    fails_uncached(
        nr::MMAP,
        Errno::AGAIN,
        SpawnError::LockedMemoryLimitExceeded,
    )?;
    fails_uncached(nr::MMAP, Errno::PERM, SpawnError::Unexpected(Errno::PERM))
}

fn mprotect_fails() -> Verdict {
    fails_uncached(nr::MPROTECT, Errno::NOMEM, SpawnError::OutOfMemory)?;
    fails_uncached(
        nr::MPROTECT,
        Errno::ACCES,
        SpawnError::Unexpected(Errno::ACCES),
    )
}

fn clone_fails() -> Verdict {
    fails_uncached(nr::CLONE, Errno::AGAIN, SpawnError::ThreadQuotaExceeded)?;
    fails_uncached(nr::CLONE, Errno::NOMEM, SpawnError::SystemResources)?;
    fails_uncached(nr::CLONE, Errno::PERM, SpawnError::Unexpected(Errno::PERM))?;
    fails_uncached(
        nr::CLONE,
        Errno::NOSYS,
        SpawnError::Unexpected(Errno::NOSYS),
    )
}

/// The mapping goes back to where it came from.
fn clone_fails_on_a_cached_mapping() -> Verdict {
    check!(thread::spawn(|| ()).join().is_ok());
    check!(thread_counts().1 > 0);
    fails(nr::CLONE, Errno::AGAIN, SpawnError::ThreadQuotaExceeded)
}

/// When memory is short, what the cache keeps is the first to go; the spawn that was refused once
/// works then.
fn cached_memory_is_given_up_for_a_thread() -> Verdict {
    for _ in 0..3 {
        check!(thread::spawn(|| ()).join().is_ok());
    }
    check!(thread_counts().1 > 0);
    for call in [nr::MMAP, nr::MPROTECT] {
        check!(thread::spawn(|| ()).join().is_ok());
        seam::order(call, 0, 1, Errno::NOMEM);
        // Larger than anything that is cached.
        let handle = Builder::new().stack_size(40 << 20).spawn(|| 7);
        check_eq!(seam::end(), 1);
        check_eq!(thread_counts(), (1, 0));
        check_eq!(handle.map(|handle| handle.join()), Ok(Ok(7)));
        thread::set_cache_limits(CacheLimits::OFF);
        thread::set_cache_limits(CacheLimits::DEFAULT);
    }
    Ok(())
}

static GO: AtomicU32 = AtomicU32::new(0);

/// With 64 threads alive the static page of records is full; the next one needs a new page.
fn mapping_of_records_fails() -> Verdict {
    const LIVE: usize = 64;
    thread::set_cache_limits(CacheLimits::OFF);
    GO.store(0, Ordering::Release);
    let handles = [0; LIVE].map(|_| {
        Builder::new().stack_size(0).spawn(|| {
            while GO.load(Ordering::Acquire) == 0 {
                thread::yield_now();
            }
        })
    });
    check!(handles.iter().all(Result::is_ok));
    check_eq!(thread_counts().0, LIVE);
    let mappings = mapping_count();
    DROPS.store(0, Ordering::Relaxed);
    let captured = Captured;
    seam::order(nr::MMAP, 0, 1, Errno::NOMEM);
    let result = Builder::new().spawn(move || drop(captured));
    check_eq!(seam::end(), 1);
    check_eq!(result.err(), Some(SpawnError::OutOfMemory));
    check_eq!(DROPS.load(Ordering::Relaxed), 1);
    check_eq!(thread_counts().0, LIVE);
    check_eq!(mapping_count(), mappings);
    // The page can be had now, and it stays.
    check_eq!(thread::spawn(|| 3).join(), Ok(3));
    GO.store(1, Ordering::Release);
    for handle in handles.into_iter().flatten() {
        check!(handle.join().is_ok());
    }
    check_eq!(thread_counts(), (0, 0));
    thread::set_cache_limits(CacheLimits::DEFAULT);
    Ok(())
}

/// A mapping that the kernel will not take back is not worth a thread's result.
fn munmap_fails_at_join() -> Verdict {
    thread::set_cache_limits(CacheLimits::OFF);
    seam::order(nr::MUNMAP, 0, 1, Errno::NOMEM);
    let joined = thread::spawn(|| 4).join();
    check_eq!(seam::end(), 1);
    check_eq!(joined, Ok(4));
    check_eq!(thread_counts(), (0, 0));
    thread::set_cache_limits(CacheLimits::DEFAULT);
    Ok(())
}

/// A name is a convenience.
fn naming_fails() -> Verdict {
    seam::order(nr::PRCTL, 0, 1, Errno::PERM);
    let handle = Builder::new().name("nameless").spawn(|| 5);
    let joined = handle.map(|handle| handle.join());
    check_eq!(seam::end(), 1);
    check_eq!(joined, Ok(Ok(5)));
    Ok(())
}

fn spawn_panics_with_the_limits() -> Verdict {
    let end = suite::child::run(|| {
        suite::child::no_core_file();
        seam::order(nr::CLONE, 0, 1, Errno::AGAIN);
        let _ = thread::spawn(|| ());
    });
    check!(matches!(end, suite::child::End::Signal(_)));
    Ok(())
}

fn parallelism_falls_back_or_reports() -> Verdict {
    let right = thread::available_parallelism();
    seam::order(nr::SCHED_GETAFFINITY, 0, 1, Errno::INVAL);
    check_eq!(thread::available_parallelism(), right);
    check_eq!(seam::end(), 1);
    seam::order(nr::SCHED_GETAFFINITY, 0, 2, Errno::INVAL);
    check_eq!(thread::available_parallelism(), Err(Errno::INVAL));
    check_eq!(seam::end(), 2);
    seam::order(nr::SCHED_GETAFFINITY, 0, 1, Errno::PERM);
    check_eq!(thread::available_parallelism(), Err(Errno::PERM));
    check_eq!(seam::end(), 1);
    // No file is no quota.
    for refusal in [Errno::NOENT, Errno::MFILE] {
        seam::order(nr::OPENAT, 0, u32::MAX, refusal);
        let without = thread::available_parallelism();
        check_eq!(seam::end(), 1);
        check_eq!(without.map(usize::from), seam::sys::task::count_cpus());
    }
    Ok(())
}
