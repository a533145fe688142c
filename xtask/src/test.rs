//! `cargo xtask test`: builds everything once, runs it under its runner, judges and counts.
//!
//! One broken build or program never stops the rest. Progress is one line per program.

use crate::again::Again;
use crate::build::{self, Build, Suite};
use crate::case::Case;
use crate::elf::Image;
use crate::examples::{self, Check};
use crate::guest::Guest;
use crate::process;
use crate::protocol::{self, Expected, Verdict};
use crate::results::{self, Results};
use crate::skips::{self, Observation};
use crate::tally::Tally;
use crate::targets::{self, Profile, Runner};
use crate::{
    asm, capi, debugger, docs, embedded, extras, hosted, linker, models, readme, sanitized, setup,
    single, std_docs, sysroot, variants,
};
use anyhow::Result;
use clap::Args;
use std::path::Path;
use std::time::Instant;

/// More than two processors, because programs also wait.
const RUNS: usize = 3;

/// What to test.
#[derive(Args, Debug)]
pub struct Options {
    /// A target's name, `host`, or `all`
    #[arg(long, default_value = "all", value_parser = targets::parse_arch)]
    pub arch: String,
    /// One profile only (default: dev and release)
    #[arg(long)]
    pub profile: Option<Profile>,
    /// Only cases whose name contains this
    #[arg(long)]
    pub filter: Option<String>,
    /// How many targets are built at a time
    #[arg(long, default_value_t = 2)]
    pub jobs: usize,
    /// How many programs are run at a time
    #[arg(long, default_value_t = RUNS)]
    pub runs: usize,
}

impl Options {
    /// What `ci` runs: everything.
    pub fn everything() -> Self {
        Self {
            arch: "all".into(),
            profile: None,
            filter: None,
            jobs: 2,
            runs: RUNS,
        }
    }

    /// Lists what is built.
    pub fn builds(&self) -> Result<Vec<Build>> {
        let profiles = self
            .profile
            .map_or(Profile::TESTED.to_vec(), |profile| vec![profile]);
        let mut builds = Vec::new();
        for target in targets::select(&self.arch)? {
            let wanted = |&&(_, profile): &&_| profiles.contains(&profile);
            builds.extend(
                target
                    .builds
                    .iter()
                    .filter(wanted)
                    .map(|&(mode, profile)| Build {
                        target,
                        mode,
                        profile,
                    }),
            );
        }
        Ok(builds)
    }
}

/// One line of progress: a program to run and how to judge it.
enum Job {
    Suite(Guest),
    Example(Guest, Check),
    Elf(Guest),
    Asm(Guest),
    Debugger(Guest),
}

impl Job {
    fn guest(&self) -> &Guest {
        match self {
            Self::Suite(guest)
            | Self::Example(guest, _)
            | Self::Elf(guest)
            | Self::Asm(guest)
            | Self::Debugger(guest) => guest,
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Suite(guest) => guest.name(),
            Self::Example(guest, _) => format!("example {}", guest.name()),
            Self::Elf(guest) => format!("elf {}", guest.name()),
            Self::Asm(_) => "asm".to_owned(),
            Self::Debugger(_) => "debugger".to_owned(),
        }
    }
}

