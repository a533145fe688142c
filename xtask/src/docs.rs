//! The examples in the library's documentation: each is a program, built and run on the host.
//!
//! rustdoc's own harness needs std, and a program with threadbare has none. So rustdoc only lists
//! the examples (hidden lines and `?` are its work); here each becomes a program of one crate.
//! A mark does what it does in rustdoc: `no_run`, `ignore`, `should_panic`, `compile_fail`.

pub mod items;

use crate::case::{Case, claim};
use crate::new;
use crate::process::{self, Finished};
use crate::step;
use crate::tally::Tally;
use crate::toolchain;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const BUILD_LIMIT: Duration = Duration::from_secs(10 * 60);
const RUN_LIMIT: Duration = Duration::from_secs(60);
/// What a panic ends a program with.
const SIGABRT: &str = "killed by signal 6";

/// What is expected of an example.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mark {
    /// It runs and ends with status 0.
    Runs,
    /// It is built only: it would wait for somebody, or end the machine.
    NoRun,
    /// It panics.
    Panics,
    /// It is not built at all.
    Ignored,
    /// The compiler refuses it, with these error codes.
    Refused(Vec<String>),
}

/// One example.
#[derive(Debug)]
struct Example {
    /// `doc/FILE:LINE`.
    name: String,
    /// The name of its program.
    program: String,
    text: String,
    mark: Mark,
}

/// Keeps other runs in this checkout out of the crate and of rustdoc's lists, until it is dropped.
fn lock() -> Result<File> {
    let folder = toolchain::root().join("target/xtask/docs");
    let path = folder.join("lock");
    let lock = || -> std::io::Result<File> {
        fs::create_dir_all(&folder)?;
        let file = File::create(&path)?;
        file.lock()?;
        Ok(file)
    };
    lock().with_context(|| format!("cannot lock {}", path.display()))
}

/// Runs the examples whose names contain `filter`; prints one line about them.
pub fn run(filter: Option<&str>) -> Result<Tally> {
    let _lock = lock()?;
    let started = Instant::now();
    let mut examples = parse(&list()?)?;
    ensure!(
        !examples.is_empty(),
        "rustdoc lists no example in the library's documentation"
    );
    examples.retain(|example| filter.is_none_or(|filter| example.name.contains(filter)));
    if examples.is_empty() {
        return Ok(Tally::default());
    }
    let (ignored, examples): (Vec<_>, Vec<_>) = examples
        .into_iter()
        .partition(|example| example.mark == Mark::Ignored);
    for example in &ignored {
        println!("skip   {} is marked `ignore`", example.name);
    }
    let folder = toolchain::root().join("target/xtask/docs");
    let all = build_all(&folder, &examples)?;
    let judge = |example: &Example| Case::new(&example.name, example.judge(&folder, &all));
    let cases: Vec<_> = examples.iter().map(judge).collect();
    let mut tally = step::report("documentation", &cases, started);
    tally.skipped = ignored.len();
    Ok(tally)
}

/// A rustdoc command on the library as its users see it. rustdoc's lists are not stable yet, which
/// a stable compiler lets pass with `RUSTC_BOOTSTRAP`.
fn rustdoc(format: &str) -> Command {
    let mut command = toolchain::host_cargo();
    command
        .args([
            "rustdoc",
            "--package",
            "threadbare",
            "--lib",
            "--target-dir",
        ])
        .arg(toolchain::root().join("target/xtask/docs/rustdoc"))
        .args(["--", "-Zunstable-options", "--output-format", format])
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("RUSTDOCFLAGS");
    command
}

/// Runs rustdoc; whoever reads what it wrote knows where that is.
fn ask_rustdoc(format: &str) -> Result<Finished> {
    let command = rustdoc(format);
    let shown = process::show(&command);
    let finished = process::capture(command, b"", BUILD_LIMIT)?;
    ensure!(
        finished.ended.code() == Some(0),
        "`{shown}`: {}\n{}",
        finished.ended.describe(),
        String::from_utf8_lossy(&finished.output)
    );
    Ok(finished)
}

