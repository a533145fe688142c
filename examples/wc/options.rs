//! The command line, read as GNU `getopt_long` reads it: options and file names in any order.
//!
//! Written by hand: it is short, the parsers that most people know need `std` or a heap, and the
//! messages are to be GNU's. What an option does is not known here.

use core::ffi::CStr;
use core::fmt;
use core::str;
use threadbare::env;

/// What an option means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    Lines,
    Words,
    Bytes,
    Threads,
    StackSize,
    Help,
    Version,
}

struct Entry {
    short: Option<u8>,
    long: &'static str,
    takes_value: bool,
    meaning: Meaning,
}

const fn entry(
    short: Option<u8>,
    long: &'static str,
    takes_value: bool,
    meaning: Meaning,
) -> Entry {
    Entry {
        short,
        long,
        takes_value,
        meaning,
    }
}

const TABLE: [Entry; 7] = [
    entry(Some(b'l'), "lines", false, Meaning::Lines),
    entry(Some(b'w'), "words", false, Meaning::Words),
    entry(Some(b'c'), "bytes", false, Meaning::Bytes),
    entry(Some(b'j'), "threads", true, Meaning::Threads),
    entry(None, "stack-size", true, Meaning::StackSize),
    entry(None, "help", false, Meaning::Help),
    entry(None, "version", false, Meaning::Version),
];

/// One step along the command line.
pub enum Item {
    /// An option, and its value if it takes one.
    Option(Meaning, &'static [u8]),
    /// What is not an option: a file name.
    Operand(&'static CStr),
}

/// What is wrong with the command line, in GNU's words.
#[derive(Clone, Copy)]
pub enum Complaint {
    UnknownShort(u8),
    /// With the whole word, dashes included.
    UnknownLong(&'static [u8]),
    UnwantedValue(&'static str),
    MissingShortValue(u8),
    MissingLongValue(&'static str),
    /// The value of an option that wants a number.
    BadNumber(&'static str, &'static [u8]),
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Complaint::UnknownShort(letter) => {
                write!(f, "invalid option -- '{}'", [letter].escape_ascii())
            }
            Complaint::UnknownLong(word) => {
                write!(f, "unrecognized option '{}'", word.escape_ascii())
            }
            Complaint::UnwantedValue(name) => {
                write!(f, "option '--{name}' doesn't allow an argument")
            }
            Complaint::MissingShortValue(letter) => {
                write!(f, "option requires an argument -- '{}'", letter as char)
            }
            Complaint::MissingLongValue(name) => {
                write!(f, "option '--{name}' requires an argument")
            }
            Complaint::BadNumber(what, text) => {
                let text = text.escape_ascii();
                write!(
                    f,
                    "invalid {what}: '{text}'; give a whole number of at least 1"
                )
            }
        }
    }
}

/// A walk along the command line. It holds no pointer, so that any thread may carry it on.
#[derive(Clone, Copy)]
pub struct Arguments {
    /// The argument to be looked at next.
    index: usize,
    /// What is left of a word like `-lw`.
    cluster: &'static [u8],
    /// Whether `--` went by.
    only_operands: bool,
}

impl Arguments {
    /// Begins behind the program's name.
    pub const fn new() -> Arguments {
        Arguments {
            index: 1,
            cluster: b"",
            only_operands: false,
        }
    }

    /// Goes on to the next file name; to be used where the options are known to be right.
    pub fn next_operand(&mut self) -> Option<&'static CStr> {
        self.find_map(|item| match item {
            Ok(Item::Operand(name)) => Some(name),
            _ => None,
        })
    }

    fn next_word(&mut self) -> Option<&'static CStr> {
        let word = env::args_os().nth(self.index)?;
        self.index += 1;
        Some(word)
    }

    fn short(&mut self, letter: u8) -> Result<Item, Complaint> {
        let entry = TABLE
            .iter()
            .find(|entry| entry.short == Some(letter))
            .ok_or(Complaint::UnknownShort(letter))?;
        if !entry.takes_value {
            return Ok(Item::Option(entry.meaning, b""));
        }
        let rest = core::mem::take(&mut self.cluster);
        let value = if rest.is_empty() {
            self.next_word().map(CStr::to_bytes)
        } else {
            Some(rest)
        };
        let value = value.ok_or(Complaint::MissingShortValue(letter))?;
        Ok(Item::Option(entry.meaning, value))
    }

    /// `word` is what follows the two dashes: a name, or its beginning, and perhaps `=value`.
    fn long(&mut self, word: &'static [u8], whole: &'static [u8]) -> Result<Item, Complaint> {
        let equals = word.iter().position(|&byte| byte == b'=');
        let name = &word[..equals.unwrap_or(word.len())];
        let value = equals.map(|equals| &word[equals + 1..]);
        // No two names begin alike, so a beginning names one option at the most.
        let entry = TABLE
            .iter()
            .find(|entry| !name.is_empty() && entry.long.as_bytes().starts_with(name))
            .ok_or(Complaint::UnknownLong(whole))?;
        let value = match (entry.takes_value, value) {
            (false, None) => b"",
            (false, Some(_)) => return Err(Complaint::UnwantedValue(entry.long)),
            (true, Some(value)) => value,
            (true, None) => match self.next_word() {
                Some(value) => value.to_bytes(),
                None => return Err(Complaint::MissingLongValue(entry.long)),
            },
        };
        Ok(Item::Option(entry.meaning, value))
    }
}

impl Iterator for Arguments {
    type Item = Result<Item, Complaint>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some((&letter, rest)) = self.cluster.split_first() {
            self.cluster = rest;
            return Some(self.short(letter));
        }
        let word = self.next_word()?;
        Some(match word.to_bytes() {
            _ if self.only_operands => Ok(Item::Operand(word)),
            b"--" => {
                self.only_operands = true;
                return self.next();
            }
            whole @ [b'-', b'-', rest @ ..] => self.long(rest, whole),
            [b'-', letter, rest @ ..] => {
                self.cluster = rest;
                self.short(*letter)
            }
            _ => Ok(Item::Operand(word)),
        })
    }
}

