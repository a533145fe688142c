//! The library in programs that are not all its own: those with an entry point of their own, on
//! several CPUs, and those that live beside a libc, on this machine's.

use crate::build::{self, Build};
use crate::case::{Case, claim};
use crate::guest::Guest;
use crate::process::{self, Finished};
use crate::step;
use crate::tally::Tally;
use crate::targets::{self, LinkMode, Profile, Runner, Target};
use crate::toolchain;
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

const RUN_LIMIT: Duration = Duration::from_secs(60);

/// The targets that `examples/own_start` is run on: one of each CPU file, which is what its entry
/// points are for. How it is linked where it is emulated: as what has the most to get wrong, but on
/// MIPS, where `entry.rs` says what it leaves out.
const OWN_START: &[(&str, LinkMode)] = &[
    ("x86_64", LinkMode::Pie),
    ("i686", LinkMode::Pie),
    ("aarch64", LinkMode::Pie),
    ("armv5te", LinkMode::Pie),
    ("riscv64", LinkMode::Pie),
    ("loongarch64", LinkMode::Pie),
    ("powerpc", LinkMode::Pie),
    ("powerpc64le", LinkMode::Pie),
    ("s390x", LinkMode::Pie),
    ("mips", LinkMode::Fixed),
    ("mips64el", LinkMode::Fixed),
    ("sparc64", LinkMode::Pie),
    ("hexagon", LinkMode::Pie),
];
/// The program's argument, what it says it has handed over, and how many arguments it then knows.
const HAND_OVERS: &[(&str, &str, u32)] = &[
    ("stack", "the initial stack", 2),
    ("vector", "the auxiliary vector", 0),
    ("headers", "the program headers", 0),
];

/// Runs the cases whose names contain `filter`, for the targets that `arch` names; prints a line
/// about each target.
pub fn run(arch: &str, filter: Option<&str>) -> Result<Tally> {
    let mut tally = Tally::default();
    for target in targets::select(arch)? {
        let started = Instant::now();
        let mut cases = own_start(target, filter)?;
        if target.name == std::env::consts::ARCH {
            cases.extend(beside_libc(filter)?);
        }
        if !cases.is_empty() {
            tally += step::report(&format!("embedded, {}", target.name), &cases, started);
        }
    }
    Ok(tally)
}

fn is_wanted(name: &str, filter: Option<&str>) -> bool {
    filter.is_none_or(|filter| name.contains(filter))
}

/// Builds `examples/own_start` and runs it with each thing that it can hand over: in every mode and
/// profile on this machine's CPU, and elsewhere in one.
fn own_start(target: &'static Target, filter: Option<&str>) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    let row = OWN_START.iter().find(|(name, _)| *name == target.name);
    let Some(&(_, emulated)) = row else {
        return Ok(cases);
    };
    let is_native = target.runner() == Runner::Native && target.is_thorough;
    let builds: &[_] = if is_native {
        &[
            (LinkMode::Fixed, Profile::Dev),
            (LinkMode::Fixed, Profile::Release),
            (LinkMode::Pie, Profile::Dev),
            (LinkMode::Pie, Profile::Release),
        ]
    } else {
        &[(emulated, Profile::Dev)]
    };
    for &(mode, profile) in builds {
        let build = Build {
            target,
            mode,
            profile,
        };
        let mut program = None;
        for &(argument, said, arguments) in HAND_OVERS {
            let name = format!("own_start/{argument}_{}_{mode}_{profile}", target.name);
            if !is_wanted(&name, filter) {
                continue;
            }
            let guest = match &program {
                Some(guest) => guest,
                None => program.insert(build_own_start(build)?),
            };
            let text = format!(
                "handed over: {said}\narguments: {arguments}\nthreads say 126, main says 40\n"
            );
            let outcome = crate::examples::prints(guest, &[argument], b"", &text);
            cases.push(Case::new(name, outcome));
        }
    }
    Ok(cases)
}

fn build_own_start(build: Build) -> Result<Guest> {
    let mut command = toolchain::cargo("build", build.target, build.mode, false)?;
    command
        .args(["--package", "own-start", "--profile"])
        .arg(build.profile.to_string());
    build::run_cargo(command, build::LIMIT)?;
    Ok(Guest::suite(build, "own_start", None))
}

/// What `examples/beside_libc` says where all is well.
const BESIDE: &str = "both kinds of threads add up to 40\n\
                      a scoped thread read 8 bytes\n\
                      guards of glibc's are the same in all threads: true\n\
                      signals on our threads: 0\n";

/// Runs the program of `std`'s that has threads of ours: linked statically with glibc it works, and
/// with a dynamic linker it is refused.
fn beside_libc(filter: Option<&str>) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for profile in Profile::TESTED {
        let name = format!("beside_libc/threads_run_beside_glibcs_{profile}");
        if is_wanted(&name, filter) {
            let program = build_beside_libc("+crt-static", *profile)?;
            let finished = process::capture(Command::new(program), b"", RUN_LIMIT)?;
            let is_right = finished.ended.code() == Some(0) && finished.stdout == BESIDE.as_bytes();
            cases.push(Case::new(name, claim(is_right, || told(&finished))));
        }
    }
    let name = "beside_libc/dynamic_linker_is_refused";
    if is_wanted(name, filter) {
        let program = build_beside_libc("-crt-static", Profile::Dev)?;
        let finished = process::capture(Command::new(program), b"", RUN_LIMIT)?;
        let is_right = finished.ended.describe() == "killed by signal 6"
            && finished
                .stderr
                .starts_with(b"threadbare: a dynamic linker was started first");
        cases.push(Case::new(name, claim(is_right, || told(&finished))));
    }
    Ok(cases)
}

fn told(finished: &Finished) -> String {
    let output = String::from_utf8_lossy(&finished.output);
    format!("{}; it wrote {output:?}", finished.ended.describe())
}

fn build_beside_libc(feature: &str, profile: Profile) -> Result<PathBuf> {
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let directory = toolchain::root().join(format!("target/xtask/beside{feature}"));
    let mut command = toolchain::host_cargo();
    command
        .args(["build", "--package", "beside-libc", "--target", &triple])
        .args(["--profile", &profile.to_string(), "--target-dir"])
        .arg(&directory)
        .env("RUSTFLAGS", format!("-Ctarget-feature={feature}"));
    build::run_cargo(command, build::LIMIT)?;
    Ok(directory
        .join(triple)
        .join(profile.directory())
        .join("beside_libc"))
}
