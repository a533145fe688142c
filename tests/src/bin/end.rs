//! The process's end: statuses, finalisers, flushes, aborts and panics, and what `main` returns.
//!
//! Each end happens in a child process whose output is read. How a thread alone ends is not here.

#![no_std]
#![no_main]

use core::fmt;
use core::hint::black_box;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

use suite::capture::{self, Captured};
use suite::child::{End, no_core_file};
use suite::kernel::{self, Disposition};
use suite::loader::{ORDINARY, load_and_run};
use suite::{Verdict, check, check_eq};
use threadbare::io::{self, Fd, Write};
use threadbare::process::{self, ExitCode};
use threadbare::seam::arch::kernel as k;
use threadbare::seam::sys::signal;
use threadbare::thread::{self, Builder};
use threadbare::{print, println};

suite::area! { 22:
    exit_status_is_its_low_8_bits,
    exit_code_ends_the_process,
    exit_flushes_stdout,
    finalisers_run_last_to_first_before_the_flush,
    exit_in_a_finaliser_leaves_out_the_rest,
    first_exit_counts,
    exit_from_a_thread_ends_all_threads,
    exit_does_not_wait_for_stdout,
    exit_with_stdout_in_hand_does_not_hang,
    abort_flushes_nothing,
    abort_in_a_thread_is_sigabrt,
    abort_gets_through_a_blocked_sigabrt,
    abort_gets_through_an_ignored_sigabrt,
    abort_gets_through_a_handled_sigabrt,
    panic_in_main_is_reported,
    panic_in_a_named_thread_is_reported,
    panic_in_a_nameless_thread_is_reported,
    panic_while_formatting_a_panic_ends,
    panics_without_end_are_cut_off,
    process_outlives_its_main_thread,
    process_ends_with_its_last_thread,
    main_may_return_nothing,
    main_may_never_return,
    main_may_return_a_code,
    main_may_return_ok,
    main_may_return_a_type_of_its_own,
    main_may_return_an_error,
    main_may_return_while_threads_run,
    main_leaves_its_thread_locals_to_be_destroyed,
}

const ABORTED: End = End::Signal(k::SIGABRT as i32);

/// What the finalisers of this program do, in children that ask for it: nothing by default, for
/// they run at the end of this program too.
static FINALISERS: AtomicU32 = AtomicU32::new(SILENT);
const SILENT: u32 = 0;
const WRITE: u32 = 1;
const EXIT_IN_THE_SECOND: u32 = 2;
const LET_ANOTHER_EXIT: u32 = 3;

/// Where a thread waits until it is told to go on.
static GO_ON: AtomicBool = AtomicBool::new(false);

fn wait_until_told() {
    while !GO_ON.load(SeqCst) {
        thread::yield_now();
    }
}

/// Gives other threads every chance to run first.
fn dawdle() {
    for _ in 0..1000 {
        thread::yield_now();
    }
}

fn say(letter: &[u8]) {
    let mut stdout = Fd::STDOUT;
    let _ = stdout.write_all(letter);
}

extern "C" fn first_entry() {
    match FINALISERS.load(SeqCst) {
        WRITE | EXIT_IN_THE_SECOND => say(b"1"),
        _ => {}
    }
}

extern "C" fn second_entry() {
    match FINALISERS.load(SeqCst) {
        WRITE => say(b"2"),
        EXIT_IN_THE_SECOND => process::exit(9),
        _ => {}
    }
}

extern "C" fn third_entry() {
    match FINALISERS.load(SeqCst) {
        WRITE | EXIT_IN_THE_SECOND => say(b"3"),
        LET_ANOTHER_EXIT => {
            GO_ON.store(true, SeqCst);
            dawdle();
        }
        _ => {}
    }
}

#[used]
#[unsafe(link_section = ".fini_array")]
static FINI: [extern "C" fn(); 3] = [first_entry, second_entry, third_entry];

/// Runs `body` in a child that leaves no core file.
fn run(body: impl FnOnce() + Copy) -> Captured {
    capture::run(|| {
        no_core_file();
        body();
    })
}

fn exit_status_is_its_low_8_bits() -> Verdict {
    for (code, status) in [(0, 0), (1, 1), (255, 255), (256 + 7, 7), (-1, 255)] {
        check_eq!(run(|| process::exit(code)).end, End::Exit(status));
    }
    Ok(())
}

fn exit_code_ends_the_process() -> Verdict {
    for (code, status) in [
        (ExitCode::SUCCESS, 0),
        (ExitCode::FAILURE, 1),
        (ExitCode::from(77), 77),
    ] {
        let captured = run(|| {
            print!("pending");
            code.exit_process()
        });
        check_eq!(captured.end, End::Exit(status));
        check_eq!(captured.stdout.as_str(), "pending");
    }
    Ok(())
}

fn exit_flushes_stdout() -> Verdict {
    let captured = run(|| {
        print!("whole line\nand the beginning of one");
        process::exit(3)
    });
    check_eq!(captured.end, End::Exit(3));
    check_eq!(
        captured.stdout.as_str(),
        "whole line\nand the beginning of one"
    );
    Ok(())
}

