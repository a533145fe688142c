//! Models of the locks: small programs, run in every order that can make a difference (loom), or in
//! many (shuttle). Each runs on the algorithms as they are, where it must succeed; and each of
//! their mutants must make one of them fail.
//!
//! Without arguments it runs all; with one, what contains it. Each is a process of its own, for a
//! mutant may hang or crash. Prints a line per case: `ok NAME` or `FAIL NAME why`, and `end N`.

extern crate alloc;

mod mutants;
mod run;

use std::process::ExitCode;

/// A model.
struct Model {
    name: &'static str,
    /// The files whose mutants it may catch.
    files: &'static [&'static str],
    run: fn(),
    /// How many times a thread may be interrupted in one of loom's runs; `None` for any. Where it
    /// is 1, 2 would take long (six seconds to minutes).
    preemptions: Option<usize>,
}

mod under_loom {
    pub mod checker {
        pub use loom::sync::atomic;
        pub use loom::{lazy_static, thread};

        /// Fails a model in which one thread touches it without knowing of another's touch.
        #[derive(Debug)]
        pub struct Watched(loom::cell::UnsafeCell<()>);

        impl Watched {
            pub fn new() -> Watched {
                Watched(loom::cell::UnsafeCell::new(()))
            }

            pub fn read(&self) {
                self.0.with(|_| ());
            }

            pub fn write(&self) {
                self.0.with_mut(|_| ());
            }
        }

        /// Data that a lock must guard.
        pub struct Data(loom::cell::UnsafeCell<u32>);

        // SAFETY: the model is about just that.
        unsafe impl Sync for Data {}

        impl Data {
            pub fn new() -> Data {
                Data(loom::cell::UnsafeCell::new(0))
            }

            pub fn read(&self) -> u32 {
                // SAFETY: loom fails a model that has a race here.
                self.0.with(|value| unsafe { *value })
            }

            pub fn add(&self) {
                // SAFETY: likewise.
                self.0.with_mut(|value| unsafe { *value += 1 });
            }
        }
    }
    include!("under.rs");
}

mod under_shuttle {
    pub mod checker {
        use std::cell::Cell;

        pub use shuttle::sync::atomic;
        pub use shuttle::{lazy_static, thread};

        /// Nothing: all that happened is known to all here.
        #[derive(Debug)]
        pub struct Watched;

        impl Watched {
            pub fn new() -> Watched {
                Watched
            }

            pub fn read(&self) {}

            pub fn write(&self) {}
        }

        /// Data that a lock must guard.
        pub struct Data {
            value: Cell<u32>,
            readers: Cell<i32>,
        }

        // SAFETY: the threads of a model take turns.
        unsafe impl Sync for Data {}

        impl Data {
            pub fn new() -> Data {
                Data {
                    value: Cell::new(0),
                    readers: Cell::new(0),
                }
            }

            pub fn read(&self) -> u32 {
                assert!(self.readers.get() >= 0, "it is read while it is changed");
                self.readers.set(self.readers.get() + 1);
                thread::yield_now();
                self.readers.set(self.readers.get() - 1);
                self.value.get()
            }

            pub fn add(&self) {
                assert!(self.readers.get() == 0, "it is changed while it is used");
                self.readers.set(-1);
                thread::yield_now();
                self.readers.set(0);
                self.value.set(self.value.get() + 1);
            }
        }
    }
    include!("under.rs");
}

fn main() -> ExitCode {
    run::main()
}
