//! The examples in the documentation of `std`'s modules, as programs that say
//! `use threadbare as std`: built and run on the host.
//!
//! They are read from the source that the standard library is installed with, and nothing of it is
//! kept. Which of them run is said in a list; see `std_docs/list.rs`. An example that the list does
//! not have, one that the source does not have, one that does not run though the list says so, and
//! one that does though the list excludes it: each is a case that fails.

mod list;
mod source;

use crate::build;
use crate::case::Case;
use crate::docs;
use crate::docs::listed::{Listed, Mark};
use crate::docs::programs::{self, Example, Programs};
use crate::new;
use crate::step;
use crate::tally::Tally;
use crate::toolchain;
use anyhow::{Context, Result, ensure};
use list::Verdict;
use source::Comment;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// A module of `std` and the file with the list of its examples.
struct Module {
    name: &'static str,
    list: &'static str,
}

const MODULES: &[Module] = &[
    Module {
        name: "thread",
        list: "src/thread/std.md",
    },
    Module {
        name: "sync",
        list: "src/sync/std.md",
    },
];

/// How many programs run at a time: most of them wait.
const RUNS: usize = 4;

/// Runs the examples whose names contain `filter`; prints one line about each module.
pub fn run(filter: Option<&str>) -> Result<Tally> {
    let mut tally = Tally::default();
    let library = toolchain::std_source();
    for module in MODULES {
        tally += match &library {
            Some(library) => module.run(library, filter)?,
            None => module.skip(filter)?,
        };
    }
    Ok(tally)
}

impl Module {
    fn list(&self) -> Result<BTreeMap<String, Verdict>> {
        let read = || list::parse(&fs::read_to_string(toolchain::root().join(self.list))?);
        read().with_context(|| self.list)
    }

    /// Counts what is not tried, as there is no source.
    fn skip(&self, filter: Option<&str>) -> Result<Tally> {
        let list = self.list()?;
        let skipped = list.keys().filter(|name| is_wanted(name, filter)).count();
        if skipped > 0 {
            println!(
                "skip   {skipped} examples of std::{}: the library's source is not installed; \
                 `cargo xtask setup` (Debian) or `rustup component add rust-src` brings it",
                self.name
            );
        }
        Ok(Tally {
            skipped,
            ..Tally::default()
        })
    }

    fn run(&self, library: &Path, filter: Option<&str>) -> Result<Tally> {
        let started = Instant::now();
        let folder = toolchain::root().join("target/xtask/std").join(self.name);
        let _lock = docs::lock(&folder)?;
        let list = self.list()?;
        let comments = source::comments(library, self.name)?;
        let listed = examples_in(&comments, &folder.join("comments.rs"))?;
        let place = format!("std::{} in {}", self.name, library.display());
        ensure!(!listed.is_empty(), "there is no example in {place}");

        let found: BTreeSet<_> = listed.iter().map(|(name, _)| name.as_str()).collect();
        let gone = |name: &&String| is_wanted(name, filter) && !found.contains(name.as_str());
        let is_gone = format!("{place} has no such example: remove it from {}", self.list);
        let case = |name: &String| Case::new(full(name), Err(is_gone.clone()));
        let mut cases: Vec<_> = list.keys().filter(gone).map(case).collect();

        let examples: Vec<_> = listed
            .iter()
            .filter(|(name, listed)| is_wanted(name, filter) && listed.mark != Mark::Ignored)
            .map(|(name, listed)| example(name, listed, list.get(name).copied()))
            .collect::<Result<_>>()?;
        let mut tally = Tally::default();
        if !examples.is_empty() {
            let programs = Programs::build(&folder, &docs::dependencies(), &examples)?;
            let judge = |example: &Example| self.judge(&programs, example, &list);
            for (example, outcome) in examples
                .iter()
                .zip(build::in_parallel(&examples, RUNS, judge))
            {
                match outcome {
                    Some(outcome) => cases.push(Case::new(&example.name, outcome)),
                    None => tally.skipped += 1,
                }
            }
        }
        if tally.skipped > 0 {
            let (count, list) = (tally.skipped, self.list);
            println!("skip   {count} examples of {place}: {list} has the reasons");
        }
        if !cases.is_empty() {
            let title = format!("std::{}, examples", self.name);
            tally += step::report(&title, &cases, started);
        }
        Ok(tally)
    }

