//! `cargo xtask ci`: everything a change must pass, in the order in which it fails fastest.
//!
//! A failed step does not hide the later ones; the verb fails at the end.

use crate::tally::Tally;
use crate::{bench, boot, check, failures, mutants, setup, size, support, sysroot, test};
use anyhow::{Result, bail};
use std::time::Instant;

/// Real kernels: the most common ones, the big-endian one, and the one with large pages.
const BOOTED: &[&str] = &["x86_64", "aarch64", "s390x", "powerpc64le"];

/// Runs all steps, prints the tally of the tests as the last line, and tells whether all is well.
pub fn run() -> bool {
    let mut failed = Vec::new();
    let mut tally = Tally::default();
    let everything = test::Options::everything();
    step("setup", &mut failed, setup::run);
    // `test` would do it too; here it has its time told apart.
    step("core and alloc", &mut failed, || {
        sysroot::ensure_all(&everything.builds()?, everything.jobs)
    });
    // The other targets are looked at by `test`.
    step("check", &mut failed, || {
        check::run(&check::Options {
            arch: "host".into(),
        })
    });
    let options = size::Options {
        arch: "x86_64".into(),
    };
    step("test", &mut failed, || {
        book(test::run(&everything)?, &mut tally)
    });
    step("failures", &mut failed, || {
        let compared = failures::Options::compared();
        book(failures::run(&compared)?, &mut tally)
    });
    step("mutants", &mut failed, || {
        book(mutants::run(&mutants::Options::default())?, &mut tally)
    });
    step("boot", &mut failed, || {
        book(boot::run(&boot::Options::on(BOOTED))?, &mut tally)
    });
    step("init", &mut failed, || {
        let init = Some("init".to_owned());
        let options = boot::Options {
            init,
            ..boot::Options::on(BOOTED)
        };
        book(boot::run(&options)?, &mut tally)
    });
    step("support", &mut failed, || {
        support::run(&support::Options { write: false })
    });
    step("size", &mut failed, || size::run(&options));
    // The programs must build and be right; how fast they are depends on who else is there.
    step("bench", &mut failed, || {
        bench::run(&bench::Options::quick()).map(|_| ())
    });
    if !failed.is_empty() {
        println!("failed steps: {}", failed.join(", "));
    }
    println!("{tally}");
    failed.is_empty()
}

/// Adds what a step counted to `all`.
fn book(tally: Tally, all: &mut Tally) -> Result<()> {
    *all += tally;
    if !tally.is_good() {
        bail!("{tally}")
    }
    Ok(())
}

fn step(name: &str, failed: &mut Vec<String>, work: impl FnOnce() -> Result<()>) {
    println!("== {name}");
    let started = Instant::now();
    let outcome = work();
    let seconds = started.elapsed().as_secs_f32();
    match outcome {
        Ok(()) => println!("== {name}: ok, {seconds:.1} s"),
        Err(error) => {
            println!("== {name}: FAILED, {seconds:.1} s\n{error:#}");
            failed.push(name.to_owned());
        }
    }
}
