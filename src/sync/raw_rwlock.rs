//! Many readers or one writer, in one word, without a value.
//!
//! Writers go first: while one waits no reader is let in, so that it is passed by no reader that
//! came after it. A writer that leaves while another one waits leaves the lock to that one, whoever
//! came first. So readers wait as long as writers come in a steady stream: of the two a lock of one
//! word, without a queue, can bound one, and who reads much and writes seldom, which such a lock is
//! for, has no such stream. Where writers come without a pause a [`Mutex`](super::Mutex) serves
//! all: it bounds how often anybody is passed.
//!
//! # Why nobody sleeps for ever
//! 1. A writer counts itself and sleeps only on a word that says that somebody holds the lock.
//!    Whoever makes the lock free after that sees the count, and wakes a writer.
//! 2. So a free word that counts writers has one on its way to it: woken, or about to find that the
//!    word has changed.
//! 3. A reader sleeps only on a word that says `SLEEPERS`, and that a writer holds the lock or
//!    waits. The writer that ends this, for no other waits, removes the mark and wakes all readers.
//!
//! Readers and writers sleep on the same word, as sleepers of two kinds.
//!
//! # Ordering
//! Owed: a writer sees all that readers and writers before it did, a reader all that writers did.
//! Taking is Acquire and giving up is Release; every change between is a read-modify-write, which
//! carries the release on. Counting and marking are Relaxed, loads are hints.

use super::primitive::{self, AtomicU32, Kinds, Ordering};

/// One reader holds the lock.
const READER: u32 = 1;
const READERS: u32 = WAITING_WRITER - READER;
/// One writer waits.
const WAITING_WRITER: u32 = 1 << 18;
pub(super) const WAITING_WRITERS: u32 = SLEEPERS - WAITING_WRITER;
/// Readers may sleep.
const SLEEPERS: u32 = 1 << 30;
/// A writer holds the lock.
pub(super) const WRITER: u32 = 1 << 31;

const KIND_READER: Kinds = Kinds(1);
const KIND_WRITER: Kinds = Kinds(2);

/// A lock for many readers or one writer, without a value.
#[derive(Debug)]
pub struct RawRwLock {
    /// | bits | what they say |
    /// |---|---|
    /// | 0 to 17 | how many readers hold the lock |
    /// | 18 to 29 | how many writers wait |
    /// | 30 | readers may sleep |
    /// | 31 | a writer holds the lock |
    pub(super) state: AtomicU32,
}

/// Whether a reader may enter.
#[inline]
fn is_open(seen: u32) -> bool {
    seen & (WRITER | WAITING_WRITERS) == 0
}

pub(super) fn is_free(seen: u32) -> bool {
    seen & (WRITER | READERS) == 0
}

impl RawRwLock {
    /// Makes one that nobody holds.
    pub const fn new() -> RawRwLock {
        RawRwLock {
            state: AtomicU32::new(0),
        }
    }

    #[inline]
    fn take(&self, seen: u32, taken: u32) -> Result<u32, u32> {
        self.state
            .compare_exchange(seen, taken, Ordering::Acquire, Ordering::Relaxed)
    }

    fn mark(&self, seen: u32, marked: u32) -> Result<u32, u32> {
        self.state
            .compare_exchange(seen, marked, Ordering::Relaxed, Ordering::Relaxed)
    }

    /// Enters as a reader. Blocks while a writer holds the lock or waits for it.
    #[inline]
    pub fn read(&self) {
        if !self.try_read() {
            self.read_slow();
        }
    }

