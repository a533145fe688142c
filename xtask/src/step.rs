//! Reports cases that belong to no target: what this tool builds and runs on the host by itself.

use crate::case::Case;
use crate::tally::Tally;
use std::time::Instant;

/// Prints one line about `cases` and each failure in full; returns the counts.
pub fn report(title: &str, cases: &[Case], started: Instant) -> Tally {
    let failures: Vec<_> = cases
        .iter()
        .filter_map(|case| Some((&case.name, case.outcome.as_ref().err()?)))
        .collect();
    let word = if failures.is_empty() { "ok" } else { "FAILED" };
    let (count, seconds) = (cases.len(), started.elapsed().as_secs_f32());
    println!(
        "{word:6} {:22} {title:24} {count:4} cases {seconds:6.1} s",
        "host"
    );
    for (name, message) in &failures {
        println!(
            "  FAIL {name} {}",
            message.trim_end().replace('\n', "\n  | ")
        );
        println!("  repeat it with:\n  cargo xtask test --arch host --filter '{name}'");
    }
    Tally {
        passed: count - failures.len(),
        failed: failures.len(),
        skipped: 0,
    }
}
