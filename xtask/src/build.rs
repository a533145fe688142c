//! Builds the suite's programs and the examples, each (target, link mode, profile) once.
//!
//! It runs nothing it built; see `guest`.

use crate::crates;
use crate::examples;
use crate::process;
use crate::targets::{LinkMode, Profile, Runner, Target};
use crate::toolchain;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::io::IsTerminal;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// A build that takes longer than this hangs.
pub const LIMIT: Duration = Duration::from_secs(30 * 60);

include!("../../tests/whole/alone.rs");

/// The program that is most of the suite's programs, of the package `suite-whole`.
const WHOLE: &str = "whole";

/// Programs of the suite that only some runs need, which build all of them.
const SELDOM: &[&str] = &[
    "boot_probe",
    "debugger_probe",
    "failures_probe",
    "init_probe",
];

/// One thing to build: all programs of one target, link mode and profile.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    pub target: &'static Target,
    pub mode: LinkMode,
    pub profile: Profile,
}

impl Build {
    /// Returns the name that progress lines carry.
    pub fn label(&self) -> String {
        format!("{:11} {:5} {:7}", self.target.name, self.mode, self.profile)
    }

    fn directory(&self) -> PathBuf {
        let base = toolchain::target_dir(self.target, self.mode);
        base.join(self.target.triple).join(self.profile.directory())
    }

    /// Where a suite program is after the build.
    pub fn suite_program(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    /// Where an example is after the build.
    pub fn example(&self, name: &str) -> PathBuf {
        self.directory().join("examples").join(name)
    }

    /// Builds the suite's programs and the examples. On the thorough targets by two calls, because
    /// one unifies the features of both packages and the examples must see the library as its
    /// users do; elsewhere by one, so that the library is built once.
    pub fn run(&self) -> Result<()> {
        if self.target.is_thorough {
            self.run_suite()?;
            self.run_examples()?;
            return match self.packages() {
                [] => Ok(()),
                packages => self.run_cargo(packages, true),
            };
        }
        let suite = Suite::list()?;
        let mut what = self.suite(&suite, SELDOM);
        what.extend(self.examples());
        what.extend(self.packages());
        self.run_cargo(&what, true)?;
        self.link_names(&suite)
    }

    /// Whether most of the suite's programs are one file with many names: what costs least to
    /// build. On this machine's own CPU each is the file that a user would have.
    fn is_whole(&self) -> bool {
        self.target.runner() != Runner::Native
    }

    /// The name of the file that is many programs, if there is one.
    pub fn whole(&self) -> Option<&'static str> {
        self.is_whole().then_some(WHOLE)
    }

    /// Names the suite's programs, without `seldom`.
    fn suite<'a>(&self, suite: &'a Suite, seldom: &[&str]) -> Vec<&'a str> {
        let alone = |name: &&String| !self.is_whole() || ALONE.contains(&name.as_str());
        let programs = suite.programs.iter().filter(alone);
        let needed = programs.chain(&suite.probes);
        let needed = needed.filter(|name| !seldom.contains(&name.as_str()));
        let mut what = vec!["--package", "suite"];
        what.extend(needed.flat_map(|name| ["--bin", name]));
        if self.is_whole() {
            what.extend(["--package", "suite-whole", "--bin", WHOLE]);
        }
        what
    }

    /// Gives the file that is many programs their names.
    fn link_names(&self, suite: &Suite) -> Result<()> {
        if !self.is_whole() {
            return Ok(());
        }
        let parts = |name: &&String| !ALONE.contains(&name.as_str());
        for name in suite.programs.iter().filter(parts) {
            let path = self.suite_program(name);
            fs::remove_file(&path).or_else(ignore_missing)?;
            symlink(WHOLE, &path)
                .with_context(|| format!("cannot make the link {}", path.display()))?;
        }
        Ok(())
    }

    /// Whether this is the first of its target's builds in its profile.
    pub fn is_first(&self) -> bool {
        let is_same = |&&(_, profile): &&_| profile == self.profile;
        let first = self.target.builds.iter().find(is_same);
        first.is_some_and(|&(mode, _)| mode == self.mode)
    }

    /// Whether the examples' long checks run on this build. They look at portable code: this
    /// machine's CPU serves, and the one that differs most from it.
    pub fn has_long_checks(&self) -> bool {
        const BIG_ENDIAN_32: &str = "mips";
        let is_chosen = self.target.runner() == Runner::Native || self.target.name == BIG_ENDIAN_32;
        self.target.is_thorough && is_chosen && self.has_crates()
    }

    /// Whether programs made of other people's crates are built, too: for one variation of each
    /// CPU, in one link mode, and where they are emulated, not those that are not optimised, which
    /// would take minutes.
    pub fn has_crates(&self) -> bool {
        let is_fast = self.target.runner() == Runner::Native || self.profile == Profile::Release;
        self.target.is_first_of_cpu() && self.is_first() && is_fast
    }

    /// Whether there is an `httpd`.
    pub fn has_httpd(&self) -> bool {
        self.has_crates() && crates::no_rustix(self.target).is_none()
    }

    /// Builds the suite's programs alone.
    pub fn run_suite(&self) -> Result<()> {
        let suite = Suite::list()?;
        self.run_cargo(&self.suite(&suite, &[]), true)?;
        self.link_names(&suite)
    }

    /// Builds the init and what it is given to watch over.
    pub fn run_init(&self) -> Result<()> {
        self.run_cargo(&["--package", "threadbare", "--example", "init"], false)?;
        self.run_cargo(&["--package", "suite", "--bin", "init_probe"], true)
    }

    /// Builds the examples alone.
    pub fn run_examples(&self) -> Result<()> {
        self.run_cargo(&self.examples(), false)
    }

    /// Names all examples, or the small ones where nothing looks at the others.
    fn examples(&self) -> Vec<&'static str> {
        let mut what = vec!["--package", "threadbare"];
        if self.has_long_checks() || self.profile == Profile::Small {
            what.push("--examples");
        } else {
            what.extend(examples::SHORT.iter().flat_map(|name| ["--example", *name]));
        }
        what
    }

    /// Names the programs that are packages of their own, for what they depend on.
    fn packages(&self) -> &'static [&'static str] {
        const BOTH: &[&str] = &[
            "--package",
            "suite-crates",
            "--bin",
            "crates",
            "--package",
            "httpd",
            "--bin",
            "httpd",
        ];
        match (self.has_crates(), self.has_httpd()) {
            (false, _) => &[],
            (true, false) => &BOTH[..4],
            (true, true) => BOTH,
        }
    }

    fn run_cargo(&self, what: &[&str], unstable: bool) -> Result<()> {
        let profile = self.profile.to_string();
        let mut command = toolchain::cargo("build", self.target, self.mode, unstable)?;
        command.args(["--profile", &profile]).args(what);
        run_cargo(command, LIMIT)
    }
}

