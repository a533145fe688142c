//! The program headers: where the image lies in memory, its TLS template, its stack's wishes.
//!
//! Pure: a slice in, a value out. It reads no file, follows no pointer and relocates nothing.
//!
//! Source: ELF gABI 4.1, chapter 5 "Program Header"; `PT_GNU_STACK`: LSB core, 11.

use linux_raw_sys::elf::{Elf_Phdr, PT_DYNAMIC, PT_GNU_STACK, PT_LOAD, PT_PHDR, PT_TLS};

/// What the runtime wants to know of the program headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image {
    /// What is added to a link-time address to get a run-time address: 0 unless the program is
    /// position-independent.
    pub load_bias: usize,
    /// Run-time address of `PT_DYNAMIC`, 0 where there is none.
    pub dynamic_address: usize,
    /// The TLS template. All zero, with an alignment of 1, where there is none.
    pub tls: TlsTemplate,
    /// `PT_GNU_STACK`'s size in bytes, 0 where the linker was told none.
    pub stack_bytes: usize,
}

/// `PT_TLS`: what each thread's TLS block begins its life with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsTemplate {
    /// Run-time address of the initial bytes.
    pub address: usize,
    /// Link-time address: the linker computed offsets from it, modulo the alignment.
    pub link_address: usize,
    /// How many initial bytes there are; the rest of the block is zero.
    pub file_bytes: usize,
    /// The block's size.
    pub memory_bytes: usize,
    /// The block's alignment, a power of two.
    pub align_bytes: usize,
}

impl TlsTemplate {
    /// Where there is none.
    pub const NONE: TlsTemplate = TlsTemplate {
        address: 0,
        link_address: 0,
        file_bytes: 0,
        memory_bytes: 0,
        align_bytes: 1,
    };
}

/// Why program headers cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// No header says where the file's start is loaded, so addresses cannot be told.
    NoLoadAddress,
    /// `PT_TLS`'s alignment is not a power of two.
    TlsAlign,
    /// `PT_TLS`'s initial bytes are more than the block's.
    TlsSize,
}

impl Image {
    /// Of no headers.
    pub const NONE: Image = Image {
        load_bias: 0,
        dynamic_address: 0,
        tls: TlsTemplate::NONE,
        stack_bytes: 0,
    };

    /// Reads the headers, which the kernel placed at `headers_address`.
    pub fn parse(headers: &[Elf_Phdr], headers_address: usize) -> Result<Image, ImageError> {
        let load_bias = load_bias(headers, headers_address).ok_or(ImageError::NoLoadAddress)?;
        let mut image = Image {
            load_bias,
            ..Image::NONE
        };
        for header in headers {
            let address = load_bias.wrapping_add(header.p_vaddr);
            match header.p_type {
                PT_DYNAMIC => image.dynamic_address = address,
                PT_GNU_STACK => image.stack_bytes = header.p_memsz,
                PT_TLS => {
                    // 0 means 1 (gABI, `p_align`).
                    let align_bytes = header.p_align.max(1);
                    if !align_bytes.is_power_of_two() {
                        return Err(ImageError::TlsAlign);
                    }
                    if header.p_filesz > header.p_memsz {
                        return Err(ImageError::TlsSize);
                    }
                    image.tls = TlsTemplate {
                        address,
                        link_address: header.p_vaddr,
                        file_bytes: header.p_filesz,
                        memory_bytes: header.p_memsz,
                        align_bytes,
                    };
                }
                _ => {}
            }
        }
        Ok(image)
    }
}

/// Finds the load bias: from `PT_PHDR`, or else from the segment that holds the file's start,
/// where the headers follow the ELF header. Linkers leave `PT_PHDR` out of some static programs.
fn load_bias(headers: &[Elf_Phdr], headers_address: usize) -> Option<usize> {
    if cfg!(fixed_address) {
        return Some(0);
    }
    if let Some(own) = headers.iter().find(|header| header.p_type == PT_PHDR) {
        return Some(headers_address.wrapping_sub(own.p_vaddr));
    }
    let first = headers
        .iter()
        .find(|header| header.p_type == PT_LOAD && header.p_offset == 0)?;
    let file_address = headers_address.wrapping_sub(size_of::<linux_raw_sys::elf::Elf_Ehdr>());
    Some(file_address.wrapping_sub(first.p_vaddr))
}
