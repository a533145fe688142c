//! The `core` and `alloc` of a CPU for which rustup has none: built from source, once, optimised,
//! and kept where rustc looks for a target's libraries, as rustup's would be.
//!
//! Both profiles and, where the CPU's calls allow it, both link modes share them. It costs 15 to 25
//! seconds a CPU and belongs to setting up, not to building our own programs.

use crate::build::{self, ignore_missing};
use crate::targets::{LinkMode, Target};
use crate::toolchain::{self, Compiler};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What a program of ours or of a user's may link.
const LIBRARIES: &[&str] = &["core", "alloc", "compiler_builtins"];

/// The package that exists only to have its dependencies built.
const MANIFEST: &str = r#"[package]
name = "sysroot"
version = "0.0.0"
edition = "2024"

[lib]
path = "lib.rs"

[workspace]

[profile.release]
panic = "abort"
codegen-units = 1
"#;

/// One set of libraries: of a target, for one link mode or for both.
#[derive(Clone, Copy, Debug)]
pub struct Sysroot {
    target: &'static Target,
    mode: LinkMode,
}

impl Sysroot {
    /// Returns the libraries that `target` needs beyond what rustup has installed, if any.
    pub fn of(target: &'static Target, mode: LinkMode) -> Option<Self> {
        let is_needed = toolchain::compiler_for(target) == Compiler::DebianBuildStd;
        is_needed.then_some(Self {
            target,
            mode: shared(target, mode),
        })
    }

    fn name(&self) -> String {
        format!("{}-{}", self.target.name, self.mode)
    }

    /// What `--sysroot` is to be.
    pub fn directory(&self) -> PathBuf {
        toolchain::root()
            .join("target/xtask/sysroot")
            .join(self.name())
    }

    fn libraries(&self) -> PathBuf {
        let below = format!("lib/rustlib/{}/lib", self.target.triple);
        self.directory().join(below)
    }

    /// Everything that the libraries depend on, as text.
    fn stamp(&self) -> Result<String> {
        let compiler = toolchain::debian_rustc_version()?;
        let flags = self.rustflags().join(" ");
        Ok(format!("{compiler}\n{flags}\n{MANIFEST}"))
    }

    fn rustflags(&self) -> Vec<&'static str> {
        // Whole-program optimisation, which only the thorough targets are built with, reads it.
        let mut flags = match self.target.is_thorough {
            true => vec!["-Cembed-bitcode=yes"],
            false => vec![],
        };
        flags.extend(self.mode.rustflags());
        flags.extend(self.target.rustflags);
        flags
    }

    fn is_there(&self) -> Result<bool> {
        let stamp = fs::read_to_string(self.directory().join("stamp")).unwrap_or_default();
        Ok(stamp == self.stamp()?)
    }

    /// Builds the libraries unless they are there. Two processes may do so at once: cargo makes
    /// one of them wait, and both put the same files there.
    pub fn ensure(&self) -> Result<()> {
        if self.is_there()? {
            return Ok(());
        }
        let started = Instant::now();
        self.build()
            .with_context(|| format!("cannot build core for {}", self.target.triple))?;
        let seconds = started.elapsed().as_secs_f32();
        println!(
            "built  {:11} core and alloc {seconds:8.1} s",
            self.target.name
        );
        Ok(())
    }

    fn build(&self) -> Result<()> {
        let package = self.directory().join("package");
        fs::create_dir_all(&package)?;
        fs::write(package.join("Cargo.toml"), MANIFEST)?;
        fs::write(package.join("lib.rs"), "#![no_std]\n")?;
        let output = self.directory().join("build");
        let mut command = toolchain::debian_cargo();
        command
            .args(["build", "--release", "-Zbuild-std=core,alloc"])
            .args(["--target", self.target.triple])
            .arg("--manifest-path")
            .arg(package.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(&output)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", self.rustflags().join(" "));
        build::run_cargo(command, build::LIMIT)?;
        let built = output.join(self.target.triple).join("release/deps");
        self.install(&built)?;
        fs::write(self.directory().join("stamp"), self.stamp()?)?;
        // What it was built from is of no use any more, and large.
        fs::remove_dir_all(output).or_else(ignore_missing)?;
        Ok(())
    }

    /// Moves the newest build of each library from `built` to where rustc looks.
    fn install(&self, built: &Path) -> Result<()> {
        let libraries = self.libraries();
        fs::remove_dir_all(&libraries).or_else(ignore_missing)?;
        fs::create_dir_all(&libraries)?;
        for library in LIBRARIES {
            let mut count = 0;
            for entry in built.read_dir().context("cargo left no libraries")? {
                let path = entry?.path();
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if name.starts_with(&format!("lib{library}-")) && name.ends_with(".rlib") {
                    fs::copy(&path, libraries.join(&*name))?;
                    count += 1;
                }
            }
            ensure!(
                count == 1,
                "{} holds {count} builds of {library}; delete {} and try again",
                built.display(),
                self.directory().display()
            );
        }
        Ok(())
    }
}

/// Returns the link mode of the build that serves programs of `mode`: one serves both by being
/// position-independent. Not on MIPS: there a position-independent function finds its global
/// pointer through a register that callers in a fixed program do not set.
fn shared(target: &Target, mode: LinkMode) -> LinkMode {
    if target.cpu.starts_with("mips") {
        mode
    } else {
        LinkMode::Pie
    }
}

/// Builds the libraries of all `builds` that miss them, at most `jobs` at a time.
pub fn ensure_all(builds: &[build::Build], jobs: usize) -> Result<()> {
    let mut missing: Vec<Sysroot> = Vec::new();
    for build in builds {
        let Some(sysroot) = Sysroot::of(build.target, build.mode) else {
            continue;
        };
        let is_listed = missing.iter().any(|other| other.name() == sysroot.name());
        if !is_listed && !sysroot.is_there()? {
            missing.push(sysroot);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    println!(
        "setup: core and alloc are built for {} targets, once",
        missing.len()
    );
    let started = Instant::now();
    build::in_parallel(&missing, jobs, Sysroot::ensure)
        .into_iter()
        .collect::<Result<()>>()?;
    let seconds = started.elapsed().as_secs_f32();
    println!("setup: core and alloc are there, {seconds:.0} s");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets;

    #[test]
    fn the_two_link_modes_share_unless_calls_differ() {
        for target in targets::TABLE {
            let sysroot = |mode| Sysroot {
                target,
                mode: shared(target, mode),
            };
            let (fixed, pie) = (sysroot(LinkMode::Fixed), sysroot(LinkMode::Pie));
            assert_eq!(fixed.name() == pie.name(), !target.cpu.starts_with("mips"));
        }
    }
}
