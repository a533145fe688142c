//! A child process whose output is kept, so that a case can read what it said.

use core::fmt;

use embedded_io::Read;
use threadbare::io::File;

use crate::child::{self, End};
use crate::{kernel, limits};

/// How long a child may take: under an emulator on a busy machine, too.
const SECONDS_MAX: usize = 60;

/// How a child ended and what it wrote.
#[derive(Debug)]
pub struct Captured {
    /// How it ended; by SIGALRM, 14, if it took too long.
    pub end: End,
    /// What it wrote to standard output.
    pub stdout: Text,
    /// What it wrote to standard error, without what an emulator adds when it dies.
    pub stderr: Text,
}

/// The first 4 KiB of an output.
pub struct Text {
    bytes: [u8; 4096],
    count: usize,
}

impl Text {
    fn read(mut from: File) -> Text {
        let mut text = Text {
            bytes: [0; 4096],
            count: 0,
        };
        while text.count < text.bytes.len() {
            match from.read(&mut text.bytes[text.count..]) {
                Ok(0) => break,
                Ok(count) => text.count += count,
                Err(error) => panic!("a child's output cannot be read: {error}"),
            }
        }
        text
    }

    /// The output; what follows the first byte that is not UTF-8 is left out.
    pub fn as_str(&self) -> &str {
        let bytes = &self.bytes[..self.count];
        match core::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => core::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or(""),
        }
    }

    /// Takes the line away that qemu writes to the guest's standard error when a signal ends it.
    fn remove_emulator_line(&mut self) {
        const BEGINNING: &str = "qemu: uncaught target signal ";
        let text = self.as_str();
        if let Some(at) = text.rfind(BEGINNING) {
            let is_last_line = text[at..].find('\n') == Some(text.len() - at - 1);
            let is_line = at == 0 || text.as_bytes()[at - 1] == b'\n';
            if is_last_line && is_line {
                self.count = at;
            }
        }
    }

    /// Whether one of its lines is `wanted`.
    pub fn has_line(&self, wanted: &str) -> bool {
        self.as_str().lines().any(|line| line == wanted)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// What qemu-user says when it ends of its own mistake: in a child of `fork`, its table of
/// processors still had one of a thread that the parent had just lost, when the child started one.
const EMULATORS_OWN: &str = "qemu_plugin_vcpu_init_hook: assertion failed";

/// Runs `body` in a child process and returns what came of it. What a child writes must fit into a
/// pipe, for it is read when the child has ended. A child that its emulator has ended by a mistake
/// of its own, which it names, is started anew, three times at most.
///
/// # Panics
/// If there can be no child.
pub fn run(body: impl FnOnce() + Copy) -> Captured {
    const TRIES_MAX: usize = 3;
    let mut tries = 1;
    loop {
        let captured = run_once(body);
        let is_own = captured.stderr.as_str().contains(EMULATORS_OWN);
        if !is_own || tries == TRIES_MAX || !limits::is_emulated() {
            return captured;
        }
        threadbare::println!("# the emulator ended a child by its own mistake: once more");
        tries += 1;
    }
}

fn run_once(body: impl FnOnce()) -> Captured {
    let (stdout, stdout_of_child) = kernel::pipe();
    let (stderr, stderr_of_child) = kernel::pipe();
    let end = child::run(|| {
        kernel::redirect(1, &stdout_of_child);
        kernel::redirect(2, &stderr_of_child);
        kernel::limit_seconds(SECONDS_MAX);
        body();
    });
    drop((stdout_of_child, stderr_of_child));
    let (stdout, mut stderr) = (Text::read(stdout), Text::read(stderr));
    if matches!(end, End::Signal(_)) {
        stderr.remove_emulator_line();
    }
    Captured {
        end,
        stdout,
        stderr,
    }
}
