//! Checks the example `wc` against the GNU wc of this machine, byte for byte.
//!
//! Both run on the same inputs, in the same directory and in the same locale; standard output,
//! standard error and exit status must be the same, whatever the number of threads. What GNU wc
//! does not have (threads, stack sizes) is compared with what it prints without. What is about
//! characters or about lists of names has a file of its own.

mod characters;
mod names;
mod pair;

use crate::case::Case;
use crate::guest::Guest;
use crate::toolchain;
use anyhow::{Context, Result, ensure};
use pair::{Pair, tell};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// What a case does; an error is the reason why it fails.
type Body = fn(&Pair) -> Result<()>;

const CASES: &[(&str, Body)] = &[
    ("wc_agrees_on_this_repository", this_repository),
    ("wc_agrees_on_standard_input", standard_input),
    ("wc_agrees_on_missing_files_and_directories", not_countable),
    ("wc_agrees_on_unreadable_files", unreadable),
    ("wc_agrees_on_files_of_unknown_size", unknown_size),
    ("wc_agrees_on_pipes_with_names", named_pipes),
    ("wc_agrees_on_programs", programs),
    ("wc_agrees_on_the_rest_of_a_file", rest_of_file),
    ("wc_agrees_on_random_bytes", random_bytes),
    ("wc_agrees_at_every_length_near_a_block", block_lengths),
    ("wc_counts_a_word_across_pieces_once", words_across_pieces),
    ("wc_agrees_on_more_files_than_its_queue_holds", many_files),
    ("wc_agrees_on_how_options_are_written", option_forms),
    ("wc_agrees_on_wrong_options", wrong_options),
    ("wc_agrees_on_names_that_need_quotes", odd_names),
    ("wc_says_why_it_cannot_write", unwritable),
    ("wc_goes_on_without_threads", no_threads),
    ("wc_says_what_is_wrong_with_a_number", wrong_numbers),
    ("wc_tells_help_and_version", help_and_version),
    ("wc_agrees_on_lists_of_names", names::lists),
    ("wc_agrees_on_lists_that_are_streams", names::streams),
    ("wc_agrees_on_wrong_lists", names::wrong),
    ("wc_finds_the_locale", characters::which_locale),
    ("wc_agrees_when_posix_is_asked_for", characters::posix),
];

/// Those of a UTF-8 locale.
const UTF8_CASES: &[(&str, Body)] = &[
    ("wc_utf8_agrees_on_this_repository", this_repository),
    ("wc_utf8_agrees_on_standard_input", standard_input),
    ("wc_utf8_agrees_on_random_bytes", random_bytes),
    ("wc_utf8_agrees_at_every_length_near_a_block", block_lengths),
    (
        "wc_utf8_counts_a_word_across_pieces_once",
        words_across_pieces,
    ),
    ("wc_utf8_agrees_on_the_rest_of_a_file", rest_of_file),
    ("wc_utf8_agrees_on_names_that_need_quotes", odd_names),
    ("wc_utf8_agrees_on_many_scripts", characters::scripts),
    ("wc_utf8_agrees_on_every_character", characters::every_one),
    ("wc_utf8_agrees_on_what_is_not_utf8", characters::invalid),
    (
        "wc_utf8_counts_a_character_across_pieces_once",
        characters::across_pieces,
    ),
    ("wc_utf8_agrees_when_posix_is_asked_for", characters::posix),
];

/// Ways to count that must not change what is printed.
const MANNERS: [&[&str]; 5] = [
    &["-j1"],
    &["-j2"],
    &["-j", "3", "--stack-size=32768"],
    &["--threads=8", "--stack-size", "100000"],
    &[],
];

/// Returns the cases of `wc`.
pub fn check(guest: &Guest) -> Vec<Case> {
    let mut cases = check_in(guest, "C", CASES);
    cases.extend(check_in(guest, "C.UTF-8", UTF8_CASES));
    cases
}

fn check_in(guest: &Guest, locale: &'static str, table: &[(&str, Body)]) -> Vec<Case> {
    let pair = match Pair::new(guest, locale) {
        Ok(pair) => pair,
        Err(error) => {
            let outcome = Err(format!("{error:#}"));
            let name = format!("wc_can_be_compared_in_{}", locale.replace('.', "_"));
            return vec![Case::new(&name, outcome)];
        }
    };
    let judge = |&(name, body): &(&str, Body)| {
        Case::new(name, body(&pair).map_err(|error| format!("{error:#}")))
    };
    table.iter().map(judge).collect()
}

