//! The one table of targets: every verb takes its architectures, runners and flags from here.
//!
//! It does not know how a program is built or run; see `build` and `guest`.

use crate::machines::{self, Machine};
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
    /// A real kernel in the emulated machine named in the target's row; `boot` alone uses it.
    Kernel,
}

impl fmt::Display for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Native => "native",
            Self::Qemu => "qemu",
            Self::Kernel => "kernel",
        })
    }
}

/// One row: everything the verbs need to know about a target.
#[derive(Debug)]
pub struct Target {
    /// Our name.
    pub name: &'static str,
    /// The machine whose real kernel runs the programs too, where Debian has one.
    pub machine: Option<&'static Machine>,
    /// What the guest prints as `arch=`: the CPU file's name for itself.
    pub cpu: &'static str,
    /// rustc's name.
    pub triple: &'static str,
    /// The machine that runs the programs itself, as `std::env::consts::ARCH` names it.
    pub native_on: &'static str,
    /// The user-mode emulator, used when this machine is another.
    pub qemu: &'static str,
    /// Arguments the emulator needs before the program.
    pub qemu_args: &'static [&'static str],
    /// What is built and tested.
    pub builds: &'static [(LinkMode, Profile)],
    /// What `AT_PAGESZ` must say under the runner.
    pub page_bytes: u64,
    /// Flags for rustc beyond the link mode's.
    pub rustflags: &'static [&'static str],
    /// What links the position-independent programs where LLD cannot: its name on PATH, and the
    /// Debian package that carries it.
    pub pie_linker: Option<(&'static str, &'static str)>,
    /// Whether the long checks run here too, which look at portable code: the examples' comparisons
    /// with other programs, debuggers.
    pub is_thorough: bool,
}

impl Target {
    /// Whether it is the first of its CPU in the table. What looks at a CPU and not at its
    /// variations, and takes long, runs on this one.
    pub fn is_first_of_cpu(&self) -> bool {
        let first = TABLE.iter().find(|target| target.cpu == self.cpu);
        first.is_some_and(|target| target.name == self.name)
    }

    /// Whether whole-program optimisation is left to programs of another link mode, of which there
    /// is a release build, too.
    pub fn is_second_release(&self, mode: LinkMode) -> bool {
        let releases = self
            .builds
            .iter()
            .filter(|(_, profile)| *profile == Profile::Release);
        let place = releases
            .map(|(mode, _)| mode)
            .position(|other| *other == mode);
        place.is_some_and(|place| place > 0)
    }

    /// Tells whether this machine runs the target's programs itself or through the emulator.
    pub fn runner(&self) -> Runner {
        if self.native_on == std::env::consts::ARCH {
            Runner::Native
        } else {
            Runner::Qemu
        }
    }
}

/// Every link mode in every profile: for the machine that developers have.
const ALL: &[(LinkMode, Profile)] = &[
    (LinkMode::Fixed, Profile::Dev),
    (LinkMode::Fixed, Profile::Release),
    (LinkMode::Pie, Profile::Dev),
    (LinkMode::Pie, Profile::Release),
];
/// Both profiles, each in one link mode. A CPU's variations take turns with the next one, so that
/// each CPU sees all four.
const PIE_THEN_FIXED: &[(LinkMode, Profile)] = &[
    (LinkMode::Pie, Profile::Dev),
    (LinkMode::Fixed, Profile::Release),
];
const FIXED_THEN_PIE: &[(LinkMode, Profile)] = &[
    (LinkMode::Fixed, Profile::Dev),
    (LinkMode::Pie, Profile::Release),
];
/// Both profiles in one link mode, where each mode needs a `core` of its own: the other byte order
/// has the other mode.
const FIXED: &[(LinkMode, Profile)] = ALL.split_at(2).0;
const PIE: &[(LinkMode, Profile)] = ALL.split_at(2).1;
/// For MIPS release 6: without optimisation, LLVM 22 stores the result of a comparison of floats on
/// the stack, which its code for that does not know how to do, and dies. With the register
/// allocator that optimised code gets there is no need to; nothing else changes.
const R6_FLAGS: &[&str] = &["-Cllvm-args=-optimize-regalloc"];

/// At a fixed address, LLVM reaches another crate's thread-locals by way of the GOT, from a
/// register that callers do not set there.
const N64_FLAGS: &[&str] = &["-Ztls-model=local-exec"];
const N64_R6_FLAGS: &[&str] = &["-Ztls-model=local-exec", R6_FLAGS[0]];

