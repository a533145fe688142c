//! A case judged on this side: what the examples' and the ELF checks report.

/// One claim and whether it holds.
#[derive(Debug)]
pub struct Case {
    /// The claim, unique within its program.
    pub name: String,
    /// What is wrong, if it does not hold.
    pub outcome: Result<(), String>,
}

impl Case {
    /// Books the outcome of a claim.
    pub fn new(name: impl Into<String>, outcome: Result<(), String>) -> Self {
        Self {
            name: name.into(),
            outcome,
        }
    }
}

/// Turns a condition into an outcome; `message` says what was found instead.
pub fn claim(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}
