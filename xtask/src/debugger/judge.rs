//! Judges backtraces that gdb printed: text in, verdict out.

use crate::case::claim;
use std::fmt;

/// How gdb writes the frame between a signal handler and what it interrupted.
pub const SIGNAL_FRAME: &str = "<signal handler called>";
/// What gdb says when it cannot go on, or sees no end.
const COMPLAINTS: [&str; 5] = [
    "Backtrace stopped",
    "More stack frames follow",
    "Cannot access memory",
    "corrupt stack",
    "Python Exception",
];

/// What a debugger printed, in sections that begin with the line `== NAME`.
#[derive(Debug)]
pub struct Transcript(pub String);

impl Transcript {
    /// Returns each section's name and text, in order.
    pub fn sections(&self) -> impl Iterator<Item = (&str, &str)> {
        let parts = self.0.split("\n== ").skip(1);
        parts.map(|part| part.split_once('\n').unwrap_or((part, "")))
    }

    /// Returns the first section called `name`.
    pub fn section(&self, name: &str) -> Result<&str, String> {
        let mut sections = self.sections();
        let found = sections.find(|(found, _)| *found == name);
        found
            .map(|(_, text)| text)
            .ok_or_else(|| format!("the debugger did not come to `== {name}`"))
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.0.lines();
        lines.try_for_each(|line| writeln!(f, "| {line}"))
    }
}

/// One thread's frames, the innermost first.
#[derive(Debug)]
pub struct Backtrace<'a> {
    frames: Vec<&'a str>,
    complaint: Option<&'a str>,
}

impl<'a> Backtrace<'a> {
    /// Reads one thread's frames; lines of other kinds are ignored, unless gdb complains in them.
    pub fn parse(text: &'a str) -> Self {
        let complains = |line: &&str| COMPLAINTS.iter().any(|complaint| line.contains(complaint));
        Self {
            frames: text.lines().filter(|line| line.starts_with('#')).collect(),
            complaint: text.lines().find(complains),
        }
    }

    /// Returns the functions' last names, the innermost first.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &'a str> {
        self.frames.iter().map(|frame| name_of(frame))
    }

    /// Requires that it goes through the function `within`, names every frame, and ends in one of
    /// the functions `ends`.
    pub fn expect(&self, within: &str, ends: &[&str]) -> Result<(), String> {
        if let Some(complaint) = self.complaint {
            return Err(format!("gdb complains: {complaint}\n{self}"));
        }
        let are_named = !self.frames.iter().any(|frame| frame.contains("?? ("));
        claim(are_named, || format!("a frame has no name:\n{self}"))?;
        let is_within = self.names().any(|name| name == within);
        claim(is_within, || format!("no frame of `{within}`:\n{self}"))?;
        let end = self.names().next_back().unwrap_or_default();
        claim(ends.contains(&end), || {
            format!("the outermost frame is not {}:\n{self}", ends.join(" or "))
        })
    }
}

impl fmt::Display for Backtrace<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.frames.join("\n"))
    }
}

/// Splits what `thread apply all backtrace` printed.
pub fn threads(text: &str) -> Vec<Backtrace<'_>> {
    let parts = text.split("\nThread ").skip(1);
    parts
        .filter(|part| part.lines().any(|line| line.starts_with('#')))
        .map(Backtrace::parse)
        .collect()
}

/// Returns a frame's function without its path: `f` of `#3  0x12 in a::b::f<T> (x=1) at c.rs:4`.
fn name_of(frame: &str) -> &str {
    let rest = frame.split_once(' ').map_or("", |(_, rest)| rest).trim();
    let rest = match rest.split_once(" in ") {
        Some((address, rest)) if address.starts_with("0x") => rest,
        _ => rest,
    };
    if rest.starts_with(SIGNAL_FRAME) {
        return SIGNAL_FRAME;
    }
    let path = rest.split_once(" (").map_or(rest, |(path, _)| path);
    let path = path.split_once('<').map_or(path, |(path, _)| path);
    path.rsplit("::").next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "#0  probe (x=1) at a.rs:1\n#1  <signal handler called>\n\
                        #2  0x12 in a[0f]::b::f<c::d> (word=0x0) at d.rs:4\n\
                        #3  0x34 in _start ()\n";

    #[test]
    fn names_are_the_last_part_of_the_path() {
        let trace = Backtrace::parse(MAIN);
        let names: Vec<_> = trace.names().collect();
        assert_eq!(names, ["probe", SIGNAL_FRAME, "f", "_start"]);
    }

    #[test]
    fn a_sound_backtrace_is_accepted() {
        assert_eq!(Backtrace::parse(MAIN).expect("f", &["_start"]), Ok(()));
    }

    #[test]
    fn every_defect_is_refused() {
        let refused = |text: &str, words: &str| {
            let error = Backtrace::parse(text).expect("f", &["_start"]).unwrap_err();
            assert!(error.contains(words), "{error}");
        };
        refused("", "no frame of `f`");
        refused(&MAIN.replace("::f<", "::g<"), "no frame of `f`");
        refused(&MAIN.replace("_start", "f"), "outermost");
        refused(&format!("{MAIN}#4  0x0 in ?? ()\n"), "no name");
        for complaint in COMPLAINTS {
            refused(&format!("{MAIN}{complaint} (for a reason)\n"), complaint);
        }
    }

    #[test]
    fn sections_and_threads_are_told_apart() {
        let text = "hello\n== one\na\n== two\n\nThread 2 (LWP 5 \"x\"):\n#0  f ()\n\n\
                    Thread 1 (LWP 4):\n#0  g ()\n#1  h ()\n== end\n";
        let told = Transcript(text.into());
        assert_eq!(told.section("one"), Ok("a"));
        assert_eq!(told.sections().count(), 3);
        assert!(told.section("three").is_err());
        let traces = threads(told.section("two").unwrap());
        let names: Vec<Vec<_>> = traces.iter().map(|trace| trace.names().collect()).collect();
        assert_eq!(names, [vec!["f"], vec!["g", "h"]]);
    }
}
