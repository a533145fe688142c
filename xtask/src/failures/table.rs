//! Makes a table of what the probe says: a section for each path, a row for each outcome of a call.

use anyhow::{Context, Result, bail};
use std::fmt::Write;

/// A path: what it is, and what comes of its calls' failures.
#[derive(Debug, Default)]
pub struct Section {
    name: String,
    what: String,
    rows: Vec<Row>,
    /// Calls that another path looks at, with the reason.
    elsewhere: Vec<(String, String)>,
}

/// The failures of one call that have the same outcome.
#[derive(Debug)]
struct Row {
    call: String,
    page: String,
    /// Which of the calls, and the errors of each.
    cells: Vec<(String, String)>,
    outcome: String,
    why: String,
}

impl Section {
    /// Counts the failures.
    pub fn count(&self) -> usize {
        self.rows.iter().map(|row| row.cells.len()).sum()
    }

    fn add(&mut self, words: [&str; 6]) {
        let [call, page, when, errno, outcome, why] = words;
        let is_it = |row: &&mut Row| row.call == call && row.outcome == outcome && row.why == why;
        let cell = (when.to_owned(), errno.to_owned());
        match self.rows.iter_mut().find(is_it) {
            Some(row) => row.cells.push(cell),
            None => self.rows.push(Row {
                call: call.to_owned(),
                page: page.to_owned(),
                cells: vec![cell],
                outcome: outcome.to_owned(),
                why: why.to_owned(),
            }),
        }
    }
}

impl Row {
    /// The errors, each once.
    fn errnos(&self) -> String {
        let mut names: Vec<_> = self.cells.iter().map(|(_, errno)| errno.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.join(" ")
    }

    /// Which of the calls.
    fn whens(&self) -> String {
        let mut whens: Vec<_> = self.cells.iter().map(|(when, _)| when.as_str()).collect();
        whens.sort_unstable();
        whens.dedup();
        whens.join(", ")
    }
}

/// Reads the probe's lines.
pub fn read(text: &str) -> Result<Vec<Section>> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines() {
        let words: Vec<_> = line.split('\t').collect();
        match (words.as_slice(), sections.last_mut()) {
            (["path", name, what], _) => sections.push(Section {
                name: (*name).to_owned(),
                what: (*what).to_owned(),
                ..Section::default()
            }),
            (["elsewhere", call, why], Some(section)) => section
                .elsewhere
                .push(((*call).to_owned(), (*why).to_owned())),
            (&["cell", call, page, when, errno, outcome, why], Some(section)) => {
                section.add([call, page, when, errno, outcome, why]);
            }
            _ => bail!("the probe's line is not understood: {line}"),
        }
    }
    sections.first().context("the probe says nothing")?;
    Ok(sections)
}

/// Writes the table of a target.
pub fn write(target: &str, sections: &[Section]) -> String {
    let count: usize = sections.iter().map(Section::count).sum();
    let mut text = format!(
        "# What comes of system calls that fail: {target}\n\n\
         Written by `cargo xtask failures --write`, which makes each of these {count} failures\n\
         happen. *Which* says which of a path's calls fails: the first, the second, or all. The\n\
         errors are those of the call's man page, and EINTR, EAGAIN, ENOMEM, ENOSYS and EPERM.\n\
         After each of them nothing is left behind but what the outcome says, and after each\n\
         error the path works again.\n"
    );
    for section in sections {
        let _ = write!(text, "\n## {}\n\n{}.\n", section.name, section.what);
        if !section.rows.is_empty() {
            text += "\n| call | which | errors | outcome | why |\n|---|---|---|---|---|\n";
        }
        for row in &section.rows {
            let _ = writeln!(
                text,
                "| {}, {} | {} | {} | {} | {} |",
                row.call,
                row.page,
                row.whens(),
                row.errnos(),
                // The error itself, however it is shown.
                ["{}", "{n}", "{text}"]
                    .iter()
                    .fold(row.outcome.clone(), |text, mark| text.replace(mark, "…")),
                row.why
            );
        }
        if section.rows.is_empty() && section.elsewhere.is_empty() {
            text += "\nNo system call.\n";
        }
        let mut first = true;
        for (call, why) in &section.elsewhere {
            let space = if first { "\n" } else { "" };
            let _ = writeln!(text, "{space}- {call}: {why}");
            first = false;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_with_the_same_outcome_share_a_row() {
        let text = "path\tp\ta thing\n\
                    cell\tmmap\tmmap(2)\t1\tEPERM\terror E\tso\n\
                    cell\tmmap\tmmap(2)\tall\tEACCES\terror E\tso\n\
                    cell\tmmap\tmmap(2)\t1\tENOMEM\tworks\tso\n\
                    elsewhere\tfutex\tas in q\n\
                    path\tr\tnothing\n";
        let sections = read(text).unwrap();
        assert_eq!(sections[0].count(), 3);
        let written = write("cpu", &sections);
        assert!(written.contains("| mmap, mmap(2) | 1, all | EACCES EPERM | error E | so |"));
        assert!(written.contains("- futex: as in q"));
        assert!(written.contains("## r\n\nnothing.\n\nNo system call."));
    }

    #[test]
    fn what_is_not_understood_is_told() {
        assert!(read("cell\tmmap").is_err());
        assert!(read("").is_err());
    }
}
