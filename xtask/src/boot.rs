//! `cargo xtask boot`: runs the suite on real kernels, Debian's, each in an emulated machine.
//!
//! A user-mode emulator hands system calls to this machine's kernel: it has no calls that it was
//! not taught, and no page size, signal frame or scheduler of the CPU's own. Here all of that is
//! real but the processor. Each machine is started once; its first process is the suite's
//! `boot_probe`, which runs the programs one after the other. What they printed is judged as
//! `test` does.

mod archive;
mod console;
mod init;
mod judge;
mod kernel;
mod station;

use crate::build::{self, Build, Suite};
use crate::machines::Machine;
use crate::results::Results;
use crate::skips::{self, Observation};
use crate::tally::Tally;
use crate::targets::{self, Profile, Runner, Target};
use crate::{setup, test};
use anyhow::Result;
use clap::Args;
use judge::Judged;
use station::Station;

/// What to boot.
#[derive(Args, Debug)]
pub struct Options {
    /// Targets' names with commas between them, or `all` that Debian has a kernel for
    #[arg(long, value_delimiter = ',', default_value = "all", value_parser = parse_arch)]
    pub arch: Vec<String>,
    /// One profile only (default: all programs in release, some in dev)
    #[arg(long)]
    pub profile: Option<Profile>,
    /// Only cases whose name contains this
    #[arg(long)]
    pub filter: Option<String>,
    /// Boot this example as the first process, and show the console, instead of running the suite
    #[arg(long, value_name = "EXAMPLE", value_parser = ["init"])]
    #[arg(conflicts_with_all = ["profile", "filter"])]
    pub init: Option<String>,
    /// How many targets are built at a time
    #[arg(long, default_value_t = 2)]
    pub jobs: usize,
    /// How many machines are up at a time
    #[arg(long, default_value_t = 2)]
    pub machines: usize,
}

impl Options {
    /// All programs of these targets.
    pub fn on(arch: &[&str]) -> Self {
        Self {
            arch: arch.iter().map(|&name| name.to_owned()).collect(),
            profile: None,
            filter: None,
            init: None,
            jobs: 2,
            machines: 2,
        }
    }

    fn targets(&self) -> Result<Vec<(&'static Target, &'static Machine)>> {
        let mut names = Vec::new();
        for arch in &self.arch {
            names.extend(targets::select(arch)?.iter().map(|target| target.name));
        }
        // Each once, and in the table's order.
        let wanted = targets::TABLE
            .iter()
            .filter(|row| names.contains(&row.name));
        Ok(wanted.filter_map(|row| Some((row, row.machine?))).collect())
    }

    /// Returns what is built for `target`: each profile in one link mode, in another one if it can.
    fn builds(&self, target: &'static Target) -> Vec<Build> {
        let of = |wanted: Profile| {
            let mut modes = target
                .builds
                .iter()
                .copied()
                .filter(|build| build.1 == wanted);
            let chosen = match wanted {
                Profile::Dev => modes.next(),
                _ => modes.next_back(),
            };
            chosen.map(|(mode, profile)| Build {
                target,
                mode,
                profile,
            })
        };
        let only = match self.init {
            Some(_) => Some(Profile::Release),
            None => self.profile,
        };
        let profiles = Profile::TESTED.iter().copied();
        let wanted = profiles.filter(|&profile| only.is_none_or(|only| only == profile));
        wanted.filter_map(of).collect()
    }
}

/// Checks an `--arch` argument while the command line is parsed.
fn parse_arch(arch: &str) -> Result<String, String> {
    let has_machine = |target: &&Target| target.machine.is_some();
    match targets::select(arch) {
        Ok(rows) if rows.iter().any(has_machine) => Ok(arch.to_owned()),
        _ => {
            let rows = targets::TABLE.iter().filter(has_machine);
            let names: Vec<_> = rows.map(|target| target.name).collect();
            let names = names.join(", ");
            Err(format!(
                "Debian has no kernel for `{arch}`; use one of: {names}, host, all"
            ))
        }
    }
}

