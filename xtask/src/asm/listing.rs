//! A program's code as a disassembler shows it: functions, and their instructions as text.
//!
//! The disassembler is LLVM's, which knows every CPU that rustc builds for.

use crate::process;
use crate::toolchain;
use anyhow::{Context, Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);
/// The first release that knows all CPUs.
const VERSION_MIN: u32 = 19;
/// The last release that is looked for by name.
const VERSION_MAX: u32 = 29;

/// One function.
#[derive(Clone, Debug, Default)]
pub struct Function {
    /// What it is called in the source.
    pub name: String,
    /// Its instructions in the order of their addresses, without addresses, fields separated by
    /// one space.
    pub instructions: Vec<String>,
}

/// Finds `llvm-objdump` in a version that knows every CPU.
pub fn disassembler() -> Option<PathBuf> {
    let by_version = (VERSION_MIN..=VERSION_MAX)
        .rev()
        .find_map(|version| toolchain::on_path(&format!("llvm-objdump-{version}")));
    by_version.or_else(|| {
        let plain = toolchain::on_path("llvm-objdump")?;
        let mut question = Command::new(&plain);
        question.arg("--version");
        let answer = process::ask(question).ok()?;
        (version_of(&answer)? >= VERSION_MIN).then_some(plain)
    })
}

/// Reads the number behind `LLVM version`.
fn version_of(answer: &str) -> Option<u32> {
    let (_, rest) = answer.split_once("LLVM version ")?;
    rest.split('.').next()?.parse().ok()
}

/// Disassembles `program`.
pub fn read(program: &Path) -> Result<Vec<Function>> {
    let disassembler = disassembler().context(
        "no llvm-objdump of LLVM 19 or later: install LLVM's tools (Debian: package llvm-19)",
    )?;
    let mut command = Command::new(disassembler);
    command
        .args(["--disassemble", "--demangle", "--no-show-raw-insn"])
        .arg(program);
    let shown = process::show(&command);
    let finished = process::capture(command, b"", LIMIT)?;
    ensure!(
        finished.ended.code() == Some(0),
        "`{shown}`: {}: {}",
        finished.ended.describe(),
        String::from_utf8_lossy(&finished.stderr)
    );
    Ok(parse(&String::from_utf8_lossy(&finished.stdout)))
}

/// Reads a listing: a head `ADDRESS <NAME>:`, then lines `ADDRESS: INSTRUCTION`.
fn parse(listing: &str) -> Vec<Function> {
    let mut functions: Vec<Function> = Vec::new();
    for line in listing.lines() {
        // A long address begins its line, too.
        let is_head = line.starts_with(|first: char| first.is_ascii_hexdigit());
        let head = line.strip_suffix(">:").filter(|_| is_head);
        if let Some((_, name)) = head.and_then(|head| head.split_once(" <")) {
            let name = without_hash(name);
            // An assembler's own labels are places within a function.
            if !name.starts_with("$") && !name.starts_with(".L") {
                functions.push(Function {
                    name: name.to_owned(),
                    ..Function::default()
                });
            }
            continue;
        }
        let Some((address, instruction)) = line.split_once(':') else {
            continue;
        };
        let address = address.trim();
        let is_address =
            !address.is_empty() && address.bytes().all(|byte| byte.is_ascii_hexdigit());
        let words: Vec<&str> = instruction.split_whitespace().collect();
        if let (true, false, Some(function)) = (is_address, words.is_empty(), functions.last_mut())
        {
            function.instructions.push(words.join(" "));
        }
    }
    functions
}

/// Takes a compiler's hash off a name: `a::b::h0123456789abcdef`.
fn without_hash(name: &str) -> &str {
    match name.rsplit_once("::h") {
        Some((rest, hash)) if hash.len() == 16 => rest,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_and_their_instructions_are_told_apart() {
        let functions = parse(
            "\nprogram:\tfile format elf64-x86-64\n\nDisassembly of section .text:\n\n\
             0000000000206050 <_start>:\n  206050:      \txorl\t%ebp, %ebp\n\
             \x20 206052:      \tcallq\t0x2108b0 <a::b>\n\n\
             0000000000206060 <a::b::h0123456789abcdef>:\n  206060:      \tud2\n\
             10020464:      \tbt\t30, 0x10020474 <a::b+0x34>\n",
        );
        assert_eq!(functions.len(), 2);
        assert_eq!(functions[0].name, "_start");
        assert_eq!(
            functions[0].instructions,
            ["xorl %ebp, %ebp", "callq 0x2108b0 <a::b>"]
        );
        assert_eq!(
            functions[1].instructions,
            ["ud2", "bt 30, 0x10020474 <a::b+0x34>"]
        );
    }

    #[test]
    fn a_version_is_read() {
        assert_eq!(
            version_of("Debian LLVM version 19.1.7\n  Optimized build."),
            Some(19)
        );
        assert_eq!(version_of("LLVM (http://llvm.org/):"), None);
    }
}
