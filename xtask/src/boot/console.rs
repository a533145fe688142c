//! Reads a machine's console: what each program printed there, and how it ended.
//!
//! The first process, the suite's `boot_probe`, says so on lines that begin with `boot: `. What the
//! programs' own lines mean is for `protocol`.

use crate::process::Ended;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

/// What one program did.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    /// The program, as the first process was told.
    pub path: String,
    /// What it printed, to standard output and standard error.
    pub output: String,
    pub ended: Ended,
    pub elapsed: Duration,
}

/// What a console showed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Console {
    /// The release that the kernel claims to be.
    pub kernel: Option<String>,
    /// The programs that were started, in order.
    pub runs: Vec<Run>,
    /// What was printed while no program ran.
    pub other: String,
    /// Whether the first process came to its end.
    pub is_off: bool,
}

/// Takes a console's text apart.
pub fn parse(bytes: &[u8]) -> Console {
    let mut console = Console::default();
    // The program that runs, at the end of `runs`.
    let mut is_running = false;
    for line in String::from_utf8_lossy(bytes).lines() {
        // A terminal's line ends with CR LF, and a firmware's screen control may add more of them.
        let line = line.trim_end_matches('\r');
        let said = line.strip_prefix("boot: ").unwrap_or_default();
        if let Some(path) = said.strip_prefix("run ") {
            console.runs.push(Run {
                path: path.to_owned(),
                output: String::new(),
                ended: Ended::CutOff,
                elapsed: Duration::ZERO,
            });
            is_running = true;
            continue;
        }
        match console.runs.last_mut().filter(|_| is_running) {
            Some(run) => match end(said, &run.path) {
                Some((ended, elapsed)) => {
                    (run.ended, run.elapsed) = (ended, elapsed);
                    is_running = false;
                }
                None => add_line(&mut run.output, line),
            },
            None => match said.split_once(' ').unwrap_or((said, "")) {
                ("kernel", release) => console.kernel = Some(release.to_owned()),
                ("off", "") => console.is_off = true,
                _ => add_line(&mut console.other, line),
            },
        }
    }
    console
}

fn add_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// Reads `end PATH status=STATUS ms=TIME` or `late PATH ms=TIME`, about this path alone.
fn end(said: &str, path: &str) -> Option<(Ended, Duration)> {
    let (word, rest) = said.split_once(' ')?;
    let (status, elapsed) = rest.strip_prefix(path)?.split_once("ms=")?;
    let elapsed = Duration::from_millis(elapsed.parse().ok()?);
    match word {
        "end" => {
            let status = status.trim().strip_prefix("status=")?.parse().ok()?;
            Some((Ended::By(ExitStatus::from_raw(status)), elapsed))
        }
        "late" => Some((Ended::TimedOut(elapsed), elapsed)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[u8] = b"SeaBIOS\r\nboot: kernel 6.1.0-9-amd64\r\n\r\n\
        boot: run /suite/a\r\nrt 1 x\r\nok b\r\r\n\r\nboot: end /suite/a status=2816 ms=1500\r\n\
        [    1.0] noise\r\n\
        boot: run /suite/c\r\nhalf a line\r\nboot: late /suite/c ms=60001\r\n\
        boot: off\r\n";

    #[test]
    fn programs_are_told_apart() {
        let console = parse(GOOD);
        assert_eq!(console.kernel.as_deref(), Some("6.1.0-9-amd64"));
        assert!(console.is_off);
        assert_eq!(console.other, "SeaBIOS\n\n[    1.0] noise\n");
        let [one, other] = &console.runs[..] else {
            panic!("{console:?}");
        };
        assert_eq!(
            (one.path.as_str(), one.ended.code()),
            ("/suite/a", Some(11))
        );
        assert_eq!(one.output, "rt 1 x\nok b\n\n");
        assert_eq!(one.elapsed, Duration::from_millis(1500));
        assert_eq!(other.ended, Ended::TimedOut(Duration::from_millis(60001)));
        assert_eq!(other.output, "half a line\n");
    }

    #[test]
    fn a_machine_that_dies_cuts_its_program_off() {
        let console = parse(b"boot: run /suite/a\nok b\nKernel panic - not syncing\n");
        assert!(!console.is_off);
        assert_eq!(console.runs[0].ended, Ended::CutOff);
        assert!(console.runs[0].output.contains("panic"));
    }

    #[test]
    fn a_program_cannot_speak_for_another_or_for_the_machine() {
        let said = b"boot: run /a\nboot: end /b status=0 ms=1\nboot: off\nboot: end /a x\n";
        let console = parse(said);
        assert!(!console.is_off);
        assert_eq!(console.runs[0].ended, Ended::CutOff);
        assert_eq!(console.runs[0].output.lines().count(), 3);
    }

    #[test]
    fn death_by_signal_is_no_exit_status() {
        let console = parse(b"boot: run /a\nboot: end /a status=134 ms=1\n");
        assert_eq!(console.runs[0].ended.code(), None);
        assert!(console.runs[0].ended.describe().contains("signal 6"));
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(parse(b""), Console::default());
    }
}
