//! Signal masks, and the signal that ends a process.

use linux_raw_sys::general as k;

use super::{Errno, call};

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
}

const SET_BYTES: usize = size_of::<k::kernel_sigset_t>();
const _: () = assert!(SET_BYTES * 8 == k::_NSIG as usize);

/// Blocks every signal that can be blocked and returns the mask that was in force.
pub fn block_all() -> SignalSet {
    let mut old = SignalSet::NONE;
    // SAFETY: both sets live through the call, and `old` is ours alone.
    unsafe { change_mask(k::SIG_BLOCK, &SignalSet::ALL, &mut old) };
    old
}

/// Puts a mask in force.
pub fn restore(mask: &SignalSet) {
    // SAFETY: the set lives through the call; a null old set is not written.
    unsafe { change_mask(k::SIG_SETMASK, mask, core::ptr::null_mut()) };
}

/// Lets `signal` through, if the kernel lets us: this is on the way of dying, where a refusal must
/// not be fatal once more.
pub fn unblock(signal: u32) {
    // Signal n is bit n - 1 of the set, seen as an array of words (`include/linux/signal.h`).
    let mut set = SignalSet::NONE;
    // SAFETY: the set is an array of words, however its first field is declared.
    let words: &mut [usize; SET_BYTES / size_of::<usize>()] =
        unsafe { &mut *(&raw mut set).cast() };
    let bit = signal as usize - 1;
    words[bit / usize::BITS as usize] |= 1 << (bit % usize::BITS as usize);
    // SAFETY: the set lives through the call; a null old set is not written.
    let _ = unsafe { try_change_mask(k::SIG_UNBLOCK, &set, core::ptr::null_mut()) };
}

/// `rt_sigprocmask(2)`, whose only errors are wrong pointers, sizes and operations: ours to avoid.
///
/// # Safety
/// 1. `old` is null or writable, `set` is null or readable.
unsafe fn change_mask(how: u32, set: *const SignalSet, old: *mut SignalSet) {
    // SAFETY: clause 1.
    if let Err(errno) = unsafe { try_change_mask(how, set, old) } {
        crate::fatal::fatal_errno("rt_sigprocmask", errno);
    }
}

/// `rt_sigprocmask(2)`.
///
/// # Safety
/// 1. `old` is null or writable, `set` is null or readable.
unsafe fn try_change_mask(
    how: u32,
    set: *const SignalSet,
    old: *mut SignalSet,
) -> Result<(), Errno> {
    let (how, from, to) = (how as usize, set as usize, old as usize);
    // SAFETY: clause 1.
    unsafe { call!(RT_SIGPROCMASK, how, from, to, SET_BYTES) }?;
    Ok(())
}

/// Sends `signal` to this thread.
pub fn raise(signal: u32) -> Result<(), Errno> {
    let (process, thread) = (super::task::process_id(), super::task::kernel_thread_id());
    // SAFETY: tgkill touches no memory.
    unsafe { call!(TGKILL, process as usize, thread as usize, signal as usize) }?;
    Ok(())
}

/// Makes `signal` do what it does by default.
pub fn reset(signal: u32) -> Result<(), Errno> {
    // All zero is SIG_DFL with no flags and an empty mask, whatever the order of the fields.
    let default = [0u8; size_of::<k::kernel_sigaction>()];
    let action = default.as_ptr() as usize;
    // SAFETY: the kernel copies the action; a handler that is taken away runs no more.
    unsafe { call!(RT_SIGACTION, signal as usize, action, 0, SET_BYTES) }?;
    Ok(())
}
