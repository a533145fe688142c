//! A TLS template whose address is not a multiple of its alignment: few initial bytes, and zeroes
//! that are aligned to a page. Linkers compute offsets from the address modulo the alignment, and
//! a runtime that rounds by itself is off by the difference.

#![no_std]
#![no_main]
#![feature(thread_local)]

use core::cell::Cell;
use core::hint::black_box;

use suite::{Verdict, check, check_eq};
use threadbare::seam::Process;
use threadbare::thread;

suite::area! { 13:
    template_is_skewed,
    main_thread_is_right,
    threads_are_right,
}

#[repr(align(4096))]
struct Page(Cell<[u32; 4]>);

#[thread_local]
static INITIAL: Cell<u32> = Cell::new(0x1234_5678);
#[thread_local]
static ZERO: Page = Page(Cell::new([0; 4]));

fn template_is_skewed() -> Verdict {
    let template = Process::get().image.tls;
    check_eq!(template.align_bytes, 4096);
    check!(template.link_address % template.align_bytes != 0);
    Ok(())
}

fn is_right() -> bool {
    let (initial, zero) = (black_box(&INITIAL), black_box(&ZERO));
    let right = initial.get() == 0x1234_5678
        && zero.0.get() == [0; 4]
        && (&raw const *zero).addr().is_multiple_of(4096);
    initial.set(0);
    zero.0.set([1; 4]);
    right
}

fn main_thread_is_right() -> Verdict {
    check!(is_right());
    Ok(())
}

fn threads_are_right() -> Verdict {
    for _ in 0..4 {
        check_eq!(thread::spawn(is_right).join(), Ok(true));
    }
    Ok(())
}
