//! Rules between files: they must agree about versions and about the contract of a CPU file.

use std::collections::BTreeSet;

const CONTRACT_BEGIN: &str = "<!-- contract -->";
const CONTRACT_END: &str = "<!-- /contract -->";

/// Holds README.md and CHANGELOG.md against the version and rust-version of Cargo.toml.
pub fn versions(cargo: &str, readme: &str, changelog: &str) -> Vec<String> {
    let (Some(version), Some(rust)) = (
        toml_value(cargo, "version"),
        toml_value(cargo, "rust-version"),
    ) else {
        return vec!["Cargo.toml: `version` and `rust-version` must both be set".into()];
    };
    let mut complaints = Vec::new();
    let wanted = versions_told(readme);
    if wanted.is_empty() {
        complaints.push(format!(
            "README.md: show the line `threadbare = \"{version}\"`"
        ));
    }
    for told in wanted.iter().filter(|told| !is_prefix_of(told, version)) {
        complaints.push(format!(
            "README.md: threadbare is {told} there, {version} in Cargo.toml"
        ));
    }
    let rusts = rusts_told(readme);
    if rusts.is_empty() {
        complaints.push(format!("README.md: say that `Rust {rust}` is needed"));
    }
    for told in rusts.iter().filter(|told| *told != rust) {
        complaints.push(format!(
            "README.md: says Rust {told}, Cargo.toml says {rust}"
        ));
    }
    // In the changelog the newest comes first; older entries keep what was true then.
    let headings: Vec<_> = changelog
        .lines()
        .filter_map(|line| line.strip_prefix("## [")?.split(']').next())
        .collect();
    let released = headings
        .iter()
        .find(|heading| heading.starts_with(|c: char| c.is_numeric()));
    match released {
        Some(heading) if *heading == version => {}
        Some(heading) => {
            complaints.push(format!(
                "CHANGELOG.md: newest is {heading}, Cargo.toml has {version}"
            ));
        }
        None if headings.contains(&"Unreleased") => {}
        None => complaints.push(format!("CHANGELOG.md: add the heading `## [{version}]`")),
    }
    if rusts_told(changelog).first().map(String::as_str) != Some(rust) {
        complaints.push(format!(
            "CHANGELOG.md: the newest entry on it must name `Rust {rust}`"
        ));
    }
    complaints
}

fn toml_value<'a>(toml: &'a str, key: &str) -> Option<&'a str> {
    toml.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        let value = value.trim().strip_prefix('"')?.split('"').next()?;
        (name.trim() == key).then_some(value)
    })
}

/// Returns the versions in `threadbare = "V"` and `threadbare = { version = "V", … }`.
fn versions_told(text: &str) -> Vec<String> {
    let lines = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("threadbare = "));
    lines
        .filter_map(|value| {
            let value = value
                .split_once("version = ")
                .map_or(value, |(_, version)| version);
            Some(value.strip_prefix('"')?.split('"').next()?.to_owned())
        })
        .collect()
}

/// Returns what follows each `Rust ` that stands before a version number.
fn rusts_told(text: &str) -> Vec<String> {
    let parts = text.split("Rust ").skip(1);
    let numbers = parts.map(|part| {
        let end = part
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(part.len());
        part[..end].trim_end_matches('.').to_owned()
    });
    numbers.filter(|number| number.contains('.')).collect()
}

/// Tells whether `short` is `long` or its leading components: 0.1 is a prefix of 0.1.3.
fn is_prefix_of(short: &str, long: &str) -> bool {
    long.strip_prefix(short)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Holds the items pinned in src/arch.rs against the numbered list in arch/README.md.
pub fn contract(arch: &str, readme: &str) -> Vec<String> {
    let pinned = pins(arch);
    if pinned.is_empty() {
        return vec![
            "src/arch.rs: no contract item is pinned (`const _: TYPE = imp::NAME;`)".into(),
        ];
    }
    let Some(listed) = listed(readme) else {
        return vec![format!(
            "arch/README.md: put the numbered list of contract items between {CONTRACT_BEGIN} and \
             {CONTRACT_END}; each item begins with its names in backticks, up to a colon"
        )];
    };
    let missing = pinned.difference(&listed).map(|name| {
        format!("arch/README.md: the contract list lacks `{name}`, which src/arch.rs pins")
    });
    let unknown = listed
        .difference(&pinned)
        .map(|name| format!("src/arch.rs: does not pin `{name}`, which arch/README.md lists"));
    missing.chain(unknown).collect()
}

fn pins(arch: &str) -> BTreeSet<String> {
    let code = arch
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n");
    let after = code.split("imp::").skip(1);
    let names = after.filter_map(|rest| Some(rest.split_once(';')?.0.to_owned()));
    names
        .filter(|name| !name.is_empty() && name.chars().all(is_path_char))
        .collect()
}

fn is_path_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == ':'
}

