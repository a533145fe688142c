//! Thread-locals: `thread_local!` and its keys, on stable Rust.
//!
//! A thread-local is a static in the program's TLS image, put there by its section's name, and
//! reached by the CPU file's `__tls_address!` alone: the compiler takes it for an ordinary static,
//! and any reference that it made to it would be one to the image. So the static is declared within
//! the one expression that takes its address, where nobody else can name it.
//!
//! On CPUs whose inline assembly is not stable the compiler is not either, and `#[thread_local]`
//! serves.
//!
//! There is no allocation, no registration of what has no drop glue, and no dynamic TLS.

mod cells;
mod destructors;
pub mod storage;

use core::fmt;

pub(crate) use destructors::run as run_destructors;

/// Declares a static in the section `$section` (`.tbss`, if it is all zero, or `.tdata`, with words
/// of one's own appended), of which each thread has a copy, and evaluates to the address of the
/// calling thread's. The name is for the section alone.
///
/// Sections are many, so that the linker can leave out what is not used.
#[cfg(not(experimental_asm))]
#[doc(hidden)]
#[macro_export]
macro_rules! __thread_copy {
    ($section:literal $name:ident: $type:ty = $initial:expr) => {{
        #[unsafe(link_section = ::core::concat!(
                        $section, ".", ::core::module_path!(), "::", ::core::stringify!($name), ":",
                        ::core::line!()
                    ))]
        static __THREADBARE_COPY: $type = $initial;
        // SAFETY: the static is in the TLS image, by its section's name.
        let address: *mut u8 = unsafe { $crate::__tls_address!(__THREADBARE_COPY) };
        address.cast::<$type>().cast_const()
    }};
}

/// The same, where the compiler has a word for it.
#[cfg(experimental_asm)]
#[doc(hidden)]
#[macro_export]
#[allow_internal_unstable(thread_local)]
macro_rules! __thread_copy {
    ($section:literal $name:ident: $type:ty = $initial:expr) => {{
        #[thread_local]
        static __THREADBARE_COPY: $type = $initial;
        &raw const __THREADBARE_COPY
    }};
}

/// Makes a [`LocalKey`].
#[doc(hidden)]
#[macro_export]
macro_rules! __local_key {
    ($name:ident: $type:ty = const $init:expr) => {{
        const __THREADBARE_INIT: $type = $init;
        const __THREADBARE_HAS_GLUE: bool = ::core::mem::needs_drop::<$type>();
        const __THREADBARE_IS_LARGE: bool =
            ::core::mem::size_of::<$type>() > $crate::thread::__storage::IMAGE_BYTES_MAX;
        type __ThreadbareSlot = $crate::thread::__storage::Slot<
            $type,
            $crate::thread::__storage::LinkFor<__THREADBARE_HAS_GLUE>,
        >;
        // The statics of the functions that are not chosen are used by nobody: no linker keeps
        // them.
        const __THREADBARE_ACCESS: fn(
            ::core::option::Option<&mut ::core::option::Option<$type>>,
        ) -> *const $type = if __THREADBARE_IS_LARGE {
            |_| {
                static __THREADBARE_PATTERN: $crate::thread::__storage::Pattern<$type> =
                    $crate::thread::__storage::Pattern::new(__THREADBARE_INIT);
                let slot = $crate::__thread_copy!(
                    ".tbss.large" $name: __ThreadbareSlot = __ThreadbareSlot::new()
                );
                // SAFETY: the slot is this thread's; the pattern was made by a constant.
                unsafe {
                    __ThreadbareSlot::get_or_place(slot, |to| __THREADBARE_PATTERN.copy_to(to))
                }
            }
        } else if __THREADBARE_HAS_GLUE {
            |_| {
                let slot = $crate::__thread_copy!(
                    ".tdata.slot" $name: __ThreadbareSlot =
                        __ThreadbareSlot::holding(__THREADBARE_INIT)
                );
                // SAFETY: the slot is this thread's, and its value is there.
                unsafe { __ThreadbareSlot::get_or_place(slot, |_| {}) }
            }
        } else {
            |_| {
                let plain = $crate::__thread_copy!(
                    ".tdata.plain" $name: $crate::thread::__storage::Plain<$type> =
                        $crate::thread::__storage::Plain::new(__THREADBARE_INIT)
                );
                // SAFETY: the copy is this thread's.
                unsafe { $crate::thread::__storage::Plain::get(plain) }
            }
        };
        // SAFETY: the function returns the calling thread's value.
        unsafe { $crate::thread::LocalKey::__new(__THREADBARE_ACCESS) }
    }};
    ($name:ident: $type:ty = $init:expr) => {{
        const __THREADBARE_HAS_GLUE: bool = ::core::mem::needs_drop::<$type>();
        type __ThreadbareSlot = $crate::thread::__storage::Slot<
            $type,
            $crate::thread::__storage::LinkFor<__THREADBARE_HAS_GLUE>,
        >;
        fn __threadbare_init() -> $type {
            $init
        }
        const __THREADBARE_ACCESS: fn(
            ::core::option::Option<&mut ::core::option::Option<$type>>,
        ) -> *const $type = |__threadbare_given| {
            let slot = $crate::__thread_copy!(
                ".tbss.lazy" $name: __ThreadbareSlot = __ThreadbareSlot::new()
            );
            // SAFETY: the slot is this thread's, of a static made by `new`.
            unsafe { __ThreadbareSlot::get_or_make(slot, __threadbare_given, __threadbare_init) }
        };
        // SAFETY: the function returns the calling thread's value.
        unsafe { $crate::thread::LocalKey::__new(__THREADBARE_ACCESS) }
    }};
}

