//! Runs the models of the locks, and their mutants (package `suite-models`), and counts what they
//! say.

use crate::build;
use crate::process::{self, Ended};
use crate::tally::Tally;
use crate::toolchain;
use anyhow::Result;
use std::process::Command;
use std::time::{Duration, Instant};

const BUILD_LIMIT: Duration = Duration::from_secs(10 * 60);
/// Five minutes is what all of it may take on two CPUs.
const LIMIT: Duration = Duration::from_secs(5 * 60);

/// Runs the models and mutants whose names contain `filter`; prints one line about them.
pub fn run(filter: Option<&str>) -> Result<Tally> {
    let mut command = toolchain::host_cargo();
    command.args(["build", "--profile", "models", "--package", "suite-models"]);
    build::run_cargo(command, BUILD_LIMIT)?;
    let mut command = Command::new(toolchain::root().join("target/models/models"));
    command.args(filter);
    let shown = process::show(&command);
    let started = Instant::now();
    let finished = process::capture(command, b"", LIMIT)?;
    let text = String::from_utf8_lossy(&finished.stdout);
    let tally = judge(&text, finished.ended, filter.is_some());
    let word = if tally.failed == 0 { "ok" } else { "FAILED" };
    let seconds = started.elapsed().as_secs_f32();
    if tally.passed + tally.failed > 0 {
        println!(
            "{word:6} {:22} {:24} {:4} cases {seconds:6.1} s",
            "host", "models", tally.passed
        );
    }
    if tally.failed > 0 {
        for line in text.lines().filter(|line| !line.starts_with("ok ")) {
            println!("  {line}");
        }
        println!("       ended with: {}", finished.ended.describe());
        println!("       repeat it with:\n  {shown}");
    }
    Ok(tally)
}

/// Counts the lines. A run that did not come to its end, or ran nothing, fails.
fn judge(text: &str, ended: Ended, is_filtered: bool) -> Tally {
    let count = |word: &str| text.lines().filter(|line| line.starts_with(word)).count();
    let mut tally = Tally {
        passed: count("ok "),
        failed: count("FAIL "),
        ..Tally::default()
    };
    let plan = format!("end {}", tally.passed + tally.failed);
    let is_whole = text.lines().last() == Some(&*plan) && ended.code() == Some(0);
    if !is_whole || (tally.passed == 0 && !is_filtered) {
        tally.failed = tally.failed.max(1);
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    fn failed(text: &str, code: i32, is_filtered: bool) -> usize {
        let ended = Ended::By(ExitStatus::from_raw(code << 8));
        judge(text, ended, is_filtered).failed
    }

    #[test]
    fn whole_runs_without_failures_pass() {
        assert_eq!(failed("ok a\nok b\nend 2\n", 0, false), 0);
        assert_eq!(failed("end 0\n", 0, true), 0);
    }

    #[test]
    fn failures_and_runs_that_break_off_fail() {
        assert_eq!(failed("ok a\nFAIL b why\nend 2\n", 0, false), 1);
        assert_eq!(failed("ok a\n", 0, false), 1);
        assert_eq!(failed("ok a\nend 2\n", 0, false), 1);
        assert_eq!(failed("ok a\nend 1\n", 1, false), 1);
        assert_eq!(failed("end 0\n", 0, false), 1);
    }
}