    /// Enters as a reader unless a writer holds the lock or waits for it.
    #[inline]
    pub fn try_read(&self) -> bool {
        let mut seen = self.state.load(Ordering::Relaxed);
        while is_open(seen) {
            assert!(seen & READERS != READERS, "too many readers of one lock");
            match self.take(seen, seen + READER) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    #[cold]
    fn read_slow(&self) {
        loop {
            // A short wait, if it is for a writer that is inside and the last.
            let seen = self.spin(|seen| seen == WRITER);
            if is_open(seen) {
                if self.try_read() {
                    return;
                }
            } else if seen & SLEEPERS != 0 || self.mark(seen, seen | SLEEPERS).is_ok() {
                primitive::wait_as(&self.state, seen | SLEEPERS, KIND_READER);
            }
        }
    }

    /// Enters as a writer. Blocks while anybody else holds the lock.
    #[inline]
    pub fn write(&self) {
        if self.take(0, WRITER).is_err() {
            self.write_slow();
        }
    }

    /// Enters as a writer if nobody holds the lock.
    #[inline]
    pub fn try_write(&self) -> bool {
        let mut seen = 0;
        while is_free(seen) {
            match self.take(seen, seen | WRITER) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    #[cold]
    fn write_slow(&self) {
        let mut seen = self.spin(|seen| seen == WRITER || seen <= READERS && seen != 0);
        let mut counted = false;
        loop {
            if is_free(seen) {
                let taken = if counted { seen - WAITING_WRITER } else { seen } | WRITER;
                match self.take(seen, taken) {
                    Ok(_) => return,
                    Err(now) => seen = now,
                }
                continue;
            }
            let (marked, kind) = if counted {
                (seen, KIND_WRITER)
            } else if seen & WAITING_WRITERS != WAITING_WRITERS {
                (seen + WAITING_WRITER, KIND_WRITER)
            } else {
                // There are 4,095 already: this one waits with the readers until they have been.
                (seen | SLEEPERS, KIND_READER)
            };
            if marked != seen
                && let Err(now) = self.mark(seen, marked)
            {
                seen = now;
                continue;
            }
            counted = kind == KIND_WRITER;
            primitive::wait_as(&self.state, marked, kind);
            seen = self.state.load(Ordering::Relaxed);
        }
    }

    /// Looks at the word while it is worth it, for a while; returns what it holds.
    fn spin(&self, is_worth_it: impl Fn(u32) -> bool) -> u32 {
        let mut left = primitive::spins();
        loop {
            let seen = self.state.load(Ordering::Relaxed);
            if left == 0 || !is_worth_it(seen) {
                return seen;
            }
            primitive::spin_loop();
            left -= 1;
        }
    }

    /// Leaves as a reader.
    ///
    /// # Safety
    /// 1. A reader holds the lock, and gives it up.
    #[inline]
    pub unsafe fn unlock_read(&self) {
        // Without readers another thread may take the lock, finish, and free it: only the address
        // is used then.
        let word = self.state.as_ptr();
        let seen = self.state.fetch_sub(READER, Ordering::Release);
        if seen & READERS == READER && seen & WAITING_WRITERS != 0 {
            wake_writer(word);
        }
    }

    /// Leaves as a writer.
    ///
    /// # Safety
    /// 1. A writer holds the lock, and gives it up.
    #[inline]
    pub unsafe fn unlock_write(&self) {
        if let Err(seen) = self.give_up(WRITER, 0) {
            self.leave(seen, 0);
        }
    }

    /// Makes a reader of the writer. No other writer comes in between.
    ///
    /// # Safety
    /// 1. A writer holds the lock, and becomes a reader.
    pub unsafe fn downgrade(&self) {
        self.leave(WRITER, READER);
    }

    fn give_up(&self, seen: u32, left: u32) -> Result<u32, u32> {
        self.state
            .compare_exchange(seen, left, Ordering::Release, Ordering::Relaxed)
    }

    /// Leaves as a writer, and stays as these readers. The word is `seen`, or not.
    #[cold]
    fn leave(&self, mut seen: u32, readers: u32) {
        // See `unlock_read`.
        let word = self.state.as_ptr();
        loop {
            let writers = seen & WAITING_WRITERS;
            let sleepers = if writers != 0 { seen & SLEEPERS } else { 0 };
            let left = writers | sleepers | readers;
            match self.give_up(seen, left) {
                Ok(_) => break,
                Err(now) => seen = now,
            }
        }
        if seen & WAITING_WRITERS == 0 {
            if seen & SLEEPERS != 0 {
                primitive::wake_as(word, u32::MAX, KIND_READER);
            }
        } else if readers == 0 {
            wake_writer(word);
        }
    }
}

#[cold]
fn wake_writer(word: *const u32) {
    primitive::wake_as(word, 1, KIND_WRITER);
}

const _: () = assert!(size_of::<RawRwLock>() == 4);
