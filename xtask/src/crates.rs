//! Other people's crates: what they must be told to do without a libc, and which of them are not
//! there for a CPU. README.md has the same table.
//!
//! The program `crates` has a case for each of them, and the example `httpd` is made of one.

use crate::targets::Target;

const NO_CALLS: &str = "rustix has no system calls of its own for this CPU";
const OTHER_ORDER: &str = "rustix has system calls for this CPU's little-endian byte order only";

/// The targets that rustix needs a libc for.
const NO_RUSTIX: &[(&str, &[&str])] = &[
    (NO_CALLS, &["riscv32", "loongarch64", "sparc64", "hexagon"]),
    (
        OTHER_ORDER,
        &[
            "aarch64_be",
            "armeb",
            "powerpc64",
            "mips",
            "mips32r6",
            "mips64",
            "mips64r6",
        ],
    ),
];

/// The beginnings of the names of targets whose inline assembly rustix takes for unstable.
const UNSTABLE_TO_RUSTIX: &[&str] = &["powerpc", "s390x", "mips"];
/// The same of targets on which getrandom makes a system call of its own.
const GETRANDOM: &[&str] = &[
    "x86_64",
    "i686",
    "i586",
    "aarch64",
    "arm",
    "thumb",
    "riscv",
    "loongarch64",
    "s390x",
];

/// Why there is no rustix for a target, if so.
pub fn no_rustix(target: &Target) -> Option<&'static str> {
    let mut rows = NO_RUSTIX.iter();
    let (reason, _) = rows.find(|(_, names)| names.contains(&target.name))?;
    Some(reason)
}

/// What rustc is told for the whole build, as these crates ask in their documentation.
pub fn flags(target: &Target) -> Vec<&'static str> {
    let is_one = |names: &[&str]| names.iter().any(|name| target.name.starts_with(name));
    let mut flags = vec![if is_one(GETRANDOM) {
        "--cfg=getrandom_backend=\"linux_raw\""
    } else {
        "--cfg=getrandom_backend=\"custom\""
    }];
    if is_one(&["aarch64", "powerpc64"]) {
        // It would ask a libc's `getauxval` what the CPU can.
        flags.push("--cfg=portable_atomic_no_outline_atomics");
    }
    if is_one(UNSTABLE_TO_RUSTIX) && no_rustix(target).is_none() {
        flags.push("--cfg=rustix_use_experimental_asm");
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets;

    #[test]
    fn every_name_is_a_target() {
        for name in NO_RUSTIX.iter().flat_map(|(_, names)| *names) {
            assert!(targets::TABLE.iter().any(|row| row.name == *name), "{name}");
        }
    }
}
