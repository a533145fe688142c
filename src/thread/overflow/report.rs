//! The handler that explains an overflow, and how it comes into force.
//!
//! What it does on a fault:
//!
//! 1. If the address lies in the guard of the calling thread's own stack: write one message, by one
//!    `write`, from a buffer on the signal stack. No lock, no allocation, nothing that the thread
//!    may have been in the middle of.
//! 2. Make the default action the one in force.
//! 3. Return. A faulting instruction faults again, and the process dies as if there had been no
//!    handler: by the same signal, with the same registers, address and code in the core file. What
//!    was not caused by the interrupted instruction (another process's `kill`, a memory error that
//!    the kernel came across, a handler's frame for which there was no room) does not come again by
//!    itself, and is sent again.
//!
//! All signals are blocked meanwhile, the handler's own too: a fault in the handler is deadly at
//! once then, instead of beginning a circle, and no other handler runs on a stack that has no room
//! for it. With `SA_NODEFER` the sent signal of step 3 would come before the handler has returned.
//!
//! Two threads may be here at the same time, and each writes its message, unless the first one's
//! second fault ends the process before.

use core::cell::UnsafeCell;
use core::ffi::CStr;
use core::sync::atomic::Ordering;

use super::{HANDLER_BYTES, SIGNAL_STACK_BYTES};
use crate::arch::{self, kernel as k};
use crate::line::{self, Text, Word};
use crate::start::Process;
use crate::sys::signal::{self, Action, Info, KernelAction, SignalSet};
use crate::sys::{Errno, task};
use crate::thread::control::Control;
use crate::thread::{current, record};

/// Switches the report of stack overflows on or off, for threads that start from now on; what the
/// handler says changes at once.
///
/// In programs that begin with this crate's `_start` it is on from the beginning: a thread that
/// runs into its stack's guard writes its name, the stack's size and where it was to standard
/// error, and the process dies by SIGSEGV as it would without. Other faults are not touched by it.
///
/// On, every new thread makes one system call more (`sigaltstack`) and has a signal stack, which is
/// 16 KiB of addresses and the kernel's frame, and takes memory only when it is used. Off, a thread
/// has no signal stack.
///
/// A handler of SIGSEGV or SIGBUS that the program has set, then or later, stays and is called
/// instead.
///
/// # Kernel
/// `rt_sigaction`, twice, as it is switched on.
///
/// # Examples
/// ```
/// use threadbare::thread;
///
/// // Not a word, and six system calls for a thread instead of seven.
/// thread::set_overflow_report(false);
/// thread::spawn(|| ()).join().unwrap();
/// thread::set_overflow_report(true);
/// ```
pub fn set_overflow_report(is_on: bool) {
    if is_on {
        install();
    }
    let bytes = if is_on { super::bytes_min() } else { 0 };
    SIGNAL_STACK_BYTES.store(bytes, Ordering::Relaxed);
}

/// Switches the report on in a program that begins: for its main thread, too.
#[cfg(feature = "start")]
pub(crate) fn begin() {
    arm_main();
    set_overflow_report(true);
}

/// Sets the handler for the faults that have none.
///
/// A refusal, by a seccomp filter, is no reason not to run: there are no reports then.
fn install() {
    let action = Action {
        handler: on_fault as Handler as usize,
        flags: k::SA_SIGINFO | k::SA_ONSTACK,
        mask: SignalSet::ALL,
    };
    let action = action.to_kernel();
    install_for(k::SIGSEGV, &action);
    install_for(k::SIGBUS, &action);
}

/// The same for one of them.
#[cfg_attr(for_size, inline(never))]
fn install_for(number: u32, action: &KernelAction) {
    let mut old = KernelAction::room();
    // SAFETY: the handler is one for `SA_SIGINFO`, and may run anywhere, as its file says.
    let result = unsafe { signal::exchange_action(number, action, old.as_mut_ptr()) };
    if result < 0 {
        return;
    }
    let old = old.as_ptr();
    // SAFETY: the kernel has written what there was.
    let handler = unsafe { KernelAction::handler(old) };
    if handler != Action::DEFAULT.handler && handler != on_fault as Handler as usize {
        // Ignored by whoever executed this program, or handled by the program.
        // SAFETY: what was in force a moment ago.
        let _ = unsafe { signal::exchange_action(number, old, core::ptr::null_mut()) };
    }
}

/// The main thread's signal stack: its memory is the image's, where the kernel's frame is not too
/// large. 12 KiB have room for that of every CPU but those with the longest vectors.
#[repr(C, align(64))]
struct MainStack(UnsafeCell<[u8; MAIN_STACK_BYTES]>);

const MAIN_STACK_BYTES: usize = HANDLER_BYTES + (12 << 10);

// SAFETY: handed to the kernel for the main thread's handlers, and to nobody else.
unsafe impl Sync for MainStack {}

static MAIN_STACK: MainStack = MainStack(UnsafeCell::new([0; MAIN_STACK_BYTES]));

