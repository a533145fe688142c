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
//! # In a child of `fork`
//! Writers that waited in the parent are counted in the child's copy of the word, and never come
//! when that is free. So the word says in which process they wait that it counts. Whoever finds
//! that it is another process than this one forgets them, and the mark of the readers that slept
//! behind them. Nobody sleeps here because of either: he would have forgotten them before, and a
//! count that is forgotten does not come back. Processes are told apart by three bits of their
//! number in the line of their ancestors: a count that seven generations have left alone is taken
//! by the eighth for its own.
//!
//! # Ordering
//! Owed: a writer sees all that readers and writers before it did, a reader all that writers did.
//! Taking is Acquire and giving up is Release; every change between is a read-modify-write, which
//! carries the release on. Counting and marking are Relaxed, loads are hints.

use super::primitive::{self, AtomicU32, Kinds, Ordering};

/// One reader holds the lock.
pub(super) const READER: u32 = 1;
const READERS: u32 = WAITING_WRITER - READER;
/// One writer waits.
pub(super) const WAITING_WRITER: u32 = 1 << 18;
pub(super) const WAITING_WRITERS: u32 = GENERATION - WAITING_WRITER;
/// One generation of processes; in all of its bits, whose writers are counted.
const GENERATION: u32 = 1 << 27;
const GENERATIONS: u32 = SLEEPERS - GENERATION;
/// Readers may sleep.
pub(super) const SLEEPERS: u32 = 1 << 30;
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
    /// | 18 to 26 | how many writers wait |
    /// | 27 to 29 | in which process they do; 0 if there are none |
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

/// What the word says of writers that wait in this process.
fn own_generation() -> u32 {
    primitive::generation().wrapping_mul(GENERATION) & GENERATIONS
}

/// What the word says without those that wait in another process than the `own` generation's.
fn without_lost(seen: u32, own: u32) -> u32 {
    if seen & WAITING_WRITERS != 0 && seen & GENERATIONS != own {
        seen & (WRITER | READERS)
    } else {
        seen
    }
}

/// What it says with one waiting writer less.
fn uncounted(seen: u32) -> u32 {
    let left = seen - WAITING_WRITER;
    if left & WAITING_WRITERS == 0 {
        left & !GENERATIONS
    } else {
        left
    }
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
        if self.enter().is_err() {
            self.read_slow();
        }
    }

    /// Enters as a reader unless a writer holds the lock or waits for it.
    #[inline]
    pub fn try_read(&self) -> bool {
        match self.enter() {
            Ok(()) => true,
            Err(seen) => self.try_read_slow(seen),
        }
    }

    #[cold]
    fn try_read_slow(&self, mut seen: u32) -> bool {
        while self.forget_lost(seen) {
            match self.enter() {
                Ok(()) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Enters as a reader, or says what the word is that forbids it.
    #[inline]
    fn enter(&self) -> Result<(), u32> {
        let mut seen = self.state.load(Ordering::Relaxed);
        while is_open(seen) {
            assert!(seen & READERS != READERS, "too many readers of one lock");
            match self.take(seen, seen + READER) {
                Ok(_) => return Ok(()),
                Err(now) => seen = now,
            }
        }
        Err(seen)
    }

    /// Forgets who waited in a parent of this process; returns whether the word, which is as seen
    /// or another one by now, said so: then it must be looked at again.
    fn forget_lost(&self, seen: u32) -> bool {
        let present = without_lost(seen, own_generation());
        let is_lost = present != seen;
        if is_lost {
            let _ = self.mark(seen, present);
        }
        is_lost
    }

    #[cold]
    fn read_slow(&self) {
        loop {
            // A short wait, if it is for a writer that is inside and the last.
            let seen = self.spin(|seen| seen == WRITER);
            if is_open(seen) {
                if self.enter().is_ok() {
                    return;
                }
            } else if self.forget_lost(seen) {
                // Nobody is waited for by now.
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
        // As whose it is counted. In a child that a signal handler has made meanwhile it is not.
        let mut counted_as = None;
        loop {
            let own = own_generation();
            let is_counted = counted_as == Some(own);
            let present = without_lost(seen, own);
            if is_free(seen) {
                let left = if is_counted {
                    uncounted(present)
                } else {
                    present
                };
                let taken = left | WRITER;
                match self.take(seen, taken) {
                    Ok(_) => return,
                    Err(now) => seen = now,
                }
                continue;
            }
            let (marked, kind) = if is_counted {
                (present, KIND_WRITER)
            } else if present & WAITING_WRITERS != WAITING_WRITERS {
                ((present + WAITING_WRITER) | own, KIND_WRITER)
            } else {
                // There are 511 already: this one waits with the readers until they have been.
                (present | SLEEPERS, KIND_READER)
            };
            if marked != seen
                && let Err(now) = self.mark(seen, marked)
            {
                seen = now;
                continue;
            }
            counted_as = (kind == KIND_WRITER).then_some(own);
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
        let present = loop {
            let present = without_lost(seen, own_generation());
            let writers = present & (WAITING_WRITERS | GENERATIONS);
            let sleepers = if writers != 0 { present & SLEEPERS } else { 0 };
            let left = writers | sleepers | readers;
            match self.give_up(seen, left) {
                Ok(_) => break present,
                Err(now) => seen = now,
            }
        };
        if present & WAITING_WRITERS == 0 {
            if present & SLEEPERS != 0 {
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
const _: () = assert!(WAITING_WRITERS / WAITING_WRITER == 511);
