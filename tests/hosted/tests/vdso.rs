//! What is found in a vDSO: this machine's own, and images made here, whole, cut and garbled.

use threadbare::seam::arch::VdsoClock;
use threadbare::seam::vdso::{find, image_bytes};

const WANTED: VdsoClock = VdsoClock {
    symbol: b"__vdso_clock_gettime",
    version: b"LINUX_2.6",
    only_with: None,
    hash_entry_bytes: 4,
};

/// A function's symbol: name, version's number, `st_info`, section.
#[derive(Clone, Copy)]
struct Symbol {
    name: &'static str,
    version: u16,
    info: u8,
    section: u16,
}

const GLOBAL_FUNCTION: u8 = 0x12;

/// A global function of version 2, which is [`Made::version`].
const fn function(name: &'static str) -> Symbol {
    Symbol {
        name,
        version: 2,
        info: GLOBAL_FUNCTION,
        section: 8,
    }
}

/// An image to be made.
#[derive(Clone)]
struct Made {
    /// Link-time address of its first byte.
    address: u64,
    /// Whether it has `DT_HASH`, of entries of so many bytes.
    hash: Option<usize>,
    has_gnu_hash: bool,
    has_versions: bool,
    version: &'static str,
    /// `vd_flags` of version 2.
    version_flags: u16,
    symbols: Vec<Symbol>,
}

impl Made {
    fn new() -> Made {
        Made {
            address: 0,
            hash: Some(4),
            has_gnu_hash: true,
            has_versions: true,
            version: "LINUX_2.6",
            version_flags: 0,
            symbols: vec![
                function("__vdso_gettimeofday"),
                function("__vdso_clock_gettime"),
                function("__vdso_time"),
            ],
        }
    }

    /// Where the function with this index is.
    fn offset_of(index: usize) -> usize {
        0x40 + 0x10 * index
    }

    /// Lays it out by the gABI: headers, code, strings, symbols, versions, hashes, dynamic section.
    fn image(&self) -> Vec<u8> {
        const HEADERS: usize = 64 + 2 * 56;
        let mut image = vec![0; HEADERS.max(Made::offset_of(self.symbols.len()))];
        image.resize(image.len().next_multiple_of(16), 0);
        let mut strings = vec![0];
        let mut string = |text: &str| {
            let at = strings.len() as u32;
            strings.extend(text.bytes().chain([0]));
            at
        };
        let (object, version) = (string("linux-vdso.so.1"), string(self.version));
        let names: Vec<_> = self.symbols.iter().map(|it| string(it.name)).collect();
        let place = |image: &mut Vec<u8>, bytes: &[u8]| {
            image.resize(image.len().next_multiple_of(8), 0);
            image.extend(bytes);
            self.address
                .wrapping_add((image.len() - bytes.len()) as u64)
        };
        let strings = place(&mut image, &strings);
        let mut table = vec![0; 24];
        for (index, (symbol, name)) in self.symbols.iter().zip(names).enumerate() {
            let value = self.address.wrapping_add(Made::offset_of(index) as u64);
            table.extend(name.to_ne_bytes());
            table.extend([symbol.info, 0]);
            table.extend(symbol.section.to_ne_bytes());
            table.extend(value.to_ne_bytes());
            table.extend(16u64.to_ne_bytes());
        }
        let symbols = place(&mut image, &table);
        let numbers = self.symbols.iter().flat_map(|it| it.version.to_ne_bytes());
        let numbers: Vec<_> = [0, 0].into_iter().chain(numbers).collect();
        let versions = place(&mut image, &numbers);
        let mut definitions = Vec::new();
        for (flags, number, next, name) in [
            (1u16, 1u16, 28u32, object),
            (self.version_flags, 2, 0, version),
        ] {
            for half in [1, flags, number, 1] {
                definitions.extend(half.to_ne_bytes());
            }
            for word in [0, 20, next, name, 0] {
                definitions.extend(word.to_ne_bytes());
            }
        }
        let definitions = place(&mut image, &definitions);
        let count = self.symbols.len() as u32 + 1;
        let mut dynamic = vec![(5, strings), (6, symbols)];
        if self.has_versions {
            dynamic.extend([(0x6fff_fff0, versions), (0x6fff_fffc, definitions)]);
        }
        if let Some(entry_bytes) = self.hash {
            // One bucket, and each symbol's next one.
            let entries = [1, count, 1].into_iter().chain(0..count);
            let entries = entries.flat_map(|entry| {
                let wide = u64::from(entry).to_ne_bytes();
                let narrow = entry.to_ne_bytes();
                if entry_bytes == 8 {
                    wide.to_vec()
                } else {
                    narrow.to_vec()
                }
            });
            let entries: Vec<_> = entries.collect();
            dynamic.push((4, place(&mut image, &entries)));
        }
        if self.has_gnu_hash {
            // Two buckets, the second one empty, a filter of one word, and the chain's last value
            // with its lowest bit set.
            let mut words = vec![2, 1, 1, 0, u32::MAX, u32::MAX, 1, 0];
            words.extend((1..count).map(|index| 0x1230 | u32::from(index + 1 == count)));
            let bytes: Vec<_> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            dynamic.push((0x6fff_fef5, place(&mut image, &bytes)));
        }
        dynamic.push((0, 0));
        let pairs = dynamic
            .iter()
            .flat_map(|&(tag, value): &(u64, u64)| [tag, value]);
        let pairs: Vec<_> = pairs.flat_map(u64::to_ne_bytes).collect();
        let dynamic = place(&mut image, &pairs);
        self.headers(&mut image, dynamic);
        image
    }

