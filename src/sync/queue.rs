//! Who waits for condition variables, and who was notified and waits for a mutex.
//!
//! A condition variable has 4 bytes and cannot name the mutex that its waiters will want. So a
//! waiter brings a node on its own stack, which names both, and queues it here. A notification
//! takes the first node: if the mutex is held, the node is queued for it, and its holder wakes the
//! waiter when it unlocks; if not, the waiter is woken at once. So no one wakes up into a lock that
//! is held, and a notification wakes exactly one thread that was waiting when it came.
//!
//! # Who may touch what, and when
//! 1. A node is queued by its thread and lives until `word` says `NOTIFIED`, or until its thread
//!    has taken it out of the condition variable's queue itself, when time is up.
//! 2. `CONDVARS` are locked before `MUTEXES`, never two of one kind.
//! 3. A mutex that a node names is alive while the node is in the condition variable's queue and
//!    the bucket is locked: its thread is still inside `wait`.
//! 4. After the store of `NOTIFIED`, and after the unlocking store of a mutex, only addresses are
//!    used. The buckets themselves are static.
//!
//! # Ordering
//! The buckets' locks order the queues. `NOTIFIED` is Release and is read with Acquire: the waiter
//! ends the node's life, after all that others did to it.

use core::cell::UnsafeCell;
use core::ptr;

use super::primitive::{self, AtomicU32, BUCKETS, Handed, Limit, Ordering};
use super::raw_mutex::RawMutex;

/// The thread waits.
const WAITING: u32 = 0;
/// The thread goes on, and its node is its own again.
const NOTIFIED: u32 = 1;

/// A thread in a queue.
pub(super) struct Node {
    next: Handed<*const Node>,
    /// The condition variable's address.
    condvar: *const u32,
    mutex: *const RawMutex,
    /// Whether a notification has taken the node out of the condition variable's queue; guarded by
    /// the bucket there.
    is_taken: Handed<bool>,
    word: AtomicU32,
}

impl Node {
    pub(super) fn new(condvar: *const u32, mutex: *const RawMutex) -> Node {
        Node {
            next: Handed::new(ptr::null()),
            condvar,
            mutex,
            is_taken: Handed::new(false),
            word: AtomicU32::new(WAITING),
        }
    }

    /// Sleeps until notified or until the limit; returns whether notified.
    pub(super) fn sleep(&self, limit: Option<Limit>) -> bool {
        loop {
            if self.word.load(Ordering::Acquire) == NOTIFIED {
                debug_assert!(self.is_taken.get(), "nobody else makes it so");
                return true;
            }
            if !primitive::wait_until(&self.word, WAITING, limit) {
                return false;
            }
        }
    }
}

/// Lets the node's thread go on.
///
/// # Safety
/// 1. The node is in no queue, and the caller took it out.
unsafe fn notify(node: *const Node) {
    // SAFETY: clause 1: the thread waits for this very store.
    let word = unsafe { &(*node).word };
    let address = word.as_ptr();
    word.store(NOTIFIED, Ordering::Release);
    primitive::wake_one(address);
}

/// Some queues, by hash of what is waited for; first come, first served.
pub(super) struct Bucket {
    lock: RawMutex,
    nodes: UnsafeCell<Nodes>,
}

// SAFETY: the lock guards the nodes, which belong to no thread while they are queued.
unsafe impl Sync for Bucket {}
// SAFETY: likewise.
unsafe impl Send for Bucket {}

primitive::shared! {
    static CONDVARS: [Bucket; BUCKETS];
    static MUTEXES: [Bucket; BUCKETS];
}

impl Bucket {
    const fn new() -> Bucket {
        Bucket {
            lock: RawMutex::new(),
            nodes: UnsafeCell::new(Nodes::new()),
        }
    }

    /// Runs `f` on the bucket's nodes, with the lock held.
    fn with<R>(&self, f: impl FnOnce(&mut Nodes) -> R) -> R {
        primitive::heed_fork();
        self.lock.lock();
        // SAFETY: the lock is held.
        let result = f(unsafe { &mut *self.nodes.get() });
        // SAFETY: it was taken above. Nothing in this module panics.
        unsafe { self.lock.unlock() };
        result
    }
}

/// A list of nodes, which all live: see the module, 1.
struct Nodes {
    first: *const Node,
    last: *const Node,
}

impl Nodes {
    const fn new() -> Nodes {
        Nodes {
            first: ptr::null(),
            last: ptr::null(),
        }
    }

    fn push(&mut self, node: *const Node) {
        // SAFETY: it lives, as every node in the list does.
        unsafe { (*node).next.set(ptr::null()) };
        // SAFETY: likewise.
        match unsafe { self.last.as_ref() } {
            Some(last) => last.next.set(node),
            None => self.first = node,
        }
        self.last = node;
    }

