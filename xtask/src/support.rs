//! `cargo xtask support`: the support table of `arch/README.md`, made of what the last complete
//! runs of `test` and `boot` found of each target.
//!
//! It prints where the file differs and fails; with `--write` it writes the file.

use crate::results::Results;
use crate::skips;
use crate::targets::{self, LinkMode, Profile, Runner, Target};
use crate::toolchain;
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::fs;

const BEGIN: &str = "<!-- support: written by `cargo xtask support --write` -->\n";
const END: &str = "<!-- /support -->";

/// What to do with the table.
#[derive(Args, Debug)]
pub struct Options {
    /// Write the table into arch/README.md
    #[arg(long)]
    pub write: bool,
}

/// Compares the table with the results, or writes it.
pub fn run(options: &Options) -> Result<()> {
    let test = Results::kept("test").context("nothing is known yet: run `cargo xtask test`")?;
    let table = table(&test, Results::kept("boot").as_ref(), options.write);
    let path = toolchain::root().join("arch/README.md");
    let text = fs::read_to_string(&path)?;
    let (head, rest) = text.split_once(BEGIN).context(
        "arch/README.md has no place for the table: put the two comments of xtask/src/support.rs",
    )?;
    let (old, tail) = rest
        .split_once(END)
        .context("the place for the table has no end")?;
    if options.write {
        fs::write(&path, format!("{head}{BEGIN}{table}{END}{tail}"))?;
        println!("wrote the table of {} targets", targets::TABLE.len());
        return Ok(());
    }
    for line in table
        .lines()
        .filter(|line| !old.lines().any(|old| old == *line))
    {
        println!("found:  {line}");
    }
    for line in old
        .lines()
        .filter(|line| !table.lines().any(|new| new == *line))
    {
        println!("stands: {line}");
    }
    ensure!(
        old == table,
        "the support table of arch/README.md is out of date: `cargo xtask support --write`"
    );
    println!("the support table is up to date");
    Ok(())
}

fn table(test: &Results, boot: Option<&Results>, is_written: bool) -> String {
    let mut text = String::from(
        "| target | CPU file | rustc's name | runs | fixed, dev | fixed, release | PIE, dev \
         | PIE, release | real kernel | left out |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for target in targets::TABLE {
        let mut cells = vec![
            target.name.to_owned(),
            format!("`{}.rs`", file(target)),
            format!("`{}`", target.triple),
            match target.runner() {
                Runner::Native => "natively".to_owned(),
                Runner::Qemu | Runner::Kernel => "qemu-user".to_owned(),
            },
        ];
        for mode in [LinkMode::Fixed, LinkMode::Pie] {
            cells.extend([Profile::Dev, Profile::Release].map(|profile| {
                if !target.builds.contains(&(mode, profile)) {
                    return String::new();
                }
                word(test, target.name, &format!("{mode}-{profile}"))
            }));
        }
        cells.push(match (&target.machine, boot) {
            (None, _) => String::new(),
            (Some(machine), boot) => {
                let found = boot.map_or("not run".into(), |boot| word(boot, target.name, "kernel"));
                // Who compares may have run some of the kernels; who writes must have run all.
                let is_unknown = found == "not run" && !is_written;
                format!(
                    "{} {}",
                    machine.debian,
                    if is_unknown { "ok" } else { &found }
                )
            }
        });
        cells.push(left_out(target));
        text += &format!("| {} |\n", cells.join(" | "));
    }
    text + &notes()
}

fn word(results: &Results, target: &str, build: &str) -> String {
    let tally = results.of_build(target, build);
    match (tally.passed, tally.failed) {
        (0, 0) => "not run".to_owned(),
        (_, 0) => "ok".to_owned(),
        (_, failed) => format!("{failed} FAILED"),
    }
}

/// The CPU file, by the convention of its name.
fn file(target: &Target) -> String {
    let folder = toolchain::root().join("arch");
    let mut name = target.cpu.to_owned();
    while !name.is_empty() && !folder.join(format!("{name}.rs")).is_file() {
        name.pop();
    }
    name.trim_end_matches('_').to_owned()
}

/// The numbers of the notes that concern a target.
fn left_out(target: &Target) -> String {
    let notes = skips::TABLE.iter().enumerate();
    let numbers: Vec<String> = notes
        .filter(|(_, skip)| {
            let everywhere = [Runner::Native, Runner::Qemu, Runner::Kernel];
            let is_run = |runner: &Runner| {
                let is_machine = *runner == Runner::Kernel && target.machine.is_some();
                *runner == target.runner() || is_machine
            };
            let mut runners = everywhere.into_iter().filter(is_run);
            runners.any(|runner| skip.covers(target.name, runner))
        })
        .map(|(index, _)| (index + 1).to_string())
        .collect();
    numbers.join(", ")
}

fn notes() -> String {
    let mut text = String::from("\nLeft out, and why:\n\n");
    for (index, skip) in skips::TABLE.iter().enumerate() {
        text += &format!("{}. `{}`: {}.\n", index + 1, skip.case, skip.reason);
    }
    text
}
