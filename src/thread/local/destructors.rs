//! The list of a thread's values that have drop glue, the newest first.
//!
//! Each value brings its own node, in TLS like the value itself, so that registering takes no
//! memory and cannot fail. The list's head is a word of TLS too.
//!
//! The order is that of `std` on glibc: what was registered last is destroyed first, and the list
//! is asked again after each destructor, which may have registered more. A value is registered once
//! in a thread's life, so the list ends.

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering, compiler_fence};

/// What destroys the value that a node belongs to.
///
/// # Safety
/// 1. The node is the one that was registered with it; the thread is the same; it is called once.
pub type Destroy = unsafe fn(*const Node);

/// A value's place in the list: all zero until it is registered.
#[derive(Debug)]
pub struct Node {
    next: Cell<*const Node>,
    destroy: Cell<Option<Destroy>>,
}

impl Node {
    /// A node that is in no list.
    pub const fn new() -> Node {
        Node {
            next: Cell::new(ptr::null()),
            destroy: Cell::new(None),
        }
    }
}

/// Whether a thread registered a value. Each thread finds its own there.
static REGISTERED: AtomicBool = AtomicBool::new(false);

/// The newest node of the calling thread.
struct Head(Cell<*const Node>);

// SAFETY: each thread has a copy, which no other thread reaches.
unsafe impl Sync for Head {}

fn head() -> &'static Head {
    let head = crate::__thread_copy!(".tbss" HEAD: Head = Head(Cell::new(ptr::null())));
    // SAFETY: the copy lives as long as the thread, and the reference does not leave this file.
    unsafe { &*head }
}

/// Puts a node at the head of the calling thread's list.
///
/// In a thread that this crate did not start nobody ever runs the list.
///
/// # Safety
/// 1. The node lies in this thread's TLS and is in no list.
/// 2. `destroy` may be called with it when no code of the thread uses the value any more.
pub unsafe fn register(node: *const Node, destroy: Destroy) {
    // SAFETY: clause 1.
    let new = unsafe { &*node };
    let head = head();
    // Relaxed: it is this very thread that has to find it. First: a signal handler that ends the
    // process finds what is in the list.
    REGISTERED.store(true, Ordering::Relaxed);
    compiler_fence(Ordering::Release);
    new.next.set(head.0.get());
    new.destroy.set(Some(destroy));
    head.0.set(node);
}

/// Destroys the calling thread's values, the newest first, until none is left.
///
/// # Safety
/// 1. No code of the thread goes on that uses one of the values.
pub unsafe fn run() {
    if !REGISTERED.load(Ordering::Relaxed) {
        return;
    }
    let head = head();
    // SAFETY: a node in the list lies in this thread's TLS (`register`, clause 1).
    while let Some(node) = unsafe { head.0.get().as_ref() } {
        // First out of the list: the destructor may register others, or end the process.
        head.0.set(node.next.get());
        if let Some(destroy) = node.destroy.get() {
            // SAFETY: clause 1, and `register`'s clause 2; the node is in the list no more.
            unsafe { destroy(node) };
        }
    }
}
