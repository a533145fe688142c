//! The programs that are measured, and how each is built.
//!
//! A peer whose tools are not on this machine is absent, with the reason. So is one of another
//! language or of unstable features that does not build: with other versions than those that it
//! was written for, it may not. Every other one that does not build is an error.

use super::httpd;
use crate::build;
use crate::process;
use crate::toolchain;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Ours; every other name is a peer's.
pub const OURS: &str = "threadbare";
/// The bare work of the kernel.
pub const FLOOR: &str = "floor";

const TRIPLE: &str = "x86_64-unknown-linux-gnu";
const FIXED: &str = "-Crelocation-model=static";
const STATIC: &str = "-Crelocation-model=static -Ctarget-feature=+crt-static";
/// Loops begin cache lines in all programs whose speed is compared: a short one is by a third
/// slower or faster by where it happens to lie.
const ALIGNED: &str = "-Cllvm-args=-align-loops=64";

/// What a program that is to be small says to rustc, before the name of a linker script of ours.
const SMALL: &str = "-Cforce-unwind-tables=no -Crelro-level=off \
     -Clink-arg=-Wl,--build-id=none,--no-eh-frame-hdr,-T,";

/// A peer.
pub struct Peer {
    pub name: &'static str,
    /// Whether it is measured only when asked for.
    pub is_extra: bool,
    /// Whether it depends on versions that other machines may not have.
    may_not_build: bool,
    build: fn(&Shop) -> Result<Option<String>>,
}

/// All of them, in the order of the table's columns.
pub const PEERS: &[Peer] = &[
    Peer {
        name: OURS,
        is_extra: false,
        may_not_build: false,
        build: ours,
    },
    Peer {
        name: FLOOR,
        is_extra: false,
        may_not_build: false,
        build: floor,
    },
    Peer {
        name: "rust-std",
        is_extra: false,
        may_not_build: false,
        build: rust_std,
    },
    // Built together with the standard library's.
    Peer {
        name: "parking-lot",
        is_extra: false,
        may_not_build: false,
        build: |_| Ok(None),
    },
    Peer {
        name: "glibc",
        is_extra: true,
        may_not_build: false,
        build: glibc,
    },
    Peer {
        name: "musl",
        is_extra: true,
        may_not_build: false,
        build: musl,
    },
    Peer {
        name: "origin",
        is_extra: true,
        may_not_build: true,
        build: origin,
    },
    Peer {
        name: "zig",
        is_extra: true,
        may_not_build: true,
        build: zig,
    },
];

/// Where programs are built, and where they are put together.
pub struct Shop {
    sources: PathBuf,
    targets: PathBuf,
    programs: PathBuf,
}

/// What was built: the names of those that are there, and why the others are not.
pub struct Built {
    pub names: Vec<&'static str>,
    pub absent: Vec<(&'static str, String)>,
}

impl Shop {
    /// The shop of this repository.
    pub fn new() -> Result<Self> {
        let targets = toolchain::root().join("target/xtask/bench");
        let programs = targets.join("programs");
        fs::create_dir_all(&programs).context("cannot make the programs' folder")?;
        Ok(Self {
            sources: toolchain::root().join("benches"),
            targets,
            programs,
        })
    }

    /// Builds what is to be measured.
    pub fn build(&self, with_extra: bool) -> Result<Built> {
        let mut built = Built {
            names: Vec::new(),
            absent: Vec::new(),
        };
        for peer in PEERS.iter().filter(|peer| with_extra || !peer.is_extra) {
            eprintln!("bench: builds {}", peer.name);
            match (peer.build)(self) {
                Ok(None) => built.names.push(peer.name),
                Ok(Some(reason)) => built.absent.push((peer.name, reason)),
                Err(error) if peer.may_not_build => {
                    eprintln!("{error:#}");
                    built
                        .absent
                        .push((peer.name, "does not build, as said above".into()));
                }
                Err(error) => return Err(error.context(format!("cannot build {}", peer.name))),
            }
        }
        let driver = self.program("start", "");
        self.compile(
            "gcc",
            &["-O2", "-Wall", "-Wextra", "-Werror"],
            "driver/start.c",
            &driver,
        )?;
        Ok(built)
    }

    /// Where a peer's program is: `kind` is empty for its tests.
    pub fn program(&self, name: &str, kind: &str) -> PathBuf {
        self.programs.join(match kind {
            "" => name.to_owned(),
            kind => format!("{kind}-{name}"),
        })
    }

