//! Cases about characters: which locale it is, what its characters are, and where they are cut.

use super::pair::Pair;
use super::{MANNERS, Random};
use anyhow::Result;

/// Many scripts, with what is hard about each: marks that combine, wide and half-wide forms,
/// joiners, spaces of every kind, what is not assigned, and pictures made of several characters.
const SCRIPTS: &str = "\
    na\u{ef}ve caf\u{e9} Stra\u{df}e e\u{301}a\u{308}\u{323}\n\
    \u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}, \u{43c}\u{438}\u{440}! \
    \u{395}\u{3bb}\u{3bb}\u{3ac}\n\
    \u{5e9}\u{5c1}\u{5b8}\u{5dc}\u{5d5}\u{5b9}\u{5dd} \
    \u{645}\u{631}\u{62d}\u{628}\u{64b}\u{627}\n\
    \u{928}\u{92e}\u{938}\u{94d}\u{924}\u{947} \u{e2a}\u{e27}\u{e31}\u{e2a}\u{e14}\u{e35}\n\
    \u{65e5}\u{672c}\u{8a9e}\t\u{ff76}\u{ff85}\u{3000}\u{ff21} \u{d55c}\u{ad6d} \
    \u{1112}\u{1161}\u{11ab}\n\
    a\u{a0}b\u{2007}c\u{202f}d\u{2060}e\u{2003}f\u{1680}g\u{200b}h\u{feff}i\u{85}j\u{2028}k\
    \u{2029}l\n\
    \u{1f600} \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{1f1e9}\u{1f1ea} \u{2764}\u{fe0f}\n\
    \u{378} \u{e000} \u{10ffff} \u{fffe} \u{1d11e} \u{20000}\u{e0101} \u{ad}\u{2f}\u{338}\n\
    a\0b\x07c\x1b[1m\x7f \r\t\u{3042}\tb\u{b}\u{c}the end, without one";

/// Every column of texts in many scripts, as files and from a pipe.
pub fn scripts(pair: &Pair) -> Result<()> {
    pair.file("scripts", SCRIPTS.as_bytes())?;
    pair.file(
        "more-scripts",
        SCRIPTS
            .repeat(if pair.is_fast() { 700 } else { 70 })
            .as_bytes(),
    )?;
    pair.same_in_every_way(&["scripts"], b"")?;
    pair.same_in_all_columns(&["scripts", "more-scripts", "-"], SCRIPTS.as_bytes())
}

/// Every code point, a page of 256 in a file: in a word, alone, and in columns. A slow program
/// gets the first pages and a few of the others.
pub fn every_one(pair: &Pair) -> Result<()> {
    const PAGES: u32 = 0x11_0000 >> 8;
    let is_chosen = |&page: &u32| pair.is_fast() || page < 4 || page.is_multiple_of(61);
    let mut list = Vec::new();
    for page in (0..PAGES).filter(is_chosen) {
        let characters = (page << 8..(page + 1) << 8).filter_map(char::from_u32);
        // What ends a line would hide a column.
        let lines = characters.clone().filter(|character| !character.is_ascii());
        let mut text: String = lines.flat_map(|one| [one, 'x', one, ' ', one]).collect();
        text.push('\n');
        text.extend(characters.flat_map(|one| [one, '\n', 'a', one, 'b', ' ', one, ' ']));
        let name = format!("page-{page:04x}");
        pair.file(&name, text.as_bytes())?;
        list.extend(name.bytes().chain([0]));
    }
    pair.file("pages", &list)?;
    pair.same(&[], &["-lwmcL", "--files0-from=pages"], b"")?;
    pair.same(&["-j1"], &["-w", "--files0-from=pages"], b"")
}

/// What looks like UTF-8 and is not, or only almost: one character each where GNU wc sees one.
const ALMOST: [&[u8]; 20] = [
    b"\x80",
    b"\xbf\xbf\xbf\xbf\xbf\xbf\xbf",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xc3",
    b"\xe2\x82",
    b"\xe2\x82x",
    b"\xe0\x80\x80",
    b"\xe0\x9f\xbf",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf0\x8f\xbf\xbf",
    b"\xf0\x9f\x98",
    b"\xf4\x90\x80\x80",
    b"\xf7\xbf\xbf\xbf",
    b"\xf8\x88\x80\x80\x80",
    b"\xf8\x80\x80\x80\x80",
    b"\xfc\x84\x80\x80\x80\x80",
    b"\xfd\xbf\xbf\xbf\xbf",
    b"\xfe\xff",
];

