//! What a process does on a signal: `struct sigaction` in every CPU's order.

#[cfg(feature = "overflow-report")]
use core::mem::MaybeUninit;

use super::{SET_BYTES, SET_WORDS, SignalSet};
use crate::arch::{self, SigactionLayout, kernel as k};
use crate::sys::{Errno, made_raw};

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

    /// Whether code of the program's runs on the signal.
    pub fn has_handler(&self) -> bool {
        self.handler > 1
    }
}

/// The kernel's `struct sigaction`, at its longest: three words and a set. One word more, for what
/// an emulator writes that has a word for a restorer where the kernel has none.
type Words = [usize; 3 + SET_WORDS + 1];

/// An action as the kernel has it.
#[derive(Clone, Copy)]
pub struct KernelAction(Words);

impl KernelAction {
    /// What the kernel does by itself.
    pub const DEFAULT: KernelAction = KernelAction([0; _]);

    /// Room for one that the kernel writes: zero where all its words are read then.
    #[cfg(feature = "overflow-report")]
    pub fn room() -> MaybeUninit<KernelAction> {
        match arch::SIGACTION_LAYOUT {
            SigactionLayout::RestorerIsArgument => MaybeUninit::zeroed(),
            _ => MaybeUninit::uninit(),
        }
    }

    /// [`Action::handler`].
    ///
    /// # Safety
    /// 1. The kernel has written the action; it writes no more words than it has.
    #[cfg(feature = "overflow-report")]
    pub unsafe fn handler(this: *const KernelAction) -> usize {
        let index = match arch::SIGACTION_LAYOUT {
            SigactionLayout::FlagsHandler => 1,
            _ => 0,
        };
        // SAFETY: clause 1: it is one of the first two words.
        unsafe { this.cast::<usize>().add(index).read() }
    }
}

const SA_RESTORER: usize = 0x0400_0000;
const SA_SIGINFO: usize = k::SA_SIGINFO as usize;

impl Action {
    /// What its handler returns to, 0 where the kernel sees to that.
    fn restorer(&self) -> usize {
        let has_info = self.flags & k::SA_SIGINFO != 0;
        arch::SIGNAL_RESTORER.map_or(0, |restorer| {
            if has_info {
                restorer.with_info as usize
            } else {
                restorer.plain as usize
            }
        })
    }

    /// What the kernel is told.
    pub fn to_kernel(self) -> KernelAction {
        let (flags, restorer) = (self.flags as usize, self.restorer());
        let mut words = [0; _];
        let head = match arch::SIGACTION_LAYOUT {
            SigactionLayout::HandlerFlags => &[self.handler, flags][..],
            SigactionLayout::HandlerFlagsRestorer => {
                &[self.handler, flags | restorer_flags(), restorer]
            }
            SigactionLayout::RestorerIsArgument => &[self.handler, flags, restorer],
            SigactionLayout::FlagsHandler => &[flags << FIRST_FLAGS_SHIFT, self.handler],
        };
        words[..head.len()].copy_from_slice(head);
        words[head.len()..][..SET_WORDS].copy_from_slice(&self.mask.words());
        KernelAction(words)
    }

    fn from_kernel(KernelAction(words): &KernelAction) -> Action {
        let (handler, flags, set) = match arch::SIGACTION_LAYOUT {
            SigactionLayout::HandlerFlags => (words[0], words[1], 2),
            SigactionLayout::HandlerFlagsRestorer => {
                let own = if is_set_plain(words[2]) {
                    SA_RESTORER | SA_SIGINFO
                } else {
                    SA_RESTORER
                };
                (words[0], words[1] & !own, 3)
            }
            SigactionLayout::RestorerIsArgument => (words[0], words[1], 3),
            SigactionLayout::FlagsHandler => (words[1], words[0] >> FIRST_FLAGS_SHIFT, 2),
        };
        let mut mask = [0; SET_WORDS];
        mask.copy_from_slice(&words[set..][..SET_WORDS]);
        Action {
            handler,
            flags: flags as u32,
            mask: SignalSet::from_words(mask),
        }
    }
}

