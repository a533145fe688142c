//! The rules that a built program's ELF file must keep, and its sizes.
//!
//! It reads the file alone; whether the program works is for the suite.

use crate::case::{Case, claim};
use crate::targets::LinkMode;
use anyhow::{Context, Result};
use object::elf::{
    DT_NEEDED, ET_DYN, ET_EXEC, FileType, PF_W, PF_X, PT_GNU_STACK, PT_INTERP, PT_LOAD, PT_TLS,
    ProgramFlags, ProgramType, SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHN_UNDEF, SHT_DYNSYM,
    SHT_SYMTAB, STB_WEAK,
};
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader, Sym};
use object::{Endianness, FileKind, elf};
use std::path::Path;

/// A program header, in one form for both word sizes.
#[derive(Clone, Copy, Debug, Default)]
struct Segment {
    kind: ProgramType,
    flags: ProgramFlags,
    offset: u64,
    address: u64,
    memory_bytes: u64,
}

/// What the rules and the size table need of a file.
#[derive(Clone, Debug, Default)]
pub struct Image {
    kind: FileType,
    entry: u64,
    segments: Vec<Segment>,
    sections: Vec<String>,
    needed_count: usize,
    undefined: Vec<String>,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Bytes of the sections that are loaded and never written: code and constants.
    pub text_bytes: u64,
    /// Bytes of the sections that are written, in the file or zeroed at start.
    pub data_bytes: u64,
}

impl Image {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("no file {}", path.display()))?;
        Self::parse(&bytes).with_context(|| format!("{} is no sound ELF file", path.display()))
    }

    /// Reads a file's bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        match FileKind::parse(bytes)? {
            FileKind::Elf32 => parse::<elf::FileHeader32<Endianness>>(bytes),
            FileKind::Elf64 => parse::<elf::FileHeader64<Endianness>>(bytes),
            other => anyhow::bail!("the file is of kind {other:?}"),
        }
    }

    fn segments(&self, kind: ProgramType) -> impl Iterator<Item = &Segment> {
        self.segments
            .iter()
            .filter(move |segment| segment.kind == kind)
    }

    /// How many segments are loaded, and how many are templates of thread-locals.
    pub fn loads_and_templates(&self) -> [usize; 2] {
        [PT_LOAD, PT_TLS].map(|kind| self.segments(kind).count())
    }

    /// The program headers, and the sections in memory by their order, which linkers count on: a
    /// line for each.
    pub fn layout(&self) -> String {
        let segments = self.segments.iter().map(|segment| format!("{segment:x?}"));
        let lines = segments.chain(self.sections.iter().cloned());
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Fails unless the first loaded segment begins with the file's header, and each lies in its
    /// page as it does in the file: the kernel maps pages.
    pub fn check_loads(&self) -> Result<()> {
        let first = self.segments(PT_LOAD).next();
        anyhow::ensure!(
            first.is_some_and(|segment| segment.offset == 0),
            "the headers are not loaded"
        );
        let is_mapped = |segment: &Segment| segment.offset % 4096 == segment.address % 4096;
        anyhow::ensure!(
            self.segments(PT_LOAD).all(is_mapped),
            "a segment has another place in its page than in the file: {:?}",
            self.segments
        );
        Ok(())
    }

    /// Judges every rule; each is one case.
    pub fn rules(&self, mode: LinkMode) -> Vec<Case> {
        let wanted = match mode {
            LinkMode::Fixed => ET_EXEC,
            LinkMode::Pie => ET_DYN,
        };
        let stack = self.segments(PT_GNU_STACK).next();
        let entry_is_code = self.segments(PT_LOAD).any(|segment| {
            let offset = self.entry.wrapping_sub(segment.address);
            has(segment.flags, PF_X) && offset < segment.memory_bytes
        });
        let writable_code = |s: &&Segment| has(s.flags, PF_W | PF_X);
        let undefined = || format!("undefined: {}", self.undefined.join(", "));
        let rule = |name: &str, holds: bool, message: &dyn Fn() -> String| {
            Case::new(format!("elf/{name}"), claim(holds, message))
        };
        vec![
            rule("type_matches_link_mode", self.kind == wanted, &|| {
                format!("e_type is {}, link mode {mode} means {wanted}", self.kind)
            }),
            rule("entry_is_code", self.entry != 0 && entry_is_code, &|| {
                format!("the entry {:#x} is in no executable segment", self.entry)
            }),
            rule(
                "no_interpreter",
                self.segments(PT_INTERP).count() == 0,
                &|| "PT_INTERP: the program asks for a dynamic linker".into(),
            ),
            rule("no_needed_library", self.needed_count == 0, &|| {
                format!("{} DT_NEEDED entries", self.needed_count)
            }),
            rule("no_undefined_symbol", self.undefined.is_empty(), &undefined),
            rule(
                "no_writable_code",
                self.segments(PT_LOAD).filter(writable_code).count() == 0,
                &|| "a segment is both writable and executable".into(),
            ),
            rule(
                "stack_not_executable",
                stack.is_some_and(|s| !has(s.flags, PF_X)),
                &|| "PT_GNU_STACK is missing or executable".into(),
            ),
        ]
    }
}

/// Returns how many bytes from the beginning of an ELF file hold all that a kernel loads.
pub fn loaded_bytes(bytes: &[u8]) -> Result<usize> {
    let end = match FileKind::parse(bytes)? {
        FileKind::Elf32 => segments_end::<elf::FileHeader32<Endianness>>(bytes),
        _ => segments_end::<elf::FileHeader64<Endianness>>(bytes),
    }?;
    Ok(usize::try_from(end)?.min(bytes.len()))
}