    /// Builds a package of the workspace `benches` and returns where its programs are.
    fn cargo(&self, target: &str, flags: &str, arguments: &[&str]) -> Result<PathBuf> {
        let mut command = toolchain::host_cargo();
        let target = self.targets.join(target);
        command.args(["build", "--target", TRIPLE, "--target-dir"]);
        command.arg(&target).arg("--manifest-path");
        command.arg(self.sources.join("Cargo.toml")).args(arguments);
        command.env("RUSTFLAGS", flags);
        build::run_cargo(command, build::LIMIT)?;
        Ok(target.join(TRIPLE))
    }

    fn take(&self, from: &Path, name: &str, kind: &str) -> Result<()> {
        let to = self.program(name, kind);
        fs::copy(from, &to).with_context(|| format!("cannot copy {}", from.display()))?;
        Ok(())
    }

    fn compile(&self, compiler: &str, flags: &[&str], source: &str, to: &Path) -> Result<()> {
        let mut command = Command::new(compiler);
        command.args(flags).arg("-o").arg(to);
        command.arg(self.sources.join(source));
        let shown = process::show(&command);
        let finished = process::capture(command, b"", build::LIMIT)?;
        if finished.ended.code() != Some(0) {
            bail!("`{shown}`:\n{}", String::from_utf8_lossy(&finished.output));
        }
        Ok(())
    }
}

fn ours(shop: &Shop) -> Result<Option<String>> {
    let built = shop.cargo(
        "bare",
        &format!("{FIXED} {ALIGNED}"),
        &["--release", "--package", "bench-ours"],
    )?;
    shop.take(&built.join("release/threadbare"), OURS, "")?;
    let small = ["--profile", "small", "--package", "bench-small"];
    let scripts = toolchain::root().join("linker");
    for (features, bin, name, script) in [
        ("", "hello", "hello", "tiny.ld"),
        ("threads", "spawn1", "spawn1", "small.ld"),
        ("everything", "hello", "hello_everything", "small.ld"),
        ("everything", "spawn1", "spawn1_everything", "small.ld"),
    ] {
        let flags = &format!("{FIXED} {SMALL}{}", scripts.join(script).display());
        let what = [&small[..], &["--features", features, "--bin", bin]].concat();
        let built = shop.cargo("small", flags, &what)?;
        shop.take(&built.join("small").join(bin), OURS, name)?;
    }
    our_httpd(shop)?;
    Ok(None)
}

/// The example, by its workspace's profile.
fn our_httpd(shop: &Shop) -> Result<()> {
    let mut command = toolchain::host_cargo();
    let target = shop.targets.join("bare");
    command.args([
        "build",
        "--release",
        "--package",
        "httpd",
        "--target",
        TRIPLE,
    ]);
    command
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTFLAGS", format!("{FIXED} {ALIGNED}"));
    build::run_cargo(command, build::LIMIT)?;
    let program = target.join(TRIPLE).join("release/httpd");
    shop.take(&program, OURS, httpd::KIND)
}

fn floor(shop: &Shop) -> Result<Option<String>> {
    let built = shop.cargo(
        "bare",
        &format!("{FIXED} {ALIGNED}"),
        &["--release", "--package", "bench-floor"],
    )?;
    shop.take(&built.join("release/floor"), FLOOR, "")?;
    let flags = [
        "-nostdlib",
        "-static",
        "-no-pie",
        "-s",
        "-Wl,-N,--build-id=none",
    ];
    let flags = [&flags[..], &["-Wl,--no-warn-rwx-segments"]].concat();
    for kind in ["hello", "spawn1"] {
        let source = format!("peers/floor/{kind}.s");
        shop.compile("gcc", &flags, &source, &shop.program(FLOOR, kind))?;
    }
    Ok(None)
}

fn rust_std(shop: &Shop) -> Result<Option<String>> {
    let package = ["--package", "bench-rust-std"];
    let fast = ["--bin", "rust-std", "--bin", "parking-lot", "--release"];
    let flags = format!("{STATIC} {ALIGNED}");
    let built = shop.cargo("std", &flags, &[&package[..], &fast].concat())?;
    for name in ["rust-std", "parking-lot"] {
        shop.take(&built.join("release").join(name), name, "")?;
    }
    let web = ["--package", "bench-httpd", "--release"];
    let built = shop.cargo("std", &flags, &web)?;
    let program = built.join("release/httpd-rust-std");
    shop.take(&program, "rust-std", httpd::KIND)?;
    let small = [
        "--bin",
        "hello-rust-std",
        "--bin",
        "spawn1-rust-std",
        "--profile",
        "small",
    ];
    let built = shop.cargo("std", STATIC, &[&package[..], &small].concat())?;
    for kind in ["hello", "spawn1"] {
        let program = built.join("small").join(format!("{kind}-rust-std"));
        shop.take(&program, "rust-std", kind)?;
    }
    Ok(None)
}

/// Builds what a C library has to offer.
fn c_library(shop: &Shop, name: &str, compiler: &str) -> Result<Option<String>> {
    let mut flags = format!("{STATIC} {ALIGNED} -Clinker={compiler}");
    for argument in [
        "-static",
        "-Wl,-Bstatic,--start-group",
        "-lc",
        "-lgcc",
        "-lgcc_eh",
        "-Wl,--end-group",
    ] {
        flags.push_str(" -Clink-arg=");
        flags.push_str(argument);
    }
    let package = ["--release", "--package", "bench-pthread"];
    let built = shop.cargo(name, &flags, &package)?;
    shop.take(&built.join("release/pthread"), name, "")?;
    let small = [
        "-Os",
        "-s",
        "-Wall",
        "-Wextra",
        "-Wno-unused-result",
        "-static",
        "-pthread",
    ];
    let linked = [
        "-fno-asynchronous-unwind-tables",
        "-Wl,--gc-sections,--build-id=none",
    ];
    let flags = [&small[..], &linked, &["-Wl,-z,noseparate-code"]].concat();
    for kind in ["hello", "spawn1"] {
        let source = format!("peers/c/{kind}.c");
        shop.compile(compiler, &flags, &source, &shop.program(name, kind))?;
    }
    Ok(None)
}

fn glibc(shop: &Shop) -> Result<Option<String>> {
    c_library(shop, "glibc", "gcc")
}

fn musl(shop: &Shop) -> Result<Option<String>> {
    if toolchain::on_path("musl-gcc").is_none() {
        return Ok(Some(
            "no musl-gcc on PATH (Debian: package musl-tools)".into(),
        ));
    }
    c_library(shop, "musl", "musl-gcc")
}

fn origin(shop: &Shop) -> Result<Option<String>> {
    if !Path::new(toolchain::DEBIAN_RUSTC).is_file() {
        let package = "(Debian: package rustc-web)";
        return Ok(Some(format!("no {} {package}", toolchain::DEBIAN_RUSTC)));
    }
    let target = shop.targets.join("origin");
    for (profile, features, programs) in [
        ("release", "thread,nightly", &["origin"][..]),
        ("small", "nightly,small", &["hello"]),
        ("small", "nightly,small,thread", &["spawn1"]),
    ] {
        let mut command = toolchain::debian_cargo();
        command
            .args(["build", "--target", TRIPLE, "--target-dir"])
            .arg(&target);
        command
            .arg("--manifest-path")
            .arg(shop.sources.join("peers/origin/Cargo.toml"));
        command.args(["--profile", profile, "--features", features]);
        for program in programs {
            command.args(["--bin", program]);
        }
        let flags = match profile {
            "release" => format!("{FIXED} {ALIGNED}"),
            _ => FIXED.to_owned(),
        };
        command.env("RUSTFLAGS", flags).env("RUSTC_BOOTSTRAP", "1");
        build::run_cargo(command, build::LIMIT)?;
        for program in programs {
            let kind = if *program == "origin" { "" } else { program };
            shop.take(
                &target.join(TRIPLE).join(profile).join(program),
                "origin",
                kind,
            )?;
        }
    }
    Ok(None)
}

fn zig(shop: &Shop) -> Result<Option<String>> {
    if toolchain::on_path("zig").is_none() {
        return Ok(Some("no zig on PATH".into()));
    }
    let cache = shop.targets.join("zig");
    for (source, kind, mode) in [
        ("bench", "", "ReleaseFast"),
        ("hello", "hello", "ReleaseSmall"),
        ("spawn1", "spawn1", "ReleaseSmall"),
    ] {
        let mut command = Command::new("zig");
        let to = shop.program("zig", kind);
        command.args([
            "build-exe",
            "-target",
            "x86_64-linux",
            "-fstrip",
            "-O",
            mode,
        ]);
        command.arg(shop.sources.join(format!("peers/zig/{source}.zig")));
        command.arg(format!("-femit-bin={}", to.display()));
        command
            .env("ZIG_GLOBAL_CACHE_DIR", &cache)
            .env("ZIG_LOCAL_CACHE_DIR", &cache);
        build::run_cargo(command, build::LIMIT)?;
    }
    Ok(None)
}
