//! Locks: each test once, for every runtime's.
//!
//! A program adds a row by implementing the trait and naming the test in its list.

use crate::threads::{beside_another, open_gate, start, wait_at_gate, wait_for};
use crate::{Run, Threads, clock, verify};
use core::hint::black_box;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A mutex with a number in it.
pub trait Mutex: Sync {
    /// An unlocked one.
    const NEW: Self;
    /// Calls `work` with the lock held.
    fn with<R>(&self, work: impl FnOnce(&mut u64) -> R) -> R;
}

/// A lock for many readers or one writer, with a number in it.
pub trait RwLock: Sync {
    /// An unlocked one.
    const NEW: Self;
    /// Calls `work` beside other readers.
    fn read<R>(&self, work: impl FnOnce(&u64) -> R) -> R;
    /// Calls `work` alone.
    fn write<R>(&self, work: impl FnOnce(&mut u64) -> R) -> R;
}

/// What is made once.
pub trait Once: Sync {
    /// Not made yet.
    const NEW: Self;
    /// Makes it, or sees that it is made.
    fn call(&self, make: extern "C" fn());
}

/// Permits, as many as were given back.
pub trait Semaphore: Sync {
    /// One with no permits.
    fn new() -> Self;
    /// Takes a permit, or sleeps until there is one.
    fn acquire(&self);
    /// Gives a permit.
    fn release(&self);
}

/// Adds one in a way that the optimiser cannot merge with the next.
fn add_one(number: &mut u64) {
    let number = &raw mut *number;
    // SAFETY: from a reference.
    unsafe { number.write_volatile(number.read_volatile() + 1) };
}

/// Some work, of about a nanosecond for each round.
fn work(rounds: u64) {
    for round in 0..rounds {
        black_box(round);
    }
}

/// `mutex_alone`: lock and unlock with nobody else there, when a second thread has existed.
pub fn mutex_alone<T: Threads, M: Mutex>(run: &Run) {
    let times = run.times(2_000_000);
    let mutex = M::NEW;
    let mutex = black_box(&mutex);
    let add = || {
        for _ in 0..times {
            mutex.with(add_one);
        }
    };
    beside_another::<T>(|| {
        add();
        clock::time("mutex_alone", times, add);
    });
    verify(
        mutex.with(|n| *n) == 2 * times,
        "mutex_alone lost an addition",
    );
}

/// What each of several threads does.
struct Contest<L> {
    lock: L,
    times: u64,
    /// How much is done with the lock held, and as much without.
    section: u64,
}

/// Lets `count` threads run `entry` on the contest and times them together.
fn contest<T: Threads, L>(name: &str, count: u64, contest: &Contest<L>, entry: fn(usize)) {
    let argument = (&raw const *contest).expose_provenance();
    let mut handles = [const { None }; 8];
    for handle in &mut handles[..count as usize] {
        *handle = Some(start::<T>(entry, argument));
    }
    wait_for(count);
    clock::time(name, contest.times * count, || {
        open_gate();
        handles.into_iter().flatten().for_each(T::join);
    });
}

/// The contest that a thread was handed.
fn contest_at<L: 'static>(argument: usize) -> &'static Contest<L> {
    // SAFETY: `contest` exposed it, and joins the thread before it ends.
    unsafe { &*core::ptr::with_exposed_provenance(argument) }
}

fn mutex_thread<M: Mutex + 'static>(argument: usize) {
    let contest = contest_at::<M>(argument);
    wait_at_gate(0);
    for _ in 0..contest.times {
        contest.lock.with(|number| {
            add_one(number);
            work(contest.section);
        });
        work(contest.section);
    }
}

