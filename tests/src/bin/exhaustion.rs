//! Limits that are reached for real: the error names the limit, and when it is raised all works.

#![no_std]
#![no_main]

use embedded_io::Read;
use suite::gate::Gate;
use suite::kernel::{self, mapping_count};
use suite::limits::{self, Limit, UNLIMITED};
use suite::{Verdict, child};
use threadbare::io::File;
use threadbare::seam::sys::mem::{self, Map, Prot};
use threadbare::seam::{self, thread_counts};
use threadbare::thread::{self, Builder, CacheLimits, Guard, JoinHandle, NameError, SpawnError};
use threadbare::{Errno, env};

suite::area! { 52:
    processes_of_the_user,
    processes_of_the_group,
    memory_of_the_group,
    addresses,
    main_stack_tiny_and_unlimited,
    mappings_of_the_process,
    locked_memory,
    no_overcommit,
    descriptors,
}

/// Starts a thread with a stack of so many bytes; it has to be refused with this error, and to
/// leave nothing behind; then the limit is raised, and it has to work.
fn is_refused(stack_bytes: usize, error: SpawnError, raise: impl FnOnce()) -> bool {
    thread::set_cache_limits(CacheLimits::OFF);
    let spawn = || Builder::new().stack_size(stack_bytes).spawn(|| 7);
    seam::prepare_for_fork();
    let before = (mapping_count(), thread_counts());
    let refused = spawn().map(JoinHandle::join);
    let after = (mapping_count(), thread_counts());
    raise();
    let then = spawn().map(JoinHandle::join);
    let is_right = refused == Err(error) && before == after && then == Ok(Ok(7));
    if !is_right {
        threadbare::println!("# {refused:?}, {before:?} {after:?}, then {then:?}");
    }
    is_right
}

const SMALL: usize = 64 << 10;

fn processes_of_the_user() -> Verdict {
    limits::in_child("only root can become a user without processes", || {
        limits::become_nobody();
        Limit::Nproc.set(1);
        is_refused(SMALL, SpawnError::ThreadQuotaExceeded, || {
            Limit::Nproc.set(UNLIMITED);
        })
    })
}

fn processes_of_the_group() -> Verdict {
    let reason = "no control group with `pids` can be made: that takes root, and the controller";
    limits::in_child(reason, || {
        if limits::enter_group(c"pids").is_err()
            || limits::write_file(c"/dev/threadbare-suite/pids.max", "1").is_err()
        {
            limits::leave_group();
            limits::not_to_be_had();
        }
        let is_right = is_refused(SMALL, SpawnError::ThreadQuotaExceeded, || {
            let _ = limits::write_file(c"/dev/threadbare-suite/pids.max", "max");
        });
        limits::leave_group();
        is_right
    })
}

/// The kernel's own memory for threads counts, too: it refuses one, or its out-of-memory killer
/// ends the process. Neither hangs, and there is no half thread.
fn memory_of_the_group() -> Verdict {
    static GO: Gate = Gate::new();
    let reason = "no control group with `memory` can be made: that takes root, and the controller";
    limits::in_child(reason, || {
        if limits::enter_group(c"memory").is_err() {
            limits::leave_group();
            limits::not_to_be_had();
        }
        let limit = "6000000";
        let is_set = limits::write_file(c"/dev/threadbare-suite/memory.max", limit)
            .or_else(|_| limits::write_file(c"/dev/threadbare-suite/memory.limit_in_bytes", limit))
            .is_ok();
        if !is_set {
            limits::leave_group();
            limits::not_to_be_had();
        }
        let end = child::run(|| {
            kernel::limit_seconds(30);
            let mut started = 0u32;
            let refused = loop {
                // Each touches its stack, so that there is an end.
                let spawned = Builder::new().stack_size(2 * SMALL).spawn(|| {
                    let touched = [1u8; 8 << 10];
                    GO.wait();
                    u32::from(core::hint::black_box(touched)[7])
                });
                match spawned {
                    Ok(_) if started > 5000 => break None,
                    Ok(_) => started += 1,
                    Err(error) => break Some(error),
                }
            };
            let known = [SpawnError::SystemResources, SpawnError::OutOfMemory];
            let is_known = refused.is_some_and(|error| known.contains(&error));
            threadbare::seam::sys::task::exit_process(if is_known { 0 } else { 1 })
        });
        limits::leave_group();
        const SIGKILL: i32 = 9;
        end == child::End::Exit(0) || end == child::End::Signal(SIGKILL)
    })
}

fn addresses() -> Verdict {
    limits::in_child("an emulator keeps this limit to itself", || {
        let mut text = [0; 64];
        let count = File::open(c"/proc/self/statm").and_then(|mut file| file.read(&mut text));
        let pages = count
            .ok()
            .and_then(|count| core::str::from_utf8(&text[..count]).ok())
            .and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        let Some(pages) = pages else { return false };
        Limit::As.set(pages * env::page_size() as u64 + (1 << 20));
        if mem::map(32 << 20, Prot::NONE, Map::empty()).is_ok() {
            limits::not_to_be_had();
        }
        is_refused(8 << 20, SpawnError::OutOfMemory, || {
            Limit::As.set(UNLIMITED);
        })
    })
}

