//! Not a program of the suite's protocol: what `cargo xtask failures` runs.
//!
//! `table` prints a line for each failure through the seam, with what came of it and why; `calls`
//! prints what each path asks of the kernel; `PATH [REFUSED CALL]` does one thing, between two
//! marks for a tracer, and prints what came of it.

#![no_std]
#![no_main]

use suite::failures::{self, Complaint, paths, rules, window};
use threadbare::process::ExitCode;
use threadbare::{env, eprintln, println};

threadbare::entry!(main);

fn main() -> ExitCode {
    let told = |complaint: Complaint| {
        eprintln!("{}", complaint.as_str());
        ExitCode::FAILURE
    };
    let done = match env::args().nth(1) {
        Some("table") => table(),
        Some("calls") => calls(),
        Some(name) => outside(name),
        None => {
            eprintln!("failures_probe table | calls | PATH [CALL]");
            return ExitCode::FAILURE;
        }
    };
    done.map_or_else(told, |()| ExitCode::SUCCESS)
}

/// A line each: `path`, call, man page, when, error, outcome, reason; and `elsewhere` for calls
/// that another path looks at.
fn table() -> Result<(), Complaint> {
    for path in paths::PATHS {
        println!("path\t{}\t{}", path.name, path.what);
        for made in failures::inventory(path)?.iter() {
            if let Some(rule) = rules::elsewhere(path, made.call) {
                println!("elsewhere\t{}\t{}", made.call.name, rule.why);
            }
        }
        failures::run(path, failures::Extent::Everything, |cell, rule| {
            // What came is what the rule says; with the error's own word it would not be a row.
            let left = match rule.mappings {
                0 => "",
                _ => ", but a mapping stays",
            };
            println!(
                "cell\t{}\t{}\t{}\t{:?}\t{}{left}\t{}",
                cell.call.name, cell.call.page, cell.when, cell.errno, rule.outcome, rule.why
            );
        })?;
    }
    Ok(())
}

/// A line for each path, and one for each error of each of its calls, with the rules' word where it
/// answers the first call; no error where another path looks at the call.
fn calls() -> Result<(), Complaint> {
    for path in paths::PATHS {
        println!("{}", path.name);
        for made in failures::inventory(path)?.iter() {
            if rules::elsewhere(path, made.call).is_some() {
                println!("{}\t{}\t\t", path.name, made.call.name);
            }
        }
        failures::each_cell(path, rules::When::At(0), |cell, rule| {
            let expected = rule.expected(cell.errno).leaving(rule.mappings);
            let (call, expected) = (cell.call.name, expected.as_str());
            println!("{}\t{call}\t{:?}\t{expected}", path.name, cell.errno);
        })?;
    }
    Ok(())
}

fn outside(name: &str) -> Result<(), Complaint> {
    let said = failures::apart::run_outside(name, env::args().nth(2))?;
    window::write(1, said.as_str().as_bytes());
    window::write(1, b"\n");
    Ok(())
}
