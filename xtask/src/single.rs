//! The library without its feature `threads`: a program of one thread, built and run on the host.
//!
//! Each claim is a run of the program. One more looks at its code: locks must be made of plain
//! loads and stores. It is held against the same program with the feature on, where they are not.

use crate::asm::listing::{self, Function};
use crate::build;
use crate::case::{Case, claim};
use crate::process;
use crate::step;
use crate::tally::Tally;
use crate::targets::{self, LinkMode, Profile, Target};
use crate::toolchain;
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

const RUN_LIMIT: Duration = Duration::from_secs(60);
const MODE: LinkMode = LinkMode::Pie;
/// The function of the program that has all there is to a lock without contention.
const LOCK_PATH: &str = "lock_path";
/// What is said in place of an endless wait.
const MESSAGE: &str = "threadbare: the only thread waits for itself";

/// How a run must end.
#[derive(Clone, Copy)]
enum End {
    /// With status 0 and this on standard output.
    Says(&'static str),
    /// By SIGABRT, with the message.
    Dies,
}

/// The claims, by the program's arguments.
const CLAIMS: &[(&str, End)] = &[
    ("mutex_guards_its_value", End::Says("")),
    ("held_mutex_is_not_to_be_had", End::Says("")),
    ("once_runs_once", End::Says("")),
    ("condvar_may_be_notified", End::Says("")),
    ("holder_of_stdout_may_print", End::Says("held and not\n")),
    ("thread_local_has_one_value", End::Says("")),
    ("lock_path_does_its_work", End::Says("")),
    ("second_lock_dies", End::Dies),
    ("wait_without_notifiers_dies", End::Dies),
    ("once_within_itself_dies", End::Dies),
];

/// Runs the cases whose names contain `filter`; prints one line about them.
pub fn run(filter: Option<&str>) -> Result<Tally> {
    let started = Instant::now();
    let is_wanted = |name: &str| filter.is_none_or(|filter| name.contains(filter));
    let target = targets::select("host")?[0];
    let mut cases = Vec::new();
    for &profile in Profile::TESTED {
        let code = format!("single/locks_are_loads_and_stores_{profile}");
        if is_wanted(&code) {
            cases.push(Case::new(code, look_at_code(target, profile)));
        }
        let mut program = None;
        for &(argument, end) in CLAIMS {
            let name = format!("single/{argument}_{profile}");
            if is_wanted(&name) {
                let program = match &program {
                    Some(program) => program,
                    None => program.insert(build(target, profile, false)?),
                };
                cases.push(Case::new(name, judge(Command::new(program), argument, end)));
            }
        }
    }
    if cases.is_empty() && filter.is_some() {
        return Ok(Tally::default());
    }
    Ok(step::report("without threads", &cases, started))
}

/// Builds the program, with the feature `threads` or without, and returns where it is.
fn build(target: &'static Target, profile: Profile, has_threads: bool) -> Result<PathBuf> {
    let mut command = toolchain::cargo("build", target, MODE, false)?;
    command
        .args(["--package", "suite-single", "--profile"])
        .arg(profile.to_string());
    if has_threads {
        command.args(["--features", "threads"]);
    }
    build::run_cargo(command, build::LIMIT)?;
    let directory = toolchain::target_dir(target, MODE).join(target.triple);
    Ok(directory.join(profile.directory()).join("single"))
}

fn judge(mut program: Command, argument: &str, end: End) -> Result<(), String> {
    program.arg(argument);
    let finished =
        process::capture(program, b"", RUN_LIMIT).map_err(|error| format!("{error:#}"))?;
    let (stdout, stderr) = (
        String::from_utf8_lossy(&finished.stdout),
        String::from_utf8_lossy(&finished.stderr),
    );
    let ended = finished.ended.describe();
    let is_right = match end {
        End::Says(text) => finished.ended.code() == Some(0) && stdout == text,
        End::Dies => ended == "killed by signal 6" && stderr.starts_with(MESSAGE),
    };
    claim(is_right, || {
        format!("{ended}; it wrote {stdout:?}, and {stderr:?} to standard error")
    })
}

/// Without threads no lock has an atomic instruction or makes a system call; with them it does, so
/// that this would be noticed.
fn look_at_code(target: &'static Target, profile: Profile) -> Result<(), String> {
    let words = WORDS.iter().find(|(cpu, _)| *cpu == target.cpu);
    let Some((_, words)) = words else {
        return Err(format!(
            "xtask/src/single.rs has no row for {}: add its atomic instructions",
            target.cpu
        ));
    };
    let found = |has_threads| -> Result<Vec<String>> {
        let program = build(target, profile, has_threads)?;
        Ok(costly(words, &listing::read(&program)?))
    };
    // The one that is run comes last: both are built in the same place.
    let with = found(true).map_err(|error| format!("{error:#}"))?;
    let without = found(false).map_err(|error| format!("{error:#}"))?;
    claim(!with.is_empty(), || {
        "with the feature `threads` there is nothing to see either".into()
    })?;
    claim(without.is_empty(), || without.join("\n"))
}

/// How atomic instructions and system calls begin, by CPU.
const WORDS: &[(&str, &[&str])] = &[
    ("x86_64", &["lock", "xchg", "syscall"]),
    (
        "aarch64",
        &[
            "cas", "dmb", "ldadd", "ldaxr", "ldclr", "ldset", "ldxr", "stlxr", "stxr", "svc", "swp",
        ],
    ),
];
/// What the same is called where it is not inlined.
const CALLED: &[&str] = &["core::sync::atomic", "sys::futex", "__aarch64_"];

/// Returns the instructions in the code of locks that they would do without in one thread.
fn costly(words: &[&str], functions: &[Function]) -> Vec<String> {
    let is_of_locks = |function: &&Function| {
        function.name == LOCK_PATH || function.name.contains("threadbare::sync::")
    };
    let mut found = Vec::new();
    for function in functions.iter().filter(is_of_locks) {
        let instructions = function.instructions.iter();
        let costly = instructions.filter(|line| is_costly(words, line));
        found.extend(costly.map(|line| format!("{}: {line}", function.name)));
    }
    found
}

fn is_costly(words: &[&str], instruction: &str) -> bool {
    // Between registers it is a way to do nothing.
    let is_padding = instruction.starts_with("xchg") && !instruction.contains('(');
    let is_one = words.iter().any(|word| instruction.starts_with(word)) && !is_padding;
    is_one || CALLED.iter().any(|name| instruction.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costly_instructions_are_found_in_the_code_of_locks_alone() {
        let function = |name: &str, line: &str| Function {
            name: name.into(),
            instructions: vec!["retq".into(), line.into()],
        };
        let find = |name: &str, line: &str| costly(WORDS[0].1, &[function(name, line)]).len();
        assert_eq!(find("lock_path", "lock cmpxchgl %ecx, (%rdi)"), 1);
        assert_eq!(find("lock_path", "xchgl %eax, (%rdi)"), 1);
        assert_eq!(find("lock_path", "xchgw %ax, %ax"), 0);
        assert_eq!(find("lock_path", "movl $0x1, (%rdi)"), 0);
        let call = "callq 0x10 <core::sync::atomic::AtomicU32::swap>";
        assert_eq!(find("<threadbare::sync::mutex::Mutex<u32>>::lock", call), 1);
        assert_eq!(find("threadbare::process::exit", call), 0);
    }
}
