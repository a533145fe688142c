//! The stack cache: mappings of finished threads, kept for the next ones.
//!
//! A kept mapping saves `mmap`, `mprotect`, two page faults and `munmap`, and the interrupt to
//! every other CPU that `munmap` costs. It is bounded by count and bytes and can be turned off.
//!
//! A thread puts its own mapping here while it still stands on it: an entry is taken or unmapped
//! only when the kernel has cleared the tid word of its last tenant. Each entry carries that
//! tenant's record, and with it one reference.
//!
//! The lock is a spinning one that everybody only tries for, a few times: on an exit path there is
//! no identity to sleep with, and a spawner that cannot have the lock maps afresh instead, so that
//! no priority can invert on it and a child of `fork` that inherits it locked spawns without it.

use super::control::{Mapping, Origin};
use super::record::Record;
use crate::sys::mem;

/// What the cache may hold. Both bounds count.
///
/// The default holds 32 mappings of at most 1 GiB of addresses (128 MiB on 32-bit CPUs) together;
/// untouched pages of them take no memory.
///
/// # Examples
/// ```
/// use threadbare::thread::{self, CacheLimits};
///
/// thread::set_cache_limits(CacheLimits { mappings_max: 4, ..CacheLimits::DEFAULT });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// The most mappings kept; what exceeds 64 counts as 64.
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
        mappings_max: 32,
        bytes_max: if usize::BITS > 32 { 1 << 30 } else { 128 << 20 },
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
    /// Unmaps the memory, after its tenant is gone, and gives the record up.
    ///
    /// # Blocking
    /// Until the tenant's tid word is clear; the caller is the only one that owns the mapping.
    ///
    /// # Safety
    /// 1. The caller owns the mapping and nobody uses it any more but a tenant that is leaving.
    pub unsafe fn unmap(self) {
        self.record.wait_until_gone_here();
        // SAFETY: clause 1, and the tenant is gone. A refusal (ENOMEM at `vm.max_map_count`) leaves
        // the mapping where it is: a leak that nobody could have acted on, not a danger.
        let _ = unsafe { mem::unmap(self.mapping.base, self.mapping.bytes) };
        // SAFETY: the tenancy's own reference, given up with it.
        unsafe { self.record.release() };
    }
}

const CAPACITY: usize = 64;
/// How often the lock is tried for before doing without.
const TRIES: usize = 64;

struct Cache {
    kept: [Option<Tenancy>; CAPACITY],
    count: usize,
    bytes: usize,
    limits: CacheLimits,
}

// SAFETY: a tenancy in the cache is owned by the cache; addresses mean the same in every thread.
unsafe impl Send for Cache {}

static CACHE: spin::Mutex<Cache> = spin::Mutex::new(Cache {
    kept: [None; CAPACITY],
    count: 0,
    bytes: 0,
    limits: CacheLimits::DEFAULT,
});

fn try_lock() -> Option<spin::MutexGuard<'static, Cache>> {
    for _ in 0..TRIES {
        if let Some(cache) = CACHE.try_lock() {
            return Some(cache);
        }
        core::hint::spin_loop();
    }
    None
}

/// Takes a mapping of at least `bytes` (and not much more) with exactly `guard_bytes` of the same
/// kind of guard, whose last tenant is gone. The caller owns the tenancy.
pub fn take(bytes: usize, guard_bytes: usize, origin: Origin) -> Option<Tenancy> {
    let mut cache = try_lock()?;
    let bytes_max = bytes.saturating_add(bytes / 8).saturating_add(1 << 16);
    // The newest first: its pages are the likeliest to be in the CPU's caches.
    let index = (0..cache.count).rev().find(|&index| {
        cache.kept[index].is_some_and(|tenancy| {
            let mapping = tenancy.mapping;
            mapping.guard_bytes == guard_bytes
                && mapping.origin == origin
                && (bytes..=bytes_max).contains(&mapping.bytes)
                && tenancy.record.is_gone()
        })
    })?;
    Some(cache.remove(index))
}

/// Puts a mapping into the cache, which owns it from then on; `Err` gives it back to the caller.
///
/// # Safety
/// 1. The caller owns the mapping, and when its tenant is gone nobody uses it any more.
pub unsafe fn keep(tenancy: Tenancy) -> Result<(), Tenancy> {
    let Some(mut cache) = try_lock() else {
        return Err(tenancy);
    };
    let count_max = cache.limits.mappings_max.min(CAPACITY);
    let bytes = cache.bytes.saturating_add(tenancy.mapping.bytes);
    if cache.count >= count_max || bytes > cache.limits.bytes_max {
        return Err(tenancy);
    }
    let index = cache.count;
    cache.kept[index] = Some(tenancy);
    cache.count += 1;
    cache.bytes = bytes;
    Ok(())
}

impl Cache {
    fn remove(&mut self, index: usize) -> Tenancy {
        self.count -= 1;
        self.kept.swap(index, self.count);
        let Some(tenancy) = self.kept[self.count].take() else {
            crate::fatal::fatal("the stack cache lost count of its entries");
        };
        self.bytes -= tenancy.mapping.bytes;
        tenancy
    }

    /// Removes a mapping whose last tenant is gone, if there is one.
    fn remove_gone(&mut self) -> Option<Tenancy> {
        let is_gone =
            |tenancy: &Option<Tenancy>| tenancy.is_some_and(|tenancy| tenancy.record.is_gone());
        let index = self.kept[..self.count].iter().position(is_gone)?;
        Some(self.remove(index))
    }

    /// Removes the oldest mapping if the cache holds more than its limits allow.
    fn remove_excess(&mut self) -> Option<Tenancy> {
        let is_over = self.count > self.limits.mappings_max.min(CAPACITY)
            || self.bytes > self.limits.bytes_max;
        if is_over && self.count > 0 {
            Some(self.remove(0))
        } else {
            None
        }
    }
}

/// Unmaps all that is kept and not in use; returns whether there was any. For a spawner that the
/// kernel refused memory.
pub fn reclaim() -> bool {
    let mut has_unmapped = false;
    while let Some(tenancy) = try_lock().and_then(|mut cache| cache.remove_gone()) {
        // SAFETY: the cache owned the mapping, and now this function does.
        unsafe { tenancy.unmap() };
        has_unmapped = true;
    }
    has_unmapped
}

/// Sets what the stack cache may hold, and unmaps at once what it holds beyond that.
///
/// # Blocking
/// Briefly, while other threads use the cache, and until threads whose memory is unmapped are gone
/// from the kernel. In a child of `fork` whose parent had a thread inside the cache at that moment,
/// for ever: such a child has no cache.
///
/// # Examples
/// ```
/// use threadbare::thread::{self, CacheLimits};
/// thread::set_cache_limits(CacheLimits::OFF);
/// ```
pub fn set_cache_limits(limits: CacheLimits) {
    lock().limits = limits;
    loop {
        // The lock is held for the removal alone; what follows may sleep.
        let excess = lock().remove_excess();
        let Some(tenancy) = excess else { return };
        // SAFETY: the cache owned the mapping, and now this function does.
        unsafe { tenancy.unmap() };
    }
}

/// How many mappings the cache holds, for tests that look for leaks.
#[cfg(feature = "test-seam")]
pub fn kept_count() -> usize {
    lock().count
}

/// Locks the cache from code that may wait and has nothing else to fall back on.
fn lock() -> spin::MutexGuard<'static, Cache> {
    loop {
        match try_lock() {
            Some(cache) => return cache,
            None => crate::sys::task::yield_now(),
        }
    }
}
