//! One claim about the feature `lock-debug` per run, named by the first argument: how a thread dies
//! that would wait for itself, or that nothing becomes of what is allowed.
//!
//! A run that must die writes the addresses of its locks first, a line each.

#![no_std]
#![no_main]

use core::sync::atomic::{AtomicBool, Ordering};

use threadbare::process::ExitCode;
use threadbare::sync::{Condvar, Mutex, RwLock, RwLockWriteGuard};
use threadbare::thread::{self, Builder, JoinHandle};
use threadbare::time::Duration;
use threadbare::{env, println};

threadbare::entry!(main);

/// What a run leaves with whose claim nobody knows.
const UNKNOWN: u8 = 64;

static MUTEX: Mutex<u32> = Mutex::new(0);
static OTHER: Mutex<u32> = Mutex::new(0);
static CHANGED: Condvar = Condvar::new();
static LOCK: RwLock<u32> = RwLock::new(0);

fn main() -> ExitCode {
    let claim = env::args().nth(1).unwrap_or("");
    let (_, check) = match CLAIMS.iter().find(|(name, _)| *name == claim) {
        Some(found) => found,
        None => return ExitCode::from(UNKNOWN),
    };
    check();
    ExitCode::SUCCESS
}

const CLAIMS: &[(&str, fn())] = &[
    ("second_lock_dies", second_lock_dies),
    ("lock_after_a_wait_dies", lock_after_a_wait_dies),
    ("second_write_dies", second_write_dies),
    ("read_of_a_writer_dies", read_of_a_writer_dies),
    ("write_of_a_reader_dies", write_of_a_reader_dies),
    ("write_after_a_downgrade_dies", write_after_a_downgrade_dies),
    ("own_join_dies", own_join_dies),
    ("wait_with_two_mutexes_dies", wait_with_two_mutexes_dies),
    ("what_is_allowed_goes_on", what_is_allowed_goes_on),
    ("lock_left_behind_is_nobodys", lock_left_behind_is_nobodys),
];

/// Runs it in a thread of a known name, whose id is 2.
fn in_worker(work: fn()) {
    let worker = Builder::new().name("worker").spawn(work);
    worker.unwrap().join().unwrap();
}

fn second_lock_dies() {
    println!("{:p}", &MUTEX);
    in_worker(|| {
        let _held = MUTEX.lock();
        assert!(MUTEX.try_lock().is_err());
        let _again = MUTEX.lock();
    });
}

fn lock_after_a_wait_dies() {
    println!("{:p}", &MUTEX);
    let held = MUTEX.lock().unwrap();
    let _held = CHANGED.wait_timeout(held, Duration::from_millis(1));
    let _again = MUTEX.lock();
}

fn second_write_dies() {
    println!("{:p}", &LOCK);
    let _held = LOCK.try_write();
    let _again = LOCK.write();
}

fn read_of_a_writer_dies() {
    println!("{:p}", &LOCK);
    let _held = LOCK.write();
    let _again = LOCK.read();
}

fn write_of_a_reader_dies() {
    println!("{:p}", &LOCK);
    let (_held, second) = (LOCK.read(), LOCK.try_read());
    drop(second);
    let _again = LOCK.write();
}

fn write_after_a_downgrade_dies() {
    println!("{:p}", &LOCK);
    let _held = RwLockWriteGuard::downgrade(LOCK.write().unwrap());
    let _again = LOCK.write();
}

fn own_join_dies() {
    static HANDLE: Mutex<Option<JoinHandle<()>>> = Mutex::new(None);
    let mut place = HANDLE.lock().unwrap();
    let worker = Builder::new().name("worker").spawn(|| {
        let own = HANDLE.lock().unwrap().take();
        own.unwrap().join().unwrap();
    });
    *place = worker.ok();
    drop(place);
    thread::park();
}

fn wait_with_two_mutexes_dies() {
    println!("{:p}\n{:p}\n{:p}", &CHANGED, &OTHER, &MUTEX);
    let first = Builder::new().name("first").spawn(|| {
        let mut seen = MUTEX.lock().unwrap();
        *seen = 1;
        drop(CHANGED.wait(seen));
    });
    let _first = first.unwrap();
    // It says so with the mutex held, and gives that up when it waits.
    while *MUTEX.lock().unwrap() == 0 {
        thread::yield_now();
    }
    drop(CHANGED.wait(OTHER.lock().unwrap()));
}

fn what_is_allowed_goes_on() {
    // One after the other with one thread, and by turns with another.
    for _ in 0..3 {
        *MUTEX.lock().unwrap() += 1;
        drop((LOCK.read(), LOCK.read()));
        drop(LOCK.write());
    }
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    *MUTEX.lock().unwrap() += 1;
                    *LOCK.write().unwrap() += 1;
                    let _more = (LOCK.read(), MUTEX.try_lock());
                }
            });
        }
    });
    assert_eq!(
        (*MUTEX.lock().unwrap(), *LOCK.read().unwrap()),
        (8003, 8000)
    );
    // More readers than are known, of whom none stays noted.
    let readers: [_; 12] = core::array::from_fn(|_| LOCK.try_read());
    drop(readers);
    drop(LOCK.write());
    // Two mutexes, one at a time; a wait gives the mutex up.
    for mutex in [&MUTEX, &OTHER, &MUTEX] {
        let limit = Duration::from_millis(1);
        drop(CHANGED.wait_timeout(mutex.lock().unwrap(), limit));
        drop(mutex.lock());
    }
    let mut state = OTHER.lock().unwrap();
    let waker = thread::spawn(|| {
        *OTHER.lock().unwrap() = 1;
        CHANGED.notify_all();
    });
    while *state == 0 {
        state = CHANGED.wait(state).unwrap();
    }
    drop(state);
    waker.join().unwrap();
}

/// A thread that has the stack of one that is gone, and with it its thread pointer, is not that
/// one: it waits for the lock that was left behind, as without the feature.
fn lock_left_behind_is_nobodys() {
    static WAITS: AtomicBool = AtomicBool::new(false);
    let gone = thread::spawn(|| core::mem::forget(MUTEX.lock()));
    gone.join().unwrap();
    let _waits = thread::spawn(|| {
        WAITS.store(true, Ordering::Relaxed);
        drop(MUTEX.lock());
    });
    while !WAITS.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    // Time enough to die.
    thread::sleep(Duration::from_millis(50));
}
