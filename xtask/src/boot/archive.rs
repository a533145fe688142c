//! Packs the first file system of a machine: the first process, the programs, and their list.

use crate::elf;
use anyhow::{Context, Result};
use cpio::{NewcBuilder, write_cpio};
use std::collections::BTreeSet;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// A program in the archive.
#[derive(Clone, Debug)]
pub struct Program {
    /// The built file.
    pub from: PathBuf,
    /// Where it lies on the machine: an absolute path.
    pub path: String,
}

/// What the kernel starts.
const FIRST_PROCESS: &str = "init";
/// Where the suite's first process reads what to run.
pub const LIST: &str = "programs";
/// Where it mounts what the kernel fills.
const MOUNTED: [&str; 3] = ["dev", "proc", "sys"];

const DIRECTORY: u32 = 0o040_755;
const FILE: u32 = 0o100_755;
const LINK: u32 = 0o120_777;

/// Packs everything into one archive: programs, and `text` in the file `name`.
pub fn pack(
    first_process: &Path,
    programs: &[Program],
    (name, text): (&str, &str),
) -> Result<Vec<u8>> {
    let mut files = vec![
        (FIRST_PROCESS, read(first_process)?),
        (name, text.as_bytes().to_vec()),
    ];
    let mut links = Vec::new();
    for program in programs {
        let path = program.path.trim_start_matches('/');
        match program.from.read_link() {
            // One of the names of a file that is among the programs itself.
            Ok(other) => links.push((path, other.into_os_string().into_encoded_bytes())),
            Err(_) => files.push((path, read(&program.from)?)),
        }
    }
    // The kernel makes no directory that is not in the archive, in front of what lies in it.
    let names = files.iter().map(|(name, _)| *name);
    let directories: BTreeSet<_> = names.flat_map(parents).chain(MOUNTED).collect();
    let entries = directories
        .into_iter()
        .map(|name| (name, DIRECTORY, Vec::new()))
        .chain(files.into_iter().map(|(name, bytes)| (name, FILE, bytes)))
        .chain(links.into_iter().map(|(name, bytes)| (name, LINK, bytes)))
        .map(|(name, mode, bytes)| (NewcBuilder::new(name).mode(mode), Cursor::new(bytes)));
    write_cpio(entries, Vec::new()).context("cannot pack the programs")
}

/// Writes a line for each program, as the first process wants it.
pub fn list(programs: &[Program], seconds_max: u64, filter: Option<&str>) -> String {
    let argument = filter.map_or_else(String::new, |filter| format!(" {filter}"));
    let lines = programs.iter();
    lines
        .map(|program| format!("{seconds_max} {}{argument}\n", program.path))
        .collect()
}

/// Reads a program without what no kernel loads: what debuggers read is most of it.
fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = fs::read(path).with_context(|| format!("no file {}", path.display()))?;
    let end = elf::loaded_bytes(&bytes)
        .with_context(|| format!("{} is no sound ELF file", path.display()))?;
    bytes.truncate(end);
    Ok(bytes)
}

/// Returns the directories above `name`, from the outermost.
fn parents(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(|(at, _)| &name[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use cpio::NewcReader;

    fn programs(names: &[&str]) -> Vec<Program> {
        let program = |name: &&str| Program {
            from: std::env::current_exe().unwrap(),
            path: format!("/suite/release/{name}"),
        };
        names.iter().map(program).collect()
    }

    #[test]
    fn the_archive_holds_directories_before_what_lies_in_them() {
        let own = std::env::current_exe().unwrap();
        let archive = pack(&own, &programs(&["a"]), (LIST, "1 /a\n")).unwrap();
        let mut names = Vec::new();
        let mut rest = Cursor::new(archive);
        loop {
            let reader = NewcReader::new(rest).unwrap();
            if reader.entry().is_trailer() {
                break;
            }
            let is_directory = reader.entry().mode() == DIRECTORY;
            assert_eq!(is_directory, reader.entry().file_size() == 0);
            names.push(reader.entry().name().to_owned());
            rest = reader.finish().unwrap();
        }
        let expected = [
            "dev",
            "proc",
            "suite",
            "suite/release",
            "sys",
            "init",
            "programs",
            "suite/release/a",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn the_list_has_a_line_for_each_program() {
        let programs = programs(&["a", "b"]);
        assert_eq!(
            list(&programs, 60, None),
            "60 /suite/release/a\n60 /suite/release/b\n"
        );
        let filtered = list(&programs[..1], 5, Some("tls"));
        assert_eq!(filtered, "5 /suite/release/a tls\n");
    }
}
