// What a freestanding program needs of rustc and the linker: shared by the build scripts.

use std::env;

/// CPUs whose inline assembly is not stable yet.
const EXPERIMENTAL_ASM: [&str; 6] =
    ["hexagon", "mips", "mips32r6", "mips64", "mips64r6", "sparc64"];

fn is_asm_experimental() -> bool {
    let cpu = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    EXPERIMENTAL_ASM.contains(&cpu.as_str())
}

/// Whether rustc got a flag that ends so.
fn has_flag(end: &str) -> bool {
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    flags.split('\x1f').any(|flag| flag.ends_with(end))
}

/// Whether the linker is GNU's, called by rustc itself.
fn is_gnu_linker() -> bool {
    has_flag("linker-flavor=ld")
}

/// Whether rustc calls the linker itself, and not through a C compiler.
fn is_bare_linker() -> bool {
    env::var("RUSTC_LINKER").is_ok_and(|linker| linker.ends_with("lld"))
        || has_flag("linker-flavor=ld.lld")
        || is_gnu_linker()
}

/// No start files, no libraries, no dynamic linker, and our checks; the linker may be a C compiler
/// or a linker itself. `root` is the folder of the library.
fn link_arguments(root: &str) -> Vec<String> {
    let is_fixed = has_flag("relocation-model=static");
    let is_bare_linker = is_bare_linker();
    let arguments: &[&str] = match (is_bare_linker, is_fixed) {
        (true, true) => &["-static", "--entry=_start", "-znoexecstack"],
        (true, false) => {
            &["-static", "-pie", "--no-dynamic-linker", "-ztext", "--entry=_start", "-znoexecstack"]
        }
        (false, true) => &["-nostartfiles", "-nostdlib", "-static", "-no-pie"],
        (false, false) => &["-nostartfiles", "-nostdlib", "-static-pie"],
    };
    // From ARMv6 on, big-endian machines have their instructions the other way round: the linker
    // turns them.
    let cpu = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let is_big = env::var("CARGO_CFG_TARGET_ENDIAN").is_ok_and(|endian| endian == "big");
    let order = match (cpu.as_str(), is_big, is_bare_linker) {
        ("arm", true, true) => Some("--be8"),
        ("arm", true, false) => Some("-Wl,--be8"),
        _ => None,
    };
    let arguments = arguments.iter().copied().chain(order);
    let checks = format!("{root}/linker/checks.ld");
    println!("cargo:rerun-if-changed={checks}");
    arguments.map(str::to_owned).chain([checks]).collect()
}