/// Runs the whole verb and returns the tally; the caller prints it as the last line.
pub fn run(options: &Options) -> Result<Tally> {
    let targets = options.targets()?;
    let (rows, machines): (Vec<_>, Vec<_>) = targets.iter().copied().unzip();
    setup::ensure(&rows)?;
    setup::ensure_machines(&machines)?;
    if let Some(example) = &options.init {
        return init::run(example, &targets, options);
    }
    let suite = Suite::list()?;
    let mut failures = Vec::new();
    let stations = stations(&targets, options, &mut failures);
    let mut tally = Tally {
        failed: failures.len(),
        ..Tally::default()
    };
    let filter = options.filter.as_deref();
    let judged = build::in_parallel(&stations, options.machines, |station| {
        boot(station, &suite, filter)
    });
    let (mut observed, mut results) = (Vec::new(), Results::default());
    for (station, judged) in stations.iter().zip(judged) {
        let target = station.target;
        for Judged {
            title,
            program,
            verdict,
        } in judged
        {
            tally += verdict.tally();
            let place = targets::place(target);
            results.add(place, target.name, "kernel", &program, verdict.tally());
            if verdict.failed > 0 {
                failures.push(title);
            }
            observed.push(Observation {
                arch: target.name,
                runner: Runner::Kernel,
                passed: verdict.passed,
                skipped: verdict.skipped,
            });
        }
    }
    let full = options.arch == ["all"] && filter.is_none() && options.profile.is_none();
    let stale = skips::stale(skips::of(&[Runner::Kernel]), &observed, full);
    tally.failed += stale.len();
    failures.extend(stale);
    results.print();
    if filter.is_none() && options.profile.is_none() {
        let names: Vec<_> = rows.iter().map(|target| target.name).collect();
        results.keep("boot", &names)?;
    }
    test::conclude(&failures, tally, filter);
    Ok(tally)
}

/// Fetches kernels and builds programs. What cannot be had is printed and added to `failures`; a
/// machine that has nothing to run is left out.
fn stations(
    targets: &[(&'static Target, &'static Machine)],
    options: &Options,
    failures: &mut Vec<String>,
) -> Vec<Station> {
    let mut stations = Vec::new();
    for &(target, machine) in targets {
        match kernel::image(machine) {
            Ok(kernel) => stations.push(Station {
                target,
                machine,
                kernel,
                builds: Vec::new(),
            }),
            Err(error) => {
                println!("FAILED {:11} {error:#}", target.name);
                failures.push(format!("kernel for {}", target.name));
            }
        }
    }
    let wanted = |station: &Station| options.builds(station.target);
    let builds: Vec<_> = stations.iter().flat_map(wanted).collect();
    let work = match options.init {
        None => Build::run_suite,
        Some(_) => Build::run_init,
    };
    for (build, outcome) in build::run_all(&builds, options.jobs, work) {
        let label = build.label();
        if let Err(error) = outcome {
            println!("BROKEN {}: {error:#}", label.trim_end());
            failures.push(format!("build {}", label.trim_end()));
            continue;
        }
        let own = |station: &&mut Station| station.target.name == build.target.name;
        if let Some(station) = stations.iter_mut().find(own) {
            station.builds.push(build);
        }
    }
    stations.retain(|station| !station.builds.is_empty());
    stations
}

/// Runs one machine, prints a line for each program, and returns what each came to.
fn boot(station: &Station, suite: &Suite, filter: Option<&str>) -> Vec<Judged> {
    let finished = match station.switch_on(suite, filter) {
        Ok(finished) => finished,
        Err(error) => {
            let name = station.target.name;
            println!("FAILED {name:11} {error:#}");
            return vec![Judged {
                title: format!("machine {name}"),
                program: String::new(),
                verdict: test::broken(format!("{error:#}")),
            }];
        }
    };
    let console = console::parse(&finished.stdout);
    let mut judged = vec![judge::machine(station, &finished, &console, filter)];
    for &build in &station.builds {
        let programs = station::plan(build, suite);
        judged.extend(programs.map(|name| judge::program(station, build, name, &console, filter)));
    }
    judged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_a_kernel_is_refused_with_those_that_have_one() {
        let message = parse_arch("hexagon").unwrap_err();
        assert!(
            message.contains("s390x") && !message.contains("hexagon,"),
            "{message}"
        );
        assert!(parse_arch("vax").unwrap_err().contains("x86_64"));
        assert_eq!(parse_arch("aarch64").unwrap(), "aarch64");
        assert_eq!(parse_arch("all").unwrap(), "all");
    }

    #[test]
    fn every_profile_is_built_once_and_link_modes_take_turns() {
        let target = targets::select("x86_64").unwrap()[0];
        let builds = Options::on(&["x86_64"]).builds(target);
        assert_eq!(builds.len(), 2);
        assert_ne!(builds[0].mode, builds[1].mode);
        let release = Options {
            profile: Some(Profile::Release),
            ..Options::on(&[])
        };
        assert_eq!(release.builds(target).len(), 1);
    }

    #[test]
    fn each_target_is_booted_once() {
        let names = |arch: &[&str]| {
            let targets = Options::on(arch).targets().unwrap();
            targets
                .iter()
                .map(|(target, _)| target.name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&["s390x", "x86_64", "s390x"]), ["x86_64", "s390x"]);
        assert_eq!(names(&["all"]), names(&["all", "x86_64"]));
        assert_eq!(names(&["all"]).len(), 7);
    }
}
