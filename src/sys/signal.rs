//! Signals: masks, actions, sending, waiting, and the stack that handlers may run on.
//!
//! By number and with raw handlers: the types for programs are in [`crate::signal`].

mod action;
mod info;

use core::mem::MaybeUninit;

use super::time::{Timespec, with_fallback};
use super::{Errno, call};
use crate::arch::{self, kernel as k};

pub use action::{Action, action, reset, set_action};
#[cfg(feature = "overflow-report")]
pub use action::{KernelAction, exchange_raw as exchange_action};
pub use info::Info;

/// The kernel's signal set: 64 signals, 128 on MIPS. Not the C library's 1024.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct SignalSet(k::kernel_sigset_t);

impl SignalSet {
    /// Every signal.
    pub const ALL: SignalSet = {
        // SAFETY: a set of bits has no invalid value.
        SignalSet(unsafe {
            core::mem::transmute::<[u8; SET_BYTES], k::kernel_sigset_t>([0xff; SET_BYTES])
        })
    };
    /// No signal.
    pub const NONE: SignalSet = {
        // SAFETY: a set of bits has no invalid value.
        SignalSet(unsafe {
            core::mem::transmute::<[u8; SET_BYTES], k::kernel_sigset_t>([0; SET_BYTES])
        })
    };

    /// Adds a signal.
    pub fn insert(&mut self, signal: u32) {
        // SAFETY: as in `words`.
        let words: &mut [usize; SET_WORDS] = unsafe { &mut *(&raw mut *self).cast() };
        let bit = signal as usize - 1;
        words[bit / usize::BITS as usize] |= 1 << (bit % usize::BITS as usize);
    }

    /// Takes a signal out.
    pub fn remove(&mut self, signal: u32) {
        // SAFETY: as in `words`.
        let words: &mut [usize; SET_WORDS] = unsafe { &mut *(&raw mut *self).cast() };
        let bit = signal as usize - 1;
        words[bit / usize::BITS as usize] &= !(1 << (bit % usize::BITS as usize));
    }

    /// Whether a signal is in the set.
    pub fn contains(&self, signal: u32) -> bool {
        let bit = signal as usize - 1;
        let word = self.words()[bit / usize::BITS as usize];
        word & 1 << (bit % usize::BITS as usize) != 0
    }

    /// The set of so many words.
    pub fn from_words(words: [usize; SET_WORDS]) -> SignalSet {
        // SAFETY: as in `words`; a set of bits has no invalid value.
        unsafe { core::mem::transmute(words) }
    }

    /// The set as the array of words that it is (`include/linux/signal.h`): signal n is bit n - 1.
    pub fn words(&self) -> [usize; SET_WORDS] {
        // SAFETY: an array of words of the same size, however its first field is declared.
        unsafe { core::mem::transmute(*self) }
    }
}

const SET_WORDS: usize = SET_BYTES / size_of::<usize>();
const SET_BYTES: usize = size_of::<k::kernel_sigset_t>();
const _: () = assert!(SET_BYTES * 8 == k::_NSIG as usize);

/// Blocks every signal that can be blocked and returns the mask that was in force.
pub fn block_all() -> SignalSet {
    let mut mask = SignalSet::ALL;
    // SAFETY: the set is ours alone.
    if let Err(errno) = unsafe { try_block_all_into(&mut mask) } {
        crate::fatal::fatal_errno(c"rt_sigprocmask", errno);
    }
    mask
}

/// The same where a refusal can still be told to somebody: nothing has begun yet.
///
/// # Errors
/// `EPERM`, `ENOSYS`: a seccomp filter.
#[inline(always)]
pub fn try_block_all() -> Result<SignalSet, Errno> {
    let mut mask = SignalSet::ALL;
    // SAFETY: the set is ours alone.
    unsafe { try_block_all_into(&mut mask) }?;
    Ok(mask)
}

/// The same, which leaves the mask that was in force at `mask`.
///
/// # Errors
/// As [`try_block_all`].
///
/// # Safety
/// 1. `mask` is aligned, writable and nobody else's.
#[inline(always)]
pub unsafe fn try_block_all_into(mask: *mut SignalSet) -> Result<(), Errno> {
    // Two sets in one place: the kernel has read the new one when it writes the old one
    // (`kernel/signal.c`, `rt_sigprocmask`).
    // SAFETY: clause 1.
    unsafe { mask.write(SignalSet::ALL) };
    // SAFETY: clause 1.
    unsafe { try_change_mask(k::SIG_BLOCK, mask, mask) }
}

/// Blocks the signals of `set` as well and returns the mask that was in force.
pub fn block(set: &SignalSet) -> SignalSet {
    let mut old = SignalSet::NONE;
    // SAFETY: both sets live through the call, and `old` is ours alone.
    unsafe { change_mask(k::SIG_BLOCK, set, &mut old) };
    old
}

