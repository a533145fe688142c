//! `cargo xtask check`: what can be said about the sources without running anything.
//!
//! Every step runs even if one before it failed.

use crate::build::{self, LIMIT};
use crate::targets::{self, LinkMode, Target};
use crate::{docs, setup, symbols, tidy, toolchain};
use anyhow::{Context, Result, bail};
use clap::Args;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// What to check besides what is the same for all targets.
#[derive(Args, Debug)]
pub struct Options {
    /// Check the library for a target's name, `host`, or `all`
    #[arg(long, default_value = "host", value_parser = targets::parse_arch)]
    pub arch: String,
}

/// Runs formatting, lints, a check of the library for the chosen targets, and `tidy`.
pub fn run(options: &Options) -> Result<()> {
    let mut failed = Vec::new();
    step("tidy", &mut failed, || tidy::run(&toolchain::root()));
    step("format", &mut failed, || {
        cargo(&["fmt", "--all", "--check"]).map_err(|e| e.context("`cargo fmt --all` repairs it"))
    });
    step("clippy, host tools", &mut failed, || {
        let packages = [
            "--package",
            "xtask",
            "--package",
            "suite-hosted",
            "--package",
            "suite-heap",
            "--package",
            "beside-libc",
            "--all-targets",
        ];
        cargo(&[&["clippy"], &packages[..], DENY].concat())
    });
    let benches = ["--manifest-path", "benches/Cargo.toml"];
    step("format, benches", &mut failed, || {
        cargo(&[&["fmt", "--all", "--check"], &benches[..]].concat())
    });
    step("clippy, benches", &mut failed, || {
        let target = ["--target-dir", "target/xtask/bench/clippy"];
        // One program has a heap, for its channels. Built with it, the small ones would want one.
        let others = ["--workspace", "--exclude", "bench-ours"];
        let others = [&others[..], &["--features", "bench-small/everything"]].concat();
        for what in [
            &others[..],
            &["--package", "bench-ours"],
            &["--package", "bench-small", "--features", "threads"],
        ] {
            cargo(&[&["clippy"], &benches[..], &target, what, DENY].concat())?;
        }
        Ok(())
    });
    let host = targets::select("host")?[0];
    step("clippy, library and examples", &mut failed, || {
        let mut command = toolchain::cargo("clippy", host, LinkMode::Fixed, false)?;
        command
            .args(["--package", "threadbare", "--lib", "--examples"])
            .args(DENY);
        build::run_cargo(command, LIMIT)
    });
    step(
        "clippy, programs of other people's crates",
        &mut failed,
        || {
            // Unstable, as the programs are built: rustix's build script finds out what the
            // compiler can, and cargo keeps what it found for both.
            let mut command = toolchain::cargo("clippy", host, LinkMode::Fixed, true)?;
            command.args([
                "--package",
                "httpd",
                "--package",
                "suite-crates",
                "--no-deps",
            ]);
            command.args(DENY);
            build::run_cargo(command, LIMIT)
        },
    );
    step("the suite in one file", &mut failed, || {
        // Which no other step builds for this machine's own CPU.
        let mut command = toolchain::cargo("check", host, LinkMode::Fixed, true)?;
        command.args(["--package", "suite-whole"]);
        build::run_cargo(command, LIMIT)
    });
    step("clippy, each set of features", &mut failed, || {
        feature_sets(host)
    });
    step("symbols of each feature", &mut failed, || {
        symbols::check(host)
    });
    step("documentation", &mut failed, || {
        let mut command = toolchain::host_cargo();
        command
            .args(["doc", "--no-deps", "--package", "threadbare"])
            .env("RUSTDOCFLAGS", "-Dwarnings");
        build::run_cargo(command, LIMIT)
    });
    step(
        "an example for each public item",
        &mut failed,
        docs::items::check,
    );
    step(
        "bad input for each function that can get it",
        &mut failed,
        docs::inputs::check,
    );
    let chosen = targets::select(&options.arch)?;
    setup::ensure(&chosen)?;
    for target in chosen {
        step(&format!("library, {}", target.name), &mut failed, || {
            let mut command = toolchain::cargo("check", target, target.builds[0].0, false)?;
            command.args(["--package", "threadbare", "--lib"]);
            build::run_cargo(command, LIMIT)
        });
    }
    if !failed.is_empty() {
        bail!("check failed in: {}", failed.join("; "));
    }
    Ok(())
}

