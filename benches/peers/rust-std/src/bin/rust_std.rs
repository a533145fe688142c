//! The standard library, linked statically with glibc.

use bench_common::many::{self, Handles};
use bench_common::{Test, channel, clock, locks, memory, monitor, spawn};
use bench_rust_std::Std;
use std::sync::{Mutex, Once, RwLock, mpsc};

bench_common::std_mutex!(StdMutex, Mutex<u64>, Mutex::new(0));
bench_common::std_rwlock!(StdRwLock, RwLock<u64>, RwLock::new(0));
bench_common::std_once!(StdOnce, Once, Once::new());
bench_common::std_monitor!(StdMonitor, std::sync);
bench_common::std_channel!(Unbounded, Sender, std::sync::mpsc, mpsc::channel());
bench_common::std_channel!(
    Bounded,
    SyncSender,
    std::sync::mpsc,
    mpsc::sync_channel(128)
);

static HANDLES: Handles<Std> = Handles::new();

const TESTS: &[Test] = &[
    ("spawn_join", spawn::join::<Std>),
    ("spawn_join_touch", spawn::join_touch::<Std>),
    ("spawn_detach", spawn::detach::<Std>),
    ("batch", |run| many::batch::<Std>(run, &HANDLES)),
    ("scale", |run| many::scale::<Std>(run, "scale", &HANDLES)),
    ("memory", memory::memory),
    ("instant_now", clock::instant_now::<Std>),
    ("mutex_alone", locks::mutex_alone::<Std, StdMutex>),
    ("mutex_2_short", locks::mutex_2_short::<Std, StdMutex>),
    ("mutex_4_short", locks::mutex_4_short::<Std, StdMutex>),
    ("mutex_8_short", locks::mutex_8_short::<Std, StdMutex>),
    ("mutex_2_long", locks::mutex_2_long::<Std, StdMutex>),
    ("mutex_4_long", locks::mutex_4_long::<Std, StdMutex>),
    ("mutex_8_long", locks::mutex_8_long::<Std, StdMutex>),
    ("rwlock_read", locks::rwlock_read::<Std, StdRwLock>),
    ("rwlock_mostly", locks::rwlock_mostly::<Std, StdRwLock>),
    ("once_fast", locks::once_fast::<Std, StdOnce>),
    ("condvar_1cpu", monitor::condvar_1cpu::<Std, StdMonitor>),
    ("condvar_2cpu", monitor::condvar_2cpu::<Std, StdMonitor>),
    ("channel_unbounded", |run| {
        channel::throughput::<Std, Unbounded>(run, "channel_unbounded")
    }),
    ("channel_bounded", |run| {
        channel::throughput::<Std, Bounded>(run, "channel_bounded")
    }),
];

fn main() {
    bench_rust_std::main(TESTS)
}
