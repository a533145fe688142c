//! The vDSO: the shared object that the kernel maps into every process, and what it has of ours.
//!
//! Pure: bytes in, an offset out. Nothing that stands in the image is believed: a read outside of
//! it, a table without an end or a symbol of another version is an image without the function.
//!
//! The program headers are what is read, never the section headers: only those are sure to be
//! mapped (`Documentation/ABI/stable/vdso`).
//!
//! Sources: vdso(7); ELF gABI 4.1, chapter 5; versions: LSB core 5.0, 10.7; `DT_GNU_HASH`:
//! binutils, `bfd/elflink.c`; `tools/testing/selftests/vDSO/parse_vdso.c`.

use linux_raw_sys::elf::{
    DT_GNU_HASH, DT_HASH, DT_NULL, DT_STRTAB, DT_SYMTAB, DT_VERDEF, DT_VERSYM, EI_CLASS, EI_DATA,
    ELF_ST_BIND, ELF_ST_TYPE, ELFCLASS, ELFDATA, Elf_Ehdr, Elf_Phdr, Elf_Sym, Elf_Verdaux,
    Elf_Verdef, PT_DYNAMIC, PT_LOAD, SHN_UNDEF, STB_GLOBAL, STB_WEAK, STT_FUNC, STT_NOTYPE,
    VER_FLG_BASE,
};

use crate::arch::{ELF_MACHINE, VdsoClock};

/// A type that any bytes are a value of.
///
/// # Safety
/// 1. It consists of integers.
unsafe trait Plain {}

// SAFETY: integers.
unsafe impl Plain for u16 {}
// SAFETY: integers.
unsafe impl Plain for u32 {}
// SAFETY: integers.
unsafe impl Plain for u64 {}
// SAFETY: integers.
unsafe impl Plain for [usize; 2] {}
// SAFETY: integers.
unsafe impl Plain for Elf_Ehdr {}
// SAFETY: integers.
unsafe impl Plain for Elf_Phdr {}
// SAFETY: integers.
unsafe impl Plain for Elf_Sym {}
// SAFETY: integers.
unsafe impl Plain for Elf_Verdef {}
// SAFETY: integers.
unsafe impl Plain for Elf_Verdaux {}

/// Reads the element `index` of a table of `T` at `offset`, if it lies in the image.
fn read<T: Plain>(image: &[u8], offset: usize, index: usize) -> Option<T> {
    let start = index.checked_mul(size_of::<T>())?.checked_add(offset)?;
    let bytes = image.get(start..start.checked_add(size_of::<T>())?)?;
    // SAFETY: so many bytes are there, and any are a `T`.
    Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}

/// What the program headers say.
struct Segment {
    /// The link-time address of the image's first byte.
    address: usize,
    /// How many bytes of the file are mapped.
    bytes: usize,
    /// Where the dynamic section is in it.
    dynamic: usize,
}

impl Segment {
    /// Reads the headers of an object for this CPU whose one segment holds the file's start, as the
    /// kernel's linker scripts make it.
    fn parse(head: &[u8]) -> Option<Segment> {
        let header: Elf_Ehdr = read(head, 0, 0)?;
        let is_ours = header.e_ident[..4] == *b"\x7fELF"
            && header.e_ident[EI_CLASS] == ELFCLASS
            && header.e_ident[EI_DATA] == ELFDATA
            && header.e_machine == ELF_MACHINE
            && usize::from(header.e_phentsize) == size_of::<Elf_Phdr>();
        if !is_ours {
            return None;
        }
        let (mut load, mut dynamic) = (None, None);
        for index in 0..usize::from(header.e_phnum) {
            let segment: Elf_Phdr = read(head, header.e_phoff, index)?;
            match segment.p_type {
                PT_LOAD if load.is_none() => load = Some(segment),
                PT_DYNAMIC => dynamic = Some(segment.p_vaddr),
                _ => {}
            }
        }
        let load = load.filter(|load| load.p_offset == 0)?;
        Some(Segment {
            address: load.p_vaddr,
            bytes: load.p_filesz,
            dynamic: dynamic?.wrapping_sub(load.p_vaddr),
        })
    }
}

/// Returns how many bytes the image has that begins with `head`, if it is an object for this CPU.
/// `head` is what is mapped for sure: a page.
pub fn image_bytes(head: &[u8]) -> Option<usize> {
    Segment::parse(head).map(|segment| segment.bytes)
}

/// Finds the function that reads a clock; returns how far into the image it is.
pub fn find(image: &[u8], wanted: &VdsoClock) -> Option<usize> {
    let tables = Tables::parse(image, wanted.hash_entry_bytes)?;
    if let Some(other) = wanted.only_with {
        tables.symbol(other, wanted.version)?;
    }
    tables.symbol(wanted.symbol, wanted.version)
}

/// The tables that the dynamic section names, by their offsets.
struct Tables<'image> {
    image: &'image [u8],
    /// The link-time address of the image's first byte.
    address: usize,
    strings: usize,
    symbols: usize,
    symbol_count: usize,
    /// A number of a version for each symbol.
    versions: usize,
    /// The list of what those numbers mean.
    definitions: usize,
}

