//! Threads on stacks that are there: one slab, in which each has 64 KiB.

use bench_common::{Run, Threads, clock, os, print, spawn, verify};
use core::arch::global_asm;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::*};

const MMAP: usize = 9;
const MADVISE: usize = 28;
const ARCH_PRCTL: usize = 158;
const FUTEX: usize = 202;
const ARCH_SET_FS: usize = 0x1002;
const MADV_GUARD_INSTALL: usize = 102;
/// PROT_READ and PROT_WRITE; MAP_PRIVATE, MAP_ANONYMOUS and MAP_NORESERVE.
const READ_WRITE: usize = 3;
const PRIVATE: usize = 0x4022;

/// VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS, PARENT_SETTID, CHILD_CLEARTID.
const CLONE_FLAGS: usize = 0x3d_0f00;

const STACK_BYTES: usize = 64 << 10;
const PAGE_BYTES: usize = 4096;
const COUNT_MAX: usize = bench_common::many::COUNT_MAX;

unsafe extern "C" {
    /// `clone`; the child calls what lies on its stack, with the two arguments above, and exits.
    fn floor_clone(
        flags: usize,
        sp: *mut usize,
        ptid: *mut u32,
        ctid: *mut u32,
        tls: *mut usize,
    ) -> isize;
}
global_asm!(
    "floor_clone: mov eax, 56",
    "mov r10, rcx",
    "syscall",
    "test eax, eax",
    "jz 2f",
    "ret",
    "2: xor ebp, ebp",
    "pop rax",
    "pop rdi",
    "pop rsi",
    "call rax",
    "mov eax, 60",
    "xor edi, edi",
    "syscall",
);

/// The words that the kernel clears; 0 where nobody is on the stack.
static TIDS: [AtomicU32; COUNT_MAX] = [const { AtomicU32::new(0) }; COUNT_MAX];
/// The stacks' lowest address, 0 before there are any.
static SLAB: AtomicUsize = AtomicUsize::new(0);
static IS_GUARDED: AtomicBool = AtomicBool::new(false);
/// The next stack that was never used, and the one that was joined last, plus 1.
static NEXT: AtomicUsize = AtomicUsize::new(0);
static LAST: AtomicUsize = AtomicUsize::new(0);

/// Makes every stack have a guard page, marked in the page tables.
pub fn guard_stacks() {
    IS_GUARDED.store(true, Relaxed);
}

/// Maps the slab for `count` threads.
fn map(count: usize) {
    if SLAB.load(Relaxed) != 0 {
        return;
    }
    let bytes = count * STACK_BYTES;
    // SAFETY: a mapping where the kernel pleases.
    let low = unsafe { os::call(MMAP, [0, bytes, READ_WRITE, PRIVATE, usize::MAX, 0]) };
    verify(low > 0, "the floor's stacks cannot be mapped");
    SLAB.store(low as usize, Relaxed);
    if IS_GUARDED.load(Relaxed) {
        for index in 0..count {
            let low = low as usize + index * STACK_BYTES;
            // SAFETY: the lowest page of a stack that nobody uses.
            let refused =
                unsafe { os::call(MADVISE, [low, PAGE_BYTES, MADV_GUARD_INSTALL, 0, 0, 0]) };
            verify(refused == 0, "MADV_GUARD_INSTALL is refused");
        }
    }
}

#[allow(
    improper_ctypes_definitions,
    reason = "no C code calls it, but `floor_clone`"
)]
extern "C" fn enter(entry: fn(usize), argument: usize) {
    entry(argument);
}

fn spawn_on(index: usize, entry: fn(usize), argument: usize) {
    let top = SLAB.load(Relaxed) + (index + 1) * STACK_BYTES;
    // The last 64 bytes are the thread's TLS block, which begins with its own address.
    let tls = core::ptr::with_exposed_provenance_mut::<usize>(top - 64);
    let tid = TIDS[index].as_ptr();
    let handed = [enter as *const () as usize, entry as usize, argument];
    // SAFETY: the stack is mapped, and nobody is on it: its word is 0.
    let result = unsafe {
        tls.write(tls.addr());
        let sp = tls.sub(handed.len());
        sp.cast::<[usize; 3]>().write(handed);
        floor_clone(CLONE_FLAGS, sp, tid, tid, tls)
    };
    verify(result > 0, "clone");
}

/// Waits for the word that the kernel clears. A shared wait: the kernel's wake-up is one.
fn wait(index: usize) {
    loop {
        let tid = TIDS[index].load(Acquire);
        if tid == 0 {
            return;
        }
        // SAFETY: the kernel reads the word.
        unsafe {
            os::call(
                FUTEX,
                [
                    TIDS[index].as_ptr().expose_provenance(),
                    0,
                    tid as usize,
                    0,
                    0,
                    0,
                ],
            )
        };
    }
}

/// The threads: a handle is the stack's number.
pub struct Floor;

impl Threads for Floor {
    type Handle = usize;

    fn spawn(entry: fn(usize), argument: usize, _: Option<usize>) -> Option<usize> {
        map(64);
        let index = match LAST.swap(0, Relaxed) {
            0 => NEXT.fetch_add(1, Relaxed),
            after => after - 1,
        };
        spawn_on(index, entry, argument);
        Some(index)
    }

    fn join(index: usize) {
        wait(index);
        LAST.store(index + 1, Relaxed);
    }

    fn detach(_: usize) {}

    fn expect(count: usize) {
        map(count);
    }
}

/// `spawn_detach`: a stack is free when the kernel has cleared its word.
pub fn detach(run: &Run) {
    const COUNT: usize = spawn::LIVE_MAX as usize;
    map(COUNT);
    let times = run.times(8000);
    let threads = |times: u64| {
        for turn in 0..times as usize {
            while TIDS[turn % COUNT].load(Acquire) != 0 {
                os::yield_now();
            }
            spawn_on(turn % COUNT, spawn::empty, 0);
        }
        for tid in &TIDS[..COUNT] {
            while tid.load(Acquire) != 0 {
                os::yield_now();
            }
        }
    };
    threads(times / 10);
    let before = os::status("VmSize:");
    clock::time("spawn_detach", times, || threads(times));
    let grown = os::status("VmSize:") - before;
    print::result("spawn_detach_grown", grown as f64, "KiB");
}

struct FirstTls(UnsafeCell<[usize; 8]>);

// SAFETY: the first thread alone uses it.
unsafe impl Sync for FirstTls {}

static FIRST_TLS: FirstTls = FirstTls(UnsafeCell::new([0; 8]));

/// Gives the first thread a thread pointer, as every runtime does.
pub fn set_up_first() {
    let tls = FIRST_TLS.0.get().cast::<usize>();
    // SAFETY: the block is this thread's.
    unsafe {
        tls.write(tls.addr());
        os::call(
            ARCH_PRCTL,
            [ARCH_SET_FS, tls.expose_provenance(), 0, 0, 0, 0],
        );
    }
}
