//! Finds the compilers and the linker, and makes the cargo command for a target.
//!
//! The host's programs are built by the cargo that runs us. A target of another CPU is built by it
//! too if rustup has that target's `core`, and otherwise by Debian's packaged compiler, which
//! builds `core` from source. Nothing is installed here; see `setup`.

use crate::crates;
use crate::process;
use crate::sysroot::Sysroot;
use crate::targets::{LinkMode, Target};
use anyhow::{Context, Result, bail};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Debian's compiler, by full path: a rustup proxy may hide it on PATH.
pub const DEBIAN_CARGO: &str = "/usr/bin/cargo";
/// See `DEBIAN_CARGO`.
pub const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Which compiler builds a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compiler {
    /// This machine's own target, by the cargo that runs us.
    Host,
    /// Another target whose `core` rustup has installed.
    Rustup,
    /// Another target, by Debian's compiler, with `core` built from source.
    DebianBuildStd,
}

/// Where Debian's package `rust-web-src` puts the library's source.
pub const DEBIAN_SOURCE: &str = "/usr/lib/rustlib/src/rust/library";

/// Returns the repository's root directory.
pub fn root() -> PathBuf {
    let here = env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(here)
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// Returns the path of `program` if a directory of PATH holds it.
pub fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|file| file.is_file())
}

/// A cargo command of the toolchain that runs us, free of the flags of the user's environment.
pub fn host_cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    command.current_dir(root());
    for variable in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        command.env_remove(variable);
    }
    command
}

/// Says which compiler builds `target` on this machine.
pub fn compiler_for(target: &Target) -> Compiler {
    if target.name == env::consts::ARCH {
        return Compiler::Host;
    }
    let mut question = host_rustc();
    question.args(["--print", "target-libdir", "--target", target.triple]);
    match process::ask(question) {
        Ok(directory) if holds_core(Path::new(&directory)) => Compiler::Rustup,
        _ => Compiler::DebianBuildStd,
    }
}

/// Returns the name and version of the compiler for this machine's own programs.
pub fn host_rustc_version() -> Result<String> {
    let mut question = host_rustc();
    question.arg("--version");
    let answer = process::ask(question)?;
    Ok(answer.split(" (").next().unwrap_or_default().to_owned())
}

/// The rustc of the toolchain that runs us.
pub fn host_rustc() -> Command {
    Command::new(env::var_os("RUSTC").unwrap_or("rustc".into()))
}

/// The rustdoc of the toolchain that runs us.
pub fn host_rustdoc() -> Command {
    Command::new(env::var_os("RUSTDOC").unwrap_or("rustdoc".into()))
}

/// Returns all that Debian's compiler says of itself.
pub fn debian_rustc_version() -> Result<String> {
    static ANSWER: OnceLock<String> = OnceLock::new();
    if let Some(answer) = ANSWER.get() {
        return Ok(answer.clone());
    }
    let mut question = Command::new(DEBIAN_RUSTC);
    question.arg("-vV");
    let answer = process::ask(question)?;
    Ok(ANSWER.get_or_init(|| answer).clone())
}

/// Finds the standard library's source: Debian's, or that of the toolchain that runs us.
pub fn std_source() -> Option<PathBuf> {
    let mut question = host_rustc();
    question.args(["--print", "sysroot"]);
    let sysroot = process::ask(question).ok();
    let own = sysroot.map(|sysroot| Path::new(&sysroot).join("lib/rustlib/src/rust/library"));
    let known = [Some(PathBuf::from(DEBIAN_SOURCE)), own].into_iter();
    known
        .flatten()
        .find(|library| library.join("std/src").is_dir())
}

fn holds_core(directory: &Path) -> bool {
    let Ok(entries) = directory.read_dir() else {
        return false;
    };
    entries
        .flatten()
        .any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
}

/// Finds the linker for targets of another CPU.
pub fn cross_linker() -> Result<PathBuf> {
    let mut tried = Vec::new();
    for mut rustc in [host_rustc(), Command::new(DEBIAN_RUSTC)] {
        rustc.args(["--print", "sysroot"]);
        let Ok(sysroot) = process::ask(rustc) else {
            continue;
        };
        let host = format!("{}-unknown-linux-gnu", env::consts::ARCH);
        let linker = Path::new(&sysroot)
            .join("lib/rustlib")
            .join(host)
            .join("bin/rust-lld");
        if linker.is_file() {
            return Ok(linker);
        }
        tried.push(linker.display().to_string());
    }
    if let Some(linker) = on_path("ld.lld") {
        return Ok(linker);
    }
    bail!(
        "no linker for other CPUs: neither {} nor `ld.lld` on PATH exists.\n\
         Install a rustup toolchain (it carries rust-lld) or LLVM's lld (Debian: package `lld`).",
        tried.join(" nor ")
    )
}

