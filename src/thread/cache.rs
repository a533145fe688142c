//! The stack cache: mappings of finished threads, kept for the next ones.
//!
//! A kept mapping saves `mmap`, `mprotect`, two page faults and `munmap`, and the interrupt to
//! every other CPU that `munmap` costs. It is bounded by count and bytes and can be turned off.
//!
//! A thread puts its own mapping here while it still stands on it: an entry is taken or unmapped
//! only when the kernel has cleared the tid word of its last tenant. Each entry carries that
//! tenant's record, and with it one reference.
//!
//! The entries are the tenants' control blocks, which lie in the mappings above the stacks and stay
//! as they were: lists of them need no memory, and no end to their length. There is a list for each
//! order of magnitude. Mappings whose tenant is gone are put in front, where their pages are the
//! likeliest to be in the CPU's caches; those whose tenant is only leaving are put at the end, so
//! that the one in front is always the likeliest to be free.
//!
//! The lock is a spinning one that everybody only tries for, a few times: on an exit path there is
//! no identity to sleep with, and a spawner that cannot have the lock maps afresh instead, so that
//! no priority can invert on it. It is held for a few steps, however much is kept.

use core::cell::UnsafeCell;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicUsize, Ordering};

use spin::mutex::{SpinMutex, SpinMutexGuard};

use super::control::{Control, Mapping, Origin};
use super::record::Record;
use crate::start::Process;
use crate::sys::mem::{self, Advice};

/// What the cache may hold. Both bounds count.
///
/// The default holds 1,024 mappings of at most 17 GiB of addresses (128 MiB on 32-bit CPUs)
/// together, and never more than were in use at once. Untouched pages of them take no memory; while
/// more than 32 are held, those that are added give back what was touched, but for the 16 KiB at
/// the top. Where the kernel refuses a mapping to a spawner, it is emptied.
///
/// # Examples
/// ```
/// use threadbare::thread::{self, CacheLimits};
///
/// thread::set_cache_limits(CacheLimits { mappings_max: 4, ..CacheLimits::DEFAULT });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// The most mappings kept.
    pub mappings_max: usize,
    /// The most bytes kept, counted as the mappings' whole sizes.
    pub bytes_max: usize,
}

impl CacheLimits {
    /// Nothing is kept: every thread's memory is unmapped when the thread is done.
    pub const OFF: CacheLimits = CacheLimits {
        mappings_max: 0,
        bytes_max: 0,
    };

    /// The limits at the program's start.
    pub const DEFAULT: CacheLimits = CacheLimits {
        mappings_max: 1024,
        bytes_max: if usize::BITS > 32 {
            17 << 30
        } else {
            128 << 20
        },
    };
}

impl Default for CacheLimits {
    fn default() -> Self {
        CacheLimits::DEFAULT
    }
}

/// A mapping and the record of the thread that used it last, of which it owns one reference.
#[derive(Clone, Copy)]
pub struct Tenancy {
    pub mapping: Mapping,
    pub record: &'static Record,
}

impl Tenancy {
    /// What a control block says of its mapping.
    pub fn of(control: &Control) -> Tenancy {
        Tenancy {
            mapping: control.mapping,
            record: control.record,
        }
    }
}

/// Unmaps a mapping, by its last tenant's control block, and gives the tenant's record up.
///
/// # Safety
/// 1. The caller owns the mapping, the tenant is gone, and nobody uses the memory any more.
#[cfg_attr(for_size, inline(never))]
pub unsafe fn unmap(control: NonNull<Control>) {
    // SAFETY: clause 1: the mapping is there.
    let Tenancy { mapping, record } = Tenancy::of(unsafe { control.as_ref() });
    // SAFETY: clause 1. A refusal (ENOMEM at `vm.max_map_count`) leaves the mapping where it is: a
    // leak that nobody could have acted on, not a danger.
    let _ = unsafe { mem::unmap(mapping.base, mapping.bytes) };
    // SAFETY: the tenancy's own reference, given up with it.
    unsafe { record.release() };
}

