//! Threads: `spawn` to `join`, with every byte of a thread in one mapping.
//!
//! A thread's life, and who owns its mapping:
//!
//! 1. `spawn` takes a mapping from the cache or maps one, lays it out, fills TLS, control block and
//!    closure, and calls `clone`. The spawner owns it until `clone` succeeds.
//! 2. The thread runs the closure and leaves the result in the mapping.
//! 3. Thread and handle each swap the completion word once. Whoever comes second owns the mapping:
//!    the handle after `join`, or after a detach that came late; the thread itself after an early
//!    detach.
//! 4. The owner gives the mapping to the cache, or unmaps it. A thread that does so for itself
//!    leaves by assembly that needs no stack.
//!
//! There is no allocator anywhere: what a thread needs is in its mapping or in its record.
//!
//! # Examples
//! ```
//! use threadbare::thread;
//!
//! let workers = [1, 2, 3].map(|n| thread::spawn(move || n * n));
//! let sum: u32 = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
//! assert_eq!(sum, 14);
//! ```

mod cache;
mod control;
mod current;
mod exit;
mod id;
mod join;
mod record;
mod spawn;

pub use cache::{CacheLimits, set_cache_limits};
pub use current::{Thread, ThreadId, current, yield_now};
pub use exit::exit;
pub use join::{JoinError, JoinHandle};
pub use spawn::{Builder, SpawnError, available_parallelism, spawn};

#[cfg(feature = "test-seam")]
pub(crate) use cache::kept_count;
#[cfg(feature = "test-seam")]
pub(crate) use record::{in_use_count, mapped_page_count};

pub(crate) use current::{adopt_main, name_of_current};
pub(crate) use spawn::entry;
