//! A program loader in user space: starts a program of the suite on an initial stack that no
//! kernel would make, with garbage in every register.
//!
//! It replaces nothing: the loaded program shares the address space with the loader's, which it
//! knows nothing of. So it is for child processes (see [`capture`](crate::capture)). It loads
//! static programs only, and sets no signal, descriptor or name back as `execve` does.
//!
//! Unsafe here: mappings made executable, an initial stack, and the jump.

use core::ffi::CStr;
use core::mem::MaybeUninit;

use linux_raw_sys::auxvec as aux;
use linux_raw_sys::elf::{Elf_Ehdr, Elf_Phdr, PT_LOAD};
use threadbare::io::File;
use threadbare::seam::arch::kernel as k;
use threadbare::{env, eprintln, seam};

use crate::kernel::call;

#[cfg_attr(target_arch = "x86_64", path = "loader/x86_64.rs")]
#[cfg_attr(target_arch = "x86", path = "loader/x86.rs")]
#[cfg_attr(target_arch = "aarch64", path = "loader/aarch64.rs")]
#[cfg_attr(target_arch = "arm", path = "loader/arm.rs")]
#[cfg_attr(target_arch = "powerpc", path = "loader/powerpc.rs")]
#[cfg_attr(target_arch = "powerpc64", path = "loader/powerpc64.rs")]
#[cfg_attr(
    any(target_arch = "riscv64", target_arch = "riscv32"),
    path = "loader/riscv.rs"
)]
#[cfg_attr(target_arch = "loongarch64", path = "loader/loongarch64.rs")]
#[cfg_attr(
    any(target_arch = "mips", target_arch = "mips32r6"),
    path = "loader/mips.rs"
)]
#[cfg_attr(
    any(target_arch = "mips64", target_arch = "mips64r6"),
    path = "loader/mips64.rs"
)]
#[cfg_attr(target_arch = "s390x", path = "loader/s390x.rs")]
#[cfg_attr(target_arch = "sparc64", path = "loader/sparc64.rs")]
#[cfg_attr(target_arch = "hexagon", path = "loader/hexagon.rs")]
mod cpu;

pub use cpu::are_flags_clean;

/// The exit status of a child that could not load its program.
pub const NOT_LOADED: i32 = 112;

/// What a program is to find on its initial stack.
#[derive(Clone, Copy, Debug)]
pub struct InitialStack<'a> {
    /// The arguments, the program's name included.
    pub arguments: &'a [&'a CStr],
    /// The environment.
    pub environment: &'a [&'a CStr],
    /// The auxiliary vector's entries in this order, by type. Values are filled in: the right one
    /// for the types in [`ORDINARY`], nonsense for all others.
    pub auxv: &'a [u32],
    /// By how many words the stack pointer misses the alignment that kernels give it.
    pub misaligned_words: usize,
}

/// What a kernel would make.
pub const ORDINARY: InitialStack<'static> = InitialStack {
    arguments: &[c"probe"],
    environment: &[],
    auxv: &[
        aux::AT_PAGESZ,
        aux::AT_PHDR,
        aux::AT_PHENT,
        aux::AT_PHNUM,
        aux::AT_ENTRY,
        aux::AT_RANDOM,
    ],
    misaligned_words: 0,
};

