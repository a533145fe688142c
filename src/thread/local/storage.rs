//! What a thread-local consists of in each thread's TLS, by its initialiser and its type.
//!
//! | initialiser | drop glue | storage | where |
//! |---|---|---|---|
//! | lazy | no | stage, value | `.tbss` |
//! | lazy | yes | node, stage, value | `.tbss` |
//! | `const`, small | no | the value | `.tdata` |
//! | `const`, small | yes | node, stage, value | `.tdata` |
//! | `const`, large | either | as lazy; the first access copies the value from a static | `.tbss` |
//!
//! `.tdata` is in the program's file and copied for every thread that starts, `.tbss` is zeroed.
//! Nothing can find out at compile time whether a constant is all zero, so a large one, which is
//! most often an array of zeroes, pays with a byte and a test: it costs the file nothing (its
//! static lies in `.bss` then), and in fresh memory only threads that use it touch its pages.
//!
//! Unsafe here: values that come to life and end at times that no type knows of.

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;
use core::ptr;

use super::destructors::{self, Node};

/// The largest value, in bytes, that a `const` initialiser puts into the program's TLS image.
pub const IMAGE_BYTES_MAX: usize = 256;

/// What becomes of a value in one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Stage {
    /// Nobody has asked for it. Zero, as `.tbss` is.
    Untouched = 0,
    /// It may be used.
    Alive = 1,
    /// Its destructor runs or has run. The last stage.
    Destroyed = 2,
}

/// How a value is found at its thread's end.
pub trait Link: Sized {
    /// Of a value that nobody has asked for.
    const NEW: Self;

    /// Sees to it that the value is destroyed at the thread's end.
    ///
    /// # Safety
    /// 1. `slot` is the calling thread's, and was not registered before.
    unsafe fn register<T>(slot: &Slot<T, Self>);
}

/// For types without drop glue: nothing.
#[derive(Debug)]
pub struct Unlinked;

impl Link for Unlinked {
    const NEW: Unlinked = Unlinked;

    unsafe fn register<T>(_: &Slot<T, Unlinked>) {}
}

impl Link for Node {
    const NEW: Node = Node::new();

    unsafe fn register<T>(slot: &Slot<T, Node>) {
        // SAFETY: clause 1; `destroy` finds the slot around its first field.
        unsafe { destructors::register(ptr::from_ref(slot).cast(), Slot::<T, Node>::destroy) }
    }
}

/// Names the link of a type that has drop glue, or has none.
pub type LinkFor<const HAS_GLUE: bool> = <Glue<HAS_GLUE> as Choose>::Link;

/// Whether a type has drop glue, as a type.
#[derive(Debug)]
pub struct Glue<const IS_THERE: bool>;

/// The choice that [`LinkFor`] makes.
pub trait Choose {
    /// What is chosen.
    type Link: Link;
}

impl Choose for Glue<false> {
    type Link = Unlinked;
}

impl Choose for Glue<true> {
    type Link = Node;
}

