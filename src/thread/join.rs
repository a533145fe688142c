//! The handle's side of a thread's end: `join`, `detach`.

use core::fmt;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::NonNull;

use super::cache::{self, Tenancy};
use super::control::{Before, Completion, Control, Origin, may_be_detached};
use super::current::{self, Thread};
use super::measure::{self, Stack};
use crate::fork;

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

// SAFETY: the handle stands for the `T` that `join` moves to its caller, which was `Send` when the
// thread was started; the completion word orders everything else.
unsafe impl<T> Send for JoinHandle<T> {}
// SAFETY: a shared handle gives out only the `Thread` and atomic reads.
unsafe impl<T> Sync for JoinHandle<T> {}

/// The thread ended without a value: by [`exit`](super::exit) or by a panic, not by returning from
/// its closure.
///
/// A panic ends a thread alone only where the program chose that:
/// [`PanicPolicy::EndThread`](super::PanicPolicy::EndThread). What it had to say is on standard
/// error.
///
/// # Examples
/// ```
/// use threadbare::thread;
///
/// let handle = thread::spawn(|| thread::exit());
/// if let Err(error) = handle.join() {
///     assert!(!error.is_panic());
///     threadbare::println!("no result: {error}");
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinError {
    is_panic: bool,
}

impl JoinError {
    /// Why there is no value.
    pub(super) const fn new(is_panic: bool) -> JoinError {
        JoinError { is_panic }
    }

    /// Returns whether the thread ended by a panic.
    pub fn is_panic(&self) -> bool {
        self.is_panic
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_panic {
            "the thread panicked, as it said on standard error"
        } else {
            "the thread ended by thread::exit, without a value"
        })
    }
}

impl core::error::Error for JoinError {}

