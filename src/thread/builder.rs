//! How a thread is to be made: what a user may choose, and the way from there to a started thread.

use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::{self, NonNull};

use super::attributes::{Attributes, CpuSet, Policy};
use super::control::Control;
use super::current::Thread;
use super::error::{Refused, SpawnError};
use super::guard::Guard;
use super::join::{self, JoinHandle};
use super::measure::{self, Look};
use super::scope::ScopeData;
use super::spawn::{self, Payload, Prepared};
use crate::sys::task;
use crate::used::Used;

/// Whether a thread is to have a name.
pub static NAMED: Used = Used::new();
/// Whether a thread is to have memory of the caller's.
pub static OWN_MEMORY: Used = Used::new();
/// Whether a thread has to do something to itself before its closure.
pub static ATTRIBUTES: Used = Used::new();

/// Memory of the caller's.
#[derive(Clone, Copy)]
pub struct Memory {
    pub base: *mut u8,
    pub bytes: usize,
}

impl Memory {
    /// Makes the slice of it again that it was given as.
    ///
    /// # Safety
    /// 1. It was given for good, and no thread uses it.
    unsafe fn into_slice(self) -> &'static mut [MaybeUninit<u8>] {
        // SAFETY: clause 1.
        unsafe { core::slice::from_raw_parts_mut(self.base.cast(), self.bytes) }
    }
}

/// How a thread is to be made. [`spawn`](super::spawn()) is a `Builder` with nothing set, and a
/// panic for an error.
///
/// # Examples
/// ```
/// use threadbare::thread::Builder;
/// let handle = Builder::new().name("worker").stack_size(64 << 10).spawn(|| 1 + 1)?;
/// assert_eq!(handle.join().unwrap(), 2);
/// # Ok::<(), threadbare::thread::SpawnError>(())
/// ```
/// Everything else that may be said:
/// ```
/// use threadbare::thread::{Builder, CpuSet, Guard, Policy};
///
/// let cpus = CpuSet::of_current().unwrap_or_default();
/// let builder = Builder::new().guard(Guard::Bytes(64 << 10)).measure(true).paint(true);
/// let builder = builder.stack_size(64 << 10);
/// let builder = builder.affinity(cpus).policy(Policy::Batch).nice(5);
/// let handle = builder.spawn_or_return(|| 1 + 1).map_err(|refused| refused.error)?;
/// assert_eq!(handle.join().unwrap(), 2);
/// # Ok::<(), threadbare::thread::SpawnError>(())
/// ```
#[must_use = "a Builder does nothing until it spawns"]
pub struct Builder {
    pub(super) stack_bytes: Option<usize>,
    pub(super) guard: Option<Guard>,
    pub(super) memory: Option<Memory>,
    pub(super) look: Look,
    pub(super) attributes: Attributes,
    pub(super) name: [u8; task::NAME_BYTES],
    /// The memory is an exclusive reference, which makes no difference but to the compiler.
    stack: PhantomData<&'static mut [MaybeUninit<u8>]>,
}

// SAFETY: the memory is a `&'static mut` of bytes, which may go to any thread.
unsafe impl Send for Builder {}
// SAFETY: a shared builder gives nothing out.
unsafe impl Sync for Builder {}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl Builder {
    /// A thread with the default stack and guard, and no name.
    pub const fn new() -> Builder {
        Builder {
            stack_bytes: None,
            guard: None,
            memory: None,
            look: Look::NONE,
            attributes: Attributes::NONE,
            name: [0; task::NAME_BYTES],
            stack: PhantomData,
        }
    }

    /// Names the thread, for panics, `ps` and debuggers.
    ///
    /// The kernel keeps 15 bytes; of a longer name the longest beginning that fits is taken.
    /// [`set_name`](super::set_name) names a thread that runs.
    ///
    /// # Panics
    /// If the name holds a NUL byte.
    pub fn name(mut self, name: impl AsRef<str>) -> Builder {
        NAMED.set();
        let name = name.as_ref();
        assert!(
            !name.as_bytes().contains(&0),
            "a thread's name must not hold a NUL byte"
        );
        let bytes = name.floor_char_boundary(task::NAME_BYTES - 1);
        self.name = [0; task::NAME_BYTES];
        let from = name.as_bytes().iter().take(bytes);
        self.name
            .iter_mut()
            .zip(from)
            .for_each(|(to, byte)| *to = *byte);
        self
    }