/// How often the lock is tried for before doing without.
const TRIES: usize = 64;
/// How many entries of a list are looked at for one that fits and is free.
const LOOKS: usize = 8;
/// While so many mappings are kept, those that are added keep the pages that were touched.
const WARM_COUNT: usize = 32;
/// What those keep that are added to more, from the stack's high end.
const WARM_BYTES: usize = 16 << 10;

/// The last of some entries, by its control block; null where there are none. The last one is
/// followed by the first, so that both ends are at hand.
type List = *const Control;

/// A list for each power of two that a mapping's size may reach.
const LISTS: usize = usize::BITS as usize;

/// In this order, so that the sum is near.
#[repr(C)]
struct Cache {
    bytes: usize,
    lists: [List; LISTS],
}

/// What the program chose. Beside the cache, so that where nothing is ever chosen these are
/// constants.
struct Limits(UnsafeCell<CacheLimits>);

// SAFETY: reached through the locked cache alone.
unsafe impl Sync for Limits {}

static LIMITS: Limits = Limits(UnsafeCell::new(CacheLimits::DEFAULT));

/// What will do for a new thread: see [`take`].
struct Fit {
    bytes: usize,
    bytes_max: usize,
    guard_bytes: usize,
    origin: Origin,
}

impl Fit {
    fn is(&self, mapping: &Mapping) -> bool {
        mapping.guard_bytes == self.guard_bytes
            && mapping.origin == self.origin
            && (self.bytes..=self.bytes_max).contains(&mapping.bytes)
    }
}

/// What is looked for: what fits, or anything where this is `None`.
type Wanted<'a> = Option<&'a Fit>;

// SAFETY: the mappings in the cache are owned by the cache; addresses mean the same in every
// thread.
unsafe impl Send for Cache {}

static CACHE: SpinMutex<Cache> = SpinMutex::new(Cache::EMPTY);

/// How many mappings are kept. Written with the cache locked; the others need no more than an idea
/// of it.
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn try_lock() -> Option<SpinMutexGuard<'static, Cache>> {
    crate::fork::heed();
    try_lock_as_it_is()
}

/// The same for who has heeded, or is just settling.
fn try_lock_as_it_is() -> Option<SpinMutexGuard<'static, Cache>> {
    for _ in 0..TRIES {
        if let Some(cache) = CACHE.try_lock() {
            return Some(cache);
        }
        core::hint::spin_loop();
    }
    None
}

/// Takes a mapping of at least `bytes` (and not much more) with exactly `guard_bytes` of the same
/// kind of guard, whose last tenant is gone. The caller owns the tenancy, of which this is the
/// control block: in one register.
#[cfg_attr(for_size, inline(never))]
pub fn take(bytes: usize, guard_bytes: usize, origin: Origin) -> Option<NonNull<Control>> {
    // Relaxed: whoever sees none where there is one maps afresh.
    if COUNT.load(Ordering::Relaxed) == 0 {
        return None;
    }
    // Half the address space at most, so that the sum is less than the whole.
    let bytes_max = bytes + bytes / 8 + (1 << 16);
    let fit = Fit {
        bytes,
        bytes_max,
        guard_bytes,
        origin,
    };
    let mut cache = try_lock()?;
    let mut list = list_of(bytes);
    loop {
        let found = cache.remove(list, LOOKS, Some(&fit), false);
        if found.is_some() || bytes_max >> list == 1 {
            return found;
        }
        list += 1;
    }
}

/// Puts a mapping, by its last tenant's control block, into the cache, which owns it from then on;
/// `Err` says that it will not have it.
///
/// # Safety
/// 1. The caller owns the mapping, and when its tenant is gone nobody uses it any more.
pub unsafe fn keep(control: NonNull<Control>) -> Result<(), ()> {
    // SAFETY: clause 1: the mapping is there.
    let is_gone = unsafe { control.as_ref() }.record.is_gone();
    // A tenant that is still leaving may yet run a signal handler on the stack, as deep as it
    // likes.
    // SAFETY: clause 1, and nobody is on the stack if its pages are given back.
    unsafe { add(control, is_gone, is_gone) }
}

