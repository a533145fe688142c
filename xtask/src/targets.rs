//! The one table of targets: every verb takes its architectures, runners and flags from here.
//!
//! It does not know how a program is built or run; see `build` and `guest`.

use anyhow::{Result, bail};
use std::fmt;

/// How a program is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkMode {
    /// A static program at a fixed address (`ET_EXEC`).
    Fixed,
    /// A static position-independent program (`ET_DYN`) that relocates itself.
    Pie,
}

impl LinkMode {
    /// The flags rustc gets for this mode; link arguments come from the packages' build scripts.
    pub fn rustflags(self) -> &'static [&'static str] {
        match self {
            Self::Fixed => &["-Crelocation-model=static"],
            Self::Pie => &[],
        }
    }
}

impl fmt::Display for LinkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fixed => "fixed",
            Self::Pie => "pie",
        })
    }
}

/// A cargo profile the programs are built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// Unoptimised, with debug assertions.
    Dev,
    /// Optimised.
    Release,
    /// Optimised for size; used by `size` alone.
    #[value(skip)]
    Small,
}

impl Profile {
    /// The profiles that `test` covers.
    pub const TESTED: &[Self] = &[Self::Dev, Self::Release];

    /// The directory cargo puts this profile's artifacts in.
    pub fn directory(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
            Self::Small => "small",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Dev => "dev",
            Self::Release => "release",
            Self::Small => "small",
        })
    }
}

/// What executes a guest program on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runner {
    /// The kernel of this machine.
    Native,
    /// The user-mode emulator named in the target's row.
    Qemu,
}

impl fmt::Display for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Native => "native",
            Self::Qemu => "qemu",
        })
    }
}

/// One row: everything the verbs need to know about a target.
#[derive(Debug)]
pub struct Target {
    /// Our name; also what the guest prints as `arch=`.
    pub name: &'static str,
    /// rustc's name.
    pub triple: &'static str,
    /// The user-mode emulator, used when this machine has another CPU.
    pub qemu: &'static str,
    /// Arguments the emulator needs before the program.
    pub qemu_args: &'static [&'static str],
    /// The link modes that are built and tested.
    pub modes: &'static [LinkMode],
    /// What `AT_PAGESZ` must say under the runner.
    pub page_bytes: u64,
    /// Flags for rustc beyond the link mode's.
    pub rustflags: &'static [&'static str],
}

impl Target {
    /// Tells whether this machine runs the target's programs itself or through the emulator.
    pub fn runner(&self) -> Runner {
        if self.name == std::env::consts::ARCH {
            Runner::Native
        } else {
            Runner::Qemu
        }
    }
}

const FIXED_AND_PIE: &[LinkMode] = &[LinkMode::Fixed, LinkMode::Pie];
const FIXED_ONLY: &[LinkMode] = &[LinkMode::Fixed];

/// All targets, the common ones first.
pub const TABLE: &[Target] = &[
    Target {
        name: "x86_64",
        triple: "x86_64-unknown-linux-gnu",
        qemu: "qemu-x86_64",
        qemu_args: &[],
        modes: FIXED_AND_PIE,
        page_bytes: 4096,
        rustflags: &[],
    },
    Target {
        name: "aarch64",
        triple: "aarch64-unknown-linux-gnu",
        qemu: "qemu-aarch64",
        qemu_args: &[],
        modes: FIXED_AND_PIE,
        page_bytes: 4096,
        rustflags: &[],
    },
    Target {
        name: "mips",
        triple: "mips-unknown-linux-gnu",
        qemu: "qemu-mips",
        qemu_args: &[],
        modes: FIXED_ONLY,
        page_bytes: 4096,
        rustflags: &[],
    },
];

/// Returns the rows that `--arch` names: one row's name, `host`, or `all`.
pub fn select(arch: &str) -> Result<Vec<&'static Target>> {
    let wanted = if arch == "host" {
        std::env::consts::ARCH
    } else {
        arch
    };
    let rows: Vec<_> = TABLE
        .iter()
        .filter(|row| arch == "all" || row.name == wanted)
        .collect();
    if rows.is_empty() {
        let names: Vec<_> = TABLE.iter().map(|row| row.name).collect();
        bail!(
            "no target is called `{arch}`; use one of: {}, host, all",
            names.join(", ")
        );
    }
    Ok(rows)
}

/// Checks an `--arch` argument while the command line is parsed.
pub fn parse_arch(arch: &str) -> Result<String, String> {
    select(arch)
        .map(|_| arch.to_owned())
        .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_arch_lists_the_right_ones() {
        let message = parse_arch("vax").unwrap_err();
        for row in TABLE {
            assert!(message.contains(row.name), "{message}");
        }
        assert!(message.contains("host") && message.contains("all"));
    }

    #[test]
    fn all_selects_every_row_and_a_name_selects_one() {
        assert_eq!(select("all").unwrap().len(), TABLE.len());
        assert_eq!(select("mips").unwrap()[0].triple, "mips-unknown-linux-gnu");
        assert_eq!(select("mips").unwrap().len(), 1);
    }

    #[test]
    fn names_are_unique() {
        for (index, row) in TABLE.iter().enumerate() {
            assert!(TABLE[..index].iter().all(|other| other.name != row.name));
        }
    }
}
