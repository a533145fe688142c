//! Many threads at once.

use crate::threads::{open_gate, wait_at_gate, wait_for};
use crate::{Run, Threads, clock, os, print, verify};
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

const BATCH_COUNT: usize = 1000;
/// The most threads at once.
pub const COUNT_MAX: usize = 30_000;
/// The stack of one of very many threads.
const STACK_BYTES: usize = 64 << 10;
/// How often the number of threads is told while they are made.
const PROGRESS_EVERY: usize = 1000;

/// Handles, in memory that is there from the start.
pub struct Handles<T: Threads>(UnsafeCell<[MaybeUninit<T::Handle>; COUNT_MAX]>);

// SAFETY: the program's first thread alone uses it, one test in a process.
unsafe impl<T: Threads> Sync for Handles<T> {}

impl<T: Threads> Handles<T> {
    /// No handles.
    pub const fn new() -> Self {
        Handles(UnsafeCell::new(
            [const { MaybeUninit::uninit() }; COUNT_MAX],
        ))
    }

    /// Puts a handle at `index`.
    fn set(&self, index: usize, handle: T::Handle) {
        verify(index < COUNT_MAX, "too many threads");
        // SAFETY: the first thread alone is here.
        let slot = unsafe { &mut (*self.0.get())[index] };
        slot.write(handle);
    }

    /// Joins the first `count`.
    ///
    /// # Safety
    /// 1. So many were set, and none was joined.
    unsafe fn join(&self, count: usize) {
        for index in 0..count {
            // SAFETY: the first thread alone is here.
            let slot = unsafe { &(*self.0.get())[index] };
            // SAFETY: clause 1.
            T::join(unsafe { slot.assume_init_read() });
        }
    }
}

impl<T: Threads> Default for Handles<T> {
    fn default() -> Self {
        Handles::new()
    }
}

/// Starts threads that wait at the gate, until `count` do or one cannot be started.
fn start<T: Threads>(count: usize, stack: Option<usize>, handles: &Handles<T>) -> usize {
    for index in 0..count {
        if index % PROGRESS_EVERY == 0 {
            progress(index);
        }
        match T::spawn(wait_at_gate, 0, stack) {
            Some(handle) => handles.set(index, handle),
            None => return index,
        }
    }
    count
}

/// Tells how many threads there are, for whoever finds that the program has died.
fn progress(count: usize) {
    let digits = [10_000, 1000, 100, 10, 1].map(|unit| b'0' + (count / unit % 10) as u8);
    os::write(2, b"threads ");
    os::write(2, &digits);
    os::write(2, b"\n");
}

/// `batch`: a thousand threads at a barrier: started, released, joined.
pub fn batch<T: Threads>(run: &Run, handles: &'static Handles<T>) {
    let count = run.times(BATCH_COUNT as u64) as usize;
    let begin = clock::now_ns();
    T::expect(count);
    let started = start(count, None, handles);
    wait_for(started as u64);
    let waiting = clock::now_ns();
    verify(started == count, "not every thread could be started");
    let (resident, tables) = (os::status("VmHWM:"), os::status("VmPTE:"));
    print::result("batch_resident", resident as f64, "KiB");
    print::result("batch_page_tables", tables as f64, "KiB");
    let released = clock::now_ns();
    open_gate();
    // SAFETY: so many were started.
    unsafe { handles.join(count) };
    let end = clock::now_ns();
    let (spawning, joining) = (waiting - begin, end - released);
    print::result("batch", (spawning + joining) / 1e6, "ms");
    print::result("batch_spawn", spawning / 1e6, "ms");
    print::result("batch_join", joining / 1e6, "ms");
}

/// `scale`: threads with 64 KiB of stack, all alive.
pub fn scale<T: Threads>(run: &Run, name: &str, handles: &'static Handles<T>) {
    let count = if run.count == 0 { COUNT_MAX } else { run.count };
    let count = count.min(run.times(COUNT_MAX as u64) as usize);
    let (resident, tables) = (os::status("VmRSS:"), os::status("VmPTE:"));
    let begin = clock::now_ns();
    T::expect(count);
    let started = start(count, Some(STACK_BYTES), handles);
    wait_for(started as u64);
    let spawned = clock::now_ns();
    let each = |kib: u64| kib as f64 * 1024.0 / started as f64;
    let resident = each(os::status("VmRSS:").saturating_sub(resident));
    let tables = each(os::status("VmPTE:").saturating_sub(tables));
    print::result(format_args!("{name}_threads"), started as f64, "threads");
    let ns = (spawned - begin) / started as f64;
    print::result(format_args!("{name}_spawn"), ns, "ns");
    print::result(format_args!("{name}_resident"), resident, "B");
    print::result(format_args!("{name}_page_tables"), tables, "B");
    print::result(
        format_args!("{name}_maps"),
        os::mapping_count() as f64,
        "mappings",
    );
    let begin = clock::now_ns();
    open_gate();
    // SAFETY: so many were started.
    unsafe { handles.join(started) };
    let ns = (clock::now_ns() - begin) / started as f64;
    print::result(format_args!("{name}_join"), ns, "ns");
}
