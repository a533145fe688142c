//! Start on initial stacks that no kernel would make.
//!
//! Each case loads `start_probe` into a child process, on a stack of its description and with
//! garbage in every register, and reads what the probe says.

#![no_std]
#![no_main]

use core::ffi::CStr;

use linux_raw_sys::auxvec as aux;
use suite::capture::{self, Captured};
use suite::child::{End, no_core_file};
use suite::loader::{self, InitialStack, ORDINARY, expected_canary, load_and_run};
use suite::{Verdict, check, check_eq};
use threadbare::env;
use threadbare::io::{SliceWriter, Write};

suite::area! { 23:
    garbage_in_registers_is_harmless,
    canary_is_made_of_the_random_bytes,
    empty_argument_list_is_accepted,
    many_arguments_are_found,
    empty_environment_is_accepted,
    huge_environment_is_walked,
    variables_are_found_by_name,
    misaligned_stack_is_aligned,
    missing_random_bytes_are_replaced,
    missing_page_size_means_4096,
    auxv_order_does_not_matter,
    missing_headers_are_reported,
    missing_header_size_is_reported,
}

/// Where the probe ends when it is content with itself.
const DONE: End = End::Exit(42);
const ABORTED: End = End::Signal(6);

/// Runs the probe.
fn probe(stack: InitialStack<'_>) -> Captured {
    capture::run(|| {
        no_core_file();
        load_and_run("start_probe", &stack)
    })
}

/// Checks that the probe ran to its end and found itself well.
fn check_well(captured: &Captured) -> Verdict {
    check_eq!(captured.stderr.as_str(), "");
    if captured.end != DONE {
        threadbare::println!("# {}", captured.stdout.as_str());
    }
    check_eq!(captured.end, DONE);
    for what in [
        "canary", "tls", "stack", "flags", "hooks", "pointers", "spawn",
    ] {
        let is_right = captured
            .stdout
            .as_str()
            .lines()
            .any(|line| line.strip_suffix(" ok") == Some(what));
        if !is_right {
            threadbare::println!("# {what} is wrong");
        }
        check!(is_right);
    }
    check!(captured.stdout.has_line("thread Some(\"main\") 1"));
    Ok(())
}

/// Whether the probe said this.
macro_rules! said {
    ($captured:ident, $($message:tt)*) => {{
        let mut memory = [0; 256];
        let mut line = SliceWriter::new(&mut memory);
        let is_whole = write!(line, $($message)*).is_ok();
        is_whole && line.as_str().is_ok_and(|line| $captured.stdout.has_line(line))
    }};
}

fn garbage_in_registers_is_harmless() -> Verdict {
    let arguments = [c"probe", c"one"];
    let captured = probe(InitialStack {
        arguments: &arguments,
        ..ORDINARY
    });
    check_well(&captured)?;
    check!(said!(captured, "arguments 2"));
    check!(said!(captured, "argument 0 \"probe\""));
    check!(said!(captured, "argument 1 \"one\""));
    check!(said!(captured, "page {}", env::page_size()));
    check!(said!(captured, "random true"));
    Ok(())
}

fn canary_is_made_of_the_random_bytes() -> Verdict {
    let captured = probe(ORDINARY);
    check_well(&captured)?;
    check!(said!(captured, "canary {:#x}", expected_canary()));
    Ok(())
}

fn empty_argument_list_is_accepted() -> Verdict {
    let captured = probe(InitialStack {
        arguments: &[],
        environment: &[c"A=1"],
        ..ORDINARY
    });
    check_well(&captured)?;
    check!(said!(captured, "arguments 0"));
    check!(said!(captured, "last None"));
    check!(said!(captured, "variable A Some(\"1\") true"));
    Ok(())
}

fn many_arguments_are_found() -> Verdict {
    static ARGUMENTS: [&CStr; 50_001] = {
        let mut arguments = [c"argument"; 50_001];
        arguments[50_000] = c"the last";
        arguments
    };
    let captured = probe(InitialStack {
        arguments: &ARGUMENTS,
        ..ORDINARY
    });
    check_well(&captured)?;
    check!(said!(captured, "arguments 50001"));
    check!(said!(captured, "last Some(\"the last\")"));
    Ok(())
}

fn empty_environment_is_accepted() -> Verdict {
    let captured = probe(ORDINARY);
    check_well(&captured)?;
    check!(said!(captured, "variables 0"));
    check!(said!(captured, "variable A None false"));
    Ok(())
}