/// Lets the signals of `set` through and returns the mask that was in force.
pub fn unblock_all_of(set: &SignalSet) -> SignalSet {
    let mut old = SignalSet::NONE;
    // SAFETY: both sets live through the call, and `old` is ours alone.
    unsafe { change_mask(k::SIG_UNBLOCK, set, &mut old) };
    old
}

/// Puts a mask in force and returns the one before.
pub fn replace(mask: &SignalSet) -> SignalSet {
    let mut old = SignalSet::NONE;
    // SAFETY: both sets live through the call, and `old` is ours alone.
    unsafe { change_mask(k::SIG_SETMASK, mask, &mut old) };
    old
}

/// Blocks the signals of `set` as well, if the kernel lets us, where a refusal can be borne.
pub fn try_block(set: &SignalSet) {
    // SAFETY: the set lives through the call; a null old set is not written.
    let _ = unsafe { try_change_mask(k::SIG_BLOCK, set, core::ptr::null_mut()) };
}

/// Returns the mask in force.
pub fn mask() -> SignalSet {
    let mut mask = SignalSet::NONE;
    // SAFETY: a null set changes nothing; `mask` is ours alone.
    unsafe { change_mask(k::SIG_SETMASK, core::ptr::null(), &mut mask) };
    mask
}

/// Puts a mask in force.
#[inline]
pub fn restore(mask: &SignalSet) {
    // SAFETY: the set lives through the call; a null old set is not written.
    unsafe { change_mask(k::SIG_SETMASK, mask, core::ptr::null_mut()) };
}

/// Puts a mask in force, where a refusal can be told to somebody.
///
/// # Errors
/// `EPERM`, `ENOSYS`: a seccomp filter.
pub fn try_restore(mask: &SignalSet) -> Result<(), Errno> {
    // SAFETY: the set lives through the call; a null old set is not written.
    unsafe { try_change_mask(k::SIG_SETMASK, mask, core::ptr::null_mut()) }
}

/// Lets `signal` through, if the kernel lets us: this is on the way of dying, where a refusal must
/// not be fatal once more.
#[cfg_attr(for_size, inline(always))] // Into the one caller.
pub fn unblock(signal: u32) {
    let mut set = SignalSet::NONE;
    set.insert(signal);
    // SAFETY: the set lives through the call; a null old set is not written.
    let _ = unsafe { try_change_mask(k::SIG_UNBLOCK, &set, core::ptr::null_mut()) };
}

/// `rt_sigprocmask(2)`, whose only errors are wrong pointers, sizes and operations: ours to avoid.
///
/// # Safety
/// 1. `old` is null or writable, `set` is null or readable.
#[inline(always)]
unsafe fn change_mask(how: u32, set: *const SignalSet, old: *mut SignalSet) {
    // SAFETY: clause 1.
    if let Err(errno) = unsafe { try_change_mask(how, set, old) } {
        crate::fatal::fatal_errno(c"rt_sigprocmask", errno);
    }
}

/// `rt_sigprocmask(2)`.
///
/// # Safety
/// 1. `old` is null or writable, `set` is null or readable.
#[inline(always)]
unsafe fn try_change_mask(
    how: u32,
    set: *const SignalSet,
    old: *mut SignalSet,
) -> Result<(), Errno> {
    // SAFETY: clause 1.
    Errno::decode(unsafe { change_mask_raw(how, set, old) }).map(|_| ())
}

/// The call itself, once for all who change the mask; its result in a register.
///
/// # Safety
/// 1. As [`try_change_mask`].
#[inline(never)]
unsafe fn change_mask_raw(how: u32, set: *const SignalSet, old: *mut SignalSet) -> isize {
    let (how, from, to) = (how as usize, set as usize, old as usize);
    let nr = arch::nr::RT_SIGPROCMASK;
    // SAFETY: clause 1.
    super::made_raw(nr, || unsafe {
        arch::syscall4(nr, how, from, to, SET_BYTES)
    })
}

/// Stores this thread's mask at `to`, for who wants to know whether the kernel can store there.
///
/// # Errors
/// `EFAULT`: it cannot. Source: sigprocmask(2).
///
/// # Safety
/// 1. Nobody relies on what is in the first bytes at `to`, as many as a set has.
pub unsafe fn store_mask(to: *mut u8) -> Result<(), Errno> {
    // SAFETY: clause 1; a null set changes nothing. Where `to` is no memory the kernel says so.
    unsafe { try_change_mask(k::SIG_BLOCK, core::ptr::null(), to.cast()) }
}

/// Sends `signal` to this thread.
///
/// # Errors
/// Those of [`send`]; where a filter refuses to tell the numbers, it knows none such.
pub fn raise(signal: u32) -> Result<(), Errno> {
    let (of_process, of_thread) = (arch::nr::GETPID, arch::nr::GETTID);
    // SAFETY: the calls touch no memory.
    let process = super::made_raw(of_process, || unsafe { arch::syscall0(of_process) });
    // SAFETY: likewise.
    let thread = super::made_raw(of_thread, || unsafe { arch::syscall0(of_thread) });
    // SAFETY: tgkill touches no memory.
    unsafe { call!(TGKILL, process as usize, thread as usize, signal as usize) }?;
    Ok(())
}

