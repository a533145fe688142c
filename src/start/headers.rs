//! Phase 2, from the program headers: what the linker has made of the program, whichever it was.

use core::cell::UnsafeCell;
use core::ffi::CStr;

use linux_raw_sys::elf::Elf_Phdr;

use crate::auxv::Auxv;
use crate::elf::{Image, ImageError};
use crate::fatal::{fatal, text};
use crate::sys::mem::{self, Map, Prot};
use crate::tls::{Facts, Shape};

/// Reads the headers.
///
/// # Safety
/// 1. `auxv` is this program's.
#[inline(always)]
pub unsafe fn read(auxv: &Auxv) -> (Image, Shape) {
    if auxv.phdr_address() == 0 {
        fatal(const { text(concat!(no_headers!(), "\0")) });
    }
    if auxv.phent_bytes() != size_of::<Elf_Phdr>() {
        fatal(c"AT_PHENT is not the size of a program header");
    }
    let headers = core::ptr::with_exposed_provenance::<Elf_Phdr>(auxv.phdr_address());
    // SAFETY: clause 1: the kernel says that so many headers are there, and nobody writes them.
    let headers = unsafe { core::slice::from_raw_parts(headers, auxv.phdr_count()) };
    let image = match Image::parse(headers, auxv.phdr_address()) {
        Ok(image) => image,
        Err(ImageError::NoLoadAddress) => fatal(
            c"no program header tells the load address: let the first segment hold the headers",
        ),
        Err(ImageError::TlsAlign | ImageError::TlsSize) => fatal(NONSENSE),
    };
    let Some(tls_shape) = Shape::new(&image.tls, Facts::HERE) else {
        fatal(NONSENSE);
    };
    (image, tls_shape)
}

/// What a program is told whose TLS cannot be: an alignment that is no power of two, more initial
/// bytes than bytes, or more bytes than there are addresses.
const NONSENSE: &CStr = c"PT_TLS: sizes or alignment cannot be";

/// Room for the main thread's TLS where it is small, which saves a mapping and its page faults.
#[repr(C, align(64))]
struct TlsArea(UnsafeCell<[u8; TLS_AREA_BYTES]>);

const TLS_AREA_BYTES: usize = 512;

// SAFETY: handed to the main thread's TLS in phase 4 and to nobody else.
unsafe impl Sync for TlsArea {}

static TLS_AREA: TlsArea = TlsArea(UnsafeCell::new([0; TLS_AREA_BYTES]));

/// Finds room for the main thread's TLS, which is zero; returns its thread pointer, without bias.
#[inline(always)]
pub fn main_tp(shape: &Shape) -> *mut u8 {
    let area = TLS_AREA.0.get().cast::<u8>();
    let (low, bytes) = if shape.bytes_max() <= TLS_AREA_BYTES {
        (area, TLS_AREA_BYTES)
    } else {
        match mem::map(shape.bytes_max(), Prot::READ | Prot::WRITE, Map::empty()) {
            Ok(low) => (low, shape.bytes_max()),
            Err(_) => fatal(c"no memory for main's thread-locals"),
        }
    };
    low.with_addr(shape.tp_below(low.addr() + bytes))
}
