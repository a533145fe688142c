//! What the kernel says about this process, read where it shows it.

use core::ffi::CStr;
use core::fmt::Write;

use embedded_io::Read;
use threadbare::io::{File, Reader, SliceWriter};
use threadbare::seam::arch::{self, SIGACTION_LAYOUT, SigactionLayout, kernel as k};
use threadbare::seam::sys::signal::{self, Action};
use threadbare::thread::{self, JoinHandle, Thread};
use threadbare::time::Duration;
use threadbare::{Errno, seam};

/// Counts the lines of `/proc/self/maps` that concern this program.
///
/// Zero means that there is no `/proc`: callers check that it is not.
pub fn mapping_count() -> usize {
    let Ok(mut maps) = File::open(c"/proc/self/maps") else {
        return 0;
    };
    let mut lines = 0;
    let mut buffer = [0u8; 4096];
    while let Ok(bytes @ 1..) = maps.read(&mut buffer) {
        lines += line_ends(&buffer[..bytes]);
    }
    lines
}

/// Counts the line ends in `text`, a word at a time: it is done twice for each of hundreds of
/// failures, and byte by byte most of an unoptimised program's time went into it.
fn line_ends(text: &[u8]) -> usize {
    const ENDS: u64 = u64::from_ne_bytes([b'\n'; 8]);
    const LOW_BITS: u64 = u64::from_ne_bytes([0x7f; 8]);
    let (words, rest) = text.as_chunks();
    let mut count = 0;
    for word in words {
        // Zero where an end is. A byte's highest bit is set by the sum where a lower one is, and
        // no sum reaches the next byte.
        let other = u64::from_ne_bytes(*word) ^ ENDS;
        let is_other = ((other & LOW_BITS) + LOW_BITS) | other | LOW_BITS;
        count += (!is_other).count_ones() as usize;
    }
    count + rest.iter().filter(|&&byte| byte == b'\n').count()
}

/// A line of `/proc/self/maps`: the range, and whether it can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The first address.
    pub start: usize,
    /// The address after the last.
    pub end: usize,
    /// Whether the range is readable.
    pub is_readable: bool,
}

/// Finds the region that holds `address`, and the one that ends where it begins.
pub fn region_of(address: usize) -> Option<(Region, Option<Region>)> {
    let mut memory = [0u8; 1024];
    let mut maps = Reader::new(File::open(c"/proc/self/maps").ok()?, &mut memory);
    let mut before: Option<Region> = None;
    loop {
        let mut line = [0u8; 512];
        let mut line = SliceWriter::new(&mut line);
        maps.read_until(b'\n', &mut line).ok()?;
        let region = parse_region(line.as_str().ok()?)?;
        if (region.start..region.end).contains(&address) {
            return Some((region, before.filter(|before| before.end == region.start)));
        }
        before = Some(region);
    }
}

/// Parses `START-END rwxp …`.
fn parse_region(line: &str) -> Option<Region> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    Some(Region {
        start: usize::from_str_radix(start, 16).ok()?,
        end: usize::from_str_radix(end, 16).ok()?,
        is_readable: rest.starts_with('r'),
    })
}

/// Makes a system call that the runtime itself does not make.
///
/// # Safety
/// 1. As the call.
pub unsafe fn call(nr: u32, arguments: [usize; 6]) -> Result<usize, Errno> {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: clause 1.
    let raw = unsafe { seam::arch::syscall6(nr as usize, a, b, c, d, e, f) };
    if (-4095..0).contains(&raw) {
        return Err(Errno::from_raw(-raw as i32).unwrap_or(Errno::INVAL));
    }
    Ok(raw as usize)
}

/// Lets another thread run, past the runtime.
pub fn let_others_run() {
    // SAFETY: the call touches no memory.
    let _ = unsafe { call(k::__NR_sched_yield, [0; 6]) };
}

/// Whether the kernel says that a thread sleeps.
fn is_asleep(thread: &Thread) -> bool {
    let mut path = [0; 64];
    let mut writer = SliceWriter::new(&mut path);
    let id = thread.kernel_id().unwrap_or(0);
    let _ = write!(writer, "/proc/self/task/{id}/stat\0");
    let mut text = [0; 256];
    let Ok(path) = CStr::from_bytes_until_nul(writer.written()) else {
        return false;
    };
    let count = File::open(path).and_then(|mut file| file.read(&mut text));
    // The state's letter follows the name, which is in parentheses.
    let text = &text[..count.unwrap_or(0)];
    let end = text.iter().rposition(|byte| *byte == b')');
    end.and_then(|end| text.get(end + 2)) == Some(&b'S')
}

/// Lets the others run until a thread sleeps where it was about to wait for something: it takes no
/// lock any more that a child of `fork` would find taken.
///
/// The kernel has to say so several times in a row. A thread that is on its way sleeps for moments,
/// too: for a lock of an emulator's, or for the pages of a new stack.
pub fn until_asleep(thread: &Thread) {
    const TIMES: u32 = 5;
    const APART: Duration = Duration::from_micros(300);
    let mut left = TIMES;
    while left > 0 {
        thread::sleep(APART);
        left = if is_asleep(thread) { left - 1 } else { TIMES };
    }
}

