//! One claim about the library's implementations of other crates' traits per run, named by the
//! first argument.
//!
//! `xtask/src/extras.rs` has the list, and what each run must end with.

#![no_std]
#![no_main]

use core::cell::Cell;
use core::fmt::{self, Write};

use lock_api::{RawMutex as _, RawRwLock as _};
use threadbare::env;
use threadbare::process::ExitCode;
use threadbare::sync::Yield;
use threadbare::sync::lock_api::{Mutex, RawMutex, RawRwLock, RwLock};

threadbare::entry!(main);

/// What a run leaves with whose claim nobody knows.
const UNKNOWN: u8 = 64;

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
    ("raw_mutex_is_held_by_one", raw_mutex_is_held_by_one),
    (
        "raw_rwlock_has_readers_or_a_writer",
        raw_rwlock_has_readers_or_a_writer,
    ),
    ("writer_becomes_a_reader", writer_becomes_a_reader),
    ("critical_sections_nest", critical_sections_nest),
    ("yielding_lock_is_taken", yielding_lock_is_taken),
    #[cfg(feature = "threads")]
    ("guards_may_be_sent", many::guards_may_be_sent),
    #[cfg(feature = "threads")]
    ("lock_api_counts_right", many::lock_api_counts_right),
    #[cfg(feature = "threads")]
    (
        "critical_section_excludes_threads",
        many::critical_section_excludes_threads,
    ),
    #[cfg(feature = "threads")]
    (
        "inner_end_keeps_the_outer_section",
        many::inner_end_keeps_the_outer_section,
    ),
    #[cfg(feature = "threads")]
    (
        "yielding_lock_counts_right",
        many::yielding_lock_counts_right,
    ),
    #[cfg(feature = "threads")]
    (
        "waiting_writer_is_no_writer",
        many::waiting_writer_is_no_writer,
    ),
];

fn raw_mutex_is_held_by_one() {
    static LOCK: RawMutex = RawMutex::INIT;
    assert!(!LOCK.is_locked() && LOCK.try_lock());
    assert!(LOCK.is_locked() && !LOCK.try_lock());
    // SAFETY: `try_lock` took it.
    unsafe { LOCK.unlock() };
    assert!(!LOCK.is_locked());
}

fn raw_rwlock_has_readers_or_a_writer() {
    static LOCK: RawRwLock = RawRwLock::INIT;
    LOCK.lock_shared();
    assert!(LOCK.try_lock_shared() && !LOCK.try_lock_exclusive());
    assert!(LOCK.is_locked() && !LOCK.is_locked_exclusive());
    for _ in 0..2 {
        // SAFETY: two readers have it.
        unsafe { LOCK.unlock_shared() };
    }
    assert!(!LOCK.is_locked());
    LOCK.lock_exclusive();
    assert!(!LOCK.try_lock_shared() && !LOCK.try_lock_exclusive());
    assert!(LOCK.is_locked() && LOCK.is_locked_exclusive());
    // SAFETY: a writer has it.
    unsafe { LOCK.unlock_exclusive() };
    assert!(LOCK.try_lock_exclusive());
}

fn writer_becomes_a_reader() {
    let lock = RwLock::new(1);
    let mut writer = lock.write();
    *writer += 1;
    let reader = lock_api::RwLockWriteGuard::downgrade(writer);
    assert_eq!((*reader, *lock.read()), (2, 2));
    assert!(lock.try_write().is_none());
    drop(reader);
    assert!(lock.try_write().is_some());
    assert_eq!(size_of::<Mutex<()>>() + size_of::<RwLock<()>>(), 8);
}

/// Looks for the word `true` in what is written.
struct Truth(bool);

impl Write for Truth {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0 |= piece == "true";
        Ok(())
    }
}

/// Enters a critical section and leaves it again; returns whether the state that it saved says that
/// there was one already.
fn is_nested() -> bool {
    // SAFETY: it is released below, in the order of a stack.
    let state = unsafe { critical_section::acquire() };
    // SAFETY: the one of above.
    unsafe { critical_section::release(state) };
    let mut shown = Truth(false);
    write!(shown, "{state:?}").unwrap();
    shown.0
}

fn critical_sections_nest() {
    let cell = critical_section::Mutex::new(Cell::new(1));
    let sum = critical_section::with(|outer| {
        cell.borrow(outer).set(2);
        critical_section::with(|inner| cell.borrow(inner).get()) + cell.borrow(outer).get()
    });
    assert_eq!(sum, 4);
    for _ in 0..3 {
        assert!(critical_section::with(|_| is_nested()));
        assert!(!is_nested());
    }
}

