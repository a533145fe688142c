//! Paths of threads: start, end, sleep, names.

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

use threadbare::seam::{self, arch::kernel as k, arch::nr};
use threadbare::signal;
use threadbare::sync::{Mutex, futex};
use threadbare::thread::{self, Builder, CacheLimits, CpuSet, Guard, Policy, SpawnError};
use threadbare::thread::{JoinHandle, StaticStack, Thread};
use threadbare::time::{Duration, Instant};

use crate::failures::Said;
use crate::failures::window::{Window, counters};
use crate::kernel::{call, let_others_run};

/// How far the thread of a path is.
pub(super) static STAGE: AtomicU32 = AtomicU32::new(0);
pub(super) const NOT_THERE: u32 = 0;
pub(super) const IN_CLOSURE: u32 = 1;
pub(super) const MAY_END: u32 = 2;
const UNPARKED: u32 = 3;
/// How many closures were dropped.
pub(super) static DROPS: AtomicU32 = AtomicU32::new(0);

pub(super) struct Captured;

impl Drop for Captured {
    fn drop(&mut self) {
        DROPS.fetch_add(1, SeqCst);
    }
}

/// Waits without a call of the runtime's.
pub(super) fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        let_others_run();
    }
}

/// Sleeps while the word is 0, past the runtime.
fn sleep_on(word: &AtomicU32) {
    let operation = (k::FUTEX_WAIT | k::FUTEX_PRIVATE_FLAG) as usize;
    let word = word.as_ptr().expose_provenance();
    // SAFETY: an `AtomicU32` is aligned.
    let _ = unsafe { call(nr::FUTEX as u32, [word, operation, 0, 0, 0, 0]) };
}

/// What every thread here runs: it captures something, and waits to be let go.
fn closure() -> impl FnOnce() -> u32 + Send + 'static {
    STAGE.store(NOT_THERE, SeqCst);
    DROPS.store(0, SeqCst);
    let captured = Captured;
    move || {
        let _captured = captured;
        STAGE.store(IN_CLOSURE, SeqCst);
        until(|| STAGE.load(SeqCst) == MAY_END);
        7
    }
}

pub(super) fn let_go() {
    STAGE.store(MAY_END, SeqCst);
}

pub(super) fn is_gone(thread: &Thread) -> bool {
    // By the record: no call.
    thread.kernel_id().is_none()
}

/// A thread that is in its closure.
pub(super) fn running() -> JoinHandle<u32> {
    let handle = match small().spawn(closure()) {
        Ok(handle) => handle,
        Err(error) => panic!("no thread for a path: {error}"),
    };
    until(|| STAGE.load(SeqCst) == IN_CLOSURE);
    handle
}

pub(super) fn small() -> Builder {
    Builder::new().stack_size(0)
}

/// What a `spawn` came to, whose thread may end now.
fn outcome(result: Result<JoinHandle<u32>, SpawnError>) -> Said {
    let said = match result {
        Ok(handle) => {
            let_go();
            match handle.join() {
                Ok(7) => Said::works(),
                joined => Said::new(format_args!("joins with {joined:?}")),
            }
        }
        Err(error) => Said::error(error),
    };
    dropped_once(said)
}

pub(super) fn dropped_once(said: Said) -> Said {
    match DROPS.load(SeqCst) {
        1 => said,
        count => Said::new(format_args!(
            "{}, closure dropped {count} times",
            said.as_str()
        )),
    }
}

/// `spawn`, looked at until the closure runs or there is an error.
fn spawn_by(builder: Builder, window: &Window) -> Said {
    let run = closure();
    window.open();
    let result = builder.spawn(run);
    if result.is_ok() {
        until(|| STAGE.load(SeqCst) == IN_CLOSURE);
    }
    window.close();
    outcome(result)
}

pub fn spawn(window: &Window) -> Said {
    spawn_by(small(), window)
}

pub fn spawn_the_first(window: &Window) -> Said {
    seam::unprepare_for_fork();
    let said = spawn_by(small(), window);
    // As it was, whatever came.
    seam::unprepare_for_fork();
    match small().spawn(|| ()).map(JoinHandle::join) {
        Ok(Ok(())) => said,
        _ => Said::new("no second thread"),
    }
}

pub fn spawn_named(window: &Window) -> Said {
    spawn_by(small().name("a name"), window)
}

pub fn spawn_cached(window: &Window) -> Said {
    thread::set_cache_limits(CacheLimits::DEFAULT);
    let first = running();
    let_go();
    if first.join() != Ok(7) || seam::thread_counts().1 != 1 {
        return Said::new("nothing in the cache");
    }
    spawn_by(small(), window)
}

pub fn spawn_with_light_guard(window: &Window) -> Said {
    spawn_by(small().guard(Guard::Lightweight), window)
}