/// What `AT_RANDOM` points to, which is on no boundary: the kernel's does not have to be either.
static RANDOM: Random = Random([0xee, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);

#[repr(align(16))]
struct Random([u8; 17]);

/// The canary that a program makes of the loader's random bytes: the first byte is 0.
pub fn expected_canary() -> usize {
    let mut bytes = [0; size_of::<usize>()];
    let count = bytes.len();
    bytes[1..].copy_from_slice(&RANDOM.0[2..1 + count]);
    usize::from_ne_bytes(bytes)
}

/// A program in memory.
struct Program {
    headers: usize,
    header_count: usize,
    entry: usize,
}

const STACK_BYTES: usize = 1 << 20;
const WORD: usize = size_of::<usize>();
const PAGES_NONE: u32 = k::PROT_NONE;
const PAGES_WRITABLE: u32 = k::PROT_READ | k::PROT_WRITE;

/// Loads the program `name` from the directory of this program and runs it on `stack`.
///
/// Where that fails, it says so on standard error and ends the process with [`NOT_LOADED`].
pub fn load_and_run(name: &str, stack: &InitialStack<'_>) -> ! {
    let mut path = [0u8; 4096];
    let path = beside_this_program(name, &mut path);
    let Ok(file) = File::open(path) else {
        give_up(
            "cannot be opened: build all programs of the suite into one directory",
            name,
        );
    };
    let program = load(&file, name);
    drop(file);
    let top = map(
        0,
        STACK_BYTES + stack_words(stack) * WORD,
        PAGES_WRITABLE,
        name,
    ) + STACK_BYTES
        + stack_words(stack) * WORD;
    // SAFETY: the mapping below `top` was made for it.
    let initial_stack = unsafe { write_stack(stack, &program, top) };
    // No thread pointer: the loader's own would hide a program's that uses its own too early.
    // SAFETY: no thread-local is used from here on.
    let _ = unsafe { seam::arch::set_thread_pointer(0) };
    // SAFETY: the program is loaded, and its stack is written.
    unsafe { cpu::enter(program.entry, initial_stack) }
}

fn give_up(why: &str, name: &str) -> ! {
    eprintln!("loader: {name} {why}");
    seam::sys::task::exit_process(NOT_LOADED)
}

/// Writes the path of `name` in this program's own directory, as the program was called.
fn beside_this_program<'a>(name: &str, path: &'a mut [u8]) -> &'a CStr {
    let own = env::args_os().next().map_or(&[][..], CStr::to_bytes);
    let directory = own
        .iter()
        .rposition(|&byte| byte == b'/')
        .map_or(0, |slash| slash + 1);
    let count = directory + name.len();
    if count >= path.len() {
        give_up("has too long a path", name);
    }
    path[..directory].copy_from_slice(&own[..directory]);
    path[directory..count].copy_from_slice(name.as_bytes());
    CStr::from_bytes_until_nul(path).unwrap_or(c"")
}

/// Maps fresh memory, at `address` unless that is 0, and returns where it is.
fn map(address: usize, bytes: usize, protection: u32, name: &str) -> usize {
    // A hint is enough: what lies elsewhere then is refused, and nothing was overwritten. The flag
    // that makes kernels refuse is not known to all emulators.
    let flags = k::MAP_PRIVATE | k::MAP_ANONYMOUS;
    let no_file = usize::MAX;
    let arguments = [
        address,
        bytes,
        protection as usize,
        flags as usize,
        no_file,
        0,
    ];
    // SAFETY: without MAP_FIXED no existing mapping is touched.
    match unsafe { seam::sys::mem::map_anything(arguments) } {
        Ok(found) if address == 0 || found == address => found,
        Ok(_) => give_up(
            "lies where something is already: link the loader elsewhere",
            name,
        ),
        Err(_) => give_up("cannot be mapped", name),
    }
}

/// Changes what may be done with pages of the program.
fn protect(address: usize, bytes: usize, protection: u32, name: &str) {
    let arguments = [address, bytes, protection as usize, 0, 0, 0];
    // SAFETY: the range lies in a mapping that `load` made.
    if unsafe { call(k::__NR_mprotect, arguments) }.is_err() {
        give_up("cannot be protected", name);
    }
}

/// Reads all of `bytes` from `offset`.
///
/// What is read may be code, so this program itself stores every byte: an emulated s390x (qemu 7.2)
/// goes on running what was there before if an instruction that moves more than a word, such as the
/// kernel's own copy, writes over code.
fn read_exactly(file: &File, mut bytes: &mut [u8], mut offset: usize, name: &str) {
    let mut piece = [0u8; 4096];
    while !bytes.is_empty() {
        let wanted = piece.len().min(bytes.len());
        match file.read_at(&mut piece[..wanted], offset as u64) {
            Ok(count @ 1..) => {
                let (done, rest) = bytes.split_at_mut(count);
                for (to, from) in done.iter_mut().zip(piece) {
                    // SAFETY: a byte that is borrowed for writing.
                    unsafe { (to as *mut u8).write_volatile(from) };
                }
                bytes = rest;
                offset += count;
            }
            _ => give_up("is cut off or cannot be read", name),
        }
    }
}

/// Reads a structure of integers from `offset`.
///
/// # Safety
/// 1. Every bit pattern is a valid `T`.
unsafe fn read_structure<T>(file: &File, offset: usize, name: &str) -> T {
    let mut structure = MaybeUninit::<T>::zeroed();
    // SAFETY: the bytes of the structure, all written.
    let bytes = unsafe {
        core::slice::from_raw_parts_mut(structure.as_mut_ptr().cast::<u8>(), size_of::<T>())
    };
    read_exactly(file, bytes, offset, name);
    // SAFETY: clause 1.
    unsafe { structure.assume_init() }
}

