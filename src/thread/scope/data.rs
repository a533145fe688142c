//! What a scope knows of its threads, what it does at its end, and which scopes a thread has open.

use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU32, Ordering};

use super::ScopedJoinHandle;
use super::list::{List, bury};
use crate::fork;
use crate::sync::{self, Mutex, MutexGuard};
use crate::thread::builder::Builder;
use crate::thread::control::Control;
use crate::thread::current::{self, Thread};
use crate::thread::error::SpawnError;
use crate::thread::record;

/// What a scope knows of its threads.
pub struct ScopeData {
    list: Mutex<List>,
    /// The scope in which the same thread opened this one, null for none.
    outer: Cell<*const ScopeData>,
    /// In which process it was made, as `fork` counts them.
    generation: u32,
    /// The newest process in which somebody looked whether the list is lost, times 2, and 1 if it
    /// is: a thread that stayed in a parent had its lock.
    looked: AtomicU32,
}

// SAFETY: the list has a lock; `outer` is only for the thread that opened the scope.
unsafe impl Sync for ScopeData {}

/// What the end of a scope has to do next.
enum Next {
    Wait(Thread),
    Discard(&'static Control),
    /// It was stopped anywhere, and with it whatever it was changing: it is not in this process.
    Missing,
    Bury(NonNull<Control>),
}

impl ScopeData {
    pub fn new() -> ScopeData {
        record::JOINTLY.set();
        fork::heed();
        let generation = fork::generation();
        ScopeData {
            list: Mutex::new(List::new()),
            outer: Cell::new(ptr::null()),
            generation,
            looked: AtomicU32::new(generation << 1),
        }
    }

    /// Whether the scope was opened by a process of which this is a child of `fork`.
    fn is_inherited(&self) -> bool {
        fork::heed();
        self.generation != fork::generation()
    }

    /// Takes the list's lock; `None` where the list is lost.
    fn lock(&self) -> Option<MutexGuard<'_, List>> {
        (!self.is_inherited() || !self.is_lost()).then(|| self.list.lock_raw())
    }

    /// Whether a thread that stayed in a parent had the lock. It has it for ever then, and the list
    /// may be half changed.
    ///
    /// Nobody takes the lock in a process before somebody there has looked. Who found it taken by a
    /// thread that was faster comes too late to say so.
    ///
    /// # Ordering
    /// Release and Acquire, for whoever takes the lock comes after all that have looked.
    #[cold]
    fn is_lost(&self) -> bool {
        let now = fork::generation() << 1;
        let seen = self.looked.load(Ordering::Acquire);
        if seen & !1 == now {
            return seen & 1 != 0;
        }
        let found = now | seen & 1 | u32::from(sync::is_locked(&self.list));
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let looked = self.looked.compare_exchange(seen, found, success, failure);
        looked.map_or_else(|first| first, |_| found) & 1 != 0
    }

    /// Puts a thread into the list that is about to be started: were it the other way round, a
    /// signal handler that ends the spawner in between would leave a thread that no scope waits
    /// for.
    ///
    /// # Safety
    /// 1. Its memory is the scope's from now on, unless it is taken out, and its control block says
    ///    so.
    pub unsafe fn insert(&self, control: &Control) {
        let Some(mut list) = self.lock() else {
            die_in_child();
        };
        if list.count >= list.sweep_at {
            list.sweep(self.is_inherited());
        }
        list.insert(control);
    }

    /// Takes a thread out that its handle, or its spawner, disposes of; returns false where the
    /// list is lost, in which others may still find it.
    pub fn forget(&self, control: &Control) -> bool {
        let list = self.lock();
        let is_there = list.is_some();
        if let Some(mut list) = list {
            list.remove(control);
        }
        is_there
    }

    /// Starts a thread that nobody has a handle of.
    ///
    /// # Safety
    /// 1. What `f` borrows, and this, live until `end` returns.
    pub unsafe fn start(
        &self,
        builder: Builder,
        f: impl FnOnce() + Send,
    ) -> Result<(), SpawnError> {
        // SAFETY: clause 1.
        let (control, thread) = unsafe { builder.start(f, self) }?;
        drop(ScopedJoinHandle::<()> {
            control,
            thread,
            scope: self,
            result: PhantomData,
        });
        Ok(())
    }

    /// Says that no handle will ask for a thread, and whether it has ended. By raw pointer: whoever
    /// has the lock next may give the memory back.
    pub fn release(&self, control: NonNull<Control>, has_ended: bool) {
        let Some(_list) = self.lock() else { return };
        // SAFETY: an entry is valid while it is in the list, which needs the lock to let it go.
        let link = unsafe { &control.as_ref().scope_link };
        link.has_ended.set(has_ended);
        link.is_released.set(true);
    }