    fn headers(&self, image: &mut [u8], dynamic: u64) {
        let bytes = image.len() as u64;
        let mut put = |at: usize, value: &[u8]| image[at..at + value.len()].copy_from_slice(value);
        put(0, &[0x7f, b'E', b'L', b'F', 2, 1, 1]);
        put(16, &3u16.to_ne_bytes()); // ET_DYN
        put(18, &62u16.to_ne_bytes()); // EM_X86_64
        put(32, &64u64.to_ne_bytes()); // e_phoff
        put(54, &56u16.to_ne_bytes()); // e_phentsize
        put(56, &2u16.to_ne_bytes()); // e_phnum
        put(64, &1u32.to_ne_bytes()); // PT_LOAD
        put(64 + 16, &self.address.to_ne_bytes());
        put(64 + 32, &bytes.to_ne_bytes());
        put(64 + 40, &bytes.to_ne_bytes());
        put(120, &2u32.to_ne_bytes()); // PT_DYNAMIC
        put(120 + 16, &dynamic.to_ne_bytes());
    }

    fn found(&self) -> Option<usize> {
        find(&self.image(), &WANTED)
    }
}

/// This process's vDSO.
fn own() -> &'static [u8] {
    // SAFETY: it has no preconditions.
    let base = unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) } as usize;
    assert_ne!(base, 0, "the kernel of these tests has a vDSO");
    let base = core::ptr::with_exposed_provenance(base);
    // SAFETY: a page is there at least.
    let head = unsafe { core::slice::from_raw_parts(base, 4096) };
    let bytes = image_bytes(head).expect("a vDSO");
    // SAFETY: the kernel maps all of it.
    unsafe { core::slice::from_raw_parts(base, bytes) }
}

#[test]
fn function_of_this_kernel_reads_the_clock() {
    let offset = find(own(), &WANTED).expect("a function");
    let address = own().as_ptr().wrapping_add(offset);
    // SAFETY: it is what its name and version say.
    let function: unsafe extern "C" fn(i32, *mut libc::timespec) -> i32 =
        unsafe { core::mem::transmute(address) };
    let mut times = [libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    }; 3];
    // SAFETY: each writes one time.
    unsafe {
        assert_eq!(libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut times[0]), 0);
        assert_eq!(function(libc::CLOCK_MONOTONIC, &mut times[1]), 0);
        assert_eq!(libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut times[2]), 0);
    }
    let times = times.map(|time| (time.tv_sec, time.tv_nsec));
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn either_table_of_hashes_tells_the_symbols() {
    let expected = Some(Made::offset_of(1));
    for (hash, has_gnu_hash) in [(Some(4), true), (Some(4), false), (None, true)] {
        let made = Made {
            hash,
            has_gnu_hash,
            ..Made::new()
        };
        assert_eq!(made.found(), expected, "{hash:?} {has_gnu_hash}");
    }
    let neither = Made {
        hash: None,
        has_gnu_hash: false,
        ..Made::new()
    };
    assert_eq!(neither.found(), None);
    let wide = Made {
        hash: Some(8),
        has_gnu_hash: false,
        ..Made::new()
    };
    let wanted = VdsoClock {
        hash_entry_bytes: 8,
        ..WANTED
    };
    assert_eq!(find(&wide.image(), &wanted), expected);
}

#[test]
fn link_time_addresses_are_anywhere() {
    for address in [0x10_0000, 0xffff_ffff_ff70_0000, u64::MAX - 0xfff] {
        let made = Made {
            address,
            ..Made::new()
        };
        assert_eq!(made.found(), Some(Made::offset_of(1)));
        assert_eq!(image_bytes(&made.image()), Some(made.image().len()));
    }
}

#[test]
fn other_versions_are_other_functions() {
    for version in ["", "LINUX_2.", "LINUX_2.6.39", "linux_2.6"] {
        assert_eq!(
            Made {
                version,
                ..Made::new()
            }
            .found(),
            None,
            "{version}"
        );
    }
    assert_eq!(
        Made {
            has_versions: false,
            ..Made::new()
        }
        .found(),
        None
    );
    // The name of the object itself is no version.
    assert_eq!(
        Made {
            version_flags: 1,
            ..Made::new()
        }
        .found(),
        None
    );
    let numbered = |version| {
        let symbols = vec![Symbol {
            version,
            ..function("__vdso_clock_gettime")
        }];
        Made {
            symbols,
            ..Made::new()
        }
        .found()
    };
    assert_eq!(numbered(2), Some(Made::offset_of(0)));
    assert_eq!(numbered(0x8002), Some(Made::offset_of(0)));
    for version in [0, 1, 3, 0x7fff, 0xffff] {
        assert_eq!(numbered(version), None, "{version}");
    }
}

