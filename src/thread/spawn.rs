//! From a closure to a running thread.

use core::alloc::Layout;
use core::cell::Cell;
use core::fmt;
use core::mem::ManuallyDrop;
use core::num::NonZeroUsize;
use core::ptr::NonNull;

use super::cache::{self, Tenancy};
use super::control::{Completion, Control, Mapping};
use super::current::Thread;
use super::join::{self, JoinHandle};
use super::{exit, record};
use crate::stack::{Placement, Plan, Request};
use crate::start::Process;
use crate::sys::mem::{self, Map, Prot};
use crate::sys::{Errno, signal, task};
use crate::{arch, tls};

/// Why a thread could not be started. Nothing is left behind: the closure was dropped, and what
/// had been mapped is unmapped or cached.
///
/// # Examples
/// ```
/// use threadbare::thread::{Builder, SpawnError};
///
/// // More than there are addresses.
/// let refused = Builder::new().stack_size(usize::MAX).spawn(|| ()).map(|_| ());
/// assert_eq!(refused, Err(SpawnError::OutOfMemory));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpawnError {
    /// `clone` answered `EAGAIN`: one thread too many for `RLIMIT_NPROC` (per user),
    /// `kernel.threads-max`, `kernel.pid_max` or the cgroup's `pids.max`.
    ThreadQuotaExceeded,
    /// `clone` answered `ENOMEM`: the kernel has no memory for its side of a thread.
    SystemResources,
    /// `mmap` or `mprotect` answered `ENOMEM`, or the size exceeds the address space: no address
    /// range is left, or `RLIMIT_AS`, `RLIMIT_DATA`, `vm.max_map_count` (two mappings a thread)
    /// or, with `vm.overcommit_memory=2`, the commit limit.
    OutOfMemory,
    /// `mmap` answered `EAGAIN`: after `mlockall(MCL_FUTURE)` the stack exceeds
    /// `RLIMIT_MEMLOCK`.
    LockedMemoryLimitExceeded,
    /// Something that the kernel's documentation does not foresee here: a security module or
    /// seccomp filter (`EPERM`, `EACCES`, `ENOSYS`), or a bug.
    Unexpected(Errno),
}

impl SpawnError {
    fn from_mapping(errno: Errno) -> SpawnError {
        match errno {
            Errno::NOMEM => SpawnError::OutOfMemory,
            Errno::AGAIN => SpawnError::LockedMemoryLimitExceeded,
            errno => SpawnError::Unexpected(errno),
        }
    }

    fn from_clone(errno: Errno) -> SpawnError {
        match errno {
            Errno::AGAIN => SpawnError::ThreadQuotaExceeded,
            Errno::NOMEM => SpawnError::SystemResources,
            errno => SpawnError::Unexpected(errno),
        }
    }
}

impl fmt::Display for SpawnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SpawnError::ThreadQuotaExceeded => {
                "too many threads: raise RLIMIT_NPROC, kernel.threads-max, kernel.pid_max or the \
                 cgroup's pids.max, or start fewer"
            }
            SpawnError::SystemResources => {
                "the kernel has no memory for another thread: free some, or start fewer"
            }
            SpawnError::OutOfMemory => {
                "no memory for a stack: ask for a smaller one, or raise RLIMIT_AS, RLIMIT_DATA, \
                 vm.max_map_count or the commit limit"
            }
            SpawnError::LockedMemoryLimitExceeded => {
                "a locked stack exceeds RLIMIT_MEMLOCK: raise it, ask for a smaller stack, or do \
                 not lock future mappings"
            }
            SpawnError::Unexpected(errno) => {
                return write!(f, "the kernel refused to start a thread: {errno}");
            }
        })
    }
}

impl core::error::Error for SpawnError {}