/// Makes a pipe: the end to read from, and the one to write to.
///
/// # Panics
/// If there can be no pipe.
pub fn pipe() -> (File, File) {
    let mut ends = [0i32; 2];
    let to = (&raw mut ends).expose_provenance();
    // SAFETY: the kernel writes two numbers.
    if let Err(errno) = unsafe { call(k::__NR_pipe2, [to, 0, 0, 0, 0, 0]) } {
        panic!("no pipe: {errno}");
    }
    let [read, write] = ends;
    // SAFETY: the descriptor was just opened, and nobody else knows it.
    let read = unsafe { File::from_raw(read) };
    // SAFETY: likewise.
    let write = unsafe { File::from_raw(write) };
    (read, write)
}

/// Makes descriptor `number` mean what `file` means.
///
/// # Panics
/// If it cannot be done.
pub fn redirect(number: i32, file: &File) {
    let from = file.as_fd().raw() as usize;
    // SAFETY: dup3 touches no memory.
    let done = unsafe { call(k::__NR_dup3, [from, number as usize, 0, 0, 0, 0]) };
    if let Err(errno) = done {
        panic!("descriptor {number} cannot be redirected: {errno}");
    }
}

/// Lets SIGALRM end this process after so many seconds, lest a defect become an endless wait.
///
/// # Panics
/// If the timer cannot be set.
pub fn limit_seconds(seconds: usize) {
    set_timer([0, 0, seconds, 0]);
}

/// Sets the timer of SIGALRM: interval, then the first time; seconds and microseconds.
fn set_timer(timer: [usize; 4]) {
    let arguments = [k::ITIMER_REAL as usize, timer.as_ptr() as usize, 0, 0, 0, 0];
    // SAFETY: the kernel reads four words.
    if let Err(errno) = unsafe { call(k::__NR_setitimer, arguments) } {
        panic!("no timer: {errno}");
    }
}

/// Interrupts the main thread, or one that does not block SIGALRM, every millisecond until it is
/// dropped.
pub struct Alarm(());

impl Alarm {
    /// Lets `handler` run each time.
    ///
    /// # Panics
    /// If the kernel refuses.
    pub fn every_millisecond(handler: extern "C" fn(i32)) -> Alarm {
        dispose(k::SIGALRM, Disposition::Handle(handler));
        // On SPARC, and nowhere else, microseconds have 32 bits, in the first half of the word
        // (`arch/sparc/include/uapi/asm/posix_types.h`, `__kernel_old_timeval`).
        let millisecond = if arch::NAME == "sparc64" {
            1000usize.rotate_left(32)
        } else {
            1000
        };
        set_timer([0, millisecond, 0, millisecond]);
        Alarm(())
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        set_timer([0; 4]);
    }
}

/// Lets this thread take signals where another one was started since it last did.
///
/// The thread pointer is set to itself: an emulator has one table of descriptors for all threads of
/// 32-bit x86, and loads the thread register from it when a handler returns. What was written there
/// last must be this thread's.
///
/// # Panics
/// If the kernel refuses.
pub fn own_thread_register() {
    // SAFETY: this thread's own TLS.
    let result = unsafe { arch::set_thread_pointer(arch::thread_pointer()) };
    assert!(result == 0, "the thread pointer cannot be set");
}

/// Starts a thread that takes no signals; the calling one may take them afterwards.
pub fn spawn_without_signals<T, F>(run: F) -> JoinHandle<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let mask = signal::block_all();
    let handle = thread::spawn(run);
    own_thread_register();
    signal::restore(&mask);
    handle
}

/// What a process does on a signal.
#[derive(Clone, Copy, Debug)]
pub enum Disposition {
    /// Nothing.
    Ignore,
    /// It calls this.
    Handle(extern "C" fn(i32)),
}

/// Sets what this process does on `signal`.
///
/// # Panics
/// If the kernel refuses.
pub fn dispose(signal: u32, disposition: Disposition) {
    const SIG_IGN: usize = 1;
    let handler = match disposition {
        Disposition::Ignore => SIG_IGN,
        Disposition::Handle(handler) => handler as usize,
    };
    let action = Action {
        handler,
        ..Action::DEFAULT
    };
    // SAFETY: the suite's handlers may run anywhere.
    let set = unsafe { seam::sys::signal::set_action(signal, &action) };
    if let Err(errno) = set {
        panic!("signal {signal} cannot be handled: {errno}");
    }
}

/// Whether `struct sigaction` is longer here than the kernel's for this CPU, as in an emulator
/// that has a word for a restorer where the kernel has none: told by how much of one is written.
pub fn is_action_too_long() -> bool {
    const UNTOUCHED: usize = 0x5a5a_5a5a;
    let set_bytes = size_of::<k::kernel_sigset_t>();
    let head_words = match SIGACTION_LAYOUT {
        SigactionLayout::HandlerFlags | SigactionLayout::FlagsHandler => 2,
        SigactionLayout::HandlerFlagsRestorer | SigactionLayout::RestorerIsArgument => 3,
    };
    let mut old = [UNTOUCHED; 3 + 16 / size_of::<usize>() + 1];
    let (signal, to) = (k::SIGWINCH as usize, old.as_mut_ptr().expose_provenance());
    let arguments = match SIGACTION_LAYOUT {
        SigactionLayout::RestorerIsArgument => [signal, 0, to, 0, set_bytes, 0],
        _ => [signal, 0, to, set_bytes, 0, 0],
    };
    // SAFETY: the kernel writes an action, for which there is room with the longest set and more.
    let asked = unsafe { call(k::__NR_rt_sigaction, arguments) };
    asked.is_ok() && old[head_words + set_bytes / size_of::<usize>()] != UNTOUCHED
}
