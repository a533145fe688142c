//! Placements of a thread's mapping against everything that a thread relies on.

use core::alloc::Layout;

use threadbare::seam::arch;
use threadbare::seam::stack::{Placement, Plan, Request};
use threadbare::seam::tls::{Facts, Shape};

use super::{Numbers, VARIANTS, template};

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