/// Declares thread-locals: statics of which each thread has its own, each a [`LocalKey`].
///
/// Any number of declarations, each with its attributes and visibility, wherever an item may be:
/// in a module, a function, a generic function. The syntax and the rules are those of `std`.
///
/// The initialiser runs in each thread when it asks for the value first. One in a `const` block is
/// computed at compile time: values of up to 256 bytes are there as the thread starts, and larger
/// ones are copied when first asked for.
///
/// # Examples
/// ```
/// use core::cell::{Cell, RefCell};
/// use threadbare::{thread, thread_local};
///
/// thread_local! {
///     /// How much this thread has done.
///     pub static DONE: Cell<u32> = const { Cell::new(0) };
///     static WHO: RefCell<Option<thread::ThreadId>> = RefCell::new(Some(thread::current().id()));
/// }
///
/// DONE.set(DONE.get() + 1);
/// let other = thread::spawn(|| (DONE.get(), WHO.take()));
/// let (done, who) = other.join().unwrap();
/// assert_eq!((done, DONE.get()), (0, 1));
/// assert_ne!(who, WHO.take());
/// ```
#[macro_export]
macro_rules! thread_local {
    () => {};
    (
        $(#[$attribute:meta])*
        $visibility:vis static $name:ident: $type:ty = const $init:block $(; $($rest:tt)*)?
    ) => {
        $(#[$attribute])*
        $visibility const $name: $crate::thread::LocalKey<$type> =
            $crate::__local_key!($name: $type = const $init);
        $($crate::thread_local! { $($rest)* })?
    };
    (
        $(#[$attribute:meta])*
        $visibility:vis static $name:ident: $type:ty = $init:expr $(; $($rest:tt)*)?
    ) => {
        $(#[$attribute])*
        $visibility const $name: $crate::thread::LocalKey<$type> =
            $crate::__local_key!($name: $type = $init);
        $($crate::thread_local! { $($rest)* })?
    };
}

/// A thread-local: what [`thread_local!`](crate::thread_local) declares, and the way to the calling
/// thread's value.
///
/// # Destructors
/// They run at the thread's end, after its closure has returned and before `join` does, in detached
/// threads too: what was initialised last goes first. A destructor may ask for other thread-locals;
/// those that it is the first to ask for are destroyed after it. A value that is being destroyed,
/// or was, is an [`AccessError`]. A destructor that panics aborts the process.
///
/// When `main` returns, and in [`process::exit`](crate::process::exit), the calling thread's
/// destructors run, those of other threads do not: as with `std` on glibc. None run in a thread
/// that ends by `thread::exit` or a panic, or that something other than this crate has started.
///
/// # Recursion
/// An initialiser that asks for its own value recurses without end, unless it knows how to stop:
/// then the value of the outermost call is what stays, as with `std`.
///
/// # Examples
/// ```
/// use core::cell::Cell;
/// use threadbare::{thread, thread_local};
///
/// struct Told(Cell<u32>);
///
/// impl Drop for Told {
///     fn drop(&mut self) {
///         threadbare::println!("{} messages", self.0.get());
///     }
/// }
///
/// thread_local! {
///     static TOLD: Told = Told(Cell::new(0));
/// }
///
/// fn tell(message: &str) {
///     threadbare::println!("{message}");
///     // In a destructor of another thread-local, say, there may be no counter any more.
///     let counted = TOLD.try_with(|told| told.0.set(told.0.get() + 1));
///     assert!(counted.is_ok());
/// }
///
/// let worker = thread::spawn(|| tell("one message, then the count"));
/// worker.join().unwrap();
/// assert_eq!(TOLD.with(|told| told.0.get()), 0);
/// ```
pub struct LocalKey<T: 'static> {
    /// Returns the calling thread's value, null if it was destroyed. If this makes it, it may take
    /// it out of the argument.
    access: fn(Option<&mut Option<T>>) -> *const T,
}

impl<T: 'static> LocalKey<T> {
    /// Makes a key; for [`thread_local!`](crate::thread_local) alone.
    ///
    /// # Safety
    /// 1. `access` returns null, or a value that lives as long as the calling thread uses it.
    #[doc(hidden)]
    pub const unsafe fn __new(access: fn(Option<&mut Option<T>>) -> *const T) -> LocalKey<T> {
        LocalKey { access }
    }

    /// Calls `f` with the calling thread's value, which is initialised if need be.
    ///
    /// # Panics
    /// If the value is being destroyed, or was.
    ///
    /// # Examples
    /// ```
    /// use threadbare::{thread, thread_local};
    ///
    /// thread_local!(static ID: thread::ThreadId = thread::current().id());
    ///
    /// assert_eq!(ID.with(|id| id.as_u64().get()), 1);
    /// ```
    #[track_caller]
    pub fn with<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        f(self.value(&mut Call, None))
    }

    /// Calls `f` with the calling thread's value, which is initialised if need be.
    ///
    /// # Errors
    /// [`AccessError`] if the value is being destroyed, or was.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread_local;
    ///
    /// thread_local!(static PLACE: (u32, u32) = const { (3, 4) });
    ///
    /// assert_eq!(PLACE.try_with(|place| place.0 + place.1), Ok(7));
    /// ```
    #[inline]
    pub fn try_with<F, R>(&'static self, f: F) -> Result<R, AccessError>
    where
        F: FnOnce(&T) -> R,
    {
        // SAFETY: the value lives until this thread uses it no more (`__new`, clause 1), which is
        // after `f`.
        match unsafe { (self.access)(None).as_ref() } {
            Some(value) => Ok(f(value)),
            None => Err(AccessError),
        }
    }

    /// The calling thread's value, which may be made of what is `given`.
    #[inline]
    #[track_caller]
    fn value<'call>(&'static self, _: &'call mut Call, given: Option<&mut Option<T>>) -> &'call T {
        // SAFETY: the value lives until this thread uses it no more (`__new`, clause 1), so until
        // the method returns whose local variable the first argument is.
        match unsafe { (self.access)(given).as_ref() } {
            Some(value) => value,
            None => panic_destroyed(),
        }
    }
}

/// A variable of a method of [`LocalKey`]: a reference that borrows it cannot outlive the call.
struct Call;

/// Out of line, so that only the call is in each user of a key.
#[cold]
#[inline(never)]
#[track_caller]
fn panic_destroyed() -> ! {
    panic!(
        "cannot access a Thread Local Storage value during or after destruction: {AccessError:?}"
    )
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// The calling thread's value is being destroyed, or was.
///
/// # Examples
/// ```
/// use threadbare::thread::AccessError;
/// use threadbare::thread_local;
///
/// thread_local!(static NAME: &'static str = "worker");
///
/// fn name() -> Result<&'static str, AccessError> {
///     NAME.try_with(|name| *name)
/// }
/// match name() {
///     Ok(name) => threadbare::println!("{name}"),
///     Err(error) => threadbare::println!("{error}"),
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessError;

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("already destroyed")
    }
}

impl core::error::Error for AccessError {}