fn this_repository(pair: &Pair) -> Result<()> {
    let mut files = Vec::new();
    for directory in ["src", "arch", "examples", "xtask/src"] {
        sources(&toolchain::root().join(directory), &mut files)?;
    }
    ensure!(files.len() > 20, "found only {} files", files.len());
    files.sort();
    let names: Vec<&str> = files.iter().map(String::as_str).collect();
    pair.same_in_all_columns(&names, b"")?;
    pair.same_in_all_columns(&names[..1], b"")
}

fn sources(directory: &Path, into: &mut Vec<String>) -> Result<()> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, into)?;
        } else {
            into.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

fn standard_input(pair: &Pair) -> Result<()> {
    let text = b"one two\nthree \xff four\n no end";
    pair.file("text", text)?;
    pair.same_in_all_columns(&[], text)?;
    for input in [&b""[..], text, &text.repeat(20_000)] {
        for files in [&[][..], &["-"], &["-", "text"], &["text", "-", "-"]] {
            pair.same(&[], files, input)?;
            pair.same(&["-j3"], &[&["-mL"], files].concat(), input)?;
        }
    }
    for flags in [&[][..], &["-l"], &["-c"], &["-m"]] {
        pair.same_in_shell("exec \"$@\" <text", flags)?;
        closed_input(pair, flags)?;
    }
    // Two names of one pipe, and pipes beside files: what is read first must be counted first.
    let names = ["text", "/dev/stdin", "-", "text"];
    pair.same_in_all_columns(&names, text)
}

/// GNU wc complains twice about a closed standard input, first on reading and then on closing it;
/// once is enough.
fn closed_input(pair: &Pair, flags: &[&str]) -> Result<()> {
    let ours = pair.ours_in_shell("exec \"$@\" <&-", flags)?;
    let message = b"wc: 'standard input': Bad file descriptor\n";
    ensure!(
        ours.ended.code() == Some(1) && ours.stderr == message,
        "a closed standard input: {}",
        tell(&ours),
    );
    Ok(())
}

fn not_countable(pair: &Pair) -> Result<()> {
    pair.file("text", b"some words\n")?;
    pair.file("empty", b"")?;
    pair.file("no-end", b"no newline")?;
    fs::create_dir(pair.directory.join("directory"))?;
    let lists: [&[&str]; 7] = [
        &["missing"],
        &["directory"],
        &["empty"],
        &["no-end"],
        &[""],
        &["missing", "directory", "empty", "text", "", "no-end"],
        &["text/not-a-directory", "missing", "directory"],
    ];
    for files in lists {
        pair.same_in_all_columns(files, b"")?;
    }
    pair.same_in_every_way(&["missing", "directory", "text", "empty", "no-end"], b"")
}

/// No user, root included, can read from these; what only root can read is the same for both.
fn unreadable(pair: &Pair) -> Result<()> {
    pair.file("text", b"some words\n")?;
    pair.file("forbidden", b"private words\n")?;
    let forbidden = pair.directory.join("forbidden");
    fs::set_permissions(&forbidden, Permissions::from_mode(0o000))?;
    symlink("loop", pair.directory.join("loop"))?;
    let names = ["loop", "/proc/self/mem", "forbidden", "text"];
    pair.same(&[], &names, b"")?;
    for name in names {
        pair.same_in_all_columns(&[name], b"")?;
    }
    Ok(())
}

fn unknown_size(pair: &Pair) -> Result<()> {
    let names = ["/proc/version", "/dev/null", "/proc/filesystems"];
    pair.same_in_all_columns(&names, b"")?;
    names
        .iter()
        .try_for_each(|name| pair.same_in_all_columns(&[name], b""))
}

/// The writers come in the order of the readers, so that GNU wc does not wait forever.
fn named_pipes(pair: &Pair) -> Result<()> {
    pair.file("text", &b"some words \n".repeat(50_000))?;
    let script = "rm -f one two; mkfifo one two; \
                  (cat text >one; echo more words >two; cat text >one) & \
                  exec \"$@\" text one text two one text";
    for flags in [&[][..], &["-m", "-L"], &["-c"]] {
        pair.same_in_shell(script, flags)?;
    }
    Ok(())
}

/// Too much for an emulator; the bytes are as good as random ones.
fn programs(pair: &Pair) -> Result<()> {
    let names = ["/usr/bin/wc", "/usr/bin/ls", "/bin/sh", "/usr/bin/env"];
    match pair.is_fast() {
        true => pair.same_in_all_columns(&names, b""),
        false => pair.same(&[], &names, b""),
    }
}

/// Standard input is a file that somebody else has begun to read, and may go on to read.
fn rest_of_file(pair: &Pair) -> Result<()> {
    pair.file("short", "caf\u{e9}\tau lait\nno end".as_bytes())?;
    pair.file("long", &"one l\u{ed}ne,\ttwo\n".as_bytes().repeat(60_000))?;
    let scripts = [
        "exec \"$@\" <FILE",
        "(read line; exec \"$@\" -) <FILE",
        "(head -c 4 >head; exec \"$@\") <FILE",
        "(\"$@\" - FILE -; cat) <FILE",
        "(cat >all; exec \"$@\") <FILE",
        "exec \"$@\" - /dev/stdin <FILE",
    ];
    // Every script with both files, and with some of the flags.
    for (index, flags) in pair.flags().iter().enumerate() {
        let file = if index % 2 == 0 { "long" } else { "short" };
        for script in &scripts[index % 3 * 2..][..2] {
            pair.same_in_shell(&script.replace("FILE", file), flags)?;
        }
    }
    Ok(())
}

/// Numbers that look random and are the same every time: xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number less than `limit`.
    fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 20) as usize % limit
    }

    /// Bytes of `alphabet`.
    fn bytes(&mut self, alphabet: &[u8], count: usize) -> Vec<u8> {
        let mut one = || alphabet[self.below(alphabet.len())];
        (0..count).map(|_| one()).collect()
    }
}

