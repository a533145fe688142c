//! Phase 0: a static position-independent program adds its load bias to its own pointers.
//!
//! Until that is done, a static that holds a pointer holds a link-time address. So this function
//! reads no static and, in an unoptimised build too, calls nothing: not a method of a number or a
//! pointer, not `memcpy`, which is what moving a structure comes to, and not what multiplies where
//! a CPU does not say that a product is too large. Nor does it read constants from memory: their
//! addresses may themselves be pointers to relocate. It is loops over integers, with plain
//! operators, raw dereferences and helpers that are always inlined (`wrapping_add` is).
//!
//! On MIPS, where local entries of the GOT have no relocations, `_start` has seen to them.
//!
//! Only relative relocations exist in such a program (and the packed form, `DT_RELR`); symbols
//! were resolved by the linker. Anything else is refused, loudly.
//!
//! Sources: gABI 4.1, "Dynamic Linking"; `DT_RELR`: gABI proposal of 2017, as in
//! `elf/dynamic-link.h` of glibc. `AT_PHDR`: `fs/binfmt_elf.c`.

use core::mem::MaybeUninit;

use linux_raw_sys::auxvec::{AT_NULL, AT_PHDR, AT_PHNUM};
use linux_raw_sys::elf::{
    DT_NULL, DT_REL, DT_RELA, DT_RELASZ, DT_RELSZ, Elf_Ehdr, Elf_Phdr, PT_DYNAMIC, PT_INTERP,
    PT_LOAD, PT_PHDR,
};

use crate::arch::kernel::SIGABRT;
use crate::arch::{self, nr};

const WORD: usize = size_of::<usize>();
const DT_RELR: usize = 36;
const DT_RELRSZ: usize = 35;
const DT_JMPREL: usize = 23;

/// The longest text that [`die!`] can spell, in words.
const TEXT_WORDS_MAX: usize = 28;

/// Calls [`die`] with a text that is spelt out on the stack, a word at a time: on some CPUs even a
/// constant's address comes from a table that is not relocated yet.
macro_rules! die {
    ($why:expr) => {{
        const TEXT: &[u8] = concat!("threadbare: ", $why, "\n").as_bytes();
        const BYTES: usize = TEXT.len();
        const _: () = assert!(BYTES <= TEXT_WORDS_MAX * WORD);
        let mut words = MaybeUninit::<[usize; TEXT_WORDS_MAX]>::uninit();
        let text = &raw mut words as usize;
        die!(@ text, TEXT, 0 1 2 3 4 5 6 7 8 9 10 11 12 13);
        die!(@ text, TEXT, 14 15 16 17 18 19 20 21 22 23 24 25 26 27);
        // SAFETY: so many bytes were stored there.
        unsafe { die(text, BYTES) }
    }};
    (@ $to:ident, $text:ident, $($index:literal)*) => {$(
        if $index * WORD < BYTES {
            // SAFETY: a word of the array.
            unsafe { store_word($to + $index * WORD, const { text_word($text, $index) }) };
        }
    )*};
}

/// The word of `text` with this index, with zeroes past its end.
const fn text_word(text: &[u8], index: usize) -> usize {
    let mut bytes = [0; WORD];
    let mut at = 0;
    while at < WORD && index * WORD + at < text.len() {
        bytes[at] = text[index * WORD + at];
        at += 1;
    }
    usize::from_ne_bytes(bytes)
}

