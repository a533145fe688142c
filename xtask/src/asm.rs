//! `cargo xtask asm`: what the code must look like where a compiler or a hand may not err, in the
//! built programs, on every CPU.
//!
//! Between the unmapping of a thread's own stack and its end nothing touches memory; the child of
//! `clone` cannot return; `_start` aligns the stack and does not return. Given a function's name it
//! prints that function.

mod cpus;
pub mod listing;

use crate::build::{self, Build};
use crate::case::{Case, claim};
use crate::guest::Guest;
use crate::targets::{self, Profile, Target};
use crate::{setup, tally::Tally};
use anyhow::{Context, Result, ensure};
use clap::Args;
use cpus::Cpu;
use listing::Function;

pub use listing::disassembler;

/// The Debian package that carries the disassembler.
pub const PACKAGE: &str = "llvm-19";
/// The program that is looked into: it starts, spawns and ends, and a thread of it may have to
/// unmap its own stack, which no program contains where nobody detaches.
pub const PROGRAM: &str = "init";

/// What to look at.
#[derive(Args, Debug)]
pub struct Options {
    /// A part of a function's name: print it, and check nothing
    pub function: Option<String>,
    /// A target's name, `host`, or `all`
    #[arg(long, default_value = "all", value_parser = targets::parse_arch)]
    pub arch: String,
    /// One profile only (default: dev and release)
    #[arg(long)]
    pub profile: Option<Profile>,
}

/// Builds what is not built, and checks it or prints a function of it.
pub fn run(options: &Options) -> Result<Tally> {
    let targets = targets::select(&options.arch)?;
    setup::ensure(&targets)?;
    let builds = targets
        .into_iter()
        .flat_map(|target| builds(target, options));
    let mut tally = Tally::default();
    for (build, outcome) in build::run_all(&builds.collect::<Vec<_>>(), 2, Build::run) {
        outcome.with_context(|| format!("cannot build {}", build.label()))?;
        let guest = Guest::example(build, PROGRAM);
        if let Some(part) = &options.function {
            print(&guest, part)?;
            continue;
        }
        for case in check(&guest) {
            match case.outcome {
                Ok(()) => tally.passed += 1,
                Err(message) => {
                    tally.failed += 1;
                    println!("FAIL {} {}: {message}", build.label(), case.name);
                }
            }
        }
    }
    Ok(tally)
}

fn builds(target: &'static Target, options: &Options) -> impl Iterator<Item = Build> {
    let wanted = options.profile;
    let builds = target.builds.iter();
    builds
        .filter(move |(_, profile)| wanted.is_none_or(|wanted| wanted == *profile))
        .map(move |&(mode, profile)| Build {
            target,
            mode,
            profile,
        })
}

fn print(guest: &Guest, part: &str) -> Result<()> {
    let functions = listing::read(&guest.path)?;
    let found: Vec<_> = functions.iter().filter(|f| f.name.contains(part)).collect();
    ensure!(
        !found.is_empty(),
        "{} has no function whose name contains `{part}`: it may be inlined",
        guest.path.display()
    );
    for function in found {
        println!("{}: {}", guest.build.label(), function.name);
        for instruction in &function.instructions {
            println!("    {instruction}");
        }
    }
    Ok(())
}

/// Checks a built program; each rule is a case.
pub fn check(guest: &Guest) -> Vec<Case> {
    let name = guest.build.target.cpu;
    let judge = || -> Result<Vec<Case>> {
        let cpu = cpus::find(name).with_context(|| {
            format!("xtask/src/asm/cpus.rs has no row for {name}: add the CPU's instructions")
        })?;
        Ok(rules(cpu, &listing::read(&guest.path)?))
    };
    judge().unwrap_or_else(|error| vec![Case::new("asm/listing", Err(format!("{error:#}")))])
}

type Rule = fn(&Cpu, &[String]) -> Result<(), String>;

fn rules(cpu: &Cpu, functions: &[Function]) -> Vec<Case> {
    let rules: [(&str, &str, Rule); 3] = [
        ("unmap_then_nothing_but_exit", "unmap_and_exit", unmap),
        ("cloned_child_never_returns", "clone_thread", clone),
        ("start_aligns_and_never_returns", "_start", start),
    ];
    let judge = |(claim, name, rule): (&str, &str, Rule)| {
        let is_it = |function: &&Function| {
            function.name.rsplit("::").next() == Some(name) && !function.instructions.is_empty()
        };
        let outcome = match functions.iter().find(is_it) {
            Some(function) => rule(cpu, &function.instructions).map_err(|message| {
                format!("{message}:\n    {}", function.instructions.join("\n    "))
            }),
            None => Err(format!("there is no function {name}")),
        };
        Case::new(format!("asm/{claim}"), outcome)
    };
    rules.into_iter().map(judge).collect()
}

