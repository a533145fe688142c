//! Threads: `spawn` to `join`, with every byte of a thread in one mapping.
//!
//! A thread's life, and who owns its mapping:
//!
//! 1. `spawn` takes a mapping from the cache or maps one, lays it out, fills TLS, control block and
//!    closure, and calls `clone`. The spawner owns it until `clone` succeeds.
//! 2. The thread runs the closure, leaves the result in the mapping and destroys its thread-locals.
//! 3. Thread and handle each swap the completion word once. Whoever comes second owns the mapping:
//!    the handle after `join`, or after a detach that came late; the thread itself after an early
//!    detach.
//! 4. The owner gives the mapping to the cache, or unmaps it. A thread that does so for itself
//!    leaves by assembly that needs no stack.
//!
//! There is no allocator anywhere: what a thread needs is in its mapping or in its record.
//!
//! # In a child of `fork`
//! A child has the thread that called `fork` and no other, and notices that by itself, on Linux
//! 4.14 and newer. Handles of the others say that they are gone, and joining them is an error; the
//! stack cache is empty; the locks of this crate's own are open. A lock of the program's that
//! another thread held stays locked, and one that others waited for does not wait for them; a
//! scope whose threads stayed in the parent cannot end: leaving it panics. On older kernels, and
//! without the feature `fork`, a child that is to start threads must be forked while no other
//! thread starts, ends or prints, or waits to write for an `RwLock` that the child will read, and
//! must join none of them.
//!
//! Without the feature `threads` there is only what [`thread_local!`](crate::thread_local) needs,
//! and sleeping.
//!
//! # Examples
//! ```
//! use threadbare::thread;
//!
//! let workers = [1, 2, 3].map(|n| thread::spawn(move || n * n));
//! let sum: u32 = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
//! assert_eq!(sum, 14);
//! ```
#![doc = include_str!("thread/std.md")]

#[cfg(feature = "threads")]
mod attributes;
#[cfg(feature = "threads")]
mod beside;
#[cfg(feature = "threads")]
mod builder;
#[cfg(feature = "threads")]
mod cache;
#[cfg(feature = "threads")]
mod control;
#[cfg(feature = "threads")]
mod current;
#[cfg(feature = "threads")]
mod error;
#[cfg(feature = "threads")]
mod exit;
#[cfg(feature = "threads")]
mod forked;
#[cfg(feature = "threads")]
mod guard;
#[cfg(feature = "threads")]
mod id;
#[cfg(feature = "threads")]
mod join;
#[cfg(feature = "setup")]
mod local;
#[cfg(feature = "threads")]
mod measure;
#[cfg(feature = "threads")]
mod name;
#[cfg(feature = "threads")]
mod outcome;
#[cfg(feature = "threads")]
mod overflow;
#[cfg(all(feature = "threads", feature = "panic-handler"))]
mod panicking;
#[cfg(feature = "threads")]
mod parallelism;
#[cfg(feature = "threads")]
mod park;
#[cfg(feature = "threads")]
pub mod pool;
#[cfg(feature = "threads")]
mod record;
#[cfg(feature = "threads")]
mod scope;
mod sleep;
#[cfg(feature = "threads")]
mod spawn;
#[cfg(feature = "threads")]
mod static_stack;
#[cfg(feature = "threads")]
mod std_names;

#[cfg(feature = "threads")]
pub use attributes::{CpuSet, Policy};
#[cfg(feature = "threads")]
pub use builder::Builder;
#[cfg(feature = "threads")]
pub use cache::{CacheLimits, set_cache_limits};
#[cfg(feature = "threads")]
pub use current::{Thread, ThreadId, current, yield_now};
#[cfg(feature = "threads")]
pub use error::{Refused, SpawnError};
#[cfg(feature = "threads")]
pub use exit::exit;
#[cfg(feature = "threads")]
pub use guard::{Guard, set_default_guard};
#[cfg(feature = "threads")]
pub use join::{JoinError, JoinHandle, Result};
#[doc(hidden)]
#[cfg(feature = "setup")]
pub use local::storage as __storage;
#[cfg(feature = "setup")]
pub use local::{AccessError, LocalKey};
#[cfg(feature = "threads")]
pub use measure::{Stack, stack};
#[cfg(feature = "threads")]
pub use name::{KernelName, NameError, kernel_id, kernel_name, set_name};
#[cfg(feature = "threads")]
pub use outcome::exit_code;
#[cfg(feature = "overflow-report")]
pub use overflow::set_overflow_report;
#[cfg(all(feature = "threads", feature = "panic-handler"))]
pub use panicking::{PanicPolicy, set_panic_policy};
#[cfg(feature = "threads")]
pub use parallelism::available_parallelism;
#[cfg(feature = "threads")]
pub use park::{park, park_timeout};
#[cfg(feature = "threads")]
pub use pool::Pool;
#[cfg(feature = "threads")]
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use sleep::{sleep, sleep_until};
#[cfg(feature = "threads")]
pub use spawn::spawn;
#[cfg(feature = "threads")]
pub use static_stack::StaticStack;
#[cfg(feature = "threads")]
pub use std_names::panicking;

#[cfg(all(feature = "test-seam", feature = "threads"))]
pub(crate) use cache::kept_count;
#[cfg(all(feature = "test-seam", feature = "threads"))]
pub(crate) use forked::prepare as prepare_for_fork;
#[cfg(all(feature = "test-seam", feature = "threads"))]
pub(crate) use record::{in_use_count, mapped_page_count};

#[cfg(feature = "threads")]
pub(crate) use beside::stay_beside_libc;
#[cfg(all(feature = "threads", feature = "panic-handler"))]
pub(crate) use current::shown_name_of_current;
#[cfg(feature = "lock-debug")]
pub(crate) use current::{NameBytes, identity};
#[cfg(feature = "threads")]
pub(crate) use current::{adopt_main, has_open_scope, is_main, name_of_current};
#[cfg(feature = "setup")]
pub(crate) use local::run_destructors;
#[cfg(all(feature = "overflow-report", feature = "start"))]
pub(crate) use overflow::begin as begin_overflow_report;
#[cfg(all(feature = "threads", feature = "panic-handler"))]
pub(crate) use panicking::{
    Leave, forbid as forbid_to_end_by_panic, may_end as may_end_by_panic,
    try_to_end as try_to_end_by_panic,
};