/// Bytes that are not UTF-8, alone, within words and in any mixture.
pub fn invalid(pair: &Pair) -> Result<()> {
    let mut names = Vec::new();
    for (index, bytes) in ALMOST.into_iter().enumerate() {
        let name = format!("almost-{index}");
        pair.file(
            &name,
            &[bytes, b" a", bytes, b"b ", bytes, b"\n\t", bytes].concat(),
        )?;
        names.push(name);
    }
    let mut random = Random(0xd6e8_feb8_6659_fd93);
    let pieces = [
        &ALMOST[..],
        &["\u{20ac}".as_bytes(), b"a", b" ", b"\n", b"\t", b"\r"],
    ]
    .concat();
    for index in 0..4 {
        let mut text = Vec::new();
        while text.len() < 60_000 << (2 * index) {
            text.extend(pieces[random.below(pieces.len())]);
        }
        let name = format!("mixture-{index}");
        pair.file(&name, &text)?;
        names.push(name);
        if !pair.is_fast() {
            break;
        }
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    pair.same_in_all_columns(&names, b"")?;
    pair.same_in_all_columns(&[], &pieces.concat())
}

/// Characters and lines of every length across the borders of parts and of buffers.
pub fn across_pieces(pair: &Pair) -> Result<()> {
    let mut names = Vec::new();
    for (index, character) in ["\u{e9}", "\u{20ac}", "\u{1f600}", "\u{3000}"]
        .iter()
        .enumerate()
    {
        // Behind so many bytes, one border or another cuts a character after each of its bytes.
        for shift in 0..character.len() {
            let mut text = vec![b'x'; shift];
            text.extend(character.repeat(300_000 / character.len()).bytes());
            text.extend(b"\t\xe2\x82\n\t1234567\t");
            let name = format!("cut-{index}-{shift}");
            pair.file(&name, &text)?;
            names.push(name);
        }
    }
    pair.file("tabs", &b"1234567\t12\t".repeat(70_000))?;
    names.push("tabs".into());
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (index, manner) in MANNERS.iter().enumerate() {
        // A slow program gets other files in each manner.
        let some = match pair.is_fast() {
            true => &names[..],
            false => &names[2 * index..][..3],
        };
        pair.same(manner, &[&["-lwmcL"], some].concat(), b"")?;
    }
    pair.same_in_all_columns(&names[2..3], b"")
}

/// Which variable names the locale, and which names are UTF-8.
pub fn which_locale(pair: &Pair) -> Result<()> {
    pair.file("scripts", SCRIPTS.as_bytes())?;
    let environments = [
        "LC_ALL=C.UTF-8 LANG=C",
        "LC_ALL=C LC_CTYPE=C.UTF-8 LANG=C.UTF-8",
        "LC_ALL= LC_CTYPE=C.UTF-8 LANG=C",
        "LC_ALL= LC_CTYPE=C LANG=C.UTF-8",
        "LC_ALL= LC_CTYPE= LANG=C.UTF-8",
        "LC_ALL=C.utf8",
        "LC_ALL=C.Utf-8",
        "LC_ALL=POSIX",
        "LC_ALL= LC_CTYPE= LANG=",
    ];
    for environment in environments {
        let script = format!("exec env {environment} \"$@\" -wmL scripts");
        pair.same_in_shell(&script, &[])?;
    }
    pair.same_in_shell("unset LC_ALL LC_CTYPE LANG; exec \"$@\" -wmL scripts", &[])
}

/// To the letter, no-break spaces end no words, and options come before names.
pub fn posix(pair: &Pair) -> Result<()> {
    pair.file("scripts", SCRIPTS.as_bytes())?;
    for arguments in [&["-wL", "scripts"][..], &["-m", "scripts", "-l"]] {
        pair.same_in_shell("POSIXLY_CORRECT= exec \"$@\"", arguments)?;
        pair.same_in_shell("export POSIXLY_CORRECT=1; exec \"$@\"", arguments)?;
    }
    Ok(())
}
