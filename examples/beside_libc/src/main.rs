//! A program of Rust's `std` with glibc, linked statically, that gives itself raw threads: each
//! with a stack and thread-locals in one mapping, which glibc knows nothing of.
//!
//! ```sh
//! RUSTFLAGS="-C target-feature=+crt-static" cargo run --package beside-libc
//! ```
//!
//! What runs on such a thread computes, and talks to the others by this crate's locks. It calls
//! nothing of the libc's: no allocation, no `std::io`, no `std::thread`.
//! `start::initialize_beside_libc` lists the duties.

mod guards;

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

use threadbare::signal::{self, Signal, SignalSet};
use threadbare::start::{self, HandOver};
use threadbare::sync::{Condvar, Mutex};
use threadbare::{process, thread, thread_local};

unsafe extern "C" {
    fn getauxval(kind: usize) -> usize;
    #[link_name = "signal"]
    fn set_handler(number: i32, handler: extern "C" fn(i32)) -> usize;
}

const AT_PHDR: usize = 3;
const AT_PHNUM: usize = 5;
const AT_PAGESZ: usize = 6;

thread_local! {
    /// 0 in every thread, whoever started it.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// What the threads of both kinds share.
static TOTAL: Mutex<u32> = Mutex::new(0);
static CHANGED: Condvar = Condvar::new();

/// How many signals arrived.
static ARRIVED: AtomicU32 = AtomicU32::new(0);

std::thread_local! {
    /// How many of them on this thread. On threads of ours it is never read.
    static ARRIVED_HERE: Cell<u32> = const { Cell::new(0) };
}

extern "C" fn note_signal(_: i32) {
    ARRIVED.fetch_add(1, Ordering::Relaxed);
    ARRIVED_HERE.set(ARRIVED_HERE.get() + 1);
}

fn main() {
    // SAFETY: glibc's, of this program; nothing of threadbare's was called before; and what runs on
    // its threads below keeps to the list.
    unsafe {
        start::initialize_beside_libc(HandOver::ProgramHeaders {
            headers: getauxval(AT_PHDR) as *const u8,
            count: getauxval(AT_PHNUM),
            page_bytes: getauxval(AT_PAGESZ),
        });
    }

    // Two kinds of threads, one lock.
    let ours = [1, 2, 3, 4].map(|number| thread::spawn(move || add(number)));
    let stds = [10, 20].map(|number| std::thread::spawn(move || add(number)));
    let mut total = TOTAL.lock().unwrap();
    while *total < 40 {
        total = CHANGED.wait(total).unwrap();
    }
    println!("both kinds of threads add up to {total}");
    drop(total);
    for thread in ours {
        assert_eq!(thread.join().unwrap(), 1);
    }
    for thread in stds {
        assert_eq!(thread.join().unwrap(), 1);
    }

    // Ours borrow from ours and from std's.
    let text = String::from("borrowed");
    let length = thread::scope(|scope| scope.spawn(|| text.len()).join().unwrap());
    println!("a scoped thread read {length} bytes");

    println!(
        "guards of glibc's are the same in all threads: {}",
        guards_agree()
    );
    println!("signals on our threads: {}", signals_on_ours());
}

/// Adds `number` for all to see; says how often this thread came here.
fn add(number: u32) -> u32 {
    *TOTAL.lock().unwrap() += number;
    CHANGED.notify_all();
    DEPTH.set(DEPTH.get() + 1);
    DEPTH.get()
}

fn guards_agree() -> bool {
    let here = guards::here();
    here.0 != 0 && here.1 != 0 && thread::spawn(guards::here).join().unwrap() == here
}

/// Has signals sent to the process while a thread of ours runs and this one, the only one of
/// `std`'s, has them blocked: they wait for this one.
fn signals_on_ours() -> u32 {
    #[derive(PartialEq)]
    enum Stage {
        Begins,
        Runs,
        IsOver,
    }
    static STAGE: Mutex<Stage> = Mutex::new(Stage::Begins);
    let wait_until = |wanted: Stage| {
        let mut stage = STAGE.lock().unwrap();
        while *stage != wanted {
            stage = CHANGED.wait(stage).unwrap();
        }
    };
    let enter = |stage: Stage| {
        *STAGE.lock().unwrap() = stage;
        CHANGED.notify_all();
    };
    // SAFETY: the handler touches atomics and a thread-local without a destructor.
    unsafe { set_handler(Signal::USR1.number(), note_signal) };
    let waiting = thread::spawn(move || {
        enter(Stage::Runs);
        wait_until(Stage::IsOver);
    });
    wait_until(Stage::Runs);
    let usr1 = SignalSet::from_iter([Signal::USR1]);
    for _ in 0..100 {
        let mask = signal::block(&usr1);
        signal::send_to_process(process::id(), Signal::USR1).unwrap();
        assert_eq!(ARRIVED.load(Ordering::Relaxed), ARRIVED_HERE.get());
        signal::set_mask(&mask);
    }
    enter(Stage::IsOver);
    waiting.join().unwrap();
    assert_eq!(ARRIVED_HERE.get(), 100);
    ARRIVED.load(Ordering::Relaxed) - ARRIVED_HERE.get()
}