/// Returns what links `target`'s programs, and the flag by which rustc knows its kind.
fn linker_for(target: &Target, mode: LinkMode) -> Result<(PathBuf, &'static str)> {
    match target.pie_linker {
        Some((program, package)) if mode == LinkMode::Pie => {
            let linker = on_path(program)
                .with_context(|| format!("no {program} on PATH (Debian: package {package})"))?;
            Ok((linker, "-Clinker-flavor=ld"))
        }
        _ => Ok((cross_linker()?, "-Clinker-flavor=ld.lld")),
    }
}

/// Makes `cargo VERB --target …` for a target and link mode, in a target directory of its own, so
/// that other flags never rebuild what is there. `unstable` lets a package use unstable features.
pub fn cargo(
    verb: &str,
    target: &'static Target,
    mode: LinkMode,
    unstable: bool,
) -> Result<Command> {
    cargo_in(&target_dir(target, mode), verb, target, mode, unstable)
}

/// Makes the same in another target directory: for those that run beside others.
pub fn cargo_in(
    directory: &Path,
    verb: &str,
    target: &'static Target,
    mode: LinkMode,
    unstable: bool,
) -> Result<Command> {
    let compiler = compiler_for(target);
    let mut command = match compiler {
        Compiler::Host | Compiler::Rustup => host_cargo(),
        Compiler::DebianBuildStd => debian_cargo(),
    };
    command.arg(verb).args(["--target", target.triple]);
    command.arg("--target-dir").arg(directory);
    let mut rustflags: Vec<_> = mode
        .rustflags()
        .iter()
        .map(|&flag| flag.to_owned())
        .collect();
    rustflags.extend(target.rustflags.iter().map(|&flag| flag.to_owned()));
    rustflags.extend(crates::flags(target).into_iter().map(str::to_owned));
    if compiler != Compiler::Host {
        let triple = target.triple.replace(['-', '.'], "_").to_uppercase();
        let (linker, flavor) = linker_for(target, mode)?;
        // Through cargo rather than `-Clinker=`, so that build scripts see RUSTC_LINKER.
        command.env(format!("CARGO_TARGET_{triple}_LINKER"), linker);
        rustflags.insert(0, flavor.to_owned());
    }
    if let Some(sysroot) = Sysroot::of(target, mode) {
        sysroot.ensure()?;
        rustflags.push(format!("--sysroot={}", sysroot.directory().display()));
    }
    if !target.is_thorough {
        // Whole-program optimisation and debuggers are looked at on the thorough targets; here they
        // would double the time of a build, of which there are many.
        for (variable, value) in [
            ("CARGO_PROFILE_DEV_DEBUG", "0"),
            ("CARGO_PROFILE_RELEASE_LTO", "off"),
            ("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "4"),
            // Each is built once; what would speed up the next time costs a third now.
            ("CARGO_INCREMENTAL", "0"),
        ] {
            command.env(variable, value);
        }
    }
    if target.is_second_release(mode) {
        command.env("CARGO_PROFILE_RELEASE_LTO", "off");
        command.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "4");
    }
    if unstable || compiler == Compiler::DebianBuildStd {
        command.env("RUSTC_BOOTSTRAP", "1");
    }
    if rustflags.iter().any(|flag| flag.contains(' ')) {
        // A path of the user's; the plain variable is split at spaces.
        command.env("CARGO_ENCODED_RUSTFLAGS", rustflags.join("\x1f"));
    } else if !rustflags.is_empty() {
        command.env("RUSTFLAGS", rustflags.join(" "));
    }
    Ok(command)
}

/// Debian's cargo, with Debian's compiler.
pub fn debian_cargo() -> Command {
    let mut command = Command::new(DEBIAN_CARGO);
    command.current_dir(root()).env("RUSTC", DEBIAN_RUSTC);
    // What the rustup proxy and `cargo run` set points to another toolchain's libraries.
    for variable in [
        "CARGO",
        "CARGO_BUILD_TARGET",
        "CARGO_ENCODED_RUSTFLAGS",
        "LD_LIBRARY_PATH",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTDOC",
        "RUSTUP_TOOLCHAIN",
    ] {
        command.env_remove(variable);
    }
    command
}

/// Returns the directory that holds all profiles of a target and link mode.
pub fn target_dir(target: &Target, mode: LinkMode) -> PathBuf {
    root()
        .join("target/xtask")
        .join(format!("{}-{mode}", target.name))
}
