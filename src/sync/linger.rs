//! A short wait awake before a sleep, where that is cheaper, and none where it was found not to be.
//!
//! Who lets others run a few times has its CPU back within microseconds if those who run are the
//! ones that it waits for, or nobody. If threads of other programs want the CPU, they get it for
//! milliseconds each time, and what was waited for has long come. Whoever sleeps is woken as soon
//! as it comes, busy CPU or not.

use core::time::Duration;

use super::primitive::{self, Limit};

/// How long it may take to let others run a few times.
const SHORT: Duration = Duration::from_micros(500);
/// How many sleep at once after one that was longer without its CPU: so many that what that one has
/// lost is little for each.
const SLEEPS: u32 = 400;

/// Whether to wait awake, for those who wait for the same thing; guarded by what guards that.
#[derive(Debug)]
pub(super) struct Lingering {
    /// How many are to sleep at once.
    sleeps: u32,
}

/// A wait awake.
pub(super) struct Linger {
    left: u32,
    limit: Limit,
}

impl Lingering {
    pub const fn new() -> Lingering {
        Lingering { sleeps: 0 }
    }

    /// Begins to wait awake; `None` for who is to sleep at once.
    pub fn begin(&mut self) -> Option<Linger> {
        let left = primitive::yields();
        if left == 0 {
            return None;
        }
        if self.sleeps > 0 {
            self.sleeps -= 1;
            return None;
        }
        let limit = Limit::soon(SHORT);
        Some(Linger { left, limit })
    }

    /// Lets those that come next sleep at once.
    pub fn pause(&mut self) {
        self.sleeps = SLEEPS;
    }
}

impl Linger {
    /// Whether others may run once more, which the caller lets them do then, with nothing locked.
    pub fn take_turn(&mut self) -> bool {
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_left
    }

    /// Whether it has taken longer than to sleep and be woken: see [`Lingering::pause`].
    pub fn was_long(&self) -> bool {
        self.limit.has_passed()
    }
}
