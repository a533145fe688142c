//! `cargo xtask port NAME`: the beginning of a new CPU's file, and its places in the tables.
//!
//! The file has every item of the contract; where a value is missing, the compiler says which one
//! and where to look it up. Nothing that exists is overwritten.

use crate::toolchain;
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::fs;
use std::path::Path;

/// The name of the condition by which `src/arch.rs` chooses.
const CONDITION: &str = concat!("target", "_arch");
const SKELETON: &str = include_str!("port/skeleton.rs.txt");

/// What to begin.
#[derive(Args, Debug)]
pub struct Options {
    /// The CPU, as rustc's `target_arch` names it
    pub name: String,
    /// A target of rustc's for it (default: NAME-unknown-linux-gnu)
    #[arg(long)]
    pub triple: Option<String>,
}

/// Writes the file and enters it.
pub fn run(options: &Options) -> Result<()> {
    let name = &options.name;
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    ensure!(
        !name.is_empty() && name.chars().all(is_word),
        "`{name}` is not a name that rustc gives to a CPU"
    );
    let triple = options.triple.clone();
    let triple = triple.unwrap_or_else(|| format!("{name}-unknown-linux-gnu"));
    let root = toolchain::root();
    let file = root.join("arch").join(format!("{name}.rs"));
    ensure!(!file.exists(), "{} is there already", file.display());
    edit(&root.join("src/arch.rs"), |text| selected(text, name))?;
    edit(&root.join("xtask/src/targets.rs"), |text| {
        listed(text, name, &triple)
    })?;
    fs::write(&file, SKELETON.replace("NAME", name))
        .with_context(|| format!("cannot write {}", file.display()))?;
    println!(
        "wrote arch/{name}.rs, and entered it in src/arch.rs and xtask/src/targets.rs. What next:\n\
         1. if its inline assembly is unstable, add it to EXPERIMENTAL_ASM in build/link.rs;\n\
         2. fill in what the compiler asks for (arch/README.md says what each item means);\n\
         3. add its instructions to xtask/src/asm/cpus.rs;\n\
         4. cargo xtask test --arch {name}"
    );
    Ok(())
}

fn edit(path: &Path, change: impl FnOnce(&str) -> Option<String>) -> Result<()> {
    let text = fs::read_to_string(path).with_context(|| format!("no {}", path.display()))?;
    let changed = change(&text).with_context(|| {
        let shown = path.display();
        format!("{shown}: the table that the CPU is to be entered in was not found")
    })?;
    fs::write(path, changed).with_context(|| format!("cannot write {}", path.display()))
}

/// Enters the CPU where `src/arch.rs` chooses a file, and in its list of known ones.
fn selected(text: &str, name: &str) -> Option<String> {
    let (head, tail) = text.split_once("mod imp;\n")?;
    let (list, rest) = tail.split_once("\n)))]")?;
    let condition = format!("{CONDITION} = \"{name}\"");
    Some(format!(
        "{head}#[cfg_attr({condition}, path = \"../arch/{name}.rs\")]\nmod imp;\n\
         {list}\n    {condition},\n)))]{rest}"
    ))
}

/// Enters a row at the end of the table of targets.
fn listed(text: &str, name: &str, triple: &str) -> Option<String> {
    let (head, tail) = text.split_once("pub const TABLE: &[Target] = &[\n")?;
    let (rows, rest) = tail.split_once("];\n")?;
    Some(format!(
        "{head}pub const TABLE: &[Target] = &[\n{rows}    Target {{\n        \
         name: \"{name}\",\n        cpu: \"{name}\",\n        triple: \"{triple}\",\n        \
         qemu: \"qemu-{name}\",\n        ..ORDINARY\n    }},\n];\n{rest}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARCH: &str = include_str!("../../src/arch.rs");
    const TARGETS: &str = include_str!("targets.rs");

    #[test]
    fn skeleton_has_every_item_of_the_contract() {
        let pins = ARCH.lines().filter_map(|line| line.split_once("= imp::"));
        let mut count = 0;
        for (_, name) in pins {
            let name = name.trim_end_matches(';');
            count += 1;
            assert!(SKELETON.contains(name), "the skeleton lacks {name}");
        }
        assert!(count > 30, "only {count} pins were found");
    }

    #[test]
    fn tables_get_their_rows() {
        let arch = selected(ARCH, "vax").unwrap();
        assert_eq!(arch.matches("\"vax\"").count(), 2);
        assert!(arch.contains("path = \"../arch/vax.rs\")]\nmod imp;"));
        let targets = listed(TARGETS, "vax", "vax-unknown-linux-gnu").unwrap();
        assert!(targets.contains("        qemu: \"qemu-vax\",\n        ..ORDINARY\n    },\n];\n"));
    }

    #[test]
    fn a_text_without_the_tables_is_told() {
        assert_eq!(selected("", "vax"), None);
        assert_eq!(listed("", "vax", ""), None);
    }
}
