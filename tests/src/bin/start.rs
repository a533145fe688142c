//! The start of this very program: what the kernel handed over, and what ran before `main`.
//!
//! Starts that no kernel makes are `start_loader`'s.

#![no_std]
#![no_main]

use core::ffi::CStr;
use core::hint::black_box;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};

use linux_raw_sys::auxvec as aux;
use linux_raw_sys::elf::{Elf_Ehdr, Elf_Phdr};
use suite::{Verdict, check, check_eq};
use threadbare::env::{self, VarError};
use threadbare::io::{File, Read};
use threadbare::seam::{Process, arch};
use threadbare::thread;

suite::area! { 21:
    arguments_are_those_of_the_process,
    argument_iterators_agree,
    environment_is_that_of_the_process,
    variables_are_found_by_name,
    auxiliary_vector_is_that_of_the_process,
    program_headers_are_where_the_linker_put_them,
    load_bias_fits_the_kind_of_program,
    pointers_in_statics_are_relocated,
    initialisers_ran_once_in_order_before_main,
    initialisers_got_the_arguments,
    initialisers_had_a_whole_runtime,
    canary_is_random_but_for_its_first_byte,
    canary_is_where_compilers_look,
    stack_is_aligned_in_main_and_in_threads,
    main_thread_is_named_main,
}

/// Reads a whole file of `/proc`; `None` where there is none, or more than there is room for.
fn read_file<'a>(path: &CStr, memory: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut file = File::open(path).ok()?;
    let mut count = 0;
    while count < memory.len() {
        match file.read(&mut memory[count..]).ok()? {
            0 => return Some(&memory[..count]),
            more => count += more,
        }
    }
    None
}

/// The NUL-terminated strings in `bytes`.
fn strings(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split_inclusive(|&byte| byte == 0)
        .map(|string| &string[..string.len() - 1])
}

fn arguments_are_those_of_the_process() -> Verdict {
    let mut memory = [0; 64 << 10];
    let Some(bytes) = read_file(c"/proc/self/cmdline", &mut memory) else {
        check!("/proc/self/cmdline" == "readable and less than 64 KiB");
        return Ok(());
    };
    check!(env::args_os().len() >= 1);
    check_eq!(strings(bytes).count(), env::args_os().len());
    check!(strings(bytes).eq(env::args_os().map(CStr::to_bytes)));
    Ok(())
}

fn argument_iterators_agree() -> Verdict {
    let count = env::args_os().count();
    check_eq!(env::args().len(), count);
    check_eq!(env::args().size_hint(), (count, Some(count)));
    check!(
        env::args()
            .zip(env::args_os())
            .all(|(text, bytes)| Ok(text) == bytes.to_str())
    );
    check_eq!(env::args_os().nth(count), None);
    check_eq!(env::args_os().nth(usize::MAX), None);
    let mut arguments = env::args_os();
    check_eq!(arguments.nth(count - 1), env::args_os().last());
    check_eq!(arguments.next(), None);
    check_eq!(arguments.next(), None);
    Ok(())
}

fn environment_is_that_of_the_process() -> Verdict {
    let mut memory = [0; 256 << 10];
    let Some(bytes) = read_file(c"/proc/self/environ", &mut memory) else {
        check!("/proc/self/environ" == "readable and less than 256 KiB");
        return Ok(());
    };
    // Emulators hand the variables over in an order of their own.
    let has_name = |entry: &&[u8]| entry.iter().skip(1).any(|&byte| byte == b'=');
    check_eq!(
        strings(bytes).filter(has_name).count(),
        env::vars_os().count()
    );
    for entry in strings(bytes).filter(has_name) {
        let is_found = env::vars_os().any(|(name, value)| {
            let rest = entry
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix(b"="));
            rest == Some(value.to_bytes())
        });
        check!(is_found);
    }
    Ok(())
}

fn variables_are_found_by_name() -> Verdict {
    const NO_NAME: &str = "NO_VARIABLE_HAS_THIS_NAME";
    check_eq!(env::var_os(NO_NAME), None);
    check_eq!(env::var(NO_NAME), Err(VarError::NotPresent));
    check_eq!(env::var_os(""), None);
    for (name, _) in env::vars_os() {
        let Ok(name) = core::str::from_utf8(name) else {
            continue;
        };
        let first = env::vars_os().find(|(other, _)| *other == name.as_bytes());
        let first = first.map(|(_, value)| value);
        check_eq!(env::var_os(name), first);
        match (env::var(name), first.map(CStr::to_str)) {
            (Ok(text), Some(Ok(expected))) => check_eq!(text, expected),
            (Err(VarError::NotUnicode(value)), Some(Err(_))) => check_eq!(Some(value), first),
            _ => check!("var" == "var_os"),
        }
    }
    Ok(())
}