/// Asks rustdoc for the examples.
fn list() -> Result<Value> {
    let finished = ask_rustdoc("doctest")?;
    serde_json::from_slice(&finished.stdout).context("rustdoc's list of examples is no JSON")
}

/// Makes programs of rustdoc's list.
fn parse(list: &Value) -> Result<Vec<Example>> {
    let version = &list["format_version"];
    let examples = list["doctests"].as_array().into_iter().flatten();
    examples
        .map(example)
        .collect::<Option<Vec<_>>>()
        .with_context(|| {
            format!("rustdoc's list has format {version}: teach xtask/src/docs.rs to read it")
        })
}

/// Reads one entry of the list; `None` where it is not as expected.
fn example(entry: &Value) -> Option<Example> {
    let (file, line) = (entry["file"].as_str()?, entry["line"].as_u64()?);
    let marks = &entry["doctest_attributes"];
    let is = |mark: &str| marks[mark].as_bool();
    let codes = marks["error_codes"].as_array()?.iter();
    let mark = if marks["ignore"].as_str() != Some("None") {
        Mark::Ignored
    } else if is("compile_fail")? {
        Mark::Refused(codes.filter_map(Value::as_str).map(str::to_owned).collect())
    } else if is("should_panic")? {
        Mark::Panics
    } else if is("no_run")? {
        Mark::NoRun
    } else {
        Mark::Runs
    };
    let code = &entry["doctest_code"];
    let (head, body) = (code["crate_level"].as_str()?, code["code"].as_str()?);
    let (before, after) = match &code["wrapper"] {
        Value::Null => ("", ""),
        wrapper => (wrapper["before"].as_str()?, wrapper["after"].as_str()?),
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    Some(Example {
        name: format!("doc/{file}:{line}"),
        program: format!("{file}_{line}").chars().map(plain).collect(),
        text: program(head, &format!("{before}{body}{after}")),
        mark,
    })
}

/// Puts a program together. An example that is a whole program says `#![no_main]` itself.
fn program(head: &str, body: &str) -> String {
    let is_whole = head.contains("#![no_main]");
    let no_std = if head.contains("#![no_std]") {
        ""
    } else {
        "#![no_std]\n"
    };
    let (no_main, entry) = if is_whole {
        ("", "")
    } else {
        ("#![no_main]\n", "threadbare::entry!(main);\n")
    };
    format!("{no_std}{no_main}{head}{entry}{body}\n")
}

/// Writes the crate and builds all its programs but those that must not build; one that does not
/// keeps none of the others from it.
fn build_all(folder: &Path, examples: &[Example]) -> Result<Finished> {
    write_if_new(&folder.join("build.rs"), &new::file("build.rs")?)?;
    let manifest = format!(
        "[package]\nname = \"examples\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\nthreadbare = \"*\"\n\n[profile.dev]\npanic = \"abort\"\n\n[workspace]\n{}",
        new::patch(&toolchain::root())
    );
    write_if_new(&folder.join("Cargo.toml"), &manifest)?;
    // The versions that the workspace was built with, so nothing is downloaded.
    fs::copy(
        toolchain::root().join("Cargo.lock"),
        folder.join("Cargo.lock"),
    )?;
    for (directory, is_refused) in [("src/bin", false), ("examples", true)] {
        let here: Vec<_> = examples
            .iter()
            .filter(|example| matches!(example.mark, Mark::Refused(_)) == is_refused)
            .collect();
        let directory = folder.join(directory);
        fs::create_dir_all(&directory)?;
        for entry in directory.read_dir()? {
            let path = entry?.path();
            let stem = path.file_stem().unwrap_or_default();
            if !here.iter().any(|example| *example.program == *stem) {
                fs::remove_file(path)?;
            }
        }
        for example in here {
            write_if_new(
                &directory.join(format!("{}.rs", example.program)),
                &example.text,
            )?;
            // What an earlier run built must not pass for this one's.
            let _ = fs::remove_file(example.built(folder));
        }
    }
    let mut command = cargo_build(folder);
    command.args(["--bins", "--keep-going"]);
    process::capture(command, b"", BUILD_LIMIT)
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
fn write_if_new(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().unwrap_or(path))
        .and_then(|()| fs::write(path, text))
        .with_context(|| format!("cannot write {}", path.display()))
}

impl Example {
    /// Where its program is after the build.
    fn built(&self, folder: &Path) -> PathBuf {
        folder.join("target/debug").join(&self.program)
    }

    /// Builds it alone, to see what the compiler says about it.
    fn build_alone(&self, folder: &Path, kind: &str) -> Result<Finished, String> {
        let mut command = cargo_build(folder);
        command.args([kind, &self.program]);
        process::capture(command, b"", BUILD_LIMIT).map_err(|error| format!("{error:#}"))
    }

    fn judge(&self, folder: &Path, all: &Finished) -> Result<(), String> {
        if let Mark::Refused(codes) = &self.mark {
            let built = self.build_alone(folder, "--example")?;
            let told = String::from_utf8_lossy(&built.output);
            return claim(
                built.ended.code() == Some(101) && codes.iter().all(|code| told.contains(code)),
                || format!("wanted the compiler to refuse it with {codes:?}:\n{told}"),
            );
        }
        let program = self.built(folder);
        if !program.is_file() {
            let built = self.build_alone(folder, "--bin")?;
            // If it builds now, what broke is not its own.
            let told = if built.ended.code() == Some(0) {
                all
            } else {
                &built
            };
            let told = String::from_utf8_lossy(&told.output);
            return Err(format!("it does not build:\n{told}"));
        }
        if self.mark == Mark::NoRun {
            return Ok(());
        }
        let finished = process::capture(Command::new(program), b"", RUN_LIMIT)
            .map_err(|error| format!("{error:#}"))?;
        let printed = String::from_utf8_lossy(&finished.output);
        let ended = finished.ended.describe();
        let is_right = match self.mark {
            Mark::Panics => ended == SIGABRT && printed.contains(" panicked at "),
            _ => finished.ended.code() == Some(0),
        };
        claim(is_right, || {
            format!("marked {:?}: {ended}; it printed:\n{printed}", self.mark)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(attributes: &str, code: &str) -> Option<Example> {
        let text = format!(
            r#"{{"file": "src/a b.rs", "line": 7, "doctest_attributes": {{"should_panic": false,
            "no_run": false, "ignore": "None", "compile_fail": false, "error_codes": []
            {attributes}}}, "doctest_code": {code}}}"#
        );
        example(&serde_json::from_str(&text).unwrap())
    }

    const BARE: &str = r#"{"crate_level": "", "code": "a();", "wrapper":
        {"before": "fn main() {\n", "after": "\n}"}}"#;

    #[test]
    fn a_bare_example_becomes_a_program() {
        let example = listed("", BARE).unwrap();
        assert_eq!(example.name, "doc/src/a b.rs:7");
        assert_eq!(example.program, "src_a_b_rs_7");
        assert_eq!(example.mark, Mark::Runs);
        let text = "#![no_std]\n#![no_main]\nthreadbare::entry!(main);\nfn main() {\na();\n}\n";
        assert_eq!(example.text, text);
    }

    #[test]
    fn a_whole_program_stays_as_it_is() {
        let head = "#![no_std]\n#![no_main]\n";
        assert_eq!(program(head, "b"), format!("{head}b\n"));
    }

    #[test]
    fn marks_are_read() {
        let mark = |attributes| listed(attributes, BARE).unwrap().mark;
        assert_eq!(mark(r#", "no_run": true"#), Mark::NoRun);
        assert_eq!(mark(r#", "should_panic": true"#), Mark::Panics);
        assert_eq!(mark(r#", "ignore": "All""#), Mark::Ignored);
        assert_eq!(mark(r#", "ignore": {"Some": ["a"]}"#), Mark::Ignored);
        let codes = mark(r#", "compile_fail": true, "error_codes": ["E1"]"#);
        assert_eq!(codes, Mark::Refused(vec!["E1".into()]));
    }

    #[test]
    fn another_format_is_told() {
        assert!(listed("", r#"{"text": ""}"#).is_none());
        let list = serde_json::from_str(r#"{"format_version": 9, "doctests": [{}]}"#).unwrap();
        assert!(parse(&list).unwrap_err().to_string().contains("format 9"));
    }
}
