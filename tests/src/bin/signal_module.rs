//! The public module `signal`: sets, masks, actions, sending and waiting.

#![no_std]
#![no_main]

use core::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering::SeqCst};
use core::time::Duration;

use suite::child::{self, End};
use suite::kernel;
use suite::{Verdict, check, check_eq};
use threadbare::seam::arch::{self, kernel as k};
use threadbare::seam::sys::{mem, time};
use threadbare::seam::{self, sys::task::exit_process};
use threadbare::signal::{
    self, Action, ActionFlags, Context, Disposition, Info, SendError, Signal, SignalSet,
};
use threadbare::{Errno, process, thread};

suite::area! { 46:
    signal_has_the_kernels_number_and_name,
    signal_set_is_a_set,
    signal_action_makes_a_round_trip,
    signal_old_action_can_be_put_back,
    signal_flags_reach_the_kernel,
    signal_info_tells_who_sent_it,
    signal_info_tells_where_a_fault_was,
    signal_mask_is_the_threads_own,
    signal_of_each_half_of_a_word_is_itself,
    signal_wait_takes_what_is_pending,
    signal_wait_goes_on_after_a_handler,
    signal_wait_ends_in_time,
    signal_wait_falls_back_to_32_bits,
    signal_reaches_the_thread_it_is_for,
    signal_to_who_is_gone_is_an_error,
    signal_to_a_process_arrives,
}

fn set<const N: usize>(signals: [Signal; N]) -> SignalSet {
    SignalSet::from(signals)
}

fn own(number: i32) -> Signal {
    Signal::new(Signal::RT_MIN.number() + number).unwrap()
}

/// Sends a signal to the calling thread, which is the only one; `signals.rs` says why the thread
/// pointer is set.
fn raise(signal: Signal) -> Result<(), SendError> {
    // SAFETY: this thread's own TLS.
    let result = unsafe { arch::set_thread_pointer(arch::thread_pointer()) };
    assert!(result == 0);
    signal::raise(signal)
}

fn set_action(signal: Signal, action: Action) -> Action {
    // SAFETY: the handlers here store to atomics, or end the process.
    unsafe { signal::set_action(signal, action) }.unwrap()
}

fn signal_has_the_kernels_number_and_name() -> Verdict {
    check_eq!(Signal::SEGV.number(), k::SIGSEGV as i32);
    check_eq!(Signal::USR1.number(), k::SIGUSR1 as i32);
    check_eq!(Signal::RT_MAX.number(), k::_NSIG as i32);
    for (number, is_one) in [
        (i32::MIN, false),
        (-1, false),
        (0, false),
        (1, true),
        (k::_NSIG as i32, true),
        (k::_NSIG as i32 + 1, false),
        (i32::MAX, false),
    ] {
        check_eq!(Signal::new(number).is_some(), is_one);
    }
    check_eq!(Signal::USR2.name(), Some("SIGUSR2"));
    check_eq!(own(3).name(), None);
    // All below the real-time ones have a name, and each its own.
    for signal in (1..Signal::RT_MIN.number()).filter_map(Signal::new) {
        check!(signal.name().is_some_and(|name| name.starts_with("SIG")));
        let later = (signal.number() + 1..32).filter_map(Signal::new);
        check_eq!(
            later.filter(|other| other.name() == signal.name()).count(),
            0
        );
    }
    Ok(())
}

fn signal_set_is_a_set() -> Verdict {
    let mut some = set([own(8), Signal::SEGV, Signal::RT_MAX]);
    check!(some.iter().eq([Signal::SEGV, own(8), Signal::RT_MAX]));
    some.remove(own(8));
    some.remove(own(8));
    check!(!some.contains(own(8)) && some.contains(Signal::SEGV));
    check_eq!(some, set([Signal::RT_MAX, Signal::SEGV]));
    check_eq!(SignalSet::ALL.iter().count(), k::_NSIG as usize);
    check!(SignalSet::EMPTY.is_empty() && SignalSet::EMPTY.iter().next().is_none());
    check_eq!(SignalSet::ALL.iter().collect::<SignalSet>(), SignalSet::ALL);
    let (mut memory, expected) = ([0; 64], "{SIGSEGV, signal 40}");
    let mut text = threadbare::io::SliceWriter::new(&mut memory);
    let _ = core::fmt::write(&mut text, format_args!("{:?}", set([own(8), Signal::SEGV])));
    check_eq!(text.as_str(), Ok(expected));
    Ok(())
}

