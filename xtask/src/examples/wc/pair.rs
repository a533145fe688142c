//! The example `wc` and the GNU wc of this machine, side by side.
//!
//! It runs both on the same inputs, in a directory of their own and in the same locale, and says
//! where they differ. What is worth comparing is for the cases.

use super::MANNERS;
use crate::guest::Guest;
use crate::process::{self, Finished};
use crate::targets::{Profile, Runner};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The two programs, and a directory in which both run.
pub struct Pair<'a> {
    pub guest: &'a Guest,
    /// The first line of `wc --version`, for messages.
    version: String,
    pub directory: PathBuf,
    locale: &'static str,
}

/// The columns that can be asked for.
const COLUMNS: [&str; 5] = ["-l", "-w", "-m", "-c", "-L"];

impl<'a> Pair<'a> {
    /// Looks for GNU wc and the locale, and makes the directory.
    pub fn new(guest: &'a Guest, locale: &'static str) -> Result<Self> {
        let mut ask = Command::new("wc");
        ask.arg("--version").env("LC_ALL", "C");
        let version = process::ask(ask).context("this check needs GNU wc: install coreutils")?;
        let version = version.lines().next().unwrap_or_default().to_owned();
        let mut ask = Command::new("locale");
        ask.arg("charmap").env("LC_ALL", locale);
        let charmap = process::ask(ask).context("this check needs `locale`: install libc-bin")?;
        ensure!(
            (charmap == "UTF-8") == locale.ends_with("UTF-8"),
            "the locale {locale:?} is missing here (characters are {charmap:?}): \
             install libc-bin",
        );
        ensure!(
            version.contains("GNU coreutils"),
            "this check compares with GNU wc, but `wc --version` says {version:?}: \
             put GNU coreutils first on PATH"
        );
        // On record, since versions differ.
        static TOLD: Once = Once::new();
        TOLD.call_once(|| println!("       wc is compared with: {version}"));
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("threadbare-wc-{}-{count}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory)
            .with_context(|| format!("cannot make the directory {}", directory.display()))?;
        Ok(Self {
            guest,
            version,
            directory,
            locale,
        })
    }

    /// Whether the program runs at full speed: then it may get much to do.
    pub fn is_fast(&self) -> bool {
        let build = &self.guest.build;
        build.target.runner() == Runner::Native && build.profile == Profile::Release
    }

    /// Every subset of the columns; for a slow program only some of them.
    pub fn flags(&self) -> Vec<Vec<&'static str>> {
        let subset = |number: usize| {
            let columns = COLUMNS.iter().enumerate();
            let chosen = columns.filter(|(index, _)| number & 1 << index != 0);
            chosen.map(|(_, &column)| column).collect()
        };
        let is_chosen =
            |number: &usize| self.is_fast() || matches!(number, 0 | 1 | 3 | 4 | 8 | 18 | 31);
        (0..1 << COLUMNS.len())
            .filter(is_chosen)
            .map(subset)
            .collect()
    }

    /// Makes a file for both to count.
    pub fn file(&self, name: &str, contents: &[u8]) -> Result<()> {
        fs::write(self.directory.join(name), contents)
            .with_context(|| format!("cannot write the file {name:?}"))
    }

    /// Runs both with the same arguments, ours with `manner` in front, and compares.
    pub fn same(&self, manner: &[&str], arguments: &[&str], input: &[u8]) -> Result<()> {
        let theirs = self.theirs(arguments, input)?;
        self.same_as(&theirs, manner, arguments, input)
    }

    fn same_as(
        &self,
        theirs: &Finished,
        manner: &[&str],
        arguments: &[&str],
        input: &[u8],
    ) -> Result<()> {
        let ours = self.ours(&[manner, arguments].concat(), input)?;
        ensure!(
            is_same(&ours, theirs),
            "in {}, with the arguments {manner:?} {arguments:?} and {} bytes of input\n\
             ours:   {}\ntheirs: {}\n(theirs is {}; the example follows 9.1 with glibc 2.36)",
            self.locale,
            input.len(),
            tell(&ours),
            tell(theirs),
            self.version,
        );
        Ok(())
    }

    /// Compares all columns in all manners on `files`.
    pub fn same_in_every_way(&self, files: &[&str], input: &[u8]) -> Result<()> {
        for flags in self.flags() {
            let arguments = [&flags, files].concat();
            let theirs = self.theirs(&arguments, input)?;
            for manner in MANNERS {
                self.same_as(&theirs, manner, &arguments, input)?;
            }
        }
        Ok(())
    }

    /// Compares all columns on `files`, each in one manner: for inputs that matter less to threads,
    /// since an emulated run takes its time.
    pub fn same_in_all_columns(&self, files: &[&str], input: &[u8]) -> Result<()> {
        for (flags, manner) in self.flags().iter().zip(MANNERS.iter().cycle()) {
            self.same(manner, &[flags, files].concat(), input)?;
        }
        Ok(())
    }

    /// Runs both by a shell that changes something first, and compares: `script` ends with `"$@"`.
    pub fn same_in_shell(&self, script: &str, arguments: &[&str]) -> Result<()> {
        let ours = self.in_shell(script, self.guest.command(), arguments)?;
        let theirs = self.in_shell(script, Command::new("wc"), arguments)?;
        ensure!(
            is_same(&ours, &theirs),
            "with `{script}` and {arguments:?}\nours:   {}\ntheirs: {}",
            tell(&ours),
            tell(&theirs),
        );
        Ok(())
    }

    /// Runs ours alone by such a shell.
    pub fn ours_in_shell(&self, script: &str, arguments: &[&str]) -> Result<Finished> {
        self.in_shell(script, self.guest.command(), arguments)
    }

    fn in_shell(&self, script: &str, command: Command, arguments: &[&str]) -> Result<Finished> {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, "sh"]).arg(command.get_program());
        shell.args(command.get_args()).args(arguments);
        self.run(shell, b"")
    }

    /// Runs ours alone.
    pub fn ours(&self, arguments: &[&str], input: &[u8]) -> Result<Finished> {
        let mut command = self.guest.command();
        command.args(arguments);
        self.run(command, input)
    }

    /// Runs theirs alone.
    pub fn theirs(&self, arguments: &[&str], input: &[u8]) -> Result<Finished> {
        let mut command = Command::new("wc");
        command.args(arguments);
        self.run(command, input)
    }

    fn run(&self, mut command: Command, input: &[u8]) -> Result<Finished> {
        command
            .current_dir(&self.directory)
            .env("LC_ALL", self.locale);
        process::capture(command, input, self.guest.limit())
    }
}

impl Drop for Pair<'_> {
    fn drop(&mut self) {
        // Left-over files in a temporary directory are no reason to fail.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn is_same(ours: &Finished, theirs: &Finished) -> bool {
    let seen = |finished: &Finished| {
        (
            finished.ended,
            finished.stdout.clone(),
            finished.stderr.clone(),
        )
    };
    seen(ours) == seen(theirs)
}

/// Says how a program ended and what it printed.
pub fn tell(finished: &Finished) -> String {
    format!(
        "{}; stdout {:?}; stderr {:?}",
        finished.ended.describe(),
        String::from_utf8_lossy(&finished.stdout),
        String::from_utf8_lossy(&finished.stderr),
    )
}
