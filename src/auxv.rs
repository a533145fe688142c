//! The auxiliary vector: what the kernel tells a program about itself and the machine.
//!
//! Pure: a pointer's worth of pairs in, a value out. It knows no entry by meaning beyond the ones
//! that the runtime needs, and it makes no system call.
//!
//! Source: getauxval(3), `include/uapi/linux/auxvec.h`, `fs/binfmt_elf.c` (`create_elf_tables`).

use linux_raw_sys::auxvec::{
    AT_ENTRY, AT_EXECFN, AT_MINSIGSTKSZ, AT_NULL, AT_PAGESZ, AT_PHDR, AT_PHENT, AT_PHNUM,
    AT_RANDOM, AT_SECURE,
};

/// The same number on every CPU that has it (`include/uapi/asm/auxvec.h` of each); the bindings
/// leave it out where there is no vDSO.
const AT_SYSINFO_EHDR: u32 = 33;

/// The entries that the runtime uses, 0 where the kernel gave none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Auxv {
    /// `AT_PHDR`: address of the program headers.
    pub phdr_address: usize,
    /// `AT_PHENT`: size of one program header, in bytes.
    pub phent_bytes: usize,
    /// `AT_PHNUM`: number of program headers.
    pub phdr_count: usize,
    /// `AT_PAGESZ`: the page size, in bytes.
    pub page_bytes: usize,
    /// `AT_RANDOM`: address of 16 random bytes.
    pub random_address: usize,
    /// `AT_ENTRY`: address of the program's entry point.
    pub entry_address: usize,
    /// `AT_EXECFN`: address of the program's file name, the last string on the initial stack.
    pub file_name_address: usize,
    /// `AT_MINSIGSTKSZ`: the least size of a signal stack, in bytes.
    pub signal_stack_bytes_min: usize,
    /// `AT_SYSINFO_EHDR`: address of the vDSO.
    pub vdso_address: usize,
    /// `AT_SECURE`: whether the program runs with more privileges than its caller.
    pub is_secure: bool,
}

impl Auxv {
    /// Reads `(type, value)` pairs up to `AT_NULL` or the end of the iterator.
    pub fn parse(pairs: impl Iterator<Item = (usize, usize)>) -> Auxv {
        let mut auxv = Auxv::default();
        for (kind, value) in pairs {
            // No kind exceeds 32 bits; what would is none of ours.
            match u32::try_from(kind).unwrap_or(u32::MAX) {
                AT_NULL => break,
                AT_PHDR => auxv.phdr_address = value,
                AT_PHENT => auxv.phent_bytes = value,
                AT_PHNUM => auxv.phdr_count = value,
                AT_PAGESZ => auxv.page_bytes = value,
                AT_RANDOM => auxv.random_address = value,
                AT_ENTRY => auxv.entry_address = value,
                AT_EXECFN => auxv.file_name_address = value,
                AT_MINSIGSTKSZ => auxv.signal_stack_bytes_min = value,
                AT_SYSINFO_EHDR => auxv.vdso_address = value,
                AT_SECURE => auxv.is_secure = value != 0,
                _ => {}
            }
        }
        auxv
    }
}
