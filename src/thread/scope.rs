//! Threads that borrow: a scope does not end before they have.
//!
//! A scope keeps its threads in a list and owns their mappings; a handle that is joined takes its
//! thread out. What a handle and a thread decide by the completion word is here only who drops the
//! result. At its end the scope waits until the kernel has let go of every thread that is left,
//! then drops results that nobody took, of forgotten handles, and gives the mappings back.
//!
//! Who reaches a control block, and when:
//!
//! - its handle, up to the end of `join` or `drop`, which tells the list that it is done;
//! - the list, under its lock: entries whose handle is done, and at the scope's end, when all who
//!   could have a handle were threads of the scope and are gone, all of them. A result that nobody
//!   took may still have handles in it, so all results are dropped before any memory is given back;
//! - the thread, until the kernel clears its tid word.
//!
//! A thread that ended without a value stays in the list, joined or not. It may have stopped in the
//! middle of a change, and never runs the destructors that would have mended what it was lent. So a
//! scope that has lost one panics at its end: who lent to it does not go on either, nor who lent to
//! that one, up to a thread that has borrowed from nobody.
//!
//! The end of a scope may sleep on the tid word of a thread that another thread is joining: that is
//! why those who sleep there pass the kernel's one wake-up on.

mod list;

use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};

use super::builder::Builder;
use super::control::{Before, Completion, Control};
use super::current::{self, Thread};
use super::error::SpawnError;
use super::forked;
use super::join::{self, JoinError};
use super::measure::{self, Stack};
use super::record;
use crate::fork;
use crate::sync::Mutex;
pub use list::Link;
use list::{List, bury};

/// A scope in which threads may borrow what lives outside of it; [`scope`] makes one.
///
/// # Examples
/// ```
/// use threadbare::thread::{self, Scope};
///
/// fn count_in_background<'scope>(scope: &'scope Scope<'scope, '_>, text: &'scope str) {
///     scope.spawn(move || assert_eq!(text.split(' ').count(), 3));
/// }
/// thread::scope(|scope| count_in_background(scope, "one two three"));
/// ```
pub struct Scope<'scope, 'env: 'scope> {
    data: ScopeData,
    /// Invariant, as in `std`: a scope of one lifetime is none of another.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// What a scope knows of its threads.
pub struct ScopeData {
    list: Mutex<List>,
    /// The scope in which the same thread opened this one, null for none.
    outer: Cell<*const ScopeData>,
    /// In which process it was made, as `forked` counts them.
    generation: u32,
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
    pub(super) fn new() -> ScopeData {
        record::JOINTLY.set();
        ScopeData {
            list: Mutex::new(List::new()),
            outer: Cell::new(ptr::null()),
            generation: forked::generation(),
        }
    }

    /// Puts a thread into the list that is about to be started: were it the other way round, a
    /// signal handler that ends the spawner in between would leave a thread that no scope waits
    /// for.
    ///
    /// # Safety
    /// 1. Its memory is the scope's from now on, unless it is taken out, and its control block says
    ///    so.
    pub unsafe fn insert(&self, control: &Control) {
        let mut list = self.list.lock_raw();
        if list.count >= list.sweep_at {
            list.sweep(self.is_inherited());
        }
        list.insert(control);
    }

    /// Takes a thread out that its handle, or its spawner, disposes of.
    pub fn forget(&self, control: &Control) {
        self.list.lock_raw().remove(control);
    }

