//! What is measured of threadbare.

#![no_std]
#![no_main]

mod heap;
mod pool;

use bench_common::clock::{self, Clock};
use bench_common::many::{self, Handles};
use bench_common::{Test, Threads, channel, locks, memory, monitor, spawn};
use threadbare::sync::{Mutex, Once, RwLock, Semaphore, mpsc};
use threadbare::thread::{self, Builder, Guard, JoinHandle};
use threadbare::time::Instant;
use threadbare::{env, process};

threadbare::entry!(main);

struct Ours;

impl Threads for Ours {
    type Handle = JoinHandle<()>;

    fn spawn(
        entry: fn(usize),
        argument: usize,
        stack_bytes: Option<usize>,
    ) -> Option<Self::Handle> {
        let mut builder = Builder::new();
        if let Some(bytes) = stack_bytes {
            builder = builder.stack_size(bytes);
        }
        builder.spawn(move || entry(argument)).ok()
    }

    fn join(handle: Self::Handle) {
        bench_common::verify(handle.join().is_ok(), "a thread ended without a result");
    }

    fn detach(handle: Self::Handle) {
        handle.detach();
    }
}

impl Clock for Ours {
    type Instant = Instant;

    fn now() -> Instant {
        Instant::now()
    }

    fn between(early: &Instant, late: &Instant) -> f64 {
        late.duration_since(*early).as_nanos() as f64
    }
}

bench_common::std_mutex!(OurMutex, Mutex<u64>, Mutex::new(0));
bench_common::std_once!(OurOnce, Once, Once::new());
bench_common::std_rwlock!(OurRwLock, RwLock<u64>, RwLock::new(0));
bench_common::std_monitor!(OurMonitor, threadbare::sync);
bench_common::std_channel!(Unbounded, Sender, threadbare::sync::mpsc, mpsc::channel());
bench_common::std_channel!(
    Bounded,
    SyncSender,
    threadbare::sync::mpsc,
    mpsc::sync_channel(128)
);

struct OurSemaphore(Semaphore);

impl locks::Semaphore for OurSemaphore {
    fn new() -> Self {
        OurSemaphore(Semaphore::new(0))
    }

    #[inline]
    fn acquire(&self) {
        self.0.acquire();
    }

    #[inline]
    fn release(&self) {
        self.0.release(1);
    }
}

static HANDLES: Handles<Ours> = Handles::new();

/// The tests; what is not named here is not there yet.
const TESTS: &[Test] = &[
    ("spawn_join", spawn::join::<Ours>),
    ("spawn_join_touch", spawn::join_touch::<Ours>),
    ("spawn_detach", spawn::detach::<Ours>),
    ("pool_1cpu", pool::on_one_cpu),
    ("pool_2cpu", pool::on_two_cpus),
    ("batch", |run| many::batch::<Ours>(run, &HANDLES)),
    ("scale", |run| many::scale::<Ours>(run, "scale", &HANDLES)),
    ("scale_light", |run| {
        thread::set_default_guard(Guard::Lightweight);
        many::scale::<Ours>(run, "scale_light", &HANDLES)
    }),
    ("memory", memory::memory),
    ("instant_now", clock::instant_now::<Ours>),
    ("mutex_alone", locks::mutex_alone::<Ours, OurMutex>),
    ("mutex_2_short", locks::mutex_2_short::<Ours, OurMutex>),
    ("mutex_4_short", locks::mutex_4_short::<Ours, OurMutex>),
    ("mutex_8_short", locks::mutex_8_short::<Ours, OurMutex>),
    ("mutex_2_long", locks::mutex_2_long::<Ours, OurMutex>),
    ("mutex_4_long", locks::mutex_4_long::<Ours, OurMutex>),
    ("mutex_8_long", locks::mutex_8_long::<Ours, OurMutex>),
    ("rwlock_read", locks::rwlock_read::<Ours, OurRwLock>),
    ("rwlock_mostly", locks::rwlock_mostly::<Ours, OurRwLock>),
    ("once_fast", locks::once_fast::<Ours, OurOnce>),
    (
        "semaphore_alone",
        locks::semaphore_alone::<Ours, OurSemaphore>,
    ),
    ("condvar_1cpu", monitor::condvar_1cpu::<Ours, OurMonitor>),
    ("condvar_2cpu", monitor::condvar_2cpu::<Ours, OurMonitor>),
    ("channel_unbounded", |run| {
        channel::throughput::<Ours, Unbounded>(run, "channel_unbounded")
    }),
    ("channel_bounded", |run| {
        channel::throughput::<Ours, Bounded>(run, "channel_bounded")
    }),
];

fn main() -> process::ExitCode {
    let arguments = env::args().skip(1);
    let status = bench_common::run(TESTS, arguments);
    process::exit(status)
}
