//! `fork` in the middle of everything, and a debugger that stops every thread.

#![no_std]
#![no_main]

mod debugger;
mod joins;
mod rwlocks;
mod scopes;

use core::sync::atomic::{AtomicBool, Ordering::SeqCst};

use debugger::debugger_that_stops_every_thread;
use joins::join_that_a_handlers_fork_interrupts;
use rwlocks::{rwlock_forgets_the_parents_writers, rwlock_that_the_parent_reads_can_be_read};
use scopes::*;
use suite::child::{self, End};
use suite::kernel;
use suite::limits;
use suite::{Stop, Verdict, check, check_eq};
use threadbare::io::Write;
use threadbare::seam::arch;
use threadbare::seam::sys::mem::{self, Advice, Map, Prot};
use threadbare::seam::sys::task;
use threadbare::seam::thread_counts;
use threadbare::sync::mpsc::{Receiver, SyncSender, sync_channel};
use threadbare::sync::{Condvar, Mutex, Once, OnceLock, ResetEvent};
use threadbare::thread::{self, Builder, CacheLimits, JoinHandle, NameError};
use threadbare::{Errno, env, io, process, seam};

suite::area! { 53:
    kernel_wipes_the_page,
    kernel_that_wipes_no_page,
    child_of_a_thread_among_others_is_alone,
    child_of_fork_has_an_empty_cache,
    child_of_a_child_of_fork,
    parents_threads_are_gone_in_a_child,
    join_that_a_handlers_fork_interrupts,
    lock_of_the_runtime_that_another_thread_held,
    waiters_of_the_parent_take_no_notification,
    senders_of_the_parent_take_no_turn,
    mutex_that_was_waited_for_is_no_slower,
    rwlock_forgets_the_parents_writers,
    rwlock_that_the_parent_reads_can_be_read,
    scope_that_only_the_parent_can_end,
    scope_keeps_stacks_of_threads_that_only_the_parent_has,
    scope_whose_list_another_thread_had_locked,
    scope_does_not_end_without_a_thread_that_was_joined,
    scope_ends_whose_threads_had_ended,
    debugger_that_stops_every_thread,
}

/// Whether a child notices what it is: not where an emulator refuses the advice.
fn is_noticed() -> Result<(), Stop> {
    if seam::is_fork_noticed() {
        return Ok(());
    }
    Err(Stop::Skip("the kernel wipes no page of a child of fork"))
}

/// The advice is followed, and not only accepted.
fn kernel_wipes_the_page() -> Verdict {
    let bytes = env::page_size();
    let Ok(page) = mem::map(bytes, Prot::READ | Prot::WRITE, Map::empty()) else {
        return Err(Stop::Fail(file!(), line!(), "a page"));
    };
    let word = page.cast::<u32>();
    // SAFETY: the page is mapped, and this function's own.
    let end = unsafe {
        *word = 7;
        check_eq!(mem::advise(page, bytes, Advice::WipeOnFork), Ok(()));
        child::run(|| task::exit_process(*word as i32))
    };
    // SAFETY: likewise; nobody knows it.
    let _ = unsafe { mem::unmap(page, bytes) };
    if end == End::Exit(7) {
        return Err(Stop::Skip("the advice is accepted and not followed"));
    }
    check_eq!(end, End::Exit(0));
    Ok(())
}

/// Where the page cannot be had, or be marked, threads run as ever. In children, which have started
/// none: the page is made once.
fn kernel_that_wipes_no_page() -> Verdict {
    for (number, errno) in [
        (arch::nr::MADVISE, Errno::INVAL),
        (arch::nr::MMAP, Errno::NOMEM),
    ] {
        let end = child::run(|| {
            kernel::limit_seconds(20);
            seam::order(number, 0, 1, errno);
            let first = thread::spawn(|| 7).join();
            let failed = seam::end();
            let is_refused = !seam::is_fork_noticed();
            let second = thread::spawn(|| 8).join();
            // What was short may come back; what the kernel does not know, it does not know.
            let is_later = seam::is_fork_noticed() == (number == arch::nr::MMAP);
            let is_right = first == Ok(7) && second == Ok(8) && failed == 1;
            let status = match (is_right, is_refused, is_later) {
                (true, true, true) => 0,
                (true, true, false) if limits::is_emulated() => 0,
                _ => 1,
            };
            task::exit_process(status)
        });
        check_eq!(end, End::Exit(0));
    }
    Ok(())
}

