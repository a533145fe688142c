//! Calls that fail from outside: strace answers in the kernel's place (`-e inject`).
//!
//! The program does not know: it is the optimised one, and what it meets is what a kernel or a
//! tracer makes it meet. A first run without failures counts each thread's calls up to the window
//! in which the path does its one thing; a call that the seam's inventory does not have is a
//! failure. Then the first call in the window fails.

use crate::build;
use crate::guest::Guest;
use crate::process::{self, Ended};
use crate::tally::Tally;
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// The tool, and the Debian package that carries it.
pub const TRACER: &str = "strace";
/// How long a run may take that hangs.
const LIMIT: Duration = Duration::from_secs(20);
/// The mark on both sides of a window: `suite::failures::window::MARK`.
const MARK: &str = "close(-77";
/// Calls in windows that are not the runtime's: what the suite waits by.
const SUITES_OWN: &[&str] = &["close", "sched_yield"];
/// And what it lets other threads of one path sleep by.
const SLEEPERS: (&str, &str) = ("spawn_the_sixty_fifth", "futex");
/// What no seam sees: the code that unmaps its own stack makes its calls by itself.
const UNSEEN: &[Unseen] = &[
    Unseen {
        path: "end_of_detached",
        call: "munmap",
        errors: &["EINVAL", "ENOMEM", "EINTR", "EAGAIN", "ENOSYS", "EPERM"],
        expected: "works leaving a mapping",
    },
    Unseen {
        path: "end_of_detached",
        call: "exit",
        errors: &["EINTR", "EAGAIN", "ENOMEM", "ENOSYS", "EPERM"],
        expected: "dies",
    },
    // Every program's first call, which is no wrapper's.
    Unseen {
        path: "start",
        call: "arch_prctl",
        errors: &["EFAULT", "EINVAL", "ENODEV", "EPERM", "ENOSYS"],
        expected: "dies",
    },
];
/// Paths in which two threads make their first call of `futex`: strace refuses both.
const TWO_SIDES: &[&str] = &["park"];

struct Unseen {
    path: &'static str,
    call: &'static str,
    errors: &'static [&'static str],
    expected: &'static str,
}

/// One failure to come.
#[derive(Clone, Debug)]
struct Failure {
    call: String,
    error: String,
    expected: String,
}

/// Makes all of `calls` fail, which the probe wrote; each is a case.
pub fn run(guest: &Guest, calls: &str) -> Result<Tally> {
    let folder = crate::toolchain::root().join("target/xtask/failures");
    fs::create_dir_all(&folder)?;
    let mut paths: BTreeMap<String, Vec<Failure>> = BTreeMap::new();
    for line in calls.lines() {
        match line.split('\t').collect::<Vec<_>>()[..] {
            [path] => {
                paths.entry(path.to_owned()).or_default();
            }
            [path, call, error, expected] => {
                let failure = Failure {
                    call: traced_name(call).to_owned(),
                    error: error.to_owned(),
                    expected: expected.to_owned(),
                };
                paths.entry(path.to_owned()).or_default().push(failure);
            }
            _ => bail!("the probe's line is not understood: {line}"),
        }
    }
    for unseen in UNSEEN {
        let failures = paths
            .get_mut(unseen.path)
            .with_context(|| format!("there is no path {}", unseen.path))?;
        failures.extend(unseen.errors.iter().map(|&error| Failure {
            call: unseen.call.to_owned(),
            error: error.to_owned(),
            expected: unseen.expected.to_owned(),
        }));
    }
    let paths: Vec<_> = paths.into_iter().collect();
    let results = build::in_parallel(&paths, 2, |(path, failures)| {
        one_path(guest, &folder, path, failures)
    });
    let mut tally = Tally::default();
    let mut complaints = Vec::new();
    for result in results {
        let (passed, wrong) = result?;
        tally.passed += passed;
        tally.failed += wrong.len();
        complaints.extend(wrong);
    }
    for complaint in complaints {
        println!("  FAIL {complaint}");
    }
    Ok(tally)
}

/// The kernel's name on this CPU of a call that has 64-bit seconds everywhere here.
fn traced_name(call: &str) -> &str {
    match call {
        "clock_gettime64" => "clock_gettime",
        other => other.strip_suffix("_time64").unwrap_or(other),
    }
}

