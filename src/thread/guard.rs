//! What lies below a stack, so that running out of it is a fault and not a silent overwrite.

use core::ptr;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use super::control::{Mapping, Origin};
use crate::arch;
use crate::sys::mem::{self, Advice, Map, Prot};
use crate::sys::{Errno, signal};
use crate::used::Used;

/// What lies below a thread's stack.
///
/// # Examples
/// ```
/// use threadbare::thread::{self, Builder, Guard};
///
/// // A function of this thread has frames of up to a megabyte.
/// let builder = Builder::new().guard(Guard::Bytes(1 << 20));
/// let handle = builder.spawn(|| thread::stack().guard_size())?;
/// assert_eq!(handle.join().unwrap(), 1 << 20);
/// # Ok::<(), thread::SpawnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Guard {
    /// So many bytes without access, rounded up to pages: a mapping of its own, `mprotect(2)`.
    /// A frame that is larger may step over it where the compiler makes no stack probes (ARM,
    /// RISC-V, LoongArch, MIPS, SPARC, Hexagon); the default there is 64 KiB, elsewhere a page.
    Bytes(usize),
    /// As much as the default guard, marked in the page tables (`MADV_GUARD_INSTALL`, Linux 6.13)
    /// instead of being a mapping of its own, so that `vm.max_map_count` allows for many more
    /// threads. It is not to be seen in `/proc/self/maps`, and checkpointing tools may not know it.
    ///
    /// The first one is tried out, because emulators take the advice and do nothing: where it has
    /// no effect, or the kernel refuses (too old, memory is locked), the default guard serves, then
    /// and ever after.
    Lightweight,
    /// Nothing: who runs out of stack overwrites what lies below.
    None,
}

/// The least guard where rustc emits no stack probes: a frame must be larger to step over it.
const BYTES_UNPROBED: usize = 64 << 10;
/// The default: as many bytes, rounded up to pages.
const BYTES_DEFAULT: usize = if arch::STACK_PROBES {
    1
} else {
    BYTES_UNPROBED
};

/// How [`DEFAULT`] says [`Guard::Lightweight`]: a size that no guard has.
const LIGHTWEIGHT: usize = usize::MAX;
/// What a builder uses that was told nothing, as a size; 0 for none.
static DEFAULT: AtomicUsize = AtomicUsize::new(BYTES_DEFAULT);

/// Sets the guard of threads whose builder says nothing about it.
///
/// # Examples
/// ```
/// use threadbare::thread::{self, Guard};
///
/// thread::set_default_guard(Guard::Lightweight);
/// thread::spawn(|| threadbare::println!("guarded")).join().unwrap();
/// ```
pub fn set_default_guard(guard: Guard) {
    guard.note();
    let encoded = match guard {
        Guard::Bytes(bytes) => bytes.min(LIGHTWEIGHT - 1),
        Guard::Lightweight => LIGHTWEIGHT,
        Guard::None => 0,
    };
    // Relaxed: a number of its own, with which no memory goes.
    DEFAULT.store(encoded, Ordering::Relaxed);
}

/// Whether there is to be a lightweight guard.
static LIGHTWEIGHTS: Used = Used::new();

impl Guard {
    /// Notes what it takes to make it.
    pub(super) fn note(self) {
        if self == Guard::Lightweight {
            LIGHTWEIGHTS.set();
        }
    }

    /// What [`set_default_guard`] said last.
    pub(super) fn default() -> Guard {
        match DEFAULT.load(Ordering::Relaxed) {
            LIGHTWEIGHT => Guard::Lightweight,
            0 => Guard::None,
            bytes => Guard::Bytes(bytes),
        }
    }

    /// Its least size, and which kind of mapping has it.
    pub(super) fn resolve(self) -> (usize, Origin) {
        match self {
            Guard::Bytes(bytes) => (bytes, Origin::Mapped),
            Guard::None => (0, Origin::Mapped),
            Guard::Lightweight if STANDING.load(Ordering::Relaxed) == REFUSED => {
                (BYTES_DEFAULT, Origin::Mapped)
            }
            Guard::Lightweight => (BYTES_DEFAULT, Origin::MappedLightweight),
        }
    }
}

