//! The C program `examples/capi/c/demo.c`, built in every way that it can be and run.
//!
//! On this machine's CPU without a libc, on the kernel's nolibc headers, and beside two libcs; for
//! other CPUs without a libc, where Debian's compiler for them is there, under the emulator.

use super::nolibc;
use super::{FOLDER, archive, compare_header};
use crate::build::LIMIT;
use crate::case::{Case, claim};
use crate::process;
use crate::step;
use crate::tally::Tally;
use crate::targets::{self, Runner, Target};
use crate::toolchain;
use anyhow::{Context, Result, ensure};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const RUN_LIMIT: Duration = Duration::from_secs(60);

/// Without a libc. Not every linker takes `_start` for the entry point by itself.
const BARE: &[&str] = &[
    "-nostdlib",
    "-static",
    "-no-pie",
    "-ffreestanding",
    "-fno-stack-protector",
    "-Wl,--entry=_start",
];

/// A compiler for another CPU.
struct Cross {
    /// The target's name.
    name: &'static str,
    program: &'static str,
    package: &'static str,
    /// What makes it the target's, besides.
    arguments: &'static [&'static str],
    /// Whether the linker's own script names the sections that `checks.ld` asks the size of.
    has_checks: bool,
}

const fn cross(name: &'static str, program: &'static str, package: &'static str) -> Cross {
    Cross {
        name,
        program,
        package,
        arguments: &[],
        has_checks: true,
    }
}

/// All that Debian has for targets of ours. There is none for big-endian AArch64 and ARM, RISC-V of
/// 32 bits, LoongArch (in Debian 12) and Hexagon; gcc's for big-endian 64-bit PowerPC is for the
/// other ABI, ELFv1.
const CROSS: &[Cross] = &[
    Cross {
        arguments: &["-m32", "-march=i686"],
        ..cross("i686", "gcc", "gcc")
    },
    cross("aarch64", "aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
    cross(
        "armv7",
        "arm-linux-gnueabihf-gcc",
        "gcc-arm-linux-gnueabihf",
    ),
    cross("riscv64", "riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu"),
    cross("powerpc", "powerpc-linux-gnu-gcc", "gcc-powerpc-linux-gnu"),
    cross(
        "powerpc64le",
        "powerpc64le-linux-gnu-gcc",
        "gcc-powerpc64le-linux-gnu",
    ),
    cross("s390x", "s390x-linux-gnu-gcc", "gcc-s390x-linux-gnu"),
    cross("mips", "mips-linux-gnu-gcc", "gcc-mips-linux-gnu"),
    cross("mipsel", "mipsel-linux-gnu-gcc", "gcc-mipsel-linux-gnu"),
    Cross {
        // No `.interp`.
        has_checks: false,
        ..cross(
            "mips64el",
            "mips64el-linux-gnuabi64-gcc",
            "gcc-mips64el-linux-gnuabi64",
        )
    },
    Cross {
        // The archive has arithmetic of 128 bits, which calls functions of a libc's here, and which
        // nothing calls.
        arguments: &["-Wl,--gc-sections"],
        ..cross("sparc64", "sparc64-linux-gnu-gcc", "gcc-sparc64-linux-gnu")
    },
];
/// Those that `setup` installs, of 30 to 40 MB each: one of each byte order.
const INSTALLED: &[&str] = &["aarch64", "s390x"];

/// Names the compiler that a target's C program needs, and its package.
pub fn need(target: &Target) -> Option<(&'static str, &'static str)> {
    if target.name == std::env::consts::ARCH || !INSTALLED.contains(&target.name) {
        return None;
    }
    find(target).map(|row| (row.program, row.package))
}

fn find(target: &Target) -> Option<&'static Cross> {
    CROSS.iter().find(|row| row.name == target.name)
}

/// A way to build the program.
struct Way<'a> {
    name: String,
    target: &'static Target,
    compiler: &'a str,
    arguments: Vec<String>,
    is_beside_libc: bool,
}

