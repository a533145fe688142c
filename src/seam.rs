//! What the test suite sees beyond the public API: raw calls, calls that fail on order, layouts.
//!
//! Not for programs: nothing here is stable, and ordered failures slow every system call down.

#![allow(
    missing_docs,
    reason = "for the suite only; each item is documented where it is defined"
)]

pub use crate::start::{Process, initialize};
pub use crate::sys::seam::{Counters, end, end_record, order, record};

/// Re-exports the public items of modules that programs do not see.
macro_rules! show {
    ($($module:ident)*) => {$(
        pub mod $module {
            pub use crate::$module::*;
        }
    )*};
}

show! { arch auxv cgroup elf mem stack sys tls }

/// How many pages of thread records were mapped.
#[cfg(feature = "threads")]
pub fn record_page_count() -> usize {
    crate::thread::mapped_page_count()
}

/// How many thread records are in use, and how many mappings the stack cache keeps.
#[cfg(feature = "threads")]
pub fn thread_counts() -> (usize, usize) {
    (crate::thread::in_use_count(), crate::thread::kept_count())
}
