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

mod data;
mod list;

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};

use super::builder::Builder;
use super::control::{Before, Completion, Control};
use super::current::Thread;
use super::error::SpawnError;
use super::join::{self, JoinError};
use super::measure::{self, Stack};
pub use data::{Open, ScopeData, wait_for_own_scopes, wait_for_scopes_within};
pub use list::Link;

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
/// nobody knows what they were changing. Also if one of them was just being started, joined or
/// given up: the child has no list of them then, and starting another thread in the scope panics,
/// too.
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

#[cfg(feature = "test-seam")]
impl Scope<'_, '_> {
    pub(crate) fn data(&self) -> &ScopeData {
        &self.data
    }
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
        let mut scope = f.debug_struct("Scope");
        if let Some(threads) = self.data.count() {
            scope.field("threads", &threads);
        }
        scope.finish_non_exhaustive()
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
    #[track_caller] // As `JoinHandle::join`.
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
        if this.scope.forget(control) {
            // SAFETY: the thread is gone, and the list does not know it any more.
            unsafe { join::give_back(this.control) };
        }
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
