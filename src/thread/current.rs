//! Who am I: the calling thread's handle, id and name.

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::num::NonZeroU64;
use core::ptr;

use super::control::{Completion, Control};
use super::park;
use super::record::{self, Record, UNNAMED};
use crate::arch;
#[cfg(feature = "panic-handler")]
use crate::line::Text;
use crate::sys::task;

/// A thread's identity: its id and name, valid for as long as anybody keeps it, the thread's own
/// end notwithstanding.
///
/// # Examples
/// ```
/// use threadbare::thread::{self, Builder};
///
/// let handle = Builder::new().name("worker").spawn(thread::current)?;
/// let worker = handle.join().unwrap();
/// // The thread is gone; who it was is not.
/// assert_eq!(worker.name(), Some("worker"));
/// assert_ne!(worker.id(), thread::current().id());
/// # Ok::<(), thread::SpawnError>(())
/// ```
pub struct Thread {
    /// One reference of the record is this handle's.
    record: &'static Record,
}

/// A thread's number: 64 bits, never used twice in a process. The main thread's is 1.
///
/// # Examples
/// ```
/// let id = threadbare::thread::current().id();
/// assert_eq!(id.as_u64().get(), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThreadId(NonZeroU64);

impl ThreadId {
    /// Returns the number.
    pub const fn as_u64(self) -> NonZeroU64 {
        self.0
    }
}

impl Thread {
    /// Makes a handle with a reference of its own.
    pub(super) fn of(record: &'static Record) -> Thread {
        record.retain();
        Thread { record }
    }

    /// The first handle of a thread to be, whose record nobody else has seen.
    pub(super) fn first_of(record: &'static Record) -> Thread {
        record.retain_first();
        Thread { record }
    }

    pub(super) fn record(&self) -> &'static Record {
        self.record
    }

    /// Returns the thread's id.
    pub fn id(&self) -> ThreadId {
        // Ids count from 1, so the fallback never shows.
        ThreadId(NonZeroU64::new(self.record.id()).unwrap_or(NonZeroU64::MIN))
    }

    /// Returns how much of its stack the thread had used when it ended, in bytes counted from the
    /// stack's high end; `None` while it runs, and where it was not to be found out.
    ///
    /// [`Builder::measure`](super::Builder::measure) and [`Builder::paint`](super::Builder::paint)
    /// say what is found out and how exactly; while the thread runs,
    /// [`JoinHandle::stack`](super::JoinHandle::stack) tells.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Builder;
    ///
    /// let handle = Builder::new().measure(true).spawn(|| ())?;
    /// let thread = handle.thread().clone();
    /// handle.join().unwrap();
    /// assert!(thread.stack_high_water().is_some_and(|bytes| bytes < 64 << 10));
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn stack_high_water(&self) -> Option<usize> {
        self.record.high_water()
    }

    /// Returns the name that the thread was started with, `None` where it was given none. The main
    /// thread's is `main`.
    ///
    /// It never changes, and panics show it. What debuggers and `ps` show may have been changed
    /// since: [`set_name`](super::set_name), [`kernel_name`](super::kernel_name).
    pub fn name(&self) -> Option<&str> {
        name_in(self.record.name_bytes())
    }

    /// Brings the thread its token, for which [`park`](super::park()) waits. A thread has one token
    /// at most; one that has ended needs none, and nothing happens.
    ///
    /// A signal handler may call it.
    ///
    /// # Ordering
    /// What came before this call comes before the return of the `park` that takes the token.
    ///
    /// # Kernel
    /// futex(2), private, if the thread sleeps; no system call otherwise.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread;
    ///
    /// // The token waits for whoever will look for it.
    /// thread::current().unpark();
    /// thread::park();
    ///
    /// let sleeper = thread::spawn(thread::park);
    /// sleeper.thread().unpark();
    /// sleeper.join().unwrap();
    /// ```
    pub fn unpark(&self) {
        park::unpark(self.record.park_word());
    }
}

/// Reads a NUL-padded name.
fn name_in(bytes: &[u8; task::NAME_BYTES]) -> Option<&str> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    // SAFETY: `Builder::name` took it from a string, up to the end of a character.
    let text = unsafe { core::str::from_utf8_unchecked(bytes.get(..end)?) };
    if text.is_empty() { None } else { Some(text) }
}

impl Clone for Thread {
    fn clone(&self) -> Thread {
        Thread::of(self.record)
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // SAFETY: this handle's reference goes with it.
        unsafe { self.record.release() };
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread")
            .field("id", &self.id())
            .field("name", &self.name())
            .finish()
    }
}

