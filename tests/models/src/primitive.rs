// What `src/sync/primitive.rs` is in the real build: words and futexes of a model checker. Both
// checkers include this file; `super::checker` says which it is.
//
// The kernel's queue is an ordinary list: all threads of a model are one thread of the system's,
// and change places only where they call the checker. Whoever sleeps or wakes touches `KERNEL`, so
// that the checker knows that the order matters; relaxed, so that it orders nothing else.

use checker::{Watched, atomic, lazy_static, thread};
use crate::mutants::{self, Change};
use crate::run;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

pub use std::sync::atomic::Ordering;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(pub u32);

impl Kinds {
    pub const ALL: Kinds = Kinds(u32::MAX);
}

/// Nobody forks within a model.
pub fn heed_fork() {}

/// Makes the process of a model another one than a new lock's.
pub fn be_child() {
    GENERATION.set(1);
}

pub fn generation() -> u32 {
    GENERATION.get()
}

/// Likewise.
pub fn note_queues() {}

/// All condition variables meet in one queue.
pub const BUCKETS: usize = 1;

macro_rules! shared {
    ($(static $name:ident: [$of:ty; $count:expr];)*) => {
        primitive::lazy! {$(
            static ref $name: [$of; 1] = [<$of>::new()];
        )*}
    };
}
pub(super) use shared;
pub(super) use checker::lazy_static as lazy;

lazy_static! {
    static ref KERNEL: atomic::AtomicUsize = atomic::AtomicUsize::new(0);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    ByWake,
    ByChange,
    ByTimeout,
}

struct Sleeper {
    word: *const u32,
    kinds: u32,
    has_limit: bool,
    /// Nothing while it sleeps.
    state: Rc<Cell<Option<Woken>>>,
    thread: thread::Thread,
}

thread_local! {
    static SLEEPERS: RefCell<Vec<Sleeper>> = const { RefCell::new(Vec::new()) };
    static TIME_IS_UP: Cell<bool> = const { Cell::new(false) };
    static GENERATION: Cell<u32> = const { Cell::new(0) };
    static GONE: RefCell<Vec<*const u32>> = const { RefCell::new(Vec::new()) };
}

/// Begins a run of a model.
pub fn begin() {
    KERNEL.load(Ordering::Relaxed);
    SLEEPERS.with_borrow_mut(Vec::clear);
    TIME_IS_UP.set(false);
    GONE.with_borrow_mut(Vec::clear);
}

fn enter_kernel() {
    KERNEL.fetch_add(1, Ordering::Relaxed);
}

/// Says that a word's memory is somebody else's now. That is an operation on the word, so that the
/// checker knows that its place among others of the word matters.
pub fn bury(word: *const u32) {
    // SAFETY: it is a word's own address, and the model's memory is still there.
    unsafe { &*word.cast::<AtomicU32>() }.word.fetch_add(0, Ordering::Relaxed);
    GONE.with_borrow_mut(|gone| gone.push(word));
}

/// Wakes those that `is_meant`, who are told `state`.
fn wake_those(count: u32, how: Woken, is_meant: impl Fn(&Sleeper) -> bool) {
    let mut woken = Vec::new();
    SLEEPERS.with_borrow_mut(|sleepers| {
        while woken.len() < count as usize {
            let Some(at) = sleepers.iter().position(&is_meant) else { break };
            woken.push(sleepers.remove(at));
        }
    });
    for sleeper in &woken {
        sleeper.state.set(Some(how));
    }
    for sleeper in woken {
        sleeper.thread.unpark();
    }
}

/// Lets all time pass: limits have come, now and from now on.
pub fn pass_time() {
    enter_kernel();
    TIME_IS_UP.set(true);
    wake_those(u32::MAX, Woken::ByTimeout, |sleeper| sleeper.has_limit);
}

/// Wakes everybody for no reason.
pub fn disturb() {
    enter_kernel();
    wake_those(u32::MAX, Woken::ByWake, |_| true);
}