/// Runs the whole test and returns the tally; the caller prints it as the last line.
pub fn run(options: &Options) -> Result<Tally> {
    let filter = options.filter.as_deref();
    let builds = options.builds()?;
    setup::ensure(&targets::select(&options.arch)?)?;
    sysroot::ensure_all(&builds, options.jobs)?;
    let suite = Suite::list()?.programs;
    let mut tally = Tally::default();
    let mut failures = table_errors(&suite)?;
    tally.failed += failures.len();

    let host_is_selected = targets::select(&options.arch)?
        .iter()
        .any(|target| target.name == std::env::consts::ARCH);
    if host_is_selected {
        let counts = hosted::run(filter)?;
        failures.extend((counts.failed > 0).then(|| "host tests".to_owned()));
        tally += counts;
        let counts = models::run(filter)?;
        failures.extend((counts.failed > 0).then(|| "models".to_owned()));
        tally += counts;
        let counts = sanitized::run(filter)?;
        failures.extend((counts.failed > 0).then(|| "under ThreadSanitizer".to_owned()));
        tally += counts;
        let counts = readme::run(filter)?;
        failures.extend((counts.failed > 0).then(|| "README's crate".to_owned()));
        tally += counts;
        let counts = single::run(filter)?;
        failures.extend((counts.failed > 0).then(|| "without threads".to_owned()));
        tally += counts;
        let counts = extras::run(filter)?;
        failures.extend((counts.failed > 0).then(|| "features off by default".to_owned()));
        tally += counts;
        let counts = linker::run(filter)?;
        failures.extend((counts.failed > 0).then(|| "linker scripts".to_owned()));
        tally += counts;
        let counts = docs::run(filter)?;
        failures.extend((counts.failed > 0).then(|| "documentation".to_owned()));
        tally += counts;
        let counts = std_docs::run(filter)?;
        failures.extend((counts.failed > 0).then(|| "std's examples".to_owned()));
        tally += counts;
    } else {
        println!("host tests are not part of --arch {}", options.arch);
    }

    let counts = embedded::run(&options.arch, filter)?;
    failures.extend((counts.failed > 0).then(|| "in programs of others".to_owned()));
    tally += counts;
    let counts = capi::programs::test(&options.arch, filter)?;
    failures.extend((counts.failed > 0).then(|| "C programs".to_owned()));
    tally += counts;

    let mut jobs = Vec::new();
    let begun = Instant::now();
    for (build, outcome) in build::run_all(&builds, options.jobs, Build::run) {
        match outcome {
            Ok(()) => jobs.extend(plan(build, &suite)),
            Err(error) => {
                println!("BROKEN {}: {error:#}", build.label().trim_end());
                failures.push(format!("build {}", build.label().trim_end()));
                tally.failed += 1;
            }
        }
    }
    println!(
        "built {} in {:.0} s",
        builds.len(),
        begun.elapsed().as_secs_f32()
    );
    let again = Again::default();
    let begun = Instant::now();
    let verdicts = build::in_parallel(&jobs, options.runs, |job| run_job(job, filter, &again));
    println!(
        "ran {} in {:.0} s",
        jobs.len(),
        begun.elapsed().as_secs_f32()
    );
    let (mut observed, mut results) = (Vec::new(), Results::default());
    for (job, verdict) in jobs.iter().zip(verdicts) {
        tally += verdict.tally();
        let build = job.guest().build;
        let (mode, profile, target) = (build.mode, build.profile, build.target);
        let what = format!("{mode}-{profile}");
        results.add(
            targets::place(target),
            target.name,
            &what,
            &job.title(),
            verdict.tally(),
        );
        if verdict.failed > 0 {
            failures.push(format!("{} {}", job.guest().build.label(), job.title()));
        }
        if let Job::Suite(guest) = job {
            let target = guest.build.target;
            let (arch, runner) = (target.name, target.runner());
            let Verdict {
                passed, skipped, ..
            } = verdict;
            observed.push(Observation {
                arch,
                runner,
                passed,
                skipped,
            });
        }
    }
    let full = options.arch == "all" && filter.is_none() && options.profile.is_none();
    let stale = skips::stale(skips::of(&[Runner::Native, Runner::Qemu]), &observed, full);
    tally.failed += stale.len();
    failures.extend(stale);
    results.print();
    again.report();
    if filter.is_none() && options.profile.is_none() {
        let chosen = targets::select(&options.arch)?;
        let names = chosen.iter().map(|target| target.name);
        results.keep("test", &names.collect::<Vec<_>>())?;
    }
    conclude(&failures, tally, filter);
    Ok(tally)
}

/// Finds entries of our own tables that do not fit the tree.
fn table_errors(suite: &[String]) -> Result<Vec<String>> {
    let examples = build::programs_in(Path::new("examples"))?;
    let unchecked = examples::unchecked(&examples).into_iter().map(|name| {
        format!("examples/{name}.rs has no check: add one to the table in xtask/src/examples.rs")
    });
    let unknown = variants::unknown_programs(suite).into_iter().map(|name| {
        format!("xtask/src/variants.rs names `{name}`, but there is no tests/src/bin/{name}.rs")
    });
    let areas = results::unknown_programs(suite).into_iter().map(|name| {
        format!("tests/src/bin/{name}.rs belongs to no area: add it in xtask/src/results.rs")
    });
    Ok(unchecked.chain(unknown).chain(areas).collect())
}

fn plan(build: Build, suite: &[String]) -> Vec<Job> {
    let mut jobs = Vec::new();
    for program in suite {
        jobs.push(Job::Suite(Guest::suite(build, program, None)));
        for variant in variants::of(program, build.target.runner()) {
            jobs.push(Job::Suite(Guest::suite(build, program, Some(variant))));
        }
    }
    for &(name, check) in examples::TABLE {
        let is_short = examples::SHORT.contains(&name);
        if is_short || build.has_long_checks() {
            jobs.push(Job::Example(Guest::example(build, name), check));
            jobs.push(Job::Elf(Guest::example(build, name)));
        }
    }
    if build.has_crates() {
        jobs.push(Job::Suite(Guest::suite(build, "crates", None)));
    }
    if build.has_httpd() {
        let guest = || Guest::suite(build, "httpd", None);
        jobs.push(Job::Example(guest(), examples::httpd::check));
        jobs.push(Job::Elf(guest()));
    }
    jobs.push(Job::Asm(Guest::example(build, asm::PROGRAM)));
    if build.target.is_thorough {
        jobs.push(Job::Debugger(Guest::suite(build, debugger::PROGRAM, None)));
    }
    jobs
}

