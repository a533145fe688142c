//! A value that is written once.

use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;
use core::panic::{RefUnwindSafe, UnwindSafe};

use super::Once;

/// A cell that is written at most once and then read by everybody; `std`'s `OnceLock`.
///
/// # Examples
/// ```
/// use threadbare::sync::OnceLock;
///
/// static ANSWER: OnceLock<u32> = OnceLock::new();
/// assert_eq!(ANSWER.get(), None);
/// assert_eq!(*ANSWER.get_or_init(|| 42), 42);
/// assert_eq!(ANSWER.set(7), Err(7));
///
/// // Whoever owns the cell may change it, and begin again.
/// let mut own = OnceLock::new();
/// own.set(1).unwrap();
/// *own.get_mut().unwrap() += 1;
/// assert_eq!(own.take(), Some(2));
/// assert_eq!(own.into_inner(), None);
/// ```
pub struct OnceLock<T> {
    once: Once,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value may be made by one thread and dropped by another (`Send`), and is read by all
// (`Sync`); `once` orders the write before every read.
unsafe impl<T: Sync + Send> Sync for OnceLock<T> {}
// SAFETY: whoever owns the cell owns the value.
unsafe impl<T: Send> Send for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// Makes an empty cell.
    pub const fn new() -> OnceLock<T> {
        OnceLock {
            once: Once::new(),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// Returns the value, if it was written.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if self.once.is_completed() {
            // SAFETY: the write is over, and there is no other.
            Some(unsafe { (*self.value.get()).assume_init_ref() })
        } else {
            None
        }
    }

    /// Returns the value, if it was written.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        if self.once.is_completed() {
            // SAFETY: the write is over; the borrow is exclusive.
            Some(unsafe { self.value.get_mut().assume_init_mut() })
        } else {
            None
        }
    }

    /// Writes the value.
    ///
    /// # Blocking
    /// While another thread is writing.
    ///
    /// # Errors
    /// The value, if one was written before.
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.get_or_init(|| match value.take() {
            Some(value) => value,
            None => unreachable!("a Once calls once"),
        });
        match value {
            None => Ok(()),
            Some(value) => Err(value),
        }
    }

    /// Returns the value, which `f` makes if there is none.
    ///
    /// # Blocking
    /// While another thread is making it; for ever if `f` asks for it itself.
    #[inline]
    pub fn get_or_init<F: FnOnce() -> T>(&self, f: F) -> &T {
        self.once.call_once(|| {
            let value = f();
            // SAFETY: within the one call nobody else reads or writes.
            unsafe { (*self.value.get()).write(value) };
        });
        // SAFETY: the call is over.
        unsafe { (*self.value.get()).assume_init_ref() }
    }

    /// Returns the value once it was written.
    ///
    /// # Blocking
    /// Until somebody writes it.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::OnceLock;
    /// use threadbare::thread;
    ///
    /// static WORD: OnceLock<&str> = OnceLock::new();
    ///
    /// let listener = thread::spawn(|| WORD.wait().len());
    /// WORD.set("go").unwrap();
    /// assert_eq!(listener.join().unwrap(), 2);
    /// ```
    pub fn wait(&self) -> &T {
        self.once.wait();
        // SAFETY: the call is over.
        unsafe { (*self.value.get()).assume_init_ref() }
    }

    /// Takes the value out, leaving the cell empty.
    pub fn take(&mut self) -> Option<T> {
        if self.once.is_completed() {
            self.once = Once::new();
            // SAFETY: it was written; with a new `once` nobody will read it again.
            Some(unsafe { self.value.get_mut().assume_init_read() })
        } else {
            None
        }
    }

    /// Returns the value, if it was written.
    pub fn into_inner(mut self) -> Option<T> {
        self.take()
    }
}

impl<T> Drop for OnceLock<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> OnceLock<T> {
        OnceLock::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> OnceLock<T> {
        let cell = OnceLock::new();
        // Nobody else has it.
        let _ = cell.set(value);
        cell
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> OnceLock<T> {
        self.get()
            .map_or_else(OnceLock::new, |value| OnceLock::from(value.clone()))
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &OnceLock<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

// As in `std`.
impl<T: UnwindSafe> UnwindSafe for OnceLock<T> {}
impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceLock<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_tuple("OnceLock");
        match self.get() {
            Some(value) => f.field(value),
            None => f.field(&format_args!("<uninit>")),
        };
        f.finish()
    }
}