    /// Starts a thread that nobody has a handle of.
    ///
    /// # Safety
    /// 1. What `f` borrows, and this, live until `end` returns.
    pub(super) unsafe fn start(
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

    /// Whether the scope was opened by a process of which this is a child of `fork`.
    fn is_inherited(&self) -> bool {
        fork::heed();
        self.generation != forked::generation()
    }

    /// Says that no handle will ask for a thread, and whether it has ended. By raw pointer: whoever
    /// has the lock next may give the memory back.
    fn release(&self, control: NonNull<Control>, has_ended: bool) {
        let _list = self.list.lock_raw();
        // SAFETY: an entry is valid while it is in the list, which needs the lock to let it go.
        let link = unsafe { &control.as_ref().scope_link };
        link.has_ended.set(has_ended);
        link.is_released.set(true);
    }

    /// Gives back what can be given back at once; returns whether there was any.
    pub fn sweep(&self) -> bool {
        let is_inherited = self.is_inherited();
        self.list.lock_raw().sweep(is_inherited)
    }

    /// Waits until the kernel has let go of every thread.
    fn wait(&self) {
        loop {
            // Retained under the lock: a handle that is joined meanwhile gives the mapping's
            // reference up only after it has taken the entry out.
            let alive = self.list.lock_raw().any_alive().map(Thread::of);
            let Some(thread) = alive else { return };
            thread.record().wait_until_gone();
        }
    }

    /// Waits until the kernel has let go of every thread, and clears up; returns whether one ended
    /// without a value.
    pub(super) fn end(&self) -> bool {
        let mut has_lost = false;
        while let Some(next) = self.next_of_end() {
            match next {
                Next::Wait(thread) => thread.record().wait_until_gone(),
                // Without the lock: a result's destructor may use the scope, start threads, and
                // join others. The entry stays in the list for the same reason.
                // SAFETY: the thread is gone, and only its result itself could have its handle.
                Next::Discard(control) => unsafe { control.discard_result() },
                Next::Missing => {
                    panic!("a scope's threads are the parent's, and this is its child")
                }
                // SAFETY: all threads of the scope are gone, all results are dropped, and the
                // scope's own closure has returned: nobody is left who could use a handle.
                Next::Bury(control) => has_lost |= unsafe { bury(control) },
            }
        }
        has_lost | self.list.lock_raw().has_lost
    }

    fn next_of_end(&self) -> Option<Next> {
        let mut list = self.list.lock_raw();
        // Retained under the lock, as in `wait`.
        if let Some(record) = list.any_alive() {
            return Some(Next::Wait(Thread::of(record)));
        }
        if let Some(control) = list.any_with_result() {
            return Some(Next::Discard(control));
        }
        // SAFETY: an entry is valid while it is in the list, and after that until it is buried.
        let first = unsafe { list.first.as_ref() }?;
        if self.generation != forked::generation() && !first.completion.is_complete() {
            return Some(Next::Missing);
        }
        list.remove(first);
        Some(Next::Bury(NonNull::from(first)))
    }
}

/// Keeps account of the calling thread's scopes: while one is open, other threads may borrow the
/// thread's thread-locals, and `process::exit` leaves them alone.
pub(super) struct Open(Option<&'static Control>);

impl Open {
    pub(super) fn new(scope: &ScopeData) -> Open {
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

/// Runs `f` with a scope in which threads may borrow from outside of it, and returns when all of
/// them are gone.
///
/// As `std::thread::scope`. What is more: when it returns, the kernel has let go of every thread of
/// the scope, even of those whose handles were dropped or forgotten; their closures, results and
/// thread-locals are dropped before.
///
/// # Blocking
/// Until every thread of the scope has ended.
///
/// # Panics
/// If a thread of the scope ended without a value, by [`exit`](super::exit) or a panic, joined or
/// not: what it was lent it may have left half changed, a vector in the middle of a sort with an
/// element twice. So nobody goes on with that. Where panics
/// [end threads](super::PanicPolicy::EndThread), this one ends a thread, too, and if that was of a
/// scope, the scope panics in its turn.
///
/// In a child of `fork` that leaves a scope which its parent opened, if threads of it are missing:
/// nobody knows what they were changing.
///
/// # Examples
/// ```
/// use threadbare::thread;
///
/// let mut numbers = [1, 2, 3, 4];
/// let (low, high) = numbers.split_at_mut(2);
/// let sum = thread::scope(|scope| {
///     scope.spawn(|| low.iter_mut().for_each(|n| *n *= 10));
///     let high = scope.spawn(|| high.iter().sum::<u32>());
///     high.join().unwrap()
/// });
/// assert_eq!((sum, numbers), (7, [10, 20, 3, 4]));
/// ```
///
/// What a thread borrows must outlive the scope:
/// ```compile_fail,E0373
/// threadbare::thread::scope(|scope| {
///     let own = 1;
///     scope.spawn(|| own + 1);
/// });
/// ```
/// and cannot be used meanwhile, if the thread may change it:
/// ```compile_fail,E0502
/// let mut shared = 1;
/// threadbare::thread::scope(|scope| {
///     scope.spawn(|| shared += 1);
///     threadbare::println!("{shared}");
/// });
/// ```
/// A handle does not leave its scope:
/// ```compile_fail
/// let handle = threadbare::thread::scope(|scope| scope.spawn(|| 1));
/// ```
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope {
        data: ScopeData::new(),
        scope: PhantomData,
        env: PhantomData,
    };
    let open = Open::new(&scope.data);
    // Should this thread end in `f`, its stack stays as it is, and its scope for ever open;
    // `wait_for_own_scopes` then sees to what the scope's threads borrow from beyond it.
    let result = f(&scope);
    let has_lost = scope.data.end();
    drop(open);
    if has_lost {
        panic!("a scoped thread ended without a value");
    }
    result
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a thread in this scope, with the default stack and no name.
    ///
    /// # Panics
    /// If it cannot be started; [`Builder::spawn_scoped`] returns the reason instead.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread;
    ///
    /// let text = [c"first", c"second"];
    /// let lengths = thread::scope(|scope| {
    ///     let counters = text.map(|line| scope.spawn(move || line.count_bytes()));
    ///     counters.map(|counter| counter.join().unwrap())
    /// });
    /// assert_eq!(lengths, [5, 6]);
    /// ```
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        match Builder::new().spawn_scoped(self, f) {
            Ok(handle) => handle,
            Err(error) => panic!("failed to spawn a thread: {error}"),
        }
    }
}

impl Builder {
    /// Starts a thread in a scope, with what this builder says.
    ///
    /// # Errors
    /// [`SpawnError`]; `f` is dropped then.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::{self, Builder};
    ///
    /// let text = "abc";
    /// let length = thread::scope(|scope| {
    ///     let counter = Builder::new().name("counter").spawn_scoped(scope, || text.len())?;
    ///     Ok::<_, thread::SpawnError>(counter.join().unwrap())
    /// });
    /// assert_eq!(length, Ok(3));
    /// ```
    pub fn spawn_scoped<'scope, F, T>(
        self,
        scope: &'scope Scope<'scope, '_>,
        f: F,
    ) -> Result<ScopedJoinHandle<'scope, T>, SpawnError>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        // SAFETY: the scope waits for the thread before what `f` borrows can end.
        let (control, thread) = unsafe { self.start(f, &raw const scope.data) }?;
        Ok(ScopedJoinHandle {
            control,
            thread,
            scope: &scope.data,
            result: PhantomData,
        })
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = self.data.list.lock_raw().count;
        f.debug_struct("Scope")
            .field("threads", &threads)
            .finish_non_exhaustive()
    }
}