/// Returns a handle of the calling thread.
///
/// # Panics
/// In a thread that this crate did not start.
///
/// # Examples
/// ```
/// assert_eq!(threadbare::thread::current().name(), Some("main"));
/// ```
pub fn current() -> Thread {
    match control() {
        Some(control) => Thread::of(control.record),
        None => panic!("this thread was not started by threadbare"),
    }
}

/// Lets another thread run: `sched_yield(2)`.
///
/// # Examples
/// ```
/// use threadbare::thread;
///
/// let worker = thread::spawn(|| 6 * 7);
/// while !worker.is_finished() {
///     thread::yield_now();
/// }
/// ```
pub fn yield_now() {
    task::yield_now();
}

/// The calling thread's control block, `None` in a foreign thread.
pub(super) fn control() -> Option<&'static Control> {
    // SAFETY: TLS is set up before any code that can call this runs (`start::TLS_IS_UP` guards the
    // one path that may come earlier). The word is null or this thread's own control block, which
    // lives as long as the thread; `'static` does not leave this module's callers.
    unsafe { ptr::with_exposed_provenance::<Control>(arch::current()).as_ref() }
}

/// Whether other threads may borrow the calling thread's thread-locals: a scope is open.
pub(crate) fn has_open_scope() -> bool {
    // Scopes come with what is set there.
    record::JOINTLY.get()
        && control().is_some_and(|control| !control.innermost_scope.get().is_null())
}

/// Whether the calling thread is the main one, or none that this crate started.
pub(crate) fn is_main() -> bool {
    control().is_none_or(|control| ptr::eq(control.record, &record::MAIN))
}

/// Whether the main thread has ended, though the process lives.
pub(super) fn main_is_gone() -> bool {
    main_completion().is_complete()
}

/// Says that the main thread has ended: it is not in this process.
pub(super) fn forget_main() {
    main_completion().abandon();
}

/// Calls `with` with the calling thread's name, without touching a reference count: for panics.
pub(crate) fn name_of_current(with: impl FnOnce(Option<&str>)) {
    with(control().and_then(|control| name_in(control.record.name_bytes())));
}

/// A name as a record has it, padded with NUL.
#[cfg(feature = "lock-debug")]
pub(crate) type NameBytes = [u8; task::NAME_BYTES];

/// The calling thread's id and name; `None` in a foreign thread. Before thread-locals exist there
/// is the main thread alone.
#[cfg(feature = "lock-debug")]
pub(crate) fn identity() -> Option<(u64, NameBytes)> {
    if crate::start::is_early() {
        // The main thread's record is not written yet.
        let mut name = [0; task::NAME_BYTES];
        name[..4].copy_from_slice(b"main");
        return Some((1, name));
    }
    let record = control()?.record;
    Some((record.id(), *record.name_bytes()))
}

/// The calling thread's name, as messages show it.
#[cfg(feature = "panic-handler")]
pub(crate) fn shown_name_of_current() -> Text<'static> {
    control().map_or(Text::new(UNNAMED), |control| control.record.shown_name())
}

/// The main thread's control block, all zero until [`adopt_main`]. Its memory is the kernel's and
/// the image's, so there is no mapping to give back, no closure and no result.
struct MainControl(UnsafeCell<MaybeUninit<Control>>);

// SAFETY: only the main thread reaches its cells, through its own thread-local word; others look at
// the completion word alone, which is for all.
unsafe impl Sync for MainControl {}

static MAIN_CONTROL: MainControl = MainControl(UnsafeCell::new(MaybeUninit::zeroed()));

fn main_completion() -> &'static Completion {
    let control = MAIN_CONTROL.0.get().cast::<Control>();
    // SAFETY: zero is a word that was never swapped.
    unsafe { &(*control).completion }
}

/// Gives the calling thread, which ran `_start`, the main thread's identity.
///
/// # Safety
/// 1. This thread's TLS is set up, and it is the one that the kernel started the program with.
/// 2. Called once.
pub(crate) unsafe fn adopt_main() {
    // SAFETY: clause 2.
    unsafe { record::make_main() };
    let control = MAIN_CONTROL.0.get().cast::<Control>();
    // SAFETY: clause 2: nobody has a reference. Zero is what a control block begins as,
    // but for this.
    unsafe { (&raw mut (*control).record).write(&record::MAIN) };
    // SAFETY: clause 1.
    unsafe { arch::set_current(control.expose_provenance()) };
}
