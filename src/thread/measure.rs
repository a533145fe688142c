//! What a stack tells: where it is, how much of it is left, how much of it was ever used.
//!
//! Two ways to find out the last, for threads that ask for one of them:
//!
//! | | [`Builder::measure`](super::Builder::measure) | [`Builder::paint`](super::Builder::paint) |
//! |---|---|---|
//! | tells | pages that were touched, by `mincore(2)` | bytes that were written |
//! | costs | an empty stack at the start; a call per 1,024 pages at the end | writing the whole stack, and reading it up to the mark |
//! | misses | pages that were swapped out; a frame's pages that it never touched below its last | what was written as the paint is; a frame's untouched end |
//! | on the user's memory | nothing: its pages may have been there before | all |

use core::ptr;

use super::control::{Control, Mapping};
use super::current;
use crate::start::Process;
use crate::sys::mem::{self, Advice};
use crate::sys::task;
use crate::used::Used;

/// Whether a thread is to be looked at.
pub static ASKED: Used = Used::new();

/// What is to be found out about a thread's stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Which of its pages were touched.
    pub pages: bool,
    /// Which of its bytes were written.
    pub paint: bool,
}

impl Look {
    pub const NONE: Look = Look {
        pages: false,
        paint: false,
    };
}

/// Where a thread's stack is, and how much of it is left or was used.
///
/// # Examples
/// ```
/// use threadbare::thread::{self, Builder};
///
/// fn depth_possible(frame_bytes: usize) -> usize {
///     thread::stack().remaining() / frame_bytes
/// }
/// let builder = Builder::new().stack_size(1 << 20).measure(true);
/// let handle = builder.spawn(|| (depth_possible(1 << 10), thread::stack()))?;
/// let (depth, stack) = handle.join().unwrap();
/// assert!(depth > 900, "{depth} frames of a KiB in a stack of a MiB");
/// assert!(stack.size() >= 1 << 20 && stack.guard_size() > 0);
/// let (bottom, top) = (stack.base(), stack.base() + stack.size());
/// threadbare::println!("{bottom:#x} to {top:#x}, {:?} bytes used", stack.high_water());
/// # Ok::<(), thread::SpawnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stack {
    bottom: usize,
    top: usize,
    guard_bytes: usize,
    high_water: Option<usize>,
}

impl Stack {
    /// Returns the lowest address of the stack; the guard is below it.
    pub fn base(&self) -> usize {
        self.bottom
    }

    /// Returns the stack's size in bytes, up to the first frame. The main thread's may grow to this
    /// size (`RLIMIT_STACK`); where that is not limited, it is all that lies below.
    pub fn size(&self) -> usize {
        self.top - self.bottom
    }

    /// Returns the guard's size in bytes: 0 where there is none, and for the main thread, whose
    /// guard is the kernel's.
    pub fn guard_size(&self) -> usize {
        self.guard_bytes
    }

    /// Returns how many bytes are left below the caller's frame: 0 where the caller is on another
    /// stack, such as a signal's.
    #[inline(never)]
    pub fn remaining(&self) -> usize {
        let here = ptr::from_ref(&self).addr();
        if here > self.top {
            return 0;
        }
        here.saturating_sub(self.bottom)
    }

    /// Returns how much of the stack had been used when this value was made, in bytes from
    /// the high end; `None` where the thread was not started with
    /// [`Builder::measure`](super::Builder::measure) or [`Builder::paint`](super::Builder::paint).
    pub fn high_water(&self) -> Option<usize> {
        self.high_water
    }
}

/// Returns where the calling thread's stack is.
///
/// # Panics
/// In a thread that this crate did not start.
///
/// # Kernel
/// `prlimit64` in the main thread; `mincore` in a thread that is measured.
///
/// # Examples
/// ```
/// use threadbare::thread;
///
/// let stack = thread::stack();
/// assert!(stack.remaining() < stack.size());
/// ```
pub fn stack() -> Stack {
    let Some(control) = current::control() else {
        panic!("this thread was not started by threadbare");
    };
    if current::is_main() {
        return stack_of_main();
    }
    stack_of(control)
}

/// What a thread, or a handle of it, tells of its stack, whether it runs or has ended.
pub fn stack_of(control: &Control) -> Stack {
    Stack {
        bottom: bottom_of(&control.mapping),
        top: control.stack_top,
        guard_bytes: control.mapping.guard_bytes,
        // Acquire: what the thread noted is seen.
        high_water: if control.completion.is_complete() {
            control.record.high_water()
        } else {
            sample(control)
        },
    }
}

/// The main thread's stack begins, for its first frame, below the arguments.
fn stack_of_main() -> Stack {
    let process = Process::get();
    let top = process.stack_top;
    // A filter that refuses the question leaves it open, like no limit.
    let bottom = task::stack_bytes_max().and_then(|bytes| process.stack_bottom(bytes));
    Stack {
        // A limit that was lowered later may be less than what lies above the first frame.
        bottom: bottom.unwrap_or(0).min(top),
        top,
        guard_bytes: 0,
        high_water: None,
    }
}

