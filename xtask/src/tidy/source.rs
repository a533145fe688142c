//! Rules about one source file. Each complaint is `path:line: what is wrong: what to do`.

use super::Source;

const COLUMNS_MAX: usize = 100;
const LINES_MAX: usize = 500;
/// A CPU has one file, for what depends on it to be found in one place.
const CPU_LINES_MAX: usize = 650;
/// How far above an `unsafe` its SAFETY comment may end.
const SAFETY_LINES_MAX: usize = 3;

/// The files, besides those in `arch/`, that may name a CPU.
const NAMES_CPUS: &[&str] = &[
    "src/arch.rs",
    "tests/src/arch.rs",
    "tests/src/loader.rs",
    // Entry points, and what a libc has in a control block: programs' own, not the library's.
    "examples/beside_libc/src/guards.rs",
    "examples/own_start/src/entry.rs",
];
/// The folders of CPU files.
const CPU_FOLDERS: &[&str] = &["arch/", "tests/src/loader/"];
/// Files that are read by `include!`, where the compiler refuses `//!`: they begin with `// `.
const INCLUDED: &[&str] = &[
    "build/link.rs",
    "tests/whole/alone.rs",
    "tests/cfgs.rs",
    "tests/models/src/models.rs",
    "tests/models/src/models/channels.rs",
    "tests/models/src/models/dispatch.rs",
    "tests/models/src/models/events.rs",
    "tests/models/src/models/once.rs",
    "tests/models/src/models/rwlock.rs",
    "tests/models/src/primitive.rs",
    "tests/models/src/under.rs",
];
/// Names of files that are tables of numbers, whose length is the kernel's choice.
const NUMBER_TABLES: &[&str] = &["errno.rs", "nr.rs"];

// The words are put together here so that this file does not contain them.
const TARGET_ARCH: &str = concat!("target", "_arch");
const SYSCALL_NUMBER: &str = concat!("__", "NR_");
const UNSAFE: [&str; 2] = [concat!("uns", "afe {"), concat!("uns", "afe impl")];
/// Code that may not be committed, with what to do instead.
const BANNED_CODE: &[(&str, &str)] = &[
    (
        concat!("to", "do!"),
        "write the code or leave the function out",
    ),
    (
        concat!("unimple", "mented!"),
        "write the code or leave the function out",
    ),
    (concat!("db", "g!"), "remove it"),
    (
        concat!("static ", "mut "),
        "use an atomic, or a cell with a stated owner",
    ),
];
/// Words that mark unfinished work, in comments too.
const BANNED_MARKS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("HA", "CK"),
];

/// Checks all rules on one file.
pub fn check(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut complain = |line: usize, message: String| {
        complaints.push(format!("{}:{line}: {message}", source.path));
    };
    let lines: Vec<&str> = source.text.lines().collect();
    let about = if INCLUDED.contains(&source.path.as_str()) {
        "// "
    } else {
        "//!"
    };
    if !lines.first().is_some_and(|line| line.starts_with(about)) {
        complain(
            1,
            format!("the first line must be `{about}`: say what the file is for"),
        );
    }
    let file_name = source.path.rsplit('/').next().unwrap_or_default();
    let in_arch = source.path.starts_with("arch/");
    let lines_max = if in_arch { CPU_LINES_MAX } else { LINES_MAX };
    if lines.len() > lines_max && !NUMBER_TABLES.contains(&file_name) {
        complain(
            lines.len(),
            format!("more than {lines_max} lines: split the file"),
        );
    }
    let is_cpu_file = CPU_FOLDERS
        .iter()
        .any(|folder| source.path.starts_with(folder));
    let names_cpus = is_cpu_file || NAMES_CPUS.contains(&source.path.as_str());
    for (index, line) in lines.iter().enumerate() {
        let number = index + 1;
        let code = code_of(line);
        if line.chars().count() > COLUMNS_MAX && !is_table_row(line) {
            complain(
                number,
                format!("more than {COLUMNS_MAX} columns: break the line"),
            );
        }
        if code.contains(TARGET_ARCH) && !names_cpus {
            let place = "move what depends on the CPU into arch/";
            complain(number, format!("`{TARGET_ARCH}` outside arch: {place}"));
        }
        // The suite talks to the kernel beside the runtime, to see what it did.
        if code.contains(SYSCALL_NUMBER) && !in_arch && !source.path.starts_with("tests/") {
            let place = "name the number in arch/*.rs, module nr";
            complain(
                number,
                format!("`{SYSCALL_NUMBER}…` outside arch/: {place}"),
            );
        }
        // A reference for ever to what may be changed is no global variable.
        let code = code.replace(concat!("&'static ", "mut "), "& ");
        for (word, instead) in BANNED_CODE {
            if has_word(&code, word) {
                complain(number, format!("`{}`: {instead}", word.trim_end()));
            }
        }
        for word in BANNED_MARKS {
            if has_word(line, word) {
                complain(
                    number,
                    format!("`{word}`: do it now, or describe the limit in words"),
                );
            }
        }
        let is_unsafe = UNSAFE.iter().any(|form| has_word(&code, form));
        if is_unsafe && !has_safety_comment(&lines[..index]) {
            complain(
                number,
                "unsafe without `// SAFETY:` above: say why it is sound".into(),
            );
        }
    }
    complaints
}

/// Tells whether `line` is a row of a table in a comment, which cannot be broken.
fn is_table_row(line: &str) -> bool {
    line.trim_start()
        .trim_start_matches(['/', '!'])
        .starts_with(" |")
}

