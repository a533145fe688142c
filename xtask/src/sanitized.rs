//! The locks' algorithms under ThreadSanitizer (package `suite-sanitized`), where the compiler has
//! its runtime.

use crate::build;
use crate::case::{Case, claim};
use crate::process;
use crate::step;
use crate::tally::Tally;
use crate::toolchain;
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const RUN_LIMIT: Duration = Duration::from_secs(60);

/// What the compiler must instrument: all but the standard library, which is built without.
const FLAGS: &str = "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer";

/// The cases that must pass.
const CASES: &[&str] = &[
    "mutex",
    "condvar",
    "rwlock",
    "semaphore",
    "reset_event",
    "wait_group",
    "once_and_lazy",
    "barrier",
    "channels",
];

/// The one that must be found.
const RACE: &str = "race";

/// The status of a program in which the sanitizer found something.
const FOUND: i32 = 66;

/// Runs the cases whose names contain `filter`; prints one line about them.
pub fn run(filter: Option<&str>) -> Result<Tally> {
    let started = Instant::now();
    let full_name = |case: &str| format!("sanitized/{case}");
    let wanted: Vec<_> = CASES
        .iter()
        .chain([&RACE])
        .filter(|case| filter.is_none_or(|filter| full_name(case).contains(filter)))
        .collect();
    if wanted.is_empty() {
        return Ok(Tally::default());
    }
    let Some(triple) = triple()? else {
        let skipped = wanted.len();
        println!(
            "skip   {skipped} cases under ThreadSanitizer: the compiler has no runtime of it here"
        );
        return Ok(Tally {
            skipped,
            ..Tally::default()
        });
    };
    let program = build(&triple)?;
    let cases: Vec<_> = wanted
        .into_iter()
        .map(|case| Case::new(full_name(case), judge(&program, case)))
        .collect();
    Ok(step::report("sanitized", &cases, started))
}

/// The host's triple, if the compiler has the sanitizer's runtime for it.
fn triple() -> Result<Option<String>> {
    let mut question = toolchain::host_rustc();
    question.args(["--print", "host-tuple"]);
    let triple = process::ask(question)?;
    let mut question = toolchain::host_rustc();
    question.args(["--print", "target-libdir"]);
    let libraries = process::ask(question)?;
    Ok(has_runtime(Path::new(&libraries)).then_some(triple))
}

fn has_runtime(libraries: &Path) -> bool {
    let is_it = |name: &str| name.starts_with("librustc") && name.ends_with("_rt.tsan.a");
    fs::read_dir(libraries).is_ok_and(|files| {
        files
            .flatten()
            .any(|file| file.file_name().to_str().is_some_and(is_it))
    })
}

/// Builds the program and returns where it is.
fn build(triple: &str) -> Result<PathBuf> {
    let directory = toolchain::root().join("target/xtask/sanitized");
    let mut command = toolchain::host_cargo();
    // With a target named, what runs at build time is not instrumented.
    command
        .args(["build", "--profile", "models", "--package"])
        .args(["suite-sanitized", "--target", triple, "--target-dir"])
        .arg(&directory)
        .env("RUSTFLAGS", FLAGS)
        .env("RUSTC_BOOTSTRAP", "1");
    build::run_cargo(command, build::LIMIT)?;
    Ok(directory.join(triple).join("models/sanitized"))
}

fn judge(program: &Path, case: &str) -> Result<(), String> {
    let known = toolchain::root().join("tests/sanitized/suppressions.txt");
    let options = format!("halt_on_error=1 suppressions={}", known.display());
    let mut command = Command::new(program);
    command.arg(case).env("TSAN_OPTIONS", options);
    let shown = process::show(&command);
    let finished = process::capture(command, b"", RUN_LIMIT).map_err(|e| format!("{e:#}"))?;
    let said = String::from_utf8_lossy(&finished.output);
    let is_right = match finished.ended.code() {
        Some(FOUND) => case == RACE && said.contains("ThreadSanitizer: data race"),
        code => case != RACE && code == Some(0),
    };
    let ended = finished.ended.describe();
    claim(is_right, || format!("`{shown}`: {ended}\n{said}"))
}
