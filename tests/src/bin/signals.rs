//! The arch contract's part about signals: layouts, frames, stacks.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering};

use suite::child::{self, End, TRAP_SIGNALS};
use suite::kernel::call;
use suite::{Verdict, check, check_eq};
use threadbare::Errno;
use threadbare::seam::arch::{self, kernel as k};
use threadbare::seam::sys;

suite::area! { 36:
    signal_handler_returns,
    signal_mask_is_in_force_in_the_handler,
    signal_frame_shows_where_the_code_was,
    signal_stack_has_a_least_size,
}

static HANDLED: AtomicU32 = AtomicU32::new(0);

extern "C" fn handler(signal: i32) {
    HANDLED.fetch_add(signal as u32, Ordering::Relaxed);
}

/// Sends a signal whose handler returns to the calling thread.
fn raise(signal: u32) -> Result<(), Errno> {
    suite::kernel::own_thread_register();
    sys::signal::raise(signal)
}

/// `SIGNAL_RESTORER`, `SIGACTION_LAYOUT`: the interrupted code goes on after the handler.
fn signal_handler_returns() -> Verdict {
    suite::kernel::dispose(k::SIGUSR1, suite::kernel::Disposition::Handle(handler));
    for _ in 0..3 {
        check!(raise(k::SIGUSR1).is_ok());
    }
    check_eq!(HANDLED.load(Ordering::Relaxed), 3 * k::SIGUSR1);
    Ok(())
}

/// What the handler saw: 1 a wrong mask, 2 the right one, 3 one that was read a word too late.
static MASKED: AtomicU32 = AtomicU32::new(0);

extern "C" fn masking_handler(_: i32) {
    let seen = [k::SIGUSR2, k::SIGHUP, 40, 64].map(is_blocked);
    let only_third = [false, false, true, false];
    MASKED.store(1 + u32::from(seen == only_third), Ordering::Relaxed);
}

/// Whether the calling thread has `signal` blocked, asked by adding nothing to its mask.
fn is_blocked(signal: u32) -> bool {
    let mut set = [0usize; size_of::<k::kernel_sigset_t>() / size_of::<usize>()];
    let to = set.as_mut_ptr() as usize;
    let bytes = size_of_val(&set);
    // SAFETY: the kernel writes a set.
    let asked = unsafe { call(k::__NR_rt_sigprocmask, [0, 0, to, bytes, 0, 0]) };
    let bit = signal as usize - 1;
    let word = set[bit / usize::BITS as usize];
    asked.is_ok() && word & 1 << (bit % usize::BITS as usize) != 0
}

/// `SIGACTION_LAYOUT`: the mask arrives, and its bits are in the words where they belong.
fn signal_mask_is_in_force_in_the_handler() -> Verdict {
    let mut mask = sys::signal::SignalSet::NONE;
    mask.insert(40);
    let action = sys::signal::Action {
        handler: masking_handler as extern "C" fn(i32) as usize,
        flags: 0,
        mask,
    };
    // SAFETY: the handler stores a word.
    check!(unsafe { sys::signal::set_action(k::SIGWINCH, &action) }.is_ok());
    check!(raise(k::SIGWINCH).is_ok());
    if MASKED.load(Ordering::Relaxed) == 1 && suite::kernel::is_action_too_long() {
        return Err(suite::Stop::Skip("sigaction is not the kernel's"));
    }
    check_eq!(MASKED.load(Ordering::Relaxed), 2);
    check!(!is_blocked(40));
    Ok(())
}

#[inline(never)]
fn trap_here() {
    arch::trap()
}

extern "C" fn frame_handler(_: i32, _: *const u8, context: *const u8) {
    let local = 0u8;
    let below = black_box(&raw const local).addr();
    // SAFETY: this is a handler with three arguments.
    let (pc, sp) = unsafe { (arch::signal_pc(context), arch::signal_sp(context)) };
    // On 32-bit ARM bit 0 of a function's address chooses the instruction set.
    let start = black_box(trap_here as fn()) as usize & !1;
    let status = match () {
        () if !(start..start + 256).contains(&pc) => 1,
        // By distance: the stack may be at the very end of the address space.
        () if sp.wrapping_sub(below) >= 64 << 10 => 2,
        () => 42,
    };
    sys::task::exit_process(status)
}

/// `signal_pc`, `signal_sp`: they show the function that trapped, and the stack above the handler.
fn signal_frame_shows_where_the_code_was() -> Verdict {
    let end = child::run(|| {
        let action = sys::signal::Action {
            handler: frame_handler as extern "C" fn(i32, *const u8, *const u8) as usize,
            flags: k::SA_SIGINFO,
            mask: sys::signal::SignalSet::NONE,
        };
        for signal in TRAP_SIGNALS {
            // SAFETY: the handler ends the process.
            if unsafe { sys::signal::set_action(signal, &action) }.is_err() {
                sys::task::exit_process(3)
            }
        }
        black_box(trap_here as fn())();
    });
    check_eq!(end, End::Exit(42));
    Ok(())
}

/// `SIGNAL_STACK_BYTES_MIN`: the kernel takes a signal stack of that size, and not any size.
fn signal_stack_has_a_least_size() -> Verdict {
    let end = child::run(|| {
        // Nobody writes there, for no handler runs on it. Not a local: a stack pointer in the range
        // is refused, and a red zone puts locals below it.
        static MEMORY: [u8; 16] = [0; 16];
        let set = |bytes: usize| {
            let stack = k::stack_t {
                ss_sp: MEMORY.as_ptr().cast_mut().cast(),
                ss_flags: 0,
                ss_size: bytes as _,
            };
            let from = (&raw const stack).expose_provenance();
            // SAFETY: the kernel reads the description.
            unsafe { call(k::__NR_sigaltstack, [from, 0, 0, 0, 0, 0]) }
        };
        // No CPU's least is as small as the second; emulators may have another CPU's.
        let status = match (set(arch::SIGNAL_STACK_BYTES_MIN), set(1024)) {
            (Ok(_), Err(Errno::NOMEM)) => 42,
            (Err(_), _) => 1,
            _ => 2,
        };
        sys::task::exit_process(status)
    });
    check_eq!(end, End::Exit(42));
    Ok(())
}
