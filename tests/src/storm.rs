//! A signal every millisecond to a random thread, as long as a storm lasts.
//!
//! The timer's signal comes to some thread, mostly the main one; its handler sends another on, to
//! one of those that enlisted last. They may be gone, and their numbers another thread's: that is
//! the weather.

use core::sync::atomic::{AtomicU32, Ordering};

use threadbare::process;
use threadbare::seam::arch::kernel as k;
use threadbare::seam::sys::task;

use crate::kernel::{self, Alarm, Disposition, call};

const ENLISTED_MAX: usize = 64;
/// The kernel's numbers of threads, 0 where there was none yet.
static ENLISTED: [AtomicU32; ENLISTED_MAX] = [const { AtomicU32::new(0) }; ENLISTED_MAX];
static NEXT: AtomicU32 = AtomicU32::new(0);
/// How many signals came, and how many of them to threads that enlisted.
static GUSTS: AtomicU32 = AtomicU32::new(0);
static HITS: AtomicU32 = AtomicU32::new(0);

/// A storm; it ends when this is dropped.
pub struct Storm(Option<Alarm>);

impl Storm {
    /// Lets a storm begin.
    ///
    /// # Panics
    /// If the kernel refuses the timer or the handlers.
    pub fn begin() -> Storm {
        kernel::dispose(k::SIGUSR2, Disposition::Handle(count));
        Storm(if is_possible() {
            Some(Alarm::every_millisecond(send_on))
        } else {
            None
        })
    }

    /// How many signals came by the timer, and how many of them reached a thread that enlisted.
    pub fn force(&self) -> (u32, u32) {
        (GUSTS.load(Ordering::Relaxed), HITS.load(Ordering::Relaxed))
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        drop(self.0.take());
        // One may be on its way.
        kernel::dispose(k::SIGALRM, Disposition::Ignore);
    }
}

/// Whether there can be a storm: whoever runs this may know that an emulator loses its way in one.
pub fn is_possible() -> bool {
    threadbare::env::var_os("SUITE_CALM").is_none()
}

/// Lets the calling thread be hit.
pub fn enlist() {
    let place = NEXT.fetch_add(1, Ordering::Relaxed) as usize % ENLISTED_MAX;
    ENLISTED[place].store(task::kernel_thread_id(), Ordering::Relaxed);
}

extern "C" fn send_on(_: i32) {
    let gust = GUSTS.fetch_add(1, Ordering::Relaxed);
    // Any will do, as long as it is not always the same.
    let place = gust.wrapping_mul(0x9e37_79b9) >> 26;
    let tid = ENLISTED[place as usize % ENLISTED_MAX].load(Ordering::Relaxed);
    if tid != 0 {
        let arguments = [
            process::id() as usize,
            tid as usize,
            k::SIGUSR2 as usize,
            0,
            0,
            0,
        ];
        // SAFETY: tgkill touches no memory. The thread may be gone.
        let _ = unsafe { call(k::__NR_tgkill, arguments) };
    }
}

extern "C" fn count(_: i32) {
    HITS.fetch_add(1, Ordering::Relaxed);
}
