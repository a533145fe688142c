//! The traits for types that look like the standard library's: one line a type.

/// Implements [`locks::Mutex`](crate::locks::Mutex).
#[macro_export]
macro_rules! std_mutex {
    ($name:ident, $type:ty, $new:expr) => {
        pub struct $name($type);
        impl $crate::locks::Mutex for $name {
            const NEW: Self = $name($new);
            #[inline]
            fn with<R>(&self, work: impl FnOnce(&mut u64) -> R) -> R {
                work(&mut self.0.lock().unwrap())
            }
        }
    };
}

/// Implements [`locks::RwLock`](crate::locks::RwLock).
#[macro_export]
macro_rules! std_rwlock {
    ($name:ident, $type:ty, $new:expr) => {
        pub struct $name($type);
        impl $crate::locks::RwLock for $name {
            const NEW: Self = $name($new);
            #[inline]
            fn read<R>(&self, work: impl FnOnce(&u64) -> R) -> R {
                work(&self.0.read().unwrap())
            }
            #[inline]
            fn write<R>(&self, work: impl FnOnce(&mut u64) -> R) -> R {
                work(&mut self.0.write().unwrap())
            }
        }
    };
}

/// Implements [`locks::Once`](crate::locks::Once).
#[macro_export]
macro_rules! std_once {
    ($name:ident, $type:ty, $new:expr) => {
        pub struct $name($type);
        impl $crate::locks::Once for $name {
            const NEW: Self = $name($new);
            #[inline]
            fn call(&self, make: extern "C" fn()) {
                self.0.call_once(|| make())
            }
        }
    };
}

/// Implements [`monitor::Monitor`](crate::monitor::Monitor).
#[macro_export]
macro_rules! std_monitor {
    ($name:ident, $($module:ident)::+) => {
        pub struct $name($($module)::+::Mutex<u64>, [$($module)::+::Condvar; 2]);
        impl $crate::monitor::Monitor for $name {
            type Guard<'a> = $($module)::+::MutexGuard<'a, u64>;
            const NEW: Self = $name(
                $($module)::+::Mutex::new(0),
                [const { $($module)::+::Condvar::new() }; 2],
            );
            fn lock(&self) -> Self::Guard<'_> {
                self.0.lock().unwrap()
            }
            fn wait<'a>(&'a self, which: usize, guard: Self::Guard<'a>) -> Self::Guard<'a> {
                self.1[which].wait(guard).unwrap()
            }
            fn notify(&self, which: usize) {
                self.1[which].notify_one();
            }
        }
    };
}

/// Implements [`channel::Channel`](crate::channel::Channel) for a module like `std::sync::mpsc`.
#[macro_export]
macro_rules! std_channel {
    ($name:ident, $sender:ident, $($module:ident)::+, $new:expr) => {
        pub struct $name($($module)::+::Receiver<u64>);
        impl $crate::channel::Channel for $name {
            type Sender = $($module)::+::$sender<u64>;
            fn new() -> (Self::Sender, Self) {
                let (sender, receiver) = $new;
                (sender, $name(receiver))
            }
            fn send(sender: &Self::Sender, number: u64) {
                let _ = sender.send(number);
            }
            fn receive(&self) -> Option<u64> {
                self.0.recv().ok()
            }
        }
    };
}
