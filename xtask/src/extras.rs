//! The library with its features that are off by default, built and run on the host.
//!
//! Two programs. `extras` uses the crates that the library implements something of: without the
//! feature `threads`, with it, and with `lock-debug` besides. `lock-debug` shows what that feature
//! says before a program dies.

use crate::build;
use crate::case::{Case, claim};
use crate::process::{self, Finished};
use crate::step;
use crate::tally::Tally;
use crate::targets::{self, LinkMode, Profile, Target};
use crate::toolchain;
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

const RUN_LIMIT: Duration = Duration::from_secs(60);
const MODE: LinkMode = LinkMode::Pie;

/// The claims of `extras` that hold without threads, too.
const ALONE: &[&str] = &[
    "raw_mutex_is_held_by_one",
    "raw_rwlock_has_readers_or_a_writer",
    "writer_becomes_a_reader",
    "critical_sections_nest",
    "yielding_lock_is_taken",
];
/// Those of several threads.
const MANY: &[&str] = &[
    "guards_may_be_sent",
    "lock_api_counts_right",
    "critical_section_excludes_threads",
    "inner_end_keeps_the_outer_section",
    "yielding_lock_counts_right",
    "waiting_writer_is_no_writer",
];

/// The claims of `lock-debug` that end with status 0.
const GOES_ON: &[&str] = &["what_is_allowed_goes_on", "lock_left_behind_is_nobodys"];
/// Those that end by SIGABRT, and the message. `{0}` is the first line that the run has written,
/// and so on: the locks' addresses.
const DIES: &[(&str, &str)] = &[
    (
        "second_lock_dies",
        "thread 'worker' (id 2) locks the mutex at {0}, which it holds already",
    ),
    (
        "lock_after_a_wait_dies",
        "thread 'main' (id 1) locks the mutex at {0}, which it holds already",
    ),
    (
        "second_write_dies",
        "thread 'main' (id 1) wants to write the read-write lock at {0}, which it holds already",
    ),
    (
        "read_of_a_writer_dies",
        "thread 'main' (id 1) wants to read the read-write lock at {0}, which it holds already",
    ),
    (
        "write_of_a_reader_dies",
        "thread 'main' (id 1) wants to write the read-write lock at {0}, which it reads already",
    ),
    (
        "write_after_a_downgrade_dies",
        "thread 'main' (id 1) wants to write the read-write lock at {0}, which it reads already",
    ),
    ("own_join_dies", "thread 'worker' (id 2) joins itself"),
    (
        "wait_with_two_mutexes_dies",
        "thread 'main' (id 1) waits for the condition variable at {0} with the mutex at {1}, while \
         others wait with the one at {2}; the last was thread 'first' (id 2)",
    ),
];

/// Runs the cases whose names contain `filter`; prints one line about them.
pub fn run(filter: Option<&str>) -> Result<Tally> {
    let started = Instant::now();
    let target = targets::select("host")?[0];
    let mut cases = Vec::new();
    for &profile in Profile::TESTED {
        for (features, claims) in [
            ("", &[ALONE][..]),
            ("threads", &[ALONE, MANY]),
            ("lock-debug", &[ALONE, MANY]),
        ] {
            let label = if features.is_empty() {
                "alone"
            } else {
                features
            };
            let claims = claims.concat().into_iter();
            let claims = claims.map(|name| (name, format!("extras/{name}_{label}_{profile}")));
            let wanted = chosen(claims, filter);
            if wanted.is_empty() {
                continue;
            }
            let program = build(target, profile, features, "extras")?;
            for (argument, name) in wanted {
                let judged = finish(&program, argument).and_then(|finished| quiet(&finished));
                cases.push(Case::new(name, judged));
            }
        }
        let deaths = DIES.iter().map(|(name, _)| *name);
        let claims = GOES_ON.iter().copied().chain(deaths);
        let claims = claims.map(|name| (name, format!("extras/lock_debug_{name}_{profile}")));
        let wanted = chosen(claims, filter);
        if wanted.is_empty() {
            continue;
        }
        let program = build(target, profile, "lock-debug", "lock-debug")?;
        for (argument, name) in wanted {
            let message = DIES.iter().find(|(death, _)| *death == argument);
            let judged = finish(&program, argument).and_then(|finished| match message {
                None => quiet(&finished),
                Some((_, message)) => died(&finished, message),
            });
            cases.push(Case::new(name, judged));
        }
    }
    if cases.is_empty() && filter.is_some() {
        return Ok(Tally::default());
    }
    Ok(step::report("features off by default", &cases, started))
}

/// The claims whose cases' names contain `filter`.
fn chosen<'a>(
    claims: impl Iterator<Item = (&'a str, String)>,
    filter: Option<&str>,
) -> Vec<(&'a str, String)> {
    claims
        .filter(|(_, name)| filter.is_none_or(|filter| name.contains(filter)))
        .collect()
}

/// Builds a program with these features, and returns where it is until the next build.
fn build(
    target: &'static Target,
    profile: Profile,
    features: &str,
    program: &str,
) -> Result<PathBuf> {
    let mut command = toolchain::cargo("build", target, MODE, false)?;
    command
        .args(["--package", "suite-extras", "--profile"])
        .arg(profile.to_string())
        .args(["--features", features, "--bin", program]);
    build::run_cargo(command, build::LIMIT)?;
    let directory = toolchain::target_dir(target, MODE).join(target.triple);
    Ok(directory.join(profile.directory()).join(program))
}

fn finish(program: &PathBuf, argument: &str) -> Result<Finished, String> {
    let mut command = Command::new(program);
    command.arg(argument);
    process::capture(command, b"", RUN_LIMIT).map_err(|error| format!("{error:#}"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Whether a run ended with status 0 and had nothing to say.
fn quiet(finished: &Finished) -> Result<(), String> {
    claim(
        finished.ended.code() == Some(0) && finished.output.is_empty(),
        || {
            format!(
                "{}; it wrote {:?}",
                finished.ended.describe(),
                text(&finished.output)
            )
        },
    )
}

/// Whether a run died by SIGABRT with this message.
fn died(finished: &Finished, message: &str) -> Result<(), String> {
    let (ended, stderr) = (finished.ended.describe(), text(&finished.stderr));
    let wanted = filled(message, &text(&finished.stdout))?;
    claim(ended == "killed by signal 6" && stderr == wanted, || {
        format!("{ended}; it wrote {stderr:?} to standard error, and not {wanted:?}")
    })
}

/// The whole of standard error: the message, with the lines of standard output in their places.
fn filled(message: &str, stdout: &str) -> Result<String, String> {
    let mut wanted = format!("threadbare: {message}\n");
    for (place, line) in stdout.lines().enumerate() {
        let place = format!("{{{place}}}");
        claim(wanted.contains(&place), || {
            format!("no place for {line:?} in {message:?}")
        })?;
        wanted = wanted.replace(&place, line);
    }
    claim(!wanted.contains('{'), || {
        format!("it wrote {stdout:?}, too few addresses for {message:?}")
    })?;
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_its_place() {
        let wanted = filled("a {0} b {1}", "0x1\n0x2\n");
        assert_eq!(wanted.as_deref(), Ok("threadbare: a 0x1 b 0x2\n"));
        assert!(filled("a {0} b {1}", "0x1\n").is_err());
        assert!(filled("a", "0x1\n").is_err());
        assert!(filled("a {0}", "").is_err());
    }
}
