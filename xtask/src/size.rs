//! `cargo xtask size`: builds the examples as small as they get, prints their sizes, and holds
//! each file against the ELF rules.
//!
//! It sets no limit on the sizes; a record to compare with is kept elsewhere.

use crate::build::Build;
use crate::elf::Image;
use crate::examples;
use crate::guest::Guest;
use crate::setup;
use crate::targets::{self, LinkMode, Profile};
use anyhow::{Context, Result, bail};
use clap::Args;

/// What to measure.
#[derive(Args, Debug)]
pub struct Options {
    /// A target's name, `host`, or `all`
    #[arg(long, default_value = "x86_64", value_parser = targets::parse_arch)]
    pub arch: String,
}

/// Builds, prints the table, and fails if a rule is broken.
pub fn run(options: &Options) -> Result<()> {
    let targets = targets::select(&options.arch)?;
    setup::ensure(&targets)?;
    let mut violations = Vec::new();
    let mut rows = Vec::new();
    for target in targets {
        let mode = LinkMode::Fixed;
        let build = Build {
            target,
            mode,
            profile: Profile::Small,
        };
        build
            .run_examples()
            .with_context(|| format!("cannot build {}", build.label()))?;
        for (name, _) in examples::TABLE {
            let image = Image::read(&Guest::example(build, name).path)?;
            rows.push(format!(
                "{:8} {name:16} {:>10} {:>12} {:>10}",
                target.name, image.file_bytes, image.text_bytes, image.data_bytes
            ));
            for case in image.rules(mode) {
                if let Err(message) = case.outcome {
                    violations.push(format!("{} {name}: {}: {message}", target.name, case.name));
                }
            }
        }
    }
    let (file, text, data) = ("file bytes", "text+rodata", "data+bss");
    println!(
        "{:8} {:16} {file:>10} {text:>12} {data:>10}",
        "target", "program"
    );
    rows.iter().for_each(|row| println!("{row}"));
    if !violations.is_empty() {
        bail!(
            "{} ELF rules are broken:\n  {}",
            violations.len(),
            violations.join("\n  ")
        );
    }
    Ok(())
}