fn bottom_of(mapping: &Mapping) -> usize {
    // The caller's memory may begin anywhere; the first odd bytes are never used.
    (mapping.base.addr() + mapping.guard_bytes).next_multiple_of(size_of::<usize>())
}

/// What an unused stack is painted with: no address, no small number, no ASCII.
const PAINT: u8 = 0xd7;
const PAINT_WORD: usize = usize::from_ne_bytes([PAINT; size_of::<usize>()]);

/// Makes a new thread's stack tell, before anything else is in the mapping; returns what it will.
///
/// # Safety
/// 1. The mapping is the caller's, and nothing of value lies below `stack_top`.
pub unsafe fn prepare(look: Look, mapping: &Mapping, stack_top: usize) -> Look {
    if !ASKED.get() {
        return Look::NONE;
    }
    let mut look = look;
    let bottom = mapping.base.wrapping_add(mapping.guard_bytes);
    look.pages &= mapping.is_ours();
    if look.pages {
        let page_bytes = Process::get().page_bytes;
        let bytes = (stack_top & !(page_bytes - 1)) - bottom.addr();
        // Where huge pages are not kept off stacks, a touch would count for two megabytes. A kernel
        // without them refuses.
        // SAFETY: clause 1.
        let _ = unsafe { mem::advise(bottom, bytes, Advice::NoHugePage) };
        // A fresh mapping, too: where all memory is locked it is there from the beginning.
        // SAFETY: clause 1. Where the kernel refuses (the memory is locked) there is no telling.
        look.pages = unsafe { mem::advise(bottom, bytes, Advice::DontNeed) }.is_ok();
    }
    if look.paint {
        // SAFETY: clause 1.
        unsafe { bottom.write_bytes(PAINT, stack_top - bottom.addr()) };
    }
    look
}

/// Notes in the calling thread's record how much of its stack was used.
pub fn note(control: &Control) {
    if let Some(bytes) = sample(control) {
        control.record.set_high_water(bytes);
    }
}

/// Finds out how much of a thread's stack was used up to now.
///
/// The thread may run meanwhile: what it writes then may count or not. Its mapping must stay: the
/// caller is the thread, or has a handle of it.
pub fn sample(control: &Control) -> Option<usize> {
    if !ASKED.get() || control.look == Look::NONE {
        return None;
    }
    let bottom = bottom_of(&control.mapping);
    let lowest = if control.look.paint {
        lowest_written(control, bottom)
    } else {
        lowest_touched(control, bottom)?
    };
    Some(control.stack_top - lowest)
}

/// The lowest byte that is not as it was painted, or the stack's high end.
fn lowest_written(control: &Control, bottom: usize) -> usize {
    let base = control.mapping.base;
    let mut at = bottom;
    // Volatile, as a debugger reads: the words belong to nobody's variables, or to a thread's that
    // runs, of which any value will do.
    while at + size_of::<usize>() <= control.stack_top {
        // SAFETY: the word lies in the stack, which stays mapped (`sample`).
        if unsafe { base.with_addr(at).cast::<usize>().read_volatile() } != PAINT_WORD {
            break;
        }
        at += size_of::<usize>();
    }
    // SAFETY: likewise, for a byte.
    while at < control.stack_top && unsafe { base.with_addr(at).read_volatile() } == PAINT {
        at += 1;
    }
    at
}

/// The lowest page that is in memory; `None` where the kernel does not tell.
fn lowest_touched(control: &Control, bottom: usize) -> Option<usize> {
    /// The smallest page of any machine.
    const PAGE_BYTES_MIN: usize = 4096;
    const ANSWERS: usize = 1024;
    /// What no answer is: all bits but the lowest are 0 in one.
    const NO_ANSWER: u8 = 0x80;
    let page_bytes = Process::get().page_bytes;
    let pages_at_once = ANSWERS * PAGE_BYTES_MIN / page_bytes;
    let mut at = bottom;
    while at < control.stack_top {
        let mut answers = [NO_ANSWER; ANSWERS];
        let count = (control.stack_top - at)
            .div_ceil(page_bytes)
            .min(pages_at_once);
        mem::resident(at, page_bytes, count, &mut answers).ok()?;
        // An emulator whose host has smaller pages answers for those: with more answers than were
        // asked for, for which there is room.
        if answers[..count].contains(&NO_ANSWER)
            || answers[count..].iter().any(|it| *it != NO_ANSWER)
        {
            return None;
        }
        if let Some(first) = answers[..count].iter().position(|page| page & 1 != 0) {
            return Some(at + first * page_bytes);
        }
        at += count * page_bytes;
    }
    Some(control.stack_top)
}
