//! Programs made of examples: a generated crate, built by one call of cargo, and what each shows.

use super::listed::Mark;
use crate::case::claim;
use crate::new;
use crate::process::{self, Finished};
use crate::toolchain;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const BUILD_LIMIT: Duration = Duration::from_secs(10 * 60);
const RUN_LIMIT: Duration = Duration::from_secs(60);
/// What a panic ends a program with.
const SIGABRT: &str = "killed by signal 6";

/// An example as a program.
#[derive(Debug)]
pub struct Example {
    /// The case's name.
    pub name: String,
    /// The program's name.
    pub program: String,
    pub text: String,
    pub mark: Mark,
}

/// A crate whose programs are examples, after an attempt to build them.
pub struct Programs {
    folder: PathBuf,
    build: Finished,
}

/// Puts `body` and what must stand before it together. An example that is a whole program of this
/// crate's users says `#![no_main]` itself.
pub fn program(head: &str, items: &str, body: &str) -> String {
    let no_std = if head.contains("#![no_std]") {
        ""
    } else {
        "#![no_std]\n"
    };
    let (no_main, entry) = if head.contains("#![no_main]") {
        ("", "")
    } else {
        ("#![no_main]\n", "threadbare::entry!(main);\n")
    };
    format!("{no_std}{no_main}{head}{items}{entry}{body}\n")
}

/// Makes a name that cargo takes for a program.
pub fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    name.chars().map(plain).collect()
}

impl Programs {
    /// Writes a crate with these dependencies into `folder` and builds all programs but those that
    /// must not build; one that does not keeps none of the others from it.
    pub fn build(folder: &Path, dependencies: &str, examples: &[Example]) -> Result<Programs> {
        let manifest = format!(
            "[package]\nname = \"examples\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\n{dependencies}\n\n\
             [profile.dev]\npanic = \"abort\"\ndebug = false\nincremental = false\n\n\
             [workspace]\n{}",
            new::patch(&toolchain::root())
        );
        write_if_new(&folder.join("build.rs"), &new::file("build.rs")?)?;
        write_if_new(&folder.join("Cargo.toml"), &manifest)?;
        // The versions that the workspace was built with, so nothing is downloaded.
        fs::copy(
            toolchain::root().join("Cargo.lock"),
            folder.join("Cargo.lock"),
        )?;
        for (directory, is_refused) in [("src/bin", false), ("examples", true)] {
            let is_here =
                |example: &&Example| matches!(example.mark, Mark::Refused(_)) == is_refused;
            let here: Vec<_> = examples.iter().filter(is_here).collect();
            write_programs(&folder.join(directory), &here)?;
            for example in here {
                // What an earlier run built must not pass for this one's.
                let _ = fs::remove_file(built(folder, example));
            }
        }
        let mut command = cargo_build(folder);
        command.args(["--bins", "--keep-going"]);
        Ok(Programs {
            folder: folder.to_owned(),
            build: process::capture(command, b"", BUILD_LIMIT)?,
        })
    }

    /// Tells whether the example is as its mark says.
    pub fn judge(&self, example: &Example) -> Result<(), String> {
        if let Mark::Refused(codes) = &example.mark {
            let build = self.build_alone(example, "--example")?;
            let told = String::from_utf8_lossy(&build.output);
            return claim(
                build.ended.code() == Some(101) && codes.iter().all(|code| told.contains(code)),
                || format!("wanted the compiler to refuse it with {codes:?}:\n{told}"),
            );
        }
        let program = built(&self.folder, example);
        if !program.is_file() {
            let alone = self.build_alone(example, "--bin")?;
            // If it builds now, what broke is not its own.
            let told = if alone.ended.code() == Some(0) {
                &self.build
            } else {
                &alone
            };
            let told = String::from_utf8_lossy(&told.output);
            return Err(format!("it does not build:\n{told}"));
        }
        if example.mark == Mark::NoRun {
            return Ok(());
        }
        let finished = process::capture(Command::new(program), b"", RUN_LIMIT)
            .map_err(|error| format!("{error:#}"))?;
        let printed = String::from_utf8_lossy(&finished.output);
        let ended = finished.ended.describe();
        let is_right = match example.mark {
            Mark::Panics => ended == SIGABRT && printed.contains(" panicked at "),
            _ => finished.ended.code() == Some(0),
        };
        claim(is_right, || {
            format!("marked {:?}: {ended}; it printed:\n{printed}", example.mark)
        })
    }

    /// Tells, without asking the compiler why, that the example should build and did not.
    pub fn is_broken(&self, example: &Example) -> bool {
        !matches!(example.mark, Mark::Refused(_)) && !built(&self.folder, example).is_file()
    }

    /// Builds it alone, to see what the compiler says about it.
    fn build_alone(&self, example: &Example, kind: &str) -> Result<Finished, String> {
        let mut command = cargo_build(&self.folder);
        command.args([kind, &example.program]);
        process::capture(command, b"", BUILD_LIMIT).map_err(|error| format!("{error:#}"))
    }
}

/// Writes the programs, and removes what else is in `directory`.
fn write_programs(directory: &Path, examples: &[&Example]) -> Result<()> {
    fs::create_dir_all(directory)?;
    for entry in directory.read_dir()? {
        let path = entry?.path();
        let stem = path.file_stem().unwrap_or_default();
        if !examples.iter().any(|example| *example.program == *stem) {
            fs::remove_file(path)?;
        }
    }
    for example in examples {
        let file = format!("{}.rs", example.program);
        write_if_new(&directory.join(file), &example.text)?;
    }
    Ok(())
}

/// Where the example's program is after the build.
fn built(folder: &Path, example: &Example) -> PathBuf {
    folder.join("target/debug").join(&example.program)
}

fn cargo_build(folder: &Path) -> Command {
    let mut command = toolchain::host_cargo();
    command
        .current_dir(folder)
        .args(["build", "--offline", "--color", "never", "--target-dir"])
        .arg(folder.join("target"));
    command
}

/// Writes a file unless it holds `text` already, so that cargo sees what did not change.
pub fn write_if_new(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().unwrap_or(path))
        .and_then(|()| fs::write(path, text))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_example_becomes_a_program() {
        let text = "#![no_std]\n#![no_main]\nh\nitems\nthreadbare::entry!(main);\nfn main() {}\n";
        assert_eq!(program("h\n", "items\n", "fn main() {}"), text);
        assert_eq!(plain("src/a b.rs:7"), "src_a_b_rs_7");
    }

    #[test]
    fn a_whole_program_stays_as_it_is() {
        let head = "#![no_std]\n#![no_main]\n";
        assert_eq!(program(head, "", "b"), format!("{head}b\n"));
    }
}
