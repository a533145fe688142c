// What a freestanding program needs of rustc and the linker: shared by the build scripts.

use std::env;

/// CPUs whose inline assembly is not stable yet.
const EXPERIMENTAL_ASM: [&str; 6] =
    ["hexagon", "mips", "mips32r6", "mips64", "mips64r6", "sparc64"];

fn is_asm_experimental() -> bool {
    let cpu = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    EXPERIMENTAL_ASM.contains(&cpu.as_str())
}

/// No start files, no libraries, no dynamic linker, and our checks; the linker may be a C compiler
/// or LLD itself. `root` is the folder of the library.
fn link_arguments(root: &str) -> Vec<String> {
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let is_fixed = flags.split('\x1f').any(|flag| flag.ends_with("relocation-model=static"));
    let is_bare_linker = env::var("RUSTC_LINKER").is_ok_and(|linker| linker.ends_with("lld"))
        || flags.split('\x1f').any(|flag| flag.ends_with("linker-flavor=ld.lld"));
    let arguments: &[&str] = match (is_bare_linker, is_fixed) {
        (true, true) => &["-static", "--entry=_start", "-znoexecstack"],
        (true, false) => {
            &["-static", "-pie", "--no-dynamic-linker", "-ztext", "--entry=_start", "-znoexecstack"]
        }
        (false, true) => &["-nostartfiles", "-nostdlib", "-static", "-no-pie"],
        (false, false) => &["-nostartfiles", "-nostdlib", "-static-pie"],
    };
    let checks = format!("{root}/linker/checks.ld");
    println!("cargo:rerun-if-changed={checks}");
    arguments.iter().map(|&argument| argument.to_owned()).chain([checks]).collect()
}
