//! Cases of `--files0-from`: names in a file, or from a stream, instead of on the command line.

use super::pair::Pair;
use anyhow::Result;

/// Lists as they may be, and as they should not be.
const LISTS: [(&str, &[u8]); 8] = [
    ("list-two", b"text\0empty\0"),
    ("list-one", b"text"),
    ("list-none", b""),
    ("list-empty-names", b"\0text\0\0text"),
    ("list-missing-first", b"missing\0text\0"),
    ("list-with-standard-input", b"text\0-\0text\0"),
    ("list-odd-names", b"it's\0a b\0new\nline\0directory\0"),
    ("list-only-an-empty-name", b"\0"),
];

fn prepare(pair: &Pair) -> Result<()> {
    pair.file("text", b"some words\n")?;
    pair.file("empty", b"")?;
    pair.file("new\nline", b"1\n2\n")?;
    for (name, list) in LISTS {
        pair.file(name, list)?;
    }
    // More names than are kept at once, some of them cut by every size of a buffer.
    pair.file("list-long", &b"text\0missing\0./text\0".repeat(500))?;
    Ok(())
}

/// Lists in regular files.
pub fn lists(pair: &Pair) -> Result<()> {
    prepare(pair)?;
    for (list, _) in LISTS {
        let option = format!("--files0-from={list}");
        for flags in [&[][..], &["-l"], &["-m", "-L"], &["-c"]] {
            let arguments = [flags, &[&option]].concat();
            pair.same(&["-j3"], &arguments, b"from a pipe\n")?;
        }
    }
    for manner in super::MANNERS {
        pair.same(manner, &["--files0-from", "list-long"], b"")?;
    }
    Ok(())
}

/// Lists from pipes, and from a file that is standard input.
pub fn streams(pair: &Pair) -> Result<()> {
    prepare(pair)?;
    let all = LISTS.iter().map(|(list, _)| *list);
    for list in all.chain(["list-long"]) {
        for script in [
            format!("exec \"$@\" --files0-from=- <{list}"),
            format!("cat {list} | \"$@\" --files0-from=-"),
            format!("(head -c 5; sleep 0.1; cat) <{list} | \"$@\" --files0-from=/dev/stdin"),
        ] {
            pair.same_in_shell(&script, &[])?;
        }
    }
    pair.same_in_shell("cat list-long | \"$@\" -l --files0-from=-", &[])
}

/// Lists that cannot be read, and what cannot be beside a list.
pub fn wrong(pair: &Pair) -> Result<()> {
    prepare(pair)?;
    let wrong: [&[&str]; 9] = [
        &["--files0-from=missing"],
        &["--files0-from="],
        &["--files0-from=no such list"],
        &["--files0-from=."],
        &["--files0-from"],
        &["--files0-from=list-one", "text"],
        &["it's", "text", "--files0-from=list-one"],
        &["--files0-from=list-one", "-x"],
        &["--files0-from=missing", "--files0-from=list-two"],
    ];
    for arguments in wrong {
        pair.same(&[], arguments, b"")?;
    }
    pair.same_in_shell("exec \"$@\" --files0-from=- <&-", &[])
}
