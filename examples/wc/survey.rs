//! The width of the columns, which depends on all inputs and is needed before the first is counted.
//!
//! The rule is GNU's: as wide as the sum of all sizes, but at least 7 if some input's size cannot
//! be known; and 1 where there is nothing to line up.

use crate::options::{Input, Inputs, Options};
use threadbare::io::{Error, Fd, Status};

/// The least width beside an input that is not a regular file.
const UNKNOWN_WIDTH: usize = 7;

/// Computes the width of a column.
pub fn width(options: &Options) -> usize {
    let columns = [options.lines, options.words, options.bytes];
    let is_one_column = columns.iter().filter(|&&column| column).count() == 1;
    if is_one_column && Inputs::new().nth(1).is_none() {
        return 1;
    }
    let (mut bytes, mut least) = (0u64, 1);
    // An input without a status is reported when its turn comes, not here.
    for status in Inputs::new().filter_map(|input| status(input).ok()) {
        if status.is_file() {
            bytes = bytes.saturating_add(status.bytes);
        } else {
            least = UNKNOWN_WIDTH;
        }
    }
    least.max(bytes.checked_ilog10().map_or(1, |tens| tens as usize + 1))
}

/// Asks what an input is, without opening it.
fn status(input: Input) -> Result<Status, Error> {
    match input {
        Input::Named(name) if !input.is_standard() => Status::of(name),
        _ => Fd::STDIN.status(),
    }
}
