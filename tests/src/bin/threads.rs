//! Spawn, join, detach, identity: what a thread's life promises.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering};

use suite::child::{self, End};
use suite::kernel::call;
use suite::{Verdict, check, check_eq};
use threadbare::io::File;
use threadbare::seam::arch::kernel as k;
use threadbare::seam::{arch, cgroup, stack, sys};
use threadbare::sync::{Condvar, Mutex};
use threadbare::thread::{self, Builder, SpawnError, Thread};

suite::area! { 14:
    join_returns_the_closures_value,
    ids_are_unique_and_never_reused,
    names_reach_the_kernel,
    long_names_are_cut_at_a_character,
    name_with_nul_is_refused,
    thread_handle_outlives_its_thread,
    main_is_called_main,
    threads_spawn_threads,
    join_from_another_thread,
    exit_gives_a_join_error,
    exit_of_a_detached_thread,
    stack_size_is_what_was_asked,
    small_stacks_are_raised,
    absurd_stacks_are_refused,
    cached_memory_is_reused,
    cache_limits_hold,
    cache_of_many_stacks_keeps_little_of_each,
    many_threads_at_once,
    signal_mask_is_the_spawners,
    parallelism_is_the_affinity_within_the_quota,
    is_finished_becomes_true,
    stack_is_aligned_for_the_threads_entry,
}

fn join_returns_the_closures_value() -> Verdict {
    for number in 0..200u32 {
        check_eq!(thread::spawn(move || number * 2).join(), Ok(number * 2));
    }
    thread::spawn(|| ())
        .join()
        .map_err(|_| suite::Stop::Fail(file!(), line!(), "unit"))?;
    Ok(())
}

fn ids_are_unique_and_never_reused() -> Verdict {
    let mut last = 1;
    for _ in 0..100 {
        let handle = thread::spawn(|| thread::current().id());
        let id = handle.thread().id();
        check_eq!(handle.join(), Ok(id));
        check!(id.as_u64().get() > last);
        last = id.as_u64().get();
    }
    Ok(())
}

/// What the kernel calls the calling thread.
fn kernel_name() -> [u8; 16] {
    const PR_GET_NAME: usize = 16;
    let mut name = [0u8; 16];
    let to = name.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes 16 bytes.
    let got = unsafe { call(k::__NR_prctl, [PR_GET_NAME, to, 0, 0, 0, 0]) };
    assert!(got.is_ok());
    name
}

fn names_reach_the_kernel() -> Verdict {
    let named = Builder::new().name("fifteen-letters").spawn(|| {
        (
            kernel_name(),
            thread::current().name() == Some("fifteen-letters"),
        )
    });
    let Ok(named) = named else {
        check!(false);
        return Ok(());
    };
    check_eq!(named.thread().name(), Some("fifteen-letters"));
    check_eq!(named.join(), Ok((*b"fifteen-letters\0", true)));
    let unnamed = thread::spawn(|| thread::current().name().is_none());
    check_eq!(unnamed.join(), Ok(true));
    Ok(())
}

fn long_names_are_cut_at_a_character() -> Verdict {
    let named = Builder::new().name("fourteen bytesé").spawn(|| {
        let own = thread::current();
        (kernel_name(), own.name() == Some("fourteen bytes"))
    });
    let Ok(named) = named else {
        check!(false);
        return Ok(());
    };
    check_eq!(named.join(), Ok((*b"fourteen bytes\0\0", true)));
    Ok(())
}

fn name_with_nul_is_refused() -> Verdict {
    let end = child::run(|| {
        child::no_core_file();
        let _ = Builder::new().name("a\0b");
    });
    check_eq!(end, End::Signal(k::SIGABRT as i32));
    Ok(())
}

fn thread_handle_outlives_its_thread() -> Verdict {
    let handle = Builder::new().name("gone").spawn(|| ());
    let Ok(handle) = handle else {
        check!(false);
        return Ok(());
    };
    let kept: Thread = handle.thread().clone();
    let id = kept.id();
    check!(handle.join().is_ok());
    for _ in 0..100 {
        check!(thread::spawn(|| ()).join().is_ok());
    }
    check_eq!(kept.name(), Some("gone"));
    check_eq!(kept.id(), id);
    Ok(())
}

