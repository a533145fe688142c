//! The crate parking_lot on the standard library's threads.

use bench_common::Test;
use bench_common::locks::{self, Mutex, Once, RwLock};
use bench_common::monitor::{self, Monitor};
use bench_rust_std::Std;

struct LotMutex(parking_lot::Mutex<u64>);

impl Mutex for LotMutex {
    const NEW: Self = LotMutex(parking_lot::Mutex::new(0));

    #[inline]
    fn with<R>(&self, work: impl FnOnce(&mut u64) -> R) -> R {
        work(&mut self.0.lock())
    }
}

struct LotRwLock(parking_lot::RwLock<u64>);

impl RwLock for LotRwLock {
    const NEW: Self = LotRwLock(parking_lot::RwLock::new(0));

    #[inline]
    fn read<R>(&self, work: impl FnOnce(&u64) -> R) -> R {
        work(&self.0.read())
    }

    #[inline]
    fn write<R>(&self, work: impl FnOnce(&mut u64) -> R) -> R {
        work(&mut self.0.write())
    }
}

struct LotOnce(parking_lot::Once);

impl Once for LotOnce {
    const NEW: Self = LotOnce(parking_lot::Once::new());

    #[inline]
    fn call(&self, make: extern "C" fn()) {
        self.0.call_once(|| make());
    }
}

struct LotMonitor(parking_lot::Mutex<u64>, [parking_lot::Condvar; 2]);

impl Monitor for LotMonitor {
    type Guard<'a> = parking_lot::MutexGuard<'a, u64>;
    const NEW: Self = LotMonitor(
        parking_lot::Mutex::new(0),
        [const { parking_lot::Condvar::new() }; 2],
    );

    fn lock(&self) -> Self::Guard<'_> {
        self.0.lock()
    }

    fn wait<'a>(&'a self, which: usize, mut guard: Self::Guard<'a>) -> Self::Guard<'a> {
        self.1[which].wait(&mut guard);
        guard
    }

    fn notify(&self, which: usize) {
        self.1[which].notify_one();
    }
}

const TESTS: &[Test] = &[
    ("mutex_alone", locks::mutex_alone::<Std, LotMutex>),
    ("mutex_2_short", locks::mutex_2_short::<Std, LotMutex>),
    ("mutex_4_short", locks::mutex_4_short::<Std, LotMutex>),
    ("mutex_8_short", locks::mutex_8_short::<Std, LotMutex>),
    ("mutex_2_long", locks::mutex_2_long::<Std, LotMutex>),
    ("mutex_4_long", locks::mutex_4_long::<Std, LotMutex>),
    ("mutex_8_long", locks::mutex_8_long::<Std, LotMutex>),
    ("rwlock_read", locks::rwlock_read::<Std, LotRwLock>),
    ("rwlock_mostly", locks::rwlock_mostly::<Std, LotRwLock>),
    ("once_fast", locks::once_fast::<Std, LotOnce>),
    ("condvar_1cpu", monitor::condvar_1cpu::<Std, LotMonitor>),
    ("condvar_2cpu", monitor::condvar_2cpu::<Std, LotMonitor>),
];

fn main() {
    bench_rust_std::main(TESTS)
}
