// The algorithms and their models, for one of the checkers.

pub mod sync {
    pub mod primitive {
        use super::super::checker;
        include!("primitive.rs");
    }
    #[allow(dead_code, unused_imports, unused_qualifications, missing_docs)]
    #[allow(clippy::all, clippy::undocumented_unsafe_blocks, clippy::missing_safety_doc)]
    pub mod algorithms {
        use super::primitive;
        include!(concat!(env!("OUT_DIR"), "/sync.rs"));
        use condvar::Condvar;
        use mutex::{Mutex, MutexGuard};
        use no_debug as debug;
        use once::Once;
        use poison::{LockResult, PoisonError, TryLockError, TryLockResult};

        pub mod models {
            use super::super::super::checker::{Data, thread};
            use super::super::primitive::{self, Limit};
            use super::{barrier, condvar, dispatch, lazy_lock, mpsc, once, once_lock, raw_mutex};
            use super::{raw_rwlock, reset_event, semaphore, wait_group};
            include!("models.rs");
            include!("models/channels.rs");
            include!("models/dispatch.rs");
            include!("models/events.rs");
            include!("models/once.rs");
            include!("models/rwlock.rs");
        }
    }
}
pub use sync::algorithms::models;
