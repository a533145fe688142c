//! The same link arguments as the library's own examples get, for every program of the suite.
//!
//! Programs that load another program into their own address space lie elsewhere than where the
//! linker puts programs, or the two would collide.

use std::process::Command;

include!("../build/link.rs");
include!("cfgs.rs");

/// The programs that load others.
const LOADERS: [&str; 2] = ["start_loader", "end"];
/// Where they are linked to lie: above the others, and at the beginning of a 256 MiB region,
/// which a jump on MIPS cannot leave.
const LOADER_BASE: &str = "0x20000000";

fn main() {
    set_cfgs();
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=cfgs.rs");
    println!("cargo:rerun-if-changed=../build/link.rs");
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
    compile_c(&folder);
    if has("-pie") || has("-static-pie") {
        // The other programs have their relocations in the older table, as all have that GNU's
        // linker makes.
        if !is_gnu_linker() {
            println!("cargo:rustc-link-arg-bin=start_probe={prefix}--pack-dyn-relocs=relr");
        }
    } else {
        for program in LOADERS {
            println!("cargo:rustc-link-arg-bin={program}={prefix}--image-base={LOADER_BASE}");
        }
    }
}

/// Adds C code to the program `tls_mixed`, where the machine's own C compiler can make it: without,
/// the program skips a case.
fn compile_c(folder: &str) {
    println!("cargo:rustc-check-cfg=cfg(has_c)");
    let source = format!("{folder}/src/tls_mixed.c");
    println!("cargo:rerun-if-changed={source}");
    let triple = |name: &str| env::var(name).unwrap_or_default();
    let (host, target) = (triple("HOST"), triple("TARGET"));
    let is_32_bit_x86 = target.starts_with("i686-") || target.starts_with("i586-");
    let bits: &[&str] = if host == target {
        &[]
    } else if host.starts_with("x86_64-") && is_32_bit_x86 {
        &["-m32", "-march=i586"]
    } else {
        return;
    };
    let object = format!("{}/tls_mixed.o", env::var("OUT_DIR").unwrap_or_default());
    let mut compiler = Command::new("cc");
    compiler.args(["-c", "-O1", "-fPIC", "-ftls-model=global-dynamic"]);
    compiler.args(["-ffreestanding", "-fno-stack-protector"]);
    compiler.args(["-o", &object, &source]).args(bits);
    let Ok(status) = compiler.status() else {
        return;
    };
    assert!(status.success(), "the C compiler refuses {source}");
    println!("cargo:rustc-cfg=has_c");
    println!("cargo:rustc-link-arg-bin=tls_mixed={object}");
}
