//! The harness of the freestanding suite.
//!
//! A program lists its cases once, runs them one after the other and reports each on a line of its
//! own: `rt 1 arch=… page=… profile=… plan=N exit=E`, then `ok NAME`, `FAIL NAME file:line what` or
//! `skip NAME reason`, then `end N`, then exit status E. Whoever runs it believes nothing less.
//! A case that dies takes the program with it, and its missing lines are failures.

#![no_std]
#![cfg_attr(experimental_asm, feature(asm_experimental_arch))]

pub mod capture;
pub mod child;
pub mod failures;
pub mod gate;
pub mod kernel;
pub mod limits;
pub mod loader;
pub mod locals;
pub mod memory;
pub mod storm;
pub mod text;

use threadbare::process::ExitCode;
use threadbare::{env, println, seam};

/// Why a case did not pass.
#[derive(Debug)]
pub enum Stop {
    /// Something was wrong there.
    Fail(&'static str, u32, &'static str),
    /// The machine cannot do it.
    Skip(&'static str),
}

/// What a case returns.
pub type Verdict = Result<(), Stop>;

/// One test: a claim by name, and the code that checks it.
pub struct Case {
    /// The claim.
    pub name: &'static str,
    /// Its check.
    pub run: fn() -> Verdict,
}

/// Runs the cases whose name contains the first argument (all, without one).
pub fn run(exit: u8, cases: &[Case]) -> ExitCode {
    let filter = env::args().nth(1).unwrap_or("");
    let chosen = || cases.iter().filter(|case| case.name.contains(filter));
    println!(
        "rt 1 arch={} page={} profile={} plan={} exit={exit}",
        seam::arch::NAME,
        env::page_size(),
        if cfg!(debug_assertions) {
            "dev"
        } else {
            "release"
        },
        chosen().count(),
    );
    for case in chosen() {
        match (case.run)() {
            Ok(()) => println!("ok {}", case.name),
            Err(Stop::Fail(file, line, what)) => {
                println!("FAIL {} {file}:{line} {what}", case.name)
            }
            Err(Stop::Skip(reason)) => println!("skip {} {reason}", case.name),
        }
    }
    println!("end {}", chosen().count());
    ExitCode::from(exit)
}

/// Lists an area's cases and makes the program: its own exit status first. Where it is one of many
/// programs in one file, it is called by that one's `main`.
#[macro_export]
macro_rules! area {
    ($exit:literal: $($case:ident),* $(,)?) => {
        #[cfg(not(whole))]
        threadbare::entry!(main);

        /// Runs the cases.
        pub fn main() -> threadbare::process::ExitCode {
            $crate::run($exit, &[$($crate::Case { name: stringify!($case), run: $case }),*])
        }
    };
}

/// Ends the case as failed unless the condition holds.
#[macro_export]
macro_rules! check {
    ($condition:expr) => {
        if !$condition {
            return Err($crate::Stop::Fail(file!(), line!(), stringify!($condition)));
        }
    };
}

/// Shows two values that should be equal. Not a part of [`check_eq`], whose every use would be
/// compiled with all of it.
#[cold]
pub fn unequal(
    left: &dyn core::fmt::Debug,
    right: &dyn core::fmt::Debug,
    (file, line, what): (&'static str, u32, &'static str),
) -> Stop {
    threadbare::println!("# left: {left:?}, right: {right:?}");
    Stop::Fail(file, line, what)
}

/// Ends the case as failed, showing both values, unless they are equal.
#[macro_export]
macro_rules! check_eq {
    ($left:expr, $right:expr) => {
        match (&$left, &$right) {
            (left, right) => {
                if left != right {
                    let what = stringify!($left == $right);
                    return Err($crate::unequal(&left, &right, (file!(), line!(), what)));
                }
            }
        }
    };
}