fn yielding_lock_is_taken() {
    static LOCK: spin::mutex::SpinMutex<u32, Yield> = spin::mutex::SpinMutex::new(3);
    let held = LOCK.lock();
    assert!(LOCK.try_lock().is_none());
    // It returns: it neither sleeps nor waits for anything.
    <Yield as spin::RelaxStrategy>::relax();
    drop(held);
    assert_eq!(*LOCK.lock(), 3);
}

/// What takes more than one thread to be seen.
#[cfg(feature = "threads")]
mod many {
    use core::cell::Cell;
    use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use lock_api::RawRwLock as _;
    use threadbare::sync::Yield;
    use threadbare::sync::lock_api::{Mutex, RawRwLock};
    use threadbare::thread;
    use threadbare::time::{Duration, Instant};

    const THREADS: u32 = 4;
    const ROUNDS: u32 = 5000;

    fn in_threads(work: impl Fn() + Sync) {
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| (0..ROUNDS).for_each(|_| work()));
            }
        });
    }

    pub fn guards_may_be_sent() {
        static LOCK: Mutex<u32> = Mutex::new(1);
        let mut guard = LOCK.lock();
        let other = thread::spawn(move || {
            *guard += 1;
            drop(guard);
        });
        other.join().unwrap();
        assert_eq!(LOCK.try_lock().map(|count| *count), Some(2));
    }

    pub fn lock_api_counts_right() {
        static COUNT: Mutex<u32> = Mutex::new(0);
        in_threads(|| *COUNT.lock() += 1);
        assert_eq!(*COUNT.lock(), THREADS * ROUNDS);
    }

    pub fn critical_section_excludes_threads() {
        static COUNT: critical_section::Mutex<Cell<u32>> =
            critical_section::Mutex::new(Cell::new(0));
        in_threads(|| {
            critical_section::with(|outer| {
                let seen = COUNT.borrow(outer).get();
                critical_section::with(|inner| COUNT.borrow(inner).set(seen + 1));
            });
        });
        let count = critical_section::with(|section| COUNT.borrow(section).get());
        assert_eq!(count, THREADS * ROUNDS);
    }

    pub fn inner_end_keeps_the_outer_section() {
        static ENTERED: AtomicBool = AtomicBool::new(false);
        let other = critical_section::with(|_| {
            let (asks, at) = (AtomicBool::new(false), Instant::now());
            let other = thread::spawn(|| {
                critical_section::with(|_| ENTERED.store(true, Ordering::Relaxed));
            });
            // Whoever enters between would have the time to.
            while at.elapsed() < Duration::from_millis(50) {
                critical_section::with(|_| asks.store(true, Ordering::Relaxed));
                assert!(!ENTERED.load(Ordering::Relaxed));
                thread::yield_now();
            }
            assert!(asks.load(Ordering::Relaxed));
            other
        });
        other.join().unwrap();
        assert!(ENTERED.load(Ordering::Relaxed));
    }

    pub fn yielding_lock_counts_right() {
        static COUNT: spin::mutex::SpinMutex<u32, Yield> = spin::mutex::SpinMutex::new(0);
        in_threads(|| *COUNT.lock() += 1);
        assert_eq!(*COUNT.lock(), THREADS * ROUNDS);
    }

    pub fn waiting_writer_is_no_writer() {
        static LOCK: RawRwLock = RawRwLock::INIT;
        static ENTERED: AtomicU32 = AtomicU32::new(0);
        LOCK.lock_shared();
        let writer = thread::spawn(|| {
            LOCK.lock_exclusive();
            ENTERED.store(1, Ordering::Relaxed);
            // SAFETY: a writer has it.
            unsafe { LOCK.unlock_exclusive() };
        });
        // It waits as soon as no reader is let in any more.
        while LOCK.try_lock_shared() {
            // SAFETY: a reader has it.
            unsafe { LOCK.unlock_shared() };
            thread::yield_now();
        }
        assert!(LOCK.is_locked() && !LOCK.is_locked_exclusive());
        assert_eq!(ENTERED.load(Ordering::Relaxed), 0);
        // SAFETY: a reader has it.
        unsafe { LOCK.unlock_shared() };
        writer.join().unwrap();
        assert_eq!(ENTERED.load(Ordering::Relaxed), 1);
        assert!(!LOCK.is_locked());
    }
}
