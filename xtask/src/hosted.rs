//! Runs the host tests (package `suite-hosted`) and our own, and counts what libtest says.

use crate::process::{self, Ended};
use crate::tally::Tally;
use crate::toolchain;
use anyhow::Result;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(30 * 60);

/// Runs the host tests whose names contain `filter` and prints one line about them.
pub fn run(filter: Option<&str>) -> Result<Tally> {
    let mut command = toolchain::host_cargo();
    command
        .args(["test", "--package", "suite-hosted", "--package", "xtask"])
        .arg("--no-fail-fast")
        .args(filter);
    command.env("CARGO_TERM_PROGRESS_WHEN", "never");
    let shown = process::show(&command);
    let started = Instant::now();
    let finished = process::capture(command, b"", LIMIT)?;
    let text = String::from_utf8_lossy(&finished.output);
    let tally = judge(&text, finished.ended, filter.is_some());
    let word = if tally.failed == 0 { "ok" } else { "FAILED" };
    let seconds = started.elapsed().as_secs_f32();
    println!(
        "{word:6} {:22} {:24} {:4} cases {seconds:6.1} s",
        "host", "hosted", tally.passed
    );
    if tally.failed > 0 {
        println!("{text}\n       ended with: {}", finished.ended.describe());
        println!("       repeat it with:\n  {shown}");
    }
    Ok(tally)
}

/// Adds up the `test result:` lines. An ignored test counts as failed: nothing is skipped here.
fn judge(text: &str, ended: Ended, filtered: bool) -> Tally {
    let mut tally = Tally::default();
    for line in text.lines() {
        let Some((_, counts)) = line.trim().split_once("test result: ") else {
            continue;
        };
        for part in counts.split([';', '.']) {
            let mut words = part.split_whitespace();
            let (Some(number), Some(what)) = (words.next(), words.next()) else {
                continue;
            };
            let Ok(number) = number.parse::<usize>() else {
                continue;
            };
            match what {
                "passed" => tally.passed += number,
                "failed" | "ignored" => tally.failed += number,
                _ => {}
            }
        }
    }
    if ended.code() != Some(0) || (tally.passed == 0 && !filtered) {
        tally.failed = tally.failed.max(1);
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    const LINE: &str = "test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; \
                        2 filtered out; finished in 0.00s\n";

    fn exit(code: i32) -> Ended {
        Ended::By(ExitStatus::from_raw(code << 8))
    }

    #[test]
    fn result_lines_are_added_up() {
        let tally = judge(&format!("{LINE}noise\n{LINE}"), exit(0), false);
        assert_eq!(
            tally,
            Tally {
                passed: 10,
                failed: 0,
                skipped: 0
            }
        );
    }

    #[test]
    fn failed_and_ignored_tests_fail() {
        let text = LINE
            .replace("0 failed", "2 failed")
            .replace("0 ignored", "1 ignored");
        assert_eq!(judge(&text, exit(101), false).failed, 3);
    }

    #[test]
    fn a_build_that_breaks_and_a_run_without_tests_fail() {
        assert_eq!(
            judge("error: could not compile", exit(101), false).failed,
            1
        );
        assert_eq!(judge("", exit(0), false).failed, 1);
        assert_eq!(judge("", exit(0), true).failed, 0);
    }
}