/// Maps a program's segments and fills them.
fn load(file: &File, name: &str) -> Program {
    // SAFETY: a file header is made of integers.
    let header: Elf_Ehdr = unsafe { read_structure(file, 0, name) };
    if &header.e_ident[..4] != b"\x7fELF" || header.e_machine != seam::arch::ELF_MACHINE {
        give_up("is no program for this CPU", name);
    }
    let segments = || {
        let bytes = size_of::<Elf_Phdr>();
        (0..header.e_phnum as usize)
            // SAFETY: a program header is made of integers.
            .map(move |index| unsafe {
                read_structure::<Elf_Phdr>(file, header.e_phoff + index * bytes, name)
            })
            .filter(|segment| segment.p_type == PT_LOAD)
    };
    let page = env::page_size();
    let low = segments().map(|segment| segment.p_vaddr).min().unwrap_or(0) & !(page - 1);
    let high = segments()
        .map(|segment| segment.p_vaddr + segment.p_memsz)
        .max()
        .unwrap_or(0);
    if high <= low {
        give_up("has nothing to load", name);
    }
    const ET_DYN: u16 = 3; // linked for anywhere
    let place = if header.e_type == ET_DYN { 0 } else { low };
    let bias = map(place, high - low, PAGES_NONE, name).wrapping_sub(low);
    for segment in segments() {
        let address = bias.wrapping_add(segment.p_vaddr);
        let page_low = address & !(page - 1);
        let bytes = address + segment.p_memsz - page_low;
        protect(page_low, bytes, PAGES_WRITABLE, name);
        let memory = core::ptr::with_exposed_provenance_mut::<u8>(address);
        // SAFETY: memory of the mapping, just made writable.
        let memory = unsafe { core::slice::from_raw_parts_mut(memory, segment.p_filesz) };
        read_exactly(file, memory, segment.p_offset, name);
    }
    for segment in segments() {
        let address = bias.wrapping_add(segment.p_vaddr);
        let page_low = address & !(page - 1);
        protect(
            page_low,
            address + segment.p_memsz - page_low,
            protection(&segment),
            name,
        );
    }
    Program {
        headers: bias.wrapping_add(low) + header.e_phoff,
        header_count: header.e_phnum as usize,
        entry: bias.wrapping_add(header.e_entry),
    }
}

/// A segment's flags as the kernel wants them.
fn protection(segment: &Elf_Phdr) -> u32 {
    const PF_X: u32 = 1;
    const PF_W: u32 = 2;
    const PF_R: u32 = 4;
    let of = |flag, bit| if segment.p_flags & flag != 0 { bit } else { 0 };
    of(PF_R, k::PROT_READ) | of(PF_W, k::PROT_WRITE) | of(PF_X, k::PROT_EXEC)
}

/// How many words the initial stack takes at most.
fn stack_words(stack: &InitialStack<'_>) -> usize {
    let pointers = 1 + stack.arguments.len() + 1 + stack.environment.len() + 1;
    pointers + 2 * (stack.auxv.len() + 1) + stack.misaligned_words + 64
}

/// Writes the initial stack below `top` and returns the stack pointer.
///
/// # Safety
/// 1. There are [`stack_words`] writable words below `top`.
unsafe fn write_stack(stack: &InitialStack<'_>, program: &Program, top: usize) -> usize {
    let value = |kind| match kind {
        aux::AT_PAGESZ => env::page_size(),
        aux::AT_PHDR => program.headers,
        aux::AT_PHENT => size_of::<Elf_Phdr>(),
        aux::AT_PHNUM => program.header_count,
        aux::AT_ENTRY => program.entry,
        aux::AT_RANDOM => RANDOM.0[1..].as_ptr().expose_provenance(),
        _ => 0x0bad_0bad,
    };
    let low = (top - stack_words(stack) * WORD) & !63;
    let initial_stack = low + stack.misaligned_words * WORD;
    let mut at = core::ptr::with_exposed_provenance_mut::<usize>(initial_stack);
    let mut push = |word: usize| {
        // SAFETY: clause 1: `stack_words` counted every word that follows.
        unsafe { at.write(word) };
        at = at.wrapping_add(1);
    };
    push(stack.arguments.len());
    for strings in [stack.arguments, stack.environment] {
        strings
            .iter()
            .for_each(|string| push(string.as_ptr().expose_provenance()));
        push(0);
    }
    for &kind in stack.auxv {
        push(kind as usize);
        push(value(kind));
    }
    push(aux::AT_NULL as usize);
    push(0);
    initial_stack
}
