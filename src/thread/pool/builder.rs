//! How a pool is to be, and the ways to start it.

use core::fmt;
use core::ptr::NonNull;

use super::frame::{self, What};
use super::memory::Memory;
use super::shared::{Settings, Shared};
use super::{Pool, Storage};
use crate::sys::task::NAME_BYTES;
use crate::thread::{self, SpawnError};
use crate::time::Duration;

/// How a pool is to be. [`Pool::builder`] makes one.
///
/// # Examples
/// ```
/// use threadbare::thread;
/// use threadbare::thread::pool::{Builder, Memory};
/// use threadbare::time::Duration;
///
/// let mut memory = Memory::<32>::new();
/// // One thread that stays, and up to three more while there is work for them.
/// let builder = Builder::new().threads(1).grow_to(4).idle_timeout(Duration::from_millis(50));
/// let builder = builder.name("worker").stack_size(64 << 10);
/// // Whatever else a thread's builder can say.
/// let builder = builder.thread_builder(|index| thread::Builder::new().nice(index as i8));
/// builder.run_in(&mut memory, |pool| {
///     let name = pool.spawn(|| thread::current().name() == Some("worker")).unwrap();
///     name.wait();
///     assert_eq!(name.join(), Ok(true));
/// })?;
/// # Ok::<(), thread::SpawnError>(())
/// ```
#[derive(Clone)]
#[must_use = "a Builder does nothing until it starts a pool"]
pub struct Builder {
    threads: Option<u32>,
    grow_to: u32,
    settings: Settings,
    #[cfg(feature = "alloc")]
    queue: (usize, usize),
}

/// How long a thread too many waits for work.
const PATIENCE_DEFAULT: Duration = Duration::from_secs(10);
#[cfg(feature = "alloc")]
const QUEUE_DEFAULT: (usize, usize) = (256, 64);

impl Builder {
    /// A pool with as many threads as are worth having.
    pub const fn new() -> Builder {
        Builder {
            threads: None,
            grow_to: 0,
            settings: Settings {
                threads_min: 0,
                threads_max: 0,
                patience: PATIENCE_DEFAULT,
                template: None,
                name: [0; NAME_BYTES],
                stack_bytes: None,
            },
            #[cfg(feature = "alloc")]
            queue: QUEUE_DEFAULT,
        }
    }

    /// Sets how many threads the pool has from its start to its end; the default is
    /// [`available_parallelism`](thread::available_parallelism).
    ///
    /// With 0 jobs are run by those who wait for them alone.
    ///
    /// # Panics
    /// If there are more than [`Pool::THREADS_MAX`].
    pub fn threads(mut self, count: usize) -> Builder {
        self.threads = Some(checked(count));
        self
    }

    /// Lets the pool have more threads, up to `count` altogether: another one is started when a job
    /// is given to the pool and none has nothing to do. It ends when it had nothing to do for the
    /// [`idle_timeout`](Builder::idle_timeout).
    ///
    /// If it cannot be started, the others do its work.
    ///
    /// # Panics
    /// If there are more than [`Pool::THREADS_MAX`].
    pub fn grow_to(mut self, count: usize) -> Builder {
        self.grow_to = checked(count);
        self
    }

    /// Sets how long a thread beyond [`threads`](Builder::threads) waits for work; 10 seconds by
    /// default.
    pub fn idle_timeout(mut self, timeout: Duration) -> Builder {
        self.settings.patience = timeout;
        self
    }

    /// Names the threads, as [`thread::Builder::name`] does.
    ///
    /// # Panics
    /// If the name holds a NUL byte.
    pub fn name(mut self, name: impl AsRef<str>) -> Builder {
        self.settings.name = thread::Builder::new().name(name).name;
        self
    }

    /// Sets the least size of the threads' stacks, as [`thread::Builder::stack_size`] does.
    pub fn stack_size(mut self, bytes: usize) -> Builder {
        self.settings.stack_bytes = Some(bytes);
        self
    }

    /// Sets what makes each thread's builder: for guards, affinity, memory of the caller's. The
    /// function is told the number that the thread will have ([`Pool::worker_index`]), and is
    /// called by whoever starts the thread: at the pool's start, when it grows, and when a thread
    /// ended in a job.
    pub fn thread_builder(mut self, template: fn(usize) -> thread::Builder) -> Builder {
        self.settings.template = Some(template);
        self
    }

    /// Sets how many slots [`start`](Builder::start) makes, and how large a closure, and its
    /// result, may be; 256, of 64 bytes. [`Memory`] says what a slot is.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Pool;
    ///
    /// let pool = Pool::builder().threads(1).queue(8).job_bytes(128).start().unwrap();
    /// let large = [7u8; 100];
    /// assert_eq!(pool.spawn(move || large[99]).unwrap().join(), Ok(7));
    /// ```
    #[cfg(feature = "alloc")]
    pub fn queue(mut self, jobs: usize) -> Builder {
        self.queue.0 = jobs;
        self
    }

    /// Sets how many bytes each of these slots has for a closure and its result.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Pool;
    ///
    /// let pool = Pool::builder().threads(1).job_bytes(4).start().unwrap();
    /// assert!(pool.spawn(|| [0u8; 64]).is_err());
    /// ```
    #[cfg(feature = "alloc")]
    pub fn job_bytes(mut self, bytes: usize) -> Builder {
        self.queue.1 = bytes;
        self
    }

