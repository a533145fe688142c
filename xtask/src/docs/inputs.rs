//! Finds public functions that take what can be wrong and that no test of bad input names.
//!
//! A number, a name, a duration, a range of memory, a thread that may be gone: each function that
//! takes one is named in the table of `tests/src/bin/bad_input/main.rs`, with the case that hands
//! it the worst; or it belongs to a module whose own program does that ([`ELSEWHERE`]). A name in
//! the table that is no such function is out of date.

use super::items;
use crate::toolchain;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeSet;

/// The program that has the table.
const PROGRAM: &str = "tests/src/bin/bad_input/main.rs";
/// Modules, and the programs that look at what is handed to them.
const ELSEWHERE: &[(&str, &str)] = &[
    // By `_start`, with what no kernel makes.
    ("threadbare::start::", "tests/src/bin/start_loader.rs"),
    ("threadbare::sync::", "tests/src/bin/sync.rs"),
    // What needs an allocator is in the items' examples.
    ("threadbare::thread::pool::", "tests/src/bin/pool/ends.rs"),
];
/// Types by whose values a call can be wrong, beside numbers, text, slices and pointers.
const SUSPECT: &[&str] = &[
    "CStr",
    "CacheLimits",
    "CpuSet",
    "Duration",
    "Guard",
    "Instant",
    "OsStr",
    "Policy",
    "Signal",
    "SystemTime",
    "Thread",
];

/// Fails with a list of the functions that are not in the table, and of those that are no more.
pub fn check() -> Result<()> {
    let library = items::library()?;
    let path = toolchain::root().join(PROGRAM);
    let program = std::fs::read_to_string(&path).with_context(|| format!("no {PROGRAM}"))?;
    let listed = listed(&program);
    let mut found = BTreeSet::new();
    items::each_function(&library, &mut |path, function| {
        if takes_suspects(function) {
            found.insert(path.to_owned());
        }
    });
    let is_elsewhere =
        |name: &&String| ELSEWHERE.iter().any(|(module, _)| name.starts_with(module));
    let missing: Vec<_> = found
        .iter()
        .filter(|name| !listed.contains(name.as_str()) && !is_elsewhere(name))
        .cloned()
        .collect();
    ensure!(
        missing.is_empty(),
        "{PROGRAM} has no line for {} functions that can be handed what is wrong:\n  {}",
        missing.len(),
        missing.join("\n  ")
    );
    let stale: Vec<_> = listed
        .iter()
        .filter(|name| !found.contains(**name))
        .copied()
        .collect();
    ensure!(
        stale.is_empty(),
        "{PROGRAM} names what is no such function:\n  {}",
        stale.join("\n  ")
    );
    Ok(())
}

/// The functions that the table names: `"threadbare::…" =>`.
fn listed(program: &str) -> BTreeSet<&str> {
    let lines = program.lines().filter_map(|line| {
        let (name, _) = line.trim().strip_prefix('"')?.split_once("\" =>")?;
        name.starts_with("threadbare::").then_some(name)
    });
    lines.collect()
}

/// Whether an argument of a function can be wrong.
fn takes_suspects(function: &Value) -> bool {
    let inputs = function["sig"]["inputs"].as_array().into_iter().flatten();
    let mut inputs = inputs.filter(|input| input[0] != "self");
    inputs.any(|input| is_suspect(&input[1]))
}

fn is_suspect(of: &Value) -> bool {
    let Some((kind, inner)) = of.as_object().and_then(|of| of.iter().next()) else {
        return false;
    };
    match kind.as_str() {
        "primitive" => !["bool", "never", "unit", "char"].contains(&inner.as_str().unwrap_or("")),
        "slice" | "array" | "raw_pointer" => true,
        "borrowed_ref" => is_suspect(&inner["type"]),
        "impl_trait" => inner.to_string().contains("AsRef"),
        "resolved_path" => {
            let path = inner["path"].as_str().unwrap_or_default();
            SUSPECT.contains(&path.rsplit("::").next().unwrap_or_default())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(inputs: &str) -> Value {
        serde_json::from_str(&format!(r#"{{"sig": {{"inputs": {inputs}}}}}"#)).unwrap()
    }

    #[test]
    fn numbers_and_durations_are_suspect_and_closures_are_not() {
        assert!(takes_suspects(&function(
            r#"[["n", {"primitive": "usize"}]]"#
        )));
        assert!(takes_suspects(&function(
            r#"[["d", {"resolved_path": {"path": "time::Duration"}}]]"#
        )));
        assert!(!takes_suspects(&function(
            r#"[["is", {"primitive": "bool"}]]"#
        )));
        assert!(!takes_suspects(&function(
            r#"[["self", {"primitive": "usize"}], ["f", {"generic": "F"}]]"#
        )));
    }

    #[test]
    fn the_table_is_read_line_by_line() {
        let program = "a {\n    \"threadbare::f\" => f,\n    \"other\" => g,\n}";
        assert_eq!(listed(program), BTreeSet::from(["threadbare::f"]));
    }
}
