//! Threads: `tb_thread_*`.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;

use threadbare::Errno;
use threadbare::thread::{Builder, Guard, JoinHandle, SpawnError};

/// A pointer that the two sides of a thread hand each other.
struct Handed(*mut c_void);

// SAFETY: what it points to is the C program's, which says what may be done with it where.
unsafe impl Send for Handed {}

type Handle = JoinHandle<Handed>;

/// A thread that was started, until it is joined or detached. It may be moved.
#[repr(C)]
pub struct tb_thread {
    words: [usize; 2],
}

const _: () = assert!(size_of::<Handle>() <= size_of::<tb_thread>());
const _: () = assert!(align_of::<Handle>() <= align_of::<tb_thread>());

/// How a thread is to be made. All zero, or no attributes at all, is the default.
#[repr(C)]
pub struct tb_thread_attributes {
    /// The least size of the stack in bytes; 0 for 16 MiB, or 2 MiB on 32-bit CPUs.
    pub stack_bytes: usize,
    /// Memory for the thread, of stack_bytes, which stays the thread's until it is joined, and for
    /// ever if it is detached; null to have some mapped.
    pub stack: *mut c_void,
    /// The size of the inaccessible memory below the stack in bytes; 0 for the default.
    pub guard_bytes: usize,
    /// Not 0: no guard at all.
    pub has_no_guard: c_int,
    /// What debuggers and ps show, of at most 15 bytes; null for none.
    pub name: *const c_char,
}

/// Starts a thread that calls start_function with the argument. Returns 0, or an error number:
/// EAGAIN for too many threads, ENOMEM, EINVAL for a stack that is too small, another of the
/// kernel's.
///
/// # Safety
/// 1. `thread` has room for a thread; `attributes` is null or valid.
/// 2. `start_function` may be called so, in another thread.
/// 3. What the attributes name is the thread's, as they say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_thread_spawn(
    thread: *mut tb_thread,
    attributes: *const tb_thread_attributes,
    start_function: Option<extern "C" fn(*mut c_void) -> *mut c_void>,
    argument: *mut c_void,
) -> c_int {
    let Some(start_function) = start_function else {
        return Errno::INVAL.raw();
    };
    let argument = Handed(argument);
    let work = move || {
        // The whole of it, and not the pointer in it.
        let argument = argument;
        Handed(start_function(argument.0))
    };
    // SAFETY: clause 1.
    let builder = match unsafe { attributes.as_ref() } {
        // SAFETY: clause 3.
        Some(attributes) => unsafe { builder(attributes) },
        None => Builder::new(),
    };
    match builder.spawn(work) {
        Ok(handle) => {
            // SAFETY: clause 1; it is large and aligned enough.
            unsafe { thread.cast::<Handle>().write(handle) };
            0
        }
        Err(error) => number_of(error),
    }
}

/// # Safety
/// 1. As `tb_thread_spawn`, clause 3.
unsafe fn builder(attributes: &tb_thread_attributes) -> Builder {
    let mut builder = Builder::new();
    if !attributes.stack.is_null() {
        let memory = attributes.stack.cast::<MaybeUninit<u8>>();
        let memory = ptr::slice_from_raw_parts_mut(memory, attributes.stack_bytes);
        // SAFETY: clause 1.
        builder = unsafe { builder.stack_raw(memory) };
    } else if attributes.stack_bytes != 0 {
        builder = builder.stack_size(attributes.stack_bytes);
    }
    if attributes.has_no_guard != 0 {
        builder = builder.guard(Guard::None);
    } else if attributes.guard_bytes != 0 {
        builder = builder.guard(Guard::Bytes(attributes.guard_bytes));
    }
    if !attributes.name.is_null() {
        // SAFETY: clause 1: a string.
        let name = unsafe { CStr::from_ptr(attributes.name) };
        if let Ok(name) = name.to_str() {
            builder = builder.name(name);
        }
    }
    builder
}

fn number_of(error: SpawnError) -> c_int {
    let errno = match error {
        SpawnError::ThreadQuotaExceeded | SpawnError::LockedMemoryLimitExceeded => Errno::AGAIN,
        SpawnError::SystemResources | SpawnError::OutOfMemory => Errno::NOMEM,
        SpawnError::StackTooSmall { .. } => Errno::INVAL,
        SpawnError::Affinity(errno)
        | SpawnError::Policy(errno)
        | SpawnError::Nice(errno)
        | SpawnError::Unexpected(errno) => errno,
        _ => Errno::INVAL,
    };
    errno.raw()
}

/// Waits for the thread's end; result, if it is not null, gets what the thread returned. Returns 0,
/// or ESRCH for a thread that ended without a result.
///
/// # Safety
/// 1. `thread` is one that was started and neither joined nor detached, which it is then.
/// 2. `result` is null or has room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_thread_join(thread: *mut tb_thread, result: *mut *mut c_void) -> c_int {
    // SAFETY: clause 1.
    match unsafe { thread.cast::<Handle>().read() }.join() {
        Ok(Handed(value)) => {
            if !result.is_null() {
                // SAFETY: clause 2.
                unsafe { result.write(value) };
            }
            0
        }
        Err(_) => Errno::SRCH.raw(),
    }
}

/// Gives the thread up: it frees what it has when it ends.
///
/// # Safety
/// 1. `thread` is one that was started and neither joined nor detached, which it is then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tb_thread_detach(thread: *mut tb_thread) {
    // SAFETY: clause 1.
    drop(unsafe { thread.cast::<Handle>().read() });
}

/// Ends the process with the low 8 bits of the code, for programs without a libc.
#[unsafe(no_mangle)]
pub extern "C" fn tb_process_exit(code: c_int) -> ! {
    threadbare::process::exit(code)
}
