//! Who holds which lock, for the feature `lock-debug`: a message in place of an endless wait.
//!
//! It looks at the calling thread's own locks alone, and finds no circles of several threads.
//! Threads that this crate did not start are not looked at: they have no id.
//!
//! Ordering: owner words are Relaxed. A thread finds its own id there only if it put it there
//! itself, and any other value, however old, means "not mine".

use core::cell::UnsafeCell;
use core::fmt::{self, Write};
use core::panic::{RefUnwindSafe, UnwindSafe};
use core::ptr;

use super::primitive::{AtomicUsize, Ordering};
use super::raw_mutex::RawMutex;
use crate::fatal::fatal;
use crate::thread;

/// The mark of no thread.
const NOBODY: usize = 0;

/// The calling thread's mark: its id, of which 32-bit CPUs keep the low half. An id is never used
/// again, unlike a thread pointer, so that a lock left behind by a thread that is gone is nobody's.
fn own_mark() -> usize {
    thread::identity().map_or(NOBODY, |(id, _)| id as usize)
}

/// Who holds a mutex, or writes.
#[derive(Debug)]
pub struct Owner(AtomicUsize);

impl Owner {
    pub const fn new() -> Owner {
        Owner(AtomicUsize::new(NOBODY))
    }

    fn is_own(&self) -> bool {
        let mark = own_mark();
        mark != NOBODY && self.0.load(Ordering::Relaxed) == mark
    }

    /// Dies if it is the calling thread.
    pub fn expect_other<L: ?Sized>(&self, lock: &L, asks: Asks) {
        if self.is_own() {
            die_twice(address(lock), asks, "holds");
        }
    }

    /// The calling thread has taken the lock.
    pub fn enter(&self) {
        self.0.store(own_mark(), Ordering::Relaxed);
    }

    /// It is about to give it up.
    pub fn leave(&self) {
        self.0.store(NOBODY, Ordering::Relaxed);
    }
}

/// How many readers of a lock are known at a time.
const READERS: usize = 8;

/// Who reads.
#[derive(Debug)]
pub struct Readers([AtomicUsize; READERS]);

impl Readers {
    pub const fn new() -> Readers {
        Readers([const { AtomicUsize::new(NOBODY) }; READERS])
    }

    /// Dies if the calling thread, which wants to write, is one of them.
    pub fn expect_others<L: ?Sized>(&self, lock: &L) {
        let mark = own_mark();
        let is_own = |slot: &AtomicUsize| slot.load(Ordering::Relaxed) == mark;
        if mark != NOBODY && self.0.iter().any(is_own) {
            die_twice(address(lock), Asks::Write, "reads");
        }
    }

    /// The calling thread reads. It is not known of where eight are known already.
    pub fn enter(&self) {
        self.change(NOBODY, own_mark());
    }

    /// It is about to stop.
    pub fn leave(&self) {
        self.change(own_mark(), NOBODY);
    }

    /// Puts `to` in the place of one `from`, if there is one.
    fn change(&self, from: usize, to: usize) {
        let change = |slot: &AtomicUsize| {
            let changed = slot.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed);
            changed.is_ok()
        };
        // Of a foreign thread nothing is noted.
        let _ = from != to && self.0.iter().any(change);
    }
}

/// With which mutex a condition variable was last waited for, and by whom.
pub struct Pair {
    lock: RawMutex,
    last: UnsafeCell<Last>,
}

// SAFETY: the lock guards the rest.
unsafe impl Sync for Pair {}
// Nothing unwinds while it is changed.
impl UnwindSafe for Pair {}
impl RefUnwindSafe for Pair {}

#[derive(Clone, Copy)]
struct Last {
    /// Its address; 0 before the first wait.
    mutex: usize,
    by: Who,
}

impl Pair {
    pub const fn new() -> Pair {
        Pair {
            lock: RawMutex::new(),
            last: UnsafeCell::new(Last {
                mutex: 0,
                by: Who {
                    id: 0,
                    name: [0; _],
                },
            }),
        }
    }

