//! What a stack that overflows says, and what stays as it is without the report.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::ops::Range;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};

use suite::capture::{self, Captured, Text};
use suite::child::{self, End};
use suite::kernel::{self, call};
use suite::{Verdict, check, check_eq};
use threadbare::seam::arch::{self, kernel as k};
use threadbare::seam::{self, sys};
use threadbare::signal::{self, Action, ActionFlags, Context, Info, Signal};
use threadbare::thread::{self, Builder};
use threadbare::{Errno, print, println, process};

suite::area! { 47:
    overflow_in_a_thread_is_explained,
    overflow_on_reused_memory_is_explained,
    overflow_in_main_is_explained,
    overflow_in_two_threads_is_explained_in_whole_messages,
    overflow_that_nobody_reads_of_is_deadly,
    overflow_is_not_what_other_faults_are_called,
    overflow_handler_lets_sent_faults_kill,
    overflow_handler_gives_way_to_the_programs_own,
    overflow_report_that_is_off_says_nothing,
    overflow_stack_serves_handlers_that_ask_for_it,
    overflow_stack_takes_no_page,
    overflow_stack_is_one_call_that_may_be_refused,
}

const SEGV: End = End::Signal(k::SIGSEGV as i32);

#[inline(never)]
#[allow(unconditional_recursion, reason = "the point of it")]
fn recurse(depth: usize) -> usize {
    let frame = black_box([depth; 64]);
    black_box(recurse(depth + 1)) + frame[0]
}

/// Runs `body` in a child that leaves no core file.
fn run(body: impl FnOnce() + Copy) -> Captured {
    capture::run(|| {
        child::no_core_file();
        body();
    })
}

/// Tells its id on standard output, then overflows.
fn overflow() {
    print!("{}", thread::current().id().as_u64());
    threadbare::io::Write::flush(&mut threadbare::io::stdout()).unwrap();
    recurse(0);
}

/// Overflows in a thread named `deep`, with the least stack.
fn overflow_in_thread() {
    let handle = Builder::new().name("deep").stack_size(0).spawn(overflow);
    let _ = handle.map(|handle| handle.join());
}

/// What a message says.
#[derive(Debug)]
struct Message<'t> {
    name: &'t str,
    id: &'t str,
    bytes: usize,
    fault: usize,
    guard: Range<usize>,
    pc: usize,
    remedy: &'t str,
}

/// Takes a message apart, and returns what follows it.
fn parse(text: &str) -> Option<(Message<'_>, &str)> {
    let hex = |digits| usize::from_str_radix(digits, 16).ok();
    let (name, rest) = text.strip_prefix("thread '")?.split_once("' (id ")?;
    let (id, rest) = rest.split_once(") has overflowed its stack of ")?;
    let (bytes, rest) = rest.split_once(" bytes\n  fault at 0x")?;
    let (fault, rest) = rest.split_once(", in the guard 0x")?;
    let (start, rest) = rest.split_once("..0x")?;
    let (end, rest) = rest.split_once(", program counter 0x")?;
    let (pc, rest) = rest.split_once("\n  ")?;
    let (remedy, rest) = rest.split_once('\n')?;
    let message = Message {
        name,
        id,
        bytes: bytes.parse().ok()?,
        fault: hex(fault)?,
        guard: hex(start)?..hex(end)?,
        pc: hex(pc)?,
        remedy,
    };
    Some((message, rest))
}

/// The program's code lies here, roughly.
fn is_near_code(pc: usize) -> bool {
    pc.abs_diff(recurse as fn(usize) -> usize as usize) < 16 << 20
}

fn check_message(text: &Text, id: &str, name: &str, remedy: &str) -> Verdict {
    let Some((message, rest)) = parse(text.as_str()) else {
        println!("# {text:?}");
        check!("a message" == "written");
        return Ok(());
    };
    check_eq!((message.name, message.id), (name, id));
    check!(message.guard.contains(&message.fault));
    check!(message.bytes >= 16 << 10 && message.bytes < 1 << 30);
    check!(is_near_code(message.pc));
    check!(message.remedy.contains(remedy));
    check_eq!(rest, "");
    Ok(())
}

fn overflow_in_a_thread_is_explained() -> Verdict {
    let captured = run(overflow_in_thread);
    check_eq!(captured.end, SEGV);
    let id = captured.stdout.as_str();
    check_message(&captured.stderr, id, "deep", "stack_size")
}

fn overflow_on_reused_memory_is_explained() -> Verdict {
    let captured = run(|| {
        for _ in 0..3 {
            let _ = Builder::new()
                .stack_size(0)
                .spawn(|| ())
                .map(|first| first.join());
        }
        let handle = Builder::new().stack_size(0).spawn(overflow);
        handle.unwrap().detach();
        loop {
            thread::yield_now();
        }
    });
    check_eq!(captured.end, SEGV);
    let id = captured.stdout.as_str();
    check_message(&captured.stderr, id, "<unnamed>", "stack_size")
}

