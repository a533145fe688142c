//! Closures and results: of any size and alignment, moved through the mapping, dropped once.

#![no_std]
#![no_main]

use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering};

use suite::child::End;
use suite::{Verdict, capture, check, check_eq};
use threadbare::process::{self, ExitCode};
use threadbare::thread::{self, Builder};

suite::area! { 25:
    large_and_aligned_closures_and_results,
    closure_and_result_are_dropped_once,
    large_closures_fit_beside_the_smallest_stack,
    large_results_fit_beside_the_smallest_stack,
    nothing_is_a_closure_and_a_result,
    exit_in_the_drop_of_an_unclaimed_result,
    outcomes_become_exit_codes,
    errors_are_told_with_the_threads_name,
    functions_may_never_return,
}

#[repr(align(256))]
#[derive(Clone, Copy, PartialEq, Debug)]
struct Wide([u8; 300]);

fn large_and_aligned_closures_and_results() -> Verdict {
    let large = [0x5au8; 20_000];
    check_eq!(
        thread::spawn(move || large.iter().map(|&b| u32::from(b)).sum()).join(),
        { Ok(20_000u32 * 0x5a) }
    );
    let wide = Wide([7; 300]);
    let result = thread::spawn(move || {
        let is_aligned = (&raw const wide).addr().is_multiple_of(256);
        (is_aligned, Wide([wide.0[0] + 1; 300]))
    });
    check_eq!(result.join(), Ok((true, Wide([8; 300]))));
    let page_aligned = thread::spawn(|| BigPage([3; 5000])).join();
    check!(page_aligned.is_ok_and(|page| page.0.iter().all(|&byte| byte == 3)));
    Ok(())
}

#[repr(align(8192))]
struct BigPage([u8; 5000]);

static DROPS: AtomicU32 = AtomicU32::new(0);

struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        DROPS.fetch_add(1, Ordering::Relaxed);
    }
}

fn closure_and_result_are_dropped_once() -> Verdict {
    DROPS.store(0, Ordering::Relaxed);
    let (captured, handle) = (Counted, ());
    let _ = handle;
    let joined = thread::spawn(move || {
        let _captured = captured;
        Counted
    })
    .join();
    check_eq!(DROPS.load(Ordering::Relaxed), 1);
    drop(joined);
    check_eq!(DROPS.load(Ordering::Relaxed), 2);
    // Detached before and after the end: the result is dropped by one side or the other.
    for round in 0..50u32 {
        let handle = thread::spawn(|| Counted);
        if round % 2 == 0 {
            while !handle.is_finished() {
                thread::yield_now();
            }
        }
        handle.detach();
    }
    let mut left = 10_000_000u32;
    while DROPS.load(Ordering::Relaxed) < 52 && left > 0 {
        thread::yield_now();
        left -= 1;
    }
    check_eq!(DROPS.load(Ordering::Relaxed), 52);
    Ok(())
}

const LARGE: usize = 96 << 10;

/// The stack that was asked for is there beside what moving the closure takes.
fn large_closures_fit_beside_the_smallest_stack() -> Verdict {
    let large = [0x11u8; LARGE];
    let handle = Builder::new().stack_size(0).spawn(move || {
        let sum: usize = black_box(&large)
            .iter()
            .map(|&byte| usize::from(byte))
            .sum();
        sum + use_stack(8 << 10)
    });
    let Ok(handle) = handle else {
        check!(false);
        return Ok(());
    };
    check_eq!(handle.join(), Ok(LARGE * 0x11 + 8));
    Ok(())
}

/// Uses `bytes` of stack, 1 KiB at a time; returns how many times.
#[inline(never)]
fn use_stack(bytes: usize) -> usize {
    let frame = black_box([1u8; 1024]);
    if bytes == 0 {
        0
    } else {
        black_box(use_stack(bytes - 1024)) + usize::from(frame[7])
    }
}

fn large_results_fit_beside_the_smallest_stack() -> Verdict {
    let handle = Builder::new()
        .stack_size(0)
        .spawn(|| black_box([0x22u8; LARGE]));
    let Ok(handle) = handle else {
        check!(false);
        return Ok(());
    };
    check!(
        handle
            .join()
            .is_ok_and(|large| large.iter().all(|&byte| byte == 0x22))
    );
    Ok(())
}

fn nothing_is_a_closure_and_a_result() -> Verdict {
    #[derive(Clone, Copy, PartialEq, Debug)]
    struct Nothing;
    check_eq!(thread::spawn(|| Nothing).join(), Ok(Nothing));
    #[repr(align(4096))]
    struct AlignedNothing;
    let aligned = AlignedNothing;
    let result = thread::spawn(move || (&raw const aligned).addr().is_multiple_of(4096));
    check_eq!(result.join(), Ok(true));
    Ok(())
}

static EXITS: AtomicU32 = AtomicU32::new(0);

/// A result whose destructor ends the thread that runs it.
struct EndsItsThread;

impl Drop for EndsItsThread {
    fn drop(&mut self) {
        if thread::current().name() == Some("ends itself") {
            EXITS.fetch_add(1, Ordering::Release);
            thread::exit();
        }
    }
}

fn exit_in_the_drop_of_an_unclaimed_result() -> Verdict {
    static GO: AtomicU32 = AtomicU32::new(0);
    let handle = Builder::new().name("ends itself").spawn(|| {
        while GO.load(Ordering::Acquire) == 0 {
            thread::yield_now();
        }
        EndsItsThread
    });
    let Ok(handle) = handle else {
        check!(false);
        return Ok(());
    };
    handle.detach();
    GO.store(1, Ordering::Release);
    while EXITS.load(Ordering::Acquire) == 0 {
        thread::yield_now();
    }
    check_eq!(thread::spawn(|| 1).join(), Ok(1));
    Ok(())
}

fn fails() -> Result<(), &'static str> {
    Err("expected by the suite")
}

fn outcomes_become_exit_codes() -> Verdict {
    check_eq!(
        thread::spawn(thread::exit_code(|| ())).join(),
        Ok(ExitCode::SUCCESS)
    );
    let code = thread::spawn(thread::exit_code(|| ExitCode::from(7)));
    check_eq!(code.join(), Ok(ExitCode::from(7)));
    let fine = thread::spawn(thread::exit_code(|| Ok::<_, u32>(ExitCode::from(8))));
    check_eq!(fine.join(), Ok(ExitCode::from(8)));
    Ok(())
}

fn errors_are_told_with_the_threads_name() -> Verdict {
    let told = capture::run(|| {
        let named = Builder::new()
            .name("server")
            .spawn(thread::exit_code(fails));
        let unnamed = thread::spawn(thread::exit_code(fails)).join();
        let is_right = named.map(|handle| handle.join()) == Ok(Ok(ExitCode::FAILURE))
            && unnamed == Ok(ExitCode::FAILURE);
        // The main thread's is told as `std` does it.
        let main = thread::exit_code(fails)();
        process::exit(if is_right && main == ExitCode::FAILURE {
            3
        } else {
            4
        });
    });
    check_eq!(told.end, End::Exit(3));
    for line in [
        "Error in thread 'server': \"expected by the suite\"\n",
        "Error in a thread: \"expected by the suite\"\n",
        "\nError: \"expected by the suite\"\n",
    ] {
        check!(told.stderr.as_str().contains(line));
    }
    Ok(())
}

fn functions_may_never_return() -> Verdict {
    fn never() -> ! {
        thread::exit()
    }
    check!(thread::spawn(|| never()).join().is_err());
    Ok(())
}