/// Relocates a static position-independent program, if this is one: adds the load bias to its own
/// pointers. For an entry point in assembly, before all else; the feature `start` has its own.
///
/// Relative relocations are all that there may be; a program with others is ended by a trap, one
/// that was linked for a dynamic linker aborts with a message.
///
/// # Safety
/// 1. `initial_stack` is the kernel's: what it left in the stack pointer.
/// 2. It is called once, before anything reads a pointer from a static, by a direct call from
///    assembly. Called from Rust, even the call might go by such a pointer, and nothing would keep
///    the compiler from reading others before it.
/// 3. On MIPS the caller has relocated the local entries of the GOT, for which there are no
///    relocations; or the program is linked for a fixed address.
///
/// # Examples
/// ```
/// # #[cfg(target_arch = "x86_64")]
/// mod entry {
///     core::arch::global_asm!(
///         ".globl my_entry_point",
///         "my_entry_point:",
///         "xor ebp, ebp", // no caller: backtraces end here
///         "mov rbx, rsp",
///         "mov rdi, rsp",
///         "and rsp, -16",
///         "call {relocate}",
///         "mov rdi, rbx",
///         "call {begin}",
///         "ud2",
///         relocate = sym threadbare::start::relocate,
///         begin = sym begin,
///     );
///
///     extern "C" fn begin(stack: *const usize) -> ! {
///         use threadbare::start::{HandOver, initialize};
///         // SAFETY: the kernel's stack, the first thread, the only start.
///         unsafe { initialize(HandOver::InitialStack(stack)) };
///         threadbare::process::exit(0)
///     }
/// }
/// ```
pub unsafe extern "C" fn relocate(initial_stack: *const usize) {
    // An integer: unoptimised code would look the `Option` up in memory, by an address.
    let relative = const {
        match arch::ELF_R_RELATIVE {
            Some(number) => number,
            None => 0, // which relocates nothing, on every CPU
        }
    };
    if relative == 0 {
        return;
    }
    // SAFETY: clause 1.
    let (bias, dynamic) = unsafe { find_dynamic(initial_stack) };
    if bias == 0 || dynamic == 0 {
        return; // Linked for the place where it is.
    }
    // SAFETY: `dynamic` is the program's own `PT_DYNAMIC`; clause 2; the tables are the linker's.
    unsafe {
        if entry(dynamic, DT_JMPREL) != 0 {
            arch::trap(); // Indirect functions: not in a program of ours.
        }
        let (table, bytes) = (entry(dynamic, DT_RELA), entry(dynamic, DT_RELASZ));
        apply(bias, table, bytes, 3 * WORD, relative);
        let (table, bytes) = (entry(dynamic, DT_REL), entry(dynamic, DT_RELSZ));
        apply(bias, table, bytes, 2 * WORD, relative);
        let (table, bytes) = (entry(dynamic, DT_RELR), entry(dynamic, DT_RELRSZ));
        apply_packed(bias, table, bytes);
    }
}

/// Reads one word.
///
/// # Safety
/// 1. `address` holds a word.
#[inline(always)]
unsafe fn word(address: usize) -> usize {
    // SAFETY: clause 1; the integer came from the kernel or the linker.
    unsafe { *(address as *const usize) }
}

/// Stores one word.
///
/// # Safety
/// 1. `address` has room for a word, aligned.
#[inline(always)]
unsafe fn store_word(address: usize, value: usize) {
    // SAFETY: clause 1.
    unsafe { *(address as *mut usize) = value };
}

/// Finds the load bias and the dynamic section's run-time address; 0 where there is none.
///
/// # Safety
/// 1. `initial_stack` is the kernel's.
#[inline(always)]
unsafe fn find_dynamic(initial_stack: *const usize) -> (usize, usize) {
    let mut at = initial_stack as usize;
    // SAFETY: clause 1, for all reads up to the headers: count, arguments, environment, vector.
    at += (unsafe { word(at) } + 2) * WORD;
    // SAFETY: as above.
    while unsafe { word(at) } != 0 {
        at += WORD;
    }
    at += WORD;
    let (mut headers, mut count) = (0, 0);
    loop {
        // SAFETY: as above.
        let (kind, value) = unsafe { (word(at), word(at + WORD)) };
        if kind == AT_NULL as usize {
            break;
        } else if kind == AT_PHDR as usize {
            headers = value;
        } else if kind == AT_PHNUM as usize {
            count = value;
        }
        at += 2 * WORD;
    }
    if headers == 0 {
        die!(super::no_headers!());
    }
    let (mut bias, mut has_bias, mut dynamic) = (0usize, false, 0usize);
    let mut place = headers;
    while count != 0 {
        let header = place as *const Elf_Phdr;
        // SAFETY: the kernel says that so many headers are there.
        let (kind, offset, address) =
            unsafe { ((*header).p_type, (*header).p_offset, (*header).p_vaddr) };
        if kind == PT_PHDR {
            bias = headers.wrapping_sub(address);
            has_bias = true;
        } else if kind == PT_LOAD && offset == 0 && !has_bias {
            bias = headers.wrapping_sub(size_of::<Elf_Ehdr>() + address);
        } else if kind == PT_DYNAMIC {
            dynamic = address;
        } else if kind == PT_INTERP {
            die!(super::interpreted!());
        }
        place += size_of::<Elf_Phdr>();
        count -= 1;
    }
    (
        bias,
        if dynamic == 0 {
            0
        } else {
            bias.wrapping_add(dynamic)
        },
    )
}

