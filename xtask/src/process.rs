//! Runs child processes: each in a process group of its own, each with a time limit.
//!
//! It does not judge what a child printed. It never leaves a child behind: a child that outlives
//! its limit is killed with its whole group, and a child whose parent dies is killed by the kernel.

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group, set_parent_process_death_signal};
use std::io::{self, Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A child that prints more than this is taken for a runaway and killed.
const OUTPUT_BYTES_MAX: usize = 8 << 20;
/// How long a descendant may keep the pipes open after the child itself has ended.
const GRACE: Duration = Duration::from_secs(1);
/// How often the child's state is looked at while the pipes are silent.
const POLL: Duration = Duration::from_millis(20);

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status (which may name a signal).
    By(ExitStatus),
    /// Killed because its time was over.
    TimedOut(Duration),
    /// Killed because it printed without end.
    Flooded,
    /// Gone with the machine it ran on.
    CutOff,
}

impl Ended {
    /// The exit code, if the child ended by itself and not through a signal.
    pub fn code(self) -> Option<i32> {
        match self {
            Self::By(status) => status.code(),
            _ => None,
        }
    }

    /// Says in words how the child ended.
    pub fn describe(self) -> String {
        match self {
            Self::By(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit status {code}"),
                (None, Some(signal)) => format!("killed by signal {signal}"),
                (None, None) => format!("{status}"),
            },
            Self::TimedOut(limit) => {
                format!("no end after {} s, killed", limit.as_secs_f32())
            }
            Self::Flooded => format!("more than {OUTPUT_BYTES_MAX} bytes of output, killed"),
            Self::CutOff => "its machine ended first".into(),
        }
    }
}

/// What a captured child left behind.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub ended: Ended,
    /// Standard output alone.
    pub stdout: Vec<u8>,
    /// Standard error alone.
    pub stderr: Vec<u8>,
    /// Both, in the order in which their lines arrived: no line of one is inside a line of the
    /// other, however the child's buffers cut them.
    pub output: Vec<u8>,
    /// From spawn to end.
    pub elapsed: Duration,
}

/// How much of standard output and of standard error is in [`Finished::output`].
#[derive(Default)]
struct Merged([usize; 2]);

impl Merged {
    /// Adds what arrived, and to the output of both what are whole lines now.
    fn add(&mut self, into: &mut Finished, stream: Stream, bytes: &[u8]) {
        let (of_stream, merged) = match stream {
            Stream::Out => (&mut into.stdout, &mut self.0[0]),
            Stream::Err => (&mut into.stderr, &mut self.0[1]),
        };
        of_stream.extend_from_slice(bytes);
        if let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') {
            let end = of_stream.len() - bytes.len() + end + 1;
            into.output.extend_from_slice(&of_stream[*merged..end]);
            *merged = end;
        }
    }

    /// Adds the lines that have no end.
    fn add_unended_lines(self, into: &mut Finished) {
        let [out, err] = self.0;
        into.output.extend_from_slice(&into.stdout[out..]);
        into.output.extend_from_slice(&into.stderr[err..]);
    }
}

#[derive(Clone, Copy)]
enum Stream {
    Out,
    Err,
}

/// Runs `command` with `input` as its standard input and captures what it prints.
pub fn capture(mut command: Command, input: &[u8], limit: Duration) -> Result<Finished> {
    let stdin = if input.is_empty() {
        Stdio::null()
    } else {
        Stdio::piped()
    };
    command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let started = Instant::now();
    let mut child = spawn(&mut command)?;
    let (sender, chunks) = channel();
    if let Some(mut pipe) = child.stdin.take() {
        let input = input.to_owned();
        // A child may end without reading its input; the write error then says nothing new.
        thread::spawn(move || pipe.write_all(&input).ok());
    }
    forward(
        child.stdout.take().context("stdout is piped")?,
        Stream::Out,
        sender.clone(),
    );
    forward(
        child.stderr.take().context("stderr is piped")?,
        Stream::Err,
        sender,
    );

    let mut finished = Finished {
        ended: Ended::TimedOut(limit),
        stdout: Vec::new(),
        stderr: Vec::new(),
        output: Vec::new(),
        elapsed: Duration::ZERO,
    };
    let mut merged = Merged::default();
    let into = (&mut finished, &mut merged);
    let ended = collect(&mut child, &chunks, into, started, limit)?;
    merged.add_unended_lines(&mut finished);
    finished.ended = ended;
    finished.elapsed = started.elapsed();
    Ok(finished)
}

/// Runs `command` on this process's own standard output and error.
pub fn inherit(mut command: Command, limit: Duration) -> Result<Ended> {
    let started = Instant::now();
    let mut child = spawn(command.stdin(Stdio::null()))?;
    wait_until(&mut child, started + limit, limit)
}

/// Runs a short question such as `rustc --print sysroot`; returns its trimmed standard output.
pub fn ask(command: Command) -> Result<String> {
    let shown = show(&command);
    let finished = capture(command, b"", Duration::from_secs(60))?;
    if finished.ended.code() != Some(0) {
        let told = String::from_utf8_lossy(&finished.output).into_owned();
        bail!("`{shown}`: {}\n{told}", finished.ended.describe());
    }
    Ok(String::from_utf8_lossy(&finished.stdout).trim().to_owned())
}

