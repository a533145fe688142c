//! The width of the columns, which depends on all inputs and is needed before the first is counted.
//!
//! The rule is GNU's: as wide as the sum of all sizes, but at least 7 if some input's size cannot
//! be known; and 1 where there is nothing to line up, or where names come from a stream.

use crate::inputs::{Input, Inputs, Next};
use crate::options::Options;
use threadbare::io::{Error, Fd, Status};

/// The least width beside an input that is not a regular file.
const UNKNOWN_WIDTH: usize = 7;

/// What is known of all inputs before the first is counted.
pub struct Survey {
    /// The width of a column.
    pub width: usize,
    /// Whether all inputs are known to be regular files.
    pub is_regular: bool,
}

/// Looks at all inputs; `None` if their names cannot be known in advance.
///
/// # Errors
/// Those of reading the list of names.
pub fn survey(options: &Options, inputs: Option<Inputs>) -> Result<Survey, Error> {
    let mut survey = Survey {
        width: 1,
        is_regular: false,
    };
    let Some(mut inputs) = inputs else {
        return Ok(survey);
    };
    let (mut bytes, mut least, mut count) = (0u64, 1, 0);
    survey.is_regular = true;
    while let Next::Input(input) = inputs.next(count) {
        count += 1;
        match status(input) {
            Ok(status) if status.is_file() => {
                bytes = bytes.saturating_add(status.bytes);
                survey.is_regular &= !input.is_standard();
            }
            Ok(_) => {
                least = UNKNOWN_WIDTH;
                survey.is_regular = false;
            }
            // An input without a status is reported when its turn comes, not here.
            Err(_) => {}
        }
    }
    if let Some(error) = inputs.error() {
        return Err(error);
    }
    if count != 1 || options.columns() != 1 {
        survey.width = least.max(bytes.checked_ilog10().map_or(1, |tens| tens as usize + 1));
    }
    Ok(survey)
}

/// Asks what an input is, without opening it.
fn status(input: Input) -> Result<Status, Error> {
    input.with_name(|name| match name {
        Some(name) if name != c"-" => Status::of(name),
        _ => Fd::STDIN.status(),
    })
}
