//! What a spinning lock does while it waits: pauses, and then the CPU to somebody else.

use super::primitive;
use crate::sys::task;

/// How often it pauses before it asks the kernel: for about a microsecond, as long as a call takes.
const PAUSES: u32 = 16;

/// How a lock of the crate `spin` waits: a few pauses, then `sched_yield(2)`, and again.
///
/// With `spin`'s own way, `Spin`, a waiter uses up its time on the CPU while the holder, which was
/// interrupted, waits for it. This one lets the holder run; but the kernel chooses whom, so that a
/// waiter of a real-time policy still keeps out a holder of less priority. A lock that sleeps, as
/// all in [`sync`](super) do, has neither fault.
///
/// # Blocking
/// It never sleeps.
///
/// # Examples
/// ```
/// use spin::mutex::SpinMutex;
/// use threadbare::sync::Yield;
/// use threadbare::thread;
///
/// static COUNT: SpinMutex<u32, Yield> = SpinMutex::new(0);
///
/// let held = COUNT.lock();
/// let other = thread::spawn(|| *COUNT.lock() += 1);
/// drop(held);
/// other.join().unwrap();
/// assert_eq!(*COUNT.lock(), 1);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Yield;

impl spin::RelaxStrategy for Yield {
    #[inline]
    fn relax() {
        // The crate's trait has no place for a count, so each turn has its own pauses.
        for _ in 0..PAUSES {
            primitive::spin_loop();
        }
        task::yield_now();
    }
}