/// What [`JoinHandle::join`] returns.
///
/// # Examples
/// ```
/// use threadbare::thread;
///
/// fn add(joined: thread::Result<u32>, to: u32) -> u32 {
///     joined.map_or(to, |n| n + to)
/// }
/// assert_eq!(add(thread::spawn(|| 1).join(), 2), 3);
/// ```
pub type Result<T> = core::result::Result<T, JoinError>;

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
    /// [`JoinError`] when the thread ended by [`exit`](super::exit), or by a panic that did not end
    /// the process; and in a child of `fork`, of a thread that only the parent has.
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
    #[track_caller] // The place to name where a thread joins itself.
    pub fn join(self) -> Result<T> {
        self.join_with_stack().0
    }

    /// [`JoinHandle::join`], which also returns the memory that [`Builder::stack`] was given.
    ///
    /// The memory is `None` where the thread had none of the caller's, and where it ended without a
    /// value: then others may still borrow from its stack.
    ///
    /// [`Builder::stack`]: super::Builder::stack
    ///
    /// # Blocking
    /// As [`JoinHandle::join`].
    ///
    /// # Panics
    /// If a thread joins itself.
    ///
    /// # Errors
    /// As [`JoinHandle::join`].
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::{Builder, StaticStack};
    ///
    /// static STACK: StaticStack<{ 256 << 10 }> = StaticStack::new();
    ///
    /// let memory = STACK.take().expect("nobody else takes it");
    /// let handle = Builder::new().stack(memory).spawn(|| 6 * 7)?;
    /// let (result, memory) = handle.join_with_stack();
    /// assert_eq!(result, Ok(42));
    /// assert_eq!(memory.map(|memory| memory.len()), Some(256 << 10));
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    #[track_caller]
    pub fn join_with_stack(self) -> (Result<T>, Option<&'static mut [MaybeUninit<u8>]>) {
        let this = ManuallyDrop::new(self);
        assert_not_own(this.control);
        // SAFETY: `this` is never dropped, so its field is moved out once.
        let _thread = unsafe { core::ptr::read(&this.thread) };
        let control = this.control();
        control.record.wait_until_gone();
        // SAFETY: the thread is gone, and its result, a `T` (`new`, clause 1), is this handle's.
        let result = unsafe { take_result(control) };
        if result.is_err() {
            return (result, None);
        }
        let mapping = control.mapping;
        // SAFETY: the thread is gone, so the mapping is ours; `control` is not used after this.
        unsafe { give_back(this.control) };
        let memory = (mapping.origin == Origin::Caller).then(|| {
            // SAFETY: `Builder::stack` was given it for good; the thread is gone, its handle is
            // consumed, and nobody else knows of it.
            unsafe { core::slice::from_raw_parts_mut(mapping.base.cast(), mapping.bytes) }
        });
        (result, memory)
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

    /// Returns where the thread's stack is and, if that was asked for, how much of it the thread
    /// has used: until now, if it runs. After `join`, [`Thread::stack_high_water`] still tells what
    /// was found at the thread's end.
    ///
    /// # Kernel
    /// `mincore(2)` while a thread runs that is [measured](super::Builder::measure).
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Builder;
    ///
    /// let handle = Builder::new().measure(true).stack_size(1 << 20).spawn(|| [7u8; 50_000])?;
    /// let thread = handle.thread().clone();
    /// let stack = handle.stack();
    /// threadbare::println!("{:?} of {} bytes, so far", stack.high_water(), stack.size());
    /// handle.join().unwrap();
    /// assert!(thread.stack_high_water().is_some_and(|bytes| bytes >= 50_000));
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn stack(&self) -> Stack {
        measure::stack_of(self.control())
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
        if control.is_parked.get() {
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

/// Dies if the thread is the calling one, which would wait for ever.
#[track_caller]
pub(super) fn assert_not_own(control: NonNull<Control>) {
    if current::control().is_some_and(|own| core::ptr::eq(own, control.as_ptr())) {
        #[cfg(feature = "lock-debug")]
        crate::sync::die_of_own_join();
        #[cfg(not(feature = "lock-debug"))]
        crate::misuse::misuse(c"a thread cannot join itself");
    }
}

/// Moves the result out of the payload of a thread that is gone.
///
/// # Safety
/// 1. The thread is gone from the kernel, its result is a `T`, and the caller's to take.
pub(super) unsafe fn take_result<T>(control: &Control) -> Result<T> {
    // The thread swaps before it leaves. Acquire here is what makes the result readable.
    if !control.completion.is_complete() {
        if fork::generation() == 0 {
            crate::fatal::fatal(c"a thread is gone that never ended");
        }
        return Err(JoinError { is_panic: false });
    }
    if !control.has_result.replace(false) {
        // For memory the thread is parked for ever, and its mapping with it.
        let is_panic = control.ended_by_panic.get();
        return Err(JoinError::new(is_panic));
    }
    // SAFETY: clause 1, and the flag says that it was not taken yet.
    Ok(unsafe { control.payload.cast::<T>().read() })
}

/// Gives a mapping, by its control block, to the cache, or unmaps it when its tenant is gone.
/// Memory of the user's is left where it is.
///
/// # Safety
/// 1. The caller owns the mapping and everything in it that had to be dropped was.
/// 2. Nobody uses `control` after this.
pub(super) unsafe fn give_back(control: NonNull<Control>) {
    // SAFETY: clause 1: the mapping is still there.
    let Tenancy { mapping, record } = Tenancy::of(unsafe { control.as_ref() });
    if !mapping.is_ours() {
        // A handle that was dropped: handlers in the thread may still ask for the record.
        if may_be_detached() {
            record.wait_until_gone_here();
        }
        // SAFETY: the memory's own reference, given up with it.
        unsafe { record.release() };
        return;
    }
    // SAFETY: clauses 1 and 2.
    if !cfg!(feature = "cache") || unsafe { cache::keep(control) }.is_err() {
        // Else it was joined, or never ran.
        if may_be_detached() {
            record.wait_until_gone_here();
        }
        // SAFETY: clauses 1 and 2, and the tenant is gone.
        unsafe { cache::unmap(control) };
    }
}
