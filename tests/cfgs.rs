// What the suite's code is told of the CPU that it is built for: included by its build scripts.

/// The CPUs for which the crate `sc` compiles; `Cargo.toml` says the same.
const SECOND_IMPLEMENTATION: [&str; 3] = ["x86_64", "aarch64", "riscv64"];

/// Sets what the suite's code asks for by `cfg`.
fn set_cfgs() {
    println!("cargo:rustc-check-cfg=cfg(second_implementation)");
    let cpu = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if SECOND_IMPLEMENTATION.contains(&cpu.as_str()) {
        println!("cargo:rustc-cfg=second_implementation");
    }
    println!("cargo:rustc-check-cfg=cfg(experimental_asm)");
    if is_asm_experimental() {
        println!("cargo:rustc-cfg=experimental_asm");
    }
}
