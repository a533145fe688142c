//! `cargo xtask`: the one door to building, testing and checking this project.
//!
//! This file parses the command line and calls the verb; each verb has a file of its own.

mod again;
mod asm;
mod bench;
mod boot;
mod build;
mod capi;
mod case;
mod check;
mod ci;
mod crates;
mod debugger;
mod docs;
mod elf;
mod embedded;
mod examples;
mod extras;
mod failures;
mod guest;
mod hosted;
mod linker;
mod machines;
mod models;
mod mutants;
mod new;
mod port;
mod privileges;
mod process;
mod protocol;
mod readme;
mod results;
mod sanitized;
mod setup;
mod single;
mod size;
mod skips;
mod std_docs;
mod step;
mod support;
mod symbols;
mod sysroot;
mod tally;
mod targets;
mod test;
mod tidy;
mod toolchain;
mod variants;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;
use tally::Tally;

/// Builds, tests and checks threadbare on every CPU it supports.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct CommandLine {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Write a crate of your own that uses threadbare, ready to run
    New(new::Options),
    /// Build the suite and the examples, run them on every target, count the cases
    ///
    /// Covers all targets, link modes and both profiles unless told otherwise. Missing tools are
    /// installed first, as `setup` does. Nothing stops at the first failure. The last line is
    /// `N passed, N failed, N skipped`; the exit status is 0 if something passed and nothing
    /// failed.
    Test(test::Options),
    /// Check formatting, lints, the library, documentation, and the house rules
    Check(check::Options),
    /// Say which outside tools are missing, and install them where apt-get can
    Setup,
    /// Build threadbare for C programs: an archive, and the header that goes with it
    Capi(capi::Options),
    /// Check what must hold in the machine code of every CPU, or print a function of it
    ///
    /// Once a thread has unmapped its stack nothing touches memory; what clone starts cannot
    /// return; the program's first instructions align the stack.
    Asm(asm::Options),
    /// Run the suite on real kernels, Debian's, each in an emulated machine
    ///
    /// Covers every CPU that Debian has a kernel for unless told otherwise. Emulators that are
    /// missing are installed first; kernels are downloaded once and never installed. The last line
    /// is the tally, as `test` has it.
    Boot(boot::Options),
    /// Begin a port: write a CPU file with everything that is to be filled in
    Port(port::Options),
    /// Compare the support table of arch/README.md with what `test` and `boot` found
    Support(support::Options),
    /// Build the examples as small as they get; print their sizes and check their ELF files
    Size(size::Options),
    /// Write or compare the tables of what comes of every system call that fails
    ///
    /// Each failure is made to happen, through the seam and, on this machine's own CPU, by strace;
    /// what comes of it is held against the suite's rules. The last line is the tally.
    Failures(failures::Options),
    /// Take each cleanup out of a copy of the library, and see that its test fails
    ///
    /// A test that a leak does not fail proves nothing. The last line is the tally.
    Mutants(mutants::Options),
    /// Measure the library beside the kernel's floor, Rust's standard library and other peers
    ///
    /// All programs take turns; the table has medians, ratios within the same round, and a bar for
    /// each row. The exit status is 0 if no bar is missed.
    Bench(bench::Options),
    /// Run setup, check, test, failures, mutants, boot, size and bench, as CI does
    ///
    /// Every step runs even if one before it failed. The last line is the tally of the tests.
    Ci,
}

fn main() -> ExitCode {
    match run(CommandLine::parse().verb) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the verb and tells whether all is well.
fn run(verb: Verb) -> Result<bool> {
    let report = |tally: Tally| {
        println!("{tally}");
        tally.is_good()
    };
    match verb {
        Verb::New(options) => new::run(&options).map(|()| true),
        Verb::Test(options) => Ok(report(test::run(&options)?)),
        Verb::Check(options) => check::run(&options).map(|()| true),
        Verb::Capi(options) => capi::run(&options).map(|()| true),
        Verb::Setup => setup::run().map(|()| true),
        Verb::Asm(options) if options.function.is_some() => asm::run(&options).map(|_| true),
        Verb::Asm(options) => Ok(report(asm::run(&options)?)),
        Verb::Boot(options) => Ok(report(boot::run(&options)?)),
        Verb::Port(options) => port::run(&options).map(|()| true),
        Verb::Support(options) => support::run(&options).map(|()| true),
        Verb::Size(options) => size::run(&options).map(|()| true),
        Verb::Failures(options) => Ok(report(failures::run(&options)?)),
        Verb::Mutants(options) => Ok(report(mutants::run(&options)?)),
        Verb::Bench(options) => bench::run(&options),
        Verb::Ci => Ok(ci::run()),
    }
}
