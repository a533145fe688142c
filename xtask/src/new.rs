//! `cargo xtask new PATH`: writes the crate that README.md shows.
//!
//! The files are README's own fenced blocks, so that text and files cannot differ. One section is
//! added to `Cargo.toml`: it takes threadbare from this checkout, so that the crate builds at once
//! and sees what is being worked on.

use crate::toolchain;
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};

const README: &str = include_str!("../../README.md");
/// The section whose blocks are the files; each block stands below a line that ends in "`NAME`:".
const HEADING: &str = "## Your own crate";
const PLACE: &str = "name a folder that is empty or does not exist yet, outside this checkout";

/// Where to write.
#[derive(Args, Debug)]
pub struct Options {
    /// The folder to make
    pub path: PathBuf,
}

/// Runs the verb.
pub fn run(options: &Options) -> Result<()> {
    let folder = &options.path;
    let names = write(folder)?;
    println!("wrote {} in {}", names.join(", "), folder.display());
    println!("next:\n  cd {}\n  cargo run", folder.display());
    Ok(())
}

/// Writes the crate into `folder`; returns the names of the files.
pub fn write(folder: &Path) -> Result<Vec<String>> {
    refuse_what_is_in_use(folder)?;
    let files = files(README)?;
    for (name, text) in &files {
        let path = folder.join(name);
        let text = match name.as_str() {
            "Cargo.toml" => format!("{text}{}", patch(&toolchain::root())),
            _ => text.clone(),
        };
        fs::create_dir_all(path.parent().unwrap_or(folder))
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(files.into_iter().map(|(name, _)| name).collect())
}

/// Returns README's text of the file called `name`.
pub fn file(name: &str) -> Result<String> {
    let files = files(README)?;
    let found = files.into_iter().find(|(found, _)| found == name);
    let (_, text) = found.with_context(|| format!("README.md, \"{HEADING}\", has no `{name}`:"))?;
    Ok(text)
}

/// Returns the block number `index` of README's section with this heading.
pub fn block(heading: &str, index: usize) -> Result<String> {
    let mut blocks = blocks(section(README, heading)?).into_iter();
    let found = blocks.nth(index);
    let (_, text) = found.with_context(|| {
        format!(
            "README.md, \"{heading}\", has fewer than {} fenced blocks",
            index + 1
        )
    })?;
    Ok(text)
}

/// The section that puts this checkout in the place of the registry's threadbare.
pub fn patch(checkout: &Path) -> String {
    format!(
        "\n# The checkout that wrote this file, in place of the published version.\n\
         [patch.crates-io]\nthreadbare = {{ path = '{}' }}\n",
        checkout.display()
    )
}

fn refuse_what_is_in_use(folder: &Path) -> Result<()> {
    let shown = folder.display();
    if folder.exists() {
        let entries = folder
            .read_dir()
            .with_context(|| format!("{shown} is no folder that can be read: {PLACE}"))?;
        ensure!(
            entries.count() == 0,
            "{shown} is not empty, and nothing in it was touched: {PLACE}"
        );
    }
    let is_there = |place: &&Path| place.as_os_str().is_empty() || place.exists();
    let base = folder.ancestors().find(is_there).unwrap_or(Path::new("/"));
    let base = Path::new(".").join(base).canonicalize()?;
    if base.starts_with(toolchain::root().canonicalize()?) {
        bail!("cargo would take {shown} for a member of this workspace: {PLACE}, such as ../hello");
    }
    Ok(())
}

/// Returns the text below a heading.
fn section<'a>(readme: &'a str, heading: &str) -> Result<&'a str> {
    let (_, section) = readme
        .split_once(&format!("{heading}\n"))
        .with_context(|| format!("README.md has lost its section \"{heading}\""))?;
    Ok(section.split("\n## ").next().unwrap_or_default())
}

/// Returns the fenced blocks, each with the name that stands above it.
fn blocks(section: &str) -> Vec<(Option<String>, String)> {
    let mut blocks = Vec::new();
    let mut label = None;
    let mut lines = section.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((label.take(), block.join("\n") + "\n"));
        } else if !line.is_empty() {
            label = line
                .strip_suffix("`:")
                .and_then(|line| line.rsplit('`').next())
                .map(str::to_owned);
        }
    }
    blocks
}

/// Takes the named blocks out of the section that shows a crate.
fn files(readme: &str) -> Result<Vec<(String, String)>> {
    let blocks = blocks(section(readme, HEADING)?).into_iter();
    let files: Vec<_> = blocks
        .filter_map(|(name, text)| Some((name?, text)))
        .collect();
    for wanted in ["Cargo.toml", "build.rs", "src/main.rs"] {
        ensure!(
            files.iter().any(|(name, _)| name == wanted),
            "README.md, \"{HEADING}\": put the line \"`{wanted}`:\" above the file's block"
        );
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_files_by_the_line_above() {
        let text = format!(
            "{HEADING}\nOne:\n```sh\nrun\n```\n`Cargo.toml`:\n\n```toml\na\n\nb\n```\n\
             `build.rs`:\n```\n```\nand `src/main.rs`:\n```rust\nc\n```\n\
             ## Next\n`d`:\n```\ne\n```\n"
        );
        let found = files(&text).unwrap();
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Cargo.toml", "build.rs", "src/main.rs"]);
        assert_eq!(found[0].1, "a\n\nb\n");
        assert!(files("## Other\n").is_err());
    }

    #[test]
    fn readme_holds_all_files() {
        assert!(file("src/main.rs").unwrap().contains("threadbare::entry!"));
        assert!(file("no.rs").is_err());
        assert_eq!(block(HEADING, 0).unwrap(), file("src/main.rs").unwrap());
        assert!(
            block(HEADING, 9)
                .unwrap_err()
                .to_string()
                .contains("fewer than 10")
        );
    }

    #[test]
    fn this_checkout_and_full_folders_are_refused() {
        let inside = toolchain::root().join("not/there");
        assert!(write(&inside).unwrap_err().to_string().contains("../hello"));
        let full = write(&toolchain::root()).unwrap_err().to_string();
        assert!(full.contains("not empty"), "{full}");
    }
}