/// The least stack a thread gets; the kernel's own frame for a signal (`AT_MINSIGSTKSZ`, tens of
/// KiB where vector registers are long) comes on top of it.
const STACK_BYTES_MIN: usize = 16 << 10;
/// How many copies of closure or result may be on a thread's stack at once in unoptimised code.
const PAYLOAD_COPIES_MAX: usize = 5;
/// The stack of a thread that asked for nothing: the reference's 16 MiB where addresses are
/// plenty. Untouched pages take no memory.
const STACK_BYTES_DEFAULT: usize = if usize::BITS > 32 { 16 << 20 } else { 2 << 20 };
/// The guard where rustc emits no stack probes: a frame must be larger to step over it.
const GUARD_BYTES_UNPROBED: usize = 64 << 10;

/// How a thread is to be made. [`spawn`] is a `Builder` with nothing set, and a panic for an error.
///
/// # Examples
/// ```
/// use threadbare::thread::Builder;
/// let handle = Builder::new().name("worker").stack_size(64 << 10).spawn(|| 1 + 1)?;
/// assert_eq!(handle.join().unwrap(), 2);
/// # Ok::<(), threadbare::thread::SpawnError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a Builder does nothing until it spawns"]
pub struct Builder {
    stack_bytes: Option<usize>,
    name: [u8; task::NAME_BYTES],
}

impl Builder {
    /// A thread with the default stack and no name.
    pub const fn new() -> Builder {
        Builder {
            stack_bytes: None,
            name: [0; task::NAME_BYTES],
        }
    }

    /// Names the thread, for panics, `ps` and debuggers.
    ///
    /// The kernel keeps 15 bytes; of a longer name the longest beginning that fits is taken.
    ///
    /// # Panics
    /// If the name holds a NUL byte.
    pub fn name(mut self, name: &str) -> Builder {
        assert!(
            !name.as_bytes().contains(&0),
            "a thread's name must not hold a NUL byte"
        );
        let bytes = name.floor_char_boundary(task::NAME_BYTES - 1);
        self.name = [0; task::NAME_BYTES];
        self.name[..bytes].copy_from_slice(&name.as_bytes()[..bytes]);
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

    /// Starts a thread that runs `f`.
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
        let prepared = Prepared::new(&self, Layout::new::<Payload<F, T>>())?;
        let payload = prepared.placement.payload as *mut u8;
        let payload = prepared.tenancy.mapping.base.with_addr(payload.addr());
        let control = prepared.control(payload, run::<F, T>, drop_result::<T>);
        // SAFETY: the placement has room for the payload, aligned, and nobody else uses it.
        unsafe { payload.cast::<F>().write(f) };
        let thread = Thread::of(prepared.tenancy.record);
        match prepared.launch(control) {
            // SAFETY: the thread was just started with a payload that becomes a `T`.
            Ok(()) => Ok(unsafe { JoinHandle::new(control, thread) }),
            Err(error) => {
                // SAFETY: no thread took the closure out.
                unsafe { payload.cast::<F>().drop_in_place() };
                // SAFETY: no thread was started, so the mapping is ours alone.
                unsafe { join::give_back(control) };
                Err(error)
            }
        }
    }
}

/// Starts a thread that runs `f`, with the default stack and no name.
///
/// # Panics
/// If it cannot be started; [`Builder::spawn`] returns the reason instead.
///
/// # Examples
/// ```
/// let handle = threadbare::thread::spawn(|| "done");
/// assert_eq!(handle.join().unwrap(), "done");
/// ```
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    match Builder::new().spawn(f) {
        Ok(handle) => handle,
        Err(error) => panic!("failed to spawn a thread: {error}"),
    }
}

/// Counts the CPUs that this thread may run on, however many the machine has.
///
/// # Errors
/// What `sched_getaffinity(2)` answers: a seccomp filter's `EPERM`, or `EINVAL` with more than
/// 65,536 CPUs.
///
/// # Examples
/// ```
/// use threadbare::thread;
///
/// let workers = thread::available_parallelism().map_or(1, |count| count.get());
/// threadbare::println!("{workers} at a time");
/// ```
pub fn available_parallelism() -> Result<NonZeroUsize, Errno> {
    let count = task::count_cpus()?;
    Ok(NonZeroUsize::new(count).unwrap_or(NonZeroUsize::MIN))
}

