//! Judges what a console showed: the machine itself, and each program by what it printed.

use super::console::Console;
use super::station::{Station, path_of};
use crate::build::Build;
use crate::process::{self, Finished};
use crate::protocol::{self, Expected, Verdict};
use crate::skips;
use crate::targets::Runner;
use crate::test;
use std::time::Duration;

/// A judgement, and what it is about.
pub struct Judged {
    /// Stands in the list of failures.
    pub title: String,
    /// The program; nothing where it is about the machine.
    pub program: String,
    pub verdict: Verdict,
}

/// The one case that is about a machine: it came up, ran all that was listed, and went off by
/// itself.
const MACHINE_CASE: &str = "machine_runs_everything_and_switches_off";

/// Judges the machine itself, and prints its line.
pub fn machine(
    station: &Station,
    finished: &Finished,
    console: &Console,
    filter: Option<&str>,
) -> Judged {
    let mut verdict = Verdict::default();
    let ended = finished.ended;
    let kernel = console.kernel.as_deref().unwrap_or("no kernel");
    if !console.is_off || ended.code() != Some(0) {
        let last = console.runs.last().map_or("nothing", |run| &run.path);
        verdict = test::broken(format!(
            "FAIL {MACHINE_CASE}: {kernel} came up and {last} ran last; the emulator: {}",
            ended.describe()
        ));
    } else if filter.is_none() {
        // A filter asks for cases of programs.
        verdict.passed.push(MACHINE_CASE.to_owned());
    }
    let errors = String::from_utf8_lossy(&finished.stderr);
    let output = format!("{}{errors}", console.other);
    let repeat = process::show(&station.command());
    let words = [station.target.name, "", "", kernel];
    report(words, &verdict, finished.elapsed, &output, &repeat);
    Judged {
        title: format!("machine {}", station.target.name),
        program: String::new(),
        verdict,
    }
}

/// Judges what a program said on the console, and prints its line.
pub fn program(
    station: &Station,
    build: Build,
    program: &str,
    console: &Console,
    filter: Option<&str>,
) -> Judged {
    let target = build.target;
    let expected = Expected {
        arch: target.cpu,
        page_bytes: station.machine.page_bytes,
        profile: build.profile.to_string(),
        filtered: filter.is_some(),
    };
    let allowed = |case: &str| skips::allowed(skips::TABLE, target.name, Runner::Kernel, case);
    let path = path_of(build, program);
    let mut output = "";
    let mut elapsed = Duration::ZERO;
    let verdict = match console.runs.iter().find(|run| run.path == path) {
        Some(run) => {
            (output, elapsed) = (&run.output, run.elapsed);
            protocol::judge(&expected, run.output.as_bytes(), run.ended, &allowed)
        }
        None => test::broken("it was not started".into()),
    };
    let (mode, profile) = (build.mode.to_string(), build.profile.to_string());
    let filter = filter.map_or_else(String::new, |filter| format!(" --filter '{filter}'"));
    let name = target.name;
    let repeat = format!("cargo xtask boot --arch {name} --profile {profile}{filter}");
    let words = [name, &mode, &profile, program];
    report(words, &verdict, elapsed, output, &repeat);
    Judged {
        title: format!("{} boot {program}", build.label()),
        program: program.to_owned(),
        verdict,
    }
}

/// Prints a line, and all that is known of a failure.
fn report(words: [&str; 4], verdict: &Verdict, elapsed: Duration, output: &str, repeat: &str) {
    let word = if verdict.failed == 0 { "ok" } else { "FAILED" };
    let count = verdict.passed.len() + verdict.failed + verdict.skipped.len();
    let [target, mode, profile, title] = words;
    let seconds = elapsed.as_secs_f32();
    let mut text = format!(
        "{word:6} {target:11} {mode:5} {profile:7} boot {title:19} {count:4} cases {seconds:6.1} s"
    );
    if verdict.failed > 0 {
        let mut lines: Vec<String> = Vec::new();
        let complaints = verdict.complaints.iter();
        lines.extend(complaints.flat_map(|complaint| complaint.lines().map(str::to_owned)));
        lines.push("all output:".into());
        lines.extend(output.lines().map(|line| format!("| {line}")));
        lines.push("repeat it with:".into());
        lines.push(repeat.into());
        text.extend(lines.iter().map(|line| format!("\n  {line}")));
    }
    if count > 0 {
        println!("{text}");
    }
}

#[cfg(test)]
mod tests {
    use super::super::console;
    use super::*;
    use crate::process::Ended;
    use crate::targets::{self, LinkMode, Profile};
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;

    fn station() -> Station {
        let target = targets::select("powerpc64le").unwrap()[0];
        Station {
            target,
            machine: target.machine.unwrap(),
            kernel: "/k".into(),
            builds: Vec::new(),
        }
    }

    fn judge(text: &str) -> Verdict {
        let build = Build {
            target: station().target,
            mode: LinkMode::Fixed,
            profile: Profile::Release,
        };
        let console = console::parse(text.as_bytes());
        program(&station(), build, "tls", &console, None).verdict
    }

    fn run_of(page: u32, status: u32) -> String {
        format!(
            "boot: run /suite/release/tls\n\
             rt 1 arch=powerpc64 page={page} profile=release plan=1 exit=12\n\
             ok a\nend 1\n\
             boot: end /suite/release/tls status={status} ms=5\n"
        )
    }

    #[test]
    fn a_program_is_held_to_the_kernels_page_size_and_its_own_status() {
        assert_eq!(judge(&run_of(65536, 12 << 8)).passed, ["a"]);
        assert!(judge(&run_of(4096, 12 << 8)).failed > 0);
        assert!(judge(&run_of(65536, 0)).failed > 0);
        assert!(judge(&run_of(65536, 11)).failed > 0);
    }

    #[test]
    fn a_program_that_was_not_started_has_failed() {
        assert_eq!(judge("boot: kernel 6\nboot: off\n").failed, 1);
    }

    #[test]
    fn a_machine_has_to_come_to_its_end() {
        let judge = |text: &[u8], ended| {
            let finished = Finished {
                ended,
                stdout: text.to_vec(),
                stderr: Vec::new(),
                output: Vec::new(),
                elapsed: Duration::ZERO,
            };
            let console = console::parse(text);
            machine(&station(), &finished, &console, None).verdict
        };
        let good = Ended::By(ExitStatus::from_raw(0));
        assert_eq!(judge(b"boot: off\n", good).passed, [MACHINE_CASE]);
        assert_eq!(
            judge(b"boot: off\n", Ended::TimedOut(Duration::ZERO)).failed,
            1
        );
        // An emulator's exit status is 0 whatever happened.
        assert_eq!(judge(b"Kernel panic\n", good).failed, 1);
    }
}
