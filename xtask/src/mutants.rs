//! `cargo xtask mutants`: takes each cleanup out of a copy of the library, and lets a test notice.
//!
//! A leak that is put back on purpose must make its test fail: otherwise the test proves nothing.
//! Each entry of the table is one piece of source and what stands in its place; a piece that is not
//! found exactly once is a failure, so that the table keeps up with the library. The copy lies
//! below `target` and keeps its build between runs.

use crate::build;
use crate::process::{self, Ended};
use crate::tally::Tally;
use crate::targets::{self, LinkMode};
use crate::toolchain;
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The cleanups: the file says how it is read.
const TABLE: &str = include_str!("mutants/table.txt");

/// One spoilt copy of the library.
#[derive(Debug, Default, PartialEq, Eq)]
struct Mutant {
    /// What is wrong with it.
    name: String,
    /// The file that is changed.
    file: String,
    /// A piece that is in the file once.
    from: String,
    /// What stands in its place.
    to: String,
    /// The suite program that has to notice.
    program: String,
    /// Its case.
    case: String,
}

/// What of the repository is copied: all that cargo wants to see of a workspace.
const COPIED: &[&str] = &[
    ".cargo",
    "Cargo.toml",
    "Cargo.lock",
    "arch",
    "build",
    "build.rs",
    "examples",
    "linker",
    "src",
    "tests",
    "xtask",
];
/// How long a test may take whose program has become wrong.
const LIMIT: Duration = Duration::from_secs(10);

/// Which cleanups are taken out.
#[derive(Args, Debug, Default)]
pub struct Options {
    /// Only those whose name contains this
    #[arg(long)]
    pub filter: Option<String>,
}

/// Runs the verb and returns the tally; the caller prints it as the last line.
pub fn run(options: &Options) -> Result<Tally> {
    let started = Instant::now();
    let copy = Copy::make()?;
    let mut tally = Tally::default();
    let mutants = read(TABLE)?;
    let chosen: Vec<_> = mutants
        .iter()
        .filter(|mutant| {
            let filter = options.filter.as_deref();
            filter.is_none_or(|filter| mutant.name.contains(filter))
        })
        .collect();
    // What fails without a mutation proves nothing by failing with one.
    let mut sound: Vec<(&str, &str)> = Vec::new();
    for mutant in &chosen {
        let test = (mutant.program.as_str(), mutant.case.as_str());
        if !sound.contains(&test) {
            let seen = copy.test(mutant)?;
            ensure!(
                seen == Seen::Passed,
                "{} {} fails in the unchanged copy: {seen:?}",
                mutant.program,
                mutant.case
            );
            sound.push(test);
        }
    }
    for mutant in &chosen {
        let started = Instant::now();
        let outcome = copy.with(mutant, || copy.test(mutant));
        let seconds = started.elapsed().as_secs_f32();
        match outcome {
            Ok(Seen::Failed(how)) => {
                tally.passed += 1;
                println!("ok     mutant {:45} {seconds:5.1} s  {how}", mutant.name);
            }
            Ok(Seen::Passed) => {
                tally.failed += 1;
                println!(
                    "FAILED mutant {}: {} {} passes all the same",
                    mutant.name, mutant.program, mutant.case
                );
            }
            Err(error) => {
                tally.failed += 1;
                println!("FAILED mutant {}: {error:#}", mutant.name);
            }
        }
    }
    println!(
        "{} mutants in {:.0} s",
        chosen.len(),
        started.elapsed().as_secs_f32()
    );
    Ok(tally)
}

/// What a test said.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Passed,
    /// And how it ended, or the line that says so.
    Failed(String),
}

/// A copy of the repository, to be spoilt.
struct Copy {
    root: PathBuf,
    target: PathBuf,
}

impl Copy {
    fn make() -> Result<Copy> {
        let base = toolchain::root().join("target/xtask/mutants");
        let root = base.join("tree");
        fs::create_dir_all(&root)?;
        for name in COPIED {
            renew(&toolchain::root().join(name), &root.join(name))?;
        }
        let target = base.join("target");
        Ok(Copy { root, target })
    }

    /// Puts a mutation in place while `work` goes on.
    fn with<T>(&self, mutant: &Mutant, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let path = self.root.join(&mutant.file);
        let sound = fs::read_to_string(&path).with_context(|| format!("no {}", mutant.file))?;
        fs::write(&path, mutate(&sound, mutant)?)?;
        let result = work();
        fs::write(&path, sound)?;
        result
    }

