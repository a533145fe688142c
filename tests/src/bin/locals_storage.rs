//! What thread-locals consist of: sizes, alignments, and that every thread finds them fresh.

#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::cell::{Cell, RefCell};

use suite::locals::{Adds, DROPPED, in_thread};
use suite::{Verdict, check, check_eq};
use threadbare::sync::atomic::Ordering::SeqCst;
use threadbare::thread::{self, CacheLimits};
use threadbare::thread_local;

suite::area! { 34:
    large_constants_are_copied,
    alignment_up_to_a_page,
    values_of_no_size_work,
    a_thousand_threads_find_fresh_values,
    fresh_values_without_the_cache,
    values_without_drop_glue_are_not_registered,
}

thread_local! {
    static ZEROES: RefCell<[u8; 100_000]> = const { RefCell::new([0; 100_000]) };
    static WORDS: RefCell<[u64; 1000]> = const { RefCell::new([0x0123_4567_89ab_cdef; 1000]) };
    static TEXTS: [&'static str; 100] = const { ["again"; 100] };
    static LARGE_WITH_GLUE: (Adds, [u32; 300]) = const { (Adds(100), [7; 300]) };
    static LARGE_LAZY: RefCell<[u32; 10_000]> = RefCell::new([3; 10_000]);
}

fn large_ones_are_right() -> bool {
    let mut is_right = ZEROES.with_borrow(|bytes| bytes.iter().all(|&byte| byte == 0))
        && WORDS.with_borrow(|words| words.iter().all(|&word| word == 0x0123_4567_89ab_cdef))
        && TEXTS.with(|texts| texts.iter().all(|&text| text == "again"))
        && LARGE_WITH_GLUE.with(|(adds, rest)| adds.0 == 100 && *rest == [7; 300])
        && LARGE_LAZY.with_borrow(|words| words.iter().all(|&word| word == 3));
    ZEROES.with_borrow_mut(|bytes| bytes.fill(1));
    WORDS.with_borrow_mut(|words| words.fill(1));
    LARGE_LAZY.with_borrow_mut(|words| words.fill(1));
    is_right &= ZEROES.with_borrow(|bytes| bytes.iter().all(|&byte| byte == 1));
    is_right
}

fn large_constants_are_copied() -> Verdict {
    DROPPED.store(0, SeqCst);
    for round in 1..4 {
        check!(in_thread(large_ones_are_right));
        check_eq!(DROPPED.load(SeqCst), 100 * round);
    }
    check!(large_ones_are_right());
    check_eq!(DROPPED.load(SeqCst), 300);
    Ok(())
}

/// Declares locals of one alignment, of each kind of storage, and their check.
macro_rules! aligned {
    ($($module:ident: $align:literal;)*) => {
        $(mod $module {
            use core::cell::Cell;
            use threadbare::thread_local;

            #[repr(align($align))]
            struct Block<T>(T);

            struct Glue;
            impl Drop for Glue {
                fn drop(&mut self) {}
            }

            thread_local! {
                static PLAIN: Block<Cell<u32>> = const { Block(Cell::new($align + 1)) };
                static SLOT: Block<(Cell<u32>, Glue)> =
                    const { Block((Cell::new($align + 2), Glue)) };
                static LAZY: Block<Cell<u32>> = Block(Cell::new($align + 3));
                static LAZY_SLOT: Block<(Cell<u32>, Glue)> =
                    Block((Cell::new($align + 4), Glue));
            }

            /// Checks addresses and contents, then changes the contents.
            pub fn is_pristine() -> bool {
                let check = |address: usize, cell: &Cell<u32>, value: u32| {
                    address % $align == 0 && cell.replace(0) == value
                };
                let address = |place: *const u32| place.addr();
                PLAIN.with(|b| check(address(b.0.as_ptr()), &b.0, $align + 1))
                    && SLOT.with(|b| check((&raw const *b).addr(), &b.0.0, $align + 2))
                    && LAZY.with(|b| check((&raw const *b).addr(), &b.0, $align + 3))
                    && LAZY_SLOT.with(|b| check((&raw const *b).addr(), &b.0.0, $align + 4))
            }
        })*

        fn first_misaligned() -> Option<usize> {
            $(if !$module::is_pristine() {
                return Some($align);
            })*
            None
        }
    };
}

aligned! { a32: 32; a64: 64; a256: 256; a4096: 4096; }

fn alignment_up_to_a_page() -> Verdict {
    for _ in 0..3 {
        check_eq!(in_thread(first_misaligned), None);
    }
    check_eq!(first_misaligned(), None);
    Ok(())
}

fn values_of_no_size_work() -> Verdict {
    struct Nothing;
    impl Drop for Nothing {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, SeqCst);
        }
    }
    thread_local! {
        static UNIT: () = ();
        static CONSTANT_UNIT: () = const {};
        static NOTHING: Nothing = Nothing;
        static CONSTANT_NOTHING: Nothing = const { Nothing };
        static ARRAY: [u64; 0] = const { [] };
    }
    DROPPED.store(0, SeqCst);
    in_thread(|| {
        UNIT.with(|()| ());
        CONSTANT_UNIT.with(|()| ());
        NOTHING.with(|_| ());
        CONSTANT_NOTHING.with(|_| ());
        ARRAY.with(|array| assert!(array.is_empty()));
    });
    check_eq!(DROPPED.load(SeqCst), 2);
    Ok(())
}

thread_local! {
    static FRESH: Cell<u32> = const { Cell::new(1) };
    static FRESH_LAZY: Cell<u32> = Cell::new(2);
    static FRESH_GLUE: (Cell<u32>, Adds) = const { (Cell::new(3), Adds(1)) };
    static FRESH_LAZY_GLUE: (Cell<u32>, Adds) = (Cell::new(4), Adds(1));
    static FRESH_LARGE: RefCell<[u32; 100]> = const { RefCell::new([5; 100]) };
}

fn take_fresh() -> [u32; 5] {
    [
        FRESH.replace(0),
        FRESH_LAZY.replace(0),
        FRESH_GLUE.with(|(cell, _)| cell.replace(0)),
        FRESH_LAZY_GLUE.with(|(cell, _)| cell.replace(0)),
        FRESH_LARGE.replace([0; 100]).iter().sum(),
    ]
}

fn spawn_many(count: u32) -> Verdict {
    DROPPED.store(0, SeqCst);
    for _ in 0..count {
        check_eq!(in_thread(take_fresh), [1, 2, 3, 4, 500]);
    }
    check_eq!(DROPPED.load(SeqCst), 2 * count);
    Ok(())
}

fn a_thousand_threads_find_fresh_values() -> Verdict {
    spawn_many(1000)
}

fn fresh_values_without_the_cache() -> Verdict {
    thread::set_cache_limits(CacheLimits::OFF);
    let verdict = spawn_many(20);
    thread::set_cache_limits(CacheLimits::DEFAULT);
    verdict
}

/// There is nothing in such a value's storage by which it could be registered.
fn values_without_drop_glue_are_not_registered() -> Verdict {
    use threadbare::thread::__storage::{LinkFor, Plain, Slot};
    check_eq!(size_of::<Plain<u32>>(), 4);
    check_eq!(size_of::<Slot<u32, LinkFor<false>>>(), 8);
    let node = 2 * size_of::<usize>();
    check_eq!(size_of::<Slot<u32, LinkFor<true>>>(), node + 8);
    Ok(())
}