/// Returns the part of `line` in front of a comment.
fn code_of(line: &str) -> &str {
    let mut in_string = false;
    let mut before = '\0';
    for (index, c) in line.char_indices() {
        match c {
            '"' if before != '\\' && before != '\'' => in_string = !in_string,
            '/' if !in_string && line[index..].starts_with("//") => return &line[..index],
            _ => {}
        }
        before = if before == '\\' && c == '\\' { '\0' } else { c };
    }
    line
}

/// Tells whether `word` occurs with no letter, digit or underscore touching its ends.
fn has_word(text: &str, word: &str) -> bool {
    let touches = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    text.match_indices(word).any(|(at, _)| {
        let open_end = word.chars().next_back().is_some_and(char::is_alphanumeric);
        let after = text[at + word.len()..].chars().next();
        let before = text[..at].chars().next_back();
        !(touches(before) || open_end && touches(after))
    })
}

/// Looks for a SAFETY comment in the few lines above, and in the whole comment they end in.
fn has_safety_comment(above: &[&str]) -> bool {
    for (distance, line) in above.iter().rev().enumerate() {
        let is_comment = line.trim_start().starts_with("//");
        if is_comment && line.contains("SAFETY:") {
            return true;
        }
        if distance + 1 >= SAFETY_LINES_MAX && !is_comment {
            return false;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(path: &str, text: &str) -> Vec<String> {
        check(&Source {
            path: path.into(),
            text: text.into(),
        })
    }

    /// Requires one complaint, at `line`, that contains `words`.
    fn refused(path: &str, text: &str, line: usize, words: &str) {
        let found = complaints(path, text);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with(&format!("{path}:{line}: ")),
            "{found:?}"
        );
        assert!(found[0].contains(words), "{found:?}");
    }

    fn accepted(path: &str, text: &str) {
        assert_eq!(complaints(path, text), Vec::<String>::new());
    }

    #[test]
    fn first_line_must_be_a_module_comment() {
        refused("src/a.rs", "// about\n", 1, "//!");
        refused("src/a.rs", "", 1, "//!");
        accepted("src/a.rs", "//! About.\n");
        accepted("build/link.rs", "// About.\n");
        refused("build/link.rs", "use a;\n", 1, "`// `");
    }

    #[test]
    fn cpu_names_belong_to_arch() {
        let text = format!("//! A.\n#[cfg({TARGET_ARCH} = \"mips\")]\n");
        refused("src/a.rs", &text, 2, "outside arch");
        for path in [
            "src/arch.rs",
            "arch/mips.rs",
            "tests/src/arch.rs",
            "tests/src/loader.rs",
            "tests/src/loader/mips.rs",
        ] {
            accepted(path, &text);
        }
        accepted("src/a.rs", &format!("//! No `{TARGET_ARCH}` here.\n"));
    }

    #[test]
    fn syscall_numbers_belong_to_arch() {
        let text = format!("//! A.\nuse raw::{SYSCALL_NUMBER}futex;\n");
        refused("src/arch.rs", &text, 2, "outside arch/");
        accepted("arch/mips.rs", &text);
        accepted("tests/src/kernel.rs", &text);
    }

    #[test]
    fn long_lines_and_files_are_refused() {
        let wide = |count| format!("//! A.\n{}\n", "é".repeat(count));
        refused("src/a.rs", &wide(101), 2, "columns");
        accepted("src/a.rs", &wide(100));
        accepted(
            "arch/a.rs",
            &format!("//! A.\n//! | {} |\n", "a".repeat(100)),
        );
        let long = |count: usize| format!("//! A.{}", "\n//".repeat(count - 1));
        refused("src/a.rs", &long(501), 501, "lines");
        accepted("src/a.rs", &long(500));
        accepted("src/sys/errno.rs", &long(501));
    }

    #[test]
    fn banned_code_is_refused_in_code_only() {
        for (word, _) in BANNED_CODE {
            refused(
                "src/a.rs",
                &format!("//! A.\n    {word}();\n"),
                2,
                word.trim_end(),
            );
            accepted("src/a.rs", &format!("//! Without {word}.\n"));
        }
    }

    #[test]
    fn banned_marks_are_refused_in_comments_too() {
        for word in BANNED_MARKS {
            refused("src/a.rs", &format!("//! A.\n// {word}: later\n"), 2, word);
            accepted("src/a.rs", &format!("//! A.\n// THE{word}S\n"));
        }
    }

    #[test]
    fn unsafe_needs_a_safety_comment() {
        for code in UNSAFE.map(|form| format!("{form} a();")) {
            refused("src/a.rs", &format!("//! A.\n{code}\n"), 2, "SAFETY");
            refused(
                "src/a.rs",
                &format!("//! SAFETY: no\n1\n2\n3\n{code}\n"),
                5,
                "SAFETY",
            );
            accepted("src/a.rs", &format!("//! A.\n// SAFETY: yes\n{code}\n"));
            let long = "//! A.\n// SAFETY: a\n// b\n// c\n// d\n// e\n";
            accepted("src/a.rs", &format!("{long}{code}\n"));
        }
        accepted(
            "src/a.rs",
            &format!("//! {} in words\nunsafe fn a() {{}}\n", UNSAFE[0]),
        );
    }

    #[test]
    fn comments_are_told_from_strings() {
        assert_eq!(code_of(r#"let a = "//"; // b"#), r#"let a = "//"; "#);
        assert_eq!(code_of(r#"let a = "\"//"; // b"#), r#"let a = "\"//"; "#);
        assert_eq!(code_of("let a = '\"'; // b"), "let a = '\"'; ");
    }
}
