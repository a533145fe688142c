//! Program headers and auxiliary vectors, well-formed and not.
//!
//! Headers are written down here as the ELF specification lays them out, independently of the
//! structure that the library reads them through.

use threadbare::seam::auxv::Auxv;
use threadbare::seam::elf::{Image, ImageError, TlsTemplate};

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_PHDR: u32 = 6;
const PT_TLS: u32 = 7;
const PT_GNU_STACK: u32 = 0x6474_e551;

/// The bytes of an ELF header, after which linkers put the program headers.
const FILE_HEADER_BYTES: usize = 64;

/// `Elf64_Phdr`, gABI 4.1 chapter 5.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Header {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    physical_address: u64,
    file_bytes: u64,
    memory_bytes: u64,
    align_bytes: u64,
}

const _: () = assert!(
    size_of::<usize>() == 8,
    "the host of these tests is a 64-bit CPU"
);

fn header(kind: u32, offset: u64, address: u64) -> Header {
    Header {
        kind,
        offset,
        address,
        ..Header::default()
    }
}

fn tls(address: u64, file_bytes: u64, memory_bytes: u64, align_bytes: u64) -> Header {
    Header {
        file_bytes,
        memory_bytes,
        align_bytes,
        ..header(PT_TLS, 0x100, address)
    }
}

fn parse(headers: &[Header], headers_address: usize) -> Result<Image, ImageError> {
    fn view<T>(headers: &[Header]) -> &[T] {
        assert_eq!(size_of::<T>(), size_of::<Header>());
        assert!(align_of::<T>() <= align_of::<Header>());
        // SAFETY: a `T` is a structure of integers with the same size, by the specification.
        unsafe { core::slice::from_raw_parts(headers.as_ptr().cast(), headers.len()) }
    }
    Image::parse(view(headers), headers_address)
}

#[test]
fn fixed_program_has_no_load_bias() {
    let headers = [
        header(PT_PHDR, 64, 0x20_0040),
        header(PT_LOAD, 0, 0x20_0000),
    ];
    let image = parse(&headers, 0x20_0040).unwrap();
    assert_eq!(
        image,
        Image {
            load_bias: 0,
            ..Image::NONE
        }
    );
    let without = parse(&headers[1..], 0x20_0000 + FILE_HEADER_BYTES).unwrap();
    assert_eq!(image, without);
}

#[test]
fn load_bias_is_where_the_headers_are() {
    let bias = 0x5555_5555_4000;
    let headers = [
        header(PT_PHDR, 64, 64),
        header(PT_LOAD, 0, 0),
        header(PT_LOAD, 0x1000, 0x2000),
        header(PT_DYNAMIC, 0x1100, 0x2100),
    ];
    let image = parse(&headers, bias + 64).unwrap();
    assert_eq!(image.load_bias, bias);
    assert_eq!(image.dynamic_address, bias + 0x2100);
    // The same without PT_PHDR.
    assert_eq!(
        parse(&headers[1..], bias + FILE_HEADER_BYTES).unwrap(),
        image
    );
}

#[test]
fn program_header_entry_wins_over_the_first_segment() {
    // Headers at the file's end: only PT_PHDR tells the truth.
    let headers = [
        header(PT_LOAD, 0, 0x1_0000),
        header(PT_PHDR, 0x5000, 0x1_5000),
    ];
    assert_eq!(parse(&headers, 0x7001_5000).unwrap().load_bias, 0x7000_0000);
}

#[test]
fn load_bias_may_be_negative() {
    // Linked high, loaded low: the bias wraps, and addresses come out right all the same.
    let headers = [
        header(PT_PHDR, 64, 0x7000_0040),
        header(PT_DYNAMIC, 0x100, 0x7000_0100),
    ];
    let image = parse(&headers, 0x1040).unwrap();
    assert_eq!(image.load_bias, 0x1000usize.wrapping_sub(0x7000_0000));
    assert_eq!(image.dynamic_address, 0x1100);
}

#[test]
fn headers_without_a_load_address_are_refused() {
    assert_eq!(parse(&[], 0x1000), Err(ImageError::NoLoadAddress));
    let headers = [
        header(PT_LOAD, 0x1000, 0x20_1000),
        header(PT_GNU_STACK, 0, 0),
    ];
    assert_eq!(parse(&headers, 0x1000), Err(ImageError::NoLoadAddress));
}