/// Runs all failures of a path; returns how many went right, and what did not.
fn one_path(
    guest: &Guest,
    folder: &Path,
    path: &str,
    failures: &[Failure],
) -> Result<(usize, Vec<String>)> {
    let log = folder.join(path).with_extension("strace");
    let clean = record(guest, &log, path)?;
    let mut wrong = Vec::new();
    let mut passed = 0;
    let is_listed = |call: &String| {
        SUITES_OWN.contains(&call.as_str())
            || SLEEPERS == (path, call.as_str())
            || failures.iter().any(|failure| failure.call == *call)
    };
    for call in clean.keys().filter(|call| !is_listed(call)) {
        wrong.push(format!("{path}: calls {call}, which the seam did not see"));
    }
    // Where there is no error, another path looks at the call.
    for failure in failures.iter().filter(|failure| !failure.error.is_empty()) {
        let Some(nth) = clean.get(&failure.call) else {
            wrong.push(format!("{path}: does not call {} here", failure.call));
            continue;
        };
        let inject = format!("inject={}:error={}:when={nth}", failure.call, failure.error);
        let trace = format!("trace={}", failure.call);
        let seen = traced(guest, &["-e", &trace, "-e", &inject], path, &failure.call)?;
        let expected = match failure.call.as_str() {
            "futex" if TWO_SIDES.contains(&path) => "dies",
            _ => failure.expected.as_str(),
        };
        if seen == expected || expected == "dies" && seen.starts_with("dies") {
            passed += 1;
        } else {
            wrong.push(format!(
                "{path}: {} answers {}: {seen:?}, not {expected:?}; repeat it with:\n    \
                 strace -f -e '{inject}' {} {path}",
                failure.call,
                failure.error,
                guest.path.display()
            ));
        }
    }
    Ok((passed, wrong))
}

/// Runs a path undisturbed; returns for each call in its window how many calls the same thread had
/// made of it by then, itself included: strace counts for each thread.
fn record(guest: &Guest, log: &Path, path: &str) -> Result<BTreeMap<String, u32>> {
    let log_name = log.display().to_string();
    let mut command = Command::new(TRACER);
    command.args(["-f", "-qq", "-o", &log_name]);
    command.arg(&guest.path).arg(path);
    let seen = said(path, &process::capture(command, b"", LIMIT)?);
    ensure!(seen == "works", "{path}: traced, and undisturbed: {seen}");
    let text = fs::read_to_string(log).with_context(|| format!("no file {log_name}"))?;
    let in_window = window_of(&text);
    ensure!(in_window.is_some(), "{path}: no window in {log_name}");
    Ok(in_window.unwrap_or_default())
}

/// Finds the calls between the marks of a tracer's log.
fn window_of(log: &str) -> Option<BTreeMap<String, u32>> {
    let mut counts: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let mut in_window = BTreeMap::new();
    let mut marks = 0;
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let rest = rest.trim_start();
        // The second half of a call that took its time, a signal, an end.
        let Some((call, _)) = rest
            .split_once('(')
            .filter(|_| !rest.starts_with(['<', '-', '+']))
        else {
            continue;
        };
        let count = counts.entry((thread, call)).or_default();
        *count += 1;
        if rest.starts_with(MARK) {
            marks += 1;
        } else if marks == 1 {
            in_window.entry(call.to_owned()).or_insert(*count);
        }
    }
    (marks > 0).then_some(in_window)
}

/// Runs a path under a tracer with these arguments, and says what came of it.
fn traced(guest: &Guest, arguments: &[&str], path: &str, refused: &str) -> Result<String> {
    let mut command = Command::new(TRACER);
    command
        .args(["-f", "-qq", "-o", "/dev/null"])
        .args(arguments);
    command.arg(&guest.path).args([path, refused]);
    Ok(said(path, &process::capture(command, b"", LIMIT)?))
}

/// What a run came to, in the words of the suite's rules. strace ends as its program does.
fn said(path: &str, finished: &process::Finished) -> String {
    const SIGABRT: i32 = 6;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    match finished.ended {
        Ended::By(status) => match (status.code(), status.signal()) {
            (Some(33), _) if path == "exit_process" => "works".into(),
            (_, Some(SIGABRT)) if path == "abort" => "works".into(),
            // What was refused for good is tried once more at the end.
            (Some(0), _) => text(&finished.stdout)
                .lines()
                .next()
                .unwrap_or_default()
                .to_owned(),
            (Some(code), _) => format!("ends with status {code}"),
            _ => match text(&finished.stderr).lines().last() {
                Some(line) => format!("dies: {line}"),
                None => "dies".into(),
            },
        },
        other => other.describe(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_between_the_marks_are_counted_by_thread() {
        let log = "1  mmap(NULL) = 0\n1  close(-77) = -1 EBADF\n1  mmap(NULL <unfinished ...>\n\
                   2  exit(0) = ?\n1  <... mmap resumed>) = 1\n2  +++ exited with 0 +++\n\
                   1  --- SIGUSR1 {} ---\n1  close(-77) = -1 EBADF\n1  munmap(1) = 0\n";
        let window = window_of(log).unwrap();
        let expected = [("exit".to_owned(), 1), ("mmap".to_owned(), 2)];
        assert_eq!(window, BTreeMap::from(expected));
        assert!(window_of("1  mmap() = 0\n").is_none());
    }

    #[test]
    fn calls_have_the_names_of_this_cpu() {
        assert_eq!(traced_name("futex_time64"), "futex");
        assert_eq!(traced_name("clock_gettime64"), "clock_gettime");
        assert_eq!(traced_name("pread64"), "pread64");
    }
}
