//! Paths whose calls are made to fail by somebody else than the seam: the kernel, by a filter, or a
//! tracer.

use threadbare::seam;
use threadbare::thread::{self, CacheLimits};

use super::paths::{self, Kind, Path};
use super::rules::When;
use super::window::{self, Driver, Window};
use super::{Cell, Complaint, Extent, Holdings, Said, each_cell};
use crate::{child, kernel};

/// Runs the cells of a path in children whose calls the kernel refuses, by a filter; returns how
/// many.
///
/// # Errors
/// The first thing that was not as the rules say.
pub fn run_filtered(path: &'static Path, extent: Extent) -> Result<u32, Complaint> {
    let mut result = Ok(0);
    let mut last = None;
    each_cell(path, When::Always, |cell, rule| {
        // A call's errors come one after the other, and what a rule is about mostly does.
        let this = Some((cell.call.nr, core::ptr::from_ref(rule)));
        let is_known = core::mem::replace(&mut last, this) == this;
        if let Ok(count) = result
            && !(is_known && extent == Extent::EachRule)
        {
            let run = filtered(path, cell, &rule.expected(cell.errno));
            result = run.map(|()| count + 1);
        }
    })?;
    result
}

/// The child compares for itself: it may be unable to say what it saw.
fn filtered(path: &Path, cell: Cell, expected: &Said) -> Result<(), Complaint> {
    const OTHERWISE: i32 = 1;
    let (nr, errno) = (cell.call.nr, cell.errno);
    let end = child::run(|| {
        child::no_core_file();
        let (_lost, to) = kernel::pipe();
        kernel::redirect(1, &to);
        kernel::redirect(2, &to);
        thread::set_cache_limits(CacheLimits::OFF);
        seam::prepare_for_fork();
        let window = Window::new(Driver::Filter { nr, errno });
        let said = (path.run)(&window);
        let status = if said == *expected { 0 } else { OTHERWISE };
        seam::sys::task::exit_process(status)
    });
    let is_right = match (path.kind, expected.as_str()) {
        (_, "dies") => matches!(end, child::End::Signal(_)),
        (_, said) if said.starts_with("dies: ") => matches!(end, child::End::Signal(_)),
        (_, "ends with status 134") => end == child::End::Exit(134),
        (Kind::Ends(status), _) => end == child::End::Exit(status),
        (Kind::Aborts, _) => end == child::End::Signal(6),
        _ => end == child::End::Exit(0),
    };
    if is_right {
        return Ok(());
    }
    Err(Complaint::new(format_args!(
        "{}: {cell}, by a filter: {end:?}, not {:?}",
        path.name,
        expected.as_str()
    )))
}

/// Runs a path for somebody who looks on from outside, between two marks; says how many mappings
/// stay behind, if any do.
///
/// Where it is `close` that fails, what stays open is closed: a kernel would have.
///
/// # Errors
/// If there is no such path, or something else is left behind.
pub fn run_outside(name: &str, refused: Option<&str>) -> Result<Said, Complaint> {
    let path = paths::PATHS.iter().find(|path| path.name == name);
    let path = path.ok_or_else(|| Complaint::new(format_args!("there is no path `{name}`")))?;
    window::counters();
    thread::set_cache_limits(CacheLimits::OFF);
    // What only the first thread asks for is looked at where that is the path.
    seam::prepare_for_fork();
    let before = Holdings::now();
    let said = (path.run)(&Window::new(Driver::Outside));
    thread::set_cache_limits(CacheLimits::OFF);
    if refused == Some("close") {
        before.close_what_is_above();
    }
    for mappings in [0, 2] {
        // A thread that unmaps itself may still be at it.
        for _ in 0..1000 {
            if path.kind == Kind::Parks || Holdings::now().is_as(&before, mappings) {
                return Ok(said.leaving(mappings));
            }
            kernel::let_others_run();
        }
    }
    Err(before.left_behind(&Holdings::now()))
}
