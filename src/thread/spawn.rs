//! From a closure to a running thread.

use core::alloc::Layout;
use core::mem::{self, ManuallyDrop};
use core::ops::Range;
use core::ptr::NonNull;

use super::attributes::Attributes;
use super::builder::{ATTRIBUTES, Builder, Memory, NAMED, OWN_MEMORY};
use super::cache::{self, Tenancy};
use super::control::{Control, Mapping, Origin};
use super::current::Thread;
use super::error::SpawnError;
use super::guard::{self, Guard};
use super::join::JoinHandle;
use super::measure::{self, Look};
use super::scope::ScopeData;
use super::{beside, exit, forked, overflow, record};
use crate::arch;
use crate::stack::{Placement, Plan, Request};
use crate::start::{self, Process};
use crate::sys::{Errno, signal, task};

/// The least stack a thread gets; the kernel's own frame for a signal (`AT_MINSIGSTKSZ`, tens of
/// KiB where vector registers are long) comes on top of it.
const STACK_BYTES_MIN: usize = 16 << 10;
/// How many copies of closure or result may be on a thread's stack at once in unoptimised code.
const PAYLOAD_COPIES_MAX: usize = 5;
/// The stack of a thread that asked for nothing: the reference's 16 MiB where addresses are
/// plenty. Untouched pages take no memory.
const STACK_BYTES_DEFAULT: usize = if usize::BITS > 32 { 16 << 20 } else { 2 << 20 };
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

/// The closure before it is called, the result afterwards.
pub(super) union Payload<F, T> {
    _closure: ManuallyDrop<F>,
    _result: ManuallyDrop<T>,
}