/// From words that are rarely cut to every kind of byte.
fn alphabets() -> [Vec<u8>; 4] {
    [
        b"abcdefgh \n".to_vec(),
        b"a \t\n\x0b\x0c\r".to_vec(),
        b"a \n\0\x7f\x80\xc3\xa4\xff".to_vec(),
        (0..=255).collect(),
    ]
}

fn random_bytes(pair: &Pair) -> Result<()> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let length = if pair.is_fast() { 300_000 } else { 30_000 };
    for (index, alphabet) in alphabets().iter().enumerate() {
        let name = format!("random-{index}");
        pair.file(&name, &random.bytes(alphabet, length + index))?;
        pair.same_in_all_columns(&[&name], b"")?;
    }
    Ok(())
}

fn block_lengths(pair: &Pair) -> Result<()> {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut names = Vec::new();
    for length in (0..140).chain(250..262).chain(4094..4099) {
        for (index, alphabet) in alphabets().iter().enumerate() {
            let name = format!("length-{length}-{index}");
            pair.file(&name, &random.bytes(alphabet, length))?;
            names.push(name);
        }
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    pair.same(&["-j1"], &names, b"")?;
    pair.same(&["-j8"], &names, b"")
}

fn words_across_pieces(pair: &Pair) -> Result<()> {
    const PIECE_BYTES: usize = 256 << 10;
    // Words of 1000 bytes and gaps of 24, so that pieces begin within both; then one word that is
    // longer than a piece, and one broken by bytes that do not end it.
    let mut text = [&[b'x'; 1000][..], &[b' '; 23], b"\n"].concat().repeat(300);
    text.truncate(PIECE_BYTES + 500);
    text.extend(vec![b'y'; 2 * PIECE_BYTES]);
    text.extend(vec![0xff; PIECE_BYTES]);
    text.extend(b"still the same word, and four more\n");
    pair.file("long", &text)?;
    pair.file("whole-pieces", &text[..3 * PIECE_BYTES])?;
    pair.file("neither", &vec![0x80; 3 * PIECE_BYTES + 1])?;
    pair.file("gap", &vec![b'\n'; 2 * PIECE_BYTES])?;
    pair.same_in_all_columns(&["long"], b"")?;
    let names = ["long", "whole-pieces", "neither", "gap", "long"];
    for manner in MANNERS {
        pair.same(manner, &names, b"")?;
    }
    Ok(())
}

fn many_files(pair: &Pair) -> Result<()> {
    for (name, words) in [
        ("a", "one\n"),
        ("b", "two words\n"),
        ("c", "three short words\n"),
    ] {
        pair.file(name, words.as_bytes())?;
    }
    let names: Vec<&str> = ["a", "b", "missing", "c"].repeat(200);
    for manner in MANNERS {
        pair.same(manner, &names, b"")?;
    }
    Ok(())
}

fn option_forms(pair: &Pair) -> Result<()> {
    pair.file("text", b"some words\n")?;
    pair.file("-l", b"a file that looks like an option\n")?;
    let forms: [&[&str]; 11] = [
        &["-lw", "text"],
        &["-wl", "-c", "text", "text"],
        &["text", "-l"],
        &["text", "--words", "text", "--lines"],
        &["--bytes", "--li", "text"],
        &["--chars", "--max-line", "text"],
        &["-cLmwl", "text", "text"],
        &["--", "-l", "text"],
        &["-w", "--", "-l"],
        &["--", "--", "text"],
        &["--"],
    ];
    forms
        .iter()
        .try_for_each(|arguments| pair.same(&[], arguments, b"words from a pipe\n"))
}

fn wrong_options(pair: &Pair) -> Result<()> {
    let wrong: [&[&str]; 7] = [
        &["-x"],
        &["-lx"],
        &["-l", "missing", "-?"],
        &["--foo"],
        &["--foo=bar"],
        &["--lines=3"],
        &["--words-and-more", "text"],
    ];
    wrong
        .iter()
        .try_for_each(|arguments| pair.same(&[], arguments, b""))
}

fn odd_names(pair: &Pair) -> Result<()> {
    let names = [
        "a b",
        "it's",
        "it's $5",
        "new\nline",
        "tab\t",
        "caf\u{e9}",
        "\u{1}\u{2}'",
        "#a",
        "a#",
        "{",
        "{}",
        "a:b",
        "~",
        "a~",
        "a\\b",
        "q?",
        "[x]",
        "x=1",
        "plain-1.0_%+,@/]",
        "\u{65e5}\u{672c} \u{301}'",
        "\u{a0}\u{2028}\u{378}x",
    ];
    for name in names {
        pair.same(&[], &["-l", "--", name], b"")?;
    }
    pair.file("new\nline", b"1\n2\n")?;
    pair.file("a b", b"1\n2\n")?;
    pair.same(&[], &names, b"")
}

/// GNU wc leaves the reason out where all output fits its buffer; ours always gives it.
fn unwritable(pair: &Pair) -> Result<()> {
    pair.file("text", b"some words\n")?;
    for (to, reason) in [
        ("/dev/full", "No space left on device"),
        ("&-", "Bad file descriptor"),
    ] {
        let ours = pair.ours_in_shell(&format!("exec \"$@\" >{to}"), &["text", "text"])?;
        let message = format!("wc: write error: {reason}\n");
        let right = ours.ended.code() == Some(1) && ours.stderr == message.as_bytes();
        ensure!(right, "with `>{to}` wanted {message:?}: {}", tell(&ours));
    }
    Ok(())
}

/// A stack that no address space has room for: the first thread must do all by itself.
fn no_threads(pair: &Pair) -> Result<()> {
    pair.file("long", &b"many words \n".repeat(100_000))?;
    let program = fs::read(&pair.guest.path).context("cannot read the program")?;
    const CLASS: usize = 4;
    let stack = match program.get(CLASS) {
        Some(1) => "--stack-size=4294967295",
        _ => "--stack-size=9223372036854775807",
    };
    let ours = pair.ours(&["-j4", stack, "long"], b"")?;
    let theirs = pair.theirs(&["long"], b"")?;
    let complaint = String::from_utf8_lossy(&ours.stderr);
    let is_told = complaint.starts_with("wc: counting with 1 thread(s): no memory for a stack")
        && complaint.lines().count() == 1;
    ensure!(
        ours.ended.code() == Some(0) && ours.stdout == theirs.stdout && is_told,
        "with {stack}: {}",
        tell(&ours),
    );
    Ok(())
}

fn wrong_numbers(pair: &Pair) -> Result<()> {
    const HINT: &str = "Try 'wc --help' for more information.\n";
    const ADVICE: &str = "give a whole number of at least 1";
    let number = |what: &str, text: &str| format!("wc: invalid {what}: '{text}'; {ADVICE}\n{HINT}");
    let wrong: [(&[&str], String); 6] = [
        (&["-j", "0"], number("number of threads", "0")),
        (&["-jx"], number("number of threads", "x")),
        (&["--threads=-1"], number("number of threads", "-1")),
        (&["--stack-size="], number("stack size", "")),
        (
            &["-j"],
            format!("wc: option requires an argument -- 'j'\n{HINT}"),
        ),
        (
            &["--stack-size"],
            format!("wc: option '--stack-size' requires an argument\n{HINT}"),
        ),
    ];
    for (arguments, message) in wrong {
        let ours = pair.ours(arguments, b"")?;
        let right = ours.ended.code() == Some(1)
            && ours.stdout.is_empty()
            && ours.stderr == message.as_bytes();
        ensure!(
            right,
            "with {arguments:?} wanted {message:?}: {}",
            tell(&ours)
        );
    }
    Ok(())
}

fn help_and_version(pair: &Pair) -> Result<()> {
    for (argument, start) in [("--help", "Usage: wc "), ("--version", "wc (threadbare) ")] {
        let ours = pair.ours(&[argument], b"")?;
        ensure!(
            ours.ended.code() == Some(0)
                && ours.stdout.starts_with(start.as_bytes())
                && ours.stderr.is_empty(),
            "with {argument}: {}",
            tell(&ours),
        );
    }
    Ok(())
}
