//! A small init: PID 1 of a machine or of a container.
//!
//! It mounts what the kernel fills, starts the services of `/etc/services.init`, each watched over
//! by a thread, reaps orphans, and ends the machine when it is told to. A line of the file is
//!
//! ```text
//! respawn NAME /path/of/program argument …
//! once    NAME /path/of/program argument …
//! ```
//!
//! and `#` begins a remark. A service that ends is started again, after pauses that double from
//! 100 ms to 30 s; if it ran for ten seconds the next pause is short again.
//!
//! | signal | what it does |
//! |---|---|
//! | SIGTERM, SIGUSR2, SIGPWR | ends the services, and then the machine: switched off |
//! | SIGINT (Ctrl+Alt+Del) | likewise; it begins anew |
//! | SIGHUP | is handed on to all services |
//!
//! It lives on if something is missing: descriptors, `/proc`, a root that can be written to, the
//! file of services, a console that takes what is said. It never ends by itself, as the kernel
//! would not survive that: a thread that panics ends alone, and says so on the console. In a
//! container, which may not end the machine, it ends when it is told to, and the container with it.

#![no_std]
#![no_main]

use core::convert::Infallible;
use core::ffi::CStr;
use core::fmt;
use core::time::Duration;

use threadbare::io::{self, Fd, File, Read, Write};
use threadbare::process::{self, Child, Command};
use threadbare::signal::{self, Signal, SignalSet};
use threadbare::sync::{Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use threadbare::system::{self, End, MountFlags};
use threadbare::thread::{self, PanicPolicy};
use threadbare::time::Instant;
use threadbare::{Errno, eprintln};

threadbare::entry!(main);

/// `println!`, but for what it does where nobody listens: it panics, which ends a process whose
/// main thread it is.
macro_rules! say {
    ($($what:tt)*) => {
        say(format_args!($($what)*))
    };
}

const SERVICES: &CStr = c"/etc/services.init";
const SERVICES_MAX: usize = 32;
const ARGUMENTS_MAX: usize = 15;
const FILE_BYTES_MAX: usize = 8 << 10;

const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Whoever ran for so long has not failed at once.
const RAN_WELL: Duration = Duration::from_secs(10);
/// How long services may take to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(5);
const SERVICE_STACK_BYTES: usize = 16 << 10;

/// The signals that the main thread takes, one after the other. No thread gets them otherwise.
const ORDERS: [Signal; 6] = [
    Signal::CHLD,
    Signal::TERM,
    Signal::INT,
    Signal::HUP,
    Signal::USR2,
    Signal::PWR,
];

fn main() -> ! {
    if process::id() != 1 {
        eprintln!("init: it is not PID 1, and leaves the machine alone");
        process::exit(2);
    }
    // Before the first thread, so that all of them block the same.
    let orders = SignalSet::from(ORDERS);
    signal::block(&orders);
    thread::set_panic_policy(PanicPolicy::EndThread);
    mount_what_the_kernel_fills();
    open_console();
    // It may not be allowed, in a container: then it is not this one's to know, either.
    let _ = system::restart_on_ctrl_alt_del(false);
    say!("init: up");
    let mut file = [0; FILE_BYTES_MAX];
    let mut services = [const { None }; SERVICES_MAX];
    read_services(&mut file, &mut services);
    let services = &services;
    // It never leaves the scope, which would wait for each watcher: one whose service is stuck in
    // the kernel is there for ever.
    match thread::scope(|scope| -> Infallible {
        for service in services.iter().flatten() {
            let watch = || service.watch();
            let builder = thread::Builder::new().stack_size(SERVICE_STACK_BYTES);
            if let Err(error) = builder.name(service.name).spawn_scoped(scope, watch) {
                say!("init: {}: not started: {error}", service.name);
            }
        }
        let end = serve(&orders, services);
        stop(services);
        end_all_others();
        end_machine(end, &orders)
    }) {}
}

/// Ends the machine, or in a container which may not do that the container.
fn end_machine(end: End, orders: &SignalSet) -> ! {
    let what = match end {
        End::Restart => "restart",
        _ => "power off",
    };
    say!("init: {what}");
    system::sync();
    let errno = system::end(end);
    say!("init: the machine does not end: {errno}");
    if errno == Errno::PERM {
        // The first process of a machine may do it.
        process::exit(0);
    }
    // Of all that it must not do, to return is the worst.
    loop {
        signal::wait(orders);
        while process::reap_orphan().is_some() {}
    }
}

/// Writes a line to the console, if somebody listens.
fn say(what: fmt::Arguments<'_>) {
    let mut out = io::stdout();
    let _ = writeln!(out, "{what}");
    let _ = out.flush();
}

/// Whether a descriptor is open.
fn is_open(number: i32) -> bool {
    // SAFETY: only asked about, whether it is open.
    let status = unsafe { Fd::from_raw(number) }.status();
    // Kernels and filters that do not know the call say something else.
    !matches!(status, Err(io::Error::Os(Errno::BADF)))
}

/// Mounts `/proc`, `/sys` and `/dev`. Where that cannot be done, or was, life goes on.
fn mount_what_the_kernel_fills() {
    let plain = MountFlags::NO_SUID | MountFlags::NO_EXEC;
    // The last is for people: to show a C string takes what decodes and escapes it.
    for (kind, at, flags, name) in [
        (c"devtmpfs", c"/dev", plain, "/dev"),
        (c"proc", c"/proc", plain | MountFlags::NO_DEV, "/proc"),
        (c"sysfs", c"/sys", plain | MountFlags::NO_DEV, "/sys"),
    ] {
        match system::mount(kind, at, kind, flags, None) {
            Ok(()) | Err(Errno::BUSY) => {}
            // The console may not be open yet; whoever cannot be told misses little.
            Err(errno) => say!("init: {name} is not mounted: {errno}"),
        }
    }
}

/// Opens the console as standard input, output and error, as far as the kernel has not.
fn open_console() {
    // The lowest number that is free is the next one's.
    for number in 0..3 {
        if is_open(number) {
            continue;
        }
        let opened = match number {
            0 => File::open(c"/dev/console"),
            _ => File::open_to_write(c"/dev/console"),
        };
        // Not closed until the end. Without a console nobody listens.
        let _ = opened.map(File::into_raw);
    }
}

/// Takes orders until one of them is to end.
fn serve(orders: &SignalSet, services: &[Option<Service<'_>>]) -> End {
    loop {
        match signal::wait(orders).signal() {
            Signal::CHLD => {
                while let Some(orphan) = process::reap_orphan() {
                    say!("init: reaped {}: {}", orphan.id, orphan.status);
                }
            }
            Signal::HUP => {
                for service in services.iter().flatten() {
                    service.tell(Signal::HUP);
                }
            }
            Signal::INT => return End::Restart,
            _ => return End::PowerOff,
        }
    }
}

/// Ends all services: first as they like to, then anyhow. Their threads end with them, but for
/// those that wait for the kernel.
fn stop(services: &[Option<Service<'_>>]) {
    say!("init: stopping");
    for service in services.iter().flatten() {
        locked(&service.state).is_to_stop = true;
        service.changed.notify_all();
        service.tell(Signal::TERM);
    }
    let limit = Instant::now() + PATIENCE;
    for service in services.iter().flatten() {
        let mut state = locked(&service.state);
        while state.has_process && Instant::now() < limit {
            let left = limit.saturating_duration_since(Instant::now());
            let waited = service.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let is_late = state.has_process;
        drop(state);
        if is_late {
            say!("init: {}: does not end, and is killed", service.name);
            service.tell(Signal::KILL);
        }
    }
}

/// Ends what no service stands for, and reaps it.
fn end_all_others() {
    for (signal, patience) in [(Signal::TERM, 20), (Signal::KILL, 100)] {
        // `Gone`: there is nobody left.
        if signal::send_to_all(signal).is_err() {
            return;
        }
        for _ in 0..patience {
            while process::reap_orphan().is_some() {}
            if signal::send_to_all(Signal::CONT).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A service, and the thread that watches over it.
struct Service<'f> {
    name: &'f str,
    respawns: bool,
    program: &'f CStr,
    arguments: [&'f CStr; ARGUMENTS_MAX],
    argument_count: usize,
    /// The process, while there is one. Whoever waits for it reads, as does who sends it a signal.
    child: RwLock<Option<Child>>,
    state: Mutex<State>,
    /// Notified when `state` changes.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_to_stop: bool,
    has_process: bool,
}

impl<'f> Service<'f> {
    /// Reads a line: each word of it ends with a NUL.
    fn parse(line: &'f [u8]) -> Result<Service<'f>, &'static str> {
        let mut words = line
            .split_inclusive(|&byte| byte == 0)
            .filter(|word| word.len() > 1)
            .filter_map(|word| CStr::from_bytes_with_nul(word).ok());
        let respawns = match words.next().map(CStr::to_bytes) {
            Some(b"respawn") => true,
            Some(b"once") => false,
            _ => return Err("it begins with neither `respawn` nor `once`"),
        };
        let name = words.next().and_then(|name| name.to_str().ok());
        let name = name.ok_or("there is no name in UTF-8")?;
        let program = words.next().ok_or("there is no program")?;
        let mut service = Service {
            name,
            respawns,
            program,
            arguments: [c""; ARGUMENTS_MAX],
            argument_count: 0,
            child: RwLock::new(None),
            state: Mutex::new(State::default()),
            changed: Condvar::new(),
        };
        for word in words {
            let place = service.arguments.get_mut(service.argument_count);
            *place.ok_or("there are more than 15 arguments")? = word;
            service.argument_count += 1;
        }
        Ok(service)
    }

    /// Runs the service until it is over or to stop.
    fn watch(&self) {
        let mut pause = PAUSE_MIN;
        loop {
            let started = Instant::now();
            self.run();
            if started.elapsed() >= RAN_WELL {
                pause = PAUSE_MIN;
            }
            if !self.respawns || !self.pauses(pause) {
                return;
            }
            pause = pause.saturating_mul(2).min(PAUSE_MAX);
        }
    }

    /// Starts the program and waits until it has ended.
    fn run(&self) {
        let mut command = Command::new(self.program);
        command.args(&self.arguments[..self.argument_count]);
        command.new_session().descriptor_null(0);
        for fd in [Fd::STDOUT, Fd::STDERR] {
            match is_open(fd.raw()) {
                true => command.descriptor(fd.raw(), fd),
                false => command.descriptor_null(fd.raw()),
            };
        }
        {
            // Whoever stops services sees a process, or that there will be none.
            let mut state = locked(&self.state);
            if state.is_to_stop {
                return;
            }
            state.has_process = true;
        }
        // Not with the lock held: it takes as long as the disk does.
        match command.spawn() {
            Ok(child) => {
                *self.child.write().unwrap_or_else(PoisonError::into_inner) = Some(child);
                say!("init: {}: started", self.name);
                // Who stopped services meanwhile found nobody to tell.
                if locked(&self.state).is_to_stop {
                    self.tell(Signal::TERM);
                }
            }
            Err(error) => {
                say!("init: {}: not started: {error}", self.name);
                return self.has_ended();
            }
        }
        if let Some(child) = &*self.child.read().unwrap_or_else(PoisonError::into_inner) {
            match child.wait() {
                Ok(status) => say!("init: {}: ended: {status}", self.name),
                Err(errno) => say!("init: {}: lost: {errno}", self.name),
            }
        }
        self.has_ended();
    }

    /// Says so to whoever waits for it.
    fn has_ended(&self) {
        locked(&self.state).has_process = false;
        self.changed.notify_all();
    }

    /// Waits before the next start; returns false if there is to be none.
    fn pauses(&self, pause: Duration) -> bool {
        let state = locked(&self.state);
        let waited = self
            .changed
            .wait_timeout_while(state, pause, |state| !state.is_to_stop);
        !waited.unwrap_or_else(PoisonError::into_inner).0.is_to_stop
    }

    /// Sends the process a signal, if there is one.
    fn tell(&self, signal: Signal) {
        if let Some(child) = &*self.child.read().unwrap_or_else(PoisonError::into_inner)
            && let Err(error) = child.kill(signal)
        {
            say!("init: {}: {signal}: {error}", self.name);
        }
    }
}

/// Reads the file of services into `memory`, and from there into `services`; returns how many there
/// are. What is wrong there is told, and left out.
fn read_services<'f>(
    memory: &'f mut [u8; FILE_BYTES_MAX],
    services: &mut [Option<Service<'f>>; SERVICES_MAX],
) {
    let mut count = 0;
    let all = File::open(SERVICES).and_then(|mut file| {
        // Room for the end of the last line.
        while count + 1 < memory.len() {
            match file.read(&mut memory[count..FILE_BYTES_MAX - 1])? {
                0 => return Ok(()),
                more => count += more,
            }
        }
        complain(format_args!("only its first {count} bytes are read"));
        Ok(())
    });
    if let Err(error) = all {
        complain(format_args!("{error}"));
    }
    memory[count] = b'\n';
    let text = &mut memory[..=count];
    for byte in text
        .iter_mut()
        .filter(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
    {
        *byte = 0;
    }
    let mut places = services.iter_mut();
    let mut rest = &mut *text;
    for number in 1_u32.. {
        let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
            return;
        };
        rest[end] = 0;
        let (line, others) = rest.split_at_mut(end + 1);
        rest = others;
        let line: &'f [u8] = line;
        if line[0] == b'#' || line.iter().all(|&byte| byte == 0) {
            continue;
        }
        match (Service::parse(line), places.next()) {
            (Ok(service), Some(place)) => *place = Some(service),
            (Ok(_), None) => {
                return complain(format_args!("there are more than 32 services"));
            }
            (Err(why), _) => complain(format_args!("line {number}: {why}")),
        }
    }
}

/// Says what is wrong with the file of services.
fn complain(what: fmt::Arguments<'_>) {
    say!("init: /etc/services.init: {what}");
}

/// Locks are never poisoned here.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
