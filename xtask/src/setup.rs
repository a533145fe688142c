//! `cargo xtask setup`: says which outside tools are there, and installs the missing packages.
//!
//! It installs through apt-get alone and never touches rustup. When everything is there it says so
//! in one line.

use crate::asm;
use crate::capi;
use crate::debugger;
use crate::failures;
use crate::machines::Machine;
use crate::process;
use crate::targets::{self, Runner, Target};
use crate::toolchain::{self, Compiler};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const INSTALL_LIMIT: Duration = Duration::from_secs(30 * 60);

/// An outside tool and the Debian package that carries it.
struct Need {
    what: String,
    package: &'static str,
    is_there: bool,
}

/// Runs the verb for all targets.
pub fn run() -> Result<()> {
    let everything: Vec<&Target> = targets::TABLE.iter().collect();
    let before = missing(&needs(&everything));
    if before.is_empty() {
        println!("setup: everything is there ({})", describe(&everything)?);
        return Ok(());
    }
    ensure(&everything)
}

/// Makes sure that `targets` can be built and run; installs what is missing, or says what to do.
pub fn ensure(targets: &[&Target]) -> Result<()> {
    provide(|| needs(targets))
}

/// Makes sure that `machines` can be emulated, likewise.
pub fn ensure_machines(machines: &[&Machine]) -> Result<()> {
    let need = |machine: &&Machine| Need {
        what: format!(
            "{} (package {})",
            machine.emulator, machine.emulator_package
        ),
        package: machine.emulator_package,
        is_there: toolchain::on_path(machine.emulator).is_some(),
    };
    provide(|| machines.iter().map(need).collect())
}

/// Installs what is missing of `needs`, which are asked for again afterwards.
fn provide(needs: impl Fn() -> Vec<Need>) -> Result<()> {
    let missing = missing(&needs());
    if !missing.is_empty() {
        for need in needs() {
            println!(
                "setup: {:7} {}",
                if need.is_there { "there" } else { "MISSING" },
                need.what
            );
        }
        install(&missing)?;
        let still = self::missing(&needs());
        if !still.is_empty() {
            bail!(
                "apt-get succeeded, but these still miss their tools: {}",
                still.join(" ")
            );
        }
        println!("setup: everything is there now");
    }
    Ok(())
}

fn needs(targets: &[&Target]) -> Vec<Need> {
    let mut needs = Vec::new();
    let compilers: Vec<_> = targets
        .iter()
        .map(|target| toolchain::compiler_for(target))
        .collect();
    if compilers.iter().any(|&compiler| compiler != Compiler::Host) {
        let what = "rust-lld in a toolchain, or ld.lld on PATH (package lld)".into();
        let is_there = toolchain::cross_linker().is_ok();
        needs.push(Need {
            what,
            package: "lld",
            is_there,
        });
    }
    if compilers.contains(&Compiler::DebianBuildStd) {
        let source = &format!("{}/core/src/lib.rs", toolchain::DEBIAN_SOURCE);
        for (path, package) in [
            (toolchain::DEBIAN_RUSTC, "rustc-web"),
            (toolchain::DEBIAN_CARGO, "cargo-web"),
            (source, "rust-web-src"),
        ] {
            let is_there = Path::new(path).is_file();
            needs.push(Need {
                what: format!("{path} (package {package})"),
                package,
                is_there,
            });
        }
    }
    for (program, package) in targets.iter().filter_map(|target| target.pie_linker) {
        needs.push(Need {
            what: format!("{program} (package {package})"),
            package,
            is_there: toolchain::on_path(program).is_some(),
        });
    }
    for target in targets
        .iter()
        .filter(|target| target.runner() == Runner::Qemu)
    {
        let what = format!("{} (package qemu-user)", target.qemu);
        let is_there = toolchain::on_path(target.qemu).is_some();
        needs.push(Need {
            what,
            package: "qemu-user",
            is_there,
        });
    }
    needs.push(Need {
        what: format!(
            "llvm-objdump of LLVM 19 or later (package {})",
            asm::PACKAGE
        ),
        package: asm::PACKAGE,
        is_there: asm::disassembler().is_some(),
    });
    for (program, package) in targets
        .iter()
        .filter_map(|target| capi::programs::need(target))
    {
        needs.push(Need {
            what: format!("{program} (package {package})"),
            package,
            is_there: toolchain::on_path(program).is_some(),
        });
    }
    let runners: Vec<_> = targets.iter().map(|target| target.runner()).collect();
    for (runner, package) in [
        (Runner::Native, debugger::NATIVE),
        (Runner::Native, failures::TRACER),
        (Runner::Native, "curl"),
        (Runner::Qemu, debugger::EMULATED),
    ] {
        if runners.contains(&runner) {
            needs.push(Need {
                what: format!("{package} (package {package})"),
                package,
                is_there: toolchain::on_path(package).is_some(),
            });
        }
    }
    needs
}

/// Returns the packages whose tools are missing, each once.
fn missing(needs: &[Need]) -> Vec<&'static str> {
    let mut packages: Vec<_> = needs
        .iter()
        .filter(|need| !need.is_there)
        .map(|need| need.package)
        .collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn describe(targets: &[&Target]) -> Result<String> {
    let mut tools = vec![toolchain::host_rustc_version()?];
    tools.extend(needs(targets).iter().map(|need| need.package.to_owned()));
    tools.dedup();
    Ok(tools.join(", "))
}

fn install(packages: &[&str]) -> Result<()> {
    let release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    if !is_debian_like(&release) || toolchain::on_path("apt-get").is_none() {
        bail!(
            "this system is not Debian or Ubuntu; install what these Debian packages carry by\n\
             its own means and run the command again: {}\n\
             (qemu-user: the user-mode emulators; qemu-system-*: those of whole machines;
\
             llvm-19: llvm-objdump, of any later version too;
\
             gdb-multiarch: a gdb for every CPU, under that
\
             name; rustc-web, cargo-web, rust-web-src: a compiler\n\
             at {} with its library sources, which builds `core` for CPUs rustup has none for;\n\
             for the CPUs that rustup knows, `rustup target add TRIPLE` does instead)",
            packages.join(" "),
            toolchain::DEBIAN_RUSTC,
        );
    }
    apt_get(&["update"])?;
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(packages);
    apt_get(&arguments)
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = if rustix::process::geteuid().is_root() {
        Command::new("apt-get")
    } else if toolchain::on_path("sudo").is_some() {
        let mut command = Command::new("sudo");
        // Without a terminal of its own group, sudo cannot ask for a password.
        command.args(["--non-interactive", "apt-get"]);
        command
    } else {
        bail!(
            "packages are missing; as root, run: apt-get {}",
            arguments.join(" ")
        );
    };
    command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive");
    let shown = process::show(&command);
    println!("setup: {shown}");
    let ended = process::inherit(command, INSTALL_LIMIT).context("apt-get")?;
    if ended.code() != Some(0) {
        bail!(
            "`{shown}`: {}; run it by hand as root, then try again",
            ended.describe()
        );
    }
    Ok(())
}

fn is_debian_like(os_release: &str) -> bool {
    os_release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or(line.strip_prefix("ID_LIKE=")))
        .flat_map(|value| value.trim_matches('"').split_whitespace())
        .any(|id| id == "debian" || id == "ubuntu")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_and_its_children_are_recognised() {
        assert!(is_debian_like("NAME=x\nID=debian\n"));
        assert!(is_debian_like("ID=mint\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!is_debian_like(
            "ID=fedora\nID_LIKE=\"rhel\"\nNAME=debian\n"
        ));
    }
}