static PLAIN_CALLS: AtomicU32 = AtomicU32::new(0);
static INFO_CALLS: AtomicU32 = AtomicU32::new(0);
static LAST: AtomicI32 = AtomicI32::new(0);

extern "C" fn plain(signal: Signal) {
    LAST.store(signal.number(), SeqCst);
    PLAIN_CALLS.fetch_add(1, SeqCst);
}

extern "C" fn with_info(signal: Signal, info: &Info, _: Context<'_>) {
    LAST.store(signal.number(), SeqCst);
    INFO_CALLS.fetch_add(u32::from(info.signal() == signal), SeqCst);
}

fn is_plain(action: &Action) -> bool {
    let own = plain as extern "C" fn(Signal) as usize;
    matches!(action.disposition, Disposition::Handler(f) if f as usize == own)
}

fn is_with_info(action: &Action) -> bool {
    let own = with_info as extern "C" fn(Signal, &Info, Context<'_>) as usize;
    matches!(action.disposition, Disposition::HandlerWithInfo(f) if f as usize == own)
}

/// `SIGACTION_LAYOUT`, `SIGNAL_RESTORER`: what was set is what the kernel gives back.
fn signal_action_makes_a_round_trip() -> Verdict {
    let first = Action {
        flags: ActionFlags::RESTART | ActionFlags::NO_DEFER,
        mask: set([Signal::TERM, own(8), Signal::RT_MAX]),
        ..Action::handler(plain)
    };
    let second = Action {
        flags: ActionFlags::ON_STACK,
        mask: set([own(1)]),
        ..Action::handler_with_info(with_info)
    };
    let old = set_action(Signal::USR1, first);
    check!(matches!(old.disposition, Disposition::Default));
    let read = signal::action(Signal::USR1);
    check!(read.is_ok_and(|read| is_plain(&read) && read.flags == first.flags));
    check_eq!(read.map(|read| read.mask), Ok(first.mask));
    let old = set_action(Signal::USR1, second);
    check!(is_plain(&old) && old.flags == first.flags && old.mask == first.mask);
    let old = set_action(Signal::USR1, Action::IGNORE);
    check!(is_with_info(&old) && old.flags == second.flags && old.mask == second.mask);
    let old = set_action(Signal::USR1, Action::DEFAULT);
    check!(matches!(old.disposition, Disposition::Ignore));
    check!(old.flags == ActionFlags::NONE && old.mask.is_empty());
    // SAFETY: there is no handler.
    let refused = unsafe { signal::set_action(Signal::KILL, Action::IGNORE) };
    check_eq!(refused.err(), Some(Errno::INVAL));
    Ok(())
}

fn signal_old_action_can_be_put_back() -> Verdict {
    for (first, second, calls) in [
        (
            Action::handler(plain),
            Action::handler_with_info(with_info),
            &PLAIN_CALLS,
        ),
        (
            Action::handler_with_info(with_info),
            Action::handler(plain),
            &INFO_CALLS,
        ),
    ] {
        set_action(Signal::USR1, first);
        let old = set_action(Signal::USR1, second);
        set_action(Signal::USR1, old);
        let before = calls.load(SeqCst);
        for count in 1..=3 {
            check_eq!(raise(Signal::USR1), Ok(()));
            check_eq!(calls.load(SeqCst), before + count);
            check_eq!(LAST.swap(0, SeqCst), Signal::USR1.number());
        }
    }
    set_action(Signal::USR1, Action::DEFAULT);
    Ok(())
}

fn signal_flags_reach_the_kernel() -> Verdict {
    let once = Action {
        flags: ActionFlags::RESET_HAND,
        ..Action::handler(plain)
    };
    set_action(Signal::USR1, once);
    check_eq!(raise(Signal::USR1), Ok(()));
    let now = signal::action(Signal::USR1);
    check!(now.is_ok_and(|now| matches!(now.disposition, Disposition::Default)));
    Ok(())
}

static SENDER: AtomicU32 = AtomicU32::new(0);
static CODE: AtomicI32 = AtomicI32::new(0);
static HAS_ADDRESS: AtomicU32 = AtomicU32::new(2);

extern "C" fn noting(_: Signal, info: &Info, context: Context<'_>) {
    SENDER.store(info.process().unwrap_or(0), SeqCst);
    CODE.store(info.code(), SeqCst);
    HAS_ADDRESS.store(info.fault_address().is_some().into(), SeqCst);
    PLACE.store(context.pc(), SeqCst);
}

/// Where the interrupted code was.
static PLACE: AtomicUsize = AtomicUsize::new(0);

fn signal_info_tells_who_sent_it() -> Verdict {
    set_action(Signal::USR1, Action::handler_with_info(noting));
    check_eq!(raise(Signal::USR1), Ok(()));
    set_action(Signal::USR1, Action::DEFAULT);
    check_eq!(SENDER.load(SeqCst), process::id());
    check_eq!(CODE.load(SeqCst), k::SI_TKILL);
    check_eq!(HAS_ADDRESS.load(SeqCst), 0);
    // A child is told of by SIGCHLD.
    let child_ended = set([Signal::CHLD]);
    let before = signal::block(&child_ended);
    let child = child::start(|| exit_process(3));
    let info = signal::wait(&child_ended);
    check_eq!(
        (info.signal(), info.code()),
        (Signal::CHLD, k::CLD_EXITED as i32)
    );
    check_eq!(info.process(), Some(child as u32));
    check_eq!(child::wait(child), End::Exit(3));
    signal::set_mask(&before);
    Ok(())
}

/// The address that must fault, and in the handler the page that did.
static FORBIDDEN: AtomicUsize = AtomicUsize::new(0);

extern "C" fn on_fault(signal: Signal, info: &Info, context: Context<'_>) {
    let page = !(threadbare::env::page_size() - 1);
    let wanted = FORBIDDEN.load(SeqCst) & page;
    let status = match () {
        () if signal != Signal::SEGV => 1,
        () if info.fault_address().map(|address| address & page) != Some(wanted) => 2,
        () if info.code() <= 0 || info.process().is_some() => 3,
        () if context.pc() == 0 || context.sp() == 0 => 4,
        () => 42,
    };
    exit_process(status)
}

/// `siginfo_t`: signal, code and address are where the CPU's kernel puts them.
fn signal_info_tells_where_a_fault_was() -> Verdict {
    let page = threadbare::env::page_size();
    let Ok(low) = mem::map(3 * page, mem::Prot::NONE, mem::Map::empty()) else {
        check!("three pages" == "mapped");
        return Ok(());
    };
    // Not at the begin of a page, where the address would be right by rounding.
    let at = low.wrapping_add(page + 0x128);
    FORBIDDEN.store(at.addr(), SeqCst);
    let end = child::run(|| {
        set_action(Signal::SEGV, Action::handler_with_info(on_fault));
        // SAFETY: it faults, and the handler ends the process.
        unsafe { at.cast_const().read_volatile() };
    });
    check_eq!(end, End::Exit(42));
    // SAFETY: nobody uses the pages.
    check!(unsafe { mem::unmap(low, 3 * page) }.is_ok());
    Ok(())
}

fn signal_mask_is_the_threads_own() -> Verdict {
    let before = signal::block(&set([Signal::HUP, Signal::KILL]));
    check!(!before.contains(Signal::HUP));
    // A new thread begins with its maker's.
    let of_other = thread::spawn(|| {
        let inherited = signal::mask();
        let replaced = signal::set_mask(&set([Signal::INT]));
        signal::block(&set([own(8)]));
        let old = signal::unblock(&set([Signal::INT]));
        (inherited, replaced, old, signal::mask())
    });
    let (inherited, replaced, old, last) = of_other.join().unwrap();
    let mut expected = before;
    expected.insert(Signal::HUP);
    // What cannot be blocked is not.
    check_eq!((inherited, replaced), (expected, expected));
    check_eq!((old, last), (set([Signal::INT, own(8)]), set([own(8)])));
    check_eq!(signal::mask(), expected);
    check_eq!(signal::set_mask(&before), expected);
    Ok(())
}

/// Signals 8 and 40 are the same bit of different halves of a word, and on big-endian CPUs the
/// halves lie the other way round.
fn signal_of_each_half_of_a_word_is_itself() -> Verdict {
    let (low, high) = (Signal::new(8).unwrap(), Signal::new(40).unwrap());
    LAST.store(0, SeqCst);
    for (blocked, other) in [(low, high), (high, low)] {
        set_action(low, Action::handler(plain));
        set_action(high, Action::handler(plain));
        let before = signal::block(&set([blocked]));
        check_eq!(raise(blocked), Ok(()));
        check_eq!(LAST.swap(0, SeqCst), 0);
        check_eq!(raise(other), Ok(()));
        check_eq!(LAST.swap(0, SeqCst), other.number());
        signal::set_mask(&before);
        check_eq!(LAST.swap(0, SeqCst), blocked.number());
        set_action(low, Action::DEFAULT);
        set_action(high, Action::DEFAULT);
    }
    Ok(())
}

fn signal_wait_takes_what_is_pending() -> Verdict {
    let both = set([Signal::USR2, own(8)]);
    let before = signal::block(&both);
    for signal in [own(8), own(8), Signal::USR2] {
        check_eq!(raise(signal), Ok(()));
    }
    // The lowest first; real-time ones as often as they were sent.
    let got = [(); 3].map(|()| signal::wait(&both).signal());
    check_eq!(got, [Signal::USR2, own(8), own(8)]);
    check!(signal::wait_timeout(&both, Duration::ZERO).is_none());
    // Nothing was left to deliver.
    signal::set_mask(&before);
    Ok(())
}

static INTERRUPTIONS: AtomicU32 = AtomicU32::new(0);

extern "C" fn on_interruption(_: Signal) {
    // The third one sends what is waited for without a limit.
    if INTERRUPTIONS.fetch_add(1, SeqCst) == 2 {
        let _ = signal::raise(Signal::USR2);
    }
}

/// Starts a process that sends this one SIGUSR1 again and again. Not a timer: how a time is written
/// for one differs between CPUs.
fn interrupter() -> usize {
    let parent = process::id();
    child::start(|| {
        kernel::limit_seconds(60);
        while signal::send_to_process(parent, Signal::USR1).is_ok() {
            thread::sleep(Duration::from_millis(2));
        }
    })
}

fn now() -> Duration {
    let now = time::now(time::Clock::Monotonic).unwrap();
    Duration::new(now.seconds as u64, now.nanoseconds)
}

/// A handler for another signal neither ends a wait nor makes it longer or shorter.
fn signal_wait_goes_on_after_a_handler() -> Verdict {
    let set = set([Signal::USR2]);
    let before = signal::block(&set);
    set_action(Signal::USR1, Action::handler(on_interruption));
    INTERRUPTIONS.store(0, SeqCst);
    let interrupter = interrupter();
    check_eq!(signal::wait(&set).signal(), Signal::USR2);
    check!(INTERRUPTIONS.load(SeqCst) >= 3);
    // Until one came in time: a busy machine may not let the other process run for so long.
    loop {
        INTERRUPTIONS.store(1000, SeqCst);
        let (start, time) = (now(), Duration::from_millis(40));
        check!(signal::wait_timeout(&set, time).is_none());
        check!(now() - start >= time);
        if INTERRUPTIONS.load(SeqCst) > 1000 {
            break;
        }
    }
    let ended = signal::send_to_process(interrupter as u32, Signal::KILL);
    check_eq!(
        (ended, child::wait(interrupter)),
        (Ok(()), End::Signal(k::SIGKILL as i32))
    );
    set_action(Signal::USR1, Action::DEFAULT);
    signal::set_mask(&before);
    Ok(())
}

fn waits_end_in_time() -> Verdict {
    let set = set([Signal::USR2]);
    let before = signal::block(&set);
    check!(signal::wait_timeout(&set, Duration::ZERO).is_none());
    let (start, time) = (now(), Duration::from_millis(3));
    check!(signal::wait_timeout(&set, time).is_none());
    check!(now() - start >= time);
    for time in [Duration::ZERO, Duration::from_secs(1 << 40), Duration::MAX] {
        check_eq!(raise(Signal::USR2), Ok(()));
        let got = signal::wait_timeout(&set, time);
        check_eq!(got.map(|info| info.signal()), Some(Signal::USR2));
    }
    check_eq!(raise(Signal::USR2), Ok(()));
    check_eq!(signal::wait(&set).process(), Some(process::id()));
    signal::set_mask(&before);
    Ok(())
}

fn signal_wait_ends_in_time() -> Verdict {
    waits_end_in_time()
}

/// `TIME32`, `RT_SIGTIMEDWAIT_TIME64`: on a kernel without the newer call the older one serves.
fn signal_wait_falls_back_to_32_bits() -> Verdict {
    if arch::TIME32.is_none() {
        // Every kernel for this CPU has it.
        check!(size_of::<usize>() == 8 || arch::nr::FUTEX == arch::nr::FUTEX_TIME64);
        return Ok(());
    }
    for refusal in [Errno::NOSYS, Errno::PERM] {
        seam::order(arch::nr::RT_SIGTIMEDWAIT_TIME64, 0, u32::MAX, refusal);
        let verdict = waits_end_in_time();
        let refused = seam::end();
        verdict?;
        check!(refused > 0);
    }
    Ok(())
}

fn signal_reaches_the_thread_it_is_for() -> Verdict {
    let set = set([Signal::USR1, Signal::USR2]);
    let before = signal::block(&set);
    let main = thread::current();
    // Each waits for what the other sends: one that went to the wrong thread would come back.
    let other = thread::spawn(move || {
        let got = signal::wait(&set);
        (
            got.signal(),
            got.process(),
            signal::send(&main, Signal::USR2),
        )
    });
    check_eq!(signal::send(other.thread(), Signal::USR1), Ok(()));
    check_eq!(signal::wait(&set).signal(), Signal::USR2);
    let got = other.join().unwrap();
    check_eq!(got, (Signal::USR1, Some(process::id()), Ok(())));
    // To oneself.
    check_eq!(signal::send(&thread::current(), Signal::USR1), Ok(()));
    check_eq!(signal::wait(&set).signal(), Signal::USR1);
    signal::set_mask(&before);
    Ok(())
}

fn signal_to_who_is_gone_is_an_error() -> Verdict {
    let handle = thread::spawn(|| ());
    let gone = handle.thread().clone();
    check!(handle.join().is_ok());
    check_eq!(signal::send(&gone, Signal::TERM), Err(SendError::Gone));
    // A main thread that has ended has a record and a number like one that lives.
    let end = child::run(|| {
        kernel::limit_seconds(60);
        let main = thread::current();
        thread::spawn(move || {
            while signal::send(&main, Signal::WINCH).is_ok() {
                thread::yield_now();
            }
            let last = signal::send(&main, Signal::WINCH);
            exit_process(if last == Err(SendError::Gone) { 42 } else { 1 })
        })
        .detach();
        thread::exit();
    });
    check_eq!(end, End::Exit(42));
    Ok(())
}

fn signal_to_a_process_arrives() -> Verdict {
    let set = set([Signal::USR1]);
    let before = signal::block(&set);
    check_eq!(signal::send_to_process(process::id(), Signal::USR1), Ok(()));
    check_eq!(signal::wait(&set).code(), k::SI_USER as i32);
    // Not a group of processes.
    for nobody in [0, 1 << 31, u32::MAX] {
        check_eq!(
            signal::send_to_process(nobody, Signal::USR1),
            Err(SendError::Gone)
        );
    }
    let child = child::start(|| {
        kernel::limit_seconds(60);
        signal::wait(&set);
        exit_process(7)
    });
    check_eq!(signal::send_to_process(child as u32, Signal::USR1), Ok(()));
    check_eq!(child::wait(child), End::Exit(7));
    let late = signal::send_to_process(child as u32, Signal::USR1);
    check_eq!(late, Err(SendError::Gone));
    // The child had it, and not this process.
    check!(signal::wait_timeout(&set, Duration::ZERO).is_none());
    signal::set_mask(&before);
    Ok(())
}
