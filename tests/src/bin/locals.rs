//! `thread_local!`: values, initialisers, cells and where they may be declared. What they consist
//! of is in `locals_storage`, when they are destroyed in `locals_end`.
//!
//! No feature gate: what is declared here must pass a stable compiler.

#![no_std]
#![no_main]
#![deny(warnings)]
#![forbid(unsafe_code)]

use core::cell::{Cell, RefCell};
use core::hint::black_box;

use suite::locals::{self, Adds, COUNT, DROPPED, PLACE, TEXT, in_thread};
use suite::{Verdict, check, check_eq};
use threadbare::io::{SliceWriter, Write};
use threadbare::sync::Mutex;
use threadbare::sync::atomic::{AtomicU32, Ordering::SeqCst};
use threadbare::thread::{self, AccessError};
use threadbare::thread_local;

suite::area! { 31:
    values_are_initialised_in_each_thread,
    threads_do_not_share,
    lazy_initialisers_run_once_when_asked,
    an_initialiser_may_use_other_locals,
    recursive_initialisation_keeps_the_outer_value,
    function_locals_are_their_own,
    generic_functions_share_one,
    locals_of_another_crate,
    names_do_not_collide,
    attributes_are_kept,
    cell_shortcuts,
    ref_cell_shortcuts,
    setting_skips_the_initialiser,
    setting_replaces_a_constant,
    access_error_is_an_error,
}

thread_local! {
    static LAZY: Cell<u32> = Cell::new(black_box(1));
    static CONSTANT: Cell<u32> = const { Cell::new(2) };
    static ZERO: Cell<u64> = const { Cell::new(0) };
    static POINTER: Cell<&'static str> = const { Cell::new("three") };
    static FUNCTION: fn(u32) -> u32 = const { twice };
    static EXPRESSION: Cell<u32> = const { 2 }.into();
}

fn twice(number: u32) -> u32 {
    number * 2
}

fn initial() -> (u32, u32, u64, &'static str, u32, u32) {
    let found = (
        LAZY.get(),
        CONSTANT.get(),
        ZERO.get(),
        POINTER.get(),
        FUNCTION.with(|function| function(4)),
        EXPRESSION.get(),
    );
    LAZY.set(11);
    CONSTANT.set(12);
    ZERO.set(13);
    POINTER.set("changed");
    found
}

fn values_are_initialised_in_each_thread() -> Verdict {
    let expected = (1, 2, 0, "three", 8, 2);
    check_eq!(initial(), expected);
    for _ in 0..3 {
        check_eq!(in_thread(initial), expected);
    }
    check_eq!(initial(), (11, 12, 13, "changed", 8, 2));
    Ok(())
}

fn threads_do_not_share() -> Verdict {
    thread_local! {
        static MINE: Cell<usize> = const { Cell::new(0) };
        static MINE_LAZILY: Cell<usize> = Cell::new(0);
    }
    let places = || {
        let constant = MINE.with(|mine| mine.as_ptr().addr());
        (constant, MINE_LAZILY.with(|mine| mine.as_ptr().addr()))
    };
    let threads = [1, 2, 3].map(|number| {
        thread::spawn(move || {
            MINE.set(number);
            MINE_LAZILY.set(number);
            for _ in 0..100 {
                thread::yield_now();
            }
            (MINE.get(), MINE_LAZILY.get())
        })
    });
    for (index, thread) in threads.into_iter().enumerate() {
        check_eq!(thread.join(), Ok((index + 1, index + 1)));
    }
    check_eq!((MINE.get(), MINE_LAZILY.get()), (0, 0));
    let (one, other) = (places(), in_thread(|| MINE.with(|m| m.as_ptr().addr())));
    check!(one.0 != one.1 && one.0 != other);
    check_eq!(one, places());
    Ok(())
}

static INITIALISED: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static COUNTED: u32 = INITIALISED.fetch_add(1, SeqCst);
}

fn lazy_initialisers_run_once_when_asked() -> Verdict {
    in_thread(|| ());
    check_eq!(INITIALISED.load(SeqCst), 0);
    for expected in 0..3 {
        let found = in_thread(|| (COUNTED.with(|n| *n), COUNTED.try_with(|n| *n)));
        check_eq!(found, (expected, Ok(expected)));
    }
    check_eq!(INITIALISED.load(SeqCst), 3);
    Ok(())
}

