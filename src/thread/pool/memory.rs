//! Memory for a pool, in a static or on a stack: for programs without an allocator.

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};

use super::shared::Shared;
use super::task::{Head, SLOT_ALIGN};

/// A place for a job: what the pool knows of it, then its closure, then its result.
#[repr(C, align(16))]
struct Slot<const BYTES: usize> {
    head: MaybeUninit<Head>,
    payload: MaybeUninit<[u8; BYTES]>,
}

/// Memory for one pool: `JOBS` slots, each with room for a closure, and then its result, of `BYTES`
/// bytes; beside that a slot takes 64 bytes on 64-bit CPUs, and the pool about 400.
///
/// A job has a slot from when it is given to the pool until it has ended, and its handle is joined
/// or dropped. Loops, and [`Pool::join`](super::Pool::join), need none.
///
/// # Examples
/// ```
/// use threadbare::thread::Pool;
/// use threadbare::thread::pool::Memory;
///
/// let mut memory = Memory::<4, 32>::new();
/// let sum = Pool::builder().threads(2).run_in(&mut memory, |pool| {
///     let jobs = [1, 2, 3, 4].map(|n| pool.spawn(move || n * n).unwrap());
///     jobs.into_iter().map(|job| job.join().unwrap()).sum::<u32>()
/// })?;
/// assert_eq!(sum, 30);
/// # Ok::<(), threadbare::thread::SpawnError>(())
/// ```
#[repr(C, align(16))]
pub struct Memory<const JOBS: usize, const BYTES: usize = 64> {
    shared: MaybeUninit<Shared>,
    slots: [Slot<BYTES>; JOBS],
}

// SAFETY: it is memory; what a pool makes of it is the pool's.
unsafe impl<const JOBS: usize, const BYTES: usize> Send for Memory<JOBS, BYTES> {}
// SAFETY: a shared one gives nothing out.
unsafe impl<const JOBS: usize, const BYTES: usize> Sync for Memory<JOBS, BYTES> {}

impl<const JOBS: usize, const BYTES: usize> Memory<JOBS, BYTES> {
    /// Memory that no pool uses.
    pub const fn new() -> Memory<JOBS, BYTES> {
        Memory {
            shared: MaybeUninit::uninit(),
            slots: [const {
                Slot {
                    head: MaybeUninit::uninit(),
                    payload: MaybeUninit::uninit(),
                }
            }; JOBS],
        }
    }

    /// Where the pool goes, where its slots begin, how many there are, and what each has room for.
    pub(super) fn parts(&mut self) -> (*mut Shared, *mut u8, (usize, usize)) {
        let slots = (&raw mut self.slots).cast();
        let room = size_of::<Slot<BYTES>>() - size_of::<Head>();
        (self.shared.as_mut_ptr(), slots, (JOBS, room))
    }
}

const _: () = assert!(align_of::<Slot<1>>() == SLOT_ALIGN);

impl<const JOBS: usize, const BYTES: usize> Default for Memory<JOBS, BYTES> {
    fn default() -> Memory<JOBS, BYTES> {
        Memory::new()
    }
}

impl<const JOBS: usize, const BYTES: usize> fmt::Debug for Memory<JOBS, BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("jobs", &JOBS)
            .field("bytes", &BYTES)
            .finish_non_exhaustive()
    }
}

/// [`Memory`] in a static, for a pool that lives as long as the program; it takes no room in the
/// file.
///
/// # Examples
/// ```
/// use threadbare::thread::Pool;
/// use threadbare::thread::pool::StaticMemory;
///
/// static MEMORY: StaticMemory<16> = StaticMemory::new();
///
/// let memory = MEMORY.take().expect("nobody else takes it");
/// let pool = Pool::builder().threads(2).start_in(memory)?;
/// assert_eq!(pool.spawn(|| 6 * 7).unwrap().join(), Ok(42));
/// assert!(MEMORY.take().is_none());
/// # Ok::<(), threadbare::thread::SpawnError>(())
/// ```
pub struct StaticMemory<const JOBS: usize, const BYTES: usize = 64> {
    memory: UnsafeCell<Memory<JOBS, BYTES>>,
    is_taken: AtomicBool,
}

// SAFETY: the memory is handed out once, as the only reference to it.
unsafe impl<const JOBS: usize, const BYTES: usize> Sync for StaticMemory<JOBS, BYTES> {}

impl<const JOBS: usize, const BYTES: usize> StaticMemory<JOBS, BYTES> {
    /// Memory that nobody has taken.
    pub const fn new() -> StaticMemory<JOBS, BYTES> {
        StaticMemory {
            memory: UnsafeCell::new(Memory::new()),
            is_taken: AtomicBool::new(false),
        }
    }

    /// Returns the memory; `None` when it was taken before.
    #[allow(clippy::mut_from_ref, reason = "once, which the flag sees to")]
    pub fn take(&'static self) -> Option<&'static mut Memory<JOBS, BYTES>> {
        // Relaxed: only who is first matters; nothing was written to the memory before.
        if self.is_taken.swap(true, Ordering::Relaxed) {
            return None;
        }
        // SAFETY: the flag makes this the only reference there ever is.
        Some(unsafe { &mut *self.memory.get() })
    }
}

impl<const JOBS: usize, const BYTES: usize> Default for StaticMemory<JOBS, BYTES> {
    fn default() -> StaticMemory<JOBS, BYTES> {
        StaticMemory::new()
    }
}

impl<const JOBS: usize, const BYTES: usize> fmt::Debug for StaticMemory<JOBS, BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StaticMemory")
            .field("is_taken", &self.is_taken)
            .finish_non_exhaustive()
    }
}
