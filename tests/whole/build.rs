//! Lists the programs, and gives them what the suite's own build script gives them.

use std::fmt::Write;
use std::fs;
use std::path::Path;

include!("../../build/link.rs");
include!("../cfgs.rs");
include!("alone.rs");

/// Where the programs are.
const PROGRAMS: &str = "../src/bin";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=alone.rs");
    println!("cargo:rerun-if-changed=../cfgs.rs");
    println!("cargo:rerun-if-changed=../../build/link.rs");
    println!("cargo:rerun-if-changed={PROGRAMS}");
    // `suite::area!` makes no entry for a module.
    println!("cargo:rustc-cfg=whole");
    set_cfgs();
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    for argument in link_arguments(&format!("{folder}/../..")) {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    let output = env::var("OUT_DIR").unwrap_or_default();
    fs::write(format!("{output}/programs.rs"), modules(&folder)).expect("the list can be written");
}

/// Writes a module for each program, and the table of their names.
fn modules(folder: &str) -> String {
    let programs = fs::canonicalize(format!("{folder}/{PROGRAMS}")).expect("there are programs");
    let entries = fs::read_dir(&programs).expect("the programs can be listed");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry can be read").path())
        .map(|path| {
            path.file_stem()
                .expect("it has a name")
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| !name.ends_with("_probe") && !ALONE.contains(&name.as_str()))
        .collect();
    names.sort();
    let (mut text, mut table) = (String::new(), String::new());
    for name in &names {
        let file = programs.join(format!("{name}.rs"));
        let main = programs.join(name).join("main.rs");
        let path: &Path = if file.is_file() { &file } else { &main };
        writeln!(text, "#[path = {path:?}]\nmod {name};").expect("a string takes everything");
        writeln!(table, "    ({name:?}, {name}::main),").expect("a string takes everything");
    }
    let list = "const PROGRAMS: &[(&str, fn() -> ExitCode)]";
    format!("{text}\n/// Each name, and the program of that name.\n{list} = &[\n{table}];\n")
}
