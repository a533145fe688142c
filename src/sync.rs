//! Locks on bare futexes, with `std`'s names and signatures.
//!
//! Each is one word (and its data), `const` to make, and needs no thread identity, so that it works
//! in every thread of the process. A lock is never poisoned: a panic ends the process, or, where
//! [`PanicPolicy`](crate::thread::PanicPolicy) says so, a thread whose locks stay locked for ever.
//! `lock()` still returns `std`'s `Result` shape, whose error cannot be made and costs nothing.
//! Waiting is `futex(2)`, after some calls of `sched_yield(2)`; `sched_getaffinity(2)` tells once
//! whether there is another CPU to wait for.
//!
//! # Without the feature `threads`
//! This crate starts no thread then, and locks are cells: no atomic instruction, no system call.
//! What would wait for ever, such as the second `lock` of a mutex, ends the process with a message.
//! This relies on two things. No thread that anything else has started uses this crate beside the
//! first one (`clone` and a C library can start some), and no signal handler uses a lock.
//! [`atomic`] and [`futex`] stay what they are.
//!
//! # With the crates `lock_api`, `critical-section` and `spin`
//! Each by a feature. `lock-api`: the module `lock_api` has raw locks for what is generic over
//! them. `spin-relax`: `Yield` is what a spinning lock does while it waits.
//!
//! `critical-section`: `critical_section::with` excludes all other threads, by one lock for the
//! whole process, which a thread may take again while it has it. It waits asleep. It does not keep
//! signals away, and a handler must not enter one, as it must take no lock: it would wait for its
//! own thread where that is about to enter or to leave. Who shares data with a handler blocks the
//! signal. Without the feature
//! `threads` there is nobody to exclude, and it costs a few plain loads and stores. A thread that
//! ends by `exit` or a panic inside one leaves it closed for ever.
//!
//! ```
//! use core::cell::Cell;
//! use critical_section::Mutex;
//!
//! static COUNT: Mutex<Cell<u32>> = Mutex::new(Cell::new(0));
//!
//! let worker = threadbare::thread::spawn(|| {
//!     critical_section::with(|section| COUNT.borrow(section).set(1));
//! });
//! worker.join().unwrap();
//! assert_eq!(critical_section::with(|section| COUNT.borrow(section).get()), 1);
//! ```
//!
//! # With the feature `lock-debug`
//! Locks are larger and know who holds them. The process ends, with a message that names the lock's
//! address and the threads, where a thread locks a [`Mutex`] that it holds, takes an [`RwLock`] to
//! write that it reads or writes, or to read that it writes, or waits for a [`Condvar`] with one
//! mutex while somebody waits with another. So it does where a thread joins itself. (Of an
//! `RwLock`'s readers eight are known at a time.)
//!
//! The algorithms take their atomics and their two futex calls from `primitive` alone.
//!
//! # Examples
//! ```
//! use threadbare::sync::{Condvar, Mutex};
//! use threadbare::thread;
//!
//! static JOBS_LEFT: Mutex<u32> = Mutex::new(3);
//! static ALL_DONE: Condvar = Condvar::new();
//!
//! for _ in 0..3 {
//!     thread::spawn(|| {
//!         *JOBS_LEFT.lock().unwrap() -= 1;
//!         ALL_DONE.notify_one();
//!     });
//! }
//! let left = ALL_DONE.wait_while(JOBS_LEFT.lock().unwrap(), |left| *left > 0).unwrap();
//! assert_eq!(*left, 0);
//! ```
#![doc = include_str!("sync/compare.md")]
#![doc = include_str!("sync/std.md")]

mod barrier;
mod condvar;
#[cfg(feature = "critical-section")]
mod critical_section;
#[cfg_attr(not(feature = "lock-debug"), path = "sync/no_debug.rs")]
mod debug;
#[cfg(feature = "threads")]
pub(crate) mod dispatch;
pub mod futex;
mod lazy_lock;
mod linger;
#[cfg(feature = "lock-api")]
pub mod lock_api;
#[cfg(feature = "alloc")]
pub mod mpsc;
mod mutex;
mod once;
mod once_lock;
mod poison;
mod primitive;
mod queue;
mod raw_mutex;
mod raw_rwlock;
mod reentrant;
#[cfg(feature = "spin-relax")]
mod relax;
mod reset_event;
mod rwlock;
mod semaphore;
mod wait_group;

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
#[cfg(feature = "lock-debug")]
pub(crate) use debug::die_of_own_join;
pub use lazy_lock::LazyLock;
pub use mutex::{Mutex, MutexGuard};
pub use once::{Once, OnceState};
pub use once_lock::OnceLock;
pub use poison::{LockResult, PoisonError, TryLockError, TryLockResult};
pub(crate) use reentrant::{ReentrantGuard, ReentrantLock};
#[cfg(feature = "spin-relax")]
pub use relax::Yield;
pub use reset_event::ResetEvent;
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::Semaphore;
pub use wait_group::WaitGroup;

/// Forgets other threads' waiting, in a child of `fork`.
///
/// # Safety
/// 1. The calling thread is the only one of the process, and in none of this crate's locks' calls.
#[cfg(feature = "threads")]
pub(crate) unsafe fn forget() {
    if primitive::QUEUES.get() {
        // SAFETY: clause 1.
        unsafe { queue::forget() };
    }
}

/// Whether somebody holds the lock: a hint, but for who knows that nobody takes it.
#[cfg(feature = "threads")]
pub(crate) fn is_locked<T>(mutex: &Mutex<T>) -> bool {
    mutex.raw.state.load(primitive::Ordering::Relaxed) & raw_mutex::HELD != 0
}

#[cfg(feature = "alloc")]
pub use alloc::sync::{Arc, Weak};
pub use core::sync::atomic;
