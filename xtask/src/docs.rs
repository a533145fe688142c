//! The examples in the library's documentation: each is a program, built and run on the host.
//!
//! rustdoc's own harness needs std, and a program with threadbare has none. So rustdoc only lists
//! the examples (hidden lines and `?` are its work); here each becomes a program of one crate.
//! A mark does what it does in rustdoc: `no_run`, `ignore`, `should_panic`, `compile_fail`.

pub mod inputs;
pub mod items;
pub mod listed;
pub mod programs;

use crate::case::Case;
use crate::process::{self, Finished};
use crate::step;
use crate::tally::Tally;
use crate::toolchain;
use anyhow::{Context, Result, ensure};
use listed::{Listed, Mark};
use programs::{Example, Programs};
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const RUSTDOC_LIMIT: Duration = Duration::from_secs(10 * 60);

/// Where the library's examples are made, below the root.
const FOLDER: &str = "target/xtask/docs";

/// The heap, which programs with the feature `alloc` must have, is the tests' own.
const HEAP: &str = "extern crate suite_heap as _;\n";

/// The features that are off by default and have examples.
const FEATURES: &str = "\"alloc\", \"lock-api\", \"critical-section\", \"spin-relax\"";

/// What the generated crate depends on: the library with all that has examples, and the crates that
/// it implements something of.
pub fn dependencies() -> String {
    let heap = toolchain::root().join("tests/heap");
    format!(
        "threadbare = {{ version = \"*\", features = [{FEATURES}] }}\n\
         lock_api = {{ version = \"0.4\", default-features = false }}\n\
         critical-section = \"1.2\"\n\
         spin = {{ version = \"0.12\", default-features = false, features = [\"spin_mutex\"] }}\n\
         suite-heap = {{ path = '{}' }}",
        heap.display()
    )
}

/// Keeps other runs in this checkout out of a folder with a crate and rustdoc's lists, until it is
/// dropped.
pub fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let lock = || -> std::io::Result<File> {
        fs::create_dir_all(folder)?;
        let file = File::create(&path)?;
        file.lock()?;
        Ok(file)
    };
    lock().with_context(|| format!("cannot lock {}", path.display()))
}

/// Runs the examples whose names contain `filter`; prints one line about them.
pub fn run(filter: Option<&str>) -> Result<Tally> {
    let folder = toolchain::root().join(FOLDER);
    let _lock = lock(&folder)?;
    let started = Instant::now();
    let listed = ask_for_examples(rustdoc("doctest"))?;
    let mut examples: Vec<_> = listed.into_iter().map(example).collect();
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
    let programs = Programs::build(&folder, &dependencies(), &examples)?;
    let judge = |example: &Example| Case::new(&example.name, programs.judge(example));
    let cases: Vec<_> = examples.iter().map(judge).collect();
    let mut tally = step::report("documentation", &cases, started);
    tally.skipped = ignored.len();
    Ok(tally)
}

/// Makes a program of an entry of rustdoc's list.
fn example(listed: Listed) -> Example {
    let place = format!("{}:{}", listed.file, listed.line);
    Example {
        name: format!("doc/{place}"),
        program: programs::plain(&place),
        text: programs::program(&listed.head, HEAP, &listed.body),
        mark: listed.mark,
    }
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
            "--features",
            &FEATURES.replace('"', ""),
            "--target-dir",
        ])
        .arg(toolchain::root().join(FOLDER).join("rustdoc"))
        .args(["--", "-Zunstable-options", "--output-format", format])
        .env("RUSTC_BOOTSTRAP", "1")
        .env_remove("RUSTDOCFLAGS");
    command
}

/// Runs rustdoc; whoever reads what it wrote knows where that is.
fn ask(command: Command) -> Result<Finished> {
    let shown = process::show(&command);
    let finished = process::capture(command, b"", RUSTDOC_LIMIT)?;
    ensure!(
        finished.ended.code() == Some(0),
        "`{shown}`: {}\n{}",
        finished.ended.describe(),
        String::from_utf8_lossy(&finished.output)
    );
    Ok(finished)
}

/// Has a rustdoc command list examples.
pub fn ask_for_examples(command: Command) -> Result<Vec<Listed>> {
    let finished = ask(command)?;
    let list = serde_json::from_slice(&finished.stdout);
    listed::parse(&list.context("rustdoc's list of examples is no JSON")?)
}
