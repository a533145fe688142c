//! Reads what a suite program says about itself and judges it.
//!
//! A program prints `rt 1 arch=A page=P profile=F plan=N exit=C`, one line per case (`ok NAME`,
//! `FAIL NAME file:line message`, `skip NAME reason`), `end N`, and exits with C. Every other line
//! is chatter. This module starts nothing and does not know which skips are allowed; it is told.

use crate::process::Ended;
use crate::tally::Tally;
use std::collections::HashSet;

/// What the program has to say about itself to be believed.
pub struct Expected<'a> {
    pub arch: &'a str,
    pub page_bytes: u64,
    pub profile: String,
    /// The program was given a filter, so an empty plan is no error.
    pub filtered: bool,
}

/// The judgement over one program.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Names of the cases that passed.
    pub passed: Vec<String>,
    /// Names of the cases that were skipped with leave.
    pub skipped: Vec<String>,
    /// Number of failed cases; at least 1 when there is a complaint.
    pub failed: usize,
    /// What is wrong, one sentence each.
    pub complaints: Vec<String>,
}

impl Verdict {
    /// Counts the cases.
    pub fn tally(&self) -> Tally {
        Tally {
            passed: self.passed.len(),
            failed: self.failed,
            skipped: self.skipped.len(),
        }
    }

    fn complain(&mut self, sentence: String) {
        self.complaints.push(sentence);
    }

    fn fail(&mut self, count: usize, sentence: String) {
        self.failed += count;
        self.complaints.push(sentence);
    }
}

#[derive(Debug, Default)]
struct Header {
    arch: Option<String>,
    page_bytes: Option<u64>,
    profile: Option<String>,
    plan: Option<usize>,
    exit_code: Option<i32>,
}

impl Header {
    fn parse(line: &str) -> Option<Self> {
        let fields = line.strip_prefix("rt 1 ")?;
        let mut header = Self::default();
        for field in fields.split_ascii_whitespace() {
            let (key, value) = field.split_once('=')?;
            match key {
                "arch" => header.arch = Some(value.to_owned()),
                "page" => header.page_bytes = value.parse().ok(),
                "profile" => header.profile = Some(value.to_owned()),
                "plan" => header.plan = value.parse().ok(),
                "exit" => header.exit_code = value.parse().ok(),
                _ => {} // A later protocol may say more; what is needed is checked below.
            }
        }
        Some(header)
    }

    /// Complains about every field that is missing or is not what was built.
    fn check(&self, expected: &Expected, verdict: &mut Verdict) {
        let mut compare = |field: &str, said: Option<String>, wanted: String| {
            if said.as_ref() != Some(&wanted) {
                let said = said.unwrap_or_else(|| "nothing readable".into());
                verdict.complain(format!("{field}= must be {wanted}, the guest says {said}"));
            }
        };
        compare("arch", self.arch.clone(), expected.arch.into());
        let page = self.page_bytes.map(|bytes| bytes.to_string());
        compare("page", page, expected.page_bytes.to_string());
        compare("profile", self.profile.clone(), expected.profile.clone());
        if self.plan.is_none() {
            verdict.complain("the header has no readable plan=".into());
        } else if self.plan == Some(0) && !expected.filtered {
            verdict.complain("the guest planned no case at all".into());
        }
        if self.exit_code.is_none() {
            verdict.complain("the header has no readable exit=".into());
        }
    }
}

/// Judges a program by its standard output and its end.
pub fn judge(
    expected: &Expected,
    stdout: &[u8],
    ended: Ended,
    skip_allowed: &dyn Fn(&str) -> bool,
) -> Verdict {
    let text = String::from_utf8_lossy(stdout);
    let mut verdict = Verdict::default();
    let mut header = None;
    let mut end = None;
    let mut seen = HashSet::new();
    for line in text.lines() {
        if line.starts_with("rt 1 ") {
            match (Header::parse(line), &header) {
                (Some(found), None) => header = Some(found),
                (Some(_), Some(_)) => verdict.complain("the header was printed twice".into()),
                (None, _) => verdict.complain(format!("unreadable header: {line}")),
            }
        } else if let Some(count) = end_count(line) {
            if end.replace(count).is_some() {
                verdict.complain("`end` was printed twice".into());
            }
        } else if let Some(name) = case_line(line, skip_allowed, &mut verdict) {
            if header.is_none() || end.is_some() {
                verdict.complain(format!("case `{name}` is outside header and `end`"));
            }
            if !seen.insert(name.to_owned()) {
                verdict.complain(format!("case `{name}` was reported twice"));
            }
        }
    }
    match &header {
        None => verdict.complain("no `rt 1 …` header was printed".into()),
        Some(header) => conclude(header, expected, seen.len(), end, &mut verdict),
    }
    judge_end(
        header.and_then(|header| header.exit_code),
        ended,
        &mut verdict,
    );
    if !verdict.complaints.is_empty() {
        verdict.failed = verdict.failed.max(1);
    }
    verdict
}

fn end_count(line: &str) -> Option<usize> {
    line.strip_prefix("end ")?.trim_end().parse().ok()
}

/// Books a case line and returns the case's name; any other line is chatter and returns `None`.
fn case_line<'a>(
    line: &'a str,
    skip_allowed: &dyn Fn(&str) -> bool,
    verdict: &mut Verdict,
) -> Option<&'a str> {
    let (kind, rest) = line.split_once(' ')?;
    let (name, message) = rest.split_once(' ').unwrap_or((rest, ""));
    if name.is_empty() {
        return None;
    }
    match kind {
        "ok" if message.trim().is_empty() => verdict.passed.push(name.to_owned()),
        "FAIL" => verdict.fail(1, format!("FAIL {name} {message}")),
        "skip" if skip_allowed(name) => verdict.skipped.push(name.to_owned()),
        "skip" => {
            verdict.fail(
                1,
                format!("skip {name} {message}: not in the table of allowed skips"),
            );
        }
        _ => return None,
    }
    Some(name)
}

/// Holds the header against the table, and the cases against the header's plan.
fn conclude(
    header: &Header,
    expected: &Expected,
    seen: usize,
    end: Option<usize>,
    verdict: &mut Verdict,
) {
    let complaints_before = verdict.complaints.len();
    header.check(expected, verdict);
    if verdict.complaints.len() > complaints_before {
        // Claims about another machine or build count for nothing.
        verdict.failed += verdict.passed.len();
        verdict.passed.clear();
    }
    if let Some(plan) = header.plan {
        if seen < plan {
            verdict.fail(
                plan - seen,
                format!("{seen} of {plan} planned cases were seen"),
            );
        } else if seen > plan {
            verdict.complain(format!("{seen} cases were seen, {plan} were planned"));
        }
        match end {
            None => verdict.complain("`end` was not printed".into()),
            Some(count) if count != plan => {
                verdict.complain(format!("`end {count}` was printed, {plan} were planned"));
            }
            Some(_) => {}
        }
    }
}

fn judge_end(wanted: Option<i32>, ended: Ended, verdict: &mut Verdict) {
    let Some(wanted) = wanted else {
        verdict.complain(format!("the guest ended with: {}", ended.describe()));
        return;
    };
    if ended.code() != Some(wanted) {
        let how = ended.describe();
        verdict.complain(format!(
            "exit status {wanted} was announced, the end was: {how}"
        ));
    }
}

#[cfg(test)]
mod tests;
