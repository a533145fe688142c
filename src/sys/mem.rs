//! Mappings: `mmap`, `mprotect`, `munmap`.

use super::{Errno, call};
use crate::arch::{MmapArguments, kernel as k};

bitflags::bitflags! {
    /// What may be done with mapped pages (mmap(2)).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Prot: u32 {
        /// Nothing: an access faults.
        const NONE = k::PROT_NONE;
        /// Reading.
        const READ = k::PROT_READ;
        /// Writing.
        const WRITE = k::PROT_WRITE;
    }

    /// What kind of mapping it is (mmap(2)).
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Map: u32 {
        /// Changes are this process's own.
        const PRIVATE = k::MAP_PRIVATE;
        /// Zeroes, not a file.
        const ANONYMOUS = k::MAP_ANONYMOUS;
        /// A stack: since Linux 6.7 no transparent huge pages (`include/linux/mman.h`).
        const STACK = k::MAP_STACK;
        /// No swap space is set aside for it.
        const NORESERVE = k::MAP_NORESERVE;
    }
}

/// Maps `bytes` of zeroed memory at a place that the kernel chooses.
///
/// # Errors
/// `ENOMEM`: no address range, `RLIMIT_AS`, `RLIMIT_DATA`, `vm.max_map_count`, or overcommit
/// refused. `EAGAIN`: `mlockall(MCL_FUTURE)` and `RLIMIT_MEMLOCK`. `EINVAL`: zero bytes.
/// `EPERM`: a security module. Source: mmap(2).
#[inline(always)]
pub fn map(bytes: usize, prot: Prot, flags: Map) -> Result<*mut u8, Errno> {
    let flags = flags | Map::PRIVATE | Map::ANONYMOUS;
    let address =
        Errno::decode_address(map_raw(bytes, prot.bits() as usize, flags.bits() as usize))?;
    Ok(core::ptr::with_exposed_provenance_mut(address))
}

/// The call itself, once for all who map; its result as the kernel's, in a register.
#[inline(never)]
fn map_raw(bytes: usize, prot: usize, flags: usize) -> isize {
    let no_file = usize::MAX;
    // SAFETY: without MAP_FIXED no existing mapping is touched. The offset is 0 in every unit.
    unsafe { map_anything_raw([0, bytes, prot, flags, no_file, 0]) }
}

/// `mmap` with any arguments, as this CPU takes them: the last is in units of `MMAP_OFFSET_UNIT`.
///
/// # Errors
/// Those of mmap(2).
///
/// # Safety
/// 1. With MAP_FIXED: the caller owns the range, and nobody uses what was there.
#[cfg(feature = "test-seam")]
pub unsafe fn map_anything(arguments: [usize; 6]) -> Result<usize, Errno> {
    // SAFETY: clause 1.
    Errno::decode_address(unsafe { map_anything_raw(arguments) })
}

/// `mmap`, not decoded.
///
/// # Safety
/// 1. With MAP_FIXED: the caller owns the range, and nobody uses what was there.
#[inline(always)]
unsafe fn map_anything_raw(arguments: [usize; 6]) -> isize {
    use crate::arch::{nr, syscall1, syscall6};
    crate::sys::made_raw(nr::MMAP, || match crate::arch::MMAP_ARGUMENTS {
        MmapArguments::Registers => {
            let [address, bytes, prot, flags, fd, offset] = arguments;
            // SAFETY: clause 1.
            unsafe { syscall6(nr::MMAP, address, bytes, prot, flags, fd, offset) }
        }
        // SAFETY: clause 1; the kernel reads six words.
        MmapArguments::Memory => unsafe { syscall1(nr::MMAP, arguments.as_ptr() as usize) },
    })
}

/// Changes what may be done with `[address, address + bytes)`.
///
/// # Errors
/// `ENOMEM`: the range would be split past `vm.max_map_count`, or overcommit refused.
/// `EACCES`: a security module. `EINVAL`: `address` is not page-aligned. Source: mprotect(2).
///
/// # Safety
/// 1. The caller owns the range, and nobody relies on access that `prot` takes away.
pub unsafe fn protect(address: *mut u8, bytes: usize, prot: Prot) -> Result<(), Errno> {
    // SAFETY: clause 1.
    unsafe {
        call!(
            MPROTECT,
            address.expose_provenance(),
            bytes,
            prot.bits() as usize
        )
    }?;
    Ok(())
}

/// What the kernel is told about pages (madvise(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Their contents are of no use any more: the next access finds zeroes.
    DontNeed,
    /// They are not to become part of a huge page.
    NoHugePage,
    /// A child of `fork` is to find zeroes (Linux 4.14).
    WipeOnFork,
    /// Every access is to fault, with no mapping of their own (Linux 6.13).
    GuardInstall,
}

/// Advises the kernel about `[address, address + bytes)`.
///
/// # Errors
/// `EINVAL`: the kernel knows no such advice, the range is locked, or it is not page-aligned.
/// `ENOMEM`: part of it is not mapped. `EPERM`: a seccomp filter. Source: madvise(2).
///
/// # Safety
/// 1. The caller owns the range, and nobody relies on what the advice takes away.
pub unsafe fn advise(address: *mut u8, bytes: usize, advice: Advice) -> Result<(), Errno> {
    let advice = match advice {
        Advice::DontNeed => k::MADV_DONTNEED,
        Advice::NoHugePage => k::MADV_NOHUGEPAGE,
        Advice::WipeOnFork => k::MADV_WIPEONFORK,
        Advice::GuardInstall => k::MADV_GUARD_INSTALL,
    };
    // SAFETY: clause 1.
    unsafe { call!(MADVISE, address.expose_provenance(), bytes, advice as usize) }?;
    Ok(())
}

/// Asks which of `count` pages from `address` on are in memory: a byte each, whose lowest bit
/// tells, at the beginning of `answers`.
///
/// # Errors
/// `ENOMEM`: part of the range is not mapped. `ENOSYS`, `EPERM`: a seccomp filter.
/// Source: mincore(2).
pub fn resident(
    address: usize,
    page_bytes: usize,
    count: usize,
    answers: &mut [u8],
) -> Result<(), Errno> {
    assert!(count <= answers.len());
    let to = answers.as_mut_ptr().expose_provenance();
    // SAFETY: the kernel writes a byte a page, and only looks at the range itself.
    unsafe { call!(MINCORE, address, count * page_bytes, to) }?;
    Ok(())
}

/// Gives `[address, address + bytes)` back.
///
/// # Errors
/// `ENOMEM`: the range lies inside a larger mapping, and splitting that would exceed
/// `vm.max_map_count`; nothing was unmapped. `EINVAL`: not page-aligned, or zero bytes.
/// Source: munmap(2).
///
/// # Safety
/// 1. The caller owns the range, and nobody uses it after this.
pub unsafe fn unmap(address: *mut u8, bytes: usize) -> Result<(), Errno> {
    // SAFETY: clause 1.
    unsafe { call!(MUNMAP, address.expose_provenance(), bytes) }?;
    Ok(())
}
