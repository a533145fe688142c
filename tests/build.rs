//! The same link arguments as the library's own examples get, for every program of the suite.

include!("../build/link.rs");

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../build/link.rs");
    println!("cargo:rustc-check-cfg=cfg(experimental_asm)");
    if is_asm_experimental() {
        println!("cargo:rustc-cfg=experimental_asm");
    }
    for argument in link_arguments() {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    println!("cargo:rerun-if-changed=tls_skewed.ld");
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo:rustc-link-arg-bin=tls_skewed=-T{folder}/tls_skewed.ld");
}
