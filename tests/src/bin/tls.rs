//! ELF thread-locals: alignment from 1 byte to 64 KiB, initial values, each thread its own.

#![no_std]
#![no_main]
#![feature(thread_local)]

use core::cell::Cell;
use core::hint::black_box;

use suite::{Verdict, check, check_eq};
use threadbare::seam::Process;
use threadbare::thread;

suite::area! { 12:
    main_thread_has_initial_values,
    spawned_threads_have_initial_values,
    memory_is_larger_than_the_image,
    threads_do_not_share,
    reused_memory_is_fresh,
    cache_off_is_fresh_too,
}

/// Declares an initialised and a zero thread-local of one alignment, and their check.
macro_rules! aligned {
    ($($module:ident: $align:literal, $value:literal;)*) => {
        $(mod $module {
            use core::cell::Cell;

            #[repr(align($align))]
            pub struct Block<T>(pub T);

            #[thread_local]
            pub static INITIAL: Block<Cell<u32>> = Block(Cell::new($value));
            #[thread_local]
            pub static ZERO: Block<Cell<[u8; 3]>> = Block(Cell::new([0; 3]));

            /// Checks address and contents, then changes the contents.
            #[inline(never)]
            pub fn is_pristine() -> bool {
                let initial = core::hint::black_box(&INITIAL);
                let zero = core::hint::black_box(&ZERO);
                let is_aligned = (&raw const *initial).addr().is_multiple_of($align)
                    && (&raw const *zero).addr().is_multiple_of($align);
                let is_fresh = initial.0.get() == $value && zero.0.get() == [0; 3];
                initial.0.set(!initial.0.get());
                zero.0.set([9; 3]);
                is_aligned && is_fresh
            }
        })*

        /// Checks every alignment in the calling thread; returns the first that is wrong.
        fn first_wrong() -> Option<usize> {
            $(if !$module::is_pristine() {
                return Some($align);
            })*
            None
        }
    };
}

aligned! {
    a1: 1, 0x0102_0304; a2: 2, 0x0203_0405; a4: 4, 0x0304_0506; a8: 8, 0x0405_0607;
    a16: 16, 0x0506_0708; a32: 32, 0x0607_0809; a64: 64, 0x0708_090a; a128: 128, 0x0809_0a0b;
    a256: 256, 0x090a_0b0c; a512: 512, 0x0a0b_0c0d; a1k: 1024, 0x0b0c_0d0e;
    a2k: 2048, 0x0c0d_0e0f; a4k: 4096, 0x0d0e_0f10; a8k: 8192, 0x0e0f_1011;
    a16k: 16384, 0x0f10_1112; a32k: 32768, 0x1011_1213; a64k: 65536, 0x1112_1314;
}

#[thread_local]
static BYTE: Cell<u8> = Cell::new(0xa5);

fn main_thread_has_initial_values() -> Verdict {
    check_eq!(BYTE.get(), 0xa5);
    check_eq!(first_wrong(), None);
    Ok(())
}

fn spawned_threads_have_initial_values() -> Verdict {
    for _ in 0..8 {
        check_eq!(thread::spawn(first_wrong).join(), Ok(None));
    }
    Ok(())
}

fn memory_is_larger_than_the_image() -> Verdict {
    let template = Process::get().image.tls;
    check!(template.memory_bytes > template.file_bytes && template.file_bytes > 0);
    check_eq!(template.align_bytes, 65536);
    Ok(())
}

fn threads_do_not_share() -> Verdict {
    BYTE.set(1);
    let others = [2u8, 3, 4].map(|value| {
        thread::spawn(move || {
            BYTE.set(value);
            for _ in 0..100 {
                thread::yield_now();
            }
            (BYTE.get(), black_box(&BYTE).as_ptr().addr())
        })
    });
    let mut addresses = [black_box(&BYTE).as_ptr().addr(), 0, 0, 0];
    for (index, other) in others.into_iter().enumerate() {
        let Ok((value, address)) = other.join() else {
            check!(false);
            return Ok(());
        };
        check_eq!(value, index as u8 + 2);
        check!(!addresses.contains(&address) || index > 0);
        addresses[index + 1] = address;
    }
    check_eq!(BYTE.get(), 1);
    Ok(())
}

/// A thread on a kept mapping finds the image, not what the last one left.
fn reused_memory_is_fresh() -> Verdict {
    let place = || {
        let wrong = first_wrong();
        (wrong, black_box(&BYTE).as_ptr().addr())
    };
    let Ok((wrong, first)) = thread::spawn(place).join() else {
        check!(false);
        return Ok(());
    };
    check_eq!(wrong, None);
    let Ok((wrong, second)) = thread::spawn(place).join() else {
        check!(false);
        return Ok(());
    };
    check_eq!(wrong, None);
    check_eq!(first, second);
    Ok(())
}

fn cache_off_is_fresh_too() -> Verdict {
    thread::set_cache_limits(thread::CacheLimits::OFF);
    let results = [(); 4].map(|()| thread::spawn(first_wrong).join());
    thread::set_cache_limits(thread::CacheLimits::DEFAULT);
    check_eq!(results, [Ok(None); 4]);
    Ok(())
}