/// Takes the closure out of the payload, calls it and leaves the result there.
///
/// # Safety
/// 1. `payload` holds an `F`, is large and aligned enough for a `T`, and is the caller's.
pub(super) unsafe fn run<F: FnOnce() -> T, T>(payload: *mut u8) {
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
pub(super) unsafe fn drop_result<T>(payload: *mut u8) {
    // SAFETY: clause 1.
    unsafe { payload.cast::<T>().drop_in_place() };
}

/// Memory that is laid out and has its TLS filled, and the record of the thread to be.
pub(super) struct Prepared {
    tenancy: Tenancy,
    placement: Placement,
    /// What the thread register is to hold.
    tp: usize,
    /// What will be found out about the stack.
    look: Look,
    /// Where the control block is; all zero yet.
    control: *mut Control,
}

impl Prepared {
    /// Claims a record, finds memory, lays it out and fills the TLS.
    ///
    /// # Safety
    /// 1. The scope is null, or lives.
    pub(super) unsafe fn new(
        builder: &Builder,
        payload: Layout,
        scope: *const ScopeData,
    ) -> Result<Prepared, SpawnError> {
        let process = Process::get();
        // Without the page a child of `fork` does not notice what it is; threads run all the same.
        let _ = forked::prepare();
        let guard = builder.guard.unwrap_or_else(Guard::default);
        let memory = builder.memory.filter(|_| OWN_MEMORY.get());
        let (guard_bytes, origin) = match memory {
            Some(_) => (0, Origin::Caller),
            None => guard.resolve(),
        };
        let plan = Plan::new(Request {
            page_bytes: match memory {
                Some(_) => MEMORY_ALIGN_BYTES,
                None => process.page_bytes,
            },
            guard_bytes,
            stack_bytes: stack_bytes(builder, payload),
            stack_align_bytes: arch::STACK_ALIGN_BYTES,
            tls: process.tls_shape,
            control: Layout::new::<Control>(),
            payload,
            signal_stack_bytes: overflow::signal_stack_bytes(),
        })
        .ok_or(SpawnError::OutOfMemory)?;
        let name = NAMED.get().then_some(&builder.name);
        let region = memory.map(|memory| fit(memory, &plan)).transpose()?;
        let record = record::claim(name).map_err(SpawnError::from_mapping)?;
        let (mapping, is_zeroed) = match &region {
            Some((mapping, _)) => (*mapping, false),
            // SAFETY: clause 1.
            None => match obtain(&plan, origin, unsafe { scope.as_ref() }) {
                Ok(obtained) => obtained,
                Err(errno) => {
                    // SAFETY: the claim's reference; nobody else has seen the record.
                    unsafe { record.release() };
                    return Err(SpawnError::from_mapping(errno));
                }
            },
        };
        let (start, bytes) = match region {
            Some((_, range)) => (range.start, range.len()),
            None => (mapping.base.addr(), mapping.bytes),
        };
        let placement = plan.place(start, bytes);
        // SAFETY: the mapping is ours alone, and empty or of no value.
        let look = unsafe { measure::prepare(builder.look, &mapping, placement.stack_top) };
        let block = mapping.base.with_addr(placement.tp);
        let control = mapping.base.with_addr(placement.control);
        let control = control.cast::<Control>();
        if !is_zeroed {
            // SAFETY: as below.
            unsafe { start::clear_tls(block) };
            // SAFETY: the placement has room for the control block; the mapping is ours.
            unsafe { control.write_bytes(0, 1) };
        }
        // SAFETY: the shape is the template's, the placement aligned `tp` for it, and the mapping
        // is ours alone.
        let tp = unsafe { start::fill_tls(block) };
        // SAFETY: it is filled, and still ours alone.
        unsafe { beside::fill(block, &process) };
        Ok(Prepared {
            tenancy: Tenancy { mapping, record },
            placement,
            tp,
            look,
            control,
        })
    }

    /// Where the closure goes.
    pub(super) fn payload(&self) -> *mut u8 {
        self.tenancy.mapping.base.with_addr(self.placement.payload)
    }

    /// A handle of the thread to be.
    pub(super) fn thread(&self) -> Thread {
        Thread::first_of(self.tenancy.record)
    }

    /// Writes the control block.
    pub(super) fn control(
        &self,
        run: unsafe fn(*mut u8),
        drop_result: Option<unsafe fn(*mut u8)>,
        attributes: &Attributes,
        scope: *const ScopeData,
    ) -> NonNull<Control> {
        let Tenancy { mapping, record } = self.tenancy;
        let control = self.control;
        // Zero is right for all that is not written here: no state of a thread was reached yet.
        // SAFETY: the placement has room for it, aligned, and the mapping is ours; field by field,
        // because the references among them are not valid before they are written.
        unsafe {
            (&raw mut (*control).begin).write(Some(entry));
            (&raw mut (*control).record).write(record);
            (&raw mut (*control).payload).write(self.payload());
            (&raw mut (*control).run).write(Some(run));
            if drop_result.is_some() {
                (&raw mut (*control).drop_result).write(drop_result);
            }
            (&raw mut (*control).mapping.base).write(mapping.base);
            (&raw mut (*control).mapping.bytes).write(mapping.bytes);
            (&raw mut (*control).mapping.guard_bytes).write(mapping.guard_bytes);
            if mapping.origin != Origin::Mapped {
                (&raw mut (*control).mapping.origin).write(mapping.origin);
            }
            (&raw mut (*control).stack_top).write(self.placement.stack_top);
            if cfg!(feature = "overflow-report") {
                (&raw mut (*control).signal_stack).write(self.placement.signal_stack);
            }
            if measure::ASKED.get() {
                (&raw mut (*control).look).write(self.look);
            }
            if ATTRIBUTES.get() && !attributes.is_none() {
                (&raw mut (*control).attributes).write(attributes);
            }
            if !scope.is_null() {
                (&raw mut (*control).scope).write(scope);
            }
        }
        // SAFETY: an address inside a mapping is not null.
        unsafe { NonNull::new_unchecked(control) }
    }

    /// Calls `clone`, with all signals blocked: the child takes none before it can. Waits for what
    /// the thread has to do to itself; after an error there is no thread.
    pub(super) fn launch(&self, control: NonNull<Control>) -> Result<(), SpawnError> {
        // SAFETY: the address of a field.
        let mask = unsafe { &raw mut (*control.as_ptr()).signal_mask };
        // SAFETY: the thread does not run yet; the field is ours.
        unsafe { signal::try_block_all_into(mask) }.map_err(SpawnError::Unexpected)?;
        // SAFETY: likewise, and it holds this thread's mask.
        let own_mask = unsafe { beside::change_mask_of_new(mask) };
        let tid = self.tenancy.record.tid_word();
        let flags = task::Clone::THREAD_FLAGS.bits() as usize;
        let (stack_top, tp) = (self.placement.stack_top, self.tp);
        // SAFETY: the thread does not run yet; the address of a field, which is not read.
        let argument = unsafe { &raw mut (*control.as_ptr()).begin }.cast::<u8>();
        let result = crate::sys::made(arch::nr::CLONE, || {
            // SAFETY: stack, TLS and control block were laid out for this, the tid word is a
            // record's and never unmapped.
            unsafe { arch::clone_thread(flags, stack_top, tid, tid, tp, argument) }
        });
        // SAFETY: the mapping stays: there is no handle yet that could let the thread unmap it.
        let control = unsafe { control.as_ref() };
        signal::restore(own_mask.as_ref().unwrap_or(&control.signal_mask));
        result.map_err(SpawnError::from_clone)?;
        if !ATTRIBUTES.get() || control.attributes.is_null() {
            return Ok(());
        }
        control.set_up.wait().map_err(|refusal| {
            // It is on its way out, and stands on memory that we are to give back.
            control.record.wait_until_gone();
            SpawnError::from_refusal(refusal)
        })
    }
}

/// How memory of the caller's is aligned before it is laid out: as the strictest stack.
const MEMORY_ALIGN_BYTES: usize = 16;
const _: () = assert!(arch::STACK_ALIGN_BYTES <= MEMORY_ALIGN_BYTES);

/// The least size of the stack for what a builder says.
fn stack_bytes(builder: &Builder, payload: Layout) -> usize {
    let process = Process::get();
    let asked = match (
        builder.stack_bytes,
        builder.memory,
        process.image.stack_bytes,
    ) {
        (Some(bytes), _, _) => Some(bytes),
        // Whatever there is.
        (None, Some(_), _) => Some(0),
        (None, None, 0) => None,
        (None, None, bytes) => Some(bytes),
    };
    // A closure is moved from the payload to the stack to be called, and its result is made there;
    // unoptimised code moves each more than once. Who asked for a size gets it beside.
    let moved_bytes = payload.size().saturating_mul(PAYLOAD_COPIES_MAX);
    let stack_bytes = match asked {
        Some(bytes) => bytes.max(STACK_BYTES_MIN + process.auxv().signal_stack_bytes_min()),
        // Larger than any frame of the kernel's, of which the largest has 256 KiB at most
        // (`arch/arm64/kernel/signal.c`, `SIGFRAME_MAXSZ`).
        None => STACK_BYTES_DEFAULT,
    };
    stack_bytes.saturating_add(moved_bytes)
}

/// Finds the aligned part of memory of the caller's, if the plan fits into it.
fn fit(memory: Memory, plan: &Plan) -> Result<(Mapping, Range<usize>), SpawnError> {
    let start = memory.base.addr();
    let first = start.next_multiple_of(MEMORY_ALIGN_BYTES);
    let end = (start + memory.bytes) & !(MEMORY_ALIGN_BYTES - 1);
    if end < first || end - first < plan.total_bytes {
        return Err(SpawnError::StackTooSmall {
            // Wherever it begins.
            bytes_min: plan.total_bytes + 2 * (MEMORY_ALIGN_BYTES - 1),
        });
    }
    let mapping = Mapping {
        base: memory.base,
        bytes: memory.bytes,
        guard_bytes: 0,
        origin: Origin::Caller,
    };
    Ok((mapping, first..end))
}

/// Unmaps what is kept and not in use; returns whether there was any.
fn reclaim(scope: Option<&ScopeData>) -> bool {
    // Into the cache first, where there is one.
    let has_swept = scope.is_some_and(ScopeData::sweep);
    (cfg!(feature = "cache") && cache::reclaim()) || has_swept
}

/// Takes a mapping from the cache or makes one; the flag says that it is all zeroes.
///
/// What the scope's list or the cache keeps may be just what is missing.
fn obtain(
    plan: &Plan,
    origin: Origin,
    scope: Option<&ScopeData>,
) -> Result<(Mapping, bool), Errno> {
    let (bytes, guard_bytes) = (plan.total_bytes, plan.guard_bytes);
    if cfg!(feature = "cache")
        && let Some(entry) = cache::take(bytes, guard_bytes, origin)
    {
        // SAFETY: the mapping is there, and ours.
        let Tenancy { mapping, record } = Tenancy::of(unsafe { entry.as_ref() });
        // As was asked for, which is often a constant.
        let mapping = Mapping {
            guard_bytes,
            origin,
            ..mapping
        };
        // SAFETY: the former tenant's reference came with the tenancy.
        unsafe { record.release() };
        return Ok((mapping, false));
    }
    let mapped = match guard::map(bytes, guard_bytes, origin) {
        Err(Errno::NOMEM) if reclaim(scope) => guard::map(bytes, guard_bytes, origin),
        result => result,
    };
    mapped.map(|mapping| (mapping, true))
}

/// Where a new thread begins, on its own stack, with all signals blocked.
///
/// # Safety
/// 1. Entered only by way of `clone_thread`, with the control block's beginning that `Prepared`
///    wrote.
unsafe extern "C" fn entry(beginning: *mut u8) -> ! {
    // SAFETY: clause 1: it lies in a control block.
    let control = unsafe { beginning.byte_sub(mem::offset_of!(Control, begin)) }.cast::<Control>();
    // SAFETY: `CLONE_SETTLS` set this thread's TLS up before its first instruction.
    unsafe { arch::set_current(control.expose_provenance()) };
    // SAFETY: clause 1.
    let name = unsafe { (*control).record.name_bytes() };
    if NAMED.get() && name[0] != 0 {
        // By the thread itself, so that it works with no /proc and with dropped privileges. A name
        // is a convenience: a seccomp filter that refuses it must not cost the thread.
        let _ = task::set_own_name(name);
    }
    if ATTRIBUTES.get()
        // SAFETY: clause 1; the attributes are the spawner's, who waits.
        && let Some(attributes) = unsafe { (*control).attributes.as_ref() }
    {
        let outcome = attributes.apply();
        // SAFETY: clause 1.
        unsafe { (*control).set_up.tell(outcome) };
        if outcome.is_err() {
            exit::leave();
        }
    }
    // SAFETY: clause 1.
    unsafe { exit::run_and_finish(control) }
}
