//! `cargo xtask failures`: what comes of every system call that fails, as a table.
//!
//! The suite's `failures_probe` makes each call fail through the seam and says what came of it and
//! why. This verb writes that as `tests/failures/TARGET.md`, or compares it with what is there. On
//! this machine's own CPU it also makes the calls fail from outside (`outside`), and compares what
//! comes of that with the same rules. Each failure is a case.

mod outside;
mod table;

use crate::build::{self, Build};
use crate::guest::Guest;
use crate::tally::Tally;
use crate::targets::{self, Profile, Runner, Target};
use crate::{setup, toolchain};
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

pub use outside::TRACER;

/// The suite program that makes calls fail.
const PROBE: &str = "failures_probe";

/// Of which targets the tables are.
#[derive(Args, Debug)]
pub struct Options {
    /// Targets' names with commas between them
    #[arg(long, value_delimiter = ',', default_value = "x86_64,mips",
        value_parser = targets::parse_arch)]
    pub arch: Vec<String>,
    /// Write the tables, instead of comparing them
    #[arg(long)]
    pub write: bool,
}

impl Options {
    /// What `ci` compares: this CPU, and one with 32 bits, the other byte order and old calls.
    pub fn compared() -> Self {
        Self {
            arch: vec!["x86_64".into(), "mips".into()],
            write: false,
        }
    }
}

/// Runs the verb and returns the tally; the caller prints it as the last line.
pub fn run(options: &Options) -> Result<Tally> {
    let mut tally = Tally::default();
    for arch in &options.arch {
        for target in targets::select(arch)? {
            setup::ensure(&[target])?;
            tally += one(target, options.write)?;
        }
    }
    Ok(tally)
}

fn one(target: &'static Target, is_written: bool) -> Result<Tally> {
    let started = Instant::now();
    let (mode, profile) = target
        .builds
        .iter()
        .copied()
        .find(|(_, profile)| *profile == Profile::Release)
        .with_context(|| format!("{} has no release build", target.name))?;
    let build = Build {
        target,
        mode,
        profile,
    };
    let mut command = toolchain::cargo("build", target, mode, true)?;
    command.args(["--profile", "release", "--package", "suite", "--bin", PROBE]);
    build::run_cargo(command, build::LIMIT)?;
    let guest = Guest::suite(build, PROBE, None);
    let cells = table::read(&ask(&guest, "table")?)?;
    let mut tally = Tally {
        passed: cells.iter().map(table::Section::count).sum(),
        ..Tally::default()
    };
    let text = table::write(target.name, &cells);
    let path = path_of(target);
    if is_written {
        let folder = path.parent().context("a folder of tables")?;
        fs::create_dir_all(folder)?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    } else if fs::read_to_string(&path).ok().as_deref() != Some(&text) {
        println!(
            "FAIL {} is out of date: run `cargo xtask failures --arch {} --write` and look at the \
             difference",
            path.display(),
            target.name
        );
        tally.failed += 1;
    }
    report(target, "through the seam", tally, started);
    if target.runner() == Runner::Native {
        let started = Instant::now();
        let seen = outside::run(&guest, &ask(&guest, "calls")?)?;
        report(target, "from outside", seen, started);
        tally += seen;
    }
    Ok(tally)
}

fn report(target: &Target, how: &str, tally: Tally, started: Instant) {
    let word = if tally.failed == 0 { "ok" } else { "FAILED" };
    println!(
        "{word:6} {:11} failures {how:24} {:5} cases {:6.1} s",
        target.name,
        tally.passed + tally.failed,
        started.elapsed().as_secs_f32()
    );
}

/// Where a target's table is.
fn path_of(target: &Target) -> PathBuf {
    let folder = toolchain::root().join("tests/failures");
    folder.join(target.name).with_extension("md")
}

/// Runs the probe; what it complains of is the error.
fn ask(guest: &Guest, what: &str) -> Result<String> {
    let finished = guest.run(&[what], b"")?;
    ensure!(
        finished.ended.code() == Some(0),
        "{PROBE} {what}: {}\n{}\n{}",
        finished.ended.describe(),
        String::from_utf8_lossy(&finished.stderr),
        String::from_utf8_lossy(&finished.stdout)
            .lines()
            .last()
            .unwrap_or_default()
    );
    String::from_utf8(finished.stdout).context("the probe's output is no text")
}
