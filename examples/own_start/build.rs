//! The link arguments of a program without a libc. In a crate of your own: those of the README.

#![allow(dead_code, reason = "what is included serves other build scripts, too")]

include!("../../build/link.rs");

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../../build/link.rs");
    // Where inline assembly is not stable yet, this needs nightly.
    println!("cargo:rustc-check-cfg=cfg(experimental_asm)");
    if is_asm_experimental() {
        println!("cargo:rustc-cfg=experimental_asm");
    }
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    for argument in link_arguments(&format!("{folder}/../..")) {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    let checks = format!("{folder}/../../linker/own_start.ld");
    println!("cargo:rerun-if-changed={checks}");
    println!("cargo:rustc-link-arg-bins={checks}");
}
