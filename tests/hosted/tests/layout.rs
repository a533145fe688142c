//! The layout arithmetic, for every TLS variant and page size on any CPU.
//!
//! TLS shapes are compared with the formula that linkers use, written down here a second time, and
//! with a plain search; placements are checked against what a thread relies on. Requests come from
//! a small generator with fixed seeds, so that a failure repeats. Nothing is mapped.

use core::alloc::Layout;

use threadbare::seam::arch::{self, TlsVariant};
use threadbare::seam::elf::TlsTemplate;
use threadbare::seam::stack::{Placement, Plan, Request};
use threadbare::seam::tls::{self, Facts, Shape};

/// A generator of numbers (Marsaglia, "Xorshift RNGs"); the seed must not be 0.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end
    }

    /// A power of two, at most `1 << log_max`.
    fn power(&mut self, log_max: usize) -> usize {
        1 << self.below(log_max + 1)
    }

    /// One of the choices.
    fn pick(&mut self, choices: &[usize]) -> usize {
        choices[self.below(choices.len())]
    }
}

const VARIANTS: [(TlsVariant, usize); 6] = [
    (TlsVariant::One, 16),
    (TlsVariant::One, 8),
    (TlsVariant::OneModified, 8),
    (TlsVariant::OneModified, 16),
    (TlsVariant::Two, 0x30),
    (TlsVariant::Two, 8),
];

fn template(link_address: usize, memory_bytes: usize, align_bytes: usize) -> TlsTemplate {
    TlsTemplate {
        address: 0,
        link_address,
        file_bytes: 0,
        memory_bytes,
        align_bytes,
    }
}

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
        let shape = Shape::new(&TlsTemplate::default(), facts).unwrap();
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
            // SAFETY: the shape is the template's, the page holds it below its end, and the
            // template's bytes live.
            let register = unsafe { tls::fill(&template, &shape, tp, canary, is_zeroed) };
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
                assert_eq!(word_at(tp_index + offset), canary);
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

/// A request of an ordinary thread.
fn ordinary(page_bytes: usize) -> Request {
    Request {
        page_bytes,
        guard_bytes: page_bytes,
        stack_bytes: 64 << 10,
        stack_align_bytes: arch::STACK_ALIGN_BYTES,
        tls: Shape::new(&template(0x20_0000, 64, 8), Facts::HERE).unwrap(),
        control: Layout::from_size_align(160, 8).unwrap(),
        payload: Layout::from_size_align(48, 8).unwrap(),
        signal_stack_bytes: 0,
    }
}

/// Checks everything a thread relies on in a placement.
fn check_placement(request: &Request, plan: &Plan, base: usize, bytes: usize) -> Placement {
    let placed = plan.place(base, bytes);
    let case = format!("{request:?} {plan:?} {placed:?} base {base:#x} bytes {bytes:#x}");
    let page = request.page_bytes;
    assert_eq!(plan.total_bytes % page, 0, "{case}");
    assert_eq!(plan.guard_bytes % page, 0, "{case}");
    assert_eq!(plan.signal_stack_bytes % page, 0, "{case}");
    assert!(plan.guard_bytes >= request.guard_bytes, "{case}");
    assert!(plan.guard_bytes - request.guard_bytes < page, "{case}");
    assert!(
        plan.signal_stack_bytes >= request.signal_stack_bytes,
        "{case}"
    );

    // From the bottom up: guard, stack, TLS, control, payload, signal stack.
    assert_eq!(placed.stack_bottom, base + plan.guard_bytes, "{case}");
    assert!(
        placed.stack_bottom + request.stack_bytes <= placed.stack_top,
        "{case}"
    );
    assert!(
        placed.stack_top <= placed.tp - request.tls.below_tp_bytes,
        "{case}"
    );
    assert!(
        placed.tp + request.tls.above_tp_bytes <= placed.control,
        "{case}"
    );
    assert!(
        placed.control + request.control.size() <= placed.payload,
        "{case}"
    );
    assert!(
        placed.payload + request.payload.size() <= placed.signal_stack,
        "{case}"
    );
    assert_eq!(
        placed.signal_stack + plan.signal_stack_bytes,
        base + bytes,
        "{case}"
    );

    assert_eq!(placed.stack_top % request.stack_align_bytes, 0, "{case}");
    assert_eq!(placed.tp % request.tls.tp_align_bytes, 0, "{case}");
    assert_eq!(placed.control % request.control.align(), 0, "{case}");
    assert_eq!(placed.payload % request.payload.align(), 0, "{case}");
    assert_eq!(placed.signal_stack % page, 0, "{case}");
    placed
}

fn any_request(numbers: &mut Numbers) -> Request {
    let page_bytes = numbers.pick(&[4 << 10, 16 << 10, 64 << 10]);
    let (variant, tcb_bytes) = VARIANTS[numbers.below(VARIANTS.len())];
    let block = template(
        numbers.below(1 << 30),
        numbers.below(9000),
        numbers.power(17),
    );
    let sizes = [
        0,
        1,
        7,
        8,
        100,
        4095,
        4096,
        4097,
        65_535,
        65_536,
        65_537,
        1 << 20,
    ];
    let layout = |numbers: &mut Numbers| {
        let size = match numbers.below(2) {
            0 => numbers.pick(&sizes),
            _ => numbers.below(300),
        };
        Layout::from_size_align(size, numbers.power(17)).unwrap()
    };
    Request {
        page_bytes,
        guard_bytes: numbers.pick(&sizes),
        stack_bytes: numbers.pick(&sizes) + numbers.below(3),
        stack_align_bytes: numbers.power(17),
        tls: Shape::new(&block, Facts { variant, tcb_bytes }).unwrap(),
        control: layout(numbers),
        payload: layout(numbers),
        signal_stack_bytes: numbers.pick(&sizes),
    }
}