fn finalisers_run_last_to_first_before_the_flush() -> Verdict {
    let captured = run(|| {
        FINALISERS.store(WRITE, SeqCst);
        println!("work");
        print!("tail");
        process::exit(4)
    });
    check_eq!(captured.end, End::Exit(4));
    check_eq!(captured.stdout.as_str(), "work\n321tail");
    Ok(())
}

fn exit_in_a_finaliser_leaves_out_the_rest() -> Verdict {
    let captured = run(|| {
        FINALISERS.store(EXIT_IN_THE_SECOND, SeqCst);
        print!("tail");
        process::exit(4)
    });
    check_eq!(captured.end, End::Exit(9));
    check_eq!(captured.stdout.as_str(), "3tail");
    Ok(())
}

fn first_exit_counts() -> Verdict {
    let captured = run(|| {
        FINALISERS.store(LET_ANOTHER_EXIT, SeqCst);
        let _other = thread::spawn(|| {
            wait_until_told();
            process::exit(6)
        });
        process::exit(5)
    });
    check_eq!(captured.end, End::Exit(5));
    Ok(())
}

fn exit_from_a_thread_ends_all_threads() -> Verdict {
    let captured = run(|| {
        let waiting = thread::spawn(wait_until_told);
        let _ending = thread::spawn(|| {
            print!("from a thread");
            process::exit(8)
        });
        // For ever: nobody tells it to go on.
        let _ = waiting.join();
    });
    check_eq!(captured.end, End::Exit(8));
    check_eq!(captured.stdout.as_str(), "from a thread");
    Ok(())
}

fn exit_does_not_wait_for_stdout() -> Verdict {
    let captured = run(|| {
        let _holder = thread::spawn(|| {
            let _held = io::stdout().lock();
            GO_ON.store(true, SeqCst);
            loop {
                thread::yield_now();
            }
        });
        wait_until_told();
        process::exit(4)
    });
    check_eq!(captured.end, End::Exit(4));
    Ok(())
}

fn exit_with_stdout_in_hand_does_not_hang() -> Verdict {
    let captured = run(|| {
        let mut held = io::stdout().lock();
        let _ = held.write_all(b"a line\n");
        process::exit(6)
    });
    check_eq!(captured.end, End::Exit(6));
    check_eq!(captured.stdout.as_str(), "a line\n");
    Ok(())
}

fn abort_flushes_nothing() -> Verdict {
    let captured = run(|| {
        FINALISERS.store(WRITE, SeqCst);
        print!("lost");
        process::abort()
    });
    check_eq!(captured.end, ABORTED);
    check_eq!(captured.stdout.as_str(), "");
    check_eq!(captured.stderr.as_str(), "");
    Ok(())
}

fn abort_in_a_thread_is_sigabrt() -> Verdict {
    let captured = run(|| {
        let aborting = thread::spawn(|| process::abort());
        let _: Result<(), _> = aborting.join();
    });
    check_eq!(captured.end, ABORTED);
    Ok(())
}

fn abort_gets_through_a_blocked_sigabrt() -> Verdict {
    let captured = run(|| {
        signal::block_all();
        process::abort()
    });
    check_eq!(captured.end, ABORTED);
    Ok(())
}

fn abort_gets_through_an_ignored_sigabrt() -> Verdict {
    let captured = run(|| {
        kernel::dispose(k::SIGABRT, Disposition::Ignore);
        process::abort()
    });
    check_eq!(captured.end, ABORTED);
    Ok(())
}

fn abort_gets_through_a_handled_sigabrt() -> Verdict {
    extern "C" fn handler(_: i32) {
        say(b"handled");
    }
    let captured = run(|| {
        kernel::dispose(k::SIGABRT, Disposition::Handle(handler));
        process::abort()
    });
    check_eq!(captured.end, ABORTED);
    // As abort(3): the handler is called once, and may return.
    check_eq!(captured.stdout.as_str(), "handled");
    Ok(())
}

/// Splits a report into the thread's name, the line, and the message; the file must be this one
/// and the column a number.
fn parse_report(report: &str) -> Option<(&str, u32, &str)> {
    let (name, rest) = report
        .strip_prefix("thread '")?
        .split_once("' panicked at ")?;
    let (place, message) = rest
        .strip_prefix(file!())?
        .strip_prefix(':')?
        .split_once(":\n")?;
    let (line, column) = place.split_once(':')?;
    column.parse::<u32>().ok().filter(|&column| column > 0)?;
    Some((name, line.parse().ok()?, message))
}

/// Panics, two lines below its own first.
fn panic_with(number: u32) {
    panic!("the number is {number}");
}
const PANIC_LINE: u32 = line!() - 2;

fn panic_in_main_is_reported() -> Verdict {
    let captured = run(|| {
        FINALISERS.store(WRITE, SeqCst);
        print!("lost");
        panic_with(black_box(17));
    });
    let expected = Some(("main", PANIC_LINE, "the number is 17\n"));
    check_eq!(parse_report(captured.stderr.as_str()), expected);
    check_eq!(captured.end, ABORTED);
    check_eq!(captured.stdout.as_str(), "");
    Ok(())
}