fn auxiliary_vector_is_that_of_the_process() -> Verdict {
    let mut memory = [0; 4096];
    let Some(bytes) = read_file(c"/proc/self/auxv", &mut memory) else {
        check!("/proc/self/auxv" == "readable and less than 4 KiB");
        return Ok(());
    };
    const WORD: usize = size_of::<usize>();
    let word = |bytes: &[u8]| bytes.try_into().map_or(0, usize::from_ne_bytes);
    let value = |kind: u32| {
        bytes
            .chunks_exact(2 * WORD)
            .find(|pair| word(&pair[..WORD]) == kind as usize)
            .map_or(0, |pair| word(&pair[WORD..]))
    };
    let auxv = Process::get().auxv();
    check!(auxv.page_bytes() != 0 && auxv.phdr_address() != 0 && auxv.random_address() != 0);
    check_eq!(auxv.page_bytes(), value(aux::AT_PAGESZ));
    check_eq!(auxv.phdr_address(), value(aux::AT_PHDR));
    check_eq!(auxv.phent_bytes(), value(aux::AT_PHENT));
    check_eq!(auxv.phdr_count(), value(aux::AT_PHNUM));
    check_eq!(auxv.random_address(), value(aux::AT_RANDOM));
    check_eq!(auxv.entry_address(), value(aux::AT_ENTRY));
    check_eq!(auxv.signal_stack_bytes_min(), value(aux::AT_MINSIGSTKSZ));
    check_eq!(auxv.is_secure(), value(aux::AT_SECURE) != 0);
    check_eq!(env::page_size(), value(aux::AT_PAGESZ));
    check!(env::page_size().is_power_of_two());
    Ok(())
}

unsafe extern "C" {
    /// Where the linker put the file's header.
    static __ehdr_start: Elf_Ehdr;
}

fn file_header() -> &'static Elf_Ehdr {
    // SAFETY: the linker's symbol; the first segment holds the header.
    unsafe { &__ehdr_start }
}

fn program_headers_are_where_the_linker_put_them() -> Verdict {
    let header = file_header();
    let auxv = Process::get().auxv();
    check_eq!(&header.e_ident[..4], b"\x7fELF");
    check_eq!(header.e_machine, arch::ELF_MACHINE);
    check_eq!(
        auxv.phdr_address(),
        (&raw const *header).addr() + header.e_phoff
    );
    check_eq!(auxv.phdr_count(), header.e_phnum as usize);
    check_eq!(auxv.phent_bytes(), size_of::<Elf_Phdr>());
    Ok(())
}

fn load_bias_fits_the_kind_of_program() -> Verdict {
    const ET_EXEC: u16 = 2;
    const ET_DYN: u16 = 3;
    let header = file_header();
    let process = Process::get();
    let bias = process.image.load_bias;
    match header.e_type {
        ET_EXEC => check_eq!(bias, 0),
        ET_DYN => {
            // Linked from address 0.
            check_eq!(bias, (&raw const *header).addr());
            check!(bias != 0 && process.image.dynamic_address > bias);
        }
        _ => check!("the kind of this file" == "one that runs"),
    }
    check_eq!(bias + header.e_entry, process.auxv().entry_address());
    check_eq!(
        process.auxv().entry_address(),
        arch::_start as *const () as usize
    );
    Ok(())
}

/// Pointers of every kind that a static can hold.
struct Pointers {
    text: &'static str,
    function: fn(u32) -> u32,
    object: &'static (dyn Fn() -> u32 + Sync),
    inner: &'static Pointers,
}

static POINTERS: [Pointers; 2] = [
    Pointers {
        text: "a",
        function: add_one,
        object: &|| 5,
        inner: &POINTERS[1],
    },
    Pointers {
        text: "bc",
        function: add_two,
        object: &|| 6,
        inner: &POINTERS[0],
    },
];

/// Enough of them in a row that a packed table of relocations needs more than one bitmap.
static TEXTS: [&str; 100] = ["text"; 100];

fn add_one(number: u32) -> u32 {
    number + 1
}

fn add_two(number: u32) -> u32 {
    number + 2
}

fn pointers_in_statics_are_relocated() -> Verdict {
    let pointers = black_box(&POINTERS);
    check_eq!((pointers[0].text, pointers[1].text), ("a", "bc"));
    check_eq!((pointers[0].function)(1), 2);
    check_eq!((pointers[1].function)(1), 3);
    check_eq!((pointers[0].object)() + (pointers[1].object)(), 11);
    check_eq!(pointers[0].inner.inner.text, "a");
    check!(core::ptr::eq(pointers[0].inner, &POINTERS[1]));
    check!(black_box(&TEXTS).iter().all(|text| *text == "text"));
    Ok(())
}

/// The initialisers that ran, in order: a digit each, in decimal.
static RAN: AtomicU32 = AtomicU32::new(0);
static ARGUMENT_COUNT: AtomicUsize = AtomicUsize::new(usize::MAX);
static ARGUMENTS: AtomicUsize = AtomicUsize::new(0);
static ENVIRONMENT: AtomicUsize = AtomicUsize::new(0);
static THREAD_ID: AtomicU32 = AtomicU32::new(0);

type Initialiser = extern "C" fn(usize, *const *const u8, *const *const u8);