/// Where flags of 32 bits come first they are padded up to a word, and which half of the word they
/// are depends on the byte order.
const FIRST_FLAGS_SHIFT: u32 = if cfg!(target_endian = "big") {
    usize::BITS - 32
} else {
    0
};

/// The flags that go with a restorer.
fn restorer_flags() -> usize {
    match arch::SIGNAL_RESTORER {
        None => 0,
        Some(restorer) if restorer.plain as usize == restorer.with_info as usize => SA_RESTORER,
        // There are two kinds of frames, and the restorer returns from one.
        Some(_) => SA_RESTORER | SA_SIGINFO,
    }
}

/// Whether the kernel was told `SA_SIGINFO` for the restorer's sake alone.
fn is_set_plain(read_restorer: usize) -> bool {
    restorer_flags() & SA_SIGINFO != 0
        && arch::SIGNAL_RESTORER.is_some_and(|restorer| restorer.plain as usize == read_restorer)
}

/// Sets what the process does on `signal`, and returns what it did.
///
/// # Errors
/// `EINVAL`: no such signal, or SIGKILL or SIGSTOP. Source: sigaction(2).
///
/// # Safety
/// 1. The handler is one, takes what `flags` make it get, and may run wherever the signal comes.
pub unsafe fn set_action(signal: u32, new: &Action) -> Result<Action, Errno> {
    // SAFETY: an action; clause 1.
    unsafe { exchange(signal, &new.to_kernel()) }
}

/// Returns what the process does on `signal`.
///
/// # Errors
/// `EINVAL`: no such signal. Source: sigaction(2).
pub fn action(signal: u32) -> Result<Action, Errno> {
    // SAFETY: nothing is set.
    unsafe { exchange(signal, core::ptr::null()) }
}

/// Makes `signal` do what it does by default.
///
/// # Errors
/// As [`set_action`].
pub fn reset(signal: u32) -> Result<(), Errno> {
    let default = KernelAction::DEFAULT;
    // SAFETY: there is no handler; nothing is written.
    Errno::decode(unsafe { exchange_raw(signal, &default, core::ptr::null_mut()) }).map(|_| ())
}

/// Does what [`set_action`] does, or [`action`] where `new` is null.
///
/// # Safety
/// 1. `new` is null or an action that satisfies [`set_action`].
unsafe fn exchange(signal: u32, new: *const KernelAction) -> Result<Action, Errno> {
    let mut old = KernelAction::DEFAULT;
    // SAFETY: clause 1; the kernel writes an action, for which there is room.
    Errno::decode(unsafe { exchange_raw(signal, new, &mut old) })?;
    Ok(Action::from_kernel(&old))
}

/// `rt_sigaction(2)`, once for all who ask for it; its result in a register.
///
/// # Safety
/// 1. `new` is null or an action that satisfies [`set_action`]; `old` is null or writable.
#[inline(never)]
pub unsafe fn exchange_raw(signal: u32, new: *const KernelAction, old: *mut KernelAction) -> isize {
    let (nr, signal) = (arch::nr::RT_SIGACTION, signal as usize);
    let (from, to) = (new.expose_provenance(), old.expose_provenance());
    match arch::SIGACTION_LAYOUT {
        SigactionLayout::RestorerIsArgument => {
            // SAFETY: clause 1.
            let new = unsafe { new.as_ref() }.map(Action::from_kernel);
            let restorer = new.map_or(0, |new| new.restorer());
            // SAFETY: clause 1.
            made_raw(nr, || unsafe {
                arch::syscall5(nr, signal, from, to, restorer, SET_BYTES)
            })
        }
        // SAFETY: clause 1.
        _ => made_raw(nr, || unsafe {
            arch::syscall4(nr, signal, from, to, SET_BYTES)
        }),
    }
}