/// Runs and judges one job, and prints its line; a failure is printed with all that is known.
fn run_job(job: &Job, filter: Option<&str>, again: &Again) -> Verdict {
    let started = Instant::now();
    let guest = job.guest();
    let mut output = String::new();
    let verdict = match job {
        Job::Suite(_) => run_suite(guest, filter, again, &mut output),
        Job::Example(_, check) => from_cases(check(guest), filter),
        Job::Asm(_) => from_cases(asm::check(guest), filter),
        Job::Debugger(_) => from_cases(debugger::check(guest), filter),
        Job::Elf(_) => match Image::read(&guest.path) {
            Ok(image) => from_cases(image.rules(guest.build.mode), filter),
            Err(error) => broken(format!("{error:#}")),
        },
    };
    let word = if verdict.failed == 0 { "ok" } else { "FAILED" };
    let count = verdict.passed.len() + verdict.failed + verdict.skipped.len();
    let seconds = started.elapsed().as_secs_f32();
    let label = guest.build.label();
    let mut text = format!(
        "{word:6} {label} {:24} {count:4} cases {seconds:6.1} s",
        job.title()
    );
    if verdict.failed > 0 {
        text += &describe_failure(job, &verdict, &output, filter);
    }
    if count > 0 {
        println!("{text}");
    }
    verdict
}

/// Returns the complaints, all output, and the command that repeats the run.
fn describe_failure(job: &Job, verdict: &Verdict, output: &str, filter: Option<&str>) -> String {
    let mut lines = Vec::new();
    lines.extend(
        verdict
            .complaints
            .iter()
            .flat_map(|complaint| complaint.lines()),
    );
    let quoted: Vec<_> = output.lines().map(|line| format!("| {line}")).collect();
    let Build {
        target, profile, ..
    } = job.guest().build;
    let repeat = if let Job::Suite(guest) = job {
        lines.push("all output:");
        lines.extend(quoted.iter().map(String::as_str));
        process::show(guest.command().args(filter))
    } else {
        let filter = filter.map_or_else(String::new, |filter| format!(" --filter '{filter}'"));
        format!(
            "cargo xtask test --arch {} --profile {profile}{filter}",
            target.name
        )
    };
    lines.push("repeat it with:");
    lines.push(&repeat);
    lines.iter().map(|line| format!("\n  {line}")).collect()
}

fn run_suite(guest: &Guest, filter: Option<&str>, again: &Again, output: &mut String) -> Verdict {
    let target = guest.build.target;
    let run = || guest.run(filter.as_slice(), b"");
    let finished = match run() {
        Ok(finished) if again.is_due(guest, &finished) => run(),
        result => result,
    };
    let finished = match finished {
        Ok(finished) => finished,
        Err(error) => return broken(format!("{error:#}")),
    };
    *output = String::from_utf8_lossy(&finished.output).into_owned();
    let expected = Expected {
        arch: target.cpu,
        page_bytes: target.page_bytes,
        profile: guest.build.profile.to_string(),
        filtered: filter.is_some(),
    };
    let allowed = |case: &str| skips::allowed(skips::TABLE, target.name, target.runner(), case);
    protocol::judge(&expected, &finished.stdout, finished.ended, &allowed)
}

/// A judgement over something that could not even be looked at.
pub fn broken(complaint: String) -> Verdict {
    Verdict {
        failed: 1,
        complaints: vec![complaint],
        ..Verdict::default()
    }
}

fn from_cases(cases: Vec<Case>, filter: Option<&str>) -> Verdict {
    let mut verdict = Verdict::default();
    if cases.is_empty() {
        return broken("the check has no case".into());
    }
    for case in cases
        .into_iter()
        .filter(|case| filter.is_none_or(|f| case.name.contains(f)))
    {
        match case.outcome {
            Ok(()) => verdict.passed.push(case.name),
            Err(message) => {
                verdict.failed += 1;
                verdict
                    .complaints
                    .push(format!("FAIL {} {message}", case.name));
            }
        }
    }
    verdict
}

/// Prints what failed, and a hint where nothing was run.
pub fn conclude(failures: &[String], tally: Tally, filter: Option<&str>) {
    if !failures.is_empty() {
        println!("\nwhat failed:");
        for failure in failures {
            println!("  {failure}");
        }
    }
    if let (Some(filter), 0, 0) = (filter, tally.passed, tally.failed) {
        println!("no case's name contains `{filter}`: use a part of a name that a run prints");
    }
}

#[cfg(test)]
mod tests;