fn an_initialiser_may_use_other_locals() -> Verdict {
    thread_local! {
        static SUM: u32 = FIRST.with(|first| *first) + SECOND.get();
        static FIRST: u32 = { SECOND.set(5); SECOND.get() + 1 };
        static SECOND: Cell<u32> = Cell::new(0);
    }
    check_eq!(in_thread(|| SUM.with(|sum| *sum)), 11);
    Ok(())
}

/// The value of the inner call is used, replaced and dropped; only one is left at the end.
fn recursive_initialisation_keeps_the_outer_value() -> Verdict {
    thread_local! {
        static DEPTH: Cell<u32> = const { Cell::new(0) };
        static RECURSIVE: Adds = {
            DEPTH.set(DEPTH.get() + 1);
            match DEPTH.get() {
                1 => Adds(1 + RECURSIVE.with(|inner| inner.0)),
                _ => Adds(10),
            }
        };
    }
    DROPPED.store(0, SeqCst);
    let (found, dropped) = in_thread(|| (RECURSIVE.with(|outer| outer.0), DROPPED.load(SeqCst)));
    check_eq!((found, dropped), (11, 10));
    check_eq!(DROPPED.load(SeqCst), 10 + 11);
    Ok(())
}

fn function_locals_are_their_own() -> Verdict {
    fn first() -> u32 {
        thread_local!(static CALLS: Cell<u32> = const { Cell::new(0) });
        CALLS.set(CALLS.get() + 1);
        CALLS.get()
    }
    fn second() -> u32 {
        thread_local!(static CALLS: Cell<u32> = Cell::new(100));
        CALLS.set(CALLS.get() + 1);
        {
            thread_local!(static CALLS: Cell<u32> = Cell::new(1000));
            CALLS.set(CALLS.get() + CALLS.get());
        }
        CALLS.get()
    }
    check_eq!(
        in_thread(|| [first(), second(), first(), second()]),
        [1, 101, 2, 102]
    );
    Ok(())
}

fn generic_functions_share_one() -> Verdict {
    fn count<T>(_: T) -> u32 {
        thread_local!(static CALLS: Cell<u32> = Cell::new(0));
        CALLS.set(CALLS.get() + 1);
        CALLS.get()
    }
    check_eq!(in_thread(|| [count(1u8), count("a"), count(())]), [1, 2, 3]);
    let foreign = || {
        let (a, b) = (locals::count_calls(1u8), locals::count_calls("a"));
        (
            a,
            b,
            locals::count_calls_lazily(0u64),
            locals::count_calls_lazily(""),
        )
    };
    check_eq!(in_thread(foreign), (1, 2, 4, 5));
    Ok(())
}

fn locals_of_another_crate() -> Verdict {
    let use_all = || {
        let counts = (COUNT.get(), locals::count(), COUNT.get(), locals::count());
        let private = (locals::next_private(), locals::next_private());
        let text = TEXT.with_borrow_mut(|text| {
            text[399] = b'y';
            text.iter().filter(|&&byte| byte == b'x').count()
        });
        (counts, private, PLACE.get(), text)
    };
    let expected = ((10, 11, 11, 12), (3, 4), (1, 2), 399);
    check_eq!(in_thread(use_all), expected);
    check_eq!(use_all(), expected);
    Ok(())
}

