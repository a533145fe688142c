//! Every system call that the runtime makes, made to fail in every way: what comes of it.
//!
//! A [`Path`](paths::Path) is one thing that a program does: it starts a thread, sleeps, opens a
//! file. It is run once with the seam recording what it asks of the kernel; then each of those
//! calls is made to fail with each error of the table [`calls`], each time that it is made and, in
//! another run, always; and what came of it is held against [`rules`], which say what has to come
//! and why. A call without a rule fails the test, and so does a rule that no run needed.
//!
//! Whatever comes, nothing may be left behind: no mapping, no record, no entry of the cache, no
//! descriptor; and when the pressure is gone the same path works.
//!
//! `cargo xtask failures` writes the table of all this, and makes the calls fail from outside, too.

pub mod apart;
pub mod calls;
pub mod filter;
pub mod paths;
pub mod rules;
pub mod window;

use core::fmt::{self, Write};

use threadbare::io::SliceWriter;
use threadbare::thread::{self, CacheLimits};
use threadbare::{Errno, seam};

use crate::kernel;
use crate::{capture, child, limits};
use calls::Call;
use paths::{Kind, Path};
use rules::{Rule, When};
use window::{Driver, Window};

/// What came of a path, in words.
#[derive(Clone, Copy)]
pub struct Said {
    bytes: [u8; Said::BYTES],
    count: usize,
}

impl Said {
    const BYTES: usize = 240;

    /// Says something.
    pub fn new(what: impl fmt::Display) -> Said {
        let mut bytes = [0; Said::BYTES];
        let mut writer = SliceWriter::new(&mut bytes);
        // What does not fit is not compared.
        let _ = write!(writer, "{what}");
        let count = writer.written().len();
        Said { bytes, count }
    }

    /// The words.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.count]).unwrap_or("not UTF-8")
    }

    /// A path that did what it should.
    pub fn works() -> Said {
        Said::new("works")
    }

    /// The same, with so many lines of `/proc/self/maps` left behind.
    pub fn leaving(self, mappings: usize) -> Said {
        match mappings {
            0 => self,
            _ => Said::new(format_args!("{} leaving a mapping", self.as_str())),
        }
    }

    /// A path that returned an error.
    pub fn error(error: impl fmt::Debug) -> Said {
        Said::new(format_args!("error {error:?}"))
    }
}

impl PartialEq for Said {
    fn eq(&self, other: &Said) -> bool {
        self.as_str() == other.as_str()
    }
}

/// What must not change over a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Holdings {
    mappings: usize,
    record_pages: usize,
    threads: (usize, usize),
    lowest_fd: i32,
    blocked: [usize; MASK_WORDS],
}

const MASK_WORDS: usize = size_of::<seam::sys::signal::SignalSet>() / size_of::<usize>();

impl Holdings {
    fn now() -> Holdings {
        Holdings {
            mappings: kernel::mapping_count(),
            record_pages: seam::record_page_count(),
            threads: seam::thread_counts(),
            lowest_fd: kernel::pipe().0.as_fd().raw(),
            blocked: seam::sys::signal::mask().words(),
        }
    }

    /// What is not as it was before.
    fn left_behind(&self, after: &Holdings) -> Complaint {
        Complaint::new(format_args!(
            "left behind: mappings {} -> {}, records and cache {:?} -> {:?}, descriptors {} -> {}, \
             blocked {:x?} -> {:x?}",
            self.mappings,
            after.mappings,
            self.threads,
            after.threads,
            self.lowest_fd,
            after.lowest_fd,
            self.blocked,
            after.blocked
        ))
    }

    /// Closes the descriptors that were opened since.
    fn close_what_is_above(&self) {
        for fd in self.lowest_fd..Holdings::now().lowest_fd {
            // SAFETY: it was opened by a path, which has given it up.
            drop(unsafe { threadbare::io::File::from_raw(fd) });
        }
    }

    /// Whether nothing is left over since `before`, but so many mappings, and records that grew.
    fn is_as(&self, before: &Holdings, mappings: usize) -> bool {
        let grown = self.record_pages - before.record_pages;
        self.mappings <= before.mappings + grown + mappings
            && self.threads == before.threads
            && self.lowest_fd == before.lowest_fd
            && self.blocked == before.blocked
    }
}

/// What went wrong, with the cell that it went wrong in.
pub struct Complaint(Said);

impl Complaint {
    fn new(what: fmt::Arguments<'_>) -> Complaint {
        Complaint(Said::new(what))
    }