fn panic_in_a_named_thread_is_reported() -> Verdict {
    let captured = run(|| {
        let spawned = Builder::new().name("worker").spawn(|| panic_with(18));
        let _ = spawned.map(|handle| handle.join());
    });
    let expected = Some(("worker", PANIC_LINE, "the number is 18\n"));
    check_eq!(parse_report(captured.stderr.as_str()), expected);
    check_eq!(captured.end, ABORTED);
    Ok(())
}

fn panic_in_a_nameless_thread_is_reported() -> Verdict {
    let captured = run(|| {
        let _ = thread::spawn(|| panic_with(19)).join();
    });
    let expected = Some(("<unnamed>", PANIC_LINE, "the number is 19\n"));
    check_eq!(parse_report(captured.stderr.as_str()), expected);
    check_eq!(captured.end, ABORTED);
    Ok(())
}

fn panic_while_formatting_a_panic_ends() -> Verdict {
    struct Bad;
    impl fmt::Display for Bad {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("the inner one")
        }
    }
    let captured = run(|| panic!("the outer one: {Bad}"));
    check_eq!(captured.end, ABORTED);
    check!(captured.stderr.as_str().contains("the inner one\n"));
    Ok(())
}

fn panics_without_end_are_cut_off() -> Verdict {
    struct Worse;
    impl fmt::Display for Worse {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("{Worse}")
        }
    }
    let captured = run(|| panic!("{Worse}"));
    check_eq!(captured.end, ABORTED);
    check!(
        captured
            .stderr
            .has_line("threadbare: a panic while panicking")
    );
    Ok(())
}

fn process_outlives_its_main_thread() -> Verdict {
    let captured = run(|| {
        let _other = thread::spawn(|| {
            wait_until_told();
            dawdle();
            print!("others go on");
            process::exit(12)
        });
        GO_ON.store(true, SeqCst);
        thread::exit()
    });
    check_eq!(captured.end, End::Exit(12));
    check_eq!(captured.stdout.as_str(), "others go on");
    Ok(())
}

fn process_ends_with_its_last_thread() -> Verdict {
    let captured = run(|| {
        let other = thread::spawn(|| {
            wait_until_told();
            dawdle();
            println!("the last one");
        });
        other.detach();
        GO_ON.store(true, SeqCst);
        thread::exit()
    });
    check_eq!(captured.end, End::Exit(0));
    check_eq!(captured.stdout.as_str(), "the last one\n");
    Ok(())
}

/// Runs a small program that shows one return type of `main`.
fn run_program(name: &str) -> Captured {
    run(|| load_and_run(name, &ORDINARY))
}

fn main_may_return_nothing() -> Verdict {
    let captured = run_program("end_unit_probe");
    check_eq!(captured.stderr.as_str(), "");
    check_eq!(captured.end, End::Exit(0));
    check_eq!(captured.stdout.as_str(), "unit");
    Ok(())
}

fn main_may_never_return() -> Verdict {
    let captured = run_program("end_never_probe");
    check_eq!(captured.stderr.as_str(), "");
    check_eq!(captured.end, End::Exit(7));
    check_eq!(captured.stdout.as_str(), "never");
    Ok(())
}

fn main_may_return_a_code() -> Verdict {
    let captured = run_program("end_code_probe");
    check_eq!(captured.stderr.as_str(), "");
    check_eq!(captured.end, End::Exit(33));
    check_eq!(captured.stdout.as_str(), "code");
    Ok(())
}

fn main_may_return_a_type_of_its_own() -> Verdict {
    let captured = run_program("end_own_probe");
    check_eq!(captured.stderr.as_str(), "");
    check_eq!(captured.end, End::Exit(3));
    check_eq!(captured.stdout.as_str(), "own");
    Ok(())
}

fn main_may_return_ok() -> Verdict {
    let captured = run_program("end_ok_probe");
    check_eq!(captured.stderr.as_str(), "");
    check_eq!(captured.end, End::Exit(0));
    check_eq!(captured.stdout.as_str(), "ok");
    Ok(())
}

fn main_may_return_an_error() -> Verdict {
    let captured = run_program("end_err_probe");
    check_eq!(captured.stderr.as_str(), "Error: \"bad\"\n");
    check_eq!(captured.end, End::Exit(1));
    check_eq!(captured.stdout.as_str(), "err");
    Ok(())
}

fn main_may_return_while_threads_run() -> Verdict {
    let captured = run_program("end_running_probe");
    check_eq!(captured.stderr.as_str(), "");
    check_eq!(captured.end, End::Exit(0));
    check_eq!(captured.stdout.as_str(), "running");
    Ok(())
}

fn main_leaves_its_thread_locals_to_be_destroyed() -> Verdict {
    let captured = run_program("end_locals_probe");
    check_eq!(captured.stderr.as_str(), "");
    check_eq!(captured.end, End::Exit(0));
    check_eq!(captured.stdout.as_str(), "main two one");
    Ok(())
}