/// The same for the calling thread's own mapping.
///
/// # Safety
/// 1. The caller owns the mapping, and uses nothing of it but the stack from here on.
/// 2. Its frames lie within `WARM_BYTES` of the stack's high end.
pub unsafe fn keep_own(control: NonNull<Control>) -> Result<(), ()> {
    // SAFETY: clauses 1 and 2. A handler that runs meanwhile has left its frames when we go on.
    unsafe { add(control, false, true) }
}

/// Adds a mapping, whose tenant is gone or not, without the pages that are too many.
///
/// # Safety
/// 1. As for [`keep`]; and if it `cools`, nothing of value lies `WARM_BYTES` or more below the
///    stack's high end.
#[cfg_attr(for_size, inline(never))]
unsafe fn add(control: NonNull<Control>, is_gone: bool, cools: bool) -> Result<(), ()> {
    // SAFETY: clause 1: the mapping is there.
    let entry = unsafe { control.as_ref() };
    if cools {
        // SAFETY: clause 1.
        unsafe { cool(entry) };
    }
    let mut cache = try_lock().ok_or(())?;
    // They are all mapped at once, so that the sum is less than the address space.
    let bytes = cache.bytes + entry.mapping.bytes;
    let limits = cache.limits();
    // Relaxed, here and below: the lock orders it.
    if COUNT.load(Ordering::Relaxed) >= limits.mappings_max || bytes > limits.bytes_max {
        return Err(());
    }
    cache.add(entry, is_gone);
    Ok(())
}

/// Gives back the pages of a stack but those at its high end, if many mappings are kept already.
///
/// # Safety
/// 1. The caller owns the mapping, and nothing of value lies `WARM_BYTES` or more below the stack's
///    high end.
unsafe fn cool(control: &Control) {
    // Relaxed: a few more or less make no difference.
    if COUNT.load(Ordering::Relaxed) < WARM_COUNT {
        return;
    }
    let Mapping {
        base, guard_bytes, ..
    } = control.mapping;
    let low = base.wrapping_add(guard_bytes);
    let page_mask = Process::get().page_bytes - 1;
    let high = control.stack_top.saturating_sub(WARM_BYTES) & !page_mask;
    if let Some(bytes) = high.checked_sub(low.addr()).filter(|bytes| *bytes > 0) {
        // SAFETY: clause 1. A refusal (locked memory) leaves the pages where they are.
        let _ = unsafe { mem::advise(low, bytes, Advice::DontNeed) };
    }
}

fn list_of(bytes: usize) -> usize {
    (bytes | 1).ilog2() as usize
}

impl Cache {
    const EMPTY: Cache = Cache {
        bytes: 0,
        lists: [ptr::null(); LISTS],
    };

    fn limits(&self) -> CacheLimits {
        // SAFETY: the cache is locked, as there is a reference to it.
        unsafe { *LIMITS.0.get() }
    }

