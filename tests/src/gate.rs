//! A gate that threads wait at, asleep, until it is opened.

use threadbare::sync::{Condvar, Mutex};

/// Closed until it is opened.
pub struct Gate {
    is_open: Mutex<bool>,
    moved: Condvar,
}

impl Gate {
    /// Makes a closed gate.
    pub const fn new() -> Gate {
        Gate {
            is_open: Mutex::new(false),
            moved: Condvar::new(),
        }
    }

    /// Sleeps until it is open.
    pub fn wait(&self) {
        drop(
            self.moved
                .wait_while(self.is_open.lock().unwrap(), |is_open| !*is_open),
        );
    }

    /// Closes it for those who come.
    pub fn close(&self) {
        *self.is_open.lock().unwrap() = false;
    }

    /// Opens it for all.
    pub fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.moved.notify_all();
    }
}

impl Default for Gate {
    fn default() -> Gate {
        Gate::new()
    }
}
