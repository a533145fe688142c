//! Finds public items of the library that have no example.
//!
//! Asked of modules, types, traits, functions, methods and macros. A method that an example of its
//! type calls needs none of its own: what belongs together is shown together. Fields, variants and
//! constants are not asked for, nor are methods of other crates' traits.

use super::{FOLDER, ask, lock, rustdoc};
use crate::toolchain;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::collections::BTreeSet;

/// Asks rustdoc for the library's items.
pub fn library() -> Result<Value> {
    let folder = toolchain::root().join(FOLDER);
    let _lock = lock(&folder)?;
    ask(rustdoc("json"))?;
    let path = folder.join("rustdoc/doc/threadbare.json");
    let text = std::fs::read(&path).with_context(|| format!("no file {}", path.display()))?;
    serde_json::from_slice(&text).context("rustdoc's items are no JSON")
}

/// Sees a function: its path, and what rustdoc knows of it.
type Look<'f> = dyn FnMut(&str, &Value) + 'f;

/// Shows each function and method that a user reaches, with its path.
pub fn each_function<'f>(library: &Value, each: &'f mut Look<'f>) {
    let mut walk = Walk::new(library);
    walk.each = Some(each);
    walk.item(&library["root"], None);
}

/// Fails with a list of the items that lack an example.
pub fn check() -> Result<()> {
    let library = library()?;
    let mut walk = Walk::new(&library);
    walk.item(&library["root"], None);
    ensure!(
        walk.seen.len() > 1,
        "rustdoc's items have format {}: teach xtask/src/docs/items.rs to read it",
        library["format_version"]
    );
    ensure!(
        walk.lacking.is_empty(),
        "{} public items have no example; add `# Examples` and a block to each:\n  {}",
        walk.lacking.len(),
        walk.lacking.join("\n  ")
    );
    Ok(())
}

/// A walk along the paths by which a user reaches items.
struct Walk<'a, 'f> {
    index: &'a Value,
    /// Ids of what was visited: a re-export may lead to the same item twice.
    seen: BTreeSet<String>,
    lacking: Vec<String>,
    /// Who wants to see functions.
    each: Option<&'f mut Look<'f>>,
}

/// What an item belongs to.
struct Parent<'a> {
    path: String,
    docs: &'a str,
    is_type: bool,
}

impl Parent<'_> {
    /// Tells whether an example of this type calls its method `name`, or hands it on.
    fn shows(&self, name: &str) -> bool {
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let calls = |form: String| {
            let mut found = self.docs.match_indices(&form);
            found.any(|(at, _)| ends(&self.docs[at + form.len()..]))
        };
        self.is_type
            && has_example(self.docs)
            && (calls(format!(".{name}")) || calls(format!("::{name}")))
    }
}

impl<'a, 'f> Walk<'a, 'f> {
    fn new(library: &'a Value) -> Walk<'a, 'f> {
        Walk {
            index: &library["index"],
            seen: BTreeSet::new(),
            lacking: Vec::new(),
            each: None,
        }
    }

    /// Visits an item and what is in it. Items of other crates are not in the index.
    fn item(&mut self, id: &Value, parent: Option<&Parent<'_>>) {
        let item = &self.index[id.to_string()];
        let Some((kind, inner)) = item["inner"]
            .as_object()
            .and_then(|inner| inner.iter().next())
        else {
            return;
        };
        if kind == "use" {
            return self.item(&inner["id"], parent);
        }
        if !self.seen.insert(id.to_string()) {
            return;
        }
        let name = item["name"].as_str().unwrap_or_default();
        let docs = item["docs"].as_str().unwrap_or_default();
        let path = match parent {
            None => name.to_owned(),
            Some(parent) => format!("{}::{name}", parent.path),
        };
        if let ("function", Some(each)) = (kind.as_str(), self.each.as_mut()) {
            each(&path, inner);
        }
        let is_shown = has_example(docs) || parent.is_some_and(|parent| parent.shows(name));
        if asks_for_example(kind) && !is_shown {
            let (file, line) = (&item["span"]["filename"], &item["span"]["begin"][0]);
            let file = file.as_str().unwrap_or_default();
            self.lacking.push(format!("{file}:{line}: {kind} {path}"));
        }
        let is_type = kind != "module";
        let here = Parent {
            path,
            docs,
            is_type,
        };
        // A module's and a trait's own items; the blocks of a type's methods.
        for child in inner["items"].as_array().into_iter().flatten() {
            self.item(child, Some(&here));
        }
        for block in inner["impls"].as_array().into_iter().flatten() {
            let block = &self.index[block.to_string()]["inner"]["impl"];
            if block["trait"].is_null() {
                for method in block["items"].as_array().into_iter().flatten() {
                    self.item(method, Some(&here));
                }
            }
        }
    }
}

fn asks_for_example(kind: &str) -> bool {
    let kinds = [
        "module",
        "struct",
        "enum",
        "union",
        "trait",
        "type_alias",
        "function",
        "macro",
    ];
    kinds.contains(&kind)
}

/// Tells whether a documentation text has a block that rustdoc takes for Rust.
fn has_example(docs: &str) -> bool {
    let fences = docs
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("```"));
    let is_rust = |marks: &str| {
        let known = ["", "rust", "no_run", "should_panic", "compile_fail"];
        marks
            .split(',')
            .all(|mark| known.contains(&mark.trim()) || mark.starts_with('E'))
    };
    // Every second fence closes a block.
    fences.step_by(2).any(is_rust)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rust_blocks_are_examples() {
        assert!(has_example("a\n```\nb\n```\n"));
        assert!(has_example("```text\nb\n```\n\n```no_run\nc\n```"));
        assert!(has_example("```compile_fail,E0277\nc\n```"));
        assert!(!has_example("a `b`"));
        assert!(!has_example("```text\nb\n```"));
        assert!(!has_example("```ignore\nb\n```"));
    }

    #[test]
    fn items_are_reached_through_uses_and_blocks() {
        let library: Value = serde_json::from_str(
            r#"{"root": 0, "index": {
            "0": {"name": "a", "docs": "```\n```", "inner": {"module": {"items": [1, 5, 9]}}},
            "1": {"name": null, "inner": {"use": {"id": 2}}},
            "2": {"name": "T", "docs": "```\n```", "inner": {"struct": {"impls": [3, 6]}}},
            "3": {"name": null, "inner": {"impl": {"trait": null, "items": [4, 8]}}},
            "4": {"name": "f", "docs": null, "span": {"filename": "t.rs", "begin": [3, 1]},
                  "inner": {"function": {}}},
            "5": {"name": null, "inner": {"use": {"id": 2}}},
            "6": {"name": null, "inner": {"impl": {"trait": {}, "items": [7]}}},
            "7": {"name": "g", "docs": null, "inner": {"function": {}}},
            "8": {"name": "C", "docs": null, "inner": {"assoc_const": {}}}}}"#,
        )
        .unwrap();
        let mut walk = Walk::new(&library);
        walk.item(&library["root"], None);
        assert_eq!(walk.lacking, ["t.rs:3: function a::T::f"]);
    }

    #[test]
    fn a_type_shows_the_methods_that_its_example_calls() {
        let parent = |docs, is_type| Parent {
            path: String::new(),
            docs,
            is_type,
        };
        let docs = "```\nlet a = A::new();\na.get_mut();\n```";
        assert!(parent(docs, true).shows("new") && parent(docs, true).shows("get_mut"));
        assert!(!parent(docs, true).shows("get"));
        assert!(!parent("`a.get_mut()`", true).shows("get_mut"));
        assert!(!parent(docs, false).shows("new"));
    }
}