/// Writes `command` as a line that a shell accepts, with the variables it sets in front.
pub fn show(command: &Command) -> String {
    let variables = command.get_envs().filter_map(|(name, value)| {
        Some(format!(
            "{}={}",
            name.to_string_lossy(),
            quote(&value?.to_string_lossy())
        ))
    });
    let words = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| quote(&word.to_string_lossy()));
    variables.chain(words).collect::<Vec<_>>().join(" ")
}

fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+:,@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// Starts `command` in a process group of its own, which dies with this thread.
pub fn spawn(command: &mut Command) -> Result<Child> {
    command.process_group(0);
    // SAFETY: between fork and exec the closure makes one prctl call, which is
    // async-signal-safe, and touches no memory but its own.
    unsafe {
        command.pre_exec(|| {
            // Own groups do not get the terminal's interrupt; this ends them with us instead.
            set_parent_process_death_signal(Some(Signal::KILL)).map_err(io::Error::from)
        })
    };
    command
        .spawn()
        .with_context(|| format!("cannot start `{}`", show(command)))
}

fn forward(mut pipe: impl Read + Send + 'static, stream: Stream, to: Sender<(Stream, Vec<u8>)>) {
    thread::spawn(move || {
        let mut buffer = [0; 16384];
        loop {
            match pipe.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => {
                    if to.send((stream, buffer[..count].to_vec())).is_err() {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    });
}

fn collect(
    child: &mut Child,
    chunks: &Receiver<(Stream, Vec<u8>)>,
    (into, merged): (&mut Finished, &mut Merged),
    started: Instant,
    limit: Duration,
) -> Result<Ended> {
    let deadline = started + limit;
    let mut ended_at = None;
    loop {
        match chunks.recv_timeout(POLL) {
            Ok((stream, bytes)) => {
                merged.add(into, stream, &bytes);
                if into.stdout.len() + into.stderr.len() > OUTPUT_BYTES_MAX {
                    kill(child)?;
                    return Ok(Ended::Flooded);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return wait_until(child, deadline, limit),
        }
        if let Some((status, at)) = ended_at {
            let at: Instant = at;
            if at.elapsed() > GRACE {
                // A descendant holds the pipes: it must not outlive the run.
                kill(child)?;
                return Ok(Ended::By(status));
            }
        } else if let Some(status) = child.try_wait()? {
            ended_at = Some((status, Instant::now()));
        } else if Instant::now() >= deadline {
            kill(child)?;
            while let Ok((stream, bytes)) = chunks.recv_timeout(POLL) {
                merged.add(into, stream, &bytes);
            }
            return Ok(Ended::TimedOut(limit));
        }
    }
}

/// Waits for the child until `deadline`, when it is killed; `limit` is what is told of it then.
pub fn wait_until(child: &mut Child, deadline: Instant, limit: Duration) -> Result<Ended> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ended::By(status));
        }
        if Instant::now() >= deadline {
            kill(child)?;
            return Ok(Ended::TimedOut(limit));
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Kills the child's whole group and reaps the child.
pub fn kill(child: &mut Child) -> Result<()> {
    let group = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .context("child's id")?;
    // The group may be gone already; then there is nothing left to kill.
    kill_process_group(group, Signal::KILL).ok();
    child.wait().context("cannot reap a killed child")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn streams_are_kept_apart_and_together() {
        let script = "cat; echo bad >&2; exit 3";
        let finished = capture(shell(script), b"in\n", Duration::from_secs(10)).unwrap();
        assert_eq!(finished.stdout, b"in\n");
        assert_eq!(finished.stderr, b"bad\n");
        assert_eq!(finished.output.len(), 7);
        assert_eq!(finished.ended.code(), Some(3));
    }

    #[test]
    fn a_line_in_two_pieces_stays_whole_beside_the_other_stream() {
        let script = "printf 'whole '; sleep 0.1; echo bad >&2; sleep 0.1; echo line; printf end";
        let finished = capture(shell(script), b"", Duration::from_secs(10)).unwrap();
        assert_eq!(finished.output, b"bad\nwhole line\nend");
    }

    #[test]
    fn a_hang_is_killed_with_its_children_and_its_output_kept() {
        let limit = Duration::from_millis(200);
        let finished = capture(shell("echo early; sleep 60 & wait"), b"", limit).unwrap();
        assert_eq!(finished.ended, Ended::TimedOut(limit));
        assert_eq!(finished.stdout, b"early\n");
        assert!(finished.elapsed < Duration::from_secs(5));
    }

    #[test]
    fn a_descendant_that_keeps_the_pipe_does_not_hang_the_run() {
        let finished = capture(shell("sleep 60 & exit 4"), b"", Duration::from_secs(30)).unwrap();
        assert_eq!(finished.ended.code(), Some(4));
        assert!(finished.elapsed < Duration::from_secs(10));
    }

    #[test]
    fn a_flood_is_stopped() {
        let finished = capture(shell("yes"), b"", Duration::from_secs(60)).unwrap();
        assert_eq!(finished.ended, Ended::Flooded);
    }

    #[test]
    fn death_by_signal_is_told() {
        let finished = capture(shell("kill -9 $$"), b"", Duration::from_secs(10)).unwrap();
        assert_eq!(finished.ended.code(), None);
        assert_eq!(finished.ended.describe(), "killed by signal 9");
    }

    #[test]
    fn shown_commands_are_quoted_for_a_shell() {
        let mut command = Command::new("prog");
        command
            .env("FLAGS", "-a -b")
            .args(["plain", "two words", "it's"]);
        assert_eq!(
            show(&command),
            r"FLAGS='-a -b' prog plain 'two words' 'it'\''s'"
        );
    }
}