/// Two system calls, and from the first to the trap behind the second nothing that touches memory.
fn unmap(cpu: &Cpu, code: &[String]) -> Result<(), String> {
    let calls: Vec<usize> = (0..code.len())
        .filter(|&index| cpu.is_system_call(&code[index]))
        .collect();
    let &[unmap, exit] = &calls[..] else {
        return Err(format!("{} system calls, and not two", calls.len()));
    };
    let trap = (exit..code.len()).find(|&index| cpu.is_trap(&code[index]));
    let trap = trap.ok_or("no trap behind the exit")?;
    match code[unmap + 1..trap]
        .iter()
        .find(|line| cpu.touches_memory(line))
    {
        Some(line) => Err(format!("`{line}` after the stack is gone")),
        None => Ok(()),
    }
}

/// One call, to the thread's entry, and a trap behind it.
fn clone(cpu: &Cpu, code: &[String]) -> Result<(), String> {
    let calls = code.iter().filter(|line| cpu.is_call(line)).count();
    claim(calls == 1, || format!("{calls} calls, and not one"))?;
    traps_behind_last_call(cpu, code)
}

fn start(cpu: &Cpu, code: &[String]) -> Result<(), String> {
    let aligns = |line: &String| {
        let line = line.trim_start_matches("{ ");
        cpu.aligns.iter().any(|words| line.starts_with(words))
    };
    let is_aligned = code.iter().any(aligns);
    claim(is_aligned, || format!("no `{}`", cpu.aligns.join("` or `")))?;
    claim(!code.iter().any(|line| cpu.is_return(line)), || {
        "it returns".into()
    })?;
    traps_behind_last_call(cpu, code)
}

/// Behind the last call, apart from what fills a delay slot, comes a trap.
fn traps_behind_last_call(cpu: &Cpu, code: &[String]) -> Result<(), String> {
    let last = code.iter().rposition(|line| cpu.is_call(line));
    let last = last.ok_or("no call")?;
    let behind = code[last + 1..]
        .iter()
        .find(|line| !line.starts_with("nop"));
    match behind {
        Some(line) if cpu.is_trap(line) => Ok(()),
        Some(line) => Err(format!("`{line}` behind the call that never returns")),
        None => Err("nothing behind the call that never returns".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(rule: Rule, code: &[&str]) -> Result<(), String> {
        let code: Vec<String> = code.iter().map(|&line| line.to_owned()).collect();
        rule(cpus::find("x86_64").unwrap(), &code)
    }

    #[test]
    fn the_stack_must_not_be_touched_once_it_is_gone() {
        let good = [
            "movl $0xb, %eax",
            "syscall",
            "xorl %edi, %edi",
            "syscall",
            "ud2",
        ];
        assert_eq!(judged(unmap, &good), Ok(()));
        for bad in ["popq %rdi", "movq (%rax), %rdi", "callq 0x10 <exit>"] {
            let mut code = good;
            code[2] = bad;
            assert!(judged(unmap, &code).unwrap_err().contains(bad));
        }
        assert!(judged(unmap, &good[..4]).is_err());
        assert!(judged(unmap, &good[2..]).is_err());
    }

    #[test]
    fn the_child_must_not_return() {
        let good = [
            "syscall",
            "je 0x10 <x>",
            "retq",
            "callq 0x20 <entry>",
            "ud2",
        ];
        assert_eq!(judged(clone, &good), Ok(()));
        let mut bad = good;
        bad[4] = "retq";
        assert!(judged(clone, &bad).unwrap_err().contains("retq"));
        assert!(judged(clone, &good[..4]).is_err());
    }

    #[test]
    fn the_start_must_align() {
        let good = ["andq $-0x10, %rsp", "callq 0x20 <entry>", "ud2"];
        assert_eq!(judged(start, &good), Ok(()));
        assert!(judged(start, &good[1..]).unwrap_err().contains("andq"));
    }
}
