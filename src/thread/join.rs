//! The handle's side of a thread's end: `join`, `detach`.

use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use super::cache::{self, Tenancy};
use super::control::{Before, Completion, Control};
use super::current::{self, Thread};

/// The right to wait for a thread and to take what its closure returned.
///
/// Dropping the handle detaches the thread.
///
/// # Examples
/// ```
/// use threadbare::thread;
///
/// let handle = thread::spawn(|| 6 * 7);
/// threadbare::println!("{:?} is at it", handle.thread().id());
/// if !handle.is_finished() {
///     thread::yield_now();
/// }
/// assert_eq!(handle.join(), Ok(42));
///
/// // Nobody waits for this one.
/// thread::spawn(|| threadbare::println!("on my own")).detach();
/// ```
pub struct JoinHandle<T> {
    /// Valid until this handle's side of the completion is decided, and after it if the mapping
    /// came to us.
    control: NonNull<Control>,
    thread: Thread,
    result: PhantomData<T>,
}

// SAFETY: the handle stands for the `T` that `join` moves to its caller; the completion word
// orders everything else.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: a shared handle gives out only the `Thread` and atomic reads.
unsafe impl<T> Sync for JoinHandle<T> {}

/// The thread ended without a value: by [`exit`](super::exit), not by returning from its closure.
///
/// # Examples
/// ```
/// use threadbare::thread;
///
/// let handle = thread::spawn(|| thread::exit());
/// if let Err(error) = handle.join() {
///     threadbare::println!("no result: {error}");
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinError(());

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the thread ended by thread::exit, without a value")
    }
}

impl core::error::Error for JoinError {}

impl<T> JoinHandle<T> {
    /// Makes the handle of a thread that was just started.
    ///
    /// # Safety
    /// 1. `control` is the new thread's; its completion is this handle's to decide, and its payload
    ///    becomes a `T`.
    pub(super) unsafe fn new(control: NonNull<Control>, thread: Thread) -> JoinHandle<T> {
        JoinHandle {
            control,
            thread,
            result: PhantomData,
        }
    }

    fn control(&self) -> &Control {
        // SAFETY: while the handle exists its side is undecided, so the mapping stays.
        unsafe { self.control.as_ref() }
    }

    /// Waits for the thread to end and returns what its closure returned.
    ///
    /// The thread's memory is unmapped, or kept for the next thread, when this returns.
    ///
    /// # Blocking
    /// Until the thread is gone from the kernel, which is shortly after its closure returned and
    /// its thread-locals were destroyed.
    ///
    /// # Panics
    /// If a thread joins itself.
    ///
    /// # Errors
    /// [`JoinError`] when the thread ended by [`exit`](super::exit).
    ///
    /// # Kernel
    /// A shared futex wait on the word that `CLONE_CHILD_CLEARTID` names; none if it is clear.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread;
    /// let handle = thread::spawn(|| 6 * 7);
    /// assert_eq!(handle.join().unwrap(), 42);
    /// ```
    pub fn join(self) -> Result<T, JoinError> {
        if current::control().is_some_and(|own| core::ptr::eq(own, self.control.as_ptr())) {
            panic!("a thread cannot join itself");
        }
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is never dropped, so its field is moved out once.
        let thread = unsafe { core::ptr::read(&this.thread) };
        let control = this.control();
        // This handle is the one sleeper on the word.
        control.record.wait_until_gone();
        // The thread swaps before it leaves. Acquire here is what makes the result readable.
        if !control.completion.is_complete() {
            crate::fatal::fatal("a thread left the kernel without having ended");
        }
        drop(thread);
        if !control.has_result.replace(false) {
            // Ended by `exit`: for memory the thread is parked for ever, and its mapping with it.
            return Err(JoinError(()));
        }
        // SAFETY: the payload holds a `T` (`new`, clause 1), which the flag says was not taken yet.
        let result = unsafe { control.payload.cast::<T>().read() };
        // SAFETY: the thread is gone, so the mapping is ours; `control` is not used after this.
        unsafe { give_back(this.control) };
        Ok(result)
    }

    /// Lets the thread run on alone: it gives its own memory back when its closure has returned.
    ///
    /// The same as dropping the handle.
    pub fn detach(self) {}

    /// Returns the thread's identity.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Returns whether the thread's closure has returned and its thread-locals are destroyed, so
    /// that `join` would hardly block.
    pub fn is_finished(&self) -> bool {
        self.control().completion.is_complete()
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        // SAFETY: our side was undecided, so the mapping is there; raw, as it may be gone right
        // after the swap.
        let before = unsafe { Completion::detach(&raw const (*self.control.as_ptr()).completion) };
        if before == Before::Undecided {
            return; // The thread will see it; its mapping may be gone any moment now.
        }
        // The thread came first, so all is ours; it may still be on its way out of the kernel.
        let control = self.control();
        let is_parked_for_ever = !control.has_result.get();
        if is_parked_for_ever {
            return;
        }
        // SAFETY: the completion was decided in our favour.
        unsafe { control.discard_result() };
        // SAFETY: the mapping is ours, `control` is not used after this.
        unsafe { give_back(self.control) };
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle")
            .field("thread", &self.thread)
            .finish_non_exhaustive()
    }
}

/// Gives a mapping, by its control block, to the cache, or unmaps it when its tenant is gone.
///
/// # Safety
/// 1. The caller owns the mapping and everything in it that had to be dropped was.
/// 2. Nobody uses `control` after this.
pub(super) unsafe fn give_back(control: NonNull<Control>) {
    // SAFETY: clause 1: the mapping is still there.
    let control = unsafe { control.as_ref() };
    let tenancy = Tenancy {
        mapping: control.mapping,
        record: control.record,
    };
    // SAFETY: clause 1.
    if let Err(tenancy) = unsafe { cache::keep(tenancy) } {
        // SAFETY: clauses 1 and 2.
        unsafe { tenancy.unmap() };
    }
}
