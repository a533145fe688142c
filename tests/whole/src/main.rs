//! Many programs of the suite in one file, of which each is one name: where all of them are built
//! for many CPUs, the compiler and the linker are called once instead of once for each.
//!
//! Whoever runs it gives the file all these names. Nothing is shared but the code: a program still
//! has a process of its own.

#![no_std]
#![no_main]
#![cfg_attr(experimental_asm, feature(asm_experimental_arch))]
// The programs say of themselves that they have no `std` and no `main`; here they are modules.
#![allow(unused_attributes)]

use threadbare::process::ExitCode;
use threadbare::{env, eprintln};

// A module for each program, and `PROGRAMS`: their names and what they do.
include!(concat!(env!("OUT_DIR"), "/programs.rs"));

threadbare::entry!(main);

fn main() -> ExitCode {
    let path = env::args().next().unwrap_or("");
    let name = path.rsplit('/').next().unwrap_or(path);
    match PROGRAMS.iter().find(|(known, _)| *known == name) {
        Some((_, run)) => run(),
        None => {
            eprintln!("`{name}` is none of the programs that are in this one");
            ExitCode::FAILURE
        }
    }
}