/// Gives the main thread a signal stack.
#[cfg(feature = "start")]
fn arm_main() {
    use crate::sys::mem::{self, Map, Prot};
    let bytes = super::bytes_min();
    let (low, bytes) = if bytes <= MAIN_STACK_BYTES {
        (MAIN_STACK.0.get().cast::<u8>(), MAIN_STACK_BYTES)
    } else {
        let flags = Map::STACK | Map::NORESERVE;
        match mem::map(bytes, Prot::READ | Prot::WRITE, flags) {
            Ok(low) => (low, bytes),
            Err(_) => return,
        }
    };
    // SAFETY: the memory is there for the life of the program, and nobody else uses it.
    let _ = unsafe { signal::set_stack(low, bytes) };
}

type Handler = extern "C" fn(i32, *const Info, *const u8);

/// What the kernel calls on SIGSEGV and SIGBUS.
extern "C" fn on_fault(number: i32, info: *const Info, context: *const u8) {
    let number = number.cast_unsigned();
    // SAFETY: the kernel's description of the signal.
    let info = unsafe { &*info };
    // What the CPU itself found wrong with an instruction: `SEGV_MAPERR` to `SEGV_PKUERR`, and
    // `BUS_ADRALN` to `BUS_MCEERR_AR`. What comes behind them is rare, and not always about the
    // interrupted instruction.
    let is_met_again = (1..=4).contains(&info.code());
    // SAFETY: a handler's third argument.
    let (pc, sp) = unsafe { (arch::signal_pc(context), arch::signal_sp(context)) };
    if is_met_again
        && super::signal_stack_bytes() != 0
        && let Some(stack) = Overflowed::find(info.fault_address(), sp)
    {
        stack.report(info.fault_address(), pc);
    }
    let _ = signal::reset(number);
    if !is_met_again {
        let _ = signal::raise(number);
    }
}

/// A stack that was too small.
struct Overflowed {
    control: &'static Control,
    /// How to get a larger one.
    advice: &'static CStr,
    /// How many bytes it has.
    bytes: usize,
    /// What cannot be used below it: its lower end, and how many bytes it has.
    guard: usize,
    guard_bytes: usize,
}

impl Overflowed {
    /// Whether `address` is in the guard of the calling thread's own stack, whose pointer was `sp`.
    fn find(address: usize, sp: usize) -> Option<Overflowed> {
        // A thread that this crate did not start has no signal stack, and perhaps no thread-locals
        // either that could be asked who it is.
        if !signal::is_on_stack() {
            return None;
        }
        let control = current::control()?;
        let is_main = core::ptr::eq(control.record, &record::MAIN);
        let found = if is_main {
            let bytes = task::stack_bytes_max()?;
            let (guard, guard_bytes) = main_guard(bytes)?;
            // Below this stack there may be other mappings, in emulators at least, and a fault in
            // one of those is no overflow. One is met with the stack's pointer there, or above by
            // what a frame's first store is below it.
            let reach_bytes = guard_bytes + Process::get().page_bytes;
            if sp.wrapping_sub(guard) >= reach_bytes {
                return None;
            }
            Overflowed {
                control,
                advice: c"`ulimit -s` sets the size, in KiB",
                bytes,
                guard,
                guard_bytes,
            }
        } else {
            let (guard, guard_bytes) = (control.mapping.base.addr(), control.mapping.guard_bytes);
            Overflowed {
                control,
                advice: c"thread::Builder::stack_size sets the size",
                bytes: control.stack_top - guard - guard_bytes,
                guard,
                guard_bytes,
            }
        };
        // One compare for both ends; they may be on the two sides of address 0.
        (address.wrapping_sub(found.guard) < found.guard_bytes).then_some(found)
    }

    /// Says so on standard error. Whether it arrives cannot be helped.
    #[cfg_attr(not(for_size), inline(never))]
    fn report(&self, address: usize, pc: usize) {
        let record = self.control.record;
        let words = [
            Word::text(record.shown_name()),
            Word::number(record.id()),
            Word::size(self.bytes),
            Word::size(address),
            Word::size(self.guard),
            Word::size(self.guard.wrapping_add(self.guard_bytes)),
            Word::size(pc),
            Word::text(Text::new(self.advice)),
        ];
        // Where nobody reads it, the process must not die of that: the signal is taken before it
        // can come. The action's mask blocks it already, but emulators misread masks on some CPUs.
        let mut pipe = SignalSet::NONE;
        pipe.insert(k::SIGPIPE);
        signal::try_block(&pipe);
        const TEMPLATE: &CStr = c"\
            thread '$' (id #) has overflowed its stack of # bytes\n  fault at 0x@, in the guard \
            0x@..0x@, program counter 0x@\n  $\n";
        // SAFETY: these are texts where there is a `$`, and numbers else.
        let said = unsafe { line::say(TEMPLATE, &words) };
        if said == Errno::PIPE.encode() {
            signal::take_pending(&pipe);
        }
    }
}

/// Where the kernel does not let the main thread's stack grow to: from there on, so many bytes.
///
/// It grows down to `RLIMIT_STACK` and not further, and not to within 256 pages of another mapping
/// (`mm/mmap.c`, `acct_stack_growth`, `stack_guard_gap`).
fn main_guard(bytes_max: usize) -> Option<(usize, usize)> {
    const GAP_PAGES: usize = 256;
    let process = Process::get();
    let page_bytes = process.page_bytes;
    let end = process.stack_bottom(bytes_max)?;
    let start = end.wrapping_sub(GAP_PAGES * page_bytes);
    // The name may end on the next page, and the limit need not be a multiple of one.
    Some((start, (GAP_PAGES + 2) * page_bytes))
}
