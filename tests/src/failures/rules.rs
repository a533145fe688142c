//! What has to come of a path when a call of it fails, and why.

mod table;

use core::fmt::{self, Write};

use threadbare::Errno;
use threadbare::io::SliceWriter;
use threadbare::seam::arch::TIME32;

use super::calls::Call;
use super::paths::Path;
use super::{Cell, Complaint, Inventory, Said};

/// When a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Whenever; in a rule alone.
    Any,
    /// This time, counted from 0.
    At(u32),
    /// Every time.
    Always,
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            When::Any => f.write_str("any"),
            When::At(nth) => write!(f, "{}", nth + 1),
            When::Always => f.write_str("all"),
        }
    }
}

/// Where a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On every CPU.
    Everywhere,
    /// Where there are calls with 32-bit seconds to fall back on.
    OldTime,
}

/// What has to come of some failures, and why.
#[derive(Debug)]
pub struct Rule {
    /// The paths' names; all, where there is none.
    pub paths: &'static [&'static str],
    /// The call.
    pub call: &'static Call,
    /// When it fails.
    pub when: When,
    /// By which errors; all that have no rule before this one, where there is none.
    pub errnos: &'static [Errno],
    /// Where it holds.
    pub place: Place,
    /// What has to come: `{}` is the error's name, `{n}` its number, `{text}` what it says of
    /// itself. Nothing, where another path looks at it.
    pub outcome: &'static str,
    /// How many mappings may stay behind.
    pub mappings: usize,
    /// Why.
    pub why: &'static str,
}

impl Rule {
    /// Writes the outcome out.
    pub fn expected(&self, errno: Errno) -> Said {
        let mut memory = [0; 240];
        let mut text = SliceWriter::new(&mut memory);
        let mut rest = self.outcome;
        while let Some(at) = rest.find('{') {
            let end = rest[at..]
                .find('}')
                .map_or(rest.len(), |length| at + length + 1);
            let (before, mark) = (&rest[..at], &rest[at..end]);
            let _ = text.write_str(before);
            let _ = match mark {
                "{}" => write!(text, "{errno:?}"),
                "{n}" => write!(text, "{}", errno.raw()),
                "{text}" => write!(text, "{errno}"),
                other => text.write_str(other),
            };
            rest = &rest[end..];
        }
        let _ = text.write_str(rest);
        Said::new(text.as_str().unwrap_or(""))
    }

    fn is_of(&self, path: &Path, call: &Call) -> bool {
        // First, because it is cheapest, and false for most of many thousands.
        if self.call.nr != call.nr {
            return false;
        }
        let is_path = self.paths.is_empty() || self.paths.contains(&path.name);
        let holds = match self.place {
            Place::Everywhere => true,
            Place::OldTime => TIME32.is_some(),
        };
        is_path && holds
    }

    fn is_for(&self, cell: Cell) -> bool {
        let is_then = match (self.when, cell.when) {
            (When::Any, _) => true,
            // Always begins with the first one.
            (When::At(0), When::Always) => true,
            (rule, cell) => rule == cell,
        };
        is_then && (self.errnos.is_empty() || self.errnos.contains(&cell.errno))
    }
}

/// Finds the rule for a cell: the first that fits.
pub fn find(path: &Path, cell: Cell) -> Option<&'static Rule> {
    let mut fitting = table::RULES.iter();
    fitting.find(|rule| rule.is_of(path, cell.call) && rule.is_for(cell))
}

/// Whether another path looks at the call; then the rule says which.
pub fn is_elsewhere(path: &Path, call: &Call) -> bool {
    elsewhere(path, call).is_some()
}

/// The rule by which another path looks at the call.
pub fn elsewhere(path: &Path, call: &Call) -> Option<&'static Rule> {
    let mut rules = table::RULES.iter();
    rules
        .find(|rule| rule.is_of(path, call))
        .filter(|rule| rule.outcome.is_empty())
}

/// Whether every rule that names the path alone is about a call that the path makes.
///
/// # Errors
/// The first that is not.
pub fn each_is_used(path: &Path, inventory: &Inventory) -> Result<(), Complaint> {
    for rule in table::RULES {
        let is_made = |rule: &Rule| inventory.iter().any(|made| rule.is_of(path, made.call));
        let is_about = rule.paths == [path.name] && !rule.outcome.is_empty();
        if is_about && rule.place == Place::Everywhere && !is_made(rule) {
            return Err(Complaint::new(format_args!(
                "{}: never calls {}, for which there is a rule",
                path.name, rule.call.name
            )));
        }
    }
    Ok(())
}

/// Whether every rule names paths that there are, and says why.
///
/// # Errors
/// The first that does not.
pub fn check() -> Result<(), Complaint> {
    use super::paths::PATHS;
    for rule in table::RULES {
        let is_known = |name: &&str| PATHS.iter().any(|path| path.name == *name);
        if !rule.paths.iter().all(|name| is_known(name)) || rule.why.is_empty() {
            return Err(Complaint::new(format_args!(
                "a rule of {} names a path that there is not, or no reason",
                rule.call.name
            )));
        }
    }
    Ok(())
}
