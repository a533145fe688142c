//! What a run found, target by area: printed as a table, and kept for the support table.
//!
//! Each verb that runs programs keeps what it last found of each target, if it ran everything, in a
//! file of its own below `target`, as lines of words; nothing here judges.

use crate::tally::Tally;
use crate::toolchain;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Areas, and the programs and checks that belong to each, by their names.
const AREAS: &[(&str, &[&str])] = &[
    (
        "contract",
        &["contract", "signals", "signal_module", "times"],
    ),
    ("start", &["start", "start_loader"]),
    (
        "tls",
        &["tls", "tls_mixed", "tls_skewed", "locals", "locals_storage"],
    ),
    (
        "threads",
        &[
            "threads",
            "scopes",
            "scopes_exit",
            "stacks",
            "guards",
            "attributes",
            "payloads",
            "races",
            "spawn_failures",
            "failures",
            "exhaustion",
            "forks",
            "processes",
            "bad_input",
            "park",
            "pool",
            "heap",
            "names",
            "names_refused",
        ],
    ),
    ("sync", &["sync", "sync_more"]),
    ("io", &["files"]),
    (
        "end",
        &[
            "end",
            "hard_ends",
            "locals_end",
            "locals_exit",
            "deaths",
            "panics",
            "panics_abort",
            "overflow",
        ],
    ),
    ("crates", &["crates"]),
    ("examples", &["example", "debugger"]),
    ("code", &["elf", "asm"]),
];

/// Returns the programs that belong to no area.
pub fn unknown_programs(programs: &[String]) -> Vec<&String> {
    let is_known = |program: &&String| area(program).is_some();
    programs
        .iter()
        .filter(|program| !is_known(program))
        .collect()
}

/// Finds the area of a program, or of a check by its first word.
fn area(title: &str) -> Option<&'static str> {
    let first = title.split([' ', '@']).next().unwrap_or_default();
    let has = |(_, members): &&(&str, &[&str])| members.contains(&first);
    AREAS.iter().find(has).map(|(name, _)| *name)
}

/// A target's place in the table and its name, what was built, and the area.
type Key = (usize, String, String, String);

/// The counts of one run, in the order of the table of targets.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Results {
    counts: BTreeMap<Key, Tally>,
}

impl Results {
    /// Adds what a program or a check counted.
    pub fn add(&mut self, place: usize, target: &str, build: &str, title: &str, tally: Tally) {
        let area = area(title).unwrap_or("other").to_owned();
        let key = (place, target.to_owned(), build.to_owned(), area);
        *self.counts.entry(key).or_default() += tally;
    }

    /// Returns the sum of a target's build; nothing where it was not run.
    pub fn of_build(&self, target: &str, build: &str) -> Tally {
        let mut sum = Tally::default();
        for ((_, name, what, _), tally) in &self.counts {
            if name == target && what == build {
                sum += *tally;
            }
        }
        sum
    }

    /// Prints a line for each target and a column for each area, all builds together.
    pub fn print(&self) {
        if self.counts.is_empty() {
            return;
        }
        let mut lines: BTreeMap<(usize, &str), BTreeMap<&str, Tally>> = BTreeMap::new();
        for ((place, target, _, area), tally) in &self.counts {
            let line = lines.entry((*place, target)).or_default();
            *line.entry(area).or_default() += *tally;
        }
        let areas = AREAS.iter().map(|(area, _)| *area);
        let columns: Vec<&str> = areas
            .filter(|area| lines.values().any(|line| line.contains_key(area)))
            .collect();
        print!("\n{:12}", "p/f/s");
        columns.iter().for_each(|area| print!(" {area:>10}"));
        println!();
        for ((_, target), line) in &lines {
            print!("{target:12}");
            for area in &columns {
                let cell = line.get(area).map_or("-".to_owned(), |tally| {
                    format!("{}/{}/{}", tally.passed, tally.failed, tally.skipped)
                });
                print!(" {cell:>10}");
            }
            println!();
        }
    }

    fn path(verb: &str) -> PathBuf {
        toolchain::root()
            .join("target/xtask")
            .join(format!("{verb}.results"))
    }

    /// Keeps the results as what `verb` last found of these targets, of which it ran everything.
    pub fn keep(self, verb: &str, targets: &[&str]) -> Result<()> {
        let mut all = Self::kept(verb).unwrap_or_default();
        all.replace(self, targets);
        let path = Self::path(verb);
        fs::write(&path, all.to_text()).with_context(|| format!("cannot write {}", path.display()))
    }

    fn replace(&mut self, newer: Self, targets: &[&str]) {
        self.counts
            .retain(|(_, target, _, _), _| !targets.contains(&target.as_str()));
        self.counts.extend(newer.counts);
    }

    fn to_text(&self) -> String {
        let line = |((place, target, build, area), tally): (&Key, &Tally)| {
            let Tally {
                passed,
                failed,
                skipped,
            } = tally;
            format!("{place} {target} {build} {area} {passed} {failed} {skipped}\n")
        };
        self.counts.iter().map(line).collect()
    }

    /// Reads what `verb` kept; `None` if it never ran completely here.
    pub fn kept(verb: &str) -> Option<Self> {
        Self::parse(&fs::read_to_string(Self::path(verb)).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut results = Self::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let &[place, target, build, area, passed, failed, skipped] = &words[..] else {
                return None;
            };
            let key = (
                place.parse().ok()?,
                target.into(),
                build.into(),
                area.into(),
            );
            let tally = Tally {
                passed: passed.parse().ok()?,
                failed: failed.parse().ok()?,
                skipped: skipped.parse().ok()?,
            };
            results.counts.insert(key, tally);
        }
        Some(results)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: usize, failed: usize, skipped: usize) -> Tally {
        Tally {
            passed,
            failed,
            skipped,
        }
    }

    #[test]
    fn programs_and_checks_have_areas() {
        assert_eq!(area("start@stack-unlimited"), Some("start"));
        assert_eq!(area("example wc"), Some("examples"));
        assert_eq!(unknown_programs(&["tls".into(), "new".into()]), ["new"]);
    }

    #[test]
    fn counts_add_up_and_survive_being_kept() {
        let mut results = Results::default();
        results.add(0, "x86_64", "fixed-dev", "tls", tally(3, 0, 1));
        results.add(0, "x86_64", "fixed-dev", "tls_skewed", tally(1, 1, 0));
        results.add(0, "x86_64", "pie-dev", "tls", tally(9, 0, 0));
        assert_eq!(results.of_build("x86_64", "fixed-dev"), tally(4, 1, 1));
        assert_eq!(results.of_build("mips", "fixed-dev"), tally(0, 0, 0));
        let line = "0 x86_64 fixed-dev tls 4 1 1\n0 x86_64 pie-dev tls 9 0 0\n";
        assert_eq!(Results::parse(line), Some(results));
        assert_eq!(Results::parse("nonsense"), None);
    }

    #[test]
    fn a_run_of_some_targets_replaces_theirs_alone() {
        let parse = |text| Results::parse(text).unwrap();
        let mut kept = parse("0 a pie-dev tls 1 1 0\n1 b pie-dev tls 2 0 0\n");
        kept.replace(parse("0 a pie-dev sync 3 0 0\n"), &["a"]);
        assert_eq!(
            kept.to_text(),
            "0 a pie-dev sync 3 0 0\n1 b pie-dev tls 2 0 0\n"
        );
    }
}
