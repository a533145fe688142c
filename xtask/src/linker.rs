//! The linker scripts: each assertion is broken on purpose, with real linkers, and must say so.
//!
//! What is linked is a few bytes in assembly that nobody runs, the same for every CPU. The scripts
//! for small programs are for x86-64; what comes of right input is held against the ELF rules.

mod mistakes;

use crate::case::Case;
use crate::elf::Image;
use crate::process::{self, Finished};
use crate::step;
use crate::tally::Tally;
use crate::targets::LinkMode;
use crate::toolchain;
use anyhow::{Context, Result, ensure};
use mistakes::{MISTAKES, Mistake, SOUND, WAYS, WHOLE};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(60);

/// A way to use the scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Script {
    /// `checks.ld`, beside the linker's own script.
    Checks,
    /// `own_start.ld` besides.
    OwnStart,
    /// In place of the linker's own script.
    Small,
    /// Likewise.
    Tiny,
}
use Script::{Checks, OwnStart, Small, Tiny};

impl Script {
    fn name(self) -> &'static str {
        match self {
            Checks => "checks",
            OwnStart => "own_start",
            Small => "small",
            Tiny => "tiny",
        }
    }

    fn arguments(self, folder: &Path) -> Vec<String> {
        let path = |name: &str| folder.join(name).display().to_string();
        match self {
            Checks => vec![path("checks.ld")],
            OwnStart => vec![path("checks.ld"), path("own_start.ld")],
            Small => vec!["-T".into(), path("small.ld")],
            Tiny => vec!["-T".into(), path("tiny.ld")],
        }
    }

    /// Whether it is for this machine's CPU.
    fn is_for_host(self) -> bool {
        matches!(self, Checks | OwnStart) || std::env::consts::ARCH == "x86_64"
    }
}

/// Whose linker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Lld,
    Gnu,
}

const START: &str = ".globl _start\n.section .text._start,\"ax\",%progbits\n_start: .quad 0\n";
/// What says that the stack is not executed.
const END: &str = ".section .note.GNU-stack,\"\",%progbits\n";

/// Runs the cases whose names contain `filter`; prints one line about them.
pub fn run(filter: Option<&str>) -> Result<Tally> {
    let started = Instant::now();
    let is_wanted = |name: &str| filter.is_none_or(|filter| name.contains(filter));
    let mut cases = Vec::new();
    let mut tally = Tally::default();
    let mut shop = None;
    for kind in [Kind::Lld, Kind::Gnu] {
        let suffix = kind.name();
        let mut wanted: Vec<(String, Job)> = Vec::new();
        for mistake in MISTAKES.iter().filter(|row| row.linkers.contains(&kind)) {
            for &script in mistake.scripts.iter().filter(|script| script.is_for_host()) {
                let (name, script_name) = (mistake.name, script.name());
                let name = format!("linker/{name}_{script_name}_{suffix}");
                wanted.push((name, Job::Refused(mistake, script)));
            }
        }
        for (number, sound) in SOUND
            .iter()
            .enumerate()
            .filter(|(_, row)| row.0.is_for_host())
        {
            let name = format!("linker/sound_{number}_{}_{suffix}", sound.0.name());
            wanted.push((name, Job::Linked(sound)));
        }
        for &(way, arguments) in WAYS {
            for script in [Script::Checks, Script::OwnStart] {
                let script_name = script.name();
                let name = format!("linker/{script_name}_changes_nothing_{way}_{suffix}");
                wanted.push((name, Job::Unchanged(script, arguments)));
            }
        }
        wanted.retain(|(name, _)| is_wanted(name));
        if wanted.is_empty() {
            continue;
        }
        let shop = match &shop {
            Some(shop) => shop,
            None => shop.insert(Shop::new()?),
        };
        let Some(linker) = kind.find()? else {
            println!(
                "skip   {} cases of GNU ld: there is none on PATH",
                wanted.len()
            );
            tally.skipped += wanted.len();
            continue;
        };
        for (name, job) in wanted {
            let outcome = shop
                .judge(&linker, &job)
                .map_err(|error| format!("{error:#}"));
            cases.push(Case::new(name, outcome));
        }
    }
    if !cases.is_empty() || (filter.is_none() && tally.skipped == 0) {
        tally += step::report("linker scripts", &cases, started);
    }
    Ok(tally)
}

/// What a case links.
enum Job {
    Refused(&'static Mistake, Script),
    Linked(&'static (Script, &'static str, [usize; 2])),
    Unchanged(Script, &'static [&'static str]),
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Lld => "lld",
            Kind::Gnu => "gnu",
        }
    }

    /// The command, or none where GNU's is not there; LLD is there for other CPUs' programs.
    fn find(self) -> Result<Option<Vec<String>>> {
        if self == Kind::Lld {
            let path = toolchain::cross_linker()?;
            let is_bare = path.ends_with("rust-lld");
            let command = [path.display().to_string()];
            let flavor: &[&str] = if is_bare { &["-flavor", "gnu"] } else { &[] };
            let flavor = flavor.iter().map(|&word| word.to_owned());
            return Ok(Some(command.into_iter().chain(flavor).collect()));
        }
        let Some(path) = toolchain::on_path("ld") else {
            return Ok(None);
        };
        let mut question = Command::new(&path);
        question.arg("--version");
        let is_gnu = process::ask(question)?.starts_with("GNU ld");
        Ok(is_gnu.then(|| vec![path.display().to_string()]))
    }
}

/// A folder for objects and programs, removed in the end.
struct Shop {
    folder: PathBuf,
}

