//! The part of a path in which calls are counted, or fail.
//!
//! What the test itself does lies outside, or goes past the runtime.

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::SeqCst};

use threadbare::Errno;
use threadbare::seam::{self, Counters, Vdso, arch::kernel as k};
use threadbare::time::Duration;

use super::filter;
use crate::kernel::call;

/// Who makes calls fail.
#[derive(Clone, Copy)]
pub enum Driver {
    /// Nobody: the calls are counted.
    Record,
    /// The seam: the `skip`-th call that comes, and `times - 1` after it.
    Seam {
        /// The call.
        nr: usize,
        /// What it answers.
        errno: Errno,
        /// How many go through before.
        skip: u32,
        /// How many fail.
        times: u32,
    },
    /// The kernel, by a filter that stays: every call.
    Filter {
        /// The call.
        nr: usize,
        /// What it answers.
        errno: Errno,
    },
    /// Somebody outside, who sees the window open and close by two calls that nobody else makes.
    Outside,
}

impl Driver {
    /// Whether it is closing a descriptor that the seam makes fail.
    pub fn is_refused_close(&self) -> bool {
        matches!(self, Driver::Seam { nr, .. } if *nr == seam::arch::nr::CLOSE)
    }
}

/// What the calls on both sides of a window close: a descriptor that there is not.
pub const MARK: usize = -77isize as usize;

/// The part of a path that is looked at.
pub struct Window {
    driver: Driver,
    failed: Cell<u32>,
}

impl Window {
    /// A window that is closed.
    pub fn new(driver: Driver) -> Window {
        Window {
            driver,
            failed: Cell::new(0),
        }
    }

    /// Lets it begin.
    pub fn open(&self) {
        // A clock is to be read by a call that can fail.
        seam::set_vdso(Vdso::Absent);
        seam::record(counters());
        match self.driver {
            Driver::Record => {}
            Driver::Seam {
                nr,
                errno,
                skip,
                times,
            } => seam::order(nr, skip, times, errno),
            Driver::Filter { nr, errno } => filter::install(nr, errno),
            Driver::Outside => mark(),
        }
    }

    /// Lets it end.
    pub fn close(&self) {
        seam::end_record();
        seam::set_vdso(Vdso::Works);
        match self.driver {
            Driver::Seam { .. } => self.failed.set(seam::end()),
            Driver::Outside => mark(),
            _ => {}
        }
    }

    /// How long to sleep where that is the path: longer than everything else takes, which under a
    /// tracer is not little. Where it is said that the time was over before it was, that must be
    /// seen however slow the machine is, and is not slept.
    pub fn moment(&self) -> Duration {
        match self.driver {
            Driver::Seam {
                errno: Errno::TIMEDOUT,
                ..
            }
            | Driver::Filter {
                errno: Errno::TIMEDOUT,
                ..
            } => Duration::from_secs(20),
            Driver::Outside => Duration::from_millis(100),
            _ => Duration::from_micros(300),
        }
    }

    /// How many calls the seam made fail.
    pub fn failed(&self) -> u32 {
        self.failed.get()
    }
}

fn mark() {
    // SAFETY: no such descriptor is open.
    let _ = unsafe { call(k::__NR_close, [MARK, 0, 0, 0, 0, 0]) };
}

/// Writes past the runtime, whose calls may fail.
pub fn write(fd: usize, bytes: &[u8]) {
    // SAFETY: the kernel reads the bytes.
    let _ = unsafe {
        call(
            k::__NR_write,
            [fd, bytes.as_ptr() as usize, bytes.len(), 0, 0, 0],
        )
    };
}

static COUNTERS: AtomicPtr<Counters> = AtomicPtr::new(ptr::null_mut());

/// What the last window recorded, in this process or in its child, with which it shares the memory.
///
/// # Panics
/// If there is no memory.
pub fn counters() -> &'static Counters {
    if COUNTERS.load(SeqCst).is_null() {
        let prot = (k::PROT_READ | k::PROT_WRITE) as usize;
        let flags = (k::MAP_SHARED | k::MAP_ANONYMOUS) as usize;
        let six = [0, size_of::<Counters>(), prot, flags, usize::MAX, 0];
        // SAFETY: a new mapping at a place of the kernel's choice.
        match unsafe { seam::sys::mem::map_anything(six) } {
            Ok(address) => COUNTERS.store(ptr::with_exposed_provenance_mut(address), SeqCst),
            Err(errno) => panic!("no shared memory: {errno}"),
        }
    }
    // SAFETY: mapped for ever, and zeroes are valid.
    unsafe { &*COUNTERS.load(SeqCst) }
}