/// Threads' stacks have nothing to do with the main one's limit.
fn main_stack_tiny_and_unlimited() -> Verdict {
    limits::in_child("", || {
        let size = || {
            let handle = thread::spawn(|| thread::stack().size());
            handle.join().ok()
        };
        let usual = size();
        [64 << 10, UNLIMITED, 0].iter().all(|&limit| {
            Limit::Stack.set(limit);
            let main = thread::stack();
            // It may already be larger than the limit; then there is no more of it.
            size() == usual && main.remaining() <= main.size()
        })
    })
}

/// A mapping for each page, until there can be no more.
fn mappings_of_the_process() -> Verdict {
    let reason = "vm.max_map_count is larger than a test can reach, or is the emulator's";
    limits::in_child(reason, || {
        let mut text = [0; 16];
        let count = File::open(c"/proc/sys/vm/max_map_count").and_then(|mut f| f.read(&mut text));
        let text = core::str::from_utf8(&text[..count.unwrap_or(0)]).unwrap_or("");
        let count_max = text.trim_end().parse().unwrap_or(usize::MAX);
        if count_max > 200_000 || limits::is_emulated() {
            limits::not_to_be_had();
        }
        thread::set_cache_limits(CacheLimits::OFF);
        let page_bytes = env::page_size();
        let mut last = core::ptr::null_mut();
        for number in 0..=count_max {
            // Neighbours that differ are not joined.
            let prot = if number % 2 == 0 {
                Prot::NONE
            } else {
                Prot::READ
            };
            match mem::map(page_bytes, prot, Map::empty()) {
                Ok(page) => last = page,
                Err(_) => break,
            }
        }
        let spawn = || {
            Builder::new()
                .stack_size(SMALL)
                .spawn(|| 7)
                .map(JoinHandle::join)
        };
        let refused = spawn();
        let counts = thread_counts();
        // Where the kernel goes on below the last one, these are the lowest.
        // SAFETY: mapped above, and used by nobody.
        let unmapped = (0..8)
            .all(|n| unsafe { mem::unmap(last.wrapping_add(n * page_bytes), page_bytes).is_ok() });
        let then = spawn();
        threadbare::println!("# {refused:?} {counts:?} {unmapped} {then:?}");
        refused == Err(SpawnError::OutOfMemory) && counts == (0, 0) && then == Ok(Ok(7))
    })
}

fn locked_memory() -> Verdict {
    let reason = "memory cannot be locked, or only by a user who has no limit";
    limits::in_child(reason, || {
        if limits::is_emulated() {
            limits::not_to_be_had();
        }
        Limit::Memlock.set(UNLIMITED);
        limits::become_nobody();
        Limit::Memlock.set(1 << 20);
        limits::lock_future_memory();
        // A guard of this kind cannot be made in locked memory; the other kind serves.
        let light = Builder::new().stack_size(SMALL).guard(Guard::Lightweight);
        if light.spawn(|| 8).map(JoinHandle::join) != Ok(Ok(8)) {
            return false;
        }
        is_refused(4 << 20, SpawnError::LockedMemoryLimitExceeded, || {
            Limit::Memlock.set(UNLIMITED);
        })
    })
}

/// Without overcommit even what is never touched has to be there.
fn no_overcommit() -> Verdict {
    let reason = "vm.overcommit_memory is the whole machine's, and this one is not the suite's own";
    limits::in_child(reason, || {
        let set = |text| limits::write_file(c"/proc/sys/vm/overcommit_memory", text);
        if !limits::is_machine_ours() || set("2").is_err() {
            limits::not_to_be_had();
        }
        // Half of the addresses of a 32-bit CPU.
        let is_right = is_refused(1 << 30, SpawnError::OutOfMemory, || {
            let _ = set("1");
        });
        let _ = set("0");
        is_right
    })
}

fn descriptors() -> Verdict {
    limits::in_child("", || {
        static GO: Gate = Gate::new();
        let worker = thread::spawn(|| GO.wait());
        Limit::Nofile.set(3);
        let refused = thread::set_name(worker.thread(), "late");
        let parallelism = thread::available_parallelism();
        let next = thread::spawn(|| 7).join();
        Limit::Nofile.set(UNLIMITED);
        let then = thread::set_name(worker.thread(), "then");
        GO.open();
        let is_right = refused == Err(NameError::Unexpected(Errno::MFILE))
            && then == Ok(())
            && parallelism.is_ok()
            && next == Ok(7)
            && worker.join() == Ok(());
        if !is_right {
            threadbare::println!("# {refused:?} {parallelism:?} {next:?} {then:?}");
        }
        is_right
    })
}
