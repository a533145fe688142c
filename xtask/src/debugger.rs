//! Looks at a program through a debugger: backtraces that end where they should, names, cores.
//!
//! The program is the suite's `debugger_probe`. This machine's programs run under gdb itself;
//! others run in the emulator, whose debugger interface gdb-multiarch talks to. That interface
//! tells no thread names, writes no core files, and hears one thread at a time, so those cases are
//! for native programs. What gdb said is judged in `debugger/judge.rs`.

mod instructions;
mod judge;
mod session;

use crate::case::{Case, claim};
use crate::guest::Guest;
use crate::targets::Runner;
use judge::{Backtrace, Transcript};
pub use session::{EMULATED, NATIVE};
use std::path::Path;

/// The suite program that debuggers look at.
pub const PROGRAM: &str = "debugger_probe";

/// Where the main thread begins: its outermost frame.
const MAIN_BEGINS: &[&str] = &["_start"];
/// Where every other thread begins.
const THREAD_BEGINS: &[&str] = &["clone_thread"];
/// What the kernel calls the probe's threads. The main thread has the program's name.
const THREAD_NAMES: [&str; 4] = [PROGRAM, "reader", "writer", "leaver"];

/// From a stop where every thread is asleep to one in a spawned thread; `core` is for native runs.
fn tour(core: Option<&Path>) -> String {
    let write_core = core.map_or_else(String::new, |core| {
        format!("generate-core-file {}\n", core.display())
    });
    format!(
        "break probe_in_main\n\
         continue\n\
         echo == names\\n\n\
         info threads\n\
         echo == asleep\\n\n\
         thread apply all backtrace 50\n\
         {write_core}\
         break probe_in_handler\n\
         continue\n\
         echo == handler\\n\n\
         backtrace 50\n\
         break probe_in_thread\n\
         continue\n\
         echo == thread\\n\n\
         backtrace 50\n\
         echo == end\\n\n\
         kill\n"
    )
}

/// Judges everything that a debugger shows of `guest`, which is [`PROGRAM`].
pub fn check(guest: &Guest) -> Vec<Case> {
    match guest.build.target.runner() {
        Runner::Native => check_native(guest),
        Runner::Qemu | Runner::Kernel => check_emulated(guest),
    }
}

fn check_native(guest: &Guest) -> Vec<Case> {
    let core = guest.path.with_extension("core");
    let script = format!("starti\n{}", tour(Some(&core)));
    let told = session::native(guest, "tour", &script);
    let mut cases = cases_of_tour(&told);
    cases.push(Case::new(
        "debugger_shows_thread_names",
        on(&told, |told| names(told.section("names")?)),
    ));
    let reopened = session::core(guest, &core);
    // It is of no use any more; where it is missing, the case says so.
    std::fs::remove_file(&core).ok();
    cases.push(Case::new(
        "debugger_core_shows_every_thread",
        on(&reopened, |told| all_threads(told.section("asleep")?)),
    ));
    cases.push(Case::new(
        "debugger_unwinds_at_every_instruction_of_assembly",
        instructions::check(guest),
    ));
    cases
}

fn check_emulated(guest: &Guest) -> Vec<Case> {
    cases_of_tour(&session::emulated(guest, "tour", &tour(None)))
}

fn cases_of_tour(told: &Result<Transcript, String>) -> Vec<Case> {
    let handler = |told: &Transcript| {
        let trace = Backtrace::parse(told.section("handler")?);
        trace.expect("probe_in_handler", MAIN_BEGINS)?;
        claim(
            trace.names().any(|name| name == judge::SIGNAL_FRAME),
            || format!("no frame {}:\n{trace}", judge::SIGNAL_FRAME),
        )
    };
    let thread = |told: &Transcript| {
        Backtrace::parse(told.section("thread")?).expect("probe_in_thread", THREAD_BEGINS)
    };
    vec![
        Case::new(
            "debugger_backtraces_of_all_threads_end",
            on(told, |told| all_threads(told.section("asleep")?)),
        ),
        Case::new("debugger_sees_through_signal_handler", on(told, handler)),
        Case::new("debugger_backtrace_in_thread_ends", on(told, thread)),
    ]
}

/// Judges what was told, and shows it in full where the judgement is bad.
fn on(
    told: &Result<Transcript, String>,
    judge: impl Fn(&Transcript) -> Result<(), String>,
) -> Result<(), String> {
    let told = told.as_ref().map_err(Clone::clone)?;
    judge(told).map_err(|complaint| format!("{complaint}\nthe debugger said:\n{told}"))
}

fn names(section: &str) -> Result<(), String> {
    for name in THREAD_NAMES {
        claim(section.contains(&format!("\"{name}\"")), || {
            format!("no thread is called {name:?}:\n{section}")
        })?;
    }
    Ok(())
}

/// Requires one sound backtrace of the main thread and one of each other thread.
fn all_threads(section: &str) -> Result<(), String> {
    let traces = judge::threads(section);
    let expected = THREAD_NAMES.len();
    claim(traces.len() == expected, || {
        format!("{} backtraces instead of {expected}", traces.len())
    })?;
    let (main, others): (Vec<_>, Vec<_>) = traces
        .iter()
        .partition(|trace| trace.names().any(|name| name == "probe_in_main"));
    claim(main.len() == 1, || {
        "not one thread in `probe_in_main`".into()
    })?;
    main[0].expect("probe_in_main", MAIN_BEGINS)?;
    others
        .iter()
        .try_for_each(|trace| trace.expect("wait_before_gate", THREAD_BEGINS))
}
