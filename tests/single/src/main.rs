//! One claim about a process of one thread per run, named by the first argument.
//!
//! `xtask/src/single.rs` has the list, and what each run must end with.

#![no_std]
#![no_main]

use core::cell::Cell;
use core::hint::black_box;

use threadbare::process::ExitCode;
use threadbare::sync::{Condvar, Mutex, Once, OnceLock, TryLockError};
use threadbare::{env, io, print, println, thread_local};

threadbare::entry!(main);

/// What a run leaves with whose claim nobody knows.
const UNKNOWN: u8 = 64;

fn main() -> ExitCode {
    let claim = env::args().nth(1).unwrap_or("");
    let (_, check) = match CLAIMS.iter().find(|(name, _)| *name == claim) {
        Some(found) => found,
        None => return ExitCode::from(UNKNOWN),
    };
    check();
    ExitCode::SUCCESS
}

const CLAIMS: &[(&str, fn())] = &[
    ("mutex_guards_its_value", mutex_guards_its_value),
    ("held_mutex_is_not_to_be_had", held_mutex_is_not_to_be_had),
    ("once_runs_once", once_runs_once),
    ("condvar_may_be_notified", condvar_may_be_notified),
    ("holder_of_stdout_may_print", holder_of_stdout_may_print),
    ("thread_local_has_one_value", thread_local_has_one_value),
    ("lock_path_does_its_work", lock_path_does_its_work),
    ("second_lock_dies", second_lock_dies),
    ("wait_without_notifiers_dies", wait_without_notifiers_dies),
    ("once_within_itself_dies", once_within_itself_dies),
];

fn mutex_guards_its_value() {
    static COUNT: Mutex<u32> = Mutex::new(0);
    for _ in 0..1000 {
        *COUNT.lock().unwrap() += 1;
    }
    let mut own = Mutex::new(1);
    *own.get_mut().unwrap() += *COUNT.lock().unwrap();
    assert_eq!(own.into_inner().unwrap(), 1001);
}

fn held_mutex_is_not_to_be_had() {
    static WORD: Mutex<u32> = Mutex::new(1);
    let held = WORD.lock().unwrap();
    for _ in 0..2 {
        assert!(matches!(WORD.try_lock(), Err(TryLockError::WouldBlock)));
    }
    drop(held);
    assert_eq!(*WORD.try_lock().unwrap(), 1);
}

fn once_runs_once() {
    static ONCE: Once = Once::new();
    static CELL: OnceLock<u32> = OnceLock::new();
    let runs = Cell::new(0);
    for _ in 0..3 {
        ONCE.call_once(|| runs.set(runs.get() + 1));
        assert_eq!(*CELL.get_or_init(|| 5), 5);
    }
    assert!(ONCE.is_completed());
    assert_eq!(runs.get(), 1);
    assert_eq!(CELL.set(6), Err(6));
}

fn condvar_may_be_notified() {
    static STATE: Mutex<u32> = Mutex::new(7);
    static CHANGED: Condvar = Condvar::new();
    CHANGED.notify_one();
    CHANGED.notify_all();
    // What is so already is not waited for.
    let state = CHANGED.wait_while(STATE.lock().unwrap(), |state| *state != 7);
    assert_eq!(*state.unwrap(), 7);
}

fn holder_of_stdout_may_print() {
    let held = io::stdout().lock();
    print!("held ");
    drop(held);
    println!("and not");
}

fn thread_local_has_one_value() {
    thread_local!(static LEVEL: Cell<u32> = const { Cell::new(3) });
    LEVEL.set(LEVEL.get() + 1);
    assert_eq!(LEVEL.get(), 4);
}

/// What `lock_path` works on.
struct Words {
    count: Mutex<u32>,
    once: Once,
    changed: Condvar,
}

/// What is looked at with a disassembler: all that a lock does when nobody contends.
#[inline(never)]
#[unsafe(export_name = "lock_path")]
fn lock_path(words: &Words) -> u32 {
    *words.count.lock().unwrap() += 1;
    words.once.call_once(|| *words.count.lock().unwrap() += 10);
    words.changed.notify_one();
    words.changed.notify_all();
    words.count.try_lock().map_or(0, |count| *count)
}

fn lock_path_does_its_work() {
    let words = Words {
        count: Mutex::new(0),
        once: Once::new(),
        changed: Condvar::new(),
    };
    assert_eq!(lock_path(black_box(&words)), 11);
    assert_eq!(lock_path(black_box(&words)), 12);
}

fn second_lock_dies() {
    static WORD: Mutex<u32> = Mutex::new(1);
    let _held = WORD.lock();
    let _again = WORD.lock();
}

fn wait_without_notifiers_dies() {
    static STATE: Mutex<u32> = Mutex::new(0);
    static CHANGED: Condvar = Condvar::new();
    let _ = CHANGED.wait(STATE.lock().unwrap());
}

fn once_within_itself_dies() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| ONCE.call_once(|| ()));
}