/// The closure before it is called, the result afterwards.
union Payload<F, T> {
    _closure: ManuallyDrop<F>,
    _result: ManuallyDrop<T>,
}

/// Takes the closure out of the payload, calls it and leaves the result there.
///
/// # Safety
/// 1. `payload` holds an `F`, is large and aligned enough for a `T`, and is the caller's.
unsafe fn run<F: FnOnce() -> T, T>(payload: *mut u8) {
    // SAFETY: clause 1; the closure is moved out once.
    let closure = unsafe { payload.cast::<F>().read() };
    let result = closure();
    // SAFETY: clause 1; the closure is gone from there.
    unsafe { payload.cast::<T>().write(result) };
}

/// Drops the result in the payload.
///
/// # Safety
/// 1. `payload` holds a `T`, which nobody uses after this.
unsafe fn drop_result<T>(payload: *mut u8) {
    // SAFETY: clause 1.
    unsafe { payload.cast::<T>().drop_in_place() };
}

/// A mapping that is laid out and has its TLS filled, and the record of the thread to be.
struct Prepared {
    tenancy: Tenancy,
    placement: Placement,
    /// What the thread register is to hold.
    tp: usize,
}

impl Prepared {
    /// Claims a record, finds memory, lays it out and fills the TLS.
    fn new(builder: &Builder, payload: Layout) -> Result<Prepared, SpawnError> {
        let process = Process::get();
        let stack_bytes = builder
            .stack_bytes
            .unwrap_or(match process.image.stack_bytes {
                0 => STACK_BYTES_DEFAULT,
                bytes => bytes,
            });
        // A closure is moved from the payload to the stack to be called, and its result is made
        // there; unoptimised code moves each more than once. Who asked for a size gets it beside.
        let moved_bytes = payload.size().saturating_mul(PAYLOAD_COPIES_MAX);
        let stack_bytes = stack_bytes
            .max(STACK_BYTES_MIN + process.auxv.signal_stack_bytes_min)
            .saturating_add(moved_bytes);
        let guard_bytes = if arch::STACK_PROBES {
            1
        } else {
            GUARD_BYTES_UNPROBED
        };
        let plan = Plan::new(Request {
            page_bytes: process.page_bytes,
            guard_bytes,
            stack_bytes,
            stack_align_bytes: arch::STACK_ALIGN_BYTES,
            tls: process.tls_shape,
            control: Layout::new::<Control>(),
            payload,
            signal_stack_bytes: 0,
        })
        .ok_or(SpawnError::OutOfMemory)?;
        let record = record::claim(&builder.name).map_err(SpawnError::from_mapping)?;
        let (mapping, is_zeroed) = match obtain(&plan) {
            Ok(obtained) => obtained,
            Err(errno) => {
                // SAFETY: the claim's reference; nobody else has seen the record.
                unsafe { record.release() };
                return Err(SpawnError::from_mapping(errno));
            }
        };
        let placement = plan.place(mapping.base.addr(), mapping.bytes);
        let tp = mapping.base.with_addr(placement.tp);
        let template = &process.image.tls;
        // SAFETY: the shape is the template's, the placement aligned `tp` for it, and the mapping
        // is ours alone.
        let tp = unsafe { tls::fill(template, &process.tls_shape, tp, process.canary, is_zeroed) };
        Ok(Prepared {
            tenancy: Tenancy { mapping, record },
            placement,
            tp,
        })
    }