    /// Gives back what can be given back at once; returns whether there was any.
    pub fn sweep(&self) -> bool {
        let is_inherited = self.is_inherited();
        self.lock().is_some_and(|mut list| list.sweep(is_inherited))
    }

    /// How many threads it has that were not joined, nor swept.
    pub fn count(&self) -> Option<usize> {
        self.lock().map(|list| list.count)
    }

    /// Runs `f` with the list locked, for tests.
    #[cfg(feature = "test-seam")]
    pub fn with_list<R>(&self, f: impl FnOnce() -> R) -> R {
        let _list = self.lock();
        f()
    }

    /// Waits until the kernel has let go of every thread.
    fn wait(&self) {
        loop {
            // Retained under the lock: a handle that is joined meanwhile gives the mapping's
            // reference up only after it has taken the entry out.
            let alive = self
                .lock()
                .and_then(|list| list.any_alive().map(Thread::of));
            let Some(thread) = alive else { return };
            thread.record().wait_until_gone();
        }
    }

    /// Waits until the kernel has let go of every thread, and clears up; returns whether one ended
    /// without a value.
    pub fn end(&self) -> bool {
        let mut has_lost = false;
        while let Some(next) = self.next_of_end() {
            match next {
                Next::Wait(thread) => thread.record().wait_until_gone(),
                // Without the lock: a result's destructor may use the scope, start threads, and
                // join others. The entry stays in the list for the same reason.
                // SAFETY: the thread is gone, and only its result itself could have its handle.
                Next::Discard(control) => unsafe { control.discard_result() },
                Next::Missing => die_in_child(),
                // SAFETY: all threads of the scope are gone, all results are dropped, and the
                // scope's own closure has returned: nobody is left who could use a handle.
                Next::Bury(control) => has_lost |= unsafe { bury(control) },
            }
        }
        has_lost || self.lock().is_none_or(|list| list.has_lost)
    }

    fn next_of_end(&self) -> Option<Next> {
        let Some(mut list) = self.lock() else {
            return Some(Next::Missing);
        };
        // Retained under the lock, as in `wait`.
        if let Some(record) = list.any_alive() {
            return Some(Next::Wait(Thread::of(record)));
        }
        // Before anything is dropped: they may have been on their way to their result.
        if self.is_inherited() && list.any_unfinished() {
            return Some(Next::Missing);
        }
        if let Some(control) = list.any_with_result() {
            return Some(Next::Discard(control));
        }
        // SAFETY: an entry is valid while it is in the list, and after that until it is buried.
        let first = unsafe { list.first.as_ref() }?;
        list.remove(first);
        Some(Next::Bury(NonNull::from(first)))
    }
}

/// A scope does not go on whose threads only the parent has, or may have.
#[cold]
fn die_in_child() -> ! {
    panic!("a scope's threads are the parent's, and this is its child")
}

/// Keeps account of the calling thread's scopes: while one is open, other threads may borrow the
/// thread's thread-locals, and `process::exit` leaves them alone.
pub struct Open(Option<&'static Control>);

impl Open {
    pub fn new(scope: &ScopeData) -> Open {
        let control = current::control();
        if let Some(control) = control {
            scope.outer.set(control.innermost_scope.replace(scope));
        }
        Open(control)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(control) = self.0 {
            // SAFETY: the innermost scope is the one that this value is of, which still lives.
            let outer = unsafe { (*control.innermost_scope.get()).outer.get() };
            control.innermost_scope.set(outer);
        }
    }
}

/// Waits for the threads of all scopes that the calling thread has open, because it ends in them.
///
/// What they borrow from its own stack stays; but it may have borrowed from elsewhere what they
/// use, if it is of a scope itself, and that scope may end when it is gone.
pub fn wait_for_own_scopes(control: &Control) {
    if !control.scope.is_null() {
        wait_for_scopes_within(control, ptr::null());
    }
}

/// Likewise for those that it has opened within `outer`, innermost first; null for all. They are
/// its open scopes no more then. Whether or not it is of a scope itself: others may wait for what
/// it has under way.
pub fn wait_for_scopes_within(control: &Control, outer: *const ScopeData) {
    while !ptr::eq(control.innermost_scope.get(), outer)
        // SAFETY: a scope lives as long as it is open.
        && let Some(scope) = unsafe { control.innermost_scope.get().as_ref() }
    {
        scope.wait();
        control.innermost_scope.set(scope.outer.get());
    }
}