fn note(digit: u32) {
    RAN.store(RAN.load(Relaxed) * 10 + digit, Relaxed);
}

extern "C" fn early(_: usize, _: *const *const u8, _: *const *const u8) {
    note(1);
}

extern "C" fn later(_: usize, _: *const *const u8, _: *const *const u8) {
    note(2);
}

extern "C" fn third(count: usize, arguments: *const *const u8, environment: *const *const u8) {
    note(3);
    ARGUMENT_COUNT.store(count, Relaxed);
    ARGUMENTS.store(arguments.addr(), Relaxed);
    ENVIRONMENT.store(environment.addr(), Relaxed);
}

extern "C" fn fourth(_: usize, _: *const *const u8, _: *const *const u8) {
    note(4);
    let spawned = thread::spawn(|| thread::current().id().as_u64().get() as u32);
    THREAD_ID.store(spawned.join().unwrap_or(0), Relaxed);
}

// In the reverse of the order that their priorities ask for.
#[used]
#[unsafe(link_section = ".init_array")]
static PLAIN: [Initialiser; 2] = [third, fourth];
#[used]
#[unsafe(link_section = ".init_array.00200")]
static LATER: Initialiser = later;
#[used]
#[unsafe(link_section = ".init_array.00100")]
static EARLY: Initialiser = early;

fn initialisers_ran_once_in_order_before_main() -> Verdict {
    check_eq!(RAN.load(Relaxed), 1234);
    Ok(())
}

fn initialisers_got_the_arguments() -> Verdict {
    let process = Process::get();
    check_eq!(ARGUMENT_COUNT.load(Relaxed), process.argument_count);
    check_eq!(ARGUMENTS.load(Relaxed), process.arguments.addr());
    check_eq!(ENVIRONMENT.load(Relaxed), process.environment.addr());
    Ok(())
}

fn initialisers_had_a_whole_runtime() -> Verdict {
    // The first thread that was spawned: the main thread's id is 1.
    check_eq!(THREAD_ID.load(Relaxed), 2);
    Ok(())
}

unsafe extern "C" {
    /// Where C code finds the canary on CPUs that have no place for it in TLS.
    static __stack_chk_guard: AtomicUsize;
}

fn canary_is_random_but_for_its_first_byte() -> Verdict {
    let process = Process::get();
    let bytes = process.canary.to_ne_bytes();
    check_eq!(bytes[0], 0);
    let random = process.auxv().random_address() as *const [u8; size_of::<usize>()];
    check!(!random.is_null());
    // SAFETY: the kernel's 16 bytes, which nobody changes.
    let random = unsafe { random.read() };
    check_eq!(bytes[1..], random[1..]);
    check!(process.canary != 0);
    Ok(())
}

/// Reads the calling thread's canary from where compilers have it read.
fn canary_of_this_thread() -> usize {
    let Some(offset) = arch::TLS_CANARY_OFFSET_BYTES else {
        // SAFETY: the runtime's own static, written before any thread.
        return unsafe { __stack_chk_guard.load(Relaxed) };
    };
    // SAFETY: this thread's TLS is set up.
    let tp = unsafe { arch::thread_pointer() };
    let place = tp
        .wrapping_sub(arch::TLS_TP_BIAS_BYTES)
        .wrapping_add_signed(offset);
    // SAFETY: a word of this thread's control block.
    unsafe { core::ptr::with_exposed_provenance::<usize>(place).read() }
}

fn canary_is_where_compilers_look() -> Verdict {
    let canary = Process::get().canary;
    check_eq!(canary_of_this_thread(), canary);
    // SAFETY: the runtime's own static, written before any thread.
    check_eq!(unsafe { __stack_chk_guard.load(Relaxed) }, canary);
    for _ in 0..3 {
        check_eq!(thread::spawn(canary_of_this_thread).join(), Ok(canary));
    }
    Ok(())
}

/// Whether locals with the alignment of the stack have it: compilers count on the one at entry.
#[inline(never)]
fn stack_is_aligned() -> bool {
    #[repr(align(8))]
    struct Eight(#[allow(dead_code, reason = "its address is what counts")] u64);
    #[repr(align(16))]
    struct Sixteen(#[allow(dead_code, reason = "its address is what counts")] [u64; 2]);
    let (eight, sixteen) = (Eight(1), Sixteen([1, 2]));
    let eight = black_box(&raw const eight).addr();
    let sixteen = black_box(&raw const sixteen).addr();
    eight.is_multiple_of(8) && sixteen.is_multiple_of(16)
}

fn stack_is_aligned_in_main_and_in_threads() -> Verdict {
    check!(stack_is_aligned());
    for _ in 0..3 {
        check_eq!(thread::spawn(stack_is_aligned).join(), Ok(true));
    }
    Ok(())
}

fn main_thread_is_named_main() -> Verdict {
    check_eq!(thread::current().name(), Some("main"));
    check_eq!(thread::current().id().as_u64().get(), 1);
    Ok(())
}