/// Runs the cases whose names contain `filter`, for the targets that `arch` names.
pub fn test(arch: &str, filter: Option<&str>) -> Result<Tally> {
    let mut tally = Tally::default();
    for target in targets::select(arch)? {
        let started = Instant::now();
        let is_wanted = |name: &str| filter.is_none_or(|filter| name.contains(filter));
        let mut cases = Vec::new();
        let is_host = target.name == std::env::consts::ARCH;
        let name = "capi/header_is_what_the_source_makes";
        if is_host && is_wanted(name) {
            let outcome = compare_header().map_err(|error| format!("{error:#}"));
            cases.push(Case::new(name, outcome));
        }
        let names = if is_host {
            &HOST[..]
        } else {
            &["without_libc"]
        };
        for kind in names {
            let name = format!("capi/threads_in_c_{kind}_{}", target.name);
            let is_known = is_host || find(target).is_some();
            if !is_known || !is_wanted(&name) {
                continue;
            }
            match way(name.clone(), kind, target) {
                Ok(way) => cases.push(Case::new(name, way.run())),
                Err(reason) => {
                    println!("skip   {name}: {reason:#}");
                    tally.skipped += 1;
                }
            }
        }
        if !cases.is_empty() {
            tally += step::report(&format!("in C, {}", target.name), &cases, started);
        }
    }
    Ok(tally)
}

/// The ways on this machine's CPU.
const HOST: [&str; 4] = ["without_libc", "on_nolibc", "beside_glibc", "beside_musl"];

/// Finds what one of the ways needs; an error is the reason why there is none.
fn way(name: String, kind: &str, target: &'static Target) -> Result<Way<'static>> {
    let words = |words: &[&str]| {
        words
            .iter()
            .map(|&word| word.to_owned())
            .collect::<Vec<_>>()
    };
    let mut way = Way {
        name,
        target,
        compiler: "gcc",
        arguments: words(BARE),
        is_beside_libc: false,
    };
    if target.name != std::env::consts::ARCH {
        let row = find(target).context("no compiler is known")?;
        let (program, package) = (row.program, row.package);
        ensure!(
            toolchain::on_path(program).is_some(),
            "no {program} on PATH (Debian: package {package})"
        );
        way.compiler = program;
        way.arguments.extend(words(row.arguments));
    }
    match kind {
        "without_libc" => way.arguments.push("-DFREESTANDING".into()),
        "on_nolibc" => way.arguments.extend(nolibc::arguments()?),
        _ => {
            way.is_beside_libc = true;
            way.arguments = words(&["-static", "-fstack-protector-all"]);
            if kind == "beside_musl" {
                way.compiler = "musl-gcc";
            }
        }
    }
    Ok(way)
}

impl Way<'_> {
    fn run(&self) -> Result<(), String> {
        self.build_and_run()
            .unwrap_or_else(|error| Err(format!("{error:#}")))
    }

    fn build_and_run(&self) -> Result<Result<(), String>> {
        let archive = archive(self.target, self.is_beside_libc)?;
        let root = toolchain::root();
        let file = self.name.replace('/', "_");
        let program = archive.with_file_name(file);
        let mut command = Command::new(self.compiler);
        command
            .current_dir(root.join(FOLDER))
            .args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-I."])
            .args(&self.arguments)
            .arg("c/demo.c")
            .arg(&archive);
        if !self.is_beside_libc && find(self.target).is_none_or(|row| row.has_checks) {
            command.args(["../../linker/checks.ld", "../../linker/own_start.ld"]);
        }
        command.arg("-o").arg(&program);
        let shown = process::show(&command);
        let finished = process::capture(command, b"", LIMIT)?;
        ensure!(
            finished.ended.code() == Some(0),
            "{shown}\n{}",
            String::from_utf8_lossy(&finished.output)
        );
        let finished = process::capture(self.runner(&program), b"", RUN_LIMIT)?;
        Ok(claim(finished.ended.code() == Some(0), || {
            let output = String::from_utf8_lossy(&finished.output);
            format!(
                "{}, the first claim of c/demo.c that fails; it wrote {output:?}",
                finished.ended.describe()
            )
        }))
    }

    fn runner(&self, program: &Path) -> Command {
        if self.target.runner() == Runner::Native {
            return Command::new(program);
        }
        let mut command = Command::new(self.target.qemu);
        command.args(self.target.qemu_args).arg(program);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_compiler_is_for_a_target() {
        for Cross { name, .. } in CROSS {
            assert!(targets::TABLE.iter().any(|row| row.name == *name), "{name}");
        }
        for name in INSTALLED {
            assert!(CROSS.iter().any(|row| row.name == *name), "{name}");
        }
    }
}
