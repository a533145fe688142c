//! The house rules that no compiler checks, as a part of `cargo xtask check`.
//!
//! Rules about one file are in `tidy/source.rs`, rules between files in `tidy/tree.rs`. Both are
//! pure: text in, complaints out. What rustfmt and clippy check is not repeated here, except for
//! SAFETY comments, which must also hold in code that clippy does not build on this machine.

mod source;
mod tree;

use anyhow::{Context, Result, bail};
use std::path::Path;

/// A file by its path below the root.
pub struct Source {
    path: String,
    text: String,
}

/// Directories that hold sources of ours.
const DIRECTORIES: &[&str] = &[
    "arch", "benches", "build", "examples", "src", "tests", "xtask",
];

/// Checks the tree below `root`.
pub fn run(root: &Path) -> Result<()> {
    let mut sources = Vec::new();
    for directory in DIRECTORIES {
        if root.join(directory).is_dir() {
            collect(root, Path::new(directory), &mut sources)?;
        }
    }
    if root.join("build.rs").is_file() {
        sources.push(read(root, Path::new("build.rs"))?);
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    let mut complaints: Vec<String> = sources.iter().flat_map(source::check).collect();
    // A missing file is an empty one: the rule that reads it says what belongs there.
    let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_default();
    complaints.extend(tree::versions(
        &text("Cargo.toml"),
        &text("README.md"),
        &text("CHANGELOG.md"),
    ));
    complaints.extend(tree::contract(
        &text("src/arch.rs"),
        &text("arch/README.md"),
    ));
    if !complaints.is_empty() {
        bail!(
            "{} house rules are broken:\n  {}",
            complaints.len(),
            complaints.join("\n  ")
        );
    }
    Ok(())
}

fn collect(root: &Path, directory: &Path, into: &mut Vec<Source>) -> Result<()> {
    for entry in root.join(directory).read_dir()? {
        let entry = entry?;
        let path = directory.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if entry.file_name() != "target" {
                collect(root, &path, into)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(read(root, &path)?);
        }
    }
    Ok(())
}

fn read(root: &Path, path: &Path) -> Result<Source> {
    let text = std::fs::read_to_string(root.join(path))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Source {
        path: path.to_string_lossy().into_owned(),
        text,
    })
}