#[test]
fn program_without_tls_has_an_empty_template() {
    let image = parse(&[header(PT_LOAD, 0, 0)], FILE_HEADER_BYTES).unwrap();
    assert_eq!(image.tls, TlsTemplate::NONE);
    assert_eq!(image.tls.align_bytes, 1);
    assert_eq!(image.dynamic_address, 0);
    assert_eq!(image.stack_bytes, 0);
}

#[test]
fn tls_template_keeps_both_addresses() {
    let headers = [header(PT_LOAD, 0, 0x1000), tls(0x3018, 8, 24, 16)];
    let image = parse(&headers, 0x9000 + FILE_HEADER_BYTES).unwrap();
    let expected = TlsTemplate {
        address: 0xb018,
        link_address: 0x3018,
        file_bytes: 8,
        memory_bytes: 24,
        align_bytes: 16,
    };
    assert_eq!(image.tls, expected);
}

#[test]
fn tls_alignment_zero_means_one() {
    let headers = [header(PT_LOAD, 0, 0), tls(0x1001, 1, 2, 0)];
    assert_eq!(
        parse(&headers, FILE_HEADER_BYTES).unwrap().tls.align_bytes,
        1
    );
}

#[test]
fn tls_alignment_that_is_no_power_of_two_is_refused() {
    for align in [3, 6, 12, 4097, u64::MAX] {
        let headers = [header(PT_LOAD, 0, 0), tls(0x1000, 0, 8, align)];
        assert_eq!(
            parse(&headers, FILE_HEADER_BYTES),
            Err(ImageError::TlsAlign),
            "{align}"
        );
    }
    let headers = [header(PT_LOAD, 0, 0), tls(0x1000, 0, 8, 1 << 63)];
    assert_eq!(
        parse(&headers, FILE_HEADER_BYTES).unwrap().tls.align_bytes,
        1 << 63
    );
}

#[test]
fn tls_with_more_initial_bytes_than_bytes_is_refused() {
    for (file_bytes, memory_bytes) in [(1, 0), (9, 8), (u64::MAX, 8)] {
        let headers = [
            header(PT_LOAD, 0, 0),
            tls(0x1000, file_bytes, memory_bytes, 8),
        ];
        assert_eq!(parse(&headers, FILE_HEADER_BYTES), Err(ImageError::TlsSize));
    }
    let headers = [header(PT_LOAD, 0, 0), tls(0x1000, 8, 8, 8)];
    assert_eq!(
        parse(&headers, FILE_HEADER_BYTES).unwrap().tls.file_bytes,
        8
    );
}

#[test]
fn stack_size_is_what_the_linker_was_told() {
    let stack = Header {
        memory_bytes: 0x12_3000,
        ..header(PT_GNU_STACK, 0, 0)
    };
    let image = parse(
        &[header(PT_LOAD, 0, 0x1000), stack],
        0x1000 + FILE_HEADER_BYTES,
    )
    .unwrap();
    assert_eq!(image.stack_bytes, 0x12_3000);
}

#[test]
fn headers_may_come_in_any_order() {
    let stack = Header {
        memory_bytes: 77,
        ..header(PT_GNU_STACK, 0, 0)
    };
    let mut headers = [
        header(PT_PHDR, 64, 64),
        header(PT_LOAD, 0, 0),
        header(PT_DYNAMIC, 0x1100, 0x2100),
        tls(0x3000, 4, 8, 8),
        stack,
    ];
    let image = parse(&headers, 0x8040).unwrap();
    for _ in 0..headers.len() {
        headers.rotate_left(1);
        assert_eq!(parse(&headers, 0x8040).unwrap(), image);
    }
    headers.reverse();
    assert_eq!(parse(&headers, 0x8040).unwrap(), image);
}

