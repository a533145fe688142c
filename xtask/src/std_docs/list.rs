//! Reads the list of a module's examples: a documentation file, where whoever ports a program to
//! threadbare reads what runs and what does not.
//!
//! An example's name is a code span with a `#` in it: the item's path below `std`, and a number.

use anyhow::{Result, bail, ensure};
use std::collections::BTreeMap;

/// What becomes of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It runs after `use threadbare as std`.
    Runs,
    /// It runs with a module `std` that has modules of `core` and `alloc`, too.
    RunsWithModule,
    /// It does not, for the reason in its row.
    Excluded,
}

/// The sections by the headings' first words; what stands elsewhere is for readers alone.
const SECTIONS: &[(&str, Verdict)] = &[
    ("## Run after", Verdict::Runs),
    ("## Run with", Verdict::RunsWithModule),
    ("## Do not run", Verdict::Excluded),
];

/// Returns the examples' names and verdicts.
pub fn parse(text: &str) -> Result<BTreeMap<String, Verdict>> {
    let mut list = BTreeMap::new();
    let mut section = None;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if line.starts_with('#') {
            let is_this = |(heading, _): &&(&str, Verdict)| line.starts_with(heading);
            section = SECTIONS.iter().find(is_this).map(|(_, verdict)| *verdict);
            continue;
        }
        let Some(verdict) = section else { continue };
        let mut names = line;
        if verdict == Verdict::Excluded {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            names = cells.get(1).copied().unwrap_or_default();
            let reason = cells.get(2).copied().unwrap_or_default();
            if names.contains('#') && reason.is_empty() {
                bail!("line {number}: the row lacks a reason");
            }
        }
        for name in names.split('`').skip(1).step_by(2) {
            if name.contains('#') {
                let is_new = list.insert(name.to_owned(), verdict).is_none();
                ensure!(is_new, "line {number}: `{name}` is there twice");
            }
        }
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# `no#1`
## Run after `a`
`t::b#1`, `c`,
`t::b#2`
## Run with
`d#1`
## Do not run
| example | why |
|---|---|
| `e#1` `e#2` | as `x#1` is |
";

    #[test]
    fn names_have_their_sections_verdict() {
        let list = parse(TEXT).unwrap();
        let of = |name: &str| list.get(name).copied();
        assert_eq!(of("t::b#1"), Some(Verdict::Runs));
        assert_eq!(of("t::b#2"), Some(Verdict::Runs));
        assert_eq!(of("d#1"), Some(Verdict::RunsWithModule));
        assert_eq!(of("e#1"), Some(Verdict::Excluded));
        assert_eq!(of("e#2"), Some(Verdict::Excluded));
        assert_eq!(list.len(), 5);
    }

    #[test]
    fn a_row_without_a_reason_and_a_second_row_are_refused() {
        let refused = |from, to| parse(&TEXT.replace(from, to)).unwrap_err().to_string();
        assert!(refused("as `x#1` is", "").contains("lacks a reason"));
        assert!(refused("`d#1`", "`e#2`").contains("`e#2` is there twice"));
    }
}