impl Drop for Shop {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever cleans up temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Shop {
    fn new() -> Result<Self> {
        let name = format!("threadbare-linker-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self { folder })
    }

    fn judge(&self, linker: &[String], job: &Job) -> Result<()> {
        match *job {
            Job::Refused(mistake, script) => {
                let start = if mistake.has_start { START } else { "" };
                let source = format!("{END}{start}{}", mistake.source);
                let finished = self.link(linker, &source, mistake.arguments, Some(script))?;
                let told = String::from_utf8_lossy(&finished.output);
                let is_refused = finished.ended.code().is_some_and(|code| code != 0);
                ensure!(
                    is_refused && told.contains(mistake.says),
                    "wanted {:?}; {}: {told}",
                    mistake.says,
                    finished.ended.describe()
                );
                Ok(())
            }
            Job::Linked((script, source, segments)) => {
                self.link_sound(linker, source, &["-static"], Some(*script))?;
                let image = Image::read(&self.program())?;
                for rule in image.rules(LinkMode::Fixed) {
                    ensure!(rule.outcome.is_ok(), "{}: {:?}", rule.name, rule.outcome);
                }
                let found = image.loads_and_templates();
                ensure!(found == *segments, "{found:?}, and not {segments:?}");
                image.check_loads()
            }
            // What only checks has no part in what comes of it.
            Job::Unchanged(script, arguments) => {
                self.link_sound(linker, WHOLE, arguments, None)?;
                let without = fs::read(self.program())?;
                self.link_sound(linker, WHOLE, arguments, Some(script))?;
                let with = Image::read(&self.program())?.layout();
                let without = Image::parse(&without)?.layout();
                ensure!(with == without, "{with}\nand without the script\n{without}");
                Ok(())
            }
        }
    }

    fn link_sound(
        &self,
        linker: &[String],
        source: &str,
        arguments: &[&str],
        script: Option<Script>,
    ) -> Result<()> {
        let source = format!("{END}{START}{source}");
        let finished = self.link(linker, &source, arguments, script)?;
        let told = String::from_utf8_lossy(&finished.output);
        ensure!(finished.ended.code() == Some(0), "{told}");
        Ok(())
    }

    fn program(&self) -> PathBuf {
        self.folder.join("program")
    }

    fn link(
        &self,
        linker: &[String],
        source: &str,
        arguments: &[&str],
        script: Option<Script>,
    ) -> Result<Finished> {
        let object = self.folder.join("object.o");
        let mut command = Command::new("cc");
        command
            .args(["-c", "-x", "assembler", "-o"])
            .arg(&object)
            .arg("-");
        let finished = process::capture(command, source.as_bytes(), LIMIT)?;
        let told = String::from_utf8_lossy(&finished.output);
        ensure!(finished.ended.code() == Some(0), "{source}\n{told}");
        let scripts = toolchain::root().join("linker");
        let mut command = Command::new(&linker[0]);
        command
            .args(&linker[1..])
            .args(arguments)
            .arg(&object)
            .args(script.map_or(Vec::new(), |script| script.arguments(&scripts)))
            .arg("-o")
            .arg(self.program());
        process::capture(command, b"", LIMIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [(Script, &str); 4] = [
        (Script::Checks, include_str!("../../linker/checks.ld")),
        (Script::OwnStart, include_str!("../../linker/own_start.ld")),
        (Script::Small, include_str!("../../linker/small.ld")),
        (Script::Tiny, include_str!("../../linker/tiny.ld")),
    ];

    /// The assertions of a script, from the condition on.
    fn assertions(text: &str) -> Vec<&str> {
        let starts = text.split("\nASSERT(").skip(1);
        starts
            .map(|rest| rest.split("\n\n").next().unwrap_or(rest).trim_end())
            .collect()
    }

    /// One that nothing breaks may be wrong without anybody's knowing.
    #[test]
    fn every_assertion_is_broken_by_a_mistake() {
        for (script, text) in TEXTS {
            assert!(!assertions(text).is_empty(), "{script:?}");
            for assertion in assertions(text) {
                let breaks =
                    |row: &&Mistake| row.scripts.contains(&script) && assertion.contains(row.says);
                assert!(
                    MISTAKES.iter().any(|row| breaks(&row)),
                    "{script:?}: {assertion}"
                );
            }
        }
    }

    #[test]
    fn every_assertion_says_whose_mistake_it_is() {
        for assertion in TEXTS.iter().flat_map(|(_, text)| assertions(text)) {
            let message = assertion.split('"').rev().nth(1).unwrap_or_default();
            let is_worded = message.starts_with("ERROR(rt): ") || message.starts_with("BUG(rt): ");
            assert!(is_worded, "{assertion}");
        }
    }

    /// The scripts for small programs come in place of the linker's, and so of what goes with it.
    #[test]
    fn small_programs_are_checked_as_all_others() {
        // The address is the scripts' own; in the one without thread-locals and arrays there are
        // stronger assertions.
        let replaced = [
            (Script::Small, &["__executable_start"][..]),
            (
                Script::Tiny,
                &["__executable_start", "__init_array_end", ".tbss"],
            ),
        ];
        for (script, without) in replaced {
            let (_, text) = TEXTS.iter().find(|(other, _)| *other == script).unwrap();
            for assertion in assertions(TEXTS[0].1) {
                let is_left_out = without.iter().any(|word| assertion.contains(word));
                assert_ne!(
                    assertions(text).contains(&assertion),
                    is_left_out,
                    "{assertion}"
                );
            }
        }
    }
}
