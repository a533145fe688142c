//! What the programs do that are started: scripts for a shell, or for this program in its place.

use core::ffi::CStr;

use suite::{Stop, child};
use threadbare::io::{Fd, Read, Status, Write};
use threadbare::process::{self, Child, Command, CommandError, ExitCode};
use threadbare::seam::sys::task;
use threadbare::signal::{self, Signal};
use threadbare::{env, thread};

/// The shell, or, on a machine that has none, this program, which knows the scripts below.
pub struct Shell {
    pub program: &'static CStr,
    pub has_shell: bool,
}

impl Shell {
    pub fn find() -> Shell {
        let has_shell = Status::of(c"/bin/sh").is_ok();
        Shell {
            program: if has_shell {
                c"/bin/sh"
            } else {
                c"/proc/self/exe"
            },
            has_shell,
        }
    }
}

pub const EXIT_7: &CStr = c"exit 7";
pub const END_BY_TERM: &CStr = c"kill -TERM $$; exit 1";
pub const END_BY_USR1: &CStr = c"kill -USR1 $$; exit 1";
pub const EXIT_ANSWER: &CStr = c"exit $ANSWER";
pub const WRITE_TWO: &CStr = c"echo three >&3; echo four >&4";
pub const READ_NOTHING: &CStr = c"read word || exit 5";
pub const IS_IN_PROC: &CStr = c"test -r ./self/maps && exit 6";
pub const EXIT_USER: &CStr = c"exit $(id -u)";
pub const LEAVE_ORPHAN: &CStr = c"(exit 9) & exit 0";
pub const SLEEP: &CStr = c"sleep 100";

/// What a shell would do with these scripts.
pub fn act(script: &str) -> ExitCode {
    let is = |other: &CStr| other.to_bytes() == script.as_bytes();
    if is(EXIT_7) {
        return ExitCode::from(7);
    } else if is(END_BY_TERM) {
        let _ = signal::raise(Signal::TERM);
    } else if is(END_BY_USR1) {
        let _ = signal::raise(Signal::USR1);
    } else if is(EXIT_ANSWER) {
        let answer = env::var("ANSWER").ok().and_then(|text| text.parse().ok());
        return ExitCode::from(answer.unwrap_or(1));
    } else if is(WRITE_TWO) {
        for (number, text) in [(3, "three\n"), (4, "four\n")] {
            // SAFETY: its parent left it open.
            let mut fd = unsafe { Fd::from_raw(number) };
            if fd.write_all(text.as_bytes()).is_err() {
                return ExitCode::FAILURE;
            }
        }
        return ExitCode::SUCCESS;
    } else if is(READ_NOTHING) {
        let mut stdin = Fd::STDIN;
        let read = stdin.read(&mut [0]);
        return ExitCode::from(if read == Ok(0) { 5 } else { 0 });
    } else if is(IS_IN_PROC) {
        let found = Status::of(c"./self/maps").is_ok();
        return ExitCode::from(if found { 6 } else { 1 });
    } else if is(LEAVE_ORPHAN) {
        child::start(|| task::exit_process(9));
        return ExitCode::SUCCESS;
    } else if is(SLEEP) {
        thread::sleep(core::time::Duration::from_secs(100));
    }
    ExitCode::FAILURE
}

/// Starts a script; `set` says what else is to be.
pub fn start(script: &CStr, set: impl FnOnce(&mut Command<'_>)) -> Result<Child, CommandError> {
    start_with(script, &[], set)
}

pub fn start_with(
    script: &CStr,
    variables: &[&CStr],
    set: impl FnOnce(&mut Command<'_>),
) -> Result<Child, CommandError> {
    let shell = Shell::find();
    // For this program, which is told by a variable.
    let mut text = [0; 64];
    text[..13].copy_from_slice(b"SUITE_SCRIPT=");
    text[13..][..script.count_bytes()].copy_from_slice(script.to_bytes());
    let told = CStr::from_bytes_until_nul(&text).unwrap_or(c"");
    let mut all = [told, c"PATH=/bin:/usr/bin", c"", c""];
    all[2..][..variables.len()].copy_from_slice(variables);
    let arguments = [c"-c", script];
    let mut command = Command::new(shell.program);
    command.envs(&all[..2 + variables.len()]);
    if shell.has_shell {
        command.args(&arguments);
    }
    set(&mut command);
    command.spawn()
}

/// How a script ends.
pub fn run(script: &CStr, set: impl FnOnce(&mut Command<'_>)) -> Result<process::ExitStatus, Stop> {
    let Ok(child) = start(script, set) else {
        return Err(Stop::Fail(file!(), line!(), "it starts"));
    };
    child
        .wait()
        .map_err(|_| Stop::Fail(file!(), line!(), "it can be waited for"))
}
