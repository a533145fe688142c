//! What becomes of thread-locals when the process ends.

#![no_std]
#![no_main]

use core::cell::{Cell, RefCell};

use suite::capture::{self, Captured};
use suite::child::{End, no_core_file};
use suite::locals::at_end;
use suite::{Verdict, check_eq};
use threadbare::seam::arch::kernel as k;
use threadbare::sync::atomic::{AtomicBool, Ordering::SeqCst};
use threadbare::{print, println, process, thread, thread_local};

suite::area! { 35:
    process_exit_destroys_the_callers,
    process_exit_in_a_thread_destroys_the_callers,
    process_exit_in_a_destructor_leaves_out_the_rest,
    process_exit_in_a_threads_destructor_goes_on,
    thread_exit_in_a_destructor_at_the_end_ends_the_process,
    abort_runs_none,
    initialisers_and_finalisers_may_use_them,
}

const ABORTED: End = End::Signal(k::SIGABRT as i32);

/// Runs `body` in a child that leaves no core file.
fn run_in_child(body: fn()) -> Captured {
    capture::run(|| {
        no_core_file();
        body();
    })
}

static GO_ON: AtomicBool = AtomicBool::new(false);

fn wait_until_told() {
    while !GO_ON.swap(false, SeqCst) {
        thread::yield_now();
    }
}

/// Prints its text when dropped.
struct Prints(&'static str);

impl Drop for Prints {
    fn drop(&mut self) {
        print!("{}", self.0);
    }
}

thread_local! {
    static FIRST: Prints = Prints("1");
    static SECOND: RefCell<Prints> = const { RefCell::new(Prints("2")) };
    static THIRD: Prints = Prints("3");
    static FOURTH: Prints = Prints("4");
}

fn use_prints() {
    FIRST.with(|_| ());
    SECOND.with(|_| ());
}

fn process_exit_destroys_the_callers() -> Verdict {
    let captured = run_in_child(|| {
        use_prints();
        print!("tail ");
        process::exit(3)
    });
    check_eq!(captured.end, End::Exit(3));
    check_eq!(captured.stdout.as_str(), "tail 21");
    Ok(())
}

/// The main thread's stay, and those of a third.
fn process_exit_in_a_thread_destroys_the_callers() -> Verdict {
    let captured = run_in_child(|| {
        THIRD.with(|_| ());
        let waiting = thread::spawn(|| {
            THIRD.with(|_| ());
            GO_ON.store(true, SeqCst);
            loop {
                thread::yield_now();
            }
        });
        wait_until_told();
        let _ending = thread::spawn(|| {
            use_prints();
            process::exit(4)
        });
        let _: Result<(), _> = waiting.join();
    });
    check_eq!(captured.end, End::Exit(4));
    check_eq!(captured.stdout.as_str(), "21");
    Ok(())
}

fn process_exit_in_a_destructor_leaves_out_the_rest() -> Verdict {
    let captured = run_in_child(|| {
        use_prints();
        at_end(|| process::exit(6));
        THIRD.with(|_| ());
        process::exit(5)
    });
    check_eq!(captured.end, End::Exit(6));
    check_eq!(captured.stdout.as_str(), "3");
    Ok(())
}

/// The thread ends by itself, and the process begins to: what is left is destroyed.
fn process_exit_in_a_threads_destructor_goes_on() -> Verdict {
    let captured = run_in_child(|| {
        let ending = thread::spawn(|| {
            use_prints();
            at_end(|| process::exit(7));
            THIRD.with(|_| ());
        });
        let _ = ending.join();
    });
    check_eq!(captured.end, End::Exit(7));
    check_eq!(captured.stdout.as_str(), "321");
    Ok(())
}

fn thread_exit_in_a_destructor_at_the_end_ends_the_process() -> Verdict {
    let captured = run_in_child(|| {
        use_prints();
        at_end(|| thread::exit());
        process::exit(8)
    });
    check_eq!(captured.end, End::Exit(8));
    check_eq!(captured.stdout.as_str(), "");
    Ok(())
}

fn abort_runs_none() -> Verdict {
    let captured = run_in_child(|| {
        use_prints();
        process::abort()
    });
    check_eq!(captured.end, ABORTED);
    check_eq!(captured.stdout.as_str(), "");
    Ok(())
}

thread_local! {
    static EARLY: Cell<u32> = const { Cell::new(1) };
    static EARLY_LAZY: RefCell<u32> = RefCell::new(2);
}

extern "C" fn initialiser() {
    EARLY.set(EARLY.get() + 10);
    EARLY_LAZY.with_borrow_mut(|value| *value += 10);
}

/// Runs at the end of this program and all its children, in the thread that ends the process.
extern "C" fn finaliser() {
    if FOURTH.try_with(|_| ()).is_err() {
        println!(" gone {}", EARLY.get());
    }
}

#[used]
#[unsafe(link_section = ".init_array")]
static INIT: extern "C" fn() = initialiser;

#[used]
#[unsafe(link_section = ".fini_array")]
static FINI: extern "C" fn() = finaliser;

fn initialisers_and_finalisers_may_use_them() -> Verdict {
    check_eq!((EARLY.get(), EARLY_LAZY.take()), (11, 12));
    let captured = run_in_child(|| {
        FOURTH.with(|_| ());
        process::exit(9)
    });
    check_eq!(captured.end, End::Exit(9));
    check_eq!(captured.stdout.as_str(), "4 gone 11\n");
    Ok(())
}