static OVER: AtomicBool = AtomicBool::new(false);

/// What the other threads contend for; no child touches it.
static CONTENDED: Mutex<u32> = Mutex::new(0);

/// Threads that start, join and detach others until it is over.
///
/// Under qemu-user they contend for a lock instead. A thread that starts or ends holds `clone_lock`
/// there (`linux-user/syscall.c`, `do_fork` and `TARGET_NR_exit`), and what a `fork` waits for
/// (`linux-user/main.c`, `fork_start`) are threads that execute instructions, not threads in calls:
/// so the child may get that lock taken, by a thread that it does not have, and waits for ever when
/// it starts one itself.
fn turmoil() -> [JoinHandle<()>; 3] {
    OVER.store(false, SeqCst);
    let is_emulated = limits::is_emulated();
    [(); 3].map(|()| {
        thread::spawn(move || {
            while !OVER.load(SeqCst) {
                if is_emulated {
                    if let Ok(mut count) = CONTENDED.lock() {
                        *count += 1;
                        thread::yield_now();
                    }
                    continue;
                }
                let small = || Builder::new().stack_size(0);
                if let Ok(handle) = small().spawn(|| 1) {
                    let _ = handle.join();
                }
                if let Ok(handle) = small().spawn(|| ()) {
                    handle.detach();
                }
            }
        })
    })
}

static LOCK: Mutex<u32> = Mutex::new(0);
static MOVED: Condvar = Condvar::new();
static ONCE: Once = Once::new();

/// What a child of `fork` may rely on: the number of the first thing that is not so, or 0.
fn wrong_in_child(parent: u32, others: &[u32], own: thread::ThreadId) -> i32 {
    let checks: [&dyn Fn() -> bool; 10] = [
        // One thread: none of the parent's is in this process.
        &|| others.iter().all(|&tid| !task::is_in_this_process(tid)),
        &|| process::id() != parent && task::kernel_thread_id() == process::id(),
        // It is the thread that it was, by another number.
        &|| thread::current().id() == own,
        &|| !seam::is_fork_noticed() || thread::kernel_id() == process::id(),
        // Locks that nobody held.
        &|| LOCK.lock().map(|mut count| *count += 1).is_ok(),
        &|| {
            ONCE.call_once(|| MOVED.notify_all());
            ONCE.is_completed()
        },
        // What it starts lives and ends, and is nobody who was there.
        &|| {
            let handle = thread::spawn(|| (thread::current().id(), 6 * 7));
            handle
                .join()
                .is_ok_and(|(id, answer)| id != own && answer == 42)
        },
        &|| thread::scope(|scope| scope.spawn(|| 7).join()) == Ok(7),
        &|| {
            let handle = thread::spawn(thread::park);
            handle.thread().unpark();
            handle.join().is_ok()
        },
        &|| io::stderr().write(b"").is_ok(),
    ];
    let first = checks.iter().position(|check| !check());
    first.map_or(0, |index| index as i32 + 1)
}

/// How many children; a quarter where an emulator copies all of its own memory, too.
const FORKS: usize = 40;

fn child_of_a_thread_among_others_is_alone() -> Verdict {
    let forks = if limits::is_emulated() {
        FORKS / 4
    } else {
        FORKS
    };
    let others = turmoil();
    let forker = thread::spawn(move || {
        let numbers: [u32; 3] =
            core::array::from_fn(|at| others[at].thread().kernel_id().unwrap_or(0));
        let (parent, own) = (process::id(), thread::current().id());
        let mut ends = [End::Exit(0); FORKS];
        for end in &mut ends[..forks] {
            *end = child::run(|| {
                child::no_core_file();
                kernel::limit_seconds(20);
                task::exit_process(wrong_in_child(parent, &numbers, own))
            });
        }
        OVER.store(true, SeqCst);
        for other in others {
            let _ = other.join();
        }
        ends
    });
    let Ok(ends) = forker.join() else {
        return Err(Stop::Fail(file!(), line!(), "the forking thread ended"));
    };
    for end in ends {
        check_eq!(end, End::Exit(0));
    }
    Ok(())
}

