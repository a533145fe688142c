//! Not a program of the suite's protocol: the first process of a machine. It runs other programs of
//! the suite as its children, one after the other, and powers the machine off.
//!
//! `/programs` says what to run: `SECONDS PATH [ARGUMENT]` on each line. What it says itself begins
//! with `boot: `: the kernel's release, which program runs, how it ended (the status of `wait4(2)`,
//! or `late`) and after how long. All else on the console is the programs' own, or the kernel's.

#![no_std]
#![no_main]

use core::ffi::CStr;
use core::ptr::null;
use core::sync::atomic::{AtomicBool, Ordering::SeqCst};

use suite::child::{self, End};
use suite::kernel::{self, Disposition, call};
use threadbare::io::{File, Read};
use threadbare::process::ExitCode;
use threadbare::seam::Process;
use threadbare::seam::arch::kernel as k;
use threadbare::seam::sys::task;
use threadbare::seam::sys::time::{self, Clock};
use threadbare::{Errno, eprintln, println};

threadbare::entry!(main);

/// Whether a program's time was over.
static IS_LATE: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    if task::process_id() != 1 {
        eprintln!("boot_probe kills all other processes: it runs as the first one alone");
        return ExitCode::FAILURE;
    }
    mount(c"devtmpfs", c"/dev");
    mount(c"proc", c"/proc");
    open_console();
    kernel::dispose(k::SIGALRM, Disposition::Handle(end_the_late));
    let mut memory = [0; 128];
    println!(
        "\nboot: kernel {}",
        read(c"/proc/sys/kernel/osrelease", &mut memory).trim_end()
    );
    let mut memory = [0; 16 << 10];
    for line in read(c"/programs", &mut memory).lines() {
        let mut words = line.splitn(3, ' ');
        let seconds = words.next().and_then(|word| word.parse().ok());
        match (seconds, words.next()) {
            (Some(seconds), Some(path)) => run(seconds, path, words.next()),
            _ => println!("boot: not understood: {line}"),
        }
    }
    println!("\nboot: off");
    power_off()
}

/// Mounts a file system that the kernel itself fills; says so if that fails, and goes on.
fn mount(kind: &CStr, at: &CStr) {
    let (kind, at) = (kind.as_ptr() as usize, at.as_ptr() as usize);
    // SAFETY: the kernel reads three strings.
    if let Err(errno) = unsafe { call(k::__NR_mount, [kind, at, kind, 0, 0, 0]) } {
        println!("boot: no mount: {errno}");
    }
}

/// Makes the console the standard input, output and error, if the kernel has not.
fn open_console() {
    let (here, path) = (k::AT_FDCWD as isize as usize, c"/dev/console");
    let flags = (k::O_RDWR | k::O_CLOEXEC) as usize;
    let arguments = [here, path.as_ptr() as usize, flags, 0, 0, 0];
    // SAFETY: the kernel reads the path.
    match unsafe { call(k::__NR_openat, arguments) } {
        Ok(opened) => {
            // SAFETY: just opened, and nobody else's.
            let console = unsafe { File::from_raw(opened as i32) };
            for standard in 0..3 {
                kernel::redirect(standard, &console);
            }
        }
        Err(errno) => println!("boot: no console: {errno}"),
    }
}

/// Reads a text file; says so if that fails, and returns what there is.
fn read<'a>(path: &CStr, memory: &'a mut [u8]) -> &'a str {
    let mut count = 0;
    let all = File::open(path).and_then(|mut file| {
        loop {
            match file.read(&mut memory[count..])? {
                0 => return Ok(()),
                more => count += more,
            }
        }
    });
    if all.is_err() || count == memory.len() {
        println!("boot: cannot read all of {path:?}");
    }
    core::str::from_utf8(&memory[..count]).unwrap_or("")
}

/// Runs one program, and leaves no process of it behind.
fn run(seconds: usize, path: &str, argument: Option<&str>) {
    println!("\nboot: run {path}");
    let started = milliseconds();
    IS_LATE.store(false, SeqCst);
    kernel::limit_seconds(seconds);
    let ended = child::wait(child::start(|| execute(path, argument)));
    kernel::limit_seconds(0);
    kill_all_others();
    let elapsed = milliseconds() - started;
    // The program may have left a line unfinished.
    if IS_LATE.load(SeqCst) {
        println!("\nboot: late {path} ms={elapsed}");
    } else {
        // As wait4(2) words it.
        let status = match ended {
            End::Exit(status) => status << 8,
            End::Signal(signal) => signal,
        };
        println!("\nboot: end {path} status={status} ms={elapsed}");
    }
}

/// Becomes the program, with this one's environment. Says so and returns if that fails.
fn execute(path: &str, argument: Option<&str>) {
    let mut memory = [[0u8; 256]; 2];
    let mut arguments = [null::<u8>(); 3];
    for (index, word) in [Some(path), argument].into_iter().flatten().enumerate() {
        let place = &mut memory[index];
        assert!(word.len() < place.len(), "no room for {word}");
        place[..word.len()].copy_from_slice(word.as_bytes());
        arguments[index] = place.as_ptr();
    }
    let environment = Process::get().environment as usize;
    let arguments = [
        arguments[0] as usize,
        arguments.as_ptr() as usize,
        environment,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel reads strings and the arrays that point to them, each with its end.
    if let Err(errno) = unsafe { call(k::__NR_execve, arguments) } {
        println!("boot: {path} cannot be run: {errno}");
    }
}

/// Ends the program whose time is over, with all that it started.
extern "C" fn end_the_late(_: i32) {
    IS_LATE.store(true, SeqCst);
    signal_all_others(k::SIGKILL);
}

/// Kills every process but this one, and waits until they are gone.
fn kill_all_others() {
    signal_all_others(k::SIGKILL);
    loop {
        let (any, ended) = (k::P_ALL as usize, k::WEXITED as usize);
        // SAFETY: the status is not asked for. Newer 32-bit CPUs have no `wait4`.
        match unsafe { call(k::__NR_waitid, [any, 0, 0, ended, 0, 0]) } {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

fn signal_all_others(signal: u32) {
    const ALL: usize = -1isize as usize;
    // SAFETY: kill touches no memory; that there is nobody is no failure.
    let _ = unsafe { call(k::__NR_kill, [ALL, signal as usize, 0, 0, 0, 0]) };
}

fn milliseconds() -> i64 {
    time::now(Clock::Monotonic).map_or(0, |now| {
        now.seconds * 1000 + i64::from(now.nanoseconds) / 1_000_000
    })
}

/// Ends the machine; where it cannot be switched off, by a restart, which ends an emulator told so.
fn power_off() -> ExitCode {
    for command in [k::LINUX_REBOOT_CMD_POWER_OFF, k::LINUX_REBOOT_CMD_RESTART] {
        let magic = [k::LINUX_REBOOT_MAGIC1, k::LINUX_REBOOT_MAGIC2, command].map(|n| n as usize);
        // SAFETY: there is nothing left to lose.
        let done = unsafe { call(k::__NR_reboot, [magic[0], magic[1], magic[2], 0, 0, 0]) };
        println!("boot: still on: {done:?}");
    }
    ExitCode::FAILURE
}
