//! How a child of `fork` notices that it is one.
//!
//! The runtime's own state is a copy of the parent's there, of the moment when one thread called
//! `fork` and the others were anywhere: it speaks of threads that the child has not got. Nobody
//! need call this crate to fork, so nobody tells it. But a page can be marked to be empty in
//! children (`MADV_WIPEONFORK`, Linux 4.14; `mm/memory.c`, `copy_page_range`): a word there is 1 in
//! the process that wrote it, and 0 in a child of it.
//!
//! So that what needs no threads pays nothing, the page is made before the first thread is started.
//! Where the kernel will not have it, the word stays 1 in children, which notice nothing, as those
//! of programs that have started no thread: there is nothing to notice in them.
//!
//! Without the feature `fork` none of this is there, and no child notices.
//!
//! Before a child has started a thread of its own, the one that called `fork` is all it has. So
//! whoever notices is alone, and may settle everything.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use crate::start::Process;
use crate::sys::Errno;
use crate::sys::mem::{self, Advice, Map, Prot};

/// The word: 1, or 0 in a child that has not settled. Null while there is none.
static MARK: AtomicPtr<AtomicU32> = AtomicPtr::new(ptr::null_mut());

/// What a child does to settle; null before `MARK` is set.
static SETTLE: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

const SETTLED: u32 = 1;

/// How many times this process and its ancestors noticed.
static GENERATION: AtomicU32 = AtomicU32::new(0);

/// Marks this process as one that has threads, and names what a child of it is to do when it
/// notices that it is one; or notices. To be called before each thread is started.
///
/// `settle` runs with no other thread of this crate's in the process, and ends by calling
/// [`settled`]; it must bear being interrupted by itself until then, or see that it is not.
///
/// # Errors
/// Those of `mmap`; the next call tries again.
#[inline]
pub fn prepare(settle: fn()) -> Result<(), Errno> {
    if !cfg!(feature = "fork") {
        Ok(())
    } else if MARK.load(Ordering::Relaxed).is_null() {
        make(settle)
    } else {
        heed();
        Ok(())
    }
}

/// Settles, if this is a child of `fork` that has not.
#[inline]
pub fn heed() {
    if !cfg!(feature = "fork") {
        return;
    }
    // Acquire pairs with the Release in `make`: the function, and the page.
    // SAFETY: null, or a word that is never unmapped.
    let mark = unsafe { MARK.load(Ordering::Acquire).as_ref() };
    // Relaxed: the kernel wrote it before the child's first instruction, or this thread's maker
    // settled, or an ancestor of it.
    if mark.is_some_and(|mark| mark.load(Ordering::Relaxed) != SETTLED) {
        notice();
    }
}

/// A number that is another one in a child that has noticed what it is: its parent's plus one, or
/// more.
#[inline]
pub fn generation() -> u32 {
    // Relaxed: it changes while there is one thread alone.
    GENERATION.load(Ordering::Relaxed)
}

/// Gives this process a number of its own, as the first step of settling.
pub fn begin_generation() {
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

#[cold]
fn notice() {
    let settle = SETTLE.load(Ordering::Relaxed);
    // SAFETY: what `make` stored before `MARK`, which is a function of this type.
    let settle = unsafe { core::mem::transmute::<*mut (), fn()>(settle) };
    settle();
}

/// Says that the child has settled.
pub fn settled() {
    let mark = MARK.load(Ordering::Acquire);
    if !mark.is_null() {
        // SAFETY: a word that is never unmapped.
        unsafe { (*mark).store(SETTLED, Ordering::Relaxed) };
    }
}

#[cold]
fn make(settle: fn()) -> Result<(), Errno> {
    SETTLE.store(settle as *mut (), Ordering::Relaxed);
    let bytes = Process::get().page_bytes;
    let page = mem::map(bytes, Prot::READ | Prot::WRITE, Map::empty())?;
    // SAFETY: nobody knows the page yet.
    let is_wiped = unsafe { mem::advise(page, bytes, Advice::WipeOnFork) }.is_ok();
    #[cfg(feature = "test-seam")]
    IS_WIPED.store(is_wiped, Ordering::Relaxed);
    // A kernel that knows no such advice copies the word, and children find nothing to settle.
    let _ = is_wiped;
    let mark = page.cast::<AtomicU32>();
    // SAFETY: the page is mapped, zero, which is a word, and never unmapped once it is known.
    unsafe { (*mark).store(SETTLED, Ordering::Relaxed) };
    // Release publishes the function and the page. Another thread, which this crate did not start,
    // may have been faster.
    let is_ours = MARK
        .compare_exchange(ptr::null_mut(), mark, Ordering::Release, Ordering::Relaxed)
        .is_ok();
    if !is_ours {
        // SAFETY: nobody got to know the page.
        let _ = unsafe { mem::unmap(page, bytes) };
    }
    Ok(())
}

/// Whether the kernel has taken the advice, for tests.
#[cfg(feature = "test-seam")]
static IS_WIPED: core::sync::atomic::AtomicBool = core::sync::atomic::AtomicBool::new(false);

/// Makes the next spawn mark this process anew, for tests.
#[cfg(feature = "test-seam")]
pub fn unprepare() {
    let mark = MARK.swap(ptr::null_mut(), Ordering::Relaxed);
    if !mark.is_null() {
        // SAFETY: it was mapped by `make`; the test has no other thread.
        let _ = unsafe { mem::unmap(mark.cast(), Process::get().page_bytes) };
    }
}

/// Makes this process one that has not settled, if its children notice what they are; for tests.
#[cfg(feature = "test-seam")]
pub fn unsettle() {
    if !is_noticed() {
        return;
    }
    // SAFETY: not null, and never unmapped but by `unprepare`.
    unsafe { &*MARK.load(Ordering::Relaxed) }.store(0, Ordering::Relaxed);
}

/// Whether children of this process notice what they are, for tests.
#[cfg(feature = "test-seam")]
pub fn is_noticed() -> bool {
    let mark = MARK.load(Ordering::Acquire);
    !mark.is_null() && IS_WIPED.load(Ordering::Relaxed)
}
