//! A value that is made when it is first looked at.

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::Once;

/// Either what makes the value, or the value; `Once` says which.
union Content<T, F> {
    make: ManuallyDrop<F>,
    value: ManuallyDrop<T>,
}

/// A value that a closure makes when it is first looked at; `std`'s `LazyLock`.
///
/// # Examples
/// ```
/// use threadbare::sync::LazyLock;
///
/// static SQUARES: LazyLock<[u32; 4]> = LazyLock::new(|| core::array::from_fn(|n| (n * n) as u32));
/// assert_eq!(SQUARES[3], 9);
/// assert_eq!(LazyLock::force(&SQUARES).len(), 4);
///
/// let known: LazyLock<u32> = LazyLock::from(7);
/// assert_eq!(*known, 7);
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    once: Once,
    content: UnsafeCell<Content<T, F>>,
}

// SAFETY: the value is shared (`Sync`), made by one thread and dropped by another (`Send`), and the
// closure moves into the thread that calls it (`Send`).
unsafe impl<T: Sync + Send, F: Send> Sync for LazyLock<T, F> {}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// Makes a value to come.
    pub const fn new(make: F) -> LazyLock<T, F> {
        LazyLock {
            once: Once::new(),
            content: UnsafeCell::new(Content {
                make: ManuallyDrop::new(make),
            }),
        }
    }

    /// Returns the value, which is made if there is none.
    ///
    /// # Blocking
    /// While another thread is making it; for ever if the closure looks at it itself, or ends its
    /// thread.
    #[inline]
    pub fn force(this: &LazyLock<T, F>) -> &T {
        this.once.call_once(|| {
            // SAFETY: within the one call nobody else looks; there is no value yet.
            let content = unsafe { &mut *this.content.get() };
            // SAFETY: likewise; the closure is not used again.
            let make = unsafe { ManuallyDrop::take(&mut content.make) };
            content.value = ManuallyDrop::new(make());
        });
        // SAFETY: the call is over.
        unsafe { &(*this.content.get()).value }
    }
}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// Returns the value, which is made if there is none.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::LazyLock;
    /// let mut own = LazyLock::new(|| 1);
    /// *LazyLock::force_mut(&mut own) += 1;
    /// assert_eq!(*own, 2);
    /// ```
    pub fn force_mut(this: &mut LazyLock<T, F>) -> &mut T {
        LazyLock::force(this);
        // SAFETY: there is a value.
        unsafe { &mut this.content.get_mut().value }
    }
}

impl<T, F> LazyLock<T, F> {
    /// Returns the value, if it was made.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::LazyLock;
    /// let mut own = LazyLock::new(|| 1);
    /// assert_eq!(LazyLock::get(&own), None);
    /// assert_eq!(*own, 1);
    /// assert_eq!(LazyLock::get_mut(&mut own), Some(&mut 1));
    /// ```
    pub fn get(this: &LazyLock<T, F>) -> Option<&T> {
        // SAFETY: the call is over, and the value is not written while it is borrowed.
        (this.once.is_completed()).then(|| unsafe { &*(*this.content.get()).value })
    }

    /// Returns the value, if it was made.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::LazyLock;
    /// let mut own = LazyLock::new(|| 1);
    /// assert_eq!(LazyLock::get_mut(&mut own), None);
    /// LazyLock::force(&own);
    /// assert_eq!(LazyLock::get_mut(&mut own), Some(&mut 1));
    /// ```
    pub fn get_mut(this: &mut LazyLock<T, F>) -> Option<&mut T> {
        if this.once.is_completed() {
            // SAFETY: there is a value.
            Some(unsafe { &mut this.content.get_mut().value })
        } else {
            None
        }
    }
}

impl<T, F> Drop for LazyLock<T, F> {
    fn drop(&mut self) {
        let is_made = self.once.is_completed();
        let content = self.content.get_mut();
        if is_made {
            // SAFETY: it is a value, and not used again.
            unsafe { ManuallyDrop::drop(&mut content.value) };
        } else if !self.once.is_begun() {
            // SAFETY: it is a closure, likewise.
            unsafe { ManuallyDrop::drop(&mut content.make) };
        }
        // Otherwise the closure was called and has ended its thread: there is neither.
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T, F: FnOnce() -> T> DerefMut for LazyLock<T, F> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        LazyLock::force_mut(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> LazyLock<T> {
        LazyLock::new(T::default)
    }
}

impl<T, F> From<T> for LazyLock<T, F> {
    /// Makes one whose value is there.
    fn from(value: T) -> LazyLock<T, F> {
        let once = Once::new();
        once.call_once(|| ());
        LazyLock {
            once,
            content: UnsafeCell::new(Content {
                value: ManuallyDrop::new(value),
            }),
        }
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_tuple("LazyLock");
        match LazyLock::get(self) {
            Some(value) => f.field(value),
            None => f.field(&format_args!("<uninit>")),
        };
        f.finish()
    }
}

// As in `std`.
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}
impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}