/// Takes it that what is to be removed may not be there.
pub fn ignore_missing(error: std::io::Error) -> std::io::Result<()> {
    match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    }
}

/// Runs a cargo command: with its own progress on a terminal, silently elsewhere unless it fails
/// or warns.
pub fn run_cargo(mut command: Command, limit: Duration) -> Result<()> {
    let shown = process::show(&command);
    let ended = if std::io::stderr().is_terminal() {
        process::inherit(command, limit)?
    } else {
        command.env("CARGO_TERM_PROGRESS_WHEN", "never");
        let finished = process::capture(command, b"", limit)?;
        let text = String::from_utf8_lossy(&finished.output);
        if finished.ended.code() != Some(0) || text.contains("warning:") {
            eprint!("{text}");
        }
        finished.ended
    };
    ensure!(
        ended.code() == Some(0),
        "{}; repeat it with:\n  {shown}",
        ended.describe()
    );
    Ok(())
}

/// Runs all builds by `work`, at most `jobs` at a time; returns each with its outcome, in order.
pub fn run_all(
    builds: &[Build],
    jobs: usize,
    work: fn(&Build) -> Result<()>,
) -> Vec<(Build, Result<()>)> {
    in_parallel(builds, jobs, |build| {
        let started = Instant::now();
        let outcome = work(build);
        let word = if outcome.is_ok() { "built" } else { "BROKEN" };
        println!(
            "{word:6} {} {:8.1} s",
            build.label(),
            started.elapsed().as_secs_f32()
        );
        (*build, outcome)
    })
}

/// Applies `work` to every item in at most `jobs` threads; the results keep the items' order.
pub fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    let queue = Mutex::new(items.iter().enumerate());
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let next = queue
                        .lock()
                        .expect("no worker panics with the queue")
                        .next();
                    let Some((index, item)) = next else { return };
                    let result = work(item);
                    results
                        .lock()
                        .expect("no worker panics here")
                        .push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("all workers have ended");
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Lists the programs that cargo finds in `directory`: `NAME.rs` and `NAME/main.rs`, sorted.
pub fn programs_in(directory: &Path) -> Result<Vec<String>> {
    let directory = toolchain::root().join(directory);
    let entries = directory
        .read_dir()
        .with_context(|| format!("cannot list the programs in {}", directory.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let is_program = path.extension().is_some_and(|extension| extension == "rs")
            || path.join("main.rs").is_file();
        if let (true, Some(stem)) = (is_program, path.file_stem()) {
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The names of the suite's programs.
#[derive(Debug)]
pub struct Suite {
    /// Those that keep the protocol.
    pub programs: Vec<String>,
    /// Those that others run, and judge by what they print.
    pub probes: Vec<String>,
}

impl Suite {
    /// Lists what cargo finds.
    pub fn list() -> Result<Self> {
        let all = programs_in(Path::new("tests/src/bin"))?;
        let (probes, programs): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|name| name.ends_with("_probe"));
        ensure!(
            !programs.is_empty(),
            "tests/src/bin holds no program: there is nothing to test"
        );
        Ok(Self { programs, probes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parallel_results_keep_their_order() {
        let items: Vec<usize> = (0..20).collect();
        let doubled = in_parallel(&items, 3, |item| item * 2);
        assert_eq!(doubled, (0..20).map(|item| item * 2).collect::<Vec<_>>());
        assert!(in_parallel(&[0; 0], 2, |item: &i32| *item).is_empty());
    }
}