impl<'image> Tables<'image> {
    fn parse(image: &'image [u8], hash_entry_bytes: usize) -> Option<Self> {
        let Segment {
            address, dynamic, ..
        } = Segment::parse(image)?;
        let [mut strings, mut symbols, mut versions] = [None; 3];
        let [mut definitions, mut hash, mut gnu_hash] = [None; 3];
        for index in 0.. {
            let [tag, value] = read(image, dynamic, index)?;
            // What it points to has a link-time address: nobody relocates a vDSO.
            let offset = Some(value.wrapping_sub(address));
            match tag {
                DT_NULL => break,
                DT_STRTAB => strings = offset,
                DT_SYMTAB => symbols = offset,
                DT_VERSYM => versions = offset,
                DT_VERDEF => definitions = offset,
                DT_HASH => hash = offset,
                DT_GNU_HASH => gnu_hash = offset,
                _ => {}
            }
        }
        // Either table alone tells how many symbols there are; kernels have one or both.
        let symbol_count = match hash {
            Some(hash) => count_by_hash(image, hash, hash_entry_bytes)?,
            None => count_by_gnu_hash(image, gnu_hash?)?,
        };
        Some(Tables {
            image,
            address,
            strings: strings?,
            symbols: symbols?,
            symbol_count,
            versions: versions?,
            definitions: definitions?,
        })
    }

    /// Returns the offset of the function of that name and version.
    fn symbol(&self, name: &[u8], version: &[u8]) -> Option<usize> {
        // The first one is none (gABI, "Symbol Table").
        for index in 1..self.symbol_count {
            let symbol: Elf_Sym = read(self.image, self.symbols, index)?;
            let is_it = matches!(ELF_ST_TYPE(symbol.st_info), STT_FUNC | STT_NOTYPE)
                && matches!(ELF_ST_BIND(symbol.st_info), STB_GLOBAL | STB_WEAK)
                && symbol.st_shndx != SHN_UNDEF
                && self.is_string(symbol.st_name, name)
                && self.has_version(index, version);
            if is_it {
                let offset = symbol.st_value.wrapping_sub(self.address);
                return (offset < self.image.len()).then_some(offset);
            }
        }
        None
    }

    /// Whether that string is the expected one.
    fn is_string(&self, string: u32, expected: &[u8]) -> bool {
        let rest = usize::try_from(string).ok();
        let rest = rest.and_then(|string| self.strings.checked_add(string));
        let rest = rest.and_then(|start| self.image.get(start..));
        rest.and_then(|rest| rest.strip_prefix(expected))
            .is_some_and(|after| after.first() == Some(&0))
    }

    /// Whether the symbol is of that version.
    fn has_version(&self, symbol: usize, expected: &[u8]) -> bool {
        // The highest bit says that the symbol is hidden from whoever names no version.
        const NUMBER: u16 = 0x7fff;
        let Some(number) = read::<u16>(self.image, self.versions, symbol) else {
            return false;
        };
        let mut at = self.definitions;
        // The list goes up, so it ends where the image does.
        while let Some(definition) = read::<Elf_Verdef>(self.image, at, 0) {
            let next = |distance: u32| at.checked_add(usize::try_from(distance).ok()?);
            let is_version = definition.vd_flags & VER_FLG_BASE == 0;
            if is_version && definition.vd_ndx & NUMBER == number & NUMBER {
                let name = next(definition.vd_aux);
                let name = name.and_then(|name| read::<Elf_Verdaux>(self.image, name, 0));
                return name.is_some_and(|name| self.is_string(name.vda_name, expected));
            }
            match next(definition.vd_next) {
                Some(next) if next > at => at = next,
                _ => return false,
            }
        }
        false
    }
}

/// `DT_HASH`: its second entry is the number of symbols (gABI, "Hash Table").
fn count_by_hash(image: &[u8], table: usize, entry_bytes: usize) -> Option<usize> {
    match entry_bytes {
        8 => usize::try_from(read::<u64>(image, table, 1)?).ok(),
        _ => usize::try_from(read::<u32>(image, table, 1)?).ok(),
    }
}

/// `DT_GNU_HASH`: four words, a filter, and for each bucket the first symbol of its chain. The last
/// chain ends with the last symbol, and with a 1 in its lowest bit.
fn count_by_gnu_hash(image: &[u8], table: usize) -> Option<usize> {
    let word = |index| usize::try_from(read::<u32>(image, table, index)?).ok();
    let (bucket_count, first, filter_words) = (word(0)?, word(1)?, word(2)?);
    let filter_bytes = filter_words.checked_mul(size_of::<usize>())?;
    let buckets = (4 * size_of::<u32>()).checked_add(filter_bytes)? / size_of::<u32>();
    let mut last = 0;
    for index in 0..bucket_count {
        last = last.max(word(buckets.checked_add(index)?)?);
    }
    // An empty table has no bucket that leads anywhere.
    let mut chain = buckets
        .checked_add(bucket_count)?
        .checked_add(last.checked_sub(first)?)?;
    while word(chain)? & 1 == 0 {
        (chain, last) = (chain + 1, last + 1);
    }
    last.checked_add(1)
}