#[derive(Debug)]
pub struct AtomicU32 {
    word: atomic::AtomicU32,
    /// What the word holds in the end of its modification order: what the kernel sees.
    latest: Cell<u32>,
}

// SAFETY: the threads of a model take turns.
unsafe impl Sync for AtomicU32 {}

impl AtomicU32 {
    pub fn new(value: u32) -> AtomicU32 {
        AtomicU32 { word: atomic::AtomicU32::new(value), latest: Cell::new(value) }
    }

    pub fn as_ptr(&self) -> *mut u32 {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    fn look(&self) {
        let address = self.as_ptr().cast_const();
        let is_gone = GONE.with_borrow(|gone| gone.contains(&address));
        assert!(!is_gone, "a word was used that is gone");
    }

    pub fn load(&self, site: usize, ordering: Ordering) -> u32 {
        self.look();
        let value = self.read(mutants::ordering(site, 0, ordering));
        self.look();
        if mutants::is(site, Change::Spoiled) { 0 } else { value }
    }

    pub fn store(&self, site: usize, value: u32, ordering: Ordering) {
        self.look();
        if !mutants::is(site, Change::Spoiled) {
            let ordering = mutants::ordering(site, 0, ordering);
            if run::is_strict() {
                self.word.swap(value, ordering);
            } else {
                self.word.store(value, ordering);
            }
            self.latest.set(value);
        }
        self.look();
    }

    /// Where a run is strict a load is a read-modify-write: it tells the latest value only, and
    /// loom tries all orders of it and of what others do. Of plain loads it knows the last alone,
    /// and misses orders; but it tries older values.
    fn read(&self, ordering: Ordering) -> u32 {
        if run::is_strict() {
            self.word.fetch_add(0, ordering)
        } else {
            self.word.load(ordering)
        }
    }

    fn update<R>(
        &self,
        site: usize,
        ordering: Ordering,
        whole: impl FnOnce(Ordering) -> R,
        from_load: impl FnOnce(u32) -> (u32, R),
    ) -> R {
        self.look();
        let ordering = mutants::ordering(site, 0, ordering);
        if mutants::is(site, Change::Spoiled) {
            let (load, store) = match ordering {
                Ordering::Acquire => (Ordering::Acquire, Ordering::Relaxed),
                Ordering::Release => (Ordering::Relaxed, Ordering::Release),
                Ordering::Relaxed => (Ordering::Relaxed, Ordering::Relaxed),
                _ => (Ordering::Acquire, Ordering::Release),
            };
            let (value, result) = from_load(self.word.load(load));
            self.word.store(value, store);
            self.latest.set(value);
            return result;
        }
        let result = whole(ordering);
        self.look();
        result
    }

    pub fn swap(&self, site: usize, value: u32, ordering: Ordering) -> u32 {
        let whole = |ordering| {
            let old = self.word.swap(value, ordering);
            self.latest.set(value);
            old
        };
        self.update(site, ordering, whole, |old| (value, old))
    }

    pub fn fetch_sub(&self, site: usize, value: u32, ordering: Ordering) -> u32 {
        let whole = |ordering| {
            let old = self.word.fetch_sub(value, ordering);
            self.latest.set(old.wrapping_sub(value));
            old
        };
        self.update(site, ordering, whole, |old| (old.wrapping_sub(value), old))
    }

    pub fn compare_exchange(
        &self,
        site: usize,
        current: u32,
        new: u32,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u32, u32> {
        self.look();
        let success = mutants::ordering(site, 0, success);
        let failure = mutants::ordering(site, 1, failure);
        if mutants::is(site, Change::Spoiled) {
            let found = self.word.load(failure);
            if found != current {
                return Err(found);
            }
            self.word.swap(new, success);
            self.latest.set(new);
            return Ok(found);
        }
        let result = self.word.compare_exchange(current, new, success, failure);
        self.look();
        if result.is_ok() {
            self.latest.set(new);
        }
        result
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Limit;

impl Limit {
    pub fn after(_: Duration) -> Limit {
        Limit
    }

    pub fn soon(_: Duration) -> Limit {
        Limit
    }

    pub fn has_passed(self) -> bool {
        TIME_IS_UP.get()
    }
}

pub fn spins() -> u32 {
    0
}

pub fn spin_loop() {
    thread::yield_now();
}

/// None where a run is strict: under loom a yield makes the holder go on, and nobody ever sleeps.
pub fn yields() -> u32 {
    if run::is_strict() { 0 } else { 1 }
}

pub fn yield_now() {
    thread::yield_now();
}

/// The latest value, or a wrong one. It may be too old by what comes next; a load of the checkers'
/// would multiply the orders that they have to try, for nothing that the compare-and-swap does not
/// set right.
pub fn guess(site: usize, word: &AtomicU32) -> u32 {
    word.look();
    if mutants::is(site, Change::Spoiled) { 0 } else { word.latest.get() }
}

fn sleep(site: usize, word: &AtomicU32, expected: u32, kinds: Kinds, has_limit: bool) -> Woken {
    word.look();
    // That the order of this and of changes of the word matters.
    word.read(Ordering::Relaxed);
    enter_kernel();
    if word.latest.get() != expected && !mutants::is(site, Change::Spoiled) {
        // The kernel has read the newer value for this thread, which cannot go on to see the older.
        thread::yield_now();
        return Woken::ByChange;
    }
    if has_limit && TIME_IS_UP.get() {
        return Woken::ByTimeout;
    }
    let state = Rc::new(Cell::new(None));
    let sleeper = Sleeper {
        word: word.as_ptr(),
        kinds: kinds.0,
        has_limit,
        state: state.clone(),
        thread: thread::current(),
    };
    SLEEPERS.with_borrow_mut(|sleepers| sleepers.push(sleeper));
    loop {
        if let Some(how) = state.get() {
            return how;
        }
        thread::park();
    }
}

pub fn wait(site: usize, word: &AtomicU32, expected: u32) {
    sleep(site, word, expected, Kinds::ALL, false);
}

pub fn wait_as(site: usize, word: &AtomicU32, expected: u32, kinds: Kinds) {
    sleep(site, word, expected, kinds, false);
}

pub fn wait_until(site: usize, word: &AtomicU32, expected: u32, limit: Option<Limit>) -> bool {
    sleep(site, word, expected, Kinds::ALL, limit.is_some()) != Woken::ByTimeout
}

pub fn wait_told(site: usize, word: &AtomicU32, expected: u32, _: Limit) -> Woken {
    sleep(site, word, expected, Kinds::ALL, true)
}

pub fn wake_one(site: usize, word: *const u32) {
    wake_as(site, word, 1, Kinds::ALL);
}

pub fn wake_all(site: usize, word: *const u32) {
    wake_as(site, word, u32::MAX, Kinds::ALL);
}

pub fn wake_as(site: usize, word: *const u32, count: u32, kinds: Kinds) {
    if mutants::is(site, Change::Spoiled) {
        return;
    }
    enter_kernel();
    wake_those(count, Woken::ByWake, |sleeper| {
        sleeper.word == word && sleeper.kinds & kinds.0 != 0
    });
}

/// A cell of which the checker knows who touches it.
pub struct Handed<T> {
    value: Cell<T>,
    watched: Watched,
}

impl<T: Copy> Handed<T> {
    pub fn new(value: T) -> Handed<T> {
        Handed { value: Cell::new(value), watched: Watched::new() }
    }

    pub fn get(&self) -> T {
        self.watched.read();
        self.value.get()
    }

    pub fn set(&self, value: T) {
        self.watched.write();
        self.value.set(value);
    }
}