/// Says why the program cannot run and aborts: `fatal` without a call, for nothing is relocated and
/// never will be.
///
/// # Safety
/// 1. `text` is the address of so many bytes.
#[inline(always)]
unsafe fn die(text: usize, bytes: usize) -> ! {
    // SAFETY: clause 1; the kernel reads them.
    unsafe { arch::syscall3(nr::WRITE, 2, text, bytes) };
    // SAFETY: touches no memory.
    let process = unsafe { arch::syscall0(nr::GETPID) } as usize;
    // SAFETY: touches no memory.
    let thread = unsafe { arch::syscall0(nr::GETTID) } as usize;
    // SAFETY: touches no memory.
    unsafe { arch::syscall3(nr::TGKILL, process, thread, SIGABRT as usize) };
    arch::trap()
}

/// Returns the value of the dynamic section's entry with `tag`, 0 where there is none.
///
/// One at a time: a structure of all of them would be moved by `memcpy`, and in an unoptimised
/// build that reaches code through a table that is not relocated yet.
///
/// # Safety
/// 1. `dynamic` is the program's dynamic section.
#[inline(always)]
unsafe fn entry(dynamic: usize, tag: usize) -> usize {
    let mut at = dynamic;
    loop {
        // SAFETY: clause 1; the section ends with `DT_NULL`.
        let (found, value) = unsafe { (word(at), word(at + WORD)) };
        if found == tag {
            return value;
        }
        if found == DT_NULL {
            return 0;
        }
        at += 2 * WORD;
    }
}

/// Applies a table of `DT_REL` or `DT_RELA` entries, told apart by their size.
///
/// # Safety
/// 1. The table is the program's own, not yet applied.
#[inline(always)]
unsafe fn apply(bias: usize, table: usize, bytes: usize, entry_bytes: usize, relative: usize) {
    let mut at = bias.wrapping_add(table);
    let end = at + bytes;
    while at < end {
        // SAFETY: clause 1.
        let (offset, info) = unsafe { (word(at), word(at + WORD)) };
        // The whole of it: a relative relocation has no symbol.
        if info == relative {
            let place = bias.wrapping_add(offset);
            // SAFETY: clause 1; the addend is in the entry or in the place.
            unsafe {
                let addend = if entry_bytes == 3 * WORD {
                    word(at + 2 * WORD)
                } else {
                    word(place)
                };
                store_word(place, bias.wrapping_add(addend));
            }
        } else if info != 0 {
            arch::trap(); // Neither relative nor none: this program needs a dynamic linker.
        }
        at += entry_bytes;
    }
}

/// Applies the packed table: an even word is the address of a pointer, an odd one a bitmap of the
/// words that follow the last address.
///
/// # Safety
/// 1. The table is the program's own, not yet applied.
#[inline(always)]
unsafe fn apply_packed(bias: usize, table: usize, bytes: usize) {
    let mut at = bias.wrapping_add(table);
    let end = at + bytes;
    let mut place = 0;
    while at < end {
        // SAFETY: clause 1.
        let entry = unsafe { word(at) };
        if entry & 1 == 0 {
            place = bias.wrapping_add(entry);
            // SAFETY: clause 1.
            unsafe { store_word(place, bias.wrapping_add(word(place))) };
            place += WORD;
        } else {
            let mut bits = entry >> 1;
            let mut current = place;
            while bits != 0 {
                if bits & 1 != 0 {
                    // SAFETY: clause 1.
                    unsafe { store_word(current, bias.wrapping_add(word(current))) };
                }
                bits >>= 1;
                current += WORD;
            }
            place += (8 * WORD - 1) * WORD;
        }
        at += WORD;
    }
}