/// What the cache kept is unmapped, and it goes on from nothing.
fn child_of_fork_has_an_empty_cache() -> Verdict {
    thread::set_cache_limits(CacheLimits::DEFAULT);
    check!(thread::spawn(|| ()).join().is_ok());
    is_noticed()?;
    // Threads of the case before may be on their way out: the child would never see them go.
    while thread_counts().0 != thread_counts().1 {
        kernel::let_others_run();
    }
    let mappings = kernel::mapping_count();
    let end = child::run(|| {
        kernel::limit_seconds(20);
        let left = thread_counts();
        let is_unmapped = kernel::mapping_count() < mappings;
        let joined = thread::spawn(|| 7).join();
        let kept = thread_counts().1;
        let is_right = left == (0, 0) && is_unmapped && joined == Ok(7) && kept == 1;
        task::exit_process(if is_right { 0 } else { 1 })
    });
    check_eq!(end, End::Exit(0));
    Ok(())
}

/// Forks in a thread and returns what `wrong` found in the child.
fn fork_in_thread(wrong: fn() -> i32) -> thread::Result<End> {
    let forker = Builder::new().name("forker").spawn(move || {
        child::run(|| {
            kernel::limit_seconds(20);
            task::exit_process(wrong())
        })
    });
    match forker {
        Ok(forker) => forker.join(),
        Err(_) => Ok(End::Exit(99)),
    }
}

/// A child forks in its turn, by a thread of its own: each is its own process' one thread.
fn child_of_a_child_of_fork() -> Verdict {
    fn wrong(left: u32) -> i32 {
        let own = thread::kernel_id();
        if own != process::id() || thread::current().kernel_id() != Some(own) {
            return 1;
        }
        if left == 0 {
            return 0;
        }
        let grandchild = thread::spawn(move || {
            child::run(|| {
                kernel::limit_seconds(20);
                task::exit_process(wrong(left - 1))
            })
        });
        if grandchild.join() == Ok(End::Exit(0)) {
            0
        } else {
            2
        }
    }
    check!(thread::spawn(|| ()).join().is_ok());
    is_noticed()?;
    check_eq!(fork_in_thread(|| wrong(2)), Ok(End::Exit(0)));
    Ok(())
}

/// A thread that sleeps until it is told to go on.
struct Sleeper {
    handle: JoinHandle<i32>,
}

static MAY_GO: ResetEvent = ResetEvent::new();

impl Sleeper {
    fn start() -> Sleeper {
        let handle = thread::spawn(|| {
            MAY_GO.wait();
            7
        });
        Sleeper { handle }
    }

    fn end(self) -> thread::Result<i32> {
        MAY_GO.set();
        let result = self.handle.join();
        MAY_GO.reset();
        result
    }
}

/// Handles of threads that a child has not got say that they are gone: nobody waits for them.
fn parents_threads_are_gone_in_a_child() -> Verdict {
    let sleeper = Sleeper::start();
    if let Err(skip) = is_noticed() {
        let _ = sleeper.end();
        return Err(skip);
    }
    static OTHER: Mutex<Option<JoinHandle<i32>>> = Mutex::new(None);
    if let Ok(mut other) = OTHER.lock() {
        *other = Some(sleeper.handle);
    }
    static MAIN: OnceLock<thread::Thread> = OnceLock::new();
    MAIN.get_or_init(thread::current);
    let end = fork_in_thread(|| {
        let Some(other) = OTHER.lock().ok().and_then(|mut other| other.take()) else {
            return 1;
        };
        if other.thread().kernel_id().is_some() {
            return 2;
        }
        if MAIN.get().is_none_or(|main| main.kernel_id().is_some()) {
            return 3;
        }
        if thread::set_name(other.thread(), "nobody") != Err(NameError::Gone) {
            return 4;
        }
        match other.join() {
            Err(_) => 0,
            Ok(_) => 5,
        }
    });
    let handle = OTHER.lock().ok().and_then(|mut other| other.take());
    check!(handle.is_some_and(|handle| Sleeper { handle }.end() == Ok(7)));
    check_eq!(end, Ok(End::Exit(0)));
    Ok(())
}

