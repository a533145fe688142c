//! The kernel by raw calls, the same in every program: none uses its own runtime for this.

use core::arch::asm;
use core::sync::atomic::AtomicU32;

const READ: usize = 0;
const WRITE: usize = 1;
const OPEN: usize = 2;
const CLOSE: usize = 3;
const SCHED_YIELD: usize = 24;
const FUTEX: usize = 202;
const SCHED_SETAFFINITY: usize = 203;
const CLOCK_GETTIME: usize = 228;
const EXIT_GROUP: usize = 231;

const FUTEX_WAIT_PRIVATE: usize = 128;
const FUTEX_WAKE_PRIVATE: usize = 129;

/// Makes a system call.
///
/// # Safety
/// 1. The call, with these arguments, touches only memory that the caller may give away.
#[inline(always)]
pub unsafe fn call(nr: usize, arguments: [usize; 6]) -> isize {
    let [a, b, c, d, e, f] = arguments;
    let result;
    // SAFETY: clause 1; `syscall` overwrites rcx and r11 besides rax.
    unsafe {
        asm!("syscall", inlateout("rax") nr as isize => result, in("rdi") a, in("rsi") b,
            in("rdx") c, in("r10") d, in("r8") e, in("r9") f, lateout("rcx") _, lateout("r11") _,
            options(nostack));
    }
    result
}

/// Writes bytes to a file descriptor, all or as many as it takes.
pub fn write(fd: usize, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let at = bytes.as_ptr().expose_provenance();
        // SAFETY: the kernel reads the slice.
        let count = unsafe { call(WRITE, [fd, at, bytes.len(), 0, 0, 0]) };
        if count <= 0 {
            return;
        }
        bytes = &bytes[count as usize..];
    }
}

/// Ends the process.
pub fn exit(status: i32) -> ! {
    loop {
        // SAFETY: it touches no memory.
        unsafe { call(EXIT_GROUP, [status as usize, 0, 0, 0, 0, 0]) };
    }
}

/// Lets others run.
pub fn yield_now() {
    // SAFETY: it touches no memory.
    unsafe { call(SCHED_YIELD, [0; 6]) };
}

/// Sleeps while the word holds the value; spurious returns are possible.
#[inline]
pub fn futex_wait(word: &AtomicU32, value: u32) {
    let arguments = [
        word.as_ptr().expose_provenance(),
        FUTEX_WAIT_PRIVATE,
        value as usize,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel reads the word.
    unsafe { call(FUTEX, arguments) };
}

/// Wakes at most `count` that sleep on the word.
#[inline]
pub fn futex_wake(word: &AtomicU32, count: i32) {
    let arguments = [
        word.as_ptr().expose_provenance(),
        FUTEX_WAKE_PRIVATE,
        count as usize,
        0,
        0,
        0,
    ];
    // SAFETY: it touches no memory.
    unsafe { call(FUTEX, arguments) };
}

/// Binds the calling thread to one CPU.
pub fn pin(cpu: usize) {
    let mask = 1_u64 << cpu;
    // SAFETY: the kernel reads the mask.
    unsafe {
        call(
            SCHED_SETAFFINITY,
            [0, 8, (&raw const mask).expose_provenance(), 0, 0, 0],
        )
    };
}

/// Reads a clock, in nanoseconds.
pub fn clock_ns(clock: usize) -> f64 {
    let mut time = [0_i64; 2];
    // SAFETY: the kernel writes two words.
    unsafe {
        call(
            CLOCK_GETTIME,
            [clock, (&raw mut time).expose_provenance(), 0, 0, 0, 0],
        )
    };
    time[0] as f64 * 1e9 + time[1] as f64
}

/// Hands a file to `each`, piece by piece, in a buffer that stays resident.
pub fn read_file(path: &core::ffi::CStr, buffer: &mut [u8], mut each: impl FnMut(&[u8])) {
    // SAFETY: the kernel reads the path.
    let fd = unsafe { call(OPEN, [path.as_ptr().expose_provenance(), 0, 0, 0, 0, 0]) };
    super::verify(fd >= 0, "a file of /proc cannot be opened");
    loop {
        let to = buffer.as_mut_ptr().expose_provenance();
        // SAFETY: the kernel writes into the buffer.
        let count = unsafe { call(READ, [fd as usize, to, buffer.len(), 0, 0, 0]) };
        if count <= 0 {
            break;
        }
        each(&buffer[..count as usize]);
    }
    // SAFETY: it touches no memory.
    unsafe { call(CLOSE, [fd as usize, 0, 0, 0, 0, 0]) };
}

/// A number of `/proc/self/status`, such as `VmRSS:`.
pub fn status(key: &str) -> u64 {
    let mut buffer = [0; 8192];
    let mut value = None;
    read_file(c"/proc/self/status", &mut buffer, |text| {
        let text = core::str::from_utf8(text).unwrap_or("");
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        let number = line.and_then(|line| line.split_ascii_whitespace().next());
        value = value.or(number.and_then(|number| number.parse().ok()));
    });
    super::verify(value.is_some(), "a line of /proc/self/status is missing");
    value.unwrap_or(0)
}

/// How many lines `/proc/self/maps` has: the kernel's mappings of this process.
pub fn mapping_count() -> u64 {
    let mut buffer = [0; 16384];
    let mut count = 0;
    read_file(c"/proc/self/maps", &mut buffer, |text| {
        count += text.iter().filter(|byte| **byte == b'\n').count() as u64;
    });
    count
}