    /// Writes the control block.
    fn control(
        &self,
        payload: *mut u8,
        run: unsafe fn(*mut u8),
        drop_result: unsafe fn(*mut u8),
    ) -> NonNull<Control> {
        let Tenancy { mapping, record } = self.tenancy;
        let control = mapping
            .base
            .with_addr(self.placement.control)
            .cast::<Control>();
        let contents = Control {
            record,
            completion: Completion::new(),
            has_result: Cell::new(false),
            payload,
            run,
            drop_result,
            mapping,
            stack_top: self.placement.stack_top,
            signal_stack: self.placement.signal_stack,
            is_in_closure: Cell::new(false),
            ended_by_panic: Cell::new(false),
            signal_mask: signal::SignalSet::NONE,
        };
        // SAFETY: the placement has room for the control block, aligned; the mapping is ours.
        unsafe { control.write(contents) };
        // SAFETY: an address inside a mapping is not null.
        unsafe { NonNull::new_unchecked(control) }
    }

    /// Calls `clone`, with all signals blocked: the child takes none before it can.
    fn launch(&self, control: NonNull<Control>) -> Result<(), SpawnError> {
        let mask = signal::block_all();
        // SAFETY: the thread does not run yet; the field is ours.
        unsafe { (&raw mut (*control.as_ptr()).signal_mask).write(mask) };
        let tid = self.tenancy.record.tid_word();
        let flags = task::Clone::THREAD_FLAGS.bits() as usize;
        let (stack_top, tp) = (self.placement.stack_top, self.tp);
        let argument = control.as_ptr().cast::<u8>();
        let result = crate::sys::made(arch::nr::CLONE, || {
            // SAFETY: stack, TLS and control block were laid out for this, the tid word is a
            // record's and never unmapped.
            unsafe { arch::clone_thread(flags, stack_top, tid, tid, tp, argument) }
        });
        signal::restore(&mask);
        result.map(|_| ()).map_err(SpawnError::from_clone)
    }
}

/// Takes a mapping from the cache or makes one; the flag says that it is all zeroes.
fn obtain(plan: &Plan) -> Result<(Mapping, bool), Errno> {
    if let Some(Tenancy { mapping, record }) = cache::take(plan.total_bytes, plan.guard_bytes) {
        // SAFETY: the former tenant's reference came with the tenancy.
        unsafe { record.release() };
        return Ok((mapping, false));
    }
    match map_fresh(plan) {
        // What the cache keeps may be just what is missing.
        Err(Errno::NOMEM) if cache::reclaim() => map_fresh(plan),
        result => result,
    }
    .map(|mapping| (mapping, true))
}

/// Maps a new thread's memory.
fn map_fresh(plan: &Plan) -> Result<Mapping, Errno> {
    let (bytes, guard_bytes) = (plan.total_bytes, plan.guard_bytes);
    // Inaccessible first: nothing can merge with the stack or touch it before the guard exists.
    let base = mem::map(bytes, Prot::NONE, Map::STACK | Map::NORESERVE)?;
    // SAFETY: the range above the guard lies in the mapping, which is ours.
    let opened = unsafe {
        let usable = base.add(guard_bytes);
        mem::protect(usable, bytes - guard_bytes, Prot::READ | Prot::WRITE)
    };
    if let Err(errno) = opened {
        // SAFETY: the whole mapping, just made, used by nobody. It cannot be split by this, so the
        // kernel has no reason to refuse.
        let _ = unsafe { mem::unmap(base, bytes) };
        return Err(errno);
    }
    Ok(Mapping {
        base,
        bytes,
        guard_bytes,
    })
}

/// Where a new thread begins, on its own stack, with all signals blocked.
///
/// # Safety
/// 1. Entered only by `clone_thread`, with the control block that `Prepared` wrote.
pub(crate) unsafe extern "C" fn entry(control: *mut u8) -> ! {
    let control = control.cast::<Control>();
    // SAFETY: `CLONE_SETTLS` set this thread's TLS up before its first instruction.
    unsafe { arch::set_current(control.expose_provenance()) };
    // SAFETY: clause 1.
    let name = unsafe { (*control).record.name_bytes() };
    if name[0] != 0 {
        // By the thread itself, so that it works with no /proc and with dropped privileges. A name
        // is a convenience: a seccomp filter that refuses it must not cost the thread.
        let _ = task::set_own_name(name);
    }
    // SAFETY: clause 1.
    unsafe { exit::run_and_finish(control) }
}
