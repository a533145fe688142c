//! Counts cases. The counts come from what guests and host tests said, never from this tool.

use std::fmt;
use std::ops::AddAssign;

/// How many cases passed, failed and were skipped with leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl Tally {
    /// Tells whether a run with this tally may be called good: something passed, nothing failed.
    pub fn is_good(self) -> bool {
        self.passed > 0 && self.failed == 0
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_the_agreed_form() {
        let mut tally = Tally {
            passed: 2,
            failed: 0,
            skipped: 1,
        };
        tally += Tally {
            passed: 3,
            failed: 4,
            skipped: 0,
        };
        assert_eq!(tally.to_string(), "5 passed, 4 failed, 1 skipped");
    }

    #[test]
    fn nothing_passed_is_not_good() {
        assert!(!Tally::default().is_good());
        assert!(
            !Tally {
                passed: 0,
                failed: 0,
                skipped: 3
            }
            .is_good()
        );
        assert!(
            !Tally {
                passed: 5,
                failed: 1,
                skipped: 0
            }
            .is_good()
        );
        assert!(
            Tally {
                passed: 1,
                failed: 0,
                skipped: 0
            }
            .is_good()
        );
    }
}
