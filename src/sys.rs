//! The kernel, one wrapper per call: typed arguments in, `Result` with a complete errno list out.
//!
//! Every call of the runtime but two goes through [`call!`], which is also where a test build makes
//! calls fail on order ([`seam`]). The two are `unmap_and_exit`, which has no way back, and
//! `fatal`'s, which must not depend on anything.
//!
//! It keeps no state and decides nothing: retrying, rounding and fallbacks belong to callers.

pub mod errno;
pub mod futex;
pub mod io;
pub mod mem;
pub mod process;
#[cfg(feature = "test-seam")]
pub mod seam;
pub mod signal;
pub mod task;
pub mod time;

pub use errno::Errno;

/// Makes a system call and turns its raw result into `Result<usize, Errno>`.
///
/// The arguments are `usize` expressions; the caller owes what the call owes ("unsafe" is the
/// caller's to write).
macro_rules! call {
    (@ $raw:ident $nr:ident $($argument:expr),*) => {
        // No closure: it might be compiled as a function.
        match $crate::sys::ordered($crate::arch::nr::$nr) {
            Some(errno) => Err(errno),
            None => $crate::Errno::decode($crate::arch::$raw(
                $crate::arch::nr::$nr,
                $($argument),*
            )),
        }
    };
    ($nr:ident) => {
        $crate::sys::call!(@ syscall0 $nr)
    };
    ($nr:ident, $a:expr) => {
        $crate::sys::call!(@ syscall1 $nr $a)
    };
    ($nr:ident, $a:expr, $b:expr) => {
        $crate::sys::call!(@ syscall2 $nr $a, $b)
    };
    ($nr:ident, $a:expr, $b:expr, $c:expr) => {
        $crate::sys::call!(@ syscall3 $nr $a, $b, $c)
    };
    ($nr:ident, $a:expr, $b:expr, $c:expr, $d:expr) => {
        $crate::sys::call!(@ syscall4 $nr $a, $b, $c, $d)
    };
    ($nr:ident, $a:expr, $b:expr, $c:expr, $d:expr, $e:expr) => {
        $crate::sys::call!(@ syscall5 $nr $a, $b, $c, $d, $e)
    };
    ($nr:ident, $a:expr, $b:expr, $c:expr, $d:expr, $e:expr, $f:expr) => {
        $crate::sys::call!(@ syscall6 $nr $a, $b, $c, $d, $e, $f)
    };
}
pub(crate) use call;

/// Runs one raw call, unless a test ordered it to fail, and decodes its result.
#[inline(always)]
pub(crate) fn made(nr: usize, raw: impl FnOnce() -> isize) -> Result<usize, Errno> {
    Errno::decode(made_raw(nr, raw))
}

/// The same, not decoded: for functions that are compiled once and called often. Their callers
/// decode the result, which so comes in a register.
#[inline(always)]
pub(crate) fn made_raw(nr: usize, raw: impl FnOnce() -> isize) -> isize {
    match ordered(nr) {
        Some(errno) => errno.encode(),
        None => raw(),
    }
}

/// The error with which a test ordered the next of these calls to fail.
#[inline(always)]
pub(crate) fn ordered(nr: usize) -> Option<Errno> {
    #[cfg(feature = "test-seam")]
    return seam::ordered_failure(nr);
    #[cfg(not(feature = "test-seam"))]
    {
        let _ = nr;
        None
    }
}