fn listed(readme: &str) -> Option<BTreeSet<String>> {
    let (_, rest) = readme.split_once(CONTRACT_BEGIN)?;
    let (list, _) = rest.split_once(CONTRACT_END)?;
    let mut names = BTreeSet::new();
    for line in list.lines() {
        let Some((number, item)) = line.split_once(". ") else {
            continue;
        };
        if number.is_empty() || !number.chars().all(|c| c.is_ascii_digit()) {
            continue;
        }
        // Odd parts are between backticks; the first even part with a colon ends the names.
        for (index, part) in item.split('`').enumerate() {
            if index % 2 == 0 && part.contains(':') {
                break;
            }
            if index % 2 == 1 {
                names.insert(part.chars().take_while(|&c| is_path_char(c)).collect());
            }
        }
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARGO: &str = "[workspace.package]\nversion = \"0.1.2\"\nrust-version = \"1.95\"\n";
    const README: &str = "Needs Rust 1.95.\n```toml\nthreadbare = \"0.1\"\n```\n";
    const CHANGES: &str = "## [Unreleased]\n## [0.1.2] - day\nNeeds Rust 1.95.\n## [0.1.1]\n";

    fn refused(complaints: &[String], words: &str) {
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(complaints[0].contains(words), "{complaints:?}");
    }

    #[test]
    fn agreeing_files_are_accepted() {
        assert!(versions(CARGO, README, CHANGES).is_empty());
        let table = README.replace("\"0.1\"", "{ version = \"0.1.2\", features = [] }");
        assert!(versions(CARGO, &table, CHANGES).is_empty());
        assert!(versions(CARGO, README, "## [Unreleased]\nNeeds Rust 1.95.\n").is_empty());
    }

    #[test]
    fn each_disagreement_is_told() {
        let readme = |from, to| versions(CARGO, &README.replace(from, to), CHANGES);
        refused(&readme("0.1", "0.2"), "threadbare is 0.2");
        refused(&readme("1.95", "1.94"), "says Rust 1.94");
        refused(&readme("Rust 1.95", "it"), "say that `Rust 1.95`");
        refused(&readme("threadbare", "other"), "show the line");
        let changes = |from, to| versions(CARGO, README, &CHANGES.replace(from, to));
        refused(&changes("0.1.2", "0.1.3"), "newest is 0.1.3");
        refused(&changes("Rust 1.95", "Rust 1.94"), "must name `Rust 1.95`");
        refused(&versions(CARGO, README, "Rust 1.95"), "add the heading");
        refused(&versions("", README, CHANGES), "must both be set");
    }

    const ARCH: &str = "pub use imp::*;\n// imp::COMMENT;\nconst _: &str = imp::NAME;\n\
                        const _: unsafe fn(usize) -> isize =\n    imp::syscall1;\n";
    const LIST: &str = "<!-- contract -->\n1. `NAME`: as in `uname`\n   2. more\n\
                        2. `syscall1(nr, a)`: raw\n<!-- /contract -->\n3. `OTHER`: no\n";

    #[test]
    fn an_agreeing_contract_is_accepted() {
        assert_eq!(contract(ARCH, LIST), Vec::<String>::new());
        let joined = LIST.replace("`NAME`:", "`NAME`, `syscall1`:");
        assert!(contract(ARCH, &joined).is_empty());
    }

    #[test]
    fn a_contract_that_differs_is_told() {
        refused(
            &contract(ARCH, &LIST.replace("2. `syscall1(nr, a)`", "2. none")),
            "lacks `syscall1`",
        );
        refused(
            &contract(ARCH, &LIST.replace("`NAME`", "`NAME`, `MORE`")),
            "not pin `MORE`",
        );
        refused(&contract(ARCH, "1. `NAME`: x"), "put the numbered list");
        refused(&contract("", LIST), "no contract item is pinned");
    }
}
