//! A thread's token: it is kept, it is one, it wakes, and it hits nobody else's thread.

#![no_std]
#![no_main]

use core::hint::spin_loop;
use core::sync::atomic::{AtomicU32, Ordering};

use suite::capture;
use suite::child::End;
use suite::kernel::{self, Alarm, Disposition, spawn_without_signals};
use suite::storm::{self, Storm};
use suite::{Verdict, check, check_eq};
use threadbare::seam::arch::{self, kernel as k};
use threadbare::seam::{sys, thread_counts};
use threadbare::thread::{self, Builder, CacheLimits, Thread};
use threadbare::time::{Duration, Instant};

suite::area! { 49:
    token_is_kept_for_the_next_park,
    tokens_do_not_add_up,
    token_is_taken_without_a_limit_and_with_one,
    parked_thread_is_woken,
    park_timeout_lasts_as_long,
    park_without_end_is_ended_by_the_token,
    threads_take_turns,
    destructor_of_a_thread_local_parks,
    dead_thread_is_unparked,
    new_thread_has_no_token,
    unpark_races_exit,
    foreign_thread_is_told,
    handler_brings_its_own_thread_the_token,
    handler_parks_in_a_parked_thread,
    threads_take_turns_with_signals,
    signals_do_not_end_a_park_timeout,
}

const SHORT: Duration = Duration::from_millis(3);

/// Parks for `SHORT`; whether it took as long, so that there was no token. Nobody else wakes the
/// thread, and what wakes it for no reason is not let through.
fn has_no_token() -> bool {
    let start = Instant::now();
    thread::park_timeout(SHORT);
    start.elapsed() >= SHORT
}

fn token_is_kept_for_the_next_park() -> Verdict {
    for _ in 0..100 {
        thread::current().unpark();
        thread::park();
    }
    Ok(())
}

fn tokens_do_not_add_up() -> Verdict {
    for _ in 0..3 {
        thread::current().unpark();
    }
    thread::park();
    check!(has_no_token());
    Ok(())
}

fn token_is_taken_without_a_limit_and_with_one() -> Verdict {
    thread::current().unpark();
    // With no token it would last for ever.
    thread::park_timeout(Duration::MAX);
    check!(has_no_token());
    thread::current().unpark();
    thread::park_timeout(Duration::ZERO);
    check!(has_no_token());
    Ok(())
}

fn parked_thread_is_woken() -> Verdict {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    for number in 1..=20 {
        let sleeper = thread::spawn(move || {
            STARTED.store(number, Ordering::Release);
            thread::park();
        });
        while STARTED.load(Ordering::Acquire) < number {
            thread::yield_now();
        }
        // For it to be asleep, mostly.
        thread::sleep(Duration::from_micros(100));
        sleeper.thread().unpark();
        check!(sleeper.join().is_ok());
    }
    Ok(())
}

fn park_timeout_lasts_as_long() -> Verdict {
    let worker = thread::spawn(|| (0..5).all(|_| has_no_token()));
    for _ in 0..5 {
        check!(has_no_token());
    }
    thread::park_timeout(Duration::ZERO);
    check_eq!(worker.join(), Ok(true));
    Ok(())
}

fn park_without_end_is_ended_by_the_token() -> Verdict {
    // The second and the third are more than the kernel's clock can tell.
    for limit in [
        Duration::from_secs(1 << 40),
        Duration::from_secs(i64::MAX as u64),
        Duration::MAX,
    ] {
        let sleeper = thread::spawn(move || {
            let start = Instant::now();
            thread::park_timeout(limit);
            start.elapsed()
        });
        thread::sleep(SHORT);
        check!(!sleeper.is_finished());
        sleeper.thread().unpark();
        check!(sleeper.join().is_ok());
    }
    Ok(())
}

/// Whose turn it is: 0 or 1, and `OVER` for both.
static TURN: AtomicU32 = AtomicU32::new(0);
const OVER: u32 = 2;

/// Waits for turn `own`; whether there is one.
fn is_my_turn(own: u32) -> bool {
    loop {
        match TURN.load(Ordering::Acquire) {
            OVER => return false,
            turn if turn == own => return true,
            _ => thread::park(),
        }
    }
}