#[test]
fn what_is_no_function_of_the_image_is_not_found() {
    let with = |symbol| {
        Made {
            symbols: vec![symbol],
            ..Made::new()
        }
        .found()
    };
    let good = function("__vdso_clock_gettime");
    assert!(with(good).is_some());
    assert!(
        with(Symbol { info: 0x10, ..good }).is_some(),
        "without a type, as on PowerPC"
    );
    assert!(with(Symbol { info: 0x22, ..good }).is_some(), "weak");
    for info in [0x02, 0x11, 0x1a, 0xa2] {
        assert_eq!(with(Symbol { info, ..good }), None, "{info:#x}");
    }
    assert_eq!(with(Symbol { section: 0, ..good }), None);
    for name in [
        "",
        "__vdso_clock_gettim",
        "__vdso_clock_gettime64",
        "_vdso_clock_gettime",
    ] {
        assert_eq!(with(function(name)), None, "{name}");
    }
    // Its address beyond the image.
    let made = Made::new();
    let mut image = made.image();
    let value = Made::offset_of(1).to_ne_bytes();
    let at = image.windows(8).position(|bytes| bytes == value).unwrap();
    let end = image.len().to_ne_bytes();
    image[at..at + 8].copy_from_slice(&end);
    assert_eq!(find(&image, &WANTED), None);
}

#[test]
fn function_may_be_good_only_beside_another() {
    let wanted = VdsoClock {
        only_with: Some(b"__vdso_gettimeofday"),
        ..WANTED
    };
    let with = Made::new();
    assert_eq!(find(&with.image(), &wanted), Some(Made::offset_of(1)));
    // As the kernel hides symbols: without a name.
    let mut without = Made::new();
    without.symbols[0].name = "";
    assert_eq!(find(&without.image(), &wanted), None);
    let mut otherwise = Made::new();
    otherwise.symbols[0].version = 1;
    assert_eq!(find(&otherwise.image(), &wanted), None);
}

#[test]
fn objects_for_other_machines_are_none() {
    let image = Made::new().image();
    for (at, byte) in [
        (0, 0),
        (3, b'G'),
        (4, 1),
        (5, 2),
        (18, 40),
        (19, 1),
        (54, 32),
        (56, 0),
    ] {
        let mut other = image.clone();
        other[at] = byte;
        assert_eq!(find(&other, &WANTED), None, "{at}");
        assert_eq!(image_bytes(&other), None, "{at}");
    }
}

/// What was found lies in the image, whatever that was.
fn is_harmless(image: &[u8]) {
    for hash_entry_bytes in [4, 8] {
        let wanted = VdsoClock {
            hash_entry_bytes,
            ..WANTED
        };
        if let Some(offset) = find(image, &wanted) {
            assert!(offset < image.len());
        }
    }
    image_bytes(image);
}

#[test]
fn cut_images_are_harmless() {
    let made = Made::new();
    let without = Made {
        hash: None,
        ..Made::new()
    };
    for image in [&made.image(), &without.image(), own()] {
        for bytes in 0..image.len() {
            // A copy of its own, so that what reads beyond it is seen by tools.
            is_harmless(&image[..bytes]);
        }
    }
    assert_eq!(find(&made.image()[..made.image().len() - 1], &WANTED), None);
}

#[test]
fn garbled_images_are_harmless() {
    let made = Made::new();
    let without = Made {
        hash: None,
        ..Made::new()
    };
    let mut seed = 1u64;
    let mut random = move || {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (seed >> 33) as usize
    };
    for image in [made.image(), without.image(), own().to_vec()] {
        for at in 0..image.len() {
            for byte in [0, 1, 0x7f, 0x80, 0xff, !image[at]] {
                let mut garbled = image.clone();
                garbled[at] = byte;
                is_harmless(&garbled);
            }
        }
        for _ in 0..20_000 {
            let mut garbled = image.clone();
            for _ in 0..1 + random() % 16 {
                let at = random() % garbled.len();
                garbled[at] = random() as u8;
            }
            is_harmless(&garbled);
        }
    }
}

/// Counts and distances that would not end.
#[test]
fn tables_without_an_end_end() {
    let counted = |tag: u64, word: usize| {
        let made = Made {
            hash: (tag == 4).then_some(4),
            ..Made::new()
        };
        let mut image = made.image();
        let dynamic = image
            .windows(8)
            .rposition(|bytes| bytes == tag.to_ne_bytes())
            .unwrap();
        let table = usize::from_ne_bytes(image[dynamic + 8..dynamic + 16].try_into().unwrap());
        image[table + 4 * word..][..4].copy_from_slice(&u32::MAX.to_ne_bytes());
        image
    };
    for (tag, words) in [(4, 3), (0x6fff_fef5, 8)] {
        for word in 0..words {
            is_harmless(&counted(tag, word));
        }
    }
    is_harmless(&vec![0xff; 1 << 16]);
    is_harmless(&[]);
}
