//! What program headers say, told by the linker instead: for programs without the feature
//! `program-headers`, whose linker script defines these symbols. `linker/small.ld` does.
//!
//! The symbols' addresses are the values. A program without the script does not link: the linker
//! says which symbol it misses, and what to do.

use crate::arch::{self, TlsVariant};
use crate::auxv::Auxv;
use crate::elf::{Image, TlsTemplate};
use crate::tls::Shape;

const _: () = assert!(
    matches!(arch::TLS_VARIANT, TlsVariant::Two) || !cfg!(fixed_address),
    "the script is for CPUs whose TLS block ends at the thread pointer"
);

const _: () = assert!(
    arch::TLS_TCB_BYTES <= 0x38 || !cfg!(fixed_address),
    "the script leaves so much room for the main thread's control block of the ABI"
);

// Sizes may be 0, which no static's address is: so these symbols are one more.
unsafe extern "C" {
    #[link_name = "threadbare_tls: link with small.ld, or give threadbare program-headers"]
    static TEMPLATE: u8;
    #[link_name = "threadbare_tls_file_bytes_and_1"]
    static FILE_BYTES_AND_1: u8;
    #[link_name = "threadbare_tls_memory_bytes_and_1"]
    static MEMORY_BYTES_AND_1: u8;
    #[link_name = "threadbare_tls_below_tp_bytes_and_1"]
    static BELOW_TP_BYTES_AND_1: u8;
    #[link_name = "threadbare_tls_align_bytes"]
    static ALIGN_BYTES: u8;
    #[link_name = "threadbare_tls_main_tp"]
    static MAIN_TP: u8;
}

/// The value of a symbol of an address as small as all are in a program of one script: as the
/// compiler gets to know so, it need not look out for sums that wrap.
#[inline(always)]
fn value(symbol: *const u8) -> usize {
    symbol.addr() as u32 as usize
}

/// Phase 2.
///
/// # Safety
/// 1. None: it is `headers::read`'s place that this takes.
#[inline(always)]
pub unsafe fn read(_: &Auxv) -> (Image, Shape) {
    (image(), shape())
}

/// What the headers of a program at its link-time addresses would say, but for the stack's size,
/// which no script gets to know: then it is said to a builder, or the default.
#[inline(always)]
pub fn image() -> Image {
    let template = value(&raw const TEMPLATE);
    Image {
        tls: TlsTemplate {
            address: template,
            link_address: template,
            file_bytes: value((&raw const FILE_BYTES_AND_1).wrapping_sub(1)),
            memory_bytes: value((&raw const MEMORY_BYTES_AND_1).wrapping_sub(1)),
            align_bytes: value(&raw const ALIGN_BYTES),
        },
        ..Image::NONE
    }
}

/// The shape that [`Shape::new`] makes of it.
#[inline(always)]
pub fn shape() -> Shape {
    Shape {
        below_tp_bytes: value((&raw const BELOW_TP_BYTES_AND_1).wrapping_sub(1)),
        tp_align_bytes: value(&raw const ALIGN_BYTES),
        ..Shape::NONE
    }
    .of_this_cpu()
}

/// The main thread's thread pointer: in memory that the script has set aside, for a shape like
/// this, and zero.
#[inline(always)]
pub fn main_tp(_: &Shape) -> *mut u8 {
    (&raw const MAIN_TP).cast_mut()
}
