//! Which symbols each feature of the library brings, that another runtime may define, too.
//!
//! With all of them off the library defines none, so that it can be a part of any program. Rust's
//! own names are nobody else's, but for those that the compiler shares between crates.

use crate::build::{self, LIMIT};
use crate::targets::{LinkMode, Profile, Target};
use crate::toolchain;
use anyhow::{Context, Result, bail};
use object::read::archive::ArchiveFile;
use object::{Object, ObjectSymbol};
use std::collections::BTreeSet;
use std::fs;

/// Features, and the symbols that a library with them defines.
const ROOMS: &[(&str, &[&str])] = &[
    ("", &[]),
    ("threads,cache,overflow-report,messages,alloc", &[]),
    (
        "mem",
        &["bcmp", "memcmp", "memcpy", "memmove", "memset", "strlen"],
    ),
    (
        "panic-handler",
        &["_Unwind_Resume", "rust_begin_unwind", "rust_eh_personality"],
    ),
    ("start", &["_start"]),
    (
        "start,setup",
        &[
            "__stack_chk_fail",
            "__stack_chk_guard",
            "__tls_get_addr",
            "_start",
        ],
    ),
    (
        "global-allocator",
        &[
            "__rust_alloc",
            "__rust_alloc_zeroed",
            "__rust_dealloc",
            "__rust_realloc",
        ],
    ),
];

/// Builds the library with the features of each row, and compares.
pub fn check(host: &'static Target) -> Result<()> {
    let mut wrong = Vec::new();
    for (features, expected) in ROOMS {
        let mut command = toolchain::cargo("build", host, LinkMode::Fixed, false)?;
        command
            .args(["--package", "threadbare", "--lib", "--no-default-features"])
            .args(["--features", features]);
        build::run_cargo(command, LIMIT)?;
        // Not optimised as a whole, where an archive would hold no machine code.
        let archive = toolchain::target_dir(host, LinkMode::Fixed)
            .join(host.triple)
            .join(Profile::Dev.directory())
            .join("libthreadbare.rlib");
        let bytes = fs::read(&archive).with_context(|| format!("no {}", archive.display()))?;
        let found = defined(&bytes)?;
        let expected: BTreeSet<_> = expected.iter().map(|&name| name.to_owned()).collect();
        if found != expected {
            wrong.push(format!(
                "with the features `{features}` the library defines {found:?}, not {expected:?}"
            ));
        }
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

/// The global symbols that the archive's objects define and that are visible outside of a program.
fn defined(archive: &[u8]) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for member in ArchiveFile::parse(archive)?.members() {
        let member = member?;
        if !member.name().ends_with(b".o") {
            continue;
        }
        let object = object::File::parse(member.data(archive)?)?;
        for symbol in object.symbols() {
            if symbol.is_definition() && symbol.is_global() {
                names.extend(shared_name(symbol.name()?));
            }
        }
    }
    Ok(names)
}

/// The name, if it is not this library's alone: no mangled path, and nothing that says whose it is.
fn shared_name(name: &str) -> Option<String> {
    /// How the compiler writes the names that all crates of a program share (`__rustc::…`).
    const SHARED: &str = "7___rustc";
    if let Some((_, shared)) = name.strip_prefix("_R").and_then(|it| it.split_once(SHARED)) {
        // The length, and a separator where the name begins with an underscore itself.
        let shared = shared.trim_start_matches(|c: char| c.is_ascii_digit());
        return Some(shared.strip_prefix('_').unwrap_or(shared).to_owned());
    }
    let is_own = name.starts_with("_R") || name.starts_with("_ZN") || name.contains("threadbare");
    // What tells debuggers to load scripts, and unwinders where code begins.
    let is_local = name.starts_with("DW.ref.") || name.starts_with("anon.");
    (!is_own && !is_local).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_others_may_have_are_told() {
        let told = |name: &str| shared_name(name);
        assert_eq!(told("memcpy"), Some("memcpy".into()));
        assert_eq!(
            told("_RNvCs9_7___rustc17rust_begin_unwind"),
            Some("rust_begin_unwind".into())
        );
        assert_eq!(
            told("_RNvCs9_7___rustc12___rust_alloc"),
            Some("__rust_alloc".into())
        );
        assert_eq!(told("_RNvNtCs9_10threadbare6thread5spawn"), None);
        assert_eq!(told("_ZN4core3fmt5write17h0123456789abcdefE"), None);
        assert_eq!(told("threadbare_current"), None);
    }
}