    /// Compares what becomes of an example with the list; nothing where it is rightly excluded.
    fn judge(
        &self,
        programs: &Programs,
        example: &Example,
        list: &BTreeMap<String, Verdict>,
    ) -> Option<Result<(), String>> {
        let file = self.list;
        match example
            .name
            .strip_prefix("std::")
            .and_then(|name| list.get(name))
        {
            Some(Verdict::Runs | Verdict::RunsWithModule) => Some(programs.judge(example)),
            Some(Verdict::Excluded) => {
                let passes = !programs.is_broken(example) && programs.judge(example).is_ok();
                passes.then(|| Err(format!("it runs: take it out of the table in {file}")))
            }
            None => Some(Err(match programs.judge(example) {
                Ok(()) => format!("a new example, which runs: add it to {file}"),
                Err(error) => format!("a new example: give it a row in {file}; {error}"),
            })),
        }
    }
}

/// A case's name. The list leaves `std::` out.
fn full(name: &str) -> String {
    format!("std::{name}")
}

fn is_wanted(name: &str, filter: Option<&str>) -> bool {
    filter.is_none_or(|filter| full(name).contains(filter))
}

/// Has rustdoc find the examples in `comments`, by a file of nothing but them; returns each with
/// its name.
fn examples_in(comments: &[Comment], stub: &Path) -> Result<Vec<(String, Listed)>> {
    let mut text = String::from("#![no_std]\n");
    let mut line = 2;
    let mut begins = Vec::new();
    for (index, comment) in comments.iter().enumerate() {
        begins.push(line);
        for part in &comment.lines {
            text += &format!("///{part}\n");
        }
        text += &format!("pub fn item_{index}() {{}}\n");
        line += comment.lines.len() + 1;
    }
    programs::write_if_new(stub, &text)?;
    let mut found = Vec::new();
    let mut counts = BTreeMap::new();
    let mut examples = docs::ask_for_examples(rustdoc(stub))?;
    examples.sort_by_key(|listed| listed.line);
    for listed in examples {
        let before = begins.partition_point(|begin| *begin <= listed.line);
        let comment = comments
            .get(before.wrapping_sub(1))
            .with_context(|| format!("rustdoc found an example in line {}", listed.line))?;
        let count = counts.entry(&comment.item).or_insert(0);
        *count += 1;
        found.push((format!("{}#{count}", comment.item), listed));
    }
    Ok(found)
}

/// Lists the examples of one file, which is made as std's own are: a crate of that name is not
/// imported into its examples.
fn rustdoc(file: &Path) -> Command {
    let mut command = toolchain::host_rustdoc();
    command
        .args(["--edition", "2024", "--crate-name", "std"])
        .args(["-Zunstable-options", "--output-format", "doctest"])
        .arg(file)
        .env("RUSTC_BOOTSTRAP", "1");
    command
}

/// Makes a program. Gates of unstable features go: what threadbare has of them needs none.
fn example(name: &str, listed: &Listed, verdict: Option<Verdict>) -> Result<Example> {
    let is_gate = |line: &&str| line.trim_start().starts_with("#![feature(");
    let head: Vec<_> = listed.head.lines().filter(|line| !is_gate(line)).collect();
    let prelude = new::block(STD_HEADING, 0)?;
    let std = match verdict {
        Some(Verdict::Runs) => "use threadbare as std;\n".to_owned(),
        _ => new::block(STD_HEADING, 1)?,
    };
    let items = format!("{prelude}{std}extern crate suite_heap;\n");
    Ok(Example {
        name: full(name),
        program: programs::plain(&name.replace("::", "_")),
        text: programs::program(&(head.join("\n") + "\n"), &items, &listed.body),
        mark: listed.mark.clone(),
    })
}

/// README's section with the two blocks: what stands for std's prelude, and a module `std`.
const STD_HEADING: &str = "## Code written for `std`";
