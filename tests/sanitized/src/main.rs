//! The locks' algorithms, as they are, on the host's threads: under ThreadSanitizer, which tells of
//! every touch of guarded data that no lock orders, on the machine's own memory.
//!
//! The models try orders that seldom happen; this tries the whole of the locks' code in long runs,
//! beside allocations and destructors. `sanitized CASE` leaves with 0; a race ends the process with
//! a report and status 66.

extern crate alloc;

#[path = "../../../src/sync"]
#[allow(dead_code, unused_imports, missing_docs)]
mod sync {
    pub mod barrier;
    pub mod condvar;
    #[path = "no_debug.rs"]
    mod debug;
    pub mod lazy_lock;
    mod linger;
    pub mod mpsc;
    pub mod mutex;
    pub mod once;
    pub mod once_lock;
    mod poison;
    #[path = "../../tests/sanitized/src/primitive.rs"]
    mod primitive;
    mod queue;
    mod raw_mutex;
    mod raw_rwlock;
    pub mod reset_event;
    pub mod rwlock;
    pub mod semaphore;
    pub mod wait_group;

    pub use condvar::Condvar;
    pub use mutex::{Mutex, MutexGuard};
    pub use once::Once;
    pub use poison::{LockResult, PoisonError, TryLockError, TryLockResult};
}

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::process::ExitCode;
use std::time::Duration;
use std::{array, env, ptr};

use sync::barrier::Barrier;
use sync::lazy_lock::LazyLock;
use sync::once_lock::OnceLock;
use sync::reset_event::ResetEvent;
use sync::rwlock::{RwLock, RwLockWriteGuard};
use sync::semaphore::Semaphore;
use sync::wait_group::WaitGroup;
use sync::{Condvar, Mutex, mpsc};

/// How often each thread does what it does.
const TIMES: u32 = 2000;
const THREADS: u32 = 4;

/// Data with no lock of their own.
struct Bare(UnsafeCell<u32>);

// SAFETY: what orders the touches is what each case is about; the sanitizer sees them.
unsafe impl Sync for Bare {}

impl Bare {
    const fn new() -> Bare {
        Bare(UnsafeCell::new(0))
    }

    fn add(&self) {
        // SAFETY: the caller has made sure that it is alone.
        unsafe { *self.0.get() += 1 };
    }

    fn read(&self) -> u32 {
        // SAFETY: likewise that nobody adds.
        unsafe { *self.0.get() }
    }
}

/// What a thread is to do.
struct Order<'a> {
    work: &'a (dyn Fn(u32) + Sync),
    number: u32,
}

