//! README's commands: that each names what is there, and that those for C programs work.
//!
//! What the others start is built and run by `test` from the same sources, in its own way.

use crate::case::claim;
use crate::new;
use crate::process;
use crate::toolchain;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(10 * 60);

/// Runs the block under "From C" as a reader would who copies it.
pub fn c_program() -> Result<(), String> {
    let block = new::block("### From C", 0).map_err(|error| format!("{error:#}"))?;
    // The archive's path names the CPU.
    let block = block.replace("x86_64", std::env::consts::ARCH);
    let mut command = Command::new("sh");
    command
        .args(["-ec", &block])
        .current_dir(toolchain::root())
        .env_remove("RUSTC_BOOTSTRAP");
    let finished = process::capture(command, b"", LIMIT).map_err(|error| format!("{error:#}"))?;
    let told = String::from_utf8_lossy(&finished.output);
    claim(finished.ended.code() == Some(0), || {
        format!("{}:\n{block}\n{told}", finished.ended.describe())
    })
}

#[cfg(test)]
mod tests {
    use super::super::README;
    use crate::CommandLine;
    use clap::Parser;
    use std::path::Path;

    /// The lines of shell blocks, each with what it goes on with.
    fn commands() -> Vec<String> {
        let blocks = README.split("```sh\n").skip(1);
        let blocks = blocks.map(|rest| rest.split("```").next().unwrap_or_default());
        let lines = blocks.flat_map(|block| {
            let whole = block.replace("\\\n", " ");
            whole.lines().map(str::to_owned).collect::<Vec<_>>()
        });
        lines.collect()
    }

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    /// What stands behind a word of a command.
    fn behind<'a>(command: &'a str, word: &str) -> Option<&'a str> {
        let mut words = command.split_whitespace();
        words.find(|found| *found == word)?;
        words.next()
    }

    #[test]
    fn every_verb_and_its_options_are_xtasks() {
        let mut count = 0;
        for command in commands() {
            let Some((_, rest)) = command.split_once("cargo xtask ") else {
                continue;
            };
            let words = ["cargo xtask"].into_iter().chain(rest.split_whitespace());
            if let Err(error) = CommandLine::try_parse_from(words) {
                panic!("{command}: {error}");
            }
            count += 1;
        }
        assert!(count > 1);
    }

    #[test]
    fn every_path_is_there() {
        let folders = ["examples/", "linker/"];
        let commands = commands();
        let words = commands.iter().flat_map(|line| line.split_whitespace());
        let ours = words.filter(|word| folders.iter().any(|folder| word.starts_with(folder)));
        let paths: Vec<_> = ours.collect();
        assert!(!paths.is_empty());
        for path in paths {
            assert!(root().join(path).exists(), "README.md names {path}");
        }
    }

    #[test]
    fn every_example_has_a_command_and_a_row() {
        let commands = commands();
        let (_, table) = README.split_once("## The examples\n").unwrap();
        let table = table.split("\n## ").next().unwrap();
        for entry in root().join("examples").read_dir().unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(table.contains(&format!("`{name}`")), "no row for {name}");
            let package = name.replace('_', "-");
            let is_its = |command: &String| {
                behind(command, "--example") == Some(name)
                    || behind(command, "--package") == Some(&package)
                    || command.starts_with(&format!("cargo xtask {name}"))
            };
            assert!(commands.iter().any(is_its), "no command for {name}");
        }
    }

    #[test]
    fn every_command_names_what_is_there() {
        for command in commands() {
            if let Some(name) = behind(&command, "--example") {
                let file = root().join(format!("examples/{name}.rs"));
                let folder = root().join(format!("examples/{name}/main.rs"));
                assert!(file.is_file() || folder.is_file(), "{command}");
            }
            if let Some(package) = behind(&command, "--package") {
                let folder = package.replace('-', "_");
                let manifest = root().join(format!("examples/{folder}/Cargo.toml"));
                let manifest = std::fs::read_to_string(manifest).unwrap_or_default();
                let name = format!("name = \"{package}\"");
                assert!(manifest.contains(&name), "{command}");
            }
        }
    }
}