    /// Starts a pool in memory that is its own from now on.
    ///
    /// # Errors
    /// [`SpawnError`] if one of the [`threads`](Builder::threads) cannot be started; those that
    /// were are gone then.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::pool::{Builder, StaticMemory};
    ///
    /// static MEMORY: StaticMemory<32> = StaticMemory::new();
    ///
    /// let memory = MEMORY.take().expect("nobody else takes it");
    /// let pool = Builder::new().threads(2).start_in(memory)?;
    /// assert_eq!(pool.spawn(|| 6 * 7).unwrap().join(), Ok(42));
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn start_in<const JOBS: usize, const BYTES: usize>(
        self,
        memory: &'static mut Memory<JOBS, BYTES>,
    ) -> Result<Pool, SpawnError> {
        // SAFETY: the memory is the pool's for ever.
        unsafe { self.start_at(memory.parts(), Storage::GivenUp) }
    }

    /// Runs `f` with a pool that lives as long as the call, in memory that is lent.
    ///
    /// # Blocking
    /// Until `f` has returned, all that it gave to the pool is done, and the kernel has let go of
    /// the pool's threads.
    ///
    /// # Errors
    /// As [`Builder::start_in`]; `f` is dropped then.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::pool::{Builder, Memory};
    ///
    /// let text = [c"first", c"second"];
    /// let mut memory = Memory::<2>::new();
    /// let lengths = Builder::new().threads(1).run_in(&mut memory, |pool| {
    ///     pool.join(|| text[0].count_bytes(), || text[1].count_bytes())
    /// })?;
    /// assert_eq!(lengths, (5, 6));
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn run_in<const JOBS: usize, const BYTES: usize, R>(
        self,
        memory: &mut Memory<JOBS, BYTES>,
        f: impl FnOnce(&Pool) -> R,
    ) -> Result<R, SpawnError> {
        // SAFETY: the pool ends below; or, if this thread ends in `f` without a value, before it
        // has left, by its frame.
        let pool = unsafe { self.start_at(memory.parts(), Storage::GivenUp) }?;
        let result = frame::within(pool.shared(), What::Pool, || f(&pool));
        drop(pool);
        Ok(result)
    }

    /// Starts a pool in memory of the program's allocator.
    ///
    /// # Errors
    /// [`StartError`](super::StartError).
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::pool::{Builder, StartError};
    ///
    /// let pool = Builder::new().threads(2).queue(1000).job_bytes(32).start()?;
    /// let job = pool.spawn(|| 6 * 7).unwrap();
    /// assert_eq!(job.join(), Ok(42));
    ///
    /// let refused = Builder::new().job_bytes(usize::MAX).start();
    /// assert_eq!(refused.map(drop), Err(StartError::OutOfMemory));
    /// # Ok::<(), StartError>(())
    /// ```
    #[cfg(feature = "alloc")]
    pub fn start(self) -> Result<Pool, super::StartError> {
        use super::StartError;
        use super::task::{Head, SLOT_ALIGN};
        use core::alloc::Layout;

        let (jobs, bytes) = self.queue;
        let room = bytes.checked_next_multiple_of(SLOT_ALIGN);
        let slot_bytes = room.and_then(|room| room.checked_add(size_of::<Head>()));
        let slots_bytes = slot_bytes.and_then(|bytes| bytes.checked_mul(jobs));
        let slots = slots_bytes.and_then(|bytes| Layout::from_size_align(bytes, SLOT_ALIGN).ok());
        let layout = slots.and_then(|slots| Layout::new::<Shared>().extend(slots).ok());
        let (Some((layout, offset)), Some(room)) = (layout, room) else {
            return Err(StartError::OutOfMemory);
        };
        // SAFETY: a `Shared` has a size.
        let base = unsafe { alloc::alloc::alloc(layout) };
        if base.is_null() {
            return Err(StartError::OutOfMemory);
        }
        let parts = (base.cast(), base.wrapping_add(offset), (jobs, room));
        // SAFETY: the memory is ours until the pool frees it.
        let started = unsafe { self.start_at(parts, Storage::Allocated(layout)) };
        if started.is_err() {
            // SAFETY: nothing is left in it.
            unsafe { alloc::alloc::dealloc(base, layout) };
        }
        Ok(started?)
    }

    /// Starts a pool.
    ///
    /// # Safety
    /// 1. The parts are writable, aligned, and the pool's until it has ended.
    unsafe fn start_at(
        self,
        (shared, slots, room): (*mut Shared, *mut u8, (usize, usize)),
        storage: Storage,
    ) -> Result<Pool, SpawnError> {
        let mut settings = self.settings;
        settings.threads_min = self.threads.unwrap_or_else(|| {
            let count = thread::available_parallelism().map_or(1, |count| count.get());
            count.min(Pool::THREADS_MAX) as u32
        });
        settings.threads_max = self.grow_to.max(settings.threads_min);
        // SAFETY: a part of memory is not at address 0.
        let shared = unsafe { NonNull::new_unchecked(shared) };
        // SAFETY: clause 1; slots are as long as their alignment allows.
        unsafe { Shared::start(shared, settings, slots, room) }?;
        Ok(Pool { shared, storage })
    }
}

/// A number of threads that a pool may have.
fn checked(count: usize) -> u32 {
    assert!(count <= Pool::THREADS_MAX, "a pool has up to 1024 threads");
    count as u32
}

impl Default for Builder {
    fn default() -> Builder {
        Builder::new()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("threads", &self.threads)
            .field("grow_to", &self.grow_to)
            .finish_non_exhaustive()
    }
}