/// What the user wants to be done.
#[derive(Clone, Copy)]
pub struct Options {
    pub lines: bool,
    pub words: bool,
    pub bytes: bool,
    /// How many threads may count; `None` means one for each CPU.
    pub threads: Option<usize>,
    /// The size of each thread's stack.
    pub stack_bytes: usize,
}

/// What a command line asks for.
pub enum Wish {
    Count(Options),
    Help,
    Version,
}

/// Room for the buffer of 256 KiB and for what calls each other around it.
const STACK_BYTES_DEFAULT: usize = 288 << 10;

/// Reads all options; the first thing that is wrong, or asks for help, decides.
pub fn read() -> Result<Wish, Complaint> {
    let mut options = Options {
        lines: false,
        words: false,
        bytes: false,
        threads: None,
        stack_bytes: STACK_BYTES_DEFAULT,
    };
    for item in Arguments::new() {
        let Item::Option(meaning, value) = item? else {
            continue;
        };
        match meaning {
            Meaning::Lines => options.lines = true,
            Meaning::Words => options.words = true,
            Meaning::Bytes => options.bytes = true,
            Meaning::Threads => options.threads = Some(number("number of threads", value)?),
            Meaning::StackSize => options.stack_bytes = number("stack size", value)?,
            Meaning::Help => return Ok(Wish::Help),
            Meaning::Version => return Ok(Wish::Version),
        }
    }
    if !(options.lines | options.words | options.bytes) {
        (options.lines, options.words, options.bytes) = (true, true, true);
    }
    Ok(Wish::Count(options))
}

fn number(what: &'static str, text: &'static [u8]) -> Result<usize, Complaint> {
    let parsed = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    parsed
        .filter(|&number| number != 0)
        .ok_or(Complaint::BadNumber(what, text))
}

/// Where bytes come from.
#[derive(Clone, Copy)]
pub enum Input {
    /// Standard input, because no file was named.
    Unnamed,
    /// A file, or standard input by the name of `-`.
    Named(&'static CStr),
}

impl Input {
    /// Whether it is standard input.
    pub fn is_standard(self) -> bool {
        match self {
            Input::Unnamed => true,
            Input::Named(name) => name == c"-",
        }
    }
}

/// All inputs, in the order in which they are reported.
#[derive(Clone, Copy)]
pub struct Inputs {
    arguments: Arguments,
    /// Whether no file name was seen so far.
    none_named: bool,
}

impl Inputs {
    /// Begins with the first one.
    pub const fn new() -> Inputs {
        Inputs {
            arguments: Arguments::new(),
            none_named: true,
        }
    }
}

impl Iterator for Inputs {
    type Item = Input;

    fn next(&mut self) -> Option<Input> {
        let is_first = core::mem::take(&mut self.none_named);
        match self.arguments.next_operand() {
            Some(name) => Some(Input::Named(name)),
            None => is_first.then_some(Input::Unnamed),
        }
    }
}
