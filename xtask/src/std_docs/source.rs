//! Finds the documentation comments in a module of the standard library's source, and what each is
//! about.
//!
//! No parser, as the library is written in a language that no stable compiler takes. What is relied
//! on is rustfmt's layout: a block ends where a line as far indented as its first is a bracket.

use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// A documentation comment.
#[derive(Debug, PartialEq, Eq)]
pub struct Comment {
    /// The item's path below `std`: `thread::Builder::spawn`.
    pub item: String,
    /// `FILE:LINE`, where it begins.
    pub place: String,
    /// Its lines, without the slashes.
    pub lines: Vec<String>,
}

/// Returns the comments of the module `name` and its submodules in `library/std/src`, as they come.
pub fn comments(library: &Path, name: &str) -> Result<Vec<Comment>> {
    let mut found = Vec::new();
    visit(&library.join("std/src"), name, name, &mut found)?;
    Ok(found)
}

/// Reads the file of the module `name`, whose items have the path `path`, and its submodules.
fn visit(folder: &Path, name: &str, path: &str, into: &mut Vec<Comment>) -> Result<()> {
    let (flat, inner) = (folder.join(format!("{name}.rs")), folder.join(name));
    let file = if flat.is_file() {
        flat
    } else {
        inner.join("mod.rs")
    };
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    into.extend(Scan::of(&text, path, &file.display().to_string()));
    for line in text.lines().map(str::trim) {
        let declared = line.strip_suffix(';').and_then(|line| {
            let (visibility, name) = line.split_once("mod ")?;
            matches!(visibility.trim(), "" | "pub" | "pub(crate)" | "pub(super)")
                .then_some((visibility, name))
        });
        match declared {
            // Its examples are the items' that the module above hands on.
            Some((visibility, child)) if child != "tests" => {
                let path = match visibility {
                    "pub " => format!("{path}::{child}"),
                    _ => path.to_owned(),
                };
                visit(&inner, child, &path, into)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// A walk over the lines of a file.
struct Scan<'a> {
    path: &'a str,
    file: &'a str,
    found: Vec<Comment>,
    /// The blocks that the line is in: their indentation and the name that they add to a path.
    blocks: Vec<(usize, String)>,
    /// The comment that the next item will have.
    pending: Vec<String>,
    first_line: usize,
    /// How many brackets of an attribute are open.
    open: usize,
    is_exported: bool,
}

impl<'a> Scan<'a> {
    fn of(text: &str, path: &'a str, file: &'a str) -> Vec<Comment> {
        let mut scan = Scan {
            path,
            file,
            found: Vec::new(),
            blocks: Vec::new(),
            pending: Vec::new(),
            first_line: 0,
            open: 0,
            is_exported: false,
        };
        let lines: Vec<&str> = text.lines().collect();
        let mut about_module = Vec::new();
        for (index, line) in lines.iter().enumerate() {
            let code = line.trim_start();
            let indentation = line.len() - code.len();
            if let Some(text) = code.strip_prefix("//!") {
                about_module.push(text.to_owned());
            } else if let (Some(text), 0) = (code.strip_prefix("///"), scan.open) {
                if scan.pending.is_empty() {
                    scan.first_line = index + 1;
                }
                scan.pending.push(text.to_owned());
            } else if scan.open > 0 || code.starts_with("#[") {
                scan.attribute(code);
            } else if !code.is_empty() && !code.starts_with("//") {
                scan.code(indentation, code, &lines[index..]);
            }
        }
        if !about_module.is_empty() {
            let first = lines.iter().position(|line| line.starts_with("//!"));
            let comment = Comment {
                item: path.to_owned(),
                place: format!("{file}:{}", first.unwrap_or(0) + 1),
                lines: about_module,
            };
            scan.found.insert(0, comment);
        }
        scan.found
    }

    /// A line of an attribute.
    fn attribute(&mut self, code: &str) {
        self.is_exported |= code.starts_with("#[macro_export");
        let count = |bracket| code.matches(bracket).count();
        self.open = (self.open + count('[')).saturating_sub(count(']'));
    }

    /// A line of code, and all that follow.
    fn code(&mut self, indentation: usize, code: &str, rest: &[&str]) {
        if code.starts_with(['}', ')']) {
            if self
                .blocks
                .last()
                .is_some_and(|block| block.0 == indentation)
            {
                self.blocks.pop();
            }
            return;
        }
        let (kind, name) = item(code);
        if !self.pending.is_empty() {
            let names = self.blocks.iter().map(|block| block.1.as_str());
            let base = if self.is_exported {
                None
            } else {
                Some(self.path)
            };
            let path: Vec<_> = base.into_iter().chain(names).chain([name]).collect();
            self.found.push(Comment {
                item: path.join("::"),
                place: format!("{}:{}", self.file, self.first_line),
                lines: std::mem::take(&mut self.pending),
            });
        }
        self.is_exported = false;
        let adds_name = matches!(kind, "impl" | "trait" | "struct" | "enum" | "union" | "mod");
        if adds_name && !code.ends_with([';', '}']) {
            let name = if kind == "impl" {
                implementor(rest)
            } else {
                name.to_owned()
            };
            self.blocks.push((indentation, name));
        }
    }
}

/// Finds an item's kind and name. What is no item (a field, a variant) has its first word as name.
fn item(code: &str) -> (&str, &str) {
    let mut rest = code;
    if let Some(after) = rest.strip_prefix("pub") {
        rest = after.trim_start();
        if rest.starts_with('(') {
            rest = rest.split_once(')').map_or("", |(_, after)| after);
        }
    }
    loop {
        rest = rest.trim_start();
        let (word, after) = split_word(rest);
        match word {
            "const" | "unsafe" | "async" | "safe" | "default" | "auto" => {
                let next = split_word(after.trim_start()).0;
                let goes_on = ["fn", "unsafe", "async", "auto", "extern", "trait", "impl"];
                if !goes_on.contains(&next) {
                    return (word, next);
                }
                rest = after;
            }
            "extern" => rest = after.trim_start().trim_start_matches("\"C\""),
            "fn" | "struct" | "enum" | "union" | "trait" | "mod" | "type" | "static" | "macro"
            | "macro_rules" | "impl" => {
                return (word, split_word(after.trim_start_matches(['!', ' '])).0);
            }
            _ => return ("", word),
        }
    }
}

/// Splits off the identifier that `text` begins with.
fn split_word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    text.split_at(end.unwrap_or(text.len()))
}

/// Finds the type that an `impl` which begins with these lines is for.
fn implementor(lines: &[&str]) -> String {
    let end = lines
        .iter()
        .position(|line| line.contains('{'))
        .unwrap_or(0);
    let header = lines[..=end].join(" ");
    let header = header.split('{').next().unwrap_or_default();
    // Arguments are left out: with them there may be a `for` that belongs to a type.
    let (mut depth, mut plain, mut before) = (0_usize, String::new(), ' ');
    for c in header.chars() {
        match c {
            '<' => depth += 1,
            '>' if before != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
        before = c;
    }
    let target = plain.split(" where").next().unwrap_or_default();
    let target = target.rsplit(" for ").next().unwrap_or_default();
    let last = target.rsplit("::").next().unwrap_or_default().trim();
    let name = last.rsplit(' ').next().unwrap_or_default();
    name.trim_start_matches(['&', '*']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str) -> Vec<String> {
        let found = Scan::of(text, "m", "f");
        found.into_iter().map(|comment| comment.item).collect()
    }

    #[test]
    fn items_have_the_path_of_their_blocks() {
        let text = r#"/// a
#[x(
    "/// no"
)]
pub struct A<'a> {
    /// b
    pub b: u8,
}
impl<T: Fn() -> u8, 'a> A<'a>
where
    T: X,
{
    /// c
    // no

    pub const unsafe fn c() {
        d();
    }
}
impl X for A<'_> {}
/// e
pub(crate) fn e() {}
"#;
        assert_eq!(items(text), ["m::A", "m::A::b", "m::A::c", "m::e"]);
    }

    #[test]
    fn kinds_of_items_are_known() {
        let text = r#"/// a
pub type A<T> = B<T>;
/// b
pub const B: u8 = 0;
/// c
pub unsafe auto trait C {
    /// d
    fn d();
}
/// e
pub macro e {
}
/// f
#[macro_export]
macro_rules! f {
}
/// g
pub struct G(
    u8,
);
/// h
unsafe extern "C" fn h() {}
"#;
        let wanted = [
            "m::A", "m::B", "m::C", "m::C::d", "m::e", "f", "m::G", "m::h",
        ];
        assert_eq!(items(text), wanted);
    }

    #[test]
    fn the_module_has_a_comment_of_its_own() {
        let found = Scan::of("// no\n//! a\n//!  b\n/// c\nfn c() {}\n", "m", "f");
        let lines = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect();
        let comment = |item: &str, place: &str, text: &[&str]| Comment {
            item: item.to_owned(),
            place: place.to_owned(),
            lines: lines(text),
        };
        assert_eq!(
            found,
            [
                comment("m", "f:2", &[" a", "  b"]),
                comment("m::c", "f:4", &[" c"])
            ]
        );
    }

    #[test]
    fn an_implementation_is_for_its_type() {
        let of = |line: &str| implementor(&[line]);
        assert_eq!(of("impl<T: 'static> LocalKey<Cell<T>> {"), "LocalKey");
        assert_eq!(of("impl<T> X<U> for a::B<T> where T: for<'a> C<'a> {"), "B");
        assert_eq!(of("impl X for &'a mut B {"), "B");
        assert_eq!(implementor(&["impl<T>", "    A<T>", "{"]), "A");
    }
}