    /// Builds the mutant's program as it is now, and runs its case.
    fn test(&self, mutant: &Mutant) -> Result<Seen> {
        let host = targets::select("host")?;
        let host = host.first().context("this machine's own target")?;
        let mut command = toolchain::host_cargo();
        command.current_dir(&self.root).args(["build", "--quiet"]);
        command
            .args(["--target", host.triple, "--target-dir"])
            .arg(&self.target);
        command.args(["--package", "suite", "--bin", &mutant.program]);
        command.env("RUSTFLAGS", LinkMode::Fixed.rustflags().join(" "));
        command.env("RUSTC_BOOTSTRAP", "1");
        command.env("CARGO_PROFILE_DEV_DEBUG", "0");
        let built = process::capture(command, b"", build::LIMIT)?;
        ensure!(
            built.ended.code() == Some(0),
            "does not build:\n{}",
            String::from_utf8_lossy(&built.output)
        );
        let program = self.target.join(host.triple).join("debug");
        let mut command = Command::new(program.join(&mutant.program));
        command.arg(&mutant.case);
        let finished = process::capture(command, b"", LIMIT)?;
        let text = String::from_utf8_lossy(&finished.stdout);
        let passed = format!("ok {}", mutant.case);
        if text.lines().any(|line| line == passed) && matches!(finished.ended, Ended::By(_)) {
            return Ok(Seen::Passed);
        }
        let why = text.lines().find(|line| line.starts_with("# "));
        let how = why.map_or_else(|| finished.ended.describe(), |line| line[2..].to_owned());
        Ok(Seen::Failed(how.chars().take(80).collect()))
    }
}

/// Reads the table.
fn read(text: &str) -> Result<Vec<Mutant>> {
    let mut mutants: Vec<Mutant> = Vec::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("== ") {
            let words: Vec<_> = head.split(' ').map(str::to_owned).collect();
            let [name, file, program, case] = <[String; 4]>::try_from(words)
                .map_err(|_| anyhow::anyhow!("not `NAME FILE PROGRAM CASE`: {line}"))?;
            mutants.push(Mutant {
                name,
                file,
                program,
                case,
                ..Mutant::default()
            });
        } else if let Some(mutant) = mutants.last_mut() {
            let piece = match line.get(..2) {
                Some("- ") => &mut mutant.from,
                Some("+ ") => &mut mutant.to,
                _ => continue,
            };
            if !piece.is_empty() {
                piece.push('\n');
            }
            piece.push_str(&line[2..]);
        }
    }
    ensure!(!mutants.is_empty(), "the table has no mutant");
    Ok(mutants)
}

/// Takes a mutant's piece out of a source.
fn mutate(sound: &str, mutant: &Mutant) -> Result<String> {
    let count = sound.matches(&mutant.from).count();
    ensure!(
        count == 1,
        "{} holds this {count} times, not once: correct xtask/src/mutants/table.txt\n{}",
        mutant.file,
        mutant.from
    );
    Ok(sound.replacen(&mutant.from, &mutant.to, 1))
}

/// Makes `to` like `from`; what is alike is left alone, so that cargo builds little.
fn renew(from: &Path, to: &Path) -> Result<()> {
    if from.is_file() {
        let wanted = fs::read(from).with_context(|| format!("no {}", from.display()))?;
        if fs::read(to).ok().as_ref() != Some(&wanted) {
            fs::write(to, wanted).with_context(|| format!("cannot write {}", to.display()))?;
        }
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !from.join(entry.file_name()).exists() {
            let path = entry.path();
            if path.is_dir() {
                fs::remove_dir_all(path)?;
            } else {
                fs::remove_file(path)?;
            }
        }
    }
    for entry in fs::read_dir(from).with_context(|| format!("no {}", from.display()))? {
        let name = entry?.file_name();
        if name != "target" {
            renew(&from.join(&name), &to.join(&name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_applies() {
        for mutant in read(TABLE).unwrap() {
            let source = fs::read_to_string(toolchain::root().join(&mutant.file)).unwrap();
            let mutated = mutate(&source, &mutant).unwrap();
            assert_ne!(source, mutated, "{}", mutant.name);
        }
    }

    #[test]
    fn a_mutant_is_read_with_its_lines() {
        let read = read("talk\n== a src/b.rs c d\n- one\n-   two\n+ three\n").unwrap();
        assert_eq!(read[0].from, "one\n  two");
        assert_eq!(read[0].to, "three");
        assert_eq!((read[0].name.as_str(), read[0].case.as_str()), ("a", "d"));
        assert!(super::read("== a b\n").is_err());
        assert!(super::read("").is_err());
    }

    #[test]
    fn a_piece_that_is_there_twice_is_refused() {
        let mutant = &read(TABLE).unwrap()[0];
        assert!(mutate("", mutant).is_err());
        assert!(mutate(&mutant.from.repeat(2), mutant).is_err());
    }
}