/// Makes the main thread's stack small, where the kernel is the machine's own; an emulator keeps
/// the one it has.
fn limit_stack() {
    let (this_process, limit) = (0, [512u64 << 10; 2]);
    let arguments = [
        this_process,
        k::RLIMIT_STACK as usize,
        limit.as_ptr() as usize,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel reads two words of 64 bits.
    let done = unsafe { call(k::__NR_prlimit64, arguments) };
    assert!(done.is_ok());
}

fn overflow_in_main_is_explained() -> Verdict {
    let captured = run(|| {
        limit_stack();
        overflow();
    });
    check_eq!(captured.end, SEGV);
    check_message(&captured.stderr, "1", "main", "ulimit -s")
}

/// How many threads are about to overflow.
static READY: AtomicU32 = AtomicU32::new(0);

fn overflow_in_two_threads_is_explained_in_whole_messages() -> Verdict {
    let captured = run(|| {
        let racer = || {
            READY.fetch_add(1, SeqCst);
            while READY.load(SeqCst) < 2 {
                core::hint::spin_loop();
            }
            recurse(0)
        };
        let handles = [(); 2].map(|()| Builder::new().stack_size(0).spawn(racer));
        let _ = handles.map(|handle| handle.map(|handle| handle.join()));
    });
    check_eq!(captured.end, SEGV);
    let mut rest = captured.stderr.as_str();
    let mut count = 0;
    while let Some((message, behind)) = parse(rest) {
        check!(message.guard.contains(&message.fault));
        count += 1;
        rest = behind;
    }
    check_eq!(rest, "");
    check!((1..=2).contains(&count));
    Ok(())
}

/// With nobody at the other end of standard error.
fn overflow_that_nobody_reads_of_is_deadly() -> Verdict {
    let (read, write) = kernel::pipe();
    drop(read);
    let end = child::run(|| {
        child::no_core_file();
        kernel::redirect(2, &write);
        let _ = Builder::new()
            .stack_size(0)
            .spawn(|| recurse(0))
            .map(|handle| handle.join());
    });
    // Not by SIGPIPE.
    check_eq!(end, SEGV);
    Ok(())
}

/// Loads from where nothing is.
fn fault() {
    let nowhere = core::ptr::with_exposed_provenance::<u8>(black_box(16));
    // SAFETY: it faults.
    unsafe { nowhere.read_volatile() };
}

/// Where another thread has a local variable.
static NEIGHBOUR: AtomicUsize = AtomicUsize::new(0);

/// Loads from the guard of another thread's stack.
fn fault_in_foreign_guard() {
    thread::spawn(|| {
        let local = 0u8;
        NEIGHBOUR.store(black_box(&raw const local).addr(), SeqCst);
        loop {
            thread::yield_now();
        }
    })
    .detach();
    while NEIGHBOUR.load(SeqCst) == 0 {
        thread::yield_now();
    }
    if let Some((stack, _)) = kernel::region_of(NEIGHBOUR.load(SeqCst)) {
        let below = core::ptr::with_exposed_provenance::<u8>(stack.start - 1);
        // SAFETY: it faults.
        unsafe { below.read_volatile() };
    }
}

fn overflow_is_not_what_other_faults_are_called() -> Verdict {
    let fault_in_thread = || {
        let _ = thread::spawn(fault).join();
    };
    let bodies: [fn(); 3] = [fault, fault_in_thread, fault_in_foreign_guard];
    for body in bodies {
        let captured = run(body);
        check_eq!(captured.end, SEGV);
        check_eq!(captured.stderr.as_str(), "");
    }
    Ok(())
}

fn overflow_handler_lets_sent_faults_kill() -> Verdict {
    for signal in [Signal::SEGV, Signal::BUS] {
        let died = End::Signal(signal.number());
        let by_process = run(|| {
            let _ = signal::send_to_process(process::id(), signal);
        });
        let by_thread = run(|| {
            let waiter = thread::spawn(|| -> () {
                loop {
                    thread::yield_now();
                }
            });
            let _ = signal::send(waiter.thread(), signal);
            let _ = waiter.join();
        });
        for captured in [by_process, by_thread] {
            check_eq!(captured.end, died);
            check_eq!(captured.stderr.as_str(), "");
        }
    }
    Ok(())
}

extern "C" fn own_handler(_: Signal, info: &Info, _: Context<'_>) {
    let is_fault = info.fault_address().is_some() && sys::signal::is_on_stack();
    sys::task::exit_process(if is_fault { 42 } else { 1 })
}

fn overflow_handler_gives_way_to_the_programs_own() -> Verdict {
    let captured = run(|| {
        let own = Action {
            flags: ActionFlags::ON_STACK,
            ..Action::handler_with_info(own_handler)
        };
        // SAFETY: the handler ends the process.
        let old = unsafe { signal::set_action(Signal::SEGV, own) };
        assert!(old.is_ok());
        // Which leaves it alone.
        thread::set_overflow_report(true);
        overflow_in_thread();
    });
    check_eq!(captured.end, End::Exit(42));
    check_eq!(captured.stderr.as_str(), "");
    Ok(())
}

fn overflow_report_that_is_off_says_nothing() -> Verdict {
    let in_a_new_thread = run(|| {
        thread::set_overflow_report(false);
        overflow_in_thread();
    });
    let in_a_thread_with_a_signal_stack = run(|| {
        let handle = Builder::new().stack_size(0).spawn(|| {
            while READY.load(SeqCst) == 0 {
                thread::yield_now();
            }
            recurse(0)
        });
        thread::set_overflow_report(false);
        READY.store(1, SeqCst);
        let _ = handle.map(|handle| handle.join());
    });
    for captured in [in_a_new_thread, in_a_thread_with_a_signal_stack] {
        check_eq!(captured.end, SEGV);
        check_eq!(captured.stderr.as_str(), "");
    }
    // And on again.
    let captured = run(|| {
        thread::set_overflow_report(false);
        thread::set_overflow_report(true);
        overflow_in_thread();
    });
    check_eq!(captured.end, SEGV);
    let id = captured.stdout.as_str();
    check_message(&captured.stderr, id, "deep", "stack_size")
}

static WAS_ON_STACK: AtomicU32 = AtomicU32::new(9);

extern "C" fn where_am_i(_: Signal) {
    WAS_ON_STACK.store(sys::signal::is_on_stack().into(), SeqCst);
}

/// On which stack a handler with these flags runs in the calling thread.
fn handled_on_stack(flags: ActionFlags) -> u32 {
    let action = Action {
        flags,
        ..Action::handler(where_am_i)
    };
    // SAFETY: the handler asks the kernel and stores to an atomic.
    let set = unsafe { signal::set_action(Signal::USR1, action) };
    assert!(set.is_ok() && signal::raise(Signal::USR1).is_ok());
    WAS_ON_STACK.swap(9, SeqCst)
}

fn overflow_stack_serves_handlers_that_ask_for_it() -> Verdict {
    let ask = || [ActionFlags::NONE, ActionFlags::ON_STACK].map(handled_on_stack);
    let main = child::run(|| {
        sys::task::exit_process(if ask() == [0, 1] { 42 } else { 1 });
    });
    check_eq!(main, End::Exit(42));
    // The thread ends the process: an emulator mixes thread registers up when a handler returns.
    let other = child::run(|| {
        let _ = thread::spawn(move || {
            sys::task::exit_process(if ask() == [0, 1] { 42 } else { 1 });
        })
        .join();
    });
    check_eq!(other, End::Exit(42));
    check!(!sys::signal::is_on_stack());
    Ok(())
}

/// The calling thread's signal stack, as the kernel knows it.
fn signal_stack() -> Range<usize> {
    let mut stack = k::stack_t {
        ss_sp: core::ptr::null_mut(),
        ss_flags: 0,
        ss_size: 0,
    };
    let to = (&raw mut stack).expose_provenance();
    // SAFETY: the kernel writes a description.
    let asked = unsafe { call(k::__NR_sigaltstack, [0, to, 0, 0, 0, 0]) };
    assert!(asked.is_ok());
    let low = stack.ss_sp.addr();
    low..low + stack.ss_size as usize
}

fn overflow_stack_takes_no_page() -> Verdict {
    // Nothing that another thread has used, and too little for the kernel to give it in one piece.
    thread::set_cache_limits(thread::CacheLimits::OFF);
    let found = Builder::new().stack_size(0).spawn(|| {
        let stack = signal_stack();
        let mut resident = [1u8; 256];
        let to = resident.as_mut_ptr().expose_provenance();
        let arguments = [stack.start, stack.len(), to, 0, 0, 0];
        // SAFETY: the kernel writes a byte a page, an emulator one for each of its host's.
        let asked = unsafe { call(k::__NR_mincore, arguments) };
        let pages = stack.len() / threadbare::env::page_size();
        let touched = resident[..pages]
            .iter()
            .filter(|&&byte| byte & 1 != 0)
            .count();
        (stack, asked, touched)
    });
    let (stack, asked, touched) = found.unwrap().join().unwrap();
    let least = arch::SIGNAL_STACK_BYTES_MIN + (16 << 10);
    check!(stack.len() >= least && stack.start % threadbare::env::page_size() == 0);
    check_eq!((asked, touched), (Ok(0), 0));
    // Main has one, too.
    check!(signal_stack().len() >= least);
    Ok(())
}

fn overflow_stack_is_one_call_that_may_be_refused() -> Verdict {
    seam::order(arch::nr::SIGALTSTACK, 0, u32::MAX, Errno::PERM);
    let results = [1, 2, 3].map(|n| thread::spawn(move || n).join());
    let calls = seam::end();
    check_eq!(results, [Ok(1), Ok(2), Ok(3)]);
    // One each, and no other.
    check_eq!(calls, 3);
    Ok(())
}
