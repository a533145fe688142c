//! A built program together with what runs it on this machine.
//!
//! It knows how to start the program and how long to wait; what the output means is for others.

use crate::build::Build;
use crate::process::{self, Finished};
use crate::targets::{Profile, Runner};
use crate::variants::Variant;
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// How many threads a race starts in an emulated program that is not optimised, in one for a CPU of
/// which another variation starts all, and in a machine whose kernel is emulated too.
pub const FEW_THREADS: &str = "400";
/// How many it starts where that is cheap: in an optimised program of this machine's own CPU.
const MANY_THREADS: &str = "100000";

/// A program of another or of this CPU, ready to be run any number of times.
#[derive(Clone, Debug)]
pub struct Guest {
    /// What it was built for, and how.
    pub build: Build,
    /// The program's name, such as `hello`.
    pub program: String,
    /// The built file.
    pub path: PathBuf,
    /// The environment it runs in, if not the ordinary one.
    pub variant: Option<&'static Variant>,
}

impl Guest {
    /// Names an example after its build.
    pub fn example(build: Build, program: &str) -> Self {
        let path = build.example(program);
        Self {
            build,
            program: program.to_owned(),
            path,
            variant: None,
        }
    }

    /// Names a suite program after its build.
    pub fn suite(build: Build, program: &str, variant: Option<&'static Variant>) -> Self {
        let path = build.suite_program(program);
        Self {
            build,
            program: program.to_owned(),
            path,
            variant,
        }
    }

    /// Returns the program's name, with the variant's behind it.
    pub fn name(&self) -> String {
        match self.variant {
            Some(variant) => format!("{}@{}", self.program, variant.name),
            None => self.program.clone(),
        }
    }

    /// Makes the command that starts the program under its runner; the caller adds arguments.
    pub fn command(&self) -> Command {
        let target = self.build.target;
        let mut words: Vec<String> = Vec::new();
        if let Some(variant) = self.variant {
            let script = format!("{} && exec \"$@\"", variant.prelude);
            words.extend(["sh".into(), "-c".into(), script, "sh".into()]);
        }
        if target.runner() == Runner::Qemu {
            words.push(target.qemu.into());
            words.extend(target.qemu_args.iter().map(|&word| word.into()));
        }
        words.push(self.path.to_string_lossy().into_owned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        if target.runner() == Runner::Qemu && ["qemu-i386", "qemu-hexagon"].contains(&target.qemu) {
            // The one has a single table of descriptors for all threads, and loads the thread
            // register from it when a handler returns: into the wrong thread, where all of them
            // take signals. The other does not keep predicate registers for whom a handler
            // interrupts (`linux-user/hexagon/signal.c` saves a copy that it does not use).
            command.env("SUITE_CALM", "1");
        }
        match (target.runner(), self.build.profile) {
            // A release build starts all of them, on one variation of every CPU.
            (Runner::Qemu, profile) if profile == Profile::Dev || !target.is_first_of_cpu() => {
                command.env("SUITE_THREADS", FEW_THREADS)
            }
            (Runner::Native, Profile::Release) if target.is_thorough && self.build.is_first() => {
                command.env("SUITE_THREADS", MANY_THREADS)
            }
            _ => &mut command,
        };
        command
    }

    /// How long the program may take: emulated CPUs are slow.
    pub fn limit(&self) -> Duration {
        match self.build.target.runner() {
            Runner::Native | Runner::Qemu | Runner::Kernel => Duration::from_secs(180),
        }
    }

    /// Runs the program with `args` and `input`, and captures its output and its end.
    pub fn run(&self, args: &[&str], input: &[u8]) -> Result<Finished> {
        let mut command = self.command();
        command.args(args);
        process::capture(command, input, self.limit())
    }
}