pub fn spawn_measured(window: &Window) -> Said {
    let run = closure();
    let_go();
    window.open();
    let result = small().measure(true).spawn(move || {
        let _of_this_path = &run;
        9
    });
    let thread = match &result {
        Ok(handle) => {
            let thread = handle.thread().clone();
            until(|| is_gone(&thread));
            Some(thread)
        }
        Err(_) => None,
    };
    window.close();
    let said = match result.map(JoinHandle::join) {
        Ok(Ok(9)) => match thread.and_then(|thread| thread.stack_high_water()) {
            Some(_) => Said::works(),
            None => Said::new("works, unmeasured"),
        },
        Ok(joined) => Said::new(format_args!("joins with {joined:?}")),
        Err(error) => Said::error(error),
    };
    dropped_once(said)
}

pub fn spawn_with_affinity(window: &Window) -> Said {
    match CpuSet::of_current() {
        Ok(cpus) => spawn_by(small().affinity(cpus), window),
        Err(errno) => Said::error(errno),
    }
}

pub fn spawn_with_policy(window: &Window) -> Said {
    spawn_by(small().policy(Policy::Other), window)
}

pub fn spawn_with_nice(window: &Window) -> Said {
    spawn_by(small().nice(19), window)
}

static MEMORY: StaticStack<{ 256 << 10 }> = StaticStack::new();
static KEPT: Mutex<Option<&'static mut [MaybeUninit<u8>]>> = Mutex::new(None);

pub fn spawn_on_own_memory(window: &Window) -> Said {
    let kept = KEPT.lock().ok().and_then(|mut kept| kept.take());
    let Some(memory) = kept.or_else(|| MEMORY.take()) else {
        return Said::new("the memory was lost");
    };
    let run = closure();
    window.open();
    let result = Builder::new().stack(memory).spawn_or_return(run);
    if result.is_ok() {
        until(|| STAGE.load(SeqCst) == IN_CLOSURE);
    }
    window.close();
    let (said, memory) = match result {
        Ok(handle) => {
            let_go();
            let (joined, memory) = handle.join_with_stack();
            let said = match joined {
                Ok(7) => Said::works(),
                joined => Said::new(format_args!("joins with {joined:?}")),
            };
            (said, memory)
        }
        Err(refused) => {
            drop(refused.closure);
            (Said::error(refused.error), refused.stack)
        }
    };
    if let Ok(mut kept) = KEPT.lock() {
        *kept = memory;
    }
    dropped_once(said)
}

pub fn spawn_scoped(window: &Window) -> Said {
    let run = closure();
    let said = thread::scope(|scope| {
        window.open();
        let result = small().spawn_scoped(scope, run);
        if result.is_ok() {
            until(|| STAGE.load(SeqCst) == IN_CLOSURE);
        }
        window.close();
        let_go();
        match result.map(|handle| handle.join()) {
            Ok(Ok(7)) => Said::works(),
            Ok(joined) => Said::new(format_args!("joins with {joined:?}")),
            Err(error) => Said::error(error),
        }
    });
    dropped_once(said)
}

/// 64 threads take all records of the first page.
pub fn spawn_the_sixty_fifth(window: &Window) -> Said {
    static GO: AtomicU32 = AtomicU32::new(0);
    let asleep = || {
        while GO.load(SeqCst) == 0 {
            sleep_on(&GO);
        }
    };
    let handles = [0; 64].map(|_| small().spawn(asleep));
    let all = handles.iter().all(Result::is_ok);
    let said = spawn_by(small(), window);
    GO.store(1, SeqCst);
    futex::wake(GO.as_ptr(), u32::MAX, futex::Scope::Private);
    let joined = handles.into_iter().flatten().map(JoinHandle::join);
    if joined.filter(Result::is_ok).count() != 64 || !all {
        return Said::new("no 64 threads");
    }
    said
}

pub fn join(window: &Window) -> Said {
    let handle = running_until_wait();
    window.open();
    let joined = handle.join();
    window.close();
    match joined {
        Ok(7) => dropped_once(Said::works()),
        joined => Said::new(format_args!("joins with {joined:?}")),
    }
}

/// Empties what the last window recorded.
pub(super) fn forget() {
    STAGE.store(NOT_THERE, SeqCst);
    seam::record(counters());
    seam::end_record();
}

/// A thread that ends when somebody has begun to wait on a word.
fn running_until_wait() -> JoinHandle<u32> {
    forget();
    STAGE.store(NOT_THERE, SeqCst);
    DROPS.store(0, SeqCst);
    let captured = Captured;
    let spawned = small().spawn(move || {
        let _captured = captured;
        STAGE.store(IN_CLOSURE, SeqCst);
        until(|| STAGE.load(SeqCst) == MAY_END || counters().count(nr::FUTEX) > 0);
        7
    });
    let Ok(handle) = spawned else {
        panic!("no thread for a path");
    };
    until(|| STAGE.load(SeqCst) == IN_CLOSURE);
    handle
}

