//! A tracer that stops every thread.

use suite::child::{self, End};
use suite::kernel::{self, call};
use suite::{Stop, Verdict, check, check_eq};
use threadbare::seam::arch::kernel as k;
use threadbare::seam::sys::task;
use threadbare::{Errno, thread};

const PTRACE_CONT: usize = 7;
const PTRACE_SEIZE: usize = 0x4206;
const PTRACE_INTERRUPT: usize = 0x4207;
const PTRACE_O_TRACECLONE: usize = 8;
const WALL: u32 = 0x4000_0000;

fn trace(request: usize, thread: usize, data: usize) -> Result<usize, Errno> {
    // SAFETY: the requests here touch no memory of this process.
    unsafe { call(k::__NR_ptrace, [request, thread, 0, data, 0, 0]) }
}

/// Waits for any thread of a traced child: its number, whether it ended, and what it stopped by.
fn wait_for_any() -> Result<(usize, bool, usize), Errno> {
    const STOPPED: u32 = 2;
    let mut found = core::mem::MaybeUninit::<k::siginfo_t>::zeroed();
    let to = found.as_mut_ptr().expose_provenance();
    let how = (k::WEXITED | STOPPED | WALL) as usize;
    // SAFETY: the kernel writes one `siginfo_t`.
    unsafe { call(k::__NR_waitid, [k::P_ALL as usize, 0, to, how, 0, 0]) }?;
    // SAFETY: integers throughout; the kernel wrote these.
    let (pid, code, status) = unsafe {
        let found = found.assume_init().__bindgen_anon_1.__bindgen_anon_1;
        let child = found._sifields._sigchld;
        (child._pid, found.si_code as u32, child._status)
    };
    // 1 to 3: exited, killed, dumped.
    Ok((pid as usize, code <= 3, status as usize))
}

/// How many times the traced process starts two threads.
const PAIRS: usize = 60;

/// A tracer attaches to a process and to each thread that it starts, stops each of them once more
/// wherever it is, and the first one whenever another has stopped or ended; and lets them go on:
/// nobody is lost, and the process ends as ever.
pub fn debugger_that_stops_every_thread() -> Verdict {
    let worker = child::start(|| {
        kernel::limit_seconds(60);
        for _ in 0..PAIRS {
            let handle = thread::spawn(|| 7);
            let detached = thread::spawn(|| ());
            detached.detach();
            if handle.join() != Ok(7) {
                task::exit_process(1);
            }
            thread::sleep(threadbare::time::Duration::from_micros(100));
        }
        task::exit_process(44)
    });
    if trace(PTRACE_SEIZE, worker, PTRACE_O_TRACECLONE).is_err() {
        check_eq!(child::wait(worker), End::Exit(44));
        return Err(Stop::Skip("nobody may trace another process here"));
    }
    let mut stops = 0;
    // Threads that are to stop once more: about as many as there are at a time.
    let mut awaited = [0; 16];
    let _ = trace(PTRACE_INTERRUPT, worker, 0);
    let status = loop {
        match wait_for_any() {
            Ok((thread, true, status)) if thread == worker => break status,
            Ok((thread, is_over, stopped_by)) => {
                let place = awaited.iter().position(|&other| other == thread);
                if !is_over {
                    stops += 1;
                    // A stop of the tracer's own has no signal to hand on; the others have theirs.
                    let signal = match stopped_by {
                        0..=64 if stopped_by != k::SIGTRAP as usize => stopped_by,
                        _ => 0,
                    };
                    let _ = trace(PTRACE_CONT, thread, signal);
                }
                if thread == worker {
                    // Left alone until somebody else has been seen: on a slow machine it would
                    // never come to do anything else but stop.
                    continue;
                }
                if let Some(place) = place {
                    awaited[place] = 0;
                } else if let Some(free) = awaited.iter_mut().find(|other| **other == 0)
                    && !is_over
                {
                    *free = thread;
                    let _ = trace(PTRACE_INTERRUPT, thread, 0);
                }
                let _ = trace(PTRACE_INTERRUPT, worker, 0);
            }
            Err(Errno::INTR) => {}
            Err(_) => {
                return Err(Stop::Fail(
                    file!(),
                    line!(),
                    "the child could be waited for",
                ));
            }
        }
    };
    check_eq!(status, 44);
    // Each thread when it begins, and the first one when it starts it.
    check!(stops >= 4 * PAIRS);
    Ok(())
}