fn main_is_called_main() -> Verdict {
    check_eq!(thread::current().name(), Some("main"));
    check_eq!(thread::current().id().as_u64().get(), 1);
    Ok(())
}

fn threads_spawn_threads() -> Verdict {
    fn tree(depth: u32) -> u32 {
        if depth == 0 {
            return 1;
        }
        let children = [0; 2].map(|_| thread::spawn(move || tree(depth - 1)));
        children
            .into_iter()
            .map(|child| child.join().unwrap_or(0))
            .sum::<u32>()
            + 1
    }
    check_eq!(tree(4), 31);
    Ok(())
}

fn join_from_another_thread() -> Verdict {
    let slow = thread::spawn(|| {
        for _ in 0..50 {
            thread::yield_now();
        }
        5
    });
    check_eq!(thread::spawn(move || slow.join()).join(), Ok(Ok(5)));
    Ok(())
}

fn exit_gives_a_join_error() -> Verdict {
    let gone = thread::spawn(|| {
        if black_box(true) {
            thread::exit();
        }
        1
    });
    check!(gone.join().is_err());
    check_eq!(thread::spawn(|| 1).join(), Ok(1));
    Ok(())
}

static EXITED: AtomicU32 = AtomicU32::new(0);

fn exit_of_a_detached_thread() -> Verdict {
    for round in 0..20u32 {
        let handle = thread::spawn(|| {
            EXITED.fetch_add(1, Ordering::Relaxed);
            thread::exit()
        });
        if round % 2 == 0 {
            while EXITED.load(Ordering::Relaxed) <= round {
                thread::yield_now();
            }
        }
        let handle: thread::JoinHandle<()> = handle;
        drop(handle);
    }
    while EXITED.load(Ordering::Relaxed) < 20 {
        thread::yield_now();
    }
    check_eq!(thread::spawn(|| 1).join(), Ok(1));
    Ok(())
}

/// Uses `bytes` of stack, by frames of at most a few KiB.
#[inline(never)]
fn use_stack(bytes: usize, top: usize) -> usize {
    let frame = black_box([1u8; 1024]);
    let used = top.saturating_sub(frame.as_ptr().addr());
    if used >= bytes {
        used
    } else {
        black_box(use_stack(bytes, top)) + frame[0] as usize - 1
    }
}

fn stack_size_is_what_was_asked() -> Verdict {
    for bytes in [64 << 10, 100_000, 1 << 20] {
        let handle = Builder::new().stack_size(bytes).spawn(move || {
            let top = 0u8;
            // All but what the frames above and below this one take.
            use_stack(bytes - 12_000, black_box(&raw const top).addr())
        });
        let Ok(handle) = handle else {
            check!(false);
            return Ok(());
        };
        check!(handle.join().is_ok_and(|used| used >= bytes - 12_000));
    }
    Ok(())
}

fn small_stacks_are_raised() -> Verdict {
    for bytes in [0, 1, 4095] {
        let handle = Builder::new().stack_size(bytes).spawn(|| {
            let top = 0u8;
            use_stack(6_000, black_box(&raw const top).addr()) > 0
        });
        let Ok(handle) = handle else {
            check!(false);
            return Ok(());
        };
        check_eq!(handle.join(), Ok(true));
    }
    Ok(())
}

fn absurd_stacks_are_refused() -> Verdict {
    let before = suite::kernel::mapping_count();
    for bytes in [usize::MAX, usize::MAX - 4096, isize::MAX as usize] {
        let refused = Builder::new().stack_size(bytes).spawn(|| ());
        check!(matches!(refused, Err(SpawnError::OutOfMemory)));
    }
    // Not ours to refuse, and there may be room: 2^64 bytes on s390x, and all 4 GiB for a program
    // of 32 bits under a kernel of 64.
    let half = isize::MAX as usize - 65536;
    match Builder::new().stack_size(half).spawn(|| 7) {
        Err(error) => check_eq!(error, SpawnError::OutOfMemory),
        Ok(handle) => check_eq!(handle.join(), Ok(7)),
    }
    // Less, if the cache gave way before the kernel's refusal was final.
    check!(suite::kernel::mapping_count() <= before);
    Ok(())
}

