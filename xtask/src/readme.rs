//! README's crate, made as its reader makes it: outside this workspace, with stable Rust.
//!
//! Each way of building it is a case, and so is each thing that is easily forgotten: the case says
//! which words the reader then sees, and requires README's table to name them.

mod commands;

use crate::case::{Case, claim};
use crate::elf::Image;
use crate::new;
use crate::process::{self, Finished};
use crate::step;
use crate::tally::Tally;
use crate::targets::{LinkMode, Profile};
use crate::toolchain;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const BUILD_LIMIT: Duration = Duration::from_secs(10 * 60);
const RUN_LIMIT: Duration = Duration::from_secs(60);
/// What README's program prints.
const OUTPUT: &str = "the answer is 42\n";
const README: &str = include_str!("../../README.md");

/// A change of a file of the crate.
enum Edit {
    Remove(&'static str),
    Replace(&'static str, &'static str, &'static str),
    Append(&'static str, &'static str),
}

/// README's words for a program at a fixed address.
const FIXED: Edit = Edit::Replace("build.rs", "\"-static-pie\"", "\"-static\", \"-no-pie\"");

/// Something forgotten, and what the build says then. The first of the words is in README's table.
struct Mistake {
    name: &'static str,
    edits: &'static [Edit],
    says: &'static [&'static str],
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        name: "without_build_script_a_second_start_is_named",
        edits: &[Edit::Remove("build.rs")],
        says: &["_start", "crt1.o", "see_build.rs_in_its_README"],
    },
    Mistake {
        name: "without_nostdlib_a_second_start_is_named",
        edits: &[Edit::Replace(
            "build.rs",
            "\"-nostartfiles\", \"-nostdlib\", ",
            "",
        )],
        says: &["_start", "crt1.o", "see_build.rs_in_its_README"],
    },
    Mistake {
        name: "with_a_start_of_its_own_the_feature_is_named",
        edits: &[Edit::Append(
            "src/main.rs",
            "core::arch::global_asm!(\".globl _start\", \"_start: .quad 0\");\n",
        )],
        says: &["_start", "duplicate|multiple definition", "threadbare"],
    },
    Mistake {
        name: "with_std_its_panic_handler_is_named",
        edits: &[Edit::Replace("src/main.rs", "#![no_std]\n", "")],
        says: &["panic_impl", "`std`", "threadbare"],
    },
    Mistake {
        name: "without_panic_abort_unwinding_is_refused",
        edits: &[Edit::Replace("Cargo.toml", "panic = \"abort\"\n", "")],
        says: &["unwinding panics are not supported without std"],
    },
    Mistake {
        name: "without_no_main_it_is_asked_for",
        edits: &[Edit::Replace("src/main.rs", "#![no_main]\n", "")],
        says: &["using `fn main` requires the standard library", "no_main"],
    },
    Mistake {
        name: "without_entry_its_symbol_is_missing",
        edits: &[Edit::Replace(
            "src/main.rs",
            "threadbare::entry!(main);\n",
            "",
        )],
        says: &[
            "no main: name it once with threadbare::entry!(main)",
            "undefined",
        ],
    },
    Mistake {
        name: "a_second_entry_in_the_same_module_is_shown",
        edits: &[Edit::Append("src/main.rs", "threadbare::entry!(main);\n")],
        says: &[
            "__threadbare_main",
            "defined multiple times",
            "entry!(main)",
        ],
    },
    Mistake {
        name: "a_second_entry_in_another_module_is_shown",
        edits: &[Edit::Append(
            "src/main.rs",
            "mod other {\n    threadbare::entry!(main);\n    fn main() {}\n}\n",
        )],
        says: &[
            "name it once with threadbare::entry!(main)",
            "already defined",
        ],
    },
    Mistake {
        name: "what_main_may_not_return_is_named",
        edits: &[Edit::Replace(
            "src/main.rs",
            "fn main() {",
            "fn main() -> &'static str {\n    \"\"",
        )],
        says: &["Termination", "&'static str"],
    },
];

/// Runs the cases whose names contain `filter`; prints one line about them.
pub fn run(filter: Option<&str>) -> Result<Tally> {
    let started = Instant::now();
    let is_wanted = |name: &str| filter.is_none_or(|filter| name.contains(filter));
    let mut cases = Vec::new();
    let mut workshop = None;
    for (mode, profile) in ways() {
        let name = format!("readme_crate_runs_{mode}_{profile}");
        if is_wanted(&name) {
            let workshop = Workshop::once(&mut workshop)?;
            cases.push(Case::new(name, workshop.runs(mode, profile)));
        }
    }
    let name = "without_static_the_program_says_what_to_pass";
    if is_wanted(name) {
        let workshop = Workshop::once(&mut workshop)?;
        cases.push(Case::new(name, workshop.refuses_to_start()));
    }
    for mistake in MISTAKES.iter().filter(|mistake| is_wanted(mistake.name)) {
        let workshop = Workshop::once(&mut workshop)?;
        cases.push(Case::new(mistake.name, workshop.refuses(mistake)));
    }
    let name = "readme_commands_for_c_programs_work";
    if is_wanted(name) {
        cases.push(Case::new(name, commands::c_program()));
    }
    if cases.is_empty() && filter.is_some() {
        return Ok(Tally::default());
    }
    Ok(step::report("readme's crate", &cases, started))
}

/// The link modes and profiles that README speaks of.
fn ways() -> impl Iterator<Item = (LinkMode, Profile)> {
    let modes = [LinkMode::Pie, LinkMode::Fixed].into_iter();
    modes.flat_map(|mode| Profile::TESTED.iter().map(move |&profile| (mode, profile)))
}