/// What the macro uses by names of its own, its user may have, too.
fn names_do_not_collide() -> Verdict {
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Slot(u32);
    #[derive(Clone, Copy)]
    struct LocalKey;
    #[derive(Clone, Copy)]
    struct Option(LocalKey);
    fn access() -> Slot {
        Slot(4)
    }
    mod core {}
    let _ = Option;
    thread_local! {
        static SLOT: Cell<Slot> = Cell::new(access());
        static KEY: Cell<Option> = const { Cell::new(Option(LocalKey)) };
        #[allow(non_upper_case_globals, reason = "no word of the language has upper case")]
        static r#type: Cell<u8> = const { Cell::new(1) };
        static GRÖSSE: Cell<u8> = Cell::new(2);
    }
    KEY.set(Option(LocalKey));
    check_eq!((SLOT.get(), r#type.get(), GRÖSSE.get()), (Slot(4), 1, 2));
    Ok(())
}

mod inner {
    use core::cell::Cell;

    threadbare::thread_local! {
        #[cfg(any())]
        static LEFT_OUT: This<Would, Not> = compile!();
        /// Documented,
        /// on two lines.
        #[allow(dead_code)]
        pub(super) static SEEN: Cell<u8> = const { Cell::new(1) };
        #[cfg(all())]
        #[doc(hidden)]
        pub static ALSO_SEEN: Cell<u8> = Cell::new(2)
    }
    threadbare::thread_local! {}
}

fn attributes_are_kept() -> Verdict {
    check_eq!((inner::SEEN.get(), inner::ALSO_SEEN.get()), (1, 2));
    Ok(())
}

fn cell_shortcuts() -> Verdict {
    thread_local! {
        static CONSTANT: Cell<u32> = const { Cell::new(1) };
        static LAZY: Cell<Option<u32>> = Cell::new(Some(1));
    }
    check_eq!(CONSTANT.get(), 1);
    CONSTANT.set(2);
    check_eq!(CONSTANT.replace(3), 2);
    check_eq!((CONSTANT.take(), CONSTANT.get()), (3, 0));
    check_eq!((LAZY.take(), LAZY.take()), (Some(1), None));
    check_eq!((LAZY.replace(Some(4)), LAZY.get()), (None, Some(4)));
    Ok(())
}

fn ref_cell_shortcuts() -> Verdict {
    thread_local! {
        static CONSTANT: RefCell<[u8; 3]> = const { RefCell::new(*b"abc") };
        static LAZY: RefCell<u32> = RefCell::new(1);
    }
    check_eq!(CONSTANT.with_borrow(|bytes| bytes[1]), b'b');
    CONSTANT.with_borrow_mut(|bytes| bytes[1] = b'x');
    check_eq!(CONSTANT.replace(*b"def"), *b"axc");
    check_eq!((CONSTANT.take(), CONSTANT.take()), (*b"def", [0; 3]));
    LAZY.set(5);
    check_eq!((LAZY.take(), LAZY.replace(6)), (5, 0));
    check_eq!(LAZY.with(|lazy| *lazy.borrow()), 6);
    Ok(())
}

fn setting_skips_the_initialiser() -> Verdict {
    thread_local! {
        static CELL: Cell<u32> = panic!("it was to be left out");
        static REF_CELL: RefCell<u32> = panic!("it was to be left out");
    }
    CELL.set(1);
    REF_CELL.set(2);
    check_eq!((CELL.get(), REF_CELL.take()), (1, 2));
    Ok(())
}

/// A constant is there already, as with `std`: setting drops it.
fn setting_replaces_a_constant() -> Verdict {
    thread_local! {
        static CELL: Cell<Option<Adds>> = const { Cell::new(Some(Adds(1))) };
        static LARGE: RefCell<(Adds, [u8; 500])> = const { RefCell::new((Adds(10), [0; 500])) };
    }
    DROPPED.store(0, SeqCst);
    let dropped = in_thread(|| {
        CELL.set(Some(Adds(100)));
        LARGE.set((Adds(1000), [0; 500]));
        DROPPED.load(SeqCst)
    });
    check_eq!(dropped, 11);
    check_eq!(DROPPED.load(SeqCst), 1111);
    Ok(())
}

fn access_error_is_an_error() -> Verdict {
    fn is_error<E>(_: E) -> bool
    where
        E: core::error::Error + Copy + Eq + Send + Sync,
    {
        true
    }
    struct Asks;
    thread_local!(static ASKS: Asks = const { Asks });
    static FOUND: Mutex<Option<AccessError>> = Mutex::new(None);
    impl Drop for Asks {
        fn drop(&mut self) {
            *FOUND.lock().unwrap() = ASKS.try_with(|_| ()).err();
        }
    }
    in_thread(|| ASKS.with(|_| ()));
    let found = *FOUND.lock().unwrap();
    check!(found.is_some());
    if let Some(error) = found {
        check!(is_error(error) && error == error.clone());
        let mut memory = [0; 80];
        let mut text = SliceWriter::new(&mut memory);
        let written = write!(text, "{error}; {error:?}; {ASKS:?}");
        check!(written.is_ok());
        let expected = "already destroyed; AccessError; LocalKey { .. }";
        check_eq!(text.as_str(), Ok(expected));
    }
    Ok(())
}