/// Sends `signal` to the thread of this process that the kernel knows by the number `thread`.
///
/// # Errors
/// `ESRCH`: there is no such thread here. `EAGAIN`: a real-time signal, and `RLIMIT_SIGPENDING`
/// is reached. `EINVAL`: no such signal. Source: tgkill(2), `kernel/signal.c`.
pub fn send(thread: u32, signal: u32) -> Result<(), Errno> {
    let process = super::task::process_id() as usize;
    // SAFETY: tgkill touches no memory.
    unsafe { call!(TGKILL, process, thread as usize, signal as usize) }?;
    Ok(())
}

/// Sends `signal` to a process, as whose thread the kernel pleases.
///
/// # Errors
/// `ESRCH`: there is no such process. `EPERM`: it belongs to somebody else. `EINVAL`: no such
/// signal. Source: kill(2).
pub fn send_to_process(process: i32, signal: u32) -> Result<(), Errno> {
    // SAFETY: kill touches no memory.
    unsafe { call!(KILL, process as usize, signal as usize) }?;
    Ok(())
}

/// Takes a pending signal of `set`, or sleeps until there is one.
///
/// # Blocking
/// Until then, until a handler of another signal has run, or until `timeout` is over.
///
/// # Errors
/// `EAGAIN`: the time is over. `EINTR`: a handler ran. `EINVAL`: `timeout` is negative.
/// Source: sigtimedwait(2).
pub fn wait(set: &SignalSet, timeout: Option<Timespec>) -> Result<Info, Errno> {
    let mut info = MaybeUninit::<Info>::zeroed();
    let (from, to) = ((&raw const *set).addr(), info.as_mut_ptr());
    let to_address = to.expose_provenance();
    let (time, time32) = (
        timeout.map(Timespec::to_kernel),
        timeout.map(Timespec::to_kernel32),
    );
    with_fallback(
        || {
            let time = time.as_ref().map_or(0, |time| time.as_ptr() as usize);
            // SAFETY: the kernel reads a set and two words of 64 bits, and writes an `Info`.
            unsafe { call!(RT_SIGTIMEDWAIT_TIME64, from, to_address, time, SET_BYTES) }
        },
        |old| {
            let nr = old.rt_sigtimedwait;
            let time = time32.as_ref().map_or(0, |time| time.as_ptr() as usize);
            // SAFETY: likewise, with words of 32 bits.
            super::made(nr, || unsafe {
                arch::syscall4(nr, from, to_address, time, SET_BYTES)
            })
        },
    )?;
    // SAFETY: zeroes are a valid `Info`, and so is what the kernel wrote over them.
    Ok(unsafe { to.read() })
}

/// Takes a pending signal of `set`, if there is one.
pub fn take_pending(set: &SignalSet) {
    // No time at all, in words of either size.
    let time = [0u64; 2];
    let (from, nowhere, time) = ((&raw const *set).addr(), 0, (&raw const time).addr());
    let _ = with_fallback(
        // SAFETY: the kernel reads a set and two words, and tells nobody what it took.
        || unsafe { call!(RT_SIGTIMEDWAIT_TIME64, from, nowhere, time, SET_BYTES) },
        |old| {
            let nr = old.rt_sigtimedwait;
            // SAFETY: likewise.
            super::made(nr, || unsafe {
                arch::syscall4(nr, from, nowhere, time, SET_BYTES)
            })
        },
    );
}

/// Makes `[low, low + bytes)` the stack on which this thread's handlers with `SA_ONSTACK` run.
///
/// # Errors
/// `ENOMEM`: it is smaller than the kernel wants. `EPERM`: the thread is running on its present
/// one. Source: sigaltstack(2).
///
/// # Safety
/// 1. Nobody else uses the memory until the thread has ended or has another signal stack.
#[cfg_attr(for_size, inline(never))]
pub unsafe fn set_stack(low: *mut u8, bytes: usize) -> Result<(), Errno> {
    let stack = k::stack_t {
        ss_sp: low.cast(),
        ss_flags: 0,
        ss_size: bytes as _,
    };
    low.expose_provenance();
    // SAFETY: the kernel reads the description; clause 1.
    unsafe { call!(SIGALTSTACK, (&raw const stack).addr(), 0) }?;
    Ok(())
}

/// Whether the calling thread is running on its signal stack.
pub fn is_on_stack() -> bool {
    let mut stack = k::stack_t {
        ss_sp: core::ptr::null_mut(),
        ss_flags: 0,
        ss_size: 0,
    };
    let to = &raw mut stack;
    // SAFETY: the kernel writes a description.
    let asked = unsafe { call!(SIGALTSTACK, 0, to.expose_provenance()) };
    // SAFETY: initialised above, and written by the kernel at most.
    asked.is_ok() && unsafe { to.read() }.ss_flags as u32 & k::SS_ONSTACK != 0
}