fn cached_memory_is_reused() -> Verdict {
    let place = || {
        let local = 0u8;
        black_box(&raw const local).addr()
    };
    thread::set_cache_limits(thread::CacheLimits::OFF);
    thread::set_cache_limits(thread::CacheLimits::DEFAULT);
    let first = thread::spawn(place).join();
    let maps = suite::kernel::mapping_count();
    for _ in 0..20 {
        check_eq!(thread::spawn(place).join(), first);
    }
    check_eq!(suite::kernel::mapping_count(), maps);
    Ok(())
}

fn cache_limits_hold() -> Verdict {
    thread::set_cache_limits(thread::CacheLimits::OFF);
    let (_, kept) = threadbare::seam::thread_counts();
    check_eq!(kept, 0);
    thread::set_cache_limits(thread::CacheLimits {
        mappings_max: 2,
        bytes_max: usize::MAX,
    });
    let handles = [0; 5].map(|_| thread::spawn(|| ()));
    for handle in handles {
        check!(handle.join().is_ok());
    }
    check_eq!(threadbare::seam::thread_counts().1, 2);
    thread::set_cache_limits(thread::CacheLimits {
        mappings_max: 5,
        bytes_max: 4096,
    });
    check_eq!(threadbare::seam::thread_counts().1, 0);
    check!(thread::spawn(|| ()).join().is_ok());
    check_eq!(threadbare::seam::thread_counts().1, 0);
    thread::set_cache_limits(thread::CacheLimits::DEFAULT);
    Ok(())
}

static MET: Mutex<usize> = Mutex::new(0);
static ALL_MET: Condvar = Condvar::new();

/// A thread that has used its whole stack leaves pages behind; of many such stacks they are given
/// back.
fn cache_of_many_stacks_keeps_little_of_each() -> Verdict {
    const COUNT: usize = 40;
    const STACK_BYTES: usize = 256 << 10;
    // Far below every frame of the thread.
    let deep = || {
        let address = thread::stack().base() + (16 << 10);
        core::ptr::with_exposed_provenance_mut::<u8>(address)
    };
    thread::set_cache_limits(thread::CacheLimits::OFF);
    thread::set_cache_limits(thread::CacheLimits::DEFAULT);
    let mut handles = [const { None }; COUNT];
    for handle in &mut handles {
        let builder = Builder::new().stack_size(STACK_BYTES);
        *handle = builder
            .spawn(move || {
                // SAFETY: the thread's own stack, of which nothing else uses this byte.
                unsafe { deep().write_volatile(1) };
                let mut met = MET.lock().unwrap();
                *met += 1;
                if *met == COUNT {
                    ALL_MET.notify_all();
                }
                drop(ALL_MET.wait_while(met, |met| *met < COUNT));
                deep().addr()
            })
            .ok();
    }
    let places = handles.map(|handle| handle.and_then(|handle| handle.join().ok()));
    check!(places.iter().all(Option::is_some));
    let again = Builder::new().stack_size(STACK_BYTES).spawn(move || {
        // SAFETY: as above.
        (deep().addr(), unsafe { deep().read_volatile() })
    });
    let Ok(Ok((place, byte))) = again.map(|handle| handle.join()) else {
        check!(false);
        return Ok(());
    };
    check!(places.contains(&Some(place)));
    check_eq!(byte, 0);
    Ok(())
}

static ALIVE: Mutex<usize> = Mutex::new(0);
static ALL_ALIVE: Condvar = Condvar::new();