    /// Adds an entry at one of the ends of its list.
    fn add(&mut self, entry: &Control, at_first: bool) {
        let list = &mut self.lists[list_of(entry.mapping.bytes) % LISTS];
        // SAFETY: a list's entries lie in mappings that the cache owns.
        let first = match unsafe { list.as_ref() } {
            Some(last) => last.next_kept.replace(entry),
            None => entry,
        };
        entry.next_kept.set(first);
        // In a ring the two ends are one place, and differ by which entry is called the last.
        if list.is_null() || !at_first {
            *list = entry;
        }
        self.bytes += entry.mapping.bytes;
        COUNT.store(COUNT.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// Removes the first of a list's first `looks` entries that is wanted, and free, unless those
    /// may be busy that somebody stands on. Compiled once.
    #[inline(never)]
    fn remove(
        &mut self,
        index: usize,
        looks: usize,
        wanted: Wanted<'_>,
        may_be_busy: bool,
    ) -> Option<NonNull<Control>> {
        // Not beyond the end in any case: without a check, which would bring a message along.
        let list = &mut self.lists[index % LISTS];
        // SAFETY: a list's entries lie in mappings that the cache owns.
        let mut before = unsafe { list.as_ref() }?;
        for _ in 0..looks {
            // SAFETY: as above; a ring has no end.
            let entry = unsafe { &*before.next_kept.get() };
            let is_last = ptr::eq(entry, *list);
            let fits = wanted.is_none_or(|fit| fit.is(&entry.mapping));
            if fits && (may_be_busy || entry.record.is_gone()) {
                before.next_kept.set(entry.next_kept.get());
                if is_last {
                    // Alone, it comes before itself.
                    let is_alone = ptr::eq(entry, before);
                    *list = if is_alone { ptr::null() } else { before };
                }
                self.bytes -= entry.mapping.bytes;
                COUNT.store(COUNT.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
                return Some(NonNull::from(entry));
            }
            if is_last {
                break;
            }
            before = entry;
        }
        None
    }

    /// Removes any mapping, wherever it is, that is free, unless it may be busy.
    fn remove_any(&mut self, may_be_busy: bool) -> Option<NonNull<Control>> {
        // From the largest, which give the most.
        let mut list = LISTS;
        loop {
            list = list.checked_sub(1)?;
            let found = self.remove(list, usize::MAX, None, may_be_busy);
            if found.is_some() {
                return found;
            }
        }
    }

    /// Removes a mapping if the cache holds more than its limits allow.
    fn remove_excess(&mut self) -> Option<NonNull<Control>> {
        let limits = self.limits();
        let is_over =
            COUNT.load(Ordering::Relaxed) > limits.mappings_max || self.bytes > limits.bytes_max;
        if is_over { self.remove_any(true) } else { None }
    }
}

/// Unmaps all that is kept and not in use; returns whether there was any. For a spawner that the
/// kernel refused memory.
pub fn reclaim() -> bool {
    crate::fork::heed();
    reclaim_as_it_is()
}

fn reclaim_as_it_is() -> bool {
    let mut has_unmapped = false;
    loop {
        let found = match try_lock_as_it_is() {
            Some(mut cache) => cache.remove_any(false),
            None => None,
        };
        let Some(entry) = found else {
            return has_unmapped;
        };
        // SAFETY: the cache owned the mapping, and now this function does; its tenant is gone.
        unsafe { unmap(entry) };
        has_unmapped = true;
    }
}

/// Sets what the stack cache may hold, and unmaps at once what it holds beyond that.
///
/// # Blocking
/// Briefly, while other threads use the cache, and until threads whose memory is unmapped are gone
/// from the kernel.
///
/// # Examples
/// ```
/// use threadbare::thread::{self, CacheLimits};
/// thread::set_cache_limits(CacheLimits::OFF);
/// ```
pub fn set_cache_limits(limits: CacheLimits) {
    let cache = lock();
    // SAFETY: the cache is locked.
    unsafe { *LIMITS.0.get() = limits };
    drop(cache);
    loop {
        // The lock is held for the removal alone; what follows may sleep.
        let excess = lock().remove_excess();
        let Some(entry) = excess else { return };
        // SAFETY: the mapping is there, and this function's.
        let record = unsafe { entry.as_ref() }.record;
        record.wait_until_gone_here();
        // SAFETY: the cache owned the mapping, and now this function does; its tenant is gone.
        unsafe { unmap(entry) };
    }
}

/// Empties the cache in a child of `fork`, and unmaps what was in it. If another thread was inside
/// it when the parent forked, nobody knows what it holds, and that stays mapped.
///
/// # Safety
/// 1. The calling thread is the only one of the process, and not inside the cache.
/// 2. The records say of all others that they are gone.
pub unsafe fn forget() {
    if CACHE.is_locked() {
        // SAFETY: clause 1: whoever holds it is not here.
        unsafe { CACHE.as_mut_ptr().write(Cache::EMPTY) };
        COUNT.store(0, Ordering::Relaxed);
        // SAFETY: likewise.
        unsafe { CACHE.force_unlock() };
    }
    reclaim_as_it_is();
}

/// How many mappings the cache holds, for tests that look for leaks.
#[cfg(feature = "test-seam")]
pub fn kept_count() -> usize {
    let _cache = lock();
    COUNT.load(Ordering::Relaxed)
}

/// Locks the cache from code that may wait and has nothing else to fall back on.
fn lock() -> SpinMutexGuard<'static, Cache> {
    loop {
        match try_lock() {
            Some(cache) => return cache,
            None => crate::sys::task::yield_now(),
        }
    }
}
