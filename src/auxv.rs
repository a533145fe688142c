//! The auxiliary vector: what the kernel tells a program about itself and the machine.
//!
//! Pure: a pointer's worth of pairs in, a table out. It makes no system call.
//!
//! Source: getauxval(3), `include/uapi/linux/auxvec.h`, `fs/binfmt_elf.c` (`create_elf_tables`).

use linux_raw_sys::auxvec::{
    AT_ENTRY, AT_EXECFN, AT_MINSIGSTKSZ, AT_PAGESZ, AT_PHDR, AT_PHENT, AT_PHNUM, AT_RANDOM,
    AT_SECURE,
};

/// The same number on every CPU that has it (`include/uapi/asm/auxvec.h` of each); the bindings
/// leave it out where there is no vDSO.
const AT_SYSINFO_EHDR: u32 = 33;

/// One more than the highest kind that the runtime looks at.
const KINDS: usize = AT_MINSIGSTKSZ as usize + 1;

/// The entries by their kinds, 0 where the kernel gave none. A table, because to sort entries into
/// fields by name takes ten times the code.
#[derive(Clone, Copy, Debug)]
pub struct Auxv([usize; KINDS]);

impl Auxv {
    /// Nothing is known.
    pub const EMPTY: Auxv = Auxv([0; KINDS]);

    /// Notes an entry; whether it is one, and not `AT_NULL`, the vector's end.
    #[inline]
    pub fn note(&mut self, kind: usize, value: usize) -> bool {
        if let Some(entry) = self.0.get_mut(kind) {
            *entry = value;
        }
        kind != 0
    }

    /// Notes `(type, value)` pairs up to `AT_NULL` or the end of the iterator.
    pub fn parse(pairs: impl Iterator<Item = (usize, usize)>) -> Auxv {
        let mut auxv = Auxv::EMPTY;
        for (kind, value) in pairs {
            if !auxv.note(kind, value) {
                break;
            }
        }
        auxv
    }

    /// Notes what a program's headers are known to be without a vector.
    pub fn note_headers(&mut self, address: usize, entry_bytes: usize, count: usize) {
        self.note(AT_PHDR as usize, address);
        self.note(AT_PHENT as usize, entry_bytes);
        self.note(AT_PHNUM as usize, count);
    }

    /// Notes the page size, in bytes.
    pub fn note_page_bytes(&mut self, bytes: usize) {
        self.note(AT_PAGESZ as usize, bytes);
    }

    /// `AT_PHDR`: address of the program headers.
    #[inline]
    pub fn phdr_address(&self) -> usize {
        self.0[AT_PHDR as usize]
    }

    /// `AT_PHENT`: size of one program header, in bytes.
    #[inline]
    pub fn phent_bytes(&self) -> usize {
        self.0[AT_PHENT as usize]
    }

    /// `AT_PHNUM`: number of program headers.
    #[inline]
    pub fn phdr_count(&self) -> usize {
        self.0[AT_PHNUM as usize]
    }

    /// `AT_PAGESZ`: the page size, in bytes.
    #[inline]
    pub fn page_bytes(&self) -> usize {
        self.0[AT_PAGESZ as usize]
    }

    /// `AT_RANDOM`: address of 16 random bytes.
    #[inline]
    pub fn random_address(&self) -> usize {
        self.0[AT_RANDOM as usize]
    }

    /// `AT_ENTRY`: address of the program's entry point.
    #[inline]
    pub fn entry_address(&self) -> usize {
        self.0[AT_ENTRY as usize]
    }

    /// `AT_EXECFN`: address of the program's file name, the last string on the initial stack.
    #[inline]
    pub fn file_name_address(&self) -> usize {
        self.0[AT_EXECFN as usize]
    }

    /// `AT_MINSIGSTKSZ`: the least size of a signal stack, in bytes.
    #[inline]
    pub fn signal_stack_bytes_min(&self) -> usize {
        self.0[AT_MINSIGSTKSZ as usize]
    }

    /// `AT_SYSINFO_EHDR`: address of the vDSO.
    #[inline]
    pub fn vdso_address(&self) -> usize {
        self.0[AT_SYSINFO_EHDR as usize]
    }

    /// `AT_SECURE`: whether the program runs with more privileges than its caller.
    #[inline]
    pub fn is_secure(&self) -> bool {
        self.0[AT_SECURE as usize] != 0
    }
}
