//! Signal masks, and the signal that ends a process.

use super::{Errno, call};
use crate::arch::{self, SigactionLayout, kernel as k};

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
    let mut set = SignalSet::NONE;
    set.insert(signal);
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
pub fn raise(signal: u32) -> Result<(), Errno> {
    let (process, thread) = (super::task::process_id(), super::task::kernel_thread_id());
    // SAFETY: tgkill touches no memory.
    unsafe { call!(TGKILL, process as usize, thread as usize, signal as usize) }?;
    Ok(())
}

/// What a process does on a signal.
#[derive(Clone, Copy)]
pub struct Action {
    /// `SIG_DFL` (0), `SIG_IGN` (1), or the address of a handler.
    pub handler: usize,
    /// `SA_SIGINFO` and its kin; the restorer's flag is added where it belongs.
    pub flags: u32,
    /// What is blocked while the handler runs, besides the signal itself.
    pub mask: SignalSet,
}

impl Action {
    /// What the kernel does by itself.
    pub const DEFAULT: Action = Action {
        handler: 0,
        flags: 0,
        mask: SignalSet::NONE,
    };
}

/// Sets what the process does on `signal`.
///
/// # Errors
/// `EINVAL`: no such signal, or SIGKILL or SIGSTOP. Source: sigaction(2).
///
/// # Safety
/// 1. The handler is one, takes what `flags` make it get, and may run wherever the signal comes.
pub unsafe fn set_action(signal: u32, action: &Action) -> Result<(), Errno> {
    const SA_RESTORER: usize = 0x0400_0000;
    let restorer = arch::SIGNAL_RESTORER.map_or(0, |restorer| restorer as usize);
    let flags = action.flags as usize;
    // The restorer returns from the frames of `SA_SIGINFO`: 32-bit x86 has another kind besides. A
    // handler of one argument does not see the others.
    let restorer_flag = if restorer == 0 {
        0
    } else {
        SA_RESTORER | k::SA_SIGINFO as usize
    };
    // The longest: three words and a set.
    let mut words = [0usize; 3 + SET_WORDS];
    let head = match arch::SIGACTION_LAYOUT {
        SigactionLayout::HandlerFlags => &[action.handler, flags][..],
        SigactionLayout::HandlerFlagsRestorer => &[action.handler, flags | restorer_flag, restorer],
        SigactionLayout::RestorerIsArgument => &[action.handler, flags, restorer],
        // 32 bits, and padding up to a word: which half that is depends on the byte order.
        SigactionLayout::FlagsHandler if cfg!(target_endian = "big") => {
            &[flags << (usize::BITS - 32), action.handler]
        }
        SigactionLayout::FlagsHandler => &[flags, action.handler],
    };
    words[..head.len()].copy_from_slice(head);
    words[head.len()..][..SET_WORDS].copy_from_slice(&action.mask.words());
    let (signal, from) = (signal as usize, words.as_ptr() as usize);
    // SAFETY: the kernel reads an action; clause 1.
    unsafe {
        match arch::SIGACTION_LAYOUT {
            SigactionLayout::RestorerIsArgument => {
                call!(RT_SIGACTION, signal, from, 0, restorer, SET_BYTES)
            }
            _ => call!(RT_SIGACTION, signal, from, 0, SET_BYTES),
        }
    }?;
    Ok(())
}

/// Makes `signal` do what it does by default.
pub fn reset(signal: u32) -> Result<(), Errno> {
    // SAFETY: there is no handler.
    unsafe { set_action(signal, &Action::DEFAULT) }
}
