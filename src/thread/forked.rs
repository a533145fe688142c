//! What a child of `fork` does when it notices that it is one: it lets go of what it has not got.
//!
//! The thread that called `fork` is its only one, and goes on as the thread that it was, with the
//! number that the kernel has given it. The others' records say that they are gone, so that nobody
//! waits for them; what the stack cache kept is unmapped; the runtime's own locks are open, whoever
//! held them. The stacks that the others stood on stay: the thread may have borrowed from them.
//!
//! A lock of the user's that another thread held stays locked, as everywhere; a mutex for which
//! others waited is free, and a little slower for ever (`sync::raw_mutex`); a read-write lock
//! forgets them (`sync::raw_rwlock`).

use super::{cache, current, record};
use crate::sys::{Errno, signal, task};
use crate::{fork, io, sync};

/// See [`fork::prepare`].
pub fn prepare() -> Result<(), Errno> {
    fork::prepare(settle)
}

/// Alone in the process, and with signals blocked: a handler that starts a thread would settle,
/// too. Where a filter refuses to block them, that must be borne.
fn settle() {
    let mask = signal::try_block_all();
    fork::begin_generation();
    let own = current::control().map(|control| control.record);
    record::forget_others(own);
    match own {
        Some(own) if !core::ptr::eq(own, &record::MAIN) => {
            // SAFETY: a record's word, which is never unmapped.
            let tid = unsafe { task::set_tid_address(own.tid_word()) };
            // A word that nobody will clear says that the thread is not gone, which is safe.
            own.set_tid(tid.unwrap_or_else(|_| task::kernel_thread_id()));
            current::forget_main();
        }
        Some(_) => {}
        None => current::forget_main(),
    }
    // SAFETY: the thread is alone in the process, and in none of these: it noticed.
    unsafe {
        if cfg!(feature = "cache") {
            cache::forget();
        }
        sync::forget();
        #[cfg(feature = "global-allocator")]
        crate::heap::forget_others();
        io::forget_others();
    }
    fork::settled();
    if let Ok(mask) = mask {
        signal::restore(&mask);
    }
}
