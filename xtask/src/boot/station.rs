//! A machine that is ready to be switched on, with its kernel and what it is to run.

use super::archive::{self, Program};
use crate::build::{Build, Suite};
use crate::guest::FEW_THREADS;
use crate::machines::Machine;
use crate::process::{self, Finished};
use crate::targets::{Profile, Target};
use crate::toolchain;
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// The suite program that is a machine's first process.
const FIRST_PROCESS: &str = "boot_probe";
/// What runs in an unoptimised build; in a release build, everything does.
const IN_DEV: &[&str] = &["contract", "threads", "tls"];
/// How long a program may take.
const PROGRAM_LIMIT: Duration = Duration::from_secs(180);
/// How long a machine may be up.
const MACHINE_LIMIT: Duration = Duration::from_secs(15 * 60);

/// A machine for one target.
pub struct Station {
    /// What the programs are built for.
    pub target: &'static Target,
    /// What it is made of.
    pub machine: &'static Machine,
    /// The kernel's image.
    pub kernel: PathBuf,
    /// The builds that succeeded: it runs programs of each.
    pub builds: Vec<Build>,
}

impl Station {
    /// Packs the programs and lets the machine run until it switches itself off.
    pub fn switch_on(&self, suite: &Suite, filter: Option<&str>) -> Result<Finished> {
        let mut programs = Vec::new();
        let mut probes = Vec::new();
        for &build in &self.builds {
            let program = |name: &str| Program {
                from: build.suite_program(name),
                path: path_of(build, name),
            };
            programs.extend(plan(build, suite).map(program));
            probes.extend(suite.probes.iter().map(|name| program(name)));
            probes.extend(build.whole().map(program));
        }
        let list = archive::list(&programs, PROGRAM_LIMIT.as_secs(), filter);
        let last = self.builds.last().context("a build")?;
        programs.extend(probes);
        let text = (archive::LIST, list.as_str());
        self.run(archive::pack(
            &last.suite_program(FIRST_PROCESS),
            &programs,
            text,
        )?)
    }

    /// Lets the machine run with this file system until it switches itself off.
    pub fn run(&self, packed: Vec<u8>) -> Result<Finished> {
        let archive = self.archive();
        let directory = archive.parent().context("a directory of archives")?;
        fs::create_dir_all(directory)
            .and_then(|()| fs::write(&archive, packed))
            .with_context(|| format!("cannot write {}", archive.display()))?;
        process::capture(self.command(), b"", MACHINE_LIMIT)
    }

    /// Makes the command that switches the machine on.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.machine.emulator);
        command.args(["-accel", "tcg"]).args(self.machine.hardware);
        // The console is the standard output, a restart is the end, and there is no network for a
        // firmware to start from.
        command.args(["-nographic", "-no-reboot", "-nic", "none"]);
        command.arg("-kernel").arg(&self.kernel);
        command.arg("-initrd").arg(self.archive());
        // A restart at once on a panic, no messages amid the programs' own, and for the first
        // process what the kernel does not know itself: its environment.
        let words = format!(
            "{} panic=-1 quiet loglevel=0 SUITE_THREADS={FEW_THREADS}",
            self.machine.console
        );
        command.args(["-append", words.trim_start()]);
        command
    }

    fn archive(&self) -> PathBuf {
        let directory = toolchain::root().join("target/xtask/boot");
        directory.join(self.target.name).with_extension("cpio")
    }
}

/// Says which programs of a build run.
pub fn plan(build: Build, suite: &Suite) -> impl Iterator<Item = &str> {
    let names = suite.programs.iter().map(String::as_str);
    names.filter(move |name| build.profile != Profile::Dev || IN_DEV.contains(name))
}

/// Where a program lies on the machine.
pub fn path_of(build: Build, name: &str) -> String {
    format!("/suite/{}/{name}", build.profile)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::{self, LinkMode};
    use std::path::Path;

    fn build(profile: Profile) -> Build {
        Build {
            target: targets::select("s390x").unwrap()[0],
            mode: LinkMode::Fixed,
            profile,
        }
    }

    #[test]
    fn dev_runs_some_programs_and_release_all() {
        let suite = Suite {
            programs: ["races".into(), "tls".into()].into(),
            probes: ["start_probe".into()].into(),
        };
        let count = |profile| plan(build(profile), &suite).count();
        assert_eq!((count(Profile::Dev), count(Profile::Release)), (1, 2));
    }

    #[test]
    fn programs_that_are_named_here_exist() {
        let suite = Suite::list().unwrap();
        let exists = |names: &[String], name: &str| names.iter().any(|other| other == name);
        assert!(IN_DEV.iter().all(|name| exists(&suite.programs, name)));
        assert!(exists(&suite.probes, FIRST_PROCESS));
    }

    #[test]
    fn a_kernel_is_told_its_console_where_it_needs_that() {
        let shown = |name: &str| {
            let target = targets::select(name).unwrap()[0];
            process::show(
                &Station {
                    target,
                    machine: target.machine.unwrap(),
                    kernel: Path::new("/k").into(),
                    builds: Vec::new(),
                }
                .command(),
            )
        };
        assert!(shown("s390x").contains("-append 'panic=-1 quiet loglevel=0 SUITE_"));
        assert!(shown("aarch64").contains("-append 'console=ttyAMA0 panic=-1 "));
    }
}
