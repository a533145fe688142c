//! The door: who is inside, how many may be, and how all of them leave.
//!
//! A connection is known by its descriptor, which is a small number: a bit for each. The bit goes
//! first, with the lock held, so that nobody ever shuts down a stranger's that got the same number.

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;

use rustix::fd::{AsRawFd, BorrowedFd, OwnedFd};
use rustix::net::{Shutdown, shutdown};
use threadbare::sync::{Condvar, Mutex, MutexGuard};
use threadbare::time::Instant;

/// Descriptors that the server knows of.
pub const DESCRIPTORS_MAX: usize = 1 << 16;
const WORD_BITS: usize = u64::BITS as usize;

struct Inside {
    descriptors: [u64; DESCRIPTORS_MAX / WORD_BITS],
    count: usize,
}

/// Its state and who waits for a change of it.
pub struct Door {
    inside: Mutex<Inside>,
    /// Written with the lock held. Relaxed elsewhere: who sees it late only answers once more, and
    /// finds its socket shut down then.
    is_closed: AtomicBool,
    /// Somebody left, or the door was closed.
    changed: Condvar,
}

impl Door {
    /// An open door and nobody inside.
    pub const fn new() -> Door {
        Door {
            inside: Mutex::new(Inside {
                descriptors: [0; DESCRIPTORS_MAX / WORD_BITS],
                count: 0,
            }),
            is_closed: AtomicBool::new(false),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // No panic goes on, so there is no lock that one left behind.
        self.inside.lock().unwrap_or_else(|held| held.into_inner())
    }

    /// Lets a connection in; drops it if the door is closed.
    pub fn enter(&'static self, socket: OwnedFd) -> Option<Guest> {
        let mut inside = self.lock();
        let number = usize::try_from(socket.as_raw_fd()).unwrap_or(DESCRIPTORS_MAX);
        if self.is_closed() || number >= DESCRIPTORS_MAX {
            return None;
        }
        inside.descriptors[number / WORD_BITS] |= 1 << (number % WORD_BITS);
        inside.count += 1;
        Some(Guest {
            socket: Some(socket),
            door: self,
        })
    }

    /// Waits until fewer than `count` are inside; false if the door is closed.
    pub fn wait_for_room(&self, count: usize) -> bool {
        let mut inside = self.lock();
        while inside.count >= count && !self.is_closed() {
            inside = self
                .changed
                .wait(inside)
                .unwrap_or_else(|held| held.into_inner());
        }
        !self.is_closed()
    }

    /// Waits until somebody leaves and gives back what it had of the system, at most for `time`.
    pub fn wait_for_leave(&self, time: Duration) {
        let inside = self.lock();
        if !self.is_closed() {
            drop(self.changed.wait_timeout(inside, time));
        }
    }

    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Lets nobody in any more, and tells all who are inside that no request follows.
    pub fn close(&self) {
        let inside = self.lock();
        self.is_closed.store(true, Ordering::Relaxed);
        inside.shut_down(Shutdown::Read);
        self.changed.notify_all();
    }

    /// Waits until all have left, and cuts off who has not after `grace`; returns how many.
    pub fn wait_until_empty(&self, grace: Duration) -> usize {
        let end = Instant::now() + grace;
        let mut inside = self.lock();
        while inside.count > 0 {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let waited = self.changed.wait_timeout(inside, left);
            inside = waited.unwrap_or_else(|held| held.into_inner()).0;
        }
        inside.shut_down(Shutdown::Both);
        inside.count
    }
}

impl Inside {
    fn shut_down(&self, how: Shutdown) {
        for (place, word) in self.descriptors.iter().enumerate() {
            let mut word = *word;
            while word != 0 {
                let number = place * WORD_BITS + word.trailing_zeros() as usize;
                word &= word - 1;
                // SAFETY: it is open: its owner takes the bit away before it closes it, and the
                // lock is held.
                let socket = unsafe { BorrowedFd::borrow_raw(number as i32) };
                // Whose client is gone already is not connected any more.
                let _ = shutdown(socket, how);
            }
        }
    }
}

/// A connection that is inside; it leaves when dropped.
pub struct Guest {
    /// There until it leaves.
    socket: Option<OwnedFd>,
    door: &'static Door,
}

impl Guest {
    pub fn socket(&self) -> &OwnedFd {
        self.socket.as_ref().expect("it is taken by drop alone")
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take() {
            let number = socket.as_raw_fd() as usize;
            self.door.lock().descriptors[number / WORD_BITS] &= !(1 << (number % WORD_BITS));
            // Not with the lock held, for it takes a while.
            drop(socket);
        }
        self.door.lock().count -= 1;
        self.door.changed.notify_all();
    }
}
