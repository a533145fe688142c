//! All inputs, in the order in which they are reported.
//!
//! They come from the command line or from a list of names. The names of a list are kept in places
//! of their own, since they are too large to be handed about and there is no heap. No input is
//! opened here.

use crate::names::{Found, List, Name};
use crate::options::Arguments;
use core::ffi::CStr;
use threadbare::io::Error;
use threadbare::sync::Mutex;

/// How many inputs may be under way at once. A power of two, so that a ticket finds its place even
/// after its number has wrapped.
pub const PLACES: usize = 128;
const _: () = assert!(PLACES.is_power_of_two());

/// The names from a list, each at its ticket modulo the number of places. Those from the command
/// line stay where they are.
static NAMES: [Mutex<Name>; PLACES] = [const { Mutex::new(Name::new()) }; PLACES];

/// Where bytes come from.
#[derive(Clone, Copy)]
pub enum Input {
    /// Standard input, because no file was named.
    Unnamed,
    /// A file, or standard input by the name of `-`.
    Named(&'static CStr),
    /// As `Named`, but the name is kept at this place, and it is that many names into the list.
    Listed(usize, u64),
}

impl Input {
    /// Calls `f` with the name, if there is one.
    pub fn with_name<T>(self, f: impl FnOnce(Option<&CStr>) -> T) -> T {
        match self {
            Input::Unnamed => f(None),
            Input::Named(name) => f(Some(name)),
            Input::Listed(place, _) => f(Some(NAMES[place].lock().unwrap().as_c_str())),
        }
    }

    /// Whether it is standard input.
    pub fn is_standard(self) -> bool {
        self.with_name(|name| name.is_none_or(|name| name == c"-"))
    }
}

/// What comes next.
pub enum Next {
    Input(Input),
    /// First [`Inputs::refill`] must be called, which may wait.
    Unknown,
    End,
}

/// A walk along all inputs.
pub struct Inputs {
    arguments: Arguments,
    /// Whether the command line had no name so far.
    none_named: bool,
    /// The list that has the names if the command line has not.
    list: Option<List>,
}

impl Inputs {
    /// Begins with the first one, which is in the list if there is one.
    pub fn new(list: Option<List>) -> Inputs {
        Inputs {
            arguments: Arguments::new(),
            none_named: true,
            list,
        }
    }

    /// Goes on; the input gets this ticket, and its name the place that belongs to it.
    pub fn next(&mut self, ticket: usize) -> Next {
        let Some(list) = &mut self.list else {
            return match self.arguments.next_operand() {
                Some(name) => {
                    self.none_named = false;
                    Next::Input(Input::Named(name))
                }
                None if core::mem::take(&mut self.none_named) => Next::Input(Input::Unnamed),
                None => Next::End,
            };
        };
        let place = ticket % PLACES;
        match list.next(&mut NAMES[place].lock().unwrap()) {
            Found::Name => Next::Input(Input::Listed(place, list.count)),
            Found::Empty => Next::Unknown,
            Found::End => Next::End,
        }
    }

    /// Waits for more names, after [`Next::Unknown`].
    pub fn refill(&mut self) {
        if let Some(list) = &mut self.list {
            list.refill();
        }
    }

    /// Returns why the list of names ended too early, if it did.
    pub fn error(&self) -> Option<Error> {
        self.list.as_ref()?.error
    }
}