fn give_turn(to: u32, other: &Thread) {
    TURN.store(to, Ordering::Release);
    other.unpark();
}

/// Takes turns with another thread while `goes_on` says so, and returns how often the other had
/// its turn. Each sleeps until the other one wakes it: one lost token, and both sleep for ever.
fn take_turns(goes_on: impl Fn(u32) -> bool) -> Result<(u32, u32), thread::JoinError> {
    TURN.store(0, Ordering::Release);
    let main = thread::current();
    let other = spawn_without_signals(move || {
        let mut turns = 0;
        while is_my_turn(1) {
            turns += 1;
            give_turn(0, &main);
        }
        turns
    });
    let mut turns = 0;
    while is_my_turn(0) && goes_on(turns) {
        turns += 1;
        give_turn(1, other.thread());
    }
    give_turn(OVER, other.thread());
    Ok((turns, other.join()?))
}

fn threads_take_turns() -> Verdict {
    check_eq!(take_turns(|turns| turns < 2000), Ok((2000, 2000)));
    Ok(())
}

/// Thread-locals are destroyed while the thread is still one.
fn destructor_of_a_thread_local_parks() -> Verdict {
    static PARKED: AtomicU32 = AtomicU32::new(0);
    static MAY_END: AtomicU32 = AtomicU32::new(0);
    struct Parks;
    impl Drop for Parks {
        fn drop(&mut self) {
            PARKED.store(1, Ordering::Release);
            while MAY_END.load(Ordering::Acquire) == 0 {
                thread::park();
            }
        }
    }
    threadbare::thread_local!(static LOCAL: Parks = const { Parks });
    let worker = thread::spawn(|| LOCAL.with(|_| 7));
    while PARKED.load(Ordering::Acquire) == 0 {
        thread::yield_now();
    }
    MAY_END.store(1, Ordering::Release);
    worker.thread().unpark();
    check_eq!(worker.join(), Ok(7));
    Ok(())
}

fn dead_thread_is_unparked() -> Verdict {
    let Ok(worker) = Builder::new().name("dead").spawn(|| ()) else {
        check!(false);
        return Ok(());
    };
    let (kept, also_kept) = (worker.thread().clone(), worker.thread().clone());
    check!(worker.join().is_ok());
    for _ in 0..3 {
        kept.unpark();
        // Others come and go meanwhile.
        check_eq!(thread::spawn(|| 1).join(), Ok(1));
    }
    drop(kept);
    also_kept.unpark();
    check_eq!(also_kept.name(), Some("dead"));
    Ok(())
}

/// A record that is claimed again holds nothing of the thread before.
fn new_thread_has_no_token() -> Verdict {
    thread::set_cache_limits(CacheLimits::OFF);
    for _ in 0..5 {
        let worker = thread::spawn(|| ());
        let dead = worker.thread().clone();
        check!(worker.join().is_ok());
        dead.unpark();
        drop(dead);
        check_eq!(thread_counts(), (0, 0));
        check_eq!(thread::spawn(has_no_token).join(), Ok(true));
    }
    thread::set_cache_limits(CacheLimits::DEFAULT);
    Ok(())
}

/// How many threads a case starts. An emulator keeps memory of each, and takes its time, so whoever
/// runs this may ask for fewer.
fn threads() -> u32 {
    let asked = threadbare::env::var("SUITE_THREADS").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(2_000)
}

/// A thread that ends because it was unparked, and is unparked while it ends, and afterwards.
fn unpark_races_exit() -> Verdict {
    let _storm = Storm::begin();
    for number in 0..threads() {
        let worker = Builder::new().stack_size(32 << 10).spawn(|| {
            storm::enlist();
            thread::park();
        });
        let Ok(worker) = worker else {
            check!(false);
            return Ok(());
        };
        let kept = worker.thread().clone();
        kept.unpark();
        for _ in 0..number % 60 {
            spin_loop();
        }
        kept.unpark();
        if number % 2 == 0 {
            worker.detach();
        } else {
            check!(worker.join().is_ok());
        }
        kept.unpark();
    }
    for _ in 0..100_000 {
        let (records, kept) = thread_counts();
        if records == kept {
            return Ok(());
        }
        thread::yield_now();
    }
    let (records, kept) = thread_counts();
    check_eq!(records, kept);
    Ok(())
}

