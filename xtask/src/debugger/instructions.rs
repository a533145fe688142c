//! Stops at every instruction of the functions written in assembly and takes a backtrace there.
//!
//! System calls themselves are left out: gdb loses count of its threads when it steps over one
//! that makes a thread. The instruction after each is looked at, in both threads.

use super::judge::Backtrace;
use super::{MAIN_BEGINS, session};
use crate::case::claim;
use crate::guest::Guest;
use object::{Object, ObjectSymbol};

/// The functions, by the part of their symbol that mangling leaves alone, and whether every CPU
/// has them.
const FUNCTIONS: [(&str, bool); 4] = [
    ("_start", true),
    ("12clone_thread", true),
    ("14unmap_and_exit", true),
    ("threadbare_signal_restorer", false),
];
/// Instructions not to stop at: system calls, and the traps after what never returns.
const LEFT_OUT: [&str; 5] = ["syscall", "svc", "int", "ud2", "brk"];
/// Where backtraces may end: where a thread begins, and where its stack is gone.
const ENDS: [&str; 3] = ["_start", "clone_thread", "unmap_and_exit"];

/// One place to stop at.
struct Stop {
    symbol: String,
    offset: u64,
    /// The function's name as a frame shows it.
    function: &'static str,
}

/// Requires a sound backtrace at every one of them, and that each is reached.
pub fn check(guest: &Guest) -> Result<(), String> {
    let stops = stops(guest)?;
    let mut script = String::from("set language c\nstarti\n");
    for (index, Stop { symbol, offset, .. }) in stops.iter().enumerate() {
        script += &format!(
            "break *((char*)&{symbol}+{offset})\n\
             commands\nsilent\necho == {index}\\n\nbacktrace 50\necho == -\\n\ncontinue\nend\n"
        );
    }
    // The first of them is where the program stands already.
    script += "echo == 0\\n\nbacktrace 50\necho == -\\n\ncontinue\necho == end\\n\n";
    let told = session::native(guest, "instructions", &script)?;
    let whole = |complaint: String| format!("{complaint}\nthe debugger said:\n{told}");
    let mut is_reached = vec![false; stops.len()];
    for (name, text) in told.sections() {
        let Some(index) = name
            .parse()
            .ok()
            .filter(|&index: &usize| index < stops.len())
        else {
            continue;
        };
        is_reached[index] = true;
        let function = stops[index].function;
        let ends = if function == "_start" {
            MAIN_BEGINS
        } else {
            &ENDS
        };
        Backtrace::parse(text)
            .expect(function, ends)
            .map_err(whole)?;
    }
    let unreached = stops
        .iter()
        .zip(&is_reached)
        .find(|(_, reached)| !**reached);
    if let Some((stop, _)) = unreached {
        let (function, offset) = (stop.function, stop.offset);
        return Err(whole(format!("{function}+{offset} was never reached")));
    }
    claim(told.0.contains("exited normally"), || {
        whole("the program did not end well".into())
    })
}

/// Lists the instructions.
fn stops(guest: &Guest) -> Result<Vec<Stop>, String> {
    let bytes = std::fs::read(&guest.path).map_err(|error| error.to_string())?;
    let file = object::File::parse(&*bytes).map_err(|error| error.to_string())?;
    let mut stops = Vec::new();
    for (part, is_everywhere) in FUNCTIONS {
        let mut names = file.symbols().filter_map(|symbol| symbol.name().ok());
        let is_ours = |name: &&str| match part.starts_with(|c: char| c.is_ascii_digit()) {
            true => name.contains(part),
            false => *name == part,
        };
        let symbol = names.find(is_ours);
        let Some(symbol) = symbol else {
            claim(!is_everywhere, || {
                format!("the program has no symbol `{part}`")
            })?;
            continue;
        };
        let script = format!("disassemble {symbol}\necho == end\\n\n");
        let told = session::native(guest, "disassembly", &script)?;
        let found = stops.len();
        stops.extend(offsets(&told.0).map(|offset| Stop {
            symbol: symbol.to_owned(),
            offset,
            function: match part {
                "threadbare_signal_restorer" => super::judge::SIGNAL_FRAME,
                _ => part.trim_start_matches(|c: char| c.is_ascii_digit()),
            },
        }));
        claim(stops.len() > found, || {
            format!("no instructions of `{symbol}`:\n{told}")
        })?;
    }
    Ok(stops)
}

/// Reads the offsets of the instructions to stop at from a disassembly.
fn offsets(disassembly: &str) -> impl Iterator<Item = u64> {
    disassembly.lines().filter_map(|line| {
        let (_, rest) = line.split_once("<+")?;
        let (offset, instruction) = rest.split_once(">:")?;
        let mnemonic = instruction.split_whitespace().next()?;
        let is_wanted = !LEFT_OUT.contains(&mnemonic);
        is_wanted.then(|| offset.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_read_and_system_calls_left_out() {
        let text = "Dump of assembler code for function f:\n   0x0012 <+0>:\tmov    %rcx,%r10\n   \
                    0x0015 <+3>:\tsyscall\n   0x0017 <+5>:\tret\nEnd of assembler dump.\n";
        assert_eq!(offsets(text).collect::<Vec<_>>(), [0, 5]);
    }
}