/// What is known of lightweight guards. Relaxed throughout: who finds an old value tries one more.
static STANDING: AtomicU8 = AtomicU8::new(UNTRIED);
const UNTRIED: u8 = 0;
const TRUSTED: u8 = 1;
const REFUSED: u8 = 2;

/// Maps a new thread's memory, whose lowest `guard_bytes` are the guard, of the kind that `origin`
/// says or, where that is not to be had, of the other one.
///
/// # Errors
/// Those of `mmap` and `mprotect`; nothing is left mapped.
#[inline(always)]
pub(super) fn map(bytes: usize, guard_bytes: usize, origin: Origin) -> Result<Mapping, Errno> {
    let (base, origin) = if origin == Origin::MappedLightweight
        && LIGHTWEIGHTS.get()
        && let Some(base) = map_lightweight(bytes, guard_bytes)?
    {
        (base, origin)
    } else {
        let base = Errno::decode_address(map_with_pages(bytes, guard_bytes))?;
        (ptr::with_exposed_provenance_mut(base), Origin::Mapped)
    };
    Ok(Mapping {
        base,
        bytes,
        guard_bytes,
        origin,
    })
}

/// The same with a guard of pages without access: the address or error as the kernel says it, in a
/// register.
#[cfg_attr(all(for_size, feature = "cache"), inline(never))]
#[cfg_attr(all(for_size, not(feature = "cache")), inline(always))]
fn map_with_pages(bytes: usize, guard_bytes: usize) -> isize {
    // Inaccessible first: nothing can merge with the stack or touch it before the guard exists.
    let (is_guarded, open) = (guard_bytes != 0, Prot::READ | Prot::WRITE);
    let prot = if is_guarded { Prot::NONE } else { open };
    let base = match mem::map(bytes, prot, Map::STACK | Map::NORESERVE) {
        Ok(base) => base,
        Err(errno) => return errno.encode(),
    };
    let usable = base.wrapping_add(guard_bytes);
    if is_guarded
        // SAFETY: the range above the guard lies in the mapping, which is ours.
        && let Err(errno) = unsafe { mem::protect(usable, bytes - guard_bytes, open) }
    {
        // SAFETY: the whole mapping, just made, used by nobody. It cannot be split by this, so the
        // kernel has no reason to refuse.
        let _ = unsafe { mem::unmap(base, bytes) };
        return errno.encode();
    }
    base.expose_provenance().cast_signed()
}

/// Maps memory with a lightweight guard; `None` where that does not work, and never will.
fn map_lightweight(bytes: usize, guard_bytes: usize) -> Result<Option<*mut u8>, Errno> {
    let base = mem::map(bytes, Prot::READ | Prot::WRITE, Map::STACK | Map::NORESERVE)?;
    // SAFETY: the range lies in the mapping, which is ours.
    let installed = unsafe { mem::advise(base, guard_bytes, Advice::GuardInstall) };
    if installed.is_ok() && is_trusted(base) {
        return Ok(Some(base));
    }
    // Not if they were trusted before: then this is a refusal of the moment.
    let (untried, refused) = (UNTRIED, REFUSED);
    let _ = STANDING.compare_exchange(untried, refused, Ordering::Relaxed, Ordering::Relaxed);
    // SAFETY: the whole mapping, just made, used by nobody.
    let _ = unsafe { mem::unmap(base, bytes) };
    Ok(None)
}

/// Whether the guard that begins at `page` is one. The first time the kernel is made to store
/// something there: that must fault.
fn is_trusted(page: *mut u8) -> bool {
    if STANDING.load(Ordering::Relaxed) == TRUSTED {
        return true;
    }
    // SAFETY: the page is ours, and nothing is in it yet.
    let is_guard = unsafe { signal::store_mask(page) } == Err(Errno::FAULT);
    if is_guard {
        STANDING.store(TRUSTED, Ordering::Relaxed);
    }
    is_guard
}
