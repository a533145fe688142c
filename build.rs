//! Tells rustc and the linker what a freestanding program needs.
//!
//! Link arguments go to this package's examples alone: an application says them for itself.

include!("build/link.rs");

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build/link.rs");
    println!("cargo:rustc-check-cfg=cfg(experimental_asm)");
    if is_asm_experimental() {
        println!("cargo:rustc-cfg=experimental_asm");
    }
    let root = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    for argument in link_arguments(&root) {
        println!("cargo:rustc-link-arg-examples={argument}");
    }
}
