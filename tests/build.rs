//! The same link arguments as the library's own examples get, for every program of the suite.
//!
//! Programs that load another program into their own address space lie elsewhere than where the
//! linker puts programs, or the two would collide.

include!("../build/link.rs");

/// The programs that load others.
const LOADERS: [&str; 2] = ["start_loader", "end"];
/// Where they are linked to lie: above the others, and at the beginning of a 256 MiB region,
/// which a jump on MIPS cannot leave.
const LOADER_BASE: &str = "0x10000000";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../build/link.rs");
    println!("cargo:rustc-check-cfg=cfg(experimental_asm)");
    if is_asm_experimental() {
        println!("cargo:rustc-cfg=experimental_asm");
    }
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let arguments = link_arguments(&format!("{folder}/.."));
    for argument in &arguments {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    println!("cargo:rerun-if-changed=tls_skewed.ld");
    println!("cargo:rustc-link-arg-bin=tls_skewed=-T{folder}/tls_skewed.ld");
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    let prefix = if has("-nostdlib") { "-Wl," } else { "" };
    let z = if has("-nostdlib") { "-Wl,-z," } else { "-z" };
    // What it finds as `PT_GNU_STACK`'s size.
    println!("cargo:rustc-link-arg-bin=deaths={z}stack-size=131072");
    if has("-pie") || has("-static-pie") {
        // The other programs have their relocations in the older table.
        println!("cargo:rustc-link-arg-bin=start_probe={prefix}--pack-dyn-relocs=relr");
    } else {
        for program in LOADERS {
            println!("cargo:rustc-link-arg-bin={program}={prefix}--image-base={LOADER_BASE}");
        }
    }
}