fn segments_end<Elf: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Result<u64> {
    let header = Elf::parse(bytes)?;
    let endian = header.endian()?;
    let segments = header.program_headers(endian, bytes)?.iter();
    let ends = segments.map(|segment| {
        let (offset, count) = segment.file_range(endian);
        offset.saturating_add(count)
    });
    ends.max().context("the file has no segment")
}

fn has(flags: ProgramFlags, wanted: ProgramFlags) -> bool {
    flags & wanted == wanted
}

fn parse<Elf: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Result<Image> {
    let header = Elf::parse(bytes)?;
    let endian = header.endian()?;
    let mut image = Image {
        kind: header.e_type(endian),
        entry: header.e_entry(endian).into(),
        file_bytes: bytes.len() as u64,
        ..Image::default()
    };
    for segment in header.program_headers(endian, bytes)? {
        image.segments.push(Segment {
            kind: segment.p_type(endian),
            flags: segment.p_flags(endian),
            offset: segment.p_offset(endian).into(),
            address: segment.p_vaddr(endian).into(),
            memory_bytes: segment.p_memsz(endian).into(),
        });
        for entry in segment.dynamic(endian, bytes)?.unwrap_or_default() {
            image.needed_count += usize::from(entry.d_tag(endian) == DT_NEEDED);
        }
    }
    let sections = header.sections(endian, bytes)?;
    for section in sections.iter() {
        let flags = section.sh_flags(endian);
        let size: u64 = section.sh_size(endian).into();
        if flags & SHF_ALLOC != SHF_ALLOC {
            continue;
        }
        let name = String::from_utf8_lossy(sections.section_name(endian, section)?);
        let address: u64 = section.sh_addr(endian).into();
        image
            .sections
            .push(format!("{name} {address:#x}, {size:#x} bytes"));
        // Where constants that other programs relocate are beside code, the section says both; the
        // segment does not.
        let is_code = flags & SHF_EXECINSTR == SHF_EXECINSTR;
        if is_code || flags & SHF_WRITE != SHF_WRITE {
            image.text_bytes += size;
        } else {
            image.data_bytes += size;
        }
    }
    for kind in [SHT_SYMTAB, SHT_DYNSYM] {
        let symbols = sections.symbols(endian, bytes, kind)?;
        for symbol in symbols.iter() {
            let name = symbols.symbol_name(endian, symbol)?;
            let is_undefined = symbol.st_shndx(endian) == SHN_UNDEF;
            if is_undefined && symbol.st_bind() != STB_WEAK && !name.is_empty() {
                image
                    .undefined
                    .push(String::from_utf8_lossy(name).into_owned());
            }
        }
    }
    Ok(image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use object::elf::PF_R;

    fn sound() -> Image {
        let load = |flags, address: u64| Segment {
            kind: PT_LOAD,
            flags,
            offset: address,
            address,
            memory_bytes: 64,
        };
        let stack = Segment {
            kind: PT_GNU_STACK,
            flags: PF_R | PF_W,
            ..Segment::default()
        };
        let segments = vec![load(PF_R | PF_X, 0x1000), load(PF_R | PF_W, 0x2000), stack];
        Image {
            kind: ET_EXEC,
            entry: 0x1010,
            segments,
            ..Image::default()
        }
    }

    fn broken(image: &Image) -> Vec<String> {
        let cases = image.rules(LinkMode::Fixed).into_iter();
        cases
            .filter(|case| case.outcome.is_err())
            .map(|case| case.name)
            .collect()
    }

    #[test]
    fn a_sound_image_keeps_every_rule() {
        assert!(broken(&sound()).is_empty());
    }

    #[test]
    fn each_rule_can_be_broken() {
        type Damage = fn(&mut Image);
        let breaks: [(&str, Damage); 10] = [
            ("type_matches_link_mode", |image| image.kind = ET_DYN),
            ("entry_is_code", |image| image.entry = 0),
            ("entry_is_code", |image| image.entry = 0x2010),
            ("entry_is_code", |image| image.entry = 0x1040),
            ("no_interpreter", |image| {
                image.segments.push(Segment {
                    kind: PT_INTERP,
                    ..Segment::default()
                });
            }),
            ("no_needed_library", |image| image.needed_count = 1),
            ("no_undefined_symbol", |image| {
                image.undefined.push("memcpy".into())
            }),
            ("no_writable_code", |image| image.segments[0].flags |= PF_W),
            ("stack_not_executable", |image| {
                image.segments[2].flags |= PF_X
            }),
            ("stack_not_executable", |image| image.segments.truncate(2)),
        ];
        for (rule, damage) in breaks {
            let mut image = sound();
            damage(&mut image);
            assert_eq!(broken(&image), [format!("elf/{rule}")]);
        }
    }

    #[test]
    fn a_hosted_program_breaks_the_rules_that_set_it_apart() {
        let image = Image::read(&std::env::current_exe().unwrap()).unwrap();
        let broken = broken(&image);
        assert!(
            broken.contains(&"elf/no_interpreter".to_owned()),
            "{broken:?}"
        );
        assert!(
            broken.contains(&"elf/no_needed_library".to_owned()),
            "{broken:?}"
        );
        assert!(image.text_bytes > 0 && image.data_bytes > 0);
    }

    #[test]
    fn a_file_that_is_no_elf_is_refused() {
        assert!(Image::parse(b"#!/bin/sh\n").is_err());
    }
}