/// The right to wait for a thread of a scope and to take what its closure returned.
///
/// Dropping it leaves the waiting to the scope.
///
/// # Examples
/// ```
/// use threadbare::thread;
///
/// let answer = 42;
/// thread::scope(|scope| {
///     let handle = scope.spawn(|| answer + 1);
///     threadbare::println!("{:?} counts", handle.thread().id());
///     threadbare::println!("on {} bytes of stack", handle.stack().size());
///     while !handle.is_finished() {
///         thread::yield_now();
///     }
///     assert_eq!(handle.join(), Ok(43));
/// });
/// ```
pub struct ScopedJoinHandle<'scope, T> {
    /// Valid until the scope is told that this handle is done.
    control: NonNull<Control>,
    thread: Thread,
    scope: &'scope ScopeData,
    result: PhantomData<T>,
}

// SAFETY: as for `JoinHandle`; the scope's list has a lock.
unsafe impl<T: Send> Send for ScopedJoinHandle<'_, T> {}
// SAFETY: likewise.
unsafe impl<T> Sync for ScopedJoinHandle<'_, T> {}

impl<T> ScopedJoinHandle<'_, T> {
    fn control(&self) -> &Control {
        // SAFETY: while the handle exists the scope leaves the mapping alone.
        unsafe { self.control.as_ref() }
    }

    /// Waits for the thread to end and returns what its closure returned.
    ///
    /// # Blocking
    /// Until the thread is gone from the kernel.
    ///
    /// # Panics
    /// If a thread joins itself.
    ///
    /// # Errors
    /// [`JoinError`] when the thread ended without a value. That is for what can still be done
    /// within the scope, which panics at its end: [`scope`] says why.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread;
    /// let joined = thread::scope(|scope| scope.spawn(|| 6 * 7).join());
    /// assert_eq!(joined, Ok(42));
    /// ```
    pub fn join(self) -> Result<T, JoinError> {
        let this = ManuallyDrop::new(self);
        join::assert_not_own(this.control);
        // SAFETY: `this` is never dropped, so its field is moved out once.
        let _thread = unsafe { ptr::read(&this.thread) };
        let control = this.control();
        control.record.wait_until_gone();
        // SAFETY: the thread is gone, and its result is this handle's.
        let result = unsafe { join::take_result(control) };
        if result.is_err() {
            // It stays in the list, for the scope's end to find it.
            this.scope.release(this.control, false);
            return result;
        }
        this.scope.forget(control);
        // SAFETY: the thread is gone, and the list does not know it any more.
        unsafe { join::give_back(this.control) };
        result
    }

    /// Returns the thread's identity.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Returns whether the thread's closure has returned and its thread-locals are destroyed, so
    /// that `join` would hardly block.
    pub fn is_finished(&self) -> bool {
        self.control().completion.is_complete()
    }

    /// Returns where the thread's stack is, as [`JoinHandle::stack`](super::JoinHandle::stack).
    pub fn stack(&self) -> Stack {
        measure::stack_of(self.control())
    }
}

impl<T> Drop for ScopedJoinHandle<'_, T> {
    fn drop(&mut self) {
        let control = self.control();
        // SAFETY: our side is undecided, and the mapping stays until the scope is told below.
        let before = unsafe { Completion::detach(&raw const control.completion) };
        if before == Before::Decided {
            // SAFETY: the thread swapped first and left its result, if there is one, to us.
            unsafe { control.discard_result() };
        }
        self.scope.release(self.control, before == Before::Decided);
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle")
            .field("thread", &self.thread)
            .finish_non_exhaustive()
    }
}