/// A value that has stages.
#[derive(Debug)]
#[repr(C)]
pub struct Slot<T, L> {
    /// First, so that its address is the slot's.
    link: L,
    stage: Cell<Stage>,
    /// Initialised while alive, and from the start if made by `holding`.
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: each thread has a copy, and all methods require that it is the calling thread's.
unsafe impl<T, L> Sync for Slot<T, L> {}

impl<T, L: Link> Slot<T, L> {
    /// A slot whose value is made by the first access: all zero.
    #[allow(clippy::new_without_default, reason = "for statics alone")]
    pub const fn new() -> Slot<T, L> {
        Slot {
            link: L::NEW,
            stage: Cell::new(Stage::Untouched),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// A slot whose value is there.
    pub const fn holding(value: T) -> Slot<T, L> {
        Slot {
            link: L::NEW,
            stage: Cell::new(Stage::Untouched),
            value: UnsafeCell::new(MaybeUninit::new(value)),
        }
    }

    /// Returns the value, null if it was destroyed. The first access makes it: of what is `given`,
    /// or by `make`.
    ///
    /// # Safety
    /// 1. `slot` is the calling thread's copy of a static made by `new`.
    #[inline]
    pub unsafe fn get_or_make(
        slot: *const Self,
        given: Option<&mut Option<T>>,
        make: fn() -> T,
    ) -> *const T {
        // SAFETY: clause 1: the copy lives as long as the thread.
        let slot = unsafe { &*slot };
        match slot.stage.get() {
            Stage::Alive => slot.value.get().cast(),
            // SAFETY: clause 1.
            Stage::Untouched => unsafe { slot.make(given, make) },
            Stage::Destroyed => ptr::null(),
        }
    }

    /// # Safety
    /// 1. The slot is the calling thread's.
    #[cold]
    unsafe fn make(&self, given: Option<&mut Option<T>>, make: fn() -> T) -> *const T {
        let value = given.and_then(Option::take).unwrap_or_else(make);
        // SAFETY: no reference to the value exists: what `make` may have lent was given back before
        // it returned, and this thread's next access comes after this one.
        let before = unsafe { self.value.get().replace(MaybeUninit::new(value)) };
        if self.stage.replace(Stage::Alive) == Stage::Alive {
            // `make` asked for the value itself and so made it: this one takes its place, as with
            // `std`, and the link is there already.
            // SAFETY: an alive slot had a value, which was taken out just now.
            drop(unsafe { before.assume_init() });
        } else {
            // SAFETY: clause 1; a slot is alive only after this.
            unsafe { L::register(self) };
        }
        self.value.get().cast()
    }

    /// Returns the value, null if it was destroyed. Before the first access `place` puts it there,
    /// if it is not there yet; `place` runs no code of the user's.
    ///
    /// # Safety
    /// 1. `slot` is the calling thread's copy of a static.
    /// 2. After `place` the value is there.
    #[inline]
    pub unsafe fn get_or_place(slot: *const Self, place: impl FnOnce(*mut T)) -> *const T {
        // SAFETY: clause 1: the copy lives as long as the thread.
        let slot = unsafe { &*slot };
        match slot.stage.get() {
            Stage::Alive => {}
            Stage::Untouched => {
                place(slot.value.get().cast());
                slot.stage.set(Stage::Alive);
                // SAFETY: clause 1; the stage is left once.
                unsafe { L::register(slot) };
            }
            Stage::Destroyed => return ptr::null(),
        }
        slot.value.get().cast()
    }
}

impl<T> Slot<T, Node> {
    /// Drops the value.
    ///
    /// # Safety
    /// 1. `node` is the first field of the calling thread's slot, which is alive.
    /// 2. Nobody uses the value any more.
    unsafe fn destroy(node: *const Node) {
        // SAFETY: clause 1.
        let slot = unsafe { &*node.cast::<Slot<T, Node>>() };
        // First: the destructor may ask for the value.
        slot.stage.set(Stage::Destroyed);
        // SAFETY: clauses 1 and 2; from here on nobody gets at the value.
        unsafe { slot.value.get().cast::<T>().drop_in_place() }
    }
}

/// A value of a type without drop glue that is there from the start.
#[derive(Debug)]
#[repr(transparent)]
pub struct Plain<T>(UnsafeCell<T>);

// SAFETY: each thread has a copy, and `get` requires that it is the calling thread's.
unsafe impl<T> Sync for Plain<T> {}

impl<T> Plain<T> {
    /// Holds the value.
    pub const fn new(value: T) -> Plain<T> {
        Plain(UnsafeCell::new(value))
    }

    /// Returns the value.
    ///
    /// # Safety
    /// 1. `plain` is the calling thread's copy of a static.
    #[inline]
    pub unsafe fn get(plain: *const Self) -> *const T {
        // SAFETY: clause 1. Said aloud, because to the compiler the address came out of assembly:
        // no user of the value needs to ask whether it was destroyed.
        unsafe { core::hint::assert_unchecked(!plain.is_null()) };
        // SAFETY: clause 1.
        unsafe { (*plain).0.get() }
    }
}

/// What a large `const` initialiser makes, once in the program; never dropped. In a cell, so that
/// zeroes lie in `.bss` and not among the constants, in the file.
#[derive(Debug)]
#[repr(transparent)]
pub struct Pattern<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: it is only ever copied from.
unsafe impl<T> Sync for Pattern<T> {}

impl<T> Pattern<T> {
    /// Holds the value.
    pub const fn new(value: T) -> Pattern<T> {
        Pattern(UnsafeCell::new(MaybeUninit::new(value)))
    }

    /// Copies the value to `to`, without a detour by the stack, which it may not fit.
    ///
    /// # Safety
    /// 1. The value was made by a constant expression, of which each evaluation is a value.
    /// 2. `to` is writable and aligned.
    pub unsafe fn copy_to(&self, to: *mut T) {
        // SAFETY: clauses 1 and 2; nobody writes to the pattern, and it is not where threads'
        // copies are.
        unsafe { to.copy_from_nonoverlapping(self.0.get().cast(), 1) }
    }
}