    /// Sets the least size of the stack, in bytes. Guard, TLS, closure and result come on top.
    ///
    /// What is smaller than 16 KiB and a signal's frame, 0 included, is raised to that; the size is
    /// rounded up to pages.
    /// The default is 16 MiB on 64-bit CPUs and 2 MiB on 32-bit ones, or what the linker was told
    /// (`-z stack-size=BYTES`).
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.stack_bytes = Some(bytes);
        self
    }

    /// Sets what lies below the stack, instead of the [default](super::set_default_guard).
    pub fn guard(mut self, guard: Guard) -> Builder {
        guard.note();
        self.guard = Some(guard);
        self
    }

    /// Lets the thread live in memory of the caller's: a [static](super::StaticStack), an
    /// allocator's, a mapping of huge pages. Nothing is mapped or unmapped for it.
    ///
    /// TLS, control block, closure, result and signal stack are taken from the high end; the stack
    /// gets what is left, which must be as much as [`Builder::stack_size`] said, or at least the
    /// minimum that is named there. There is no guard, whatever [`Builder::guard`] says: below the
    /// memory lies what the caller put there. No alignment is needed.
    ///
    /// [`JoinHandle::join_with_stack`] gives the memory back; a handle that is dropped or joined
    /// otherwise gives it up. When `spawn` fails it is lost, but not with
    /// [`Builder::spawn_or_return`].
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::{self, Builder, StaticStack};
    ///
    /// static STACK: StaticStack<{ 128 << 10 }> = StaticStack::new();
    ///
    /// let memory = STACK.take().expect("nobody else takes it");
    /// let range = memory.as_ptr_range();
    /// let handle = Builder::new().stack(memory).spawn(|| thread::stack().base())?;
    /// assert!(range.contains(&(handle.join().unwrap() as *const _)));
    /// # Ok::<(), thread::SpawnError>(())
    /// ```
    pub fn stack(self, memory: &'static mut [MaybeUninit<u8>]) -> Builder {
        // SAFETY: the reference is ours for good.
        unsafe { self.stack_raw(memory) }
    }

    /// [`Builder::stack`] for memory that is only lent.
    ///
    /// # Safety
    /// 1. The memory can be read and written, and nobody else uses it, until the thread is gone
    ///    from the kernel: until its handle was joined, or its scope has ended. If the thread ends
    ///    without a value ([`exit`](super::exit), a panic), for ever.
    /// 2. What [`JoinHandle::join_with_stack`] and [`Builder::spawn_or_return`] return of it is
    ///    used no longer than it was lent.
    ///
    /// # Examples
    /// ```
    /// use core::mem::MaybeUninit;
    /// use threadbare::thread::{self, Builder};
    ///
    /// let mut memory = [MaybeUninit::uninit(); 96 << 10];
    /// let answer = thread::scope(|scope| {
    ///     // SAFETY: the memory outlives the scope, and nobody else uses it.
    ///     let builder = unsafe { Builder::new().stack_raw(&raw mut memory) };
    ///     builder.spawn_scoped(scope, || 6 * 7).map(|handle| handle.join())
    /// });
    /// assert_eq!(answer, Ok(Ok(42)));
    /// ```
    pub unsafe fn stack_raw(mut self, memory: *mut [MaybeUninit<u8>]) -> Builder {
        OWN_MEMORY.set();
        self.memory = Some(Memory {
            base: memory.cast(),
            bytes: memory.len(),
        });
        self
    }

    /// Finds out how much of its stack the thread uses, to the page: see
    /// [`Thread::stack_high_water`].
    ///
    /// The thread begins on a stack whose pages were never touched, or were emptied; at its end the
    /// kernel is asked which of them are in memory (`mincore(2)`), a call for each 1,024 pages.
    /// Pages that were swapped out are not counted, nor what happens after the thread's
    /// destructors. On memory of the caller's, whose pages may have been touched before, and where
    /// memory is locked (`mlockall`), nothing is found out; nor under an emulator whose host has
    /// smaller pages. A thread that is not measured pays nothing.
    pub fn measure(mut self, is_measured: bool) -> Builder {
        measure::ASKED.set();
        self.look.pages = is_measured;
        self
    }

    /// Finds out how much of its stack the thread uses, to the byte: see
    /// [`Thread::stack_high_water`].
    ///
    /// The whole stack is written before the thread starts, which takes time and memory for all of
    /// it, so name a [`Builder::stack_size`]; at the end it is read up to the first byte that has
    /// changed. Bytes that a frame reserved and did not write do not count. Works on memory of the
    /// caller's, too.
    pub fn paint(mut self, is_painted: bool) -> Builder {
        measure::ASKED.set();
        self.look.paint = is_painted;
        self
    }

    /// Sets the CPUs that the thread may run on, instead of its spawner's.
    pub fn affinity(mut self, cpus: CpuSet) -> Builder {
        ATTRIBUTES.set();
        self.attributes.affinity = Some(cpus);
        self
    }

    /// Sets how the thread is scheduled, instead of as its spawner is.
    pub fn policy(mut self, policy: Policy) -> Builder {
        ATTRIBUTES.set();
        self.attributes.policy = Some(policy);
        self
    }

    /// Sets the thread's niceness: −20, which gets the most of the CPU, to 19. What lies beyond
    /// counts as the nearest of them; the default is the spawner's.
    pub fn nice(mut self, nice: i8) -> Builder {
        ATTRIBUTES.set();
        self.attributes.nice = Some(nice);
        self
    }

    /// Starts a thread that runs `f`.
    ///
    /// # Blocking
    /// Where affinity, policy or niceness were named, until the thread has applied them, before
    /// `f`; otherwise not.
    ///
    /// # Errors
    /// [`SpawnError`]; `f` is dropped then.
    ///
    /// # Kernel
    /// `clone`, with all signals blocked around it; before it `mmap` and `mprotect` unless a
    /// finished thread's memory serves.
    pub fn spawn<F, T>(self, f: F) -> Result<JoinHandle<T>, SpawnError>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: what `f` borrows, and `T`, live for ever.
        unsafe { self.spawn_unchecked(f) }
    }

    /// [`Builder::spawn`], which on failure returns the closure and the memory.
    ///
    /// # Errors
    /// [`Refused`], which has the [`SpawnError`].
    pub fn spawn_or_return<F, T>(self, f: F) -> Result<JoinHandle<T>, Refused<F>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        // SAFETY: what `f` borrows, and `T`, live for ever.
        let (control, thread) = unsafe { self.start_or_refuse(f, ptr::null()) }?;
        // SAFETY: the thread was just started with a payload that becomes a `T`.
        Ok(unsafe { JoinHandle::new(control, thread) })
    }

    /// Starts a thread whose closure may borrow what the compiler cannot see to outlive it.
    ///
    /// # Errors
    /// As [`Builder::spawn`].
    ///
    /// # Safety
    /// 1. What `f` borrows, and the result, outlive the thread: until it was joined with a value,
    ///    or for ever. (After a join without one, threads that it had started may go on.)
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Builder;
    ///
    /// let text = [b'a'; 3];
    /// let text = &text;
    /// // SAFETY: the thread is joined before `text` ends.
    /// let handle = unsafe { Builder::new().spawn_unchecked(move || text.len()) }?;
    /// assert_eq!(handle.join().unwrap(), 3);
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub unsafe fn spawn_unchecked<F, T>(self, f: F) -> Result<JoinHandle<T>, SpawnError>
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        // SAFETY: clause 1.
        let (control, thread) = unsafe { self.start(f, ptr::null()) }?;
        // SAFETY: the thread was just started with a payload that becomes a `T`.
        Ok(unsafe { JoinHandle::new(control, thread) })
    }

    /// Starts a thread, in a scope unless that is null; the closure and the memory are lost on
    /// failure.
    ///
    /// # Safety
    /// 1. As [`Builder::spawn_unchecked`], or the scope lives until the thread is gone.
    pub(super) unsafe fn start<F: FnOnce() -> T, T>(
        self,
        f: F,
        scope: *const ScopeData,
    ) -> Result<(NonNull<Control>, Thread), SpawnError> {
        let mut f = ManuallyDrop::new(f);
        // SAFETY: clause 1; the closure is not used again once it has moved.
        let result = unsafe { self.start_body(Body::of::<F, T>(&mut f), scope) };
        if result.is_err() {
            drop(ManuallyDrop::into_inner(f));
        }
        result
    }

    /// The same, with closure and memory in the error.
    ///
    /// # Safety
    /// 1. As [`Builder::start`].
    unsafe fn start_or_refuse<F: FnOnce() -> T, T>(
        self,
        f: F,
        scope: *const ScopeData,
    ) -> Result<(NonNull<Control>, Thread), Refused<F>> {
        let mut f = ManuallyDrop::new(f);
        // SAFETY: clause 1; the closure is not used again once it has moved.
        unsafe { self.start_body(Body::of::<F, T>(&mut f), scope) }.map_err(|error| Refused {
            error,
            closure: ManuallyDrop::into_inner(f),
            // SAFETY: no thread was started.
            stack: self.memory.map(|memory| unsafe { memory.into_slice() }),
        })
    }

    /// What is the same for all closures: in one piece, and not once more for each.
    ///
    /// # Errors
    /// [`SpawnError`]; the closure is where it was then.
    ///
    /// # Safety
    /// 1. As [`Builder::start`].
    /// 2. After success the closure has moved: it is not used again where it was.
    unsafe fn start_body(
        &self,
        body: Body,
        scope: *const ScopeData,
    ) -> Result<(NonNull<Control>, Thread), SpawnError> {
        // SAFETY: clause 1.
        let prepared = unsafe { Prepared::new(self, body.payload, scope) }?;
        let payload = prepared.payload();
        let control = prepared.control(body.run, body.drop_result, &self.attributes, scope);
        // SAFETY: the placement has room for the payload, aligned, and nobody else uses it.
        unsafe { payload.copy_from_nonoverlapping(body.closure, body.closure_bytes) };
        let thread = prepared.thread();
        // SAFETY: clause 1: it is null or lives.
        let scope = unsafe { scope.as_ref() };
        if let Some(scope) = scope {
            // SAFETY: the control block names the scope; the mapping is its own from here on.
            unsafe { scope.insert(control.as_ref()) };
        }
        let Err(error) = prepared.launch(control) else {
            return Ok((control, thread));
        };
        if let Some(scope) = scope {
            // SAFETY: the mapping is still there.
            scope.forget(unsafe { control.as_ref() });
        }
        // SAFETY: no thread runs, so the mapping is ours alone; the closure counts where it was.
        unsafe { join::give_back(control) };
        Err(error)
    }
}

/// A closure without its type.
struct Body {
    closure: *const u8,
    closure_bytes: usize,
    /// Of the closure, and of the result in its place.
    payload: Layout,
    run: unsafe fn(*mut u8),
    /// `None` where nothing is to be done.
    drop_result: Option<unsafe fn(*mut u8)>,
}

impl Body {
    fn of<F: FnOnce() -> T, T>(f: &mut ManuallyDrop<F>) -> Body {
        Body {
            closure: ptr::from_mut(f).cast(),
            closure_bytes: size_of::<F>(),
            payload: Layout::new::<Payload<F, T>>(),
            run: spawn::run::<F, T>,
            drop_result: if core::mem::needs_drop::<T>() {
                Some(spawn::drop_result::<T>)
            } else {
                None
            },
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("stack_size", &self.stack_bytes)
            .field("guard", &self.guard)
            .field("attributes", &self.attributes)
            .finish_non_exhaustive()
    }
}
