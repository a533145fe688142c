//! Checks what the examples print, from outside, as their reader would.
//!
//! One entry per file in `examples/`: a function that runs the built example as often as it likes
//! and returns its cases. A check of any size has a file of its own below `examples/`: declare it
//! here with `mod NAME;` and enter `("NAME", NAME::check)` in the table.

pub mod httpd;
mod wc;

use crate::case::{Case, claim};
use crate::guest::Guest;
use anyhow::Result;

/// A function that judges one example.
pub type Check = fn(&Guest) -> Vec<Case>;

/// The examples and their checks.
pub const TABLE: &[(&str, Check)] = &[
    ("hello", hello),
    ("init", init),
    ("spawn_join", spawn_join),
    ("wc", wc::check),
];

/// The examples that take no time to build and to check, which is done for every target; the others
/// are for the thorough ones.
pub const SHORT: &[&str] = &["hello", "init", "spawn_join"];

/// Returns the examples that have no check: each is a failed case, since nothing would run them.
pub fn unchecked(programs: &[String]) -> Vec<String> {
    let known = |program: &String| TABLE.iter().any(|(name, _)| name == program);
    programs
        .iter()
        .filter(|program| !known(program))
        .cloned()
        .collect()
}

fn hello(guest: &Guest) -> Vec<Case> {
    vec![Case::new(
        "hello_prints_its_line",
        prints(guest, &[], b"", "Hello, world!\n"),
    )]
}

/// That it does what it is for is seen where it is PID 1: `cargo xtask boot --init init`.
fn init(guest: &Guest) -> Vec<Case> {
    let refuses = || {
        let finished = guest.run(&[], b"").map_err(|error| format!("{error:#}"))?;
        let told = "init: it is not PID 1, and leaves the machine alone\n";
        let right = finished.stdout.is_empty()
            && finished.stderr == told.as_bytes()
            && finished.ended.code() == Some(2);
        claim(right, || {
            format!(
                "{}; stderr {:?}",
                finished.ended.describe(),
                String::from_utf8_lossy(&finished.stderr)
            )
        })
    };
    vec![Case::new("init_is_for_pid_1_alone", refuses())]
}

fn spawn_join(guest: &Guest) -> Vec<Case> {
    vec![Case::new(
        "spawn_join_prints_the_answer",
        prints(guest, &[], b"", "the answer is 42\n"),
    )]
}

/// Requires that the program, given `args` and `input`, prints exactly `stdout`, nothing on
/// standard error, and exits with 0.
pub fn prints(guest: &Guest, args: &[&str], input: &[u8], stdout: &str) -> Result<(), String> {
    let finished = guest
        .run(args, input)
        .map_err(|error| format!("{error:#}"))?;
    let right = finished.stdout == stdout.as_bytes()
        && finished.stderr.is_empty()
        && finished.ended.code() == Some(0);
    claim(right, || {
        format!(
            "wanted exit status 0 and exactly {stdout:?};\n{}; stdout {:?}; stderr {:?}",
            finished.ended.describe(),
            String::from_utf8_lossy(&finished.stdout),
            String::from_utf8_lossy(&finished.stderr),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_without_a_check_is_told() {
        assert_eq!(unchecked(&["hello".into(), "new".into()]), ["new"]);
    }
}