    /// What went wrong.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A call of a path, how often the path makes it, and the rule for each errno is in `rules`.
#[derive(Clone, Copy)]
pub struct Made {
    /// The call.
    pub call: &'static Call,
    /// How often, in a run in which nothing failed.
    pub count: u32,
}

/// What a path asks of the kernel.
pub struct Inventory {
    made: [Option<Made>; 24],
}

impl Inventory {
    /// The calls, in the table's order.
    pub fn iter(&self) -> impl Iterator<Item = Made> + '_ {
        let mut sorted = self.made;
        sorted.sort_unstable_by_key(|made| {
            made.map_or(usize::MAX, |made| core::ptr::from_ref(made.call).addr())
        });
        (0..sorted.len()).filter_map(move |index| sorted[index])
    }
}

/// One way in which a call fails.
#[derive(Clone, Copy)]
pub struct Cell {
    /// The call.
    pub call: &'static Call,
    /// The error.
    pub errno: Errno,
    /// When.
    pub when: When,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cell { call, errno, when } = self;
        write!(f, "{}, {when}: {errno:?}", call.name)
    }
}

/// Runs a path with nothing failing and returns what it asked for.
///
/// # Errors
/// If it does not work, leaves something behind, or makes a call that is in no table.
pub fn inventory(path: &Path) -> Result<Inventory, Complaint> {
    let said = observe(path, Driver::Record, false, 0)?;
    if said != Said::works() {
        return Err(Complaint::new(format_args!(
            "{}: undisturbed: {}",
            path.name,
            said.as_str()
        )));
    }
    let mut made = [None; 24];
    for (place, (number, count)) in made.iter_mut().zip(window::counters().iter()) {
        let Some(call) = Call::numbered(number) else {
            return Err(Complaint::new(format_args!(
                "{}: makes call {number}, which is not in tests/src/failures/calls.rs",
                path.name
            )));
        };
        *place = Some(Made { call, count });
    }
    Ok(Inventory { made })
}

/// How much of a path is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every error.
    Everything,
    /// Of the errors that a rule is about, the first, and `EINTR`.
    EachRule,
}