/// As [`thread::current`] does.
fn foreign_thread_is_told() -> Verdict {
    for park in [thread::park, || thread::park_timeout(Duration::ZERO)] {
        let captured = capture::run(|| {
            // SAFETY: the child does nothing that needs its identity.
            unsafe { arch::set_current(0) };
            park();
        });
        check_eq!(captured.end, End::Signal(k::SIGABRT as i32));
        let message = "this thread was not started by threadbare";
        check!(captured.stderr.as_str().contains(message));
    }
    Ok(())
}

static HANDLED: AtomicU32 = AtomicU32::new(0);

extern "C" fn counts(_: i32) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

extern "C" fn counts_and_unparks(_: i32) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
    thread::current().unpark();
}

/// It interrupts the very wait that its token ends.
fn handler_brings_its_own_thread_the_token() -> Verdict {
    kernel::own_thread_register();
    let _alarm = Alarm::every_millisecond(counts_and_unparks);
    for _ in 0..10 {
        let before = HANDLED.load(Ordering::Relaxed);
        while HANDLED.load(Ordering::Relaxed) == before {
            thread::park();
        }
    }
    Ok(())
}

/// What is waited for: 1 the handler's start, 2 its end.
static HANDLER: AtomicU32 = AtomicU32::new(0);
static MAY_RETURN: AtomicU32 = AtomicU32::new(0);

extern "C" fn parks(_: i32) {
    HANDLER.store(1, Ordering::Release);
    // Once with a limit, which leaves the word in another state than it was found in.
    thread::park_timeout(Duration::from_micros(100));
    while MAY_RETURN.load(Ordering::Acquire) == 0 {
        thread::park();
    }
    HANDLER.store(2, Ordering::Release);
}

/// The first token is the handler's, the second one its thread's.
fn handler_parks_in_a_parked_thread() -> Verdict {
    static READY: AtomicU32 = AtomicU32::new(0);
    static IS_OVER: AtomicU32 = AtomicU32::new(0);
    kernel::dispose(k::SIGUSR1, Disposition::Handle(parks));
    let main = thread::current();
    let (process, tid) = (threadbare::process::id(), sys::task::kernel_thread_id());
    let other = spawn_without_signals(move || {
        let wait_for = |word: &AtomicU32, value| {
            while word.load(Ordering::Acquire) != value {
                thread::yield_now();
            }
        };
        wait_for(&READY, 1);
        thread::sleep(Duration::from_micros(200));
        let arguments = [process as usize, tid as usize, k::SIGUSR1 as usize, 0, 0, 0];
        // SAFETY: tgkill touches no memory.
        let sent = unsafe { kernel::call(k::__NR_tgkill, arguments) };
        wait_for(&HANDLER, 1);
        thread::sleep(Duration::from_micros(200));
        MAY_RETURN.store(1, Ordering::Release);
        main.unpark();
        wait_for(&HANDLER, 2);
        IS_OVER.store(1, Ordering::Release);
        main.unpark();
        sent.is_ok()
    });
    READY.store(1, Ordering::Release);
    while IS_OVER.load(Ordering::Acquire) == 0 {
        thread::park();
    }
    check_eq!(other.join(), Ok(true));
    Ok(())
}

fn threads_take_turns_with_signals() -> Verdict {
    let before = HANDLED.load(Ordering::Relaxed);
    let interrupted = || HANDLED.load(Ordering::Relaxed).wrapping_sub(before);
    kernel::own_thread_register();
    let alarm = Alarm::every_millisecond(counts);
    let turns = take_turns(|turns| turns < 500 || interrupted() < 20);
    drop(alarm);
    check!(turns.is_ok_and(|(own, others)| own == others));
    Ok(())
}

fn signals_do_not_end_a_park_timeout() -> Verdict {
    // A token that came too late for the turn it was sent for.
    thread::park_timeout(Duration::ZERO);
    let before = HANDLED.load(Ordering::Relaxed);
    kernel::own_thread_register();
    let _alarm = Alarm::every_millisecond(counts);
    while HANDLED.load(Ordering::Relaxed).wrapping_sub(before) < 20 {
        check!(has_no_token());
    }
    Ok(())
}
