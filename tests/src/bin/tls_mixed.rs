//! One TLS image with thread-locals of three makers: `thread_local!`, the compiler's
//! `#[thread_local]` and C; and `__tls_get_addr`, by which C code may ask for its own.

#![no_std]
#![no_main]
#![feature(thread_local)]

use core::cell::Cell;
use core::hint::black_box;

use suite::{Verdict, check, check_eq};
use threadbare::seam::{Process, arch, tls};
use threadbare::thread;
use threadbare::thread_local;

suite::area! { 33:
    all_makers_values_are_initial,
    all_makers_values_are_apart,
    tls_get_addr_finds_the_image,
    tls_get_addr_finds_each_threads_own,
    c_finds_its_own,
}

thread_local! {
    static OURS: Cell<u32> = const { Cell::new(0x0123_4567) };
    static OURS_LAZY: Cell<u32> = Cell::new(black_box(0x1234_5678));
}

#[thread_local]
static THEIRS: Cell<u32> = Cell::new(0x2345_6789);
#[thread_local]
static THEIRS_ZERO: Cell<u64> = Cell::new(0);

unsafe extern "C" {
    /// The runtime's.
    ///
    /// # Safety
    /// 1. The index names a thread-local.
    fn __tls_get_addr(index: *const tls::Index) -> *mut u8;
}

/// Where `__tls_get_addr` says that the byte is which lies so far into the block.
fn get_addr(offset: usize) -> usize {
    let offset = offset.wrapping_sub(arch::TLS_DTV_BIAS_BYTES);
    let index = tls::Index { module: 1, offset };
    // SAFETY: what is asked for is an address alone.
    unsafe { __tls_get_addr(&index) }.addr()
}

/// The calling thread's TLS block, by its thread pointer: start and end.
fn block() -> (usize, usize) {
    // SAFETY: the thread's TLS is set up.
    let tp = unsafe { arch::thread_pointer() } - arch::TLS_TP_BIAS_BYTES;
    let process = Process::get();
    let start = tp.wrapping_add_signed(process.tls_shape.block_offset);
    (start, start + process.image.tls.memory_bytes)
}

fn addresses() -> [usize; 4] {
    [
        OURS.with(|ours| ours.as_ptr().addr()),
        OURS_LAZY.with(|ours| ours.as_ptr().addr()),
        black_box(&THEIRS).as_ptr().addr(),
        black_box(&THEIRS_ZERO).as_ptr().addr(),
    ]
}

/// Returns what is there, and changes it.
fn values() -> (u32, u32, u32, u64) {
    (
        OURS.replace(1),
        OURS_LAZY.replace(2),
        black_box(&THEIRS).replace(3),
        black_box(&THEIRS_ZERO).replace(4),
    )
}

fn all_makers_values_are_initial() -> Verdict {
    let initial = (0x0123_4567, 0x1234_5678, 0x2345_6789, 0);
    check_eq!(values(), initial);
    for _ in 0..3 {
        check_eq!(thread::spawn(values).join(), Ok(initial));
    }
    check_eq!(values(), (1, 2, 3, 4));
    Ok(())
}

fn all_makers_values_are_apart() -> Verdict {
    let (start, end) = block();
    let mut addresses = addresses();
    addresses.sort_unstable();
    check!(addresses.windows(2).all(|two| two[1] - two[0] >= 4));
    check!(start <= addresses[0] && addresses[3] + 4 <= end);
    Ok(())
}

/// In a thread that has changed nothing yet.
fn tls_get_addr_finds_the_image() -> Verdict {
    let is_image = thread::spawn(|| {
        let image = Process::get().image.tls;
        let wanted = core::ptr::with_exposed_provenance::<u8>(image.address);
        let found = core::ptr::with_exposed_provenance::<u8>(get_addr(0));
        (0..image.file_bytes).all(|index| {
            // SAFETY: the image and this thread's block both have so many bytes.
            unsafe { *wanted.add(index) == *found.add(index) }
        })
    });
    check!(Process::get().image.tls.file_bytes > 0);
    check_eq!(is_image.join(), Ok(true));
    Ok(())
}

/// What lies so far into the main thread's block lies as far into another's.
fn tls_get_addr_finds_each_threads_own() -> Verdict {
    let (here, main) = (addresses(), block());
    let offsets = here.map(|address| address - main.0);
    check_eq!(offsets.map(get_addr), here);
    let other = thread::spawn(move || (offsets.map(get_addr), addresses()));
    let Ok((found, wanted)) = other.join() else {
        check!(false);
        return Ok(());
    };
    check_eq!(found, wanted);
    check!(found[0] != here[0]);
    Ok(())
}

#[cfg(not(has_c))]
fn c_finds_its_own() -> Verdict {
    Err(suite::Stop::Skip("there is no C compiler for this CPU"))
}

#[cfg(has_c)]
fn c_finds_its_own() -> Verdict {
    unsafe extern "C" {
        #[thread_local]
        static c_initial: Cell<i32>;
        safe fn c_initial_address() -> &'static Cell<i32>;
        safe fn c_zero_address() -> &'static Cell<[u8; 64]>;
        safe fn c_get_address(offset: usize) -> *const u8;
    }
    fn is_right() -> bool {
        // SAFETY: the C code defines it, with this type.
        let by_name = unsafe { black_box(&c_initial) };
        let (initial, zero) = (c_initial_address(), c_zero_address());
        let offset = initial.as_ptr().addr() - block().0;
        let by_offset = c_get_address(offset.wrapping_sub(arch::TLS_DTV_BIAS_BYTES));
        by_name.as_ptr() == initial.as_ptr()
            && by_offset.addr() == initial.as_ptr().addr()
            && zero.as_ptr().addr().is_multiple_of(64)
            && initial.replace(1) == 0x0c0f_fee0
            && zero.replace([1; 64]) == [0; 64]
    }
    check!(is_right());
    for _ in 0..3 {
        check_eq!(thread::spawn(is_right).join(), Ok(true));
    }
    Ok(())
}