pub fn scope_end(window: &Window) -> Said {
    forget();
    DROPS.store(0, SeqCst);
    let captured = Captured;
    let spawned = thread::scope(|scope| {
        let spawned = small().spawn_scoped(scope, move || {
            let _captured = captured;
            STAGE.store(IN_CLOSURE, SeqCst);
            until(|| counters().count(nr::FUTEX) > 0);
        });
        until(|| STAGE.load(SeqCst) == IN_CLOSURE);
        window.open();
        spawned.map(drop)
    });
    window.close();
    STAGE.store(NOT_THERE, SeqCst);
    match spawned {
        Ok(()) => dropped_once(Said::works()),
        Err(error) => Said::error(error),
    }
}

pub fn drop_handle_of_ended(window: &Window) -> Said {
    let handle = running();
    let thread = handle.thread().clone();
    let_go();
    until(|| is_gone(&thread));
    window.open();
    drop(handle);
    window.close();
    dropped_once(Said::works())
}

pub fn end_of_detached(window: &Window) -> Said {
    let run = closure();
    let spawned = small().spawn(|| {
        // A tracer counts each thread's calls for itself: this one's are not to be the main
        // thread's numbers.
        for _ in 0..8 {
            let _ = signal::mask();
        }
        run()
    });
    let Ok(handle) = spawned else {
        return Said::new("no thread");
    };
    until(|| STAGE.load(SeqCst) == IN_CLOSURE);
    let thread = handle.thread().clone();
    handle.detach();
    window.open();
    let_go();
    until(|| is_gone(&thread));
    window.close();
    dropped_once(Said::works())
}

pub fn end_of_joinable(window: &Window) -> Said {
    let handle = running();
    let thread = handle.thread().clone();
    window.open();
    let_go();
    until(|| is_gone(&thread));
    window.close();
    match handle.join() {
        Ok(7) => dropped_once(Said::works()),
        joined => Said::new(format_args!("joins with {joined:?}")),
    }
}

pub fn exit_thread(window: &Window) -> Said {
    STAGE.store(NOT_THERE, SeqCst);
    let spawned = small().spawn(|| {
        STAGE.store(IN_CLOSURE, SeqCst);
        until(|| STAGE.load(SeqCst) == MAY_END);
        thread::exit()
    });
    let Ok(handle) = spawned else {
        return Said::new("no thread");
    };
    let handle: JoinHandle<u32> = handle;
    let thread = handle.thread().clone();
    until(|| STAGE.load(SeqCst) == IN_CLOSURE);
    window.open();
    let_go();
    until(|| is_gone(&thread));
    window.close();
    match handle.join() {
        Err(_) => Said::works(),
        Ok(_) => Said::new("has a value"),
    }
}

pub fn park(window: &Window) -> Said {
    forget();
    let main = thread::current();
    let spawned = small().spawn(move || {
        STAGE.store(IN_CLOSURE, SeqCst);
        until(|| counters().count(nr::FUTEX) > 0);
        main.unpark();
        STAGE.store(UNPARKED, SeqCst);
        until(|| STAGE.load(SeqCst) == MAY_END);
    });
    let Ok(handle) = spawned else {
        return Said::new("no thread");
    };
    until(|| STAGE.load(SeqCst) == IN_CLOSURE);
    window.open();
    thread::park();
    // The token may be taken before the wake-up is sent.
    until(|| STAGE.load(SeqCst) == UNPARKED);
    window.close();
    let_go();
    match handle.join() {
        Ok(()) => Said::works(),
        Err(_) => Said::new("no end"),
    }
}

/// Whether so much time has passed; asked past the runtime's own calls, when the window is closed.
fn after(start: Instant, moment: Duration) -> Said {
    if start.elapsed() < moment {
        return Said::new("too early");
    }
    Said::works()
}

pub fn park_timeout(window: &Window) -> Said {
    let (start, moment) = (Instant::now(), window.moment());
    window.open();
    thread::park_timeout(moment);
    window.close();
    after(start, moment)
}

pub fn sleep(window: &Window) -> Said {
    let (start, moment) = (Instant::now(), window.moment());
    window.open();
    thread::sleep(moment);
    window.close();
    after(start, moment)
}

pub fn sleep_until(window: &Window) -> Said {
    let (start, moment) = (Instant::now(), window.moment());
    window.open();
    thread::sleep_until(start + moment);
    window.close();
    after(start, moment)
}

pub fn yield_now(window: &Window) -> Said {
    window.open();
    thread::yield_now();
    window.close();
    Said::works()
}
