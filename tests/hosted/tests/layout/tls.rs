//! TLS shapes against the formula that linkers use, written down here a second time, and against a
//! plain search; and how a block is filled.

use threadbare::seam::arch::{self, TlsVariant};
use threadbare::seam::elf::TlsTemplate;
use threadbare::seam::tls::{self, Facts, Shape};

use super::{Numbers, VARIANTS, template};

/// Where linkers say that the block begins: LLD's `getTlsTpOffset` for the block's first byte.
fn linker_offset(template: &TlsTemplate, facts: Facts) -> isize {
    let mask = template.align_bytes - 1;
    let (address, size) = (template.link_address, template.memory_bytes);
    match facts.variant {
        TlsVariant::One => {
            (facts.tcb_bytes + (address.wrapping_sub(facts.tcb_bytes) & mask)) as isize
        }
        TlsVariant::OneModified => (address & mask) as isize,
        TlsVariant::Two => {
            let gap = 0usize.wrapping_sub(address).wrapping_sub(size) & mask;
            -(size as isize) - gap as isize
        }
    }
}

/// Where the block begins according to the definition: the place nearest to the thread pointer
/// that is past the control block and has the link-time address's remainder.
fn searched_offset(template: &TlsTemplate, facts: Facts) -> isize {
    let align = template.align_bytes as isize;
    let wanted = (template.link_address % template.align_bytes) as isize;
    let (mut offset, step) = match facts.variant {
        TlsVariant::One => (facts.tcb_bytes as isize, 1),
        TlsVariant::OneModified => (0, 1),
        TlsVariant::Two => (-(template.memory_bytes as isize), -1),
    };
    while offset.rem_euclid(align) != wanted {
        offset += step;
    }
    offset
}

/// Checks that a shape holds its parts, without overlap, wherever it is placed.
fn check_shape(shape: &Shape, template: &TlsTemplate, facts: Facts, end: usize) {
    let tp = shape.tp_below(end);
    let case = format!("{template:?} {facts:?} {shape:?} end {end:#x}");
    assert_eq!(tp % shape.tp_align_bytes, 0, "{case}");
    assert!(shape.tp_align_bytes >= template.align_bytes, "{case}");
    assert!(shape.tp_align_bytes >= 2 * size_of::<usize>(), "{case}");
    let (low, high) = (tp - shape.below_tp_bytes, tp + shape.above_tp_bytes);
    assert!(high <= end && low >= end - shape.bytes_max(), "{case}");

    let block = tp.wrapping_add_signed(shape.block_offset);
    let block_end = block + template.memory_bytes;
    let mask = template.align_bytes - 1;
    assert_eq!(block & mask, template.link_address & mask, "{case}");
    let control = match facts.variant {
        TlsVariant::OneModified => tp - facts.tcb_bytes,
        TlsVariant::One | TlsVariant::Two => tp,
    };
    let control_end = control + facts.tcb_bytes;
    assert!(low <= block && block_end <= high, "{case}");
    assert!(low <= control && control_end <= high, "{case}");
    assert!(block_end <= control || control_end <= block, "{case}");
}

#[test]
fn tls_block_is_where_the_linker_says() {
    for (variant, tcb_bytes) in VARIANTS {
        let facts = Facts { variant, tcb_bytes };
        for log_align in 0..=16 {
            let align = 1usize << log_align;
            for size in 0..200 {
                for misalign in [0, 1, 3, 8, 24, align / 2, align - 1] {
                    let template = template(0x40_0000 + misalign % align, size, align);
                    let shape = Shape::new(&template, facts).unwrap();
                    assert_eq!(
                        shape.block_offset,
                        linker_offset(&template, facts),
                        "{template:?}"
                    );
                    check_shape(&shape, &template, facts, 0x7fff_1234_5678);
                }
            }
        }
    }
}

#[test]
fn tls_block_is_the_nearest_place_that_fits() {
    for (variant, tcb_bytes) in VARIANTS {
        let facts = Facts { variant, tcb_bytes };
        for log_align in 0..=7 {
            for size in 0..70 {
                for misalign in 0..1usize << log_align {
                    let template = template(0x1_0000 + misalign, size, 1 << log_align);
                    let shape = Shape::new(&template, facts).unwrap();
                    assert_eq!(shape.block_offset, searched_offset(&template, facts));
                }
            }
        }
    }
}

