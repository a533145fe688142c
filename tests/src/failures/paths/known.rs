//! Paths of what is known of threads: names, numbers, CPUs, stacks, and thread-locals.

use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

use threadbare::seam;
use threadbare::seam::sys::signal;
use threadbare::thread::{self, CpuSet, Thread};

use super::threads::{Captured, DROPS, IN_CLOSURE, MAY_END, NOT_THERE, STAGE};
use super::threads::{dropped_once, is_gone, let_go, running, small, until};
use crate::failures::Said;
use crate::failures::window::Window;

fn works_or(result: Result<(), impl core::fmt::Debug>) -> Said {
    match result {
        Ok(()) => Said::works(),
        Err(error) => Said::error(error),
    }
}

pub fn set_own_name(window: &Window) -> Said {
    let main = thread::current();
    window.open();
    let set = thread::set_name(&main, "main");
    window.close();
    works_or(set)
}

pub fn own_kernel_name(window: &Window) -> Said {
    let main = thread::current();
    window.open();
    let name = thread::kernel_name(&main);
    window.close();
    works_or(name.map(drop))
}

/// Does something to another thread that runs.
fn with_other<T, E: core::fmt::Debug>(
    window: &Window,
    run: impl FnOnce(&Thread) -> Result<T, E>,
) -> Said {
    let other = running();
    window.open();
    let result = run(other.thread());
    window.close();
    let_go();
    match (other.join(), result) {
        (Ok(7), Ok(_)) => Said::works(),
        (Ok(7), Err(error)) => Said::error(error),
        _ => Said::new("the other thread's end was another"),
    }
}

pub fn set_name_of_other(window: &Window) -> Said {
    with_other(window, |other| thread::set_name(other, "other"))
}

pub fn kernel_name_of_other(window: &Window) -> Said {
    with_other(window, thread::kernel_name)
}

/// The look of a thread other than main, while that sleeps past the runtime: as in a child that
/// such a thread has made.
pub fn settle(window: &Window) -> Said {
    struct Lent(*const Window);
    // SAFETY: the lender waits.
    unsafe impl Send for Lent {}
    let lent = Lent(window);
    STAGE.store(NOT_THERE, SeqCst);
    let looks = move || {
        let lent = lent;
        // Its maker makes no call any more.
        until(|| STAGE.load(SeqCst) == MAY_END);
        // SAFETY: likewise.
        let window = unsafe { &*lent.0 };
        // A tracer counts for each thread by itself: more than its maker made of the same call, so
        // that those in the window can be meant alone.
        for _ in 0..4 {
            let _ = signal::mask();
        }
        seam::unsettle();
        window.open();
        let id = thread::kernel_id();
        window.close();
        id == seam::sys::task::kernel_thread_id()
    };
    static IS_SAME: AtomicU32 = AtomicU32::new(0);
    let spawned = small().spawn(move || IS_SAME.store(1 + u32::from(looks()), SeqCst));
    if spawned.map(core::mem::forget).is_err() {
        return Said::new("no thread");
    }
    let_go();
    until(|| IS_SAME.load(SeqCst) != 0);
    match IS_SAME.load(SeqCst) {
        2 => Said::works(),
        _ => Said::new("answers another number"),
    }
}

pub fn kernel_id(window: &Window) -> Said {
    window.open();
    let id = thread::kernel_id();
    window.close();
    number(id)
}

fn number(id: u32) -> Said {
    match id {
        0 => Said::new("answers 0"),
        _ => Said::works(),
    }
}

pub fn thread_locals(window: &Window) -> Said {
    threadbare::thread_local! {
        static LOCAL: Captured = const { Captured };
    }
    STAGE.store(NOT_THERE, SeqCst);
    DROPS.store(0, SeqCst);
    static USED: AtomicU32 = AtomicU32::new(0);
    USED.store(0, SeqCst);
    let spawned = small().spawn(|| {
        STAGE.store(IN_CLOSURE, SeqCst);
        until(|| STAGE.load(SeqCst) == MAY_END);
        LOCAL.with(|_| USED.store(1, SeqCst));
    });
    let Ok(handle) = spawned else {
        return Said::new("no thread");
    };
    let thread = handle.thread().clone();
    until(|| STAGE.load(SeqCst) == IN_CLOSURE);
    window.open();
    let_go();
    until(|| is_gone(&thread));
    window.close();
    if handle.join().is_err() || USED.load(SeqCst) != 1 {
        return Said::new("not used");
    }
    dropped_once(Said::works())
}

pub fn parallelism(window: &Window) -> Said {
    window.open();
    let count = thread::available_parallelism();
    window.close();
    works_or(count.map(drop))
}

pub fn own_cpus(window: &Window) -> Said {
    window.open();
    let cpus = CpuSet::of_current();
    window.close();
    works_or(cpus.map(drop))
}

pub fn main_stack(window: &Window) -> Said {
    window.open();
    let stack = thread::stack();
    window.close();
    if stack.remaining() == 0 {
        return Said::new("nothing remains");
    }
    Said::works()
}

pub fn overflow_report(window: &Window) -> Said {
    window.open();
    thread::set_overflow_report(true);
    window.close();
    Said::works()
}
