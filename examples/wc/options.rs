//! The command line, read as GNU `getopt_long` reads it: options and file names in any order.
//!
//! Written by hand: it is short, the parsers that most people know need `std` or a heap, and the
//! messages are to be GNU's. What an option does is not known here.

use crate::locale::{self, Locale};
use crate::quote::Quoted;
use crate::tally::Method;
use core::ffi::CStr;
use core::fmt;
use core::str;
use threadbare::env;

/// What an option means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    Lines,
    Words,
    Chars,
    Bytes,
    MaxLineLength,
    NamesFrom,
    Threads,
    StackSize,
    Report,
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

const TABLE: [Entry; 11] = [
    entry(Some(b'l'), "lines", false, Meaning::Lines),
    entry(Some(b'w'), "words", false, Meaning::Words),
    entry(Some(b'm'), "chars", false, Meaning::Chars),
    entry(Some(b'c'), "bytes", false, Meaning::Bytes),
    entry(Some(b'L'), "max-line-length", false, Meaning::MaxLineLength),
    entry(None, "files0-from", true, Meaning::NamesFrom),
    entry(Some(b'j'), "threads", true, Meaning::Threads),
    entry(None, "stack-size", true, Meaning::StackSize),
    entry(None, "report", false, Meaning::Report),
    entry(None, "help", false, Meaning::Help),
    entry(None, "version", false, Meaning::Version),
];

/// One step along the command line.
pub enum Item {
    /// An option, and its value if it takes one.
    Option(Meaning, &'static CStr),
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
    /// A file name beside a list of them.
    ExtraOperand(&'static CStr),
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
            Complaint::ExtraOperand(name) => write!(
                f,
                "extra operand {}\nfile operands cannot be combined with --files0-from",
                Quoted::always(name.to_bytes())
            ),
        }
    }
}

/// A walk along the command line. It holds no pointer, so that any thread may carry it on.
#[derive(Clone, Copy)]
pub struct Arguments {
    /// The argument to be looked at next.
    index: usize,
    /// What is left of a word like `-lw`.
    cluster: &'static CStr,
    /// Whether `--` went by, or a file name where options must come first.
    only_operands: bool,
    options_come_first: bool,
}

impl Arguments {
    /// Begins behind the program's name.
    pub fn new() -> Arguments {
        Arguments {
            index: 1,
            cluster: c"",
            only_operands: false,
            options_come_first: locale::is_posix(),
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
            return Ok(Item::Option(entry.meaning, c""));
        }
        let rest = core::mem::take(&mut self.cluster);
        let value = if rest.is_empty() {
            self.next_word()
        } else {
            Some(rest)
        };
        let value = value.ok_or(Complaint::MissingShortValue(letter))?;
        Ok(Item::Option(entry.meaning, value))
    }

    /// `word` is two dashes, a name or its beginning, and perhaps `=value`.
    fn long(&mut self, word: &'static CStr) -> Result<Item, Complaint> {
        let whole = word.to_bytes();
        let equals = whole.iter().position(|&byte| byte == b'=');
        let name = &whole[2..equals.unwrap_or(whole.len())];
        let value = equals.map(|equals| tail(word, equals + 1));
        // No two names begin alike, so a beginning names one option at the most.
        let entry = TABLE
            .iter()
            .find(|entry| !name.is_empty() && entry.long.as_bytes().starts_with(name))
            .ok_or(Complaint::UnknownLong(whole))?;
        let value = match (entry.takes_value, value) {
            (false, None) => c"",
            (false, Some(_)) => return Err(Complaint::UnwantedValue(entry.long)),
            (true, Some(value)) => value,
            (true, None) => match self.next_word() {
                Some(value) => value,
                None => return Err(Complaint::MissingLongValue(entry.long)),
            },
        };
        Ok(Item::Option(entry.meaning, value))
    }
}

impl Iterator for Arguments {
    type Item = Result<Item, Complaint>;

    fn next(&mut self) -> Option<Self::Item> {
        if let [letter, ..] = self.cluster.to_bytes() {
            self.cluster = tail(self.cluster, 1);
            return Some(self.short(*letter));
        }
        let word = self.next_word()?;
        Some(match word.to_bytes() {
            _ if self.only_operands => Ok(Item::Operand(word)),
            b"--" => {
                self.only_operands = true;
                return self.next();
            }
            [b'-', b'-', ..] => self.long(word),
            [b'-', letter, ..] => {
                self.cluster = tail(word, 2);
                self.short(*letter)
            }
            _ => {
                self.only_operands = self.options_come_first;
                Ok(Item::Operand(word))
            }
        })
    }
}

/// What comes behind the first `count` bytes.
fn tail(word: &'static CStr, count: usize) -> &'static CStr {
    CStr::from_bytes_with_nul(&word.to_bytes_with_nul()[count..]).unwrap_or_default()
}

/// What the user wants to be done.
#[derive(Clone, Copy)]
pub struct Options {
    pub lines: bool,
    pub words: bool,
    pub chars: bool,
    pub bytes: bool,
    pub max_line_length: bool,
    pub locale: Locale,
    /// The file that has the names of the inputs; `-` is standard input.
    pub names_from: Option<&'static CStr>,
    /// How many threads may count; `None` means one for each CPU.
    pub threads: Option<usize>,
    /// The size of each thread's stack.
    pub stack_bytes: usize,
    /// Whether to say how much of its stack each thread used.
    pub reports_stacks: bool,
}

impl Options {
    /// How many columns are printed.
    pub fn columns(&self) -> usize {
        let columns = [
            self.lines,
            self.words,
            self.chars,
            self.bytes,
            self.max_line_length,
        ];
        columns.iter().filter(|&&column| column).count()
    }

    /// What has to be found out for them.
    pub fn method(&self) -> Method {
        Method {
            lines: self.lines,
            words: self.words,
            chars: self.chars && self.locale.is_utf8,
            widths: self.max_line_length,
            locale: self.locale,
        }
    }
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
        chars: false,
        bytes: false,
        max_line_length: false,
        locale: Locale::get(),
        names_from: None,
        threads: None,
        stack_bytes: STACK_BYTES_DEFAULT,
        reports_stacks: false,
    };
    let mut operand = None;
    for item in Arguments::new() {
        let (meaning, value) = match item? {
            Item::Option(meaning, value) => (meaning, value),
            Item::Operand(name) => {
                operand = operand.or(Some(name));
                continue;
            }
        };
        match meaning {
            Meaning::Lines => options.lines = true,
            Meaning::Words => options.words = true,
            Meaning::Chars => options.chars = true,
            Meaning::Bytes => options.bytes = true,
            Meaning::MaxLineLength => options.max_line_length = true,
            Meaning::NamesFrom => options.names_from = Some(value),
            Meaning::Threads => options.threads = Some(number("number of threads", value)?),
            Meaning::StackSize => options.stack_bytes = number("stack size", value)?,
            Meaning::Report => options.reports_stacks = true,
            Meaning::Help => return Ok(Wish::Help),
            Meaning::Version => return Ok(Wish::Version),
        }
    }
    if let (Some(_), Some(name)) = (options.names_from, operand) {
        return Err(Complaint::ExtraOperand(name));
    }
    if options.columns() == 0 {
        (options.lines, options.words, options.bytes) = (true, true, true);
    }
    Ok(Wish::Count(options))
}

fn number(what: &'static str, text: &'static CStr) -> Result<usize, Complaint> {
    let text = text.to_bytes();
    let parsed = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    parsed
        .filter(|&number| number != 0)
        .ok_or(Complaint::BadNumber(what, text))
}