/// `mutex_N_short` and `mutex_N_long`: N threads that lock, work for a moment, and unlock.
fn mutex_contended<T: Threads, M: Mutex + 'static>(
    run: &Run,
    name: &str,
    threads: u64,
    long: bool,
) {
    let (times, section) = if long { (120_000, 200) } else { (800_000, 0) };
    let lock = M::NEW;
    let times = run.times(times / threads);
    let all = Contest {
        lock,
        times,
        section,
    };
    contest::<T, M>(name, threads, &all, mutex_thread::<M>);
    let sum = all.lock.with(|number| *number);
    verify(sum == threads * times, "a contended mutex lost an addition");
}

pub fn mutex_2_short<T: Threads, M: Mutex + 'static>(run: &Run) {
    mutex_contended::<T, M>(run, "mutex_2_short", 2, false);
}
pub fn mutex_4_short<T: Threads, M: Mutex + 'static>(run: &Run) {
    mutex_contended::<T, M>(run, "mutex_4_short", 4, false);
}
pub fn mutex_8_short<T: Threads, M: Mutex + 'static>(run: &Run) {
    mutex_contended::<T, M>(run, "mutex_8_short", 8, false);
}
pub fn mutex_2_long<T: Threads, M: Mutex + 'static>(run: &Run) {
    mutex_contended::<T, M>(run, "mutex_2_long", 2, true);
}
pub fn mutex_4_long<T: Threads, M: Mutex + 'static>(run: &Run) {
    mutex_contended::<T, M>(run, "mutex_4_long", 4, true);
}
pub fn mutex_8_long<T: Threads, M: Mutex + 'static>(run: &Run) {
    mutex_contended::<T, M>(run, "mutex_8_long", 8, true);
}

/// `rwlock_read`: read lock and unlock with nobody else there.
pub fn rwlock_read<T: Threads, L: RwLock>(run: &Run) {
    let times = run.times(2_000_000);
    let lock = L::NEW;
    let lock = black_box(&lock);
    beside_another::<T>(|| {
        clock::time("rwlock_read", times, || {
            for _ in 0..times {
                lock.read(|number| black_box(*number));
            }
        });
    });
}

/// One of so many accesses is a write.
const WRITES_EVERY: u64 = 64;

fn rwlock_thread<L: RwLock + 'static>(argument: usize) {
    let contest = contest_at::<L>(argument);
    wait_at_gate(0);
    for turn in 0..contest.times {
        if turn % WRITES_EVERY == 0 {
            contest.lock.write(add_one);
        } else {
            contest.lock.read(|number| black_box(*number));
        }
    }
}

/// `rwlock_mostly`: four threads, one access in 64 is a write.
pub fn rwlock_mostly<T: Threads, L: RwLock + 'static>(run: &Run) {
    let times = run.times(150_000);
    let all = Contest {
        lock: L::NEW,
        times,
        section: 0,
    };
    contest::<T, L>("rwlock_mostly", 4, &all, rwlock_thread::<L>);
    let sum = all.lock.read(|number| *number);
    verify(
        sum == 4 * times.div_ceil(WRITES_EVERY),
        "a contended rwlock lost an addition",
    );
}

/// How often a once has happened.
static MADE: AtomicU64 = AtomicU64::new(0);

extern "C" fn make() {
    MADE.fetch_add(1, Relaxed);
}

/// `once_fast`: seeing that it was made.
pub fn once_fast<T: Threads, O: Once>(run: &Run) {
    let times = run.times(20_000_000);
    let once = O::NEW;
    let once = black_box(&once);
    once.call(make);
    beside_another::<T>(|| {
        clock::time("once_fast", times, || {
            for _ in 0..times {
                black_box(once).call(make);
            }
        });
    });
    verify(MADE.load(Relaxed) == 1, "once happened more than once");
}

/// `semaphore_alone`: a permit given and taken with nobody else there.
pub fn semaphore_alone<T: Threads, S: Semaphore>(run: &Run) {
    let times = run.times(2_000_000);
    let semaphore = S::new();
    let semaphore = black_box(&semaphore);
    beside_another::<T>(|| {
        clock::time("semaphore_alone", times, || {
            for _ in 0..times {
                semaphore.release();
                semaphore.acquire();
            }
        });
    });
}
