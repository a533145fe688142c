//! The link arguments of a freestanding program.

#![allow(dead_code, reason = "what is included serves other build scripts, too")]

include!("../../build/link.rs");

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../../build/link.rs");
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    for argument in link_arguments(&format!("{folder}/../..")) {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
}
