//! `cargo xtask ci`: everything a change must pass, in the order in which it fails fastest.
//!
//! A failed step does not hide the later ones; the verb fails at the end.

use crate::tally::Tally;
use crate::{check, setup, size, test};
use anyhow::{Result, bail};
use std::time::Instant;

/// Runs all steps, prints the tally of the tests as the last line, and tells whether all is well.
pub fn run() -> bool {
    let mut failed = Vec::new();
    let mut tally = Tally::default();
    step("setup", &mut failed, setup::run);
    step("check", &mut failed, check::run);
    let options = size::Options {
        arch: "x86_64".into(),
    };
    step("test", &mut failed, || {
        tally = test::run(&test::Options::everything())?;
        if tally.is_good() {
            Ok(())
        } else {
            bail!("{tally}")
        }
    });
    step("size", &mut failed, || size::run(&options));
    if !failed.is_empty() {
        println!("failed steps: {}", failed.join(", "));
    }
    println!("{tally}");
    failed.is_empty()
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
