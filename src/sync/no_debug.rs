//! What stands for `debug` without the feature `lock-debug`: nothing, of no size.

/// Knows nothing.
#[derive(Debug)]
pub struct Owner;

impl Owner {
    pub const fn new() -> Owner {
        Owner
    }

    #[inline(always)]
    pub fn expect_other<L: ?Sized>(&self, _lock: &L, _asks: Asks) {}

    #[inline(always)]
    pub fn enter(&self) {}

    #[inline(always)]
    pub fn leave(&self) {}
}

/// Likewise.
#[derive(Debug)]
pub struct Readers;

impl Readers {
    pub const fn new() -> Readers {
        Readers
    }

    #[inline(always)]
    pub fn expect_others<L: ?Sized>(&self, _lock: &L) {}

    #[inline(always)]
    pub fn enter(&self) {}

    #[inline(always)]
    pub fn leave(&self) {}
}

/// Likewise.
#[derive(Debug)]
pub struct Pair;

impl Pair {
    pub const fn new() -> Pair {
        Pair
    }

    #[inline(always)]
    pub fn expect_one<C, M: ?Sized>(
        &self,
        _condvar: &C,
        _mutex: &M,
        _has_waiters: impl FnOnce() -> bool,
    ) {
    }
}

/// What a thread wants of a lock that it has.
#[derive(Clone, Copy)]
pub enum Asks {
    Lock,
    Read,
    Write,
}