/// Runs the cells of a path; `each` is told of each.
///
/// # Errors
/// The first thing that was not as the rules say.
pub fn run(
    path: &'static Path,
    extent: Extent,
    mut each: impl FnMut(Cell, &'static Rule),
) -> Result<(), Complaint> {
    let inventory = inventory(path)?;
    // Emulated and not optimised it takes too long for the suite: what is called once fails once
    // there, and not in another run always, which leaves two thirds of the failures.
    let is_slow = extent == Extent::EachRule && cfg!(debug_assertions) && limits::is_emulated();
    for Made { call, count } in inventory.iter() {
        if rules::is_elsewhere(path, call) {
            continue;
        }
        // A sleeper may wake up for no reason and sleep again: of waits the first alone is known.
        let nth_max = if is_wait(call) { 1 } else { NTH_MAX };
        let times = (0..count.min(nth_max)).map(When::At);
        let is_once = is_slow && count == 1;
        for when in times.chain((!is_once).then_some(When::Always)) {
            let mut seen = [None; RULES_MAX];
            for errno in call
                .answers()
                .filter(|&errno| is_orderable(errno, call, when))
            {
                let cell = Cell { call, errno, when };
                let rule = rules::find(path, cell).ok_or_else(|| {
                    Complaint::new(format_args!("{}: no rule for {cell}", path.name))
                })?;
                if rule.outcome.is_empty() {
                    continue;
                }
                let own = Some(core::ptr::from_ref(rule));
                if extent == Extent::EachRule && seen.contains(&own) && errno != Errno::INTR {
                    continue;
                }
                if let Some(place) = seen.iter_mut().find(|place| place.is_none()) {
                    *place = own;
                }
                judge(path, cell, rule)?;
                each(cell, rule);
            }
        }
    }
    rules::each_is_used(path, &inventory)
}

/// How many rules there may be for one call of a path.
const RULES_MAX: usize = 8;

/// How many of a path's calls of one kind are made to fail one by one.
const NTH_MAX: u32 = 3;

/// Whether a sleep on a word is the call.
fn is_wait(call: &Call) -> bool {
    ["futex", "futex_time64"].contains(&call.name)
}

/// Whether a kernel may answer so for ever: `EINTR` and a futex's `EAGAIN` say that it is to be
/// asked again.
pub fn is_orderable(errno: Errno, call: &Call, when: When) -> bool {
    let is_again = errno == Errno::INTR
        || errno == Errno::AGAIN && (is_wait(call) || call.name == "rt_sigtimedwait_time64");
    when != When::Always || !is_again
}

/// Runs one cell and holds it against its rule.
fn judge(path: &'static Path, cell: Cell, rule: &Rule) -> Result<(), Complaint> {
    let (nr, errno) = (cell.call.nr, cell.errno);
    let (skip, times) = match cell.when {
        When::At(nth) => (nth, 1),
        When::Any | When::Always => (0, u32::MAX),
    };
    let expected = rule.expected(errno);
    let driver = Driver::Seam {
        nr,
        errno,
        skip,
        times,
    };
    let dies = expected.as_str().starts_with("dies");
    let complain =
        |what: fmt::Arguments<'_>| Complaint::new(format_args!("{}: {cell}: {what}", path.name));
    let said = observe(path, driver, dies, rule.mappings)
        .map_err(|complaint| complain(format_args!("{}", complaint.as_str())))?;
    let is_some_death = expected.as_str() == "dies" && said.as_str().starts_with("dies");
    if said != expected && !is_some_death {
        return Err(complain(format_args!(
            "{:?}, not {:?}",
            said.as_str(),
            expected.as_str()
        )));
    }
    if said.as_str().starts_with("error") {
        let next = observe(path, Driver::Record, false, 0)?;
        if next != Said::works() {
            return Err(complain(format_args!("the next try: {}", next.as_str())));
        }
    }
    Ok(())
}

/// Runs a path under a driver and returns what came of it; looks for what is left behind.
fn observe(path: &Path, driver: Driver, dies: bool, mappings: usize) -> Result<Said, Complaint> {
    // Mapped before anything is counted.
    window::counters();
    seam::prepare_for_fork();
    let here = || -> Result<Said, Complaint> {
        thread::set_cache_limits(CacheLimits::OFF);
        let before = Holdings::now();
        let window = Window::new(driver);
        let said = (path.run)(&window);
        let failed = window.failed();
        thread::set_cache_limits(CacheLimits::OFF);
        if matches!(driver, Driver::Seam { .. }) && failed == 0 {
            return Err(Complaint::new(format_args!("the call was not made")));
        }
        if driver.is_refused_close() {
            // A kernel closes a descriptor whatever it answers; the seam does not.
            before.close_what_is_above();
        }
        let mut after = Holdings::now();
        // A thread that unmaps itself may still be at it.
        for _ in 0..1000 {
            if path.kind == Kind::Parks || after.is_as(&before, mappings) {
                break;
            }
            kernel::let_others_run();
            after = Holdings::now();
        }
        if path.kind != Kind::Parks && !after.is_as(&before, mappings) {
            return Err(before.left_behind(&after));
        }
        Ok(said)
    };
    if path.kind == Kind::Here && !dies {
        return here();
    }
    let captured = capture::run(|| {
        child::no_core_file();
        let said = match here() {
            Ok(said) => said,
            Err(complaint) => Said::new(format_args!("complaint: {}", complaint.as_str())),
        };
        window::write(1, said.as_str().as_bytes());
        seam::sys::task::exit_process(0);
    });
    let expected_end = match path.kind {
        Kind::Ends(status) => child::End::Exit(status),
        Kind::Aborts => child::End::Signal(6),
        _ => child::End::Exit(0),
    };
    let stdout = captured.stdout.as_str();
    let said = match captured.end {
        end if end == expected_end && !dies => match path.kind {
            Kind::Ends(_) | Kind::Aborts => Said::works(),
            _ => match stdout.strip_prefix("complaint: ") {
                Some(complaint) => return Err(Complaint::new(format_args!("{complaint}"))),
                None => Said::new(stdout),
            },
        },
        child::End::Exit(0) => Said::new(stdout),
        child::End::Exit(status) => Said::new(format_args!("ends with status {status}")),
        child::End::Signal(_) => match captured.stderr.as_str().lines().last() {
            Some(line) => Said::new(format_args!("dies: {line}")),
            None => Said::new("dies"),
        },
    };
    Ok(said)
}

/// Whether the kernel, or the emulator, tells which pages of a stack were touched.
pub fn can_measure() -> bool {
    let named = |path: &&Path| path.name == "spawn_measured";
    let Some(path) = paths::PATHS.iter().find(named) else {
        return false;
    };
    observe(path, Driver::Record, false, 0).is_ok_and(|said| said == Said::works())
}

/// Lets `each` see every call and error of a path where it fails `when`, with its rule.
///
/// # Errors
/// If the path does not work, or a rule is missing.
pub fn each_cell(
    path: &'static Path,
    when: When,
    mut each: impl FnMut(Cell, &'static Rule),
) -> Result<(), Complaint> {
    let inventory = inventory(path)?;
    for Made { call, .. } in inventory.iter() {
        for errno in call
            .answers()
            .filter(|&errno| is_orderable(errno, call, when))
        {
            let cell = Cell { call, errno, when };
            let rule = rules::find(path, cell)
                .ok_or_else(|| Complaint::new(format_args!("{}: no rule for {cell}", path.name)))?;
            if !rule.outcome.is_empty() {
                each(cell, rule);
            }
        }
    }
    Ok(())
}
