//! What the test suite sees beyond the public API: raw calls, calls that fail on order, layouts.
//!
//! Not for programs: nothing here is stable, and ordered failures slow every system call down.

#![allow(
    missing_docs,
    reason = "for the suite only; each item is documented where it is defined"
)]

#[cfg(feature = "global-allocator")]
pub use crate::heap::piece_count as heap_piece_count;

pub use crate::start::Process;
pub use crate::sys::seam::{
    Counters, Vdso, end, end_record, order, record, set_vdso, vdso_readings,
};

/// Re-exports the public items of modules that programs do not see.
macro_rules! show {
    ($($module:ident)*) => {$(
        pub mod $module {
            pub use crate::$module::*;
        }
    )*};
}

/// Does what is otherwise done before the first thread is started; it stays for ever.
#[cfg(feature = "threads")]
pub fn prepare_for_fork() {
    let _ = crate::thread::prepare_for_fork();
}

/// Makes the next spawn the first one, for which children of `fork` are told what they are.
#[cfg(feature = "threads")]
pub fn unprepare_for_fork() {
    crate::fork::unprepare();
}

/// Makes this process look like a child of `fork` that has not settled; it has one thread.
#[cfg(feature = "threads")]
pub fn unsettle() {
    crate::fork::unsettle();
}

/// Calls `work` while nobody else can allocate or free.
#[cfg(feature = "global-allocator")]
pub fn while_heap_is_held(work: impl FnOnce()) {
    crate::heap::while_held(work);
}

/// Whether a child of `fork` notices that it is one.
#[cfg(feature = "threads")]
pub fn is_fork_noticed() -> bool {
    crate::fork::is_noticed()
}

show! { arch auxv cgroup elf mem stack sys tls vdso }

/// How many pages of thread records were mapped.
#[cfg(feature = "threads")]
pub fn record_page_count() -> usize {
    crate::thread::mapped_page_count()
}

/// Runs `f` with the list of a scope's threads locked.
#[cfg(feature = "threads")]
pub fn with_scope_list<R>(scope: &crate::thread::Scope<'_, '_>, f: impl FnOnce() -> R) -> R {
    scope.data().with_list(f)
}

/// How many thread records are in use, and how many mappings the stack cache keeps.
#[cfg(feature = "threads")]
pub fn thread_counts() -> (usize, usize) {
    // A child of `fork` empties its cache when it looks there, and gives records up.
    let kept = crate::thread::kept_count();
    (crate::thread::in_use_count(), kept)
}
