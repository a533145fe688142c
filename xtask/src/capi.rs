//! `cargo xtask capi`: threadbare for C programs, an archive and its header.
//!
//! The header is made of the source of `examples/capi`, and lies beside it: the two must agree.

mod nolibc;
pub mod programs;

use crate::build::{self, LIMIT};
use crate::targets::{self, LinkMode, Target};
use crate::toolchain;
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::fs;
use std::path::PathBuf;

const FOLDER: &str = "examples/capi";

/// What to build.
#[derive(Args, Debug)]
pub struct Options {
    /// A target's name or `host`
    #[arg(long, default_value = "host", value_parser = targets::parse_arch)]
    pub arch: String,
    /// For programs that a libc starts, which brings the memory functions
    #[arg(long)]
    pub beside_libc: bool,
    /// Write the header instead of comparing it
    #[arg(long)]
    pub write: bool,
}

/// Builds the archive, compares or writes the header, and says where both are.
pub fn run(options: &Options) -> Result<()> {
    let header = toolchain::root().join(FOLDER).join("threadbare.h");
    if options.write {
        fs::write(&header, make_header()?)?;
    }
    compare_header()?;
    for target in targets::select(&options.arch)? {
        println!("{}", archive(target, options.beside_libc)?.display());
    }
    println!("{}", header.display());
    Ok(())
}

/// Makes the header of the source.
fn make_header() -> Result<Vec<u8>> {
    let mut config = cbindgen::Config {
        language: cbindgen::Language::C,
        style: cbindgen::Style::Type,
        cpp_compat: true,
        include_guard: Some("THREADBARE_H".into()),
        no_includes: true,
        sys_includes: vec!["stddef.h".into(), "stdint.h".into()],
        usize_is_size_t: true,
        header: Some("/* threadbare for C. Made by `cargo xtask capi --write`. */".into()),
        documentation_style: cbindgen::DocumentationStyle::C,
        ..cbindgen::Config::default()
    };
    config.function.no_return = Some("__attribute__((noreturn))".into());
    let source = toolchain::root().join(FOLDER).join("src");
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in ["start.rs", "thread.rs", "sync.rs", "tss.rs"] {
        builder = builder.with_src(source.join(file));
    }
    let mut header = Vec::new();
    builder.generate()?.write(&mut header);
    Ok(header)
}

/// Fails if the header is not what the source makes.
pub fn compare_header() -> Result<()> {
    let path = toolchain::root().join(FOLDER).join("threadbare.h");
    let found = fs::read(&path).with_context(|| format!("no {}", path.display()))?;
    ensure!(
        found == make_header()?,
        "{FOLDER}/threadbare.h is not what {FOLDER}/src makes: `cargo xtask capi --write` writes it"
    );
    Ok(())
}

/// Builds the archive and returns where it is.
fn archive(target: &'static Target, is_beside_libc: bool) -> Result<PathBuf> {
    let mut command = toolchain::cargo("build", target, LinkMode::Fixed, false)?;
    // One for each kind: the file's name is the same.
    let kind = if is_beside_libc { "libc" } else { "bare" };
    let directory = toolchain::root().join(format!("target/xtask/capi-{kind}"));
    command
        .args(["--package", "threadbare-c", "--release"])
        .env("CARGO_TARGET_DIR", &directory);
    if is_beside_libc {
        command.arg("--no-default-features");
    }
    build::run_cargo(command, LIMIT)?;
    let built = toolchain::target_dir(target, LinkMode::Fixed)
        .join(target.triple)
        .join("release/libthreadbare_c.a");
    let path = directory.join(target.name).join("libthreadbare_c.a");
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::copy(&built, &path).with_context(|| format!("no {}", built.display()))?;
    Ok(path)
}