#[test]
fn unknown_headers_change_nothing() {
    let known = [header(PT_LOAD, 0, 0x1000)];
    let mut headers = vec![known[0]];
    headers.extend(
        [0, 3, 4, 5, 8, 0x6474_e550, 0x6474_e552, 0x7000_0003].map(|kind| Header {
            memory_bytes: 99,
            align_bytes: 3,
            ..header(kind, 0, 0x4000)
        }),
    );
    let address = 0x1000 + FILE_HEADER_BYTES;
    assert_eq!(parse(&headers, address), parse(&known, address));
}

/// Every entry that the runtime uses, with the number from `include/uapi/linux/auxvec.h`.
const PAIRS: [(usize, usize); 10] = [
    (3, 0x20_0040),    // AT_PHDR
    (4, 56),           // AT_PHENT
    (5, 9),            // AT_PHNUM
    (6, 16_384),       // AT_PAGESZ
    (25, 0x7fff_0001), // AT_RANDOM
    (9, 0x20_1000),    // AT_ENTRY
    (31, 0x7fff_0fe9), // AT_EXECFN
    (51, 3632),        // AT_MINSIGSTKSZ
    (33, 0x7fff_f000), // AT_SYSINFO_EHDR
    (23, 1),           // AT_SECURE
];

/// Every entry, in the order of `PAIRS`.
fn known(auxv: &Auxv) -> [usize; 10] {
    [
        auxv.phdr_address(),
        auxv.phent_bytes(),
        auxv.phdr_count(),
        auxv.page_bytes(),
        auxv.random_address(),
        auxv.entry_address(),
        auxv.file_name_address(),
        auxv.signal_stack_bytes_min(),
        auxv.vdso_address(),
        auxv.is_secure().into(),
    ]
}

/// What `known` is of all `PAIRS`, but for one kind.
fn all_but(missing: usize) -> [usize; 10] {
    PAIRS.map(|(kind, value)| if kind == missing { 0 } else { value })
}

/// A kind that no entry has.
const NONE: usize = 0;

fn parse_known(pairs: impl Iterator<Item = (usize, usize)>) -> [usize; 10] {
    known(&Auxv::parse(pairs))
}

#[test]
fn auxv_order_does_not_matter() {
    let mut pairs = PAIRS.to_vec();
    for _ in 0..pairs.len() {
        pairs.rotate_left(1);
        assert_eq!(parse_known(pairs.iter().copied()), all_but(NONE));
        let ended = pairs.iter().copied().chain([(0, 0)]);
        assert_eq!(parse_known(ended), all_but(NONE));
    }
    pairs.reverse();
    assert_eq!(parse_known(pairs.into_iter()), all_but(NONE));
}

#[test]
fn auxv_entries_may_be_missing() {
    assert_eq!(parse_known(core::iter::empty()), [0; 10]);
    for (missing, _) in PAIRS {
        let pairs = PAIRS.into_iter().filter(|&(kind, _)| kind != missing);
        assert_eq!(parse_known(pairs), all_but(missing));
    }
}

#[test]
fn auxv_ends_at_its_terminator() {
    let pairs = [(0, 7)].into_iter().chain(PAIRS);
    assert_eq!(parse_known(pairs), [0; 10]);
    // Nothing past it is even asked for: there may be no memory.
    let mut asked = 0;
    let auxv = Auxv::parse(core::iter::from_fn(|| {
        asked += 1;
        assert!(asked <= 3, "read past AT_NULL");
        Some([(6, 4096), (4, 56), (0, 0)][asked - 1])
    }));
    assert_eq!((auxv.page_bytes(), auxv.phent_bytes()), (4096, 56));
}

#[test]
fn auxv_ignores_what_it_does_not_know() {
    let unknown = [
        (1, 5),
        (2, 6),
        (7, 8),
        (26, 9),
        (32, 0x7fff_e000),
        (52, 1),
        (1000, 1),
        (usize::MAX, 1),
    ];
    assert_eq!(parse_known(unknown.into_iter()), [0; 10]);
    let mixed = unknown.into_iter().chain(PAIRS).chain(unknown);
    assert_eq!(parse_known(mixed), all_but(NONE));
}

#[test]
fn auxv_secure_is_any_value_but_zero() {
    for (value, is_secure) in [(0, false), (1, true), (usize::MAX, true)] {
        assert_eq!(
            Auxv::parse([(23, value)].into_iter()).is_secure(),
            is_secure
        );
    }
}
