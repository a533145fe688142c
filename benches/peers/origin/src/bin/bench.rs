//! The crate origin's threads, and the locks of rustix-futex-sync.

#![no_std]
#![no_main]

use bench_common::clock::{self, Clock};
use bench_common::locks::{self, Mutex, Once, RwLock};
use bench_common::many::{self, Handles};
use bench_common::monitor::{self, Monitor};
use bench_common::{Test, memory, spawn};
use core::ffi::{CStr, c_void};
use core::ptr::NonNull;
use origin::thread::{self, Thread};
use rustix::time::{ClockId, Timespec, clock_gettime};
use rustix_futex_sync as sync;

struct Origin;

type Argument = Option<NonNull<c_void>>;

/// # Safety
/// 1. The arguments are those that `spawn` gave.
unsafe fn enter(arguments: &mut [Argument]) -> Argument {
    let address = |index: usize| arguments[index].map_or(0, |argument| argument.as_ptr() as usize);
    // SAFETY: clause 1: the first one is the function.
    let entry: fn(usize) = unsafe { core::mem::transmute(address(0)) };
    entry(address(1));
    None
}

impl bench_common::Threads for Origin {
    type Handle = Thread;

    fn spawn(entry: fn(usize), argument: usize, stack_bytes: Option<usize>) -> Option<Thread> {
        let stack = stack_bytes.unwrap_or_else(thread::default_stack_size);
        let argument = core::ptr::with_exposed_provenance_mut(argument);
        let arguments = [NonNull::new(entry as *mut c_void), NonNull::new(argument)];
        // SAFETY: what `enter` wants.
        unsafe { thread::create(enter, &arguments, stack, thread::default_guard_size()) }.ok()
    }

    fn join(thread: Thread) {
        // SAFETY: each thread is joined once.
        unsafe { thread::join(thread) };
    }

    fn detach(thread: Thread) {
        // SAFETY: each thread is detached once.
        unsafe { thread::detach(thread) };
    }
}

impl Clock for Origin {
    type Instant = Timespec;

    fn now() -> Timespec {
        clock_gettime(ClockId::Monotonic)
    }

    fn between(early: &Timespec, late: &Timespec) -> f64 {
        (late.tv_sec - early.tv_sec) as f64 * 1e9 + (late.tv_nsec - early.tv_nsec) as f64
    }
}

struct OriginMutex(sync::Mutex<u64>);

impl Mutex for OriginMutex {
    const NEW: Self = OriginMutex(sync::Mutex::new(0));

    #[inline]
    fn with<R>(&self, work: impl FnOnce(&mut u64) -> R) -> R {
        work(&mut self.0.lock())
    }
}

struct OriginRwLock(sync::RwLock<u64>);

impl RwLock for OriginRwLock {
    const NEW: Self = OriginRwLock(sync::RwLock::new(0));

    #[inline]
    fn read<R>(&self, work: impl FnOnce(&u64) -> R) -> R {
        work(&self.0.read())
    }

    #[inline]
    fn write<R>(&self, work: impl FnOnce(&mut u64) -> R) -> R {
        work(&mut self.0.write())
    }
}

struct OriginOnce(sync::Once);

impl Once for OriginOnce {
    const NEW: Self = OriginOnce(sync::Once::new());

    #[inline]
    fn call(&self, make: extern "C" fn()) {
        self.0.call_once(|| make());
    }
}

struct OriginMonitor(sync::Mutex<u64>, [sync::Condvar; 2]);

impl Monitor for OriginMonitor {
    type Guard<'a> = sync::MutexGuard<'a, u64>;
    const NEW: Self = OriginMonitor(sync::Mutex::new(0), [const { sync::Condvar::new() }; 2]);

    fn lock(&self) -> Self::Guard<'_> {
        self.0.lock()
    }

    fn wait<'a>(&'a self, which: usize, guard: Self::Guard<'a>) -> Self::Guard<'a> {
        self.1[which].wait(guard)
    }

    fn notify(&self, which: usize) {
        self.1[which].notify_one();
    }
}

static HANDLES: Handles<Origin> = Handles::new();

const TESTS: &[Test] = &[
    ("spawn_join", spawn::join::<Origin>),
    ("spawn_join_touch", spawn::join_touch::<Origin>),
    ("spawn_detach", spawn::detach::<Origin>),
    ("batch", |run| many::batch::<Origin>(run, &HANDLES)),
    ("scale", |run| many::scale::<Origin>(run, "scale", &HANDLES)),
    ("memory", memory::memory),
    ("instant_now", clock::instant_now::<Origin>),
    ("mutex_alone", locks::mutex_alone::<Origin, OriginMutex>),
    ("mutex_2_short", locks::mutex_2_short::<Origin, OriginMutex>),
    ("mutex_4_short", locks::mutex_4_short::<Origin, OriginMutex>),
    ("mutex_8_short", locks::mutex_8_short::<Origin, OriginMutex>),
    ("mutex_2_long", locks::mutex_2_long::<Origin, OriginMutex>),
    ("mutex_4_long", locks::mutex_4_long::<Origin, OriginMutex>),
    ("mutex_8_long", locks::mutex_8_long::<Origin, OriginMutex>),
    ("rwlock_read", locks::rwlock_read::<Origin, OriginRwLock>),
    (
        "rwlock_mostly",
        locks::rwlock_mostly::<Origin, OriginRwLock>,
    ),
    ("once_fast", locks::once_fast::<Origin, OriginOnce>),
    (
        "condvar_1cpu",
        monitor::condvar_1cpu::<Origin, OriginMonitor>,
    ),
    (
        "condvar_2cpu",
        monitor::condvar_2cpu::<Origin, OriginMonitor>,
    ),
];

/// # Safety
/// 1. origin alone calls it, with the program's arguments.
#[unsafe(no_mangle)]
unsafe fn origin_main(count: usize, arguments: *mut *mut u8, _: *mut *mut u8) -> i32 {
    let arguments = (1..count).map(|index| {
        // SAFETY: clause 1: so many strings are there, and stay.
        let text = unsafe { CStr::from_ptr((*arguments.add(index)).cast()) };
        text.to_str().unwrap_or("")
    });
    bench_common::run(TESTS, arguments)
}