/// A folder outside the workspace, removed in the end.
struct Workshop {
    folder: PathBuf,
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever cleans up temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Workshop {
    /// Makes the workshop at the first call.
    fn once(made: &mut Option<Workshop>) -> Result<&Workshop> {
        if made.is_none() {
            let name = format!("threadbare-readme-{}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
            *made = Some(Workshop { folder });
        }
        made.as_ref().context("made above")
    }

    /// Writes README's crate, as `cargo xtask new` does, and changes it. The versions are those
    /// that the workspace was built with, so nothing is downloaded.
    fn write(&self, edits: &[Edit]) -> Result<PathBuf> {
        let folder = self.folder.join("hello");
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        new::write(&folder)?;
        fs::copy(
            toolchain::root().join("Cargo.lock"),
            folder.join("Cargo.lock"),
        )?;
        for edit in edits {
            edit.apply(&folder)?;
        }
        Ok(folder)
    }

    /// Builds in `crate_folder`; all builds share what they compile.
    fn build(&self, crate_folder: &Path, profile: Profile) -> Result<Finished> {
        let mut command = toolchain::host_cargo();
        command
            .current_dir(crate_folder)
            .args(["build", "--offline", "--color", "never", "--profile"])
            .arg(profile.to_string())
            .arg("--target-dir")
            .arg(self.folder.join("target"))
            // A reader's compiler has no such leave, and no path of this workspace.
            .env_remove("RUSTC_BOOTSTRAP");
        process::capture(command, b"", BUILD_LIMIT)
    }

    fn runs(&self, mode: LinkMode, profile: Profile) -> Result<(), String> {
        let run = || -> Result<()> {
            let edits: &[Edit] = match mode {
                LinkMode::Pie => &[],
                LinkMode::Fixed => &[FIXED],
            };
            let folder = self.write(edits)?;
            let built = self.build(&folder, profile)?;
            let told = String::from_utf8_lossy(&built.output);
            ensure!(built.ended.code() == Some(0), "it does not build:\n{told}");
            ensure!(
                !told.contains("warning"),
                "it builds with warnings:\n{told}"
            );
            let program = self
                .folder
                .join("target")
                .join(profile.directory())
                .join("hello");
            for rule in Image::read(&program)?.rules(mode) {
                ensure!(rule.outcome.is_ok(), "{}: {:?}", rule.name, rule.outcome);
            }
            let finished = process::capture(Command::new(program), b"", RUN_LIMIT)?;
            let printed = String::from_utf8_lossy(&finished.output);
            ensure!(
                finished.ended.code() == Some(0) && printed == OUTPUT,
                "wanted exit status 0 and {OUTPUT:?}; {}; it printed {printed:?}",
                finished.ended.describe()
            );
            Ok(())
        };
        run().map_err(|error| format!("{error:#}"))
    }

    /// A program that is linked for a dynamic linker builds, and says what is wrong when it runs.
    fn refuses_to_start(&self) -> Result<(), String> {
        let run = || -> Result<Finished> {
            let folder = self.write(&[Edit::Replace("build.rs", ", \"-static-pie\"", "")])?;
            let built = self.build(&folder, Profile::Dev)?;
            ensure!(built.ended.code() == Some(0), "it does not build");
            let program = self.folder.join("target/debug/hello");
            process::capture(Command::new(program), b"", RUN_LIMIT)
        };
        let finished = run().map_err(|error| format!("{error:#}"))?;
        let told = String::from_utf8_lossy(&finished.output);
        let wanted = "threadbare: a dynamic linker was started first: link with -static-pie";
        claim(
            finished.ended.code().is_none() && told.contains(wanted),
            || {
                let ended = finished.ended.describe();
                format!("wanted an abort and {wanted:?}; {ended}; it printed {told:?}")
            },
        )
    }

    fn refuses(&self, mistake: &Mistake) -> Result<(), String> {
        let build = || -> Result<Finished> {
            let folder = self.write(mistake.edits)?;
            self.build(&folder, Profile::Dev)
        };
        let built = build().map_err(|error| format!("{error:#}"))?;
        let told = String::from_utf8_lossy(&built.output);
        let (says, first) = (mistake.says, mistake.says[0]);
        claim(built.ended.code() == Some(101), || {
            format!(
                "wanted a build that fails; {}:\n{told}",
                built.ended.describe()
            )
        })?;
        // Of words that linkers differ in, one.
        let is_said = |words: &&str| words.split('|').any(|words| told.contains(words));
        claim(says.iter().all(is_said), || {
            format!("wanted each of {says:?} in:\n{told}")
        })?;
        claim(README.contains(first), || {
            format!("README.md, \"When it does not build\", lacks the words {first:?}")
        })
    }
}

impl Edit {
    fn apply(&self, folder: &Path) -> Result<()> {
        let change = |name: &str, change: &dyn Fn(String) -> Result<String>| -> Result<()> {
            let path = folder.join(name);
            fs::write(&path, change(fs::read_to_string(&path)?)?)?;
            Ok(())
        };
        match self {
            Edit::Remove(name) => fs::remove_file(folder.join(name))?,
            Edit::Replace(name, from, to) => change(name, &|text| {
                ensure!(
                    text.contains(from),
                    "README's {name} has no {from:?} any more"
                );
                Ok(text.replace(from, to))
            })?,
            Edit::Append(name, more) => change(name, &|text| Ok(text + more))?,
        }
        Ok(())
    }
}
