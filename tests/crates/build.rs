//! The link arguments that every program of the suite gets, and which crates the CPU has.

include!("../../build/link.rs");

/// The CPUs that rustix makes system calls on, and those of which only the little-endian ones;
/// `Cargo.toml` says the same.
const RUSTIX: [&str; 5] = ["powerpc", "riscv64", "s390x", "x86", "x86_64"];
const RUSTIX_LITTLE: [&str; 7] = [
    "aarch64",
    "arm",
    "mips",
    "mips32r6",
    "mips64",
    "mips64r6",
    "powerpc64",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../../build/link.rs");
    println!("cargo:rustc-check-cfg=cfg(experimental_asm)");
    if is_asm_experimental() {
        println!("cargo:rustc-cfg=experimental_asm");
    }
    let cpu = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    let is_little = env::var("CARGO_CFG_TARGET_ENDIAN").is_ok_and(|endian| endian == "little");
    println!("cargo:rustc-check-cfg=cfg(has_rustix)");
    let cpu = cpu.as_str();
    if RUSTIX.contains(&cpu) || RUSTIX_LITTLE.contains(&cpu) && is_little {
        println!("cargo:rustc-cfg=has_rustix");
    }
    // portable-atomic uses the instructions that only the newer of these CPUs have.
    println!("cargo:rustc-check-cfg=cfg(has_quadwords)");
    if cpu == "powerpc64" && is_little {
        println!("cargo:rustc-cfg=has_quadwords");
    }
    // Which of its ways getrandom goes: a flag for the whole build, as its documentation asks.
    println!("cargo:rustc-check-cfg=cfg(getrandom_backend, values(\"custom\", \"linux_raw\"))");
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    for argument in link_arguments(&format!("{folder}/../..")) {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}
