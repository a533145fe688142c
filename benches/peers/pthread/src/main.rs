//! POSIX threads and locks: what a C program gets, of whichever C library the linker brings.
//!
//! The loops are the other programs'. What is called are the C library's functions, out of line as
//! in C; their objects are all zero at the start, in glibc and musl alike.

#![no_std]
#![no_main]

mod locks;

use bench_common::clock::{self, Clock};
use bench_common::many::{self, Handles};
use bench_common::{Test, Threads, locks as tests, memory, monitor, os, spawn};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;

unsafe extern "C" {
    fn pthread_create(
        thread: *mut usize,
        attributes: *const Attributes,
        entry: extern "C" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> c_int;
    fn pthread_join(thread: usize, result: *mut *mut c_void) -> c_int;
    fn pthread_detach(thread: usize) -> c_int;
    fn pthread_attr_init(attributes: *mut Attributes) -> c_int;
    fn pthread_attr_setstacksize(attributes: *mut Attributes, bytes: usize) -> c_int;
    fn clock_gettime(clock: c_int, time: *mut [i64; 2]) -> c_int;
    fn malloc(bytes: usize) -> *mut c_void;
    fn free(memory: *mut c_void);
}

/// `pthread_attr_t`: 56 bytes on x86-64.
#[repr(C, align(8))]
struct Attributes([u8; 64]);

struct Pthread;

/// What a thread is handed.
struct Order {
    entry: fn(usize),
    argument: usize,
}

extern "C" fn enter(order: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn` made it for this thread.
    let Order { entry, argument } = unsafe { order.cast::<Order>().read() };
    // SAFETY: and nobody else uses it.
    unsafe { free(order) };
    entry(argument);
    ptr::null_mut()
}

/// A thread without an argument needs no memory for it, as in C.
extern "C" fn enter_plain(entry: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn` was given the function.
    let entry: fn(usize) = unsafe { core::mem::transmute(entry) };
    entry(0);
    ptr::null_mut()
}

impl Threads for Pthread {
    type Handle = usize;

    fn spawn(entry: fn(usize), argument: usize, stack_bytes: Option<usize>) -> Option<usize> {
        let mut attributes = MaybeUninit::<Attributes>::uninit();
        let mut chosen = ptr::null();
        if let Some(bytes) = stack_bytes {
            // SAFETY: the attributes are initialised before they are set.
            unsafe {
                pthread_attr_init(attributes.as_mut_ptr());
                pthread_attr_setstacksize(attributes.as_mut_ptr(), bytes);
            }
            chosen = attributes.as_ptr();
        }
        let mut thread = 0;
        let refused = if argument == 0 {
            // SAFETY: the function outlives the thread.
            unsafe { pthread_create(&mut thread, chosen, enter_plain, entry as *mut c_void) }
        } else {
            // SAFETY: the memory is large enough, and the thread's from then on.
            unsafe {
                let order = malloc(size_of::<Order>()).cast::<Order>();
                order.write(Order { entry, argument });
                pthread_create(&mut thread, chosen, enter, order.cast())
            }
        };
        (refused == 0).then_some(thread)
    }

    fn join(thread: usize) {
        // SAFETY: the thread is joined once.
        let refused = unsafe { pthread_join(thread, ptr::null_mut()) };
        bench_common::verify(refused == 0, "pthread_join");
    }

    fn detach(thread: usize) {
        // SAFETY: the thread is detached once.
        unsafe { pthread_detach(thread) };
    }
}

impl Clock for Pthread {
    type Instant = [i64; 2];

    fn now() -> [i64; 2] {
        let mut time = [0; 2];
        // SAFETY: the function writes two words; 1 is CLOCK_MONOTONIC.
        unsafe { clock_gettime(1, &mut time) };
        time
    }

    fn between(early: &[i64; 2], late: &[i64; 2]) -> f64 {
        (late[0] - early[0]) as f64 * 1e9 + (late[1] - early[1]) as f64
    }
}

static HANDLES: Handles<Pthread> = Handles::new();

const TESTS: &[Test] = &[
    ("spawn_join", spawn::join::<Pthread>),
    ("spawn_join_touch", spawn::join_touch::<Pthread>),
    ("spawn_detach", spawn::detach::<Pthread>),
    ("batch", |run| many::batch::<Pthread>(run, &HANDLES)),
    ("scale", |run| {
        many::scale::<Pthread>(run, "scale", &HANDLES)
    }),
    ("memory", memory::memory),
    ("instant_now", clock::instant_now::<Pthread>),
    ("mutex_alone", tests::mutex_alone::<Pthread, locks::CMutex>),
    (
        "mutex_2_short",
        tests::mutex_2_short::<Pthread, locks::CMutex>,
    ),
    (
        "mutex_4_short",
        tests::mutex_4_short::<Pthread, locks::CMutex>,
    ),
    (
        "mutex_8_short",
        tests::mutex_8_short::<Pthread, locks::CMutex>,
    ),
    (
        "mutex_2_long",
        tests::mutex_2_long::<Pthread, locks::CMutex>,
    ),
    (
        "mutex_4_long",
        tests::mutex_4_long::<Pthread, locks::CMutex>,
    ),
    (
        "mutex_8_long",
        tests::mutex_8_long::<Pthread, locks::CMutex>,
    ),
    ("rwlock_read", tests::rwlock_read::<Pthread, locks::CRwLock>),
    (
        "rwlock_mostly",
        tests::rwlock_mostly::<Pthread, locks::CRwLock>,
    ),
    ("once_fast", tests::once_fast::<Pthread, locks::COnce>),
    (
        "semaphore_alone",
        tests::semaphore_alone::<Pthread, locks::CSemaphore>,
    ),
    (
        "condvar_1cpu",
        monitor::condvar_1cpu::<Pthread, locks::CMonitor>,
    ),
    (
        "condvar_2cpu",
        monitor::condvar_2cpu::<Pthread, locks::CMonitor>,
    ),
];

/// The C library calls it.
///
/// # Safety
/// 1. As in C.
#[unsafe(no_mangle)]
unsafe extern "C" fn main(count: c_int, arguments: *const *const c_char) -> c_int {
    let arguments = (1..count as usize).map(|index| {
        // SAFETY: clause 1: so many strings are there, and stay.
        let text = unsafe { CStr::from_ptr(*arguments.add(index)) };
        text.to_str().unwrap_or("")
    });
    bench_common::run(TESTS, arguments)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    os::write(2, b"panic\n");
    os::exit(1)
}

/// What `core`, which was built to unwind, names; nothing calls it.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}