/// Standard output's lock, which another thread holds over the fork with a line half written.
fn lock_of_the_runtime_that_another_thread_held() -> Verdict {
    static IS_HELD: ResetEvent = ResetEvent::new();
    let holder = thread::spawn(|| {
        let out = io::stdout().lock();
        IS_HELD.set();
        MAY_GO.wait();
        drop(out);
        7
    });
    IS_HELD.wait();
    let end = if seam::is_fork_noticed() {
        fork_in_thread(|| {
            let (lost, to) = kernel::pipe();
            kernel::redirect(1, &to);
            threadbare::println!("of the child");
            let mut line = [0; 40];
            let count = threadbare::io::Read::read(&mut lost.as_fd(), &mut line).unwrap_or(0);
            if &line[..count] == b"of the child\n" {
                0
            } else {
                1
            }
        })
    } else {
        Ok(End::Exit(98))
    };
    check_eq!(Sleeper { handle: holder }.end(), Ok(7));
    is_noticed()?;
    check_eq!(end, Ok(End::Exit(0)));
    Ok(())
}

/// A thread of the parent's waits for a condition variable; a child's own waiter gets what the
/// child notifies.
fn waiters_of_the_parent_take_no_notification() -> Verdict {
    static STATE: Mutex<u32> = Mutex::new(0);
    static CHANGED: Condvar = Condvar::new();
    fn wait_for(wanted: u32) -> u32 {
        let Ok(mut state) = STATE.lock() else {
            return 0;
        };
        *state += 1;
        while *state < wanted {
            let Ok(next) = CHANGED.wait(state) else {
                return 0;
            };
            state = next;
        }
        *state
    }
    let waiter = thread::spawn(|| wait_for(10));
    while STATE.lock().is_ok_and(|state| *state == 0) {
        kernel::let_others_run();
    }
    let end = if seam::is_fork_noticed() {
        fork_in_thread(|| {
            let own = thread::spawn(|| wait_for(5));
            while STATE.lock().is_ok_and(|state| *state < 2) {
                kernel::let_others_run();
            }
            if let Ok(mut state) = STATE.lock() {
                *state = 5;
            }
            CHANGED.notify_one();
            if own.join() == Ok(5) { 0 } else { 1 }
        })
    } else {
        Ok(End::Exit(98))
    };
    if let Ok(mut state) = STATE.lock() {
        *state = 10;
    }
    CHANGED.notify_all();
    check_eq!(waiter.join(), Ok(10));
    is_noticed()?;
    check_eq!(end, Ok(End::Exit(0)));
    Ok(())
}

/// A channel is usable in a child even if one waited in the parent to send: it is called in vain,
/// and then others are.
fn senders_of_the_parent_take_no_turn() -> Verdict {
    type Ends = (SyncSender<u32>, Receiver<u32>);
    static ENDS: Mutex<Option<Ends>> = Mutex::new(None);
    fn wrong() -> i32 {
        let Some((sender, receiver)) = ENDS.lock().ok().and_then(|mut ends| ends.take()) else {
            return 1;
        };
        if receiver.recv() != Ok(1) {
            return 2;
        }
        let own = thread::spawn(move || (3..10).all(|number| sender.send(number).is_ok()));
        let all = (3..10).all(|number| receiver.recv() == Ok(number));
        if all && own.join() == Ok(true) { 0 } else { 3 }
    }
    let (sender, receiver) = sync_channel(1);
    check_eq!(sender.send(1), Ok(()));
    let waiter = thread::spawn({
        let sender = sender.clone();
        move || sender.send(2)
    });
    // On its way to sleep it takes the channel's mutex again and again; a child that found that
    // taken would wait for ever, as for any lock that another thread held.
    kernel::until_asleep(waiter.thread());
    if let Ok(mut ends) = ENDS.lock() {
        *ends = Some((sender, receiver));
    }
    let end = if seam::is_fork_noticed() {
        fork_in_thread(wrong)
    } else {
        Ok(End::Exit(98))
    };
    let ends = ENDS.lock().ok().and_then(|mut ends| ends.take());
    let received = ends.map(|(_, receiver)| [receiver.recv(), receiver.recv()]);
    check_eq!(received, Some([Ok(1), Ok(2)]));
    check_eq!(waiter.join(), Ok(Ok(())));
    is_noticed()?;
    check_eq!(end, Ok(End::Exit(0)));
    Ok(())
}
