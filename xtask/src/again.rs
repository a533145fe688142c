//! Second tries, for emulators that die of themselves: few, announced, and counted.
//!
//! Of many thousands of programs, about one dies in the emulator by SIGSEGV and never again: it was
//! repeated three thousand times. A fault of our own dies in the same way, so a second try is given
//! to programs under a user-mode emulator only, which also run natively and on real kernels, once
//! each, and three times in a run; a program that has reported a failed case gets none.

use crate::guest::Guest;
use crate::process::{Ended, Finished};
use crate::targets::Runner;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many second tries a run may have.
const TRIES_MAX: usize = 3;

/// The second tries of a run.
#[derive(Debug, Default)]
pub struct Again(AtomicUsize);

impl Again {
    /// Whether `guest`, which ended like this, is to be run once more; says so.
    pub fn is_due(&self, guest: &Guest, finished: &Finished) -> bool {
        if guest.build.target.runner() != Runner::Qemu || !died_of_itself(finished) {
            return false;
        }
        let tries = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        if tries > TRIES_MAX {
            return false;
        }
        println!(
            "again  {} {:24} its emulator died by SIGSEGV: second try {tries} of {TRIES_MAX}",
            guest.build.label(),
            guest.name()
        );
        true
    }

    /// Says at the end how often that was so.
    pub fn report(&self) {
        let tries = self.0.load(Ordering::Relaxed).min(TRIES_MAX);
        if tries > 0 {
            println!("\n{tries} programs were run twice because their emulator had died");
        }
    }
}

fn died_of_itself(finished: &Finished) -> bool {
    const SIGSEGV: i32 = 11;
    let is_segv = match finished.ended {
        Ended::By(status) => {
            std::os::unix::process::ExitStatusExt::signal(&status) == Some(SIGSEGV)
        }
        _ => false,
    };
    is_segv && !finished.stdout.windows(6).any(|bytes| bytes == b"\nFAIL ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;
    use std::time::Duration;

    fn finished(signal: i32, stdout: &[u8]) -> Finished {
        Finished {
            ended: Ended::By(ExitStatus::from_raw(signal)),
            stdout: stdout.to_vec(),
            stderr: Vec::new(),
            output: Vec::new(),
            elapsed: Duration::ZERO,
        }
    }

    #[test]
    fn only_a_segmentation_fault_with_no_failed_case_is_the_emulators() {
        assert!(died_of_itself(&finished(11, b"rt 1\nok a\n")));
        assert!(!died_of_itself(&finished(11, b"rt 1\nFAIL a\n")));
        assert!(!died_of_itself(&finished(6, b"rt 1\nok a\n")));
        assert!(!died_of_itself(&finished(0, b"rt 1\nok a\n")));
    }
}
