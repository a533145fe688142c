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
    println!("cargo:rustc-check-cfg=cfg(thread_register)");
    if has_thread_register() {
        println!("cargo:rustc-cfg=thread_register");
    }
    println!("cargo:rustc-check-cfg=cfg(fixed_address)");
    if is_at_fixed_address() {
        println!("cargo:rustc-cfg=fixed_address");
    }
    println!("cargo:rustc-check-cfg=cfg(memory_functions)");
    if has_memory_functions() {
        println!("cargo:rustc-cfg=memory_functions");
    }
    println!("cargo:rustc-check-cfg=cfg(for_size)");
    if is_for_size() {
        println!("cargo:rustc-cfg=for_size");
    }
    let root = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let mut arguments = link_arguments(&root);
    if is_for_size() && is_at_fixed_address() {
        println!("cargo:rerun-if-changed=linker/small.ld");
        // It has the checks in it.
        arguments.retain(|argument| !argument.ends_with("/checks.ld"));
        let prefix = if is_bare_linker() { "" } else { "-Wl," };
        for argument in ["--build-id=none", "--no-eh-frame-hdr", "-znorelro"] {
            arguments.push(format!("{prefix}{argument}"));
        }
        arguments.push(format!("-T{root}/linker/small.ld"));
    }
    for argument in arguments {
        println!("cargo:rustc-link-arg-examples={argument}");
    }
}

/// Whether the program is to be small.
fn is_for_size() -> bool {
    env::var("OPT_LEVEL").is_ok_and(|level| level == "s" || level == "z")
}

/// Whether the program cannot be position-independent, and so need not relocate itself. Elsewhere
/// than on x86-64, what is compiled for a fixed address may link all the same.
fn is_at_fixed_address() -> bool {
    let cpu = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    cpu == "x86_64" && has_flag("relocation-model=static")
}

/// Whether there are memory functions of the CPU's own: `src/arch.rs` has their files.
fn has_memory_functions() -> bool {
    let cpu = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    ["x86_64", "aarch64"].contains(&cpu.as_str())
}

/// Whether every 32-bit ARM machine that runs the program has a register for the thread pointer:
/// it came with ARMv6K. Stable Rust tells no features of this CPU, so the target's name counts too.
fn has_thread_register() -> bool {
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let target = env::var("TARGET").unwrap_or_default();
    let cpu = target.split('-').next().unwrap_or_default();
    cpu.contains("v7") || cpu.contains("v8") || features.split(',').any(|name| name == "v6k")
}