/// The library's features that programs choose from.
const FEATURES: &[&str] = &[
    "start",
    "setup",
    "program-headers",
    "panic-handler",
    "mem",
    "threads",
    "fork",
    "cache",
];

/// Features that bring others along: the first with the second is the first alone.
const IMPLIED: &[(&str, &str)] = &[
    ("threads", "setup"),
    ("fork", "threads"),
    ("cache", "threads"),
];

/// Those that are off by default, which do not depend on each other.
const EXTRAS: &[&str] = &[
    "alloc",
    "global-allocator",
    "lock-api",
    "critical-section",
    "spin-relax",
    "lock-debug",
];

/// Lists the sets of features to check: none, each, each pair, with what it is to be had with, and
/// all.
fn sets() -> Vec<String> {
    let all: Vec<_> = FEATURES.iter().chain(EXTRAS).collect();
    let mut sets = vec![String::new(), "messages".to_owned()];
    for (place, feature) in all.iter().enumerate() {
        sets.push((**feature).to_owned());
        for other in &all[..place] {
            if !IMPLIED.contains(&(**feature, **other)) {
                sets.push(format!("{feature},{other}"));
            }
        }
    }
    sets.push(format!("default,{}", EXTRAS.join(",")));
    sets
}

/// Checks the library with each set of features, and the programs that choose others than the rest.
fn feature_sets(host: &'static Target) -> Result<()> {
    let cargo = |directory: &Path, verb: &[&str], arguments: &[&str]| {
        let mut command = toolchain::cargo_in(directory, verb[0], host, LinkMode::Fixed, false)?;
        // Each is checked once.
        command.env("CARGO_INCREMENTAL", "0");
        command.args(&verb[1..]).args(arguments).args(DENY);
        build::run_cargo(command, LIMIT)
    };
    let clippy = |arguments: &[&str]| {
        let own = toolchain::target_dir(host, LinkMode::Fixed);
        cargo(&own, &["clippy"], arguments)
    };
    let sets = sets();
    // A call has little to do at the same time, and no two can share a directory.
    let places: Vec<_> = (0..2).collect();
    let outcomes = build::in_parallel(&places, places.len(), |&place| {
        let directory = toolchain::target_dir(host, LinkMode::Fixed);
        let directory = directory.with_file_name(format!("features-{place}"));
        let library = ["--package", "threadbare", "--lib", "--no-default-features"];
        let mut own = sets.iter().skip(place).step_by(places.len());
        own.try_for_each(|set| {
            // Of pairs there are many, and clippy takes twice the compiler's time.
            let is_pair = set.split(',').count() == 2;
            let verb = match is_pair {
                true => &["rustc", "--profile", "check"][..],
                false => &["clippy"],
            };
            cargo(
                &directory,
                verb,
                &[&library[..], &["--features", set]].concat(),
            )
            .with_context(|| format!("with the features `{set}`"))
        })
    });
    outcomes.into_iter().collect::<Result<()>>()?;
    for features in ["", "threads", "lock-debug"] {
        clippy(&["--package", "suite-extras", "--features", features])?;
    }
    clippy(&["--package", "own-start"])?;
    clippy(&["--package", "threadbare-c"])?;
    clippy(&["--package", "threadbare-c", "--no-default-features"])?;
    clippy(&["--package", "suite-single"])
}

const DENY: &[&str] = &["--", "-D", "warnings"];

fn cargo(arguments: &[&str]) -> Result<()> {
    let mut command: Command = toolchain::host_cargo();
    command.args(arguments);
    build::run_cargo(command, LIMIT)
}

fn step(name: &str, failed: &mut Vec<String>, work: impl FnOnce() -> Result<()>) {
    let started = Instant::now();
    let outcome = work();
    let seconds = started.elapsed().as_secs_f32();
    match outcome {
        Ok(()) => println!("ok     check {name:40} {seconds:6.1} s"),
        Err(error) => {
            println!("FAILED check {name:40} {seconds:6.1} s\n{error:#}");
            failed.push(name.to_owned());
        }
    }
}