fn huge_environment_is_walked() -> Verdict {
    /// A variable of 128 KiB, the kernel's limit for one.
    static LONG: [u8; 128 << 10] = {
        let mut long = [b'x'; 128 << 10];
        long[0] = b'L';
        long[1] = b'=';
        long[(128 << 10) - 1] = 0;
        long
    };
    let long = CStr::from_bytes_until_nul(&LONG).unwrap_or(c"");
    let mut environment = [c"FILL=something"; 20_000];
    environment[10_000] = long;
    environment[19_999] = c"A=at the end";
    let captured = probe(InitialStack {
        environment: &environment,
        ..ORDINARY
    });
    check_well(&captured)?;
    check!(said!(captured, "variables 20000"));
    check!(said!(captured, "variable A Some(\"at the end\") true"));
    Ok(())
}

fn variables_are_found_by_name() -> Verdict {
    let environment = [
        c"AA=no",
        c"NOTHING",
        c"A=first",
        c"A=second",
        c"B=with=equals",
        c"EMPTY=",
        c"BYTES=\xff",
        c"=ODD=odd",
        c"",
        c"=",
    ];
    let captured = probe(InitialStack {
        environment: &environment,
        ..ORDINARY
    });
    check_well(&captured)?;
    // Three have no name and value: those without a `=`, and the one that is all name.
    check!(said!(captured, "variables 7"));
    check!(said!(captured, "variable A Some(\"first\") true"));
    check!(said!(captured, "variable B Some(\"with=equals\") true"));
    check!(said!(captured, "variable EMPTY Some(\"\") true"));
    check!(said!(captured, "variable BYTES Some(\"\\xff\") false"));
    check!(said!(captured, "variable =ODD Some(\"odd\") true"));
    check!(said!(captured, "variable NONE None false"));
    check!(said!(captured, "variable  None false"));
    Ok(())
}

fn misaligned_stack_is_aligned() -> Verdict {
    for misaligned_words in 1..4 {
        check_well(&probe(InitialStack {
            misaligned_words,
            ..ORDINARY
        }))?;
    }
    Ok(())
}

fn missing_random_bytes_are_replaced() -> Verdict {
    let auxv = [aux::AT_PHDR, aux::AT_PHENT, aux::AT_PHNUM, aux::AT_PAGESZ];
    let captured = probe(InitialStack {
        auxv: &auxv,
        ..ORDINARY
    });
    check_well(&captured)?;
    check!(said!(captured, "random false"));
    Ok(())
}

fn missing_page_size_means_4096() -> Verdict {
    let auxv = [aux::AT_PHDR, aux::AT_PHENT, aux::AT_PHNUM, aux::AT_RANDOM];
    let captured = probe(InitialStack {
        auxv: &auxv,
        ..ORDINARY
    });
    check!(said!(captured, "page 4096"));
    // On larger pages it is wrong, and the kernel says so at the first guard.
    if env::page_size() == 4096 {
        check_well(&captured)?;
    }
    Ok(())
}

fn auxv_order_does_not_matter() -> Verdict {
    const NONSENSE: u32 = 0x7777;
    let auxv = [
        NONSENSE,
        aux::AT_RANDOM,
        aux::AT_PHNUM,
        aux::AT_EXECFN,
        aux::AT_PHENT,
        aux::AT_ENTRY,
        aux::AT_HWCAP,
        aux::AT_PAGESZ,
        NONSENSE + 1,
        aux::AT_PHDR,
    ];
    let captured = probe(InitialStack {
        auxv: &auxv,
        ..ORDINARY
    });
    check_well(&captured)?;
    check!(said!(captured, "canary {:#x}", expected_canary()));
    Ok(())
}

fn missing_headers_are_reported() -> Verdict {
    let auxv = [aux::AT_PHENT, aux::AT_PHNUM, aux::AT_PAGESZ, aux::AT_RANDOM];
    let captured = probe(InitialStack {
        auxv: &auxv,
        ..ORDINARY
    });
    check_eq!(captured.stdout.as_str(), "");
    check_eq!(
        captured.stderr.as_str(),
        "threadbare: AT_PHDR is missing: link without -N, so that the program headers are loaded\n"
    );
    check_eq!(captured.end, ABORTED);
    Ok(())
}

fn missing_header_size_is_reported() -> Verdict {
    let auxv = [aux::AT_PHDR, aux::AT_PHNUM, aux::AT_PAGESZ, aux::AT_RANDOM];
    let captured = probe(InitialStack {
        auxv: &auxv,
        ..ORDINARY
    });
    check_eq!(
        captured.stderr.as_str(),
        "threadbare: AT_PHENT is not the size of a program header\n"
    );
    check_eq!(captured.end, ABORTED);
    check!(captured.end != End::Exit(loader::NOT_LOADED));
    Ok(())
}
