//! A thread that waits for another one's end, and is taken into a child of `fork` by a handler.

use core::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use suite::child::{self, End};
use suite::kernel::{self, Disposition, until_asleep};
use suite::storm;
use suite::{Stop, Verdict, check, check_eq};
use threadbare::seam::arch::kernel as k;
use threadbare::seam::sys::{signal, task};
use threadbare::sync::ResetEvent;
use threadbare::thread;

use super::is_noticed;

/// The child's number, and in the child this.
static CHILD: AtomicUsize = AtomicUsize::new(0);
const IN_CHILD: usize = usize::MAX;

extern "C" fn fork(_: i32) {
    let child = child::fork();
    if child == 0 {
        kernel::limit_seconds(20);
        CHILD.store(IN_CHILD, SeqCst);
    } else {
        CHILD.store(child, SeqCst);
    }
}

/// The handler returns in the child as well, into a wait for a thread that the child has not got:
/// there it ends.
pub fn join_that_a_handlers_fork_interrupts() -> Verdict {
    static MAY_END: ResetEvent = ResetEvent::new();
    check!(thread::spawn(|| ()).join().is_ok());
    is_noticed()?;
    if !storm::is_possible() {
        return Err(Stop::Skip("threads other than main take no signals here"));
    }
    kernel::dispose(k::SIGUSR1, Disposition::Handle(fork));
    let joined = thread::spawn(|| MAY_END.wait());
    let joiner = thread::spawn(move || {
        let joined = joined.join();
        if CHILD.load(SeqCst) == IN_CHILD {
            task::exit_process(if joined.is_err() { 0 } else { 1 });
        }
        joined.is_ok()
    });
    until_asleep(joiner.thread());
    let to = joiner.thread().kernel_id().unwrap_or(0);
    check_eq!(signal::send(to, k::SIGUSR1), Ok(()));
    while CHILD.load(SeqCst) == 0 {
        kernel::let_others_run();
    }
    let end = child::wait(CHILD.load(SeqCst));
    MAY_END.set();
    check_eq!(joiner.join(), Ok(true));
    check_eq!(end, End::Exit(0));
    Ok(())
}