    /// Takes the first node out that `is_wanted`.
    fn take(&mut self, is_wanted: impl Fn(&Node) -> bool) -> Option<*const Node> {
        let mut before = ptr::null::<Node>();
        let mut at = self.first;
        // SAFETY: nodes in the list live.
        while let Some(node) = unsafe { at.as_ref() } {
            let next = node.next.get();
            if is_wanted(node) {
                // SAFETY: likewise.
                match unsafe { before.as_ref() } {
                    Some(before) => before.next.set(next),
                    None => self.first = next,
                }
                if next.is_null() {
                    self.last = before;
                }
                return Some(at);
            }
            (before, at) = (at, next);
        }
        None
    }

    fn has(&self, is_wanted: impl Fn(&Node) -> bool) -> bool {
        let mut at = self.first;
        // SAFETY: nodes in the list live.
        while let Some(node) = unsafe { at.as_ref() } {
            if is_wanted(node) {
                return true;
            }
            at = node.next.get();
        }
        false
    }
}

/// The bucket of an address: the upper bits of a product with 2^32 divided by the golden ratio
/// (Knuth, volume 3, 6.4), so that neighbours come into different ones.
fn index(address: *const u32) -> usize {
    let hash = (address.addr() as u32 >> 2).wrapping_mul(0x9e37_79b9);
    (hash >> 16) as usize % BUCKETS
}

/// Counts waiters; the condition variable's bucket is locked, so that nobody else does.
fn add(waiters: &AtomicU32, difference: i32) {
    let count = waiters.load(Ordering::Relaxed);
    waiters.store(count.wrapping_add_signed(difference), Ordering::Relaxed);
}

/// Queues a node for its condition variable, whose word counts the waiters.
///
/// # Safety
/// 1. The node stays where it is until [`Node::sleep`] says that it was notified, or [`cancel`]
///    that it was not.
pub(super) unsafe fn wait(node: &Node, waiters: &AtomicU32) {
    primitive::note_queues();
    CONDVARS[index(node.condvar)].with(|nodes| {
        nodes.push(node);
        add(waiters, 1);
    });
}

/// Takes a node whose time is up out of the queue; returns false if a notification has it.
pub(super) fn cancel(node: &Node, waiters: &AtomicU32) -> bool {
    CONDVARS[index(node.condvar)].with(|nodes| {
        if node.is_taken.get() {
            return false;
        }
        add(waiters, -1);
        nodes.take(|other| ptr::eq(other, node)).is_some()
    })
}

/// Notifies the first `count` waiters of a condition variable.
pub(super) fn notify_waiters(waiters: &AtomicU32, count: u32) {
    let condvar = waiters.as_ptr().cast_const();
    let mut awake = Nodes::new();
    CONDVARS[index(condvar)].with(|nodes| {
        for _ in 0..count {
            let Some(node) = nodes.take(|node| node.condvar == condvar) else {
                return;
            };
            add(waiters, -1);
            // SAFETY: it was in the queue, whose bucket is locked.
            let taken = unsafe { &*node };
            taken.is_taken.set(true);
            // SAFETY: likewise; see the module, 3.
            if !unsafe { defer(node, &*taken.mutex) } {
                awake.push(node);
            }
        }
    });
    while let Some(node) = awake.take(|_| true) {
        // SAFETY: it was taken out of both queues.
        unsafe { notify(node) };
    }
}

/// Queues a notified node for its mutex, if that is held.
///
/// # Safety
/// 1. The mutex is the node's and alive, and the node lives until it is notified.
unsafe fn defer(node: *const Node, mutex: &RawMutex) -> bool {
    MUTEXES[index(ptr::from_ref(mutex).cast())].with(|nodes| {
        let is_deferred = mutex.defer();
        if is_deferred {
            nodes.push(node);
        }
        is_deferred
    })
}

/// Unlocks a mutex that has a queue, and wakes the first in it; returns whether one of the mutex's
/// own waiters must be woken. The mutex's word is `seen`, or not.
///
/// # Safety
/// 1. The caller holds the mutex, and gives it up.
pub(super) unsafe fn release(mutex: &RawMutex, mut seen: u32) -> bool {
    let address = ptr::from_ref(mutex);
    let is_for_it = |node: &Node| ptr::eq(node.mutex, address);
    let (node, is_owed_a_wake) = MUTEXES[index(address.cast())].with(|nodes| {
        let node = nodes.take(is_for_it);
        let is_more = nodes.has(is_for_it);
        loop {
            match mutex.free(seen, is_more) {
                Ok(is_owed_a_wake) => return (node, is_owed_a_wake),
                Err(now) => seen = now,
            }
        }
    });
    if let Some(node) = node {
        // SAFETY: it was taken out of the queue.
        unsafe { notify(node) };
    }
    is_owed_a_wake
}

/// Empties and unlocks all queues, in a child of `fork`: those who are in them are not here.
///
/// # Safety
/// 1. The calling thread is the only one of the process, and not in this module.
pub(super) unsafe fn forget() {
    for index in 0..BUCKETS {
        for bucket in [&CONDVARS[index], &MUTEXES[index]] {
            // SAFETY: clause 1: nobody else looks.
            unsafe {
                bucket.lock.forget(false);
                *bucket.nodes.get() = Nodes::new();
            }
        }
    }
}