#[test]
fn placement_keeps_order_alignment_and_bounds() {
    let mut numbers = Numbers(0x5eed_0002);
    for _ in 0..200_000 {
        let request = any_request(&mut numbers);
        let plan = Plan::new(request).unwrap();
        let base = (1 + numbers.below(1 << 30)) * request.page_bytes;
        check_placement(&request, &plan, base, plan.total_bytes);
    }
}

#[test]
fn placement_gives_a_larger_mapping_to_the_stack() {
    let mut numbers = Numbers(0x5eed_0003);
    for _ in 0..20_000 {
        let request = any_request(&mut numbers);
        let plan = Plan::new(request).unwrap();
        let base = (1 + numbers.below(1 << 20)) * request.page_bytes;
        let more = numbers.below(40) * request.page_bytes;
        let least = check_placement(&request, &plan, base, plan.total_bytes);
        let placed = check_placement(&request, &plan, base, plan.total_bytes + more);
        assert_eq!(placed.stack_bottom, least.stack_bottom);
        // Parts with an alignment above the page may come to lie lower than `more` higher.
        let slack = request.stack_align_bytes
            + request.tls.tp_align_bytes
            + request.control.align()
            + request.payload.align();
        assert!(placed.stack_top + slack >= least.stack_top + more);
    }
}

#[test]
fn placement_fits_at_both_ends_of_the_address_space() {
    for page_bytes in [4 << 10, 16 << 10, 64 << 10] {
        let request = ordinary(page_bytes);
        let plan = Plan::new(request).unwrap();
        check_placement(&request, &plan, 0, plan.total_bytes);
        let last = usize::MAX - page_bytes + 1 - plan.total_bytes;
        check_placement(&request, &plan, last, plan.total_bytes);
    }
}

#[test]
fn ordinary_thread_touches_one_page() {
    for page_bytes in [4 << 10, 16 << 10, 64 << 10] {
        let request = ordinary(page_bytes);
        let plan = Plan::new(request).unwrap();
        let base = 0x7000_0000;
        let placed = check_placement(&request, &plan, base, plan.total_bytes);
        let top_page = placed.signal_stack - page_bytes;
        // A kilobyte of first frames, then TLS, control block and payload.
        assert!(placed.stack_top - 1024 >= top_page, "{placed:?}");
        // And nothing is wasted: one page of guard, the stack, one page for the rest.
        assert_eq!(plan.total_bytes, page_bytes + (64 << 10) + page_bytes);
    }
}

#[test]
fn signal_stack_has_pages_of_its_own() {
    let request = Request {
        signal_stack_bytes: 10_000,
        ..ordinary(4096)
    };
    let plan = Plan::new(request).unwrap();
    assert_eq!(plan.signal_stack_bytes, 12_288);
    let without = Plan::new(ordinary(4096)).unwrap();
    assert_eq!(plan.total_bytes, without.total_bytes + 12_288);
}

#[test]
fn absurd_sizes_are_refused_and_never_wrap() {
    let absurd = [
        usize::MAX,
        usize::MAX - 1,
        usize::MAX - 4095,
        usize::MAX - 4096,
        usize::MAX - (64 << 10) + 1,
        isize::MAX as usize + 1,
        isize::MAX as usize,
        isize::MAX as usize - 4096,
    ];
    for page_bytes in [4 << 10, 16 << 10, 64 << 10] {
        let request = ordinary(page_bytes);
        for bytes in absurd {
            assert!(
                Plan::new(Request {
                    stack_bytes: bytes,
                    ..request
                })
                .is_none()
            );
            assert!(
                Plan::new(Request {
                    guard_bytes: bytes,
                    ..request
                })
                .is_none()
            );
            assert!(
                Plan::new(Request {
                    signal_stack_bytes: bytes,
                    ..request
                })
                .is_none()
            );
            let all = Request {
                stack_bytes: bytes,
                guard_bytes: bytes,
                ..request
            };
            assert!(
                Plan::new(Request {
                    signal_stack_bytes: bytes,
                    ..all
                })
                .is_none()
            );
        }
        for align in [1usize << 63, 1 << 62] {
            let request = Request {
                stack_align_bytes: align,
                stack_bytes: align,
                ..request
            };
            assert!(Plan::new(request).is_none());
        }
        let largest = Layout::from_size_align(isize::MAX as usize, 1).unwrap();
        assert!(
            Plan::new(Request {
                payload: largest,
                ..request
            })
            .is_none()
        );
        assert!(
            Plan::new(Request {
                control: largest,
                ..request
            })
            .is_none()
        );
        assert!(
            Plan::new(Request {
                control: largest,
                payload: largest,
                ..request
            })
            .is_none()
        );
    }
}

#[test]
fn the_largest_request_is_half_the_address_space() {
    let request = ordinary(4096);
    let rest = Plan::new(request).unwrap().total_bytes - request.stack_bytes;
    let half = isize::MAX as usize & !4095;
    let largest = Request {
        stack_bytes: half - rest,
        ..request
    };
    let plan = Plan::new(largest).unwrap();
    assert_eq!(plan.total_bytes, half);
    check_placement(&largest, &plan, 4096, half);
    assert!(
        Plan::new(Request {
            stack_bytes: half - rest + 4096,
            ..request
        })
        .is_none()
    );
}