    /// Dies if somebody waits with another mutex than the calling thread is about to.
    ///
    /// One that is just about to fall asleep is not seen yet: two that come at the same moment may
    /// pass, the next one does not.
    pub fn expect_one<C, M: ?Sized>(
        &self,
        condvar: &C,
        mutex: &M,
        has_waiters: impl FnOnce() -> bool,
    ) {
        let mine = Last {
            mutex: address(mutex),
            by: Who::calling(),
        };
        self.lock.lock();
        let last = self.last.get();
        // SAFETY: the lock is held.
        let before = unsafe { last.replace(mine) };
        // With the lock held, so that nobody is seen to wait that came after `before` was noted.
        let is_mixed = before.mutex != 0 && before.mutex != mine.mutex && has_waiters();
        // SAFETY: it was taken above.
        unsafe { self.lock.unlock() };
        if is_mixed {
            die(format_args!(
                "{} waits for the condition variable at {:#x} with the mutex at {:#x}, while \
                 others wait with the one at {:#x}; the last was {}",
                mine.by,
                address(condvar),
                mine.mutex,
                before.mutex,
                before.by
            ));
        }
    }
}

/// What a thread wants of a lock that it has.
#[derive(Clone, Copy)]
pub enum Asks {
    Lock,
    Read,
    Write,
}

fn address<T: ?Sized>(of: &T) -> usize {
    ptr::from_ref(of).cast::<u8>().addr()
}

#[cold]
fn die_twice(lock: usize, asks: Asks, has: &str) -> ! {
    let what = match asks {
        Asks::Lock => "locks the mutex",
        Asks::Read => "wants to read the read-write lock",
        Asks::Write => "wants to write the read-write lock",
    };
    let who = Who::calling();
    die(format_args!(
        "{who} {what} at {lock:#x}, which it {has} already"
    ))
}

/// Ends the process: the calling thread joins itself.
#[cold]
pub(crate) fn die_of_own_join() -> ! {
    die(format_args!("{} joins itself", Who::calling()))
}

/// A thread, by value: it may be gone when it is shown.
#[derive(Clone, Copy)]
struct Who {
    /// 0 of a thread that this crate did not start.
    id: u64,
    name: thread::NameBytes,
}

impl Who {
    fn calling() -> Who {
        let (id, name) = thread::identity().unwrap_or((0, [0; _]));
        Who { id, name }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.id == 0 {
            return f.write_str("a thread of somebody else's");
        }
        let bytes = self.name.split(|byte| *byte == 0).next();
        let name = bytes.and_then(|bytes| core::str::from_utf8(bytes).ok());
        let name = name.filter(|name| !name.is_empty()).unwrap_or("<unnamed>");
        write!(f, "thread '{name}' (id {})", self.id)
    }
}

/// Longer than any message here: two names of 15 bytes, three addresses, two ids.
const TEXT_BYTES: usize = 320;

/// A message, put together without a lock: the one for standard error may be what is reported.
struct Text {
    /// The last byte stays 0.
    bytes: [u8; TEXT_BYTES + 1],
    count: usize,
}

impl Write for Text {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let end = self.count + piece.len();
        let place = self.bytes[..TEXT_BYTES]
            .get_mut(self.count..end)
            .ok_or(fmt::Error)?;
        place.copy_from_slice(piece.as_bytes());
        self.count = end;
        Ok(())
    }
}

#[cold]
fn die(message: fmt::Arguments<'_>) -> ! {
    let mut text = Text {
        bytes: [0; TEXT_BYTES + 1],
        count: 0,
    };
    // What does not fit is left out, with all that follows.
    let _ = text.write_fmt(message);
    fatal(
        core::ffi::CStr::from_bytes_until_nul(&text.bytes)
            .unwrap_or(c"a lock is waited for by its holder"),
    )
}
