//! Shortcuts for thread-locals in a `Cell` or `RefCell`, as in `std`.

use core::cell::{Cell, RefCell};

use super::{Call, LocalKey};

/// # Panics
/// All of these do if the value is being destroyed, or was.
impl<T: 'static> LocalKey<Cell<T>> {
    /// Sets the value. If it was not initialised yet, it is with this, and a lazy initialiser does
    /// not run.
    ///
    /// # Examples
    /// ```
    /// use core::cell::Cell;
    /// use threadbare::thread_local;
    ///
    /// thread_local!(static LEVEL: Cell<u32> = panic!("nobody has set the level"));
    ///
    /// LEVEL.set(3);
    /// assert_eq!(LEVEL.get(), 3);
    /// ```
    #[track_caller]
    pub fn set(&'static self, value: T) {
        let mut given = Some(Cell::new(value));
        let mut call = Call;
        let cell = self.value(&mut call, Some(&mut given));
        if let Some(unused) = given {
            cell.set(unused.into_inner());
        }
    }

    /// Returns a copy of the value.
    ///
    /// # Examples
    /// ```
    /// use core::cell::Cell;
    /// use threadbare::thread_local;
    ///
    /// thread_local!(static LEVEL: Cell<u32> = const { Cell::new(1) });
    ///
    /// assert_eq!(LEVEL.get(), 1);
    /// ```
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.value(&mut Call, None).get()
    }

    /// Takes the value and leaves the type's default.
    ///
    /// # Examples
    /// ```
    /// use core::cell::Cell;
    /// use threadbare::thread_local;
    ///
    /// thread_local!(static NEXT: Cell<Option<u32>> = const { Cell::new(Some(1)) });
    ///
    /// assert_eq!(NEXT.take(), Some(1));
    /// assert_eq!(NEXT.take(), None);
    /// ```
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.value(&mut Call, None).take()
    }

    /// Sets the value and returns the one before.
    ///
    /// # Examples
    /// ```
    /// use core::cell::Cell;
    /// use threadbare::thread_local;
    ///
    /// thread_local!(static LEVEL: Cell<u32> = const { Cell::new(1) });
    ///
    /// assert_eq!(LEVEL.replace(2), 1);
    /// assert_eq!(LEVEL.replace(3), 2);
    /// ```
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.value(&mut Call, None).replace(value)
    }
}

/// # Panics
/// All of these do if the value is being destroyed, or was; and if it is borrowed, mutably for
/// `with_borrow` and in any way for the others.
impl<T: 'static> LocalKey<RefCell<T>> {
    /// Calls `f` with a reference to the value.
    ///
    /// # Examples
    /// ```
    /// use core::cell::RefCell;
    /// use threadbare::thread_local;
    ///
    /// thread_local!(static LINE: RefCell<[u8; 80]> = const { RefCell::new([0; 80]) });
    ///
    /// LINE.with_borrow(|line| assert_eq!(line.len(), 80));
    /// ```
    #[track_caller]
    pub fn with_borrow<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        f(&self.value(&mut Call, None).borrow())
    }

    /// Calls `f` with a mutable reference to the value.
    ///
    /// # Examples
    /// ```
    /// use core::cell::RefCell;
    /// use threadbare::thread_local;
    ///
    /// thread_local!(static LINE: RefCell<[u8; 80]> = const { RefCell::new([0; 80]) });
    ///
    /// LINE.with_borrow_mut(|line| line[..5].copy_from_slice(b"hello"));
    /// assert!(LINE.with_borrow(|line| line.starts_with(b"hello")));
    /// ```
    #[track_caller]
    pub fn with_borrow_mut<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&mut T) -> R,
    {
        f(&mut self.value(&mut Call, None).borrow_mut())
    }

    /// Sets the value. If it was not initialised yet, it is with this, and a lazy initialiser does
    /// not run.
    ///
    /// # Examples
    /// ```
    /// use core::cell::RefCell;
    /// use threadbare::thread_local;
    ///
    /// thread_local!(static PATH: RefCell<&'static str> = panic!("nobody has set the path"));
    ///
    /// PATH.set("/dev/null");
    /// assert_eq!(PATH.with_borrow(|path| path.len()), 9);
    /// ```
    #[track_caller]
    pub fn set(&'static self, value: T) {
        let mut given = Some(RefCell::new(value));
        let mut call = Call;
        let cell = self.value(&mut call, Some(&mut given));
        if let Some(unused) = given {
            *cell.borrow_mut() = unused.into_inner();
        }
    }

    /// Takes the value and leaves the type's default.
    ///
    /// # Examples
    /// ```
    /// use core::cell::RefCell;
    /// use threadbare::thread_local;
    ///
    /// thread_local!(static JOBS: RefCell<[u32; 3]> = const { RefCell::new([1, 2, 3]) });
    ///
    /// assert_eq!(JOBS.take(), [1, 2, 3]);
    /// assert_eq!(JOBS.take(), [0; 3]);
    /// ```
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.value(&mut Call, None).take()
    }

    /// Sets the value and returns the one before.
    ///
    /// # Examples
    /// ```
    /// use core::cell::RefCell;
    /// use threadbare::thread_local;
    ///
    /// thread_local!(static PATH: RefCell<&'static str> = const { RefCell::new("/") });
    ///
    /// assert_eq!(PATH.replace("/tmp"), "/");
    /// assert_eq!(PATH.replace("/"), "/tmp");
    /// ```
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.value(&mut Call, None).replace(value)
    }
}