#[test]
fn tls_shape_holds_its_parts_at_any_end() {
    let mut numbers = Numbers(0x5eed_0001);
    for _ in 0..200_000 {
        let (variant, tcb_bytes) = VARIANTS[numbers.below(VARIANTS.len())];
        let facts = Facts { variant, tcb_bytes };
        let template = template(
            numbers.below(1 << 40),
            numbers.below(1 << 20),
            numbers.power(20),
        );
        let shape = Shape::new(&template, facts).unwrap();
        check_shape(&shape, &template, facts, (1 << 32) + numbers.below(1 << 46));
    }
}

#[test]
fn tls_without_a_block_is_the_control_block_alone() {
    for (variant, tcb_bytes) in VARIANTS {
        let facts = Facts { variant, tcb_bytes };
        let shape = Shape::new(&TlsTemplate::NONE, facts).unwrap();
        assert_eq!(shape.below_tp_bytes + shape.above_tp_bytes, tcb_bytes);
    }
}

#[test]
fn tls_of_absurd_size_is_refused() {
    for (variant, tcb_bytes) in VARIANTS {
        let facts = Facts { variant, tcb_bytes };
        for size in [
            usize::MAX,
            usize::MAX - 1,
            isize::MAX as usize,
            isize::MAX as usize / 2,
        ] {
            assert_eq!(Shape::new(&template(0, size, 1), facts), None);
            assert_eq!(Shape::new(&template(usize::MAX, size, 4096), facts), None);
        }
        for align in [1usize << 63, 1 << 62] {
            assert_eq!(Shape::new(&template(0, 8, align), facts), None);
            assert_eq!(Shape::new(&template(usize::MAX, 0, align), facts), None);
        }
        // The largest that is taken does not wrap either: sums are checked in this build.
        let largest = isize::MAX as usize / 4;
        for (link_address, align) in [(0, 1), (usize::MAX, 1 << 60), (1, 1 << 60)] {
            let template = template(link_address, largest, align);
            let shape = Shape::new(&template, facts).unwrap();
            assert!(shape.bytes_max() >= largest);
            assert!(shape.bytes_max() <= isize::MAX as usize);
        }
    }
}

/// Memory with an alignment that every shape here is content with.
#[repr(align(4096))]
struct Page([u8; 4096]);

#[test]
fn tls_fill_copies_the_template_and_clears_the_rest() {
    let initial: Vec<u8> = (1..=50).collect();
    for (align_bytes, misalign) in [(1, 0), (8, 0), (16, 4), (64, 0), (256, 17)] {
        for is_zeroed in [false, true] {
            let template = TlsTemplate {
                address: initial.as_ptr().expose_provenance(),
                link_address: 0x1000 + misalign,
                file_bytes: initial.len(),
                memory_bytes: 133,
                align_bytes,
            };
            let shape = Shape::new(&template, Facts::HERE).unwrap();
            let mut page = Page([if is_zeroed { 0 } else { 0xa5 }; 4096]);
            let low = page.0.as_mut_ptr();
            let tp = low.with_addr(shape.tp_below(low.addr() + 4096));
            let canary = 0x0123_4567_89ab_cd00;
            if !is_zeroed {
                // SAFETY: the shape is the template's, and the page holds it below its end.
                unsafe { tls::clear(&template, &shape, tp) };
            }
            // SAFETY: likewise, and the template's bytes live.
            let register = unsafe { tls::fill(&template, &shape, tp, canary) };
            assert_eq!(register, tp.addr().wrapping_add(arch::TLS_TP_BIAS_BYTES));

            let tp_index = tp.addr() - low.addr();
            let block = tp_index.wrapping_add_signed(shape.block_offset);
            assert_eq!(page.0[block..][..50], initial[..]);
            assert_eq!(page.0[block + 50..][..133 - 50], [0; 83]);
            let word_at = |index: usize| {
                let bytes = page.0[index..][..size_of::<usize>()].try_into();
                usize::from_ne_bytes(bytes.unwrap())
            };
            if arch::TLS_SELF_POINTER {
                assert_eq!(word_at(tp_index), tp.addr());
            }
            if let Some(offset) = arch::TLS_CANARY_OFFSET_BYTES {
                assert_eq!(word_at(tp_index.wrapping_add_signed(offset)), canary);
            }
            let area_low = tp_index - shape.below_tp_bytes;
            let untouched = if is_zeroed { 0 } else { 0xa5 };
            assert!(page.0[..area_low].iter().all(|&byte| byte == untouched));
            assert!(
                page.0[tp_index + shape.above_tp_bytes..]
                    .iter()
                    .all(|&b| b == untouched)
            );
        }
    }
}