/// What a row is unless it says otherwise.
const ORDINARY: Target = Target {
    name: "",
    machine: None,
    cpu: "",
    triple: "",
    native_on: "",
    qemu: "",
    qemu_args: &[],
    builds: ALL,
    page_bytes: 4096,
    rustflags: &[],
    pie_linker: None,
    is_thorough: false,
};

/// All targets, the common ones first.
pub const TABLE: &[Target] = &[
    Target {
        name: "x86_64",
        machine: Some(&machines::AMD64),
        cpu: "x86_64",
        triple: "x86_64-unknown-linux-gnu",
        qemu: "qemu-x86_64",
        native_on: "x86_64",
        is_thorough: true,
        ..ORDINARY
    },
    Target {
        name: "i686",
        cpu: "x86",
        triple: "i686-unknown-linux-gnu",
        qemu: "qemu-i386",
        native_on: "x86_64",
        builds: FIXED_THEN_PIE,
        ..ORDINARY
    },
    Target {
        name: "i586",
        cpu: "x86",
        triple: "i586-unknown-linux-gnu",
        qemu: "qemu-i386",
        builds: PIE_THEN_FIXED,
        qemu_args: &["-cpu", "pentium"],
        ..ORDINARY
    },
    Target {
        name: "aarch64",
        machine: Some(&machines::ARM64),
        cpu: "aarch64",
        triple: "aarch64-unknown-linux-gnu",
        qemu: "qemu-aarch64",
        native_on: "aarch64",
        builds: PIE_THEN_FIXED,
        is_thorough: true,
        ..ORDINARY
    },
    Target {
        name: "aarch64_be",
        cpu: "aarch64_be",
        triple: "aarch64_be-unknown-linux-gnu",
        qemu: "qemu-aarch64_be",
        builds: FIXED_THEN_PIE,
        ..ORDINARY
    },
    Target {
        name: "armv7",
        machine: Some(&machines::ARMHF),
        cpu: "arm",
        triple: "armv7-unknown-linux-gnueabihf",
        qemu: "qemu-arm",
        builds: PIE_THEN_FIXED,
        ..ORDINARY
    },
    Target {
        name: "thumbv7neon",
        cpu: "arm",
        triple: "thumbv7neon-unknown-linux-gnueabihf",
        qemu: "qemu-arm",
        builds: FIXED_THEN_PIE,
        ..ORDINARY
    },
    Target {
        name: "armv6",
        cpu: "arm",
        triple: "arm-unknown-linux-gnueabi",
        qemu: "qemu-arm",
        builds: FIXED_THEN_PIE,
        ..ORDINARY
    },
    Target {
        name: "armv5te",
        cpu: "arm",
        triple: "armv5te-unknown-linux-gnueabi",
        qemu: "qemu-arm",
        builds: PIE_THEN_FIXED,
        ..ORDINARY
    },
    Target {
        name: "armeb",
        cpu: "armeb",
        triple: "armeb-unknown-linux-gnueabi",
        qemu: "qemu-armeb",
        builds: PIE_THEN_FIXED,
        ..ORDINARY
    },
    Target {
        name: "riscv64",
        cpu: "riscv64",
        triple: "riscv64gc-unknown-linux-gnu",
        qemu: "qemu-riscv64",
        builds: PIE_THEN_FIXED,
        ..ORDINARY
    },
    Target {
        name: "riscv32",
        cpu: "riscv32",
        triple: "riscv32gc-unknown-linux-gnu",
        qemu: "qemu-riscv32",
        builds: FIXED_THEN_PIE,
        ..ORDINARY
    },
    Target {
        name: "loongarch64",
        cpu: "loongarch64",
        triple: "loongarch64-unknown-linux-gnu",
        qemu: "qemu-loongarch64",
        page_bytes: 16384,
        builds: PIE_THEN_FIXED,
        rustflags: &["-Ctarget-feature=-lsx"],
        ..ORDINARY
    },
    Target {
        name: "powerpc",
        cpu: "powerpc",
        triple: "powerpc-unknown-linux-gnu",
        qemu: "qemu-ppc",
        builds: FIXED_THEN_PIE,
        ..ORDINARY
    },
    Target {
        name: "powerpc64",
        cpu: "powerpc64",
        triple: "powerpc64-unknown-linux-musl",
        qemu: "qemu-ppc64",
        builds: PIE_THEN_FIXED,
        rustflags: &["-Clink-self-contained=no"],
        ..ORDINARY
    },
    Target {
        name: "powerpc64le",
        machine: Some(&machines::PPC64EL),
        cpu: "powerpc64",
        triple: "powerpc64le-unknown-linux-gnu",
        qemu: "qemu-ppc64le",
        builds: PIE_THEN_FIXED,
        ..ORDINARY
    },
    Target {
        name: "s390x",
        machine: Some(&machines::S390X),
        cpu: "s390x",
        triple: "s390x-unknown-linux-gnu",
        qemu: "qemu-s390x",
        builds: PIE_THEN_FIXED,
        ..ORDINARY
    },
    Target {
        name: "mips",
        cpu: "mips",
        triple: "mips-unknown-linux-gnu",
        qemu: "qemu-mips",
        is_thorough: true,
        builds: FIXED,
        ..ORDINARY
    },
    Target {
        name: "mipsel",
        machine: Some(&machines::MIPSEL),
        cpu: "mips",
        triple: "mipsel-unknown-linux-gnu",
        qemu: "qemu-mipsel",
        builds: PIE,
        ..ORDINARY
    },
    Target {
        name: "mips32r6",
        cpu: "mips",
        triple: "mipsisa32r6-unknown-linux-gnu",
        qemu: "qemu-mips",
        qemu_args: &["-cpu", "mips32r6-generic"],
        builds: FIXED,
        rustflags: R6_FLAGS,
        ..ORDINARY
    },
    Target {
        name: "mips32r6el",
        cpu: "mips",
        triple: "mipsisa32r6el-unknown-linux-gnu",
        qemu: "qemu-mipsel",
        qemu_args: &["-cpu", "mips32r6-generic"],
        builds: PIE,
        rustflags: R6_FLAGS,
        ..ORDINARY
    },
    Target {
        name: "mips64",
        cpu: "mips64",
        triple: "mips64-unknown-linux-gnuabi64",
        qemu: "qemu-mips64",
        builds: FIXED,
        rustflags: N64_FLAGS,
        ..ORDINARY
    },
    Target {
        name: "mips64el",
        machine: Some(&machines::MIPS64EL),
        cpu: "mips64",
        triple: "mips64el-unknown-linux-gnuabi64",
        qemu: "qemu-mips64el",
        builds: PIE,
        rustflags: N64_FLAGS,
        ..ORDINARY
    },
    Target {
        name: "mips64r6",
        cpu: "mips64",
        triple: "mipsisa64r6-unknown-linux-gnuabi64",
        qemu: "qemu-mips64",
        qemu_args: &["-cpu", "I6400"],
        builds: FIXED,
        rustflags: N64_R6_FLAGS,
        ..ORDINARY
    },
    Target {
        name: "mips64r6el",
        cpu: "mips64",
        triple: "mipsisa64r6el-unknown-linux-gnuabi64",
        qemu: "qemu-mips64el",
        qemu_args: &["-cpu", "I6400"],
        builds: PIE,
        rustflags: N64_R6_FLAGS,
        ..ORDINARY
    },
    Target {
        name: "sparc64",
        cpu: "sparc64",
        triple: "sparc64-unknown-linux-gnu",
        qemu: "qemu-sparc64",
        page_bytes: 8192,
        builds: PIE_THEN_FIXED,
        // LLD 22 knows no model of thread-locals but local-exec here, and makes no relative
        // relocations.
        rustflags: &["-Ztls-model=local-exec"],
        pie_linker: Some(("sparc64-linux-gnu-ld", "binutils-sparc64-linux-gnu")),
        ..ORDINARY
    },
    Target {
        name: "hexagon",
        cpu: "hexagon",
        triple: "hexagon-unknown-linux-musl",
        qemu: "qemu-hexagon",
        page_bytes: 65536,
        qemu_args: &["-cpu", "v67"],
        builds: PIE_THEN_FIXED,
        // Unoptimised position-independent code would call `__tls_get_addr` by a symbol that LLD
        // leaves undefined.
        rustflags: &["-Clink-self-contained=no", "-Ztls-model=local-exec"],
        ..ORDINARY
    },
];

/// Returns a row's place in the table.
pub fn place(target: &Target) -> usize {
    let is_it = |row: &Target| row.name == target.name;
    TABLE.iter().position(is_it).unwrap_or(TABLE.len())
}

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
mod tests;