fn many_threads_at_once() -> Verdict {
    const COUNT: usize = 200;
    let mut handles = [const { None }; COUNT];
    for handle in &mut handles {
        *handle = Builder::new()
            .stack_size(32 << 10)
            .spawn(|| {
                let mut alive = ALIVE.lock().unwrap();
                *alive += 1;
                if *alive == COUNT {
                    ALL_ALIVE.notify_all();
                }
                // Asleep: so many that are awake would be a test of the scheduler's patience.
                drop(ALL_ALIVE.wait_while(alive, |alive| *alive < COUNT));
                thread::current().id().as_u64().get()
            })
            .ok();
    }
    let mut last = 0;
    for handle in handles {
        let id = handle.and_then(|handle| handle.join().ok()).unwrap_or(0);
        check!(id > last);
        last = id;
    }
    Ok(())
}

/// Reads the calling thread's signal mask: its first word.
fn mask() -> usize {
    let mut set = [0usize; size_of::<k::kernel_sigset_t>() / size_of::<usize>()];
    let (to, bytes) = (set.as_mut_ptr().expose_provenance(), size_of_val(&set));
    // SAFETY: the kernel writes the set.
    let got = unsafe { call(k::__NR_rt_sigprocmask, [0, 0, to, bytes, 0, 0]) };
    assert!(got.is_ok());
    set[0]
}

fn signal_mask_is_the_spawners() -> Verdict {
    check_eq!(thread::spawn(mask).join(), Ok(mask()));
    let all = sys::signal::block_all();
    let blocked = mask();
    let in_thread = thread::spawn(mask).join();
    sys::signal::restore(&all);
    check!(blocked != mask());
    check_eq!(in_thread, Ok(blocked));
    Ok(())
}

fn parallelism_is_the_affinity_within_the_quota() -> Verdict {
    let mut set = [0u8; 1024];
    let to = set.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes at most 1024 bytes.
    let got = unsafe { call(k::__NR_sched_getaffinity, [0, 1024, to, 0, 0, 0]) };
    check!(got.is_ok());
    let count: u32 = set.iter().map(|byte| byte.count_ones()).sum();
    let quota = cgroup::cpu_limit(&|path| File::open(path).ok());
    check_eq!(
        thread::available_parallelism().map(usize::from),
        Ok(quota.map_or(usize::MAX, usize::from).min(count as usize))
    );
    // It needs no more stack than any thread has.
    let small = Builder::new()
        .stack_size(0)
        .spawn(thread::available_parallelism);
    check_eq!(
        small.map(|handle| handle.join()),
        Ok(Ok(thread::available_parallelism()))
    );
    Ok(())
}

fn is_finished_becomes_true() -> Verdict {
    static GO: AtomicU32 = AtomicU32::new(0);
    let handle = thread::spawn(|| {
        while GO.load(Ordering::Acquire) == 0 {
            thread::yield_now();
        }
    });
    check!(!handle.is_finished());
    GO.store(1, Ordering::Release);
    while !handle.is_finished() {
        thread::yield_now();
    }
    check!(handle.join().is_ok());
    Ok(())
}

/// The stack pointer that `clone` gets is the layout's, and the layout aligns it.
fn stack_is_aligned_for_the_threads_entry() -> Verdict {
    let process = threadbare::seam::Process::get();
    for payload_bytes in 0..64 {
        let payload = core::alloc::Layout::from_size_align(payload_bytes, 1);
        let (Ok(payload), control) = (payload, core::alloc::Layout::new::<[usize; 20]>()) else {
            check!(false);
            return Ok(());
        };
        let plan = stack::Plan::new(stack::Request {
            page_bytes: process.page_bytes,
            guard_bytes: 1,
            stack_bytes: 16 << 10,
            stack_align_bytes: arch::STACK_ALIGN_BYTES,
            tls: process.tls_shape,
            control,
            payload,
            signal_stack_bytes: 0,
        });
        let Some(plan) = plan else {
            check!(false);
            return Ok(());
        };
        let placement = plan.place(1 << 20, plan.total_bytes);
        check!(placement.stack_top.is_multiple_of(arch::STACK_ALIGN_BYTES));
    }
    Ok(())
}
