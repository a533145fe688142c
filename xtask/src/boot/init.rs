//! `cargo xtask boot --init init`: boots the example init on real kernels, shows the console, and
//! fails unless every line came that is expected, and the machine switched itself off.

use super::archive::{self, Program};
use super::station::Station;
use super::{Options, stations};
use crate::build;
use crate::machines::Machine;
use crate::process;
use crate::tally::Tally;
use crate::targets::Target;
use anyhow::{Context, Result};

/// The suite program that acts the services.
const SERVICE: &str = "init_probe";
const SERVICES: (&str, &str) = (
    "etc/services.init",
    "# What the example watches over.\n\
     respawn steady /service steady\n\
     respawn killed /service killed\n\
     respawn failing /service failing\n\
     respawn missing /nothing/here\n\
     once    parent /service parent\n\
     once    ender /service ender\n\
     sometimes wrong /service\n",
);

/// A line by its beginning and its end, and how often it must come at least.
const EXPECTED: &[(&str, &str, usize)] = &[
    ("init: up", "", 1),
    (
        "init: ",
        "line 8: it begins with neither `respawn` nor `once`",
        1,
    ),
    ("init: steady: started", "", 1),
    ("steady: up", "", 1),
    (
        "init: missing: not started: ",
        "No such file or directory",
        2,
    ),
    // One that is killed is started again.
    ("killed: up", "", 2),
    ("init: killed: ended: signal: 9 (SIGKILL)", "", 2),
    ("init: failing: ended: exit status: 3", "", 2),
    // Not a service, nor a child of one that lives.
    ("init: parent: ended: exit status: 0", "", 1),
    ("init: reaped ", ": exit status: 9", 1),
    // SIGHUP goes to all.
    ("steady: hangup", "", 1),
    ("init: stopping", "", 1),
    ("steady: goodbye", "", 1),
    ("init: steady: ended: exit status: 4", "", 1),
    ("init: power off", "", 1),
];

/// Boots `example` on the machines and returns the tally: one case for each machine.
pub fn run(
    example: &str,
    targets: &[(&'static Target, &'static Machine)],
    options: &Options,
) -> Result<Tally> {
    let mut failures = Vec::new();
    let stations = stations(targets, options, &mut failures);
    let mut tally = Tally {
        failed: failures.len(),
        ..Tally::default()
    };
    let judged = build::in_parallel(&stations, options.machines, |station| {
        let (missing, console) = match boot(example, station) {
            Ok(seen) => seen,
            Err(error) => (vec![format!("{error:#}")], String::new()),
        };
        let name = station.target.name;
        let word = if missing.is_empty() { "ok" } else { "FAILED" };
        // In one piece: machines run side by side.
        let shown: String = console
            .lines()
            .map(|line| format!("       {name} | {line}\n"))
            .collect();
        let why: String = missing
            .iter()
            .map(|why| format!("       {name}: {why}\n"))
            .collect();
        println!("{shown}{why}{word:6} {name:11} boot --init {example}");
        missing.is_empty()
    });
    for is_right in judged {
        tally.passed += usize::from(is_right);
        tally.failed += usize::from(!is_right);
    }
    Ok(tally)
}

/// Boots one machine; returns what is wrong, and what the console showed.
fn boot(example: &str, station: &Station) -> Result<(Vec<String>, String)> {
    let &build = station.builds.last().context("a build")?;
    let service = Program {
        from: build.suite_program(SERVICE),
        path: "/service".into(),
    };
    let packed = archive::pack(&build.example(example), &[service], SERVICES)?;
    let finished = station.run(packed)?;
    let console = String::from_utf8_lossy(&finished.stdout).replace('\r', "");
    let mut wrong = missing(&console);
    if finished.ended.code() != Some(0) {
        wrong.push(format!(
            "it did not switch itself off: {}; repeat it with:\n  {}",
            finished.ended.describe(),
            process::show(&station.command())
        ));
    }
    Ok((wrong, console))
}

/// Says which lines did not come, or not often enough.
fn missing(console: &str) -> Vec<String> {
    let is_too_seldom = |&&(start, end, least): &&(&str, &str, usize)| {
        // A firmware's screen control may stand before the first line.
        let is_it = |line: &&str| line.contains(start) && line.ends_with(end);
        console.lines().filter(is_it).count() < least
    };
    let told = |(start, end, least): &(&str, &str, usize)| {
        format!("expected {least} times or more: {start}…{end}")
    };
    EXPECTED.iter().filter(is_too_seldom).map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_missed() {
        assert_eq!(missing("").len(), EXPECTED.len());
        let all: String = EXPECTED
            .iter()
            .flat_map(|(start, end, least)| vec![format!("{start}{end}\n"); *least])
            .collect();
        assert_eq!(missing(&all), [""; 0]);
        let without_last = all.trim_end().rsplit_once('\n').unwrap().0;
        assert_eq!(missing(without_last).len(), 1);
    }
}