/// Runs `work` in all threads at a time: bare ones, for the standard library is not instrumented,
/// and what it shares with its threads looks like a race.
fn together(work: impl Fn(u32) + Sync) {
    extern "C" fn enter(order: *mut c_void) -> *mut c_void {
        // SAFETY: `together` made it, and joins the thread before it ends.
        let Order { work, number } = unsafe { &*order.cast::<Order<'_>>() };
        work(*number);
        ptr::null_mut()
    }
    let orders: [_; THREADS as usize] = array::from_fn(|number| Order {
        work: &work,
        number: number as u32,
    });
    let threads = orders.each_ref().map(|order| {
        let mut thread = 0;
        let order = ptr::from_ref(order).cast_mut().cast();
        // SAFETY: the thread is joined below, and what it is handed is there until then.
        let error = unsafe { libc::pthread_create(&mut thread, ptr::null(), enter, order) };
        assert_eq!(error, 0, "no thread");
        thread
    });
    for thread in threads {
        // SAFETY: each is joined once.
        let error = unsafe { libc::pthread_join(thread, ptr::null_mut()) };
        assert_eq!(error, 0, "no join");
    }
}

fn mutex() {
    let sum = Mutex::new(0);
    together(|number| {
        for turn in 0..TIMES {
            if (turn + number).is_multiple_of(3)
                && let Ok(mut sum) = sum.try_lock()
            {
                *sum += 1;
                continue;
            }
            *sum.lock().unwrap() += 1;
        }
    });
    assert_eq!(sum.into_inner().unwrap(), THREADS * TIMES);
}

fn condvar() {
    let (turn, changed) = (Mutex::new(0), Condvar::new());
    together(|number| {
        for round in 0..TIMES / 4 {
            let mut now = turn.lock().unwrap();
            let mine = round * THREADS + number;
            while *now != mine {
                now = if number == 0 {
                    changed
                        .wait_timeout(now, Duration::from_micros(20))
                        .unwrap()
                        .0
                } else {
                    changed.wait(now).unwrap()
                };
            }
            *now += 1;
            if round % 2 == 0 {
                drop(now);
                changed.notify_all();
            } else {
                changed.notify_all();
            }
        }
    });
    assert_eq!(turn.into_inner().unwrap(), TIMES / 4 * THREADS);
}

fn rwlock() {
    let pair = RwLock::new((0, 0));
    together(|number| {
        for turn in 0..TIMES {
            if (turn + number).is_multiple_of(8) {
                let mut writer = pair.write().unwrap();
                writer.0 += 1;
                writer.1 += 1;
                if turn % 3 == 0 {
                    let reader = RwLockWriteGuard::downgrade(writer);
                    assert_eq!(reader.0, reader.1);
                }
            } else {
                let reader = pair.read().unwrap();
                assert_eq!(reader.0, reader.1);
            }
        }
    });
    assert_eq!(pair.into_inner().unwrap().0, THREADS * TIMES / 8);
}

fn semaphore() {
    let (seat, sum) = (Semaphore::new(1), Bare::new());
    together(|number| {
        for _ in 0..TIMES {
            let limit = Duration::from_micros(20);
            while number == 0 && !seat.acquire_timeout(limit) {}
            if number != 0 {
                seat.acquire();
            }
            sum.add();
            seat.release(1);
        }
    });
    assert_eq!(sum.read(), THREADS * TIMES);
}

fn reset_event() {
    for _ in 0..TIMES / 20 {
        let (door, sum) = (ResetEvent::new(), Bare::new());
        together(|number| {
            if number == 0 {
                sum.add();
                door.set();
            } else {
                door.wait();
                assert_eq!(sum.read(), 1);
            }
        });
    }
}

fn wait_group() {
    for _ in 0..TIMES / 20 {
        let jobs = WaitGroup::new();
        let sums = [const { Bare::new() }; THREADS as usize];
        jobs.start(THREADS - 1);
        together(|number| {
            if number > 0 {
                sums[number as usize].add();
                jobs.finish();
            } else {
                jobs.wait();
                assert_eq!(sums.iter().map(Bare::read).sum::<u32>(), THREADS - 1);
            }
        });
    }
}

fn once_and_lazy() {
    for _ in 0..TIMES / 20 {
        let (cell, lazy) = (OnceLock::new(), LazyLock::new(|| vec![7]));
        together(|number| {
            assert_eq!(lazy[0], 7);
            let value = cell.get_or_init(|| vec![number]);
            assert!(value[0] < THREADS && cell.wait() == value);
        });
    }
}

fn barrier() {
    let (line, sum) = (Barrier::new(THREADS as usize), Bare::new());
    together(|number| {
        for round in 0..TIMES / 4 {
            if round % THREADS == number {
                sum.add();
            }
            line.wait();
            assert_eq!(sum.read(), round + 1);
            line.wait();
        }
    });
}

/// Sends all messages from all threads but the first, which receives them.
macro_rules! send_and_receive {
    ($channel:expr) => {{
        let (sender, receiver) = $channel;
        let senders = Mutex::new(vec![sender; THREADS as usize - 1]);
        let receiver = Mutex::new(Some(receiver));
        together(|number| {
            if number == 0 {
                let receiver = receiver.lock().unwrap().take().unwrap();
                let sum: u32 = receiver.iter().map(|message: Box<u32>| *message).sum();
                assert_eq!(sum, (THREADS - 1) * (TIMES * (TIMES - 1) / 2));
            } else {
                let sender = senders.lock().unwrap().pop().unwrap();
                for number in 0..TIMES {
                    sender.send(Box::new(number)).unwrap();
                }
            }
        });
    }};
}

fn channels() {
    send_and_receive!(mpsc::channel());
    for bound in [0, 1, 5] {
        send_and_receive!(mpsc::sync_channel(bound));
    }
}

/// What the sanitizer must find: that it is there, and sees through the instrumented code.
fn race() {
    let sum = Bare::new();
    together(|_| (0..TIMES).for_each(|_| sum.add()));
}

fn main() -> ExitCode {
    let cases: [(&str, fn()); 10] = [
        ("mutex", mutex),
        ("condvar", condvar),
        ("rwlock", rwlock),
        ("semaphore", semaphore),
        ("reset_event", reset_event),
        ("wait_group", wait_group),
        ("once_and_lazy", once_and_lazy),
        ("barrier", barrier),
        ("channels", channels),
        ("race", race),
    ];
    let wanted = env::args().nth(1);
    match cases
        .iter()
        .find(|(name, _)| Some(*name) == wanted.as_deref())
    {
        Some((_, run)) => {
            run();
            ExitCode::SUCCESS
        }
        None => ExitCode::from(2),
    }
}
