//! Loops whose turns are shared between threads, and two closures at a time.
//!
//! The calling thread has the loop on its stack, queues it once for as many threads as are worth
//! having, and begins. Whoever joins in takes a part of what is left, a smaller one each time, so
//! that all end together. No slot is used, and nothing is allocated: a loop cannot be refused.

use core::cell::Cell;
use core::ops::Range;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::Pool;
use super::frame;
use super::shared::Shared;
use super::task::{Acts, Task};
use crate::sync::dispatch::{Group, Node};

/// How many parts each thread would take if all parts were alike.
const PARTS_PER_THREAD: usize = 4;

/// A loop that threads share.
#[repr(C)]
struct Loop<'a> {
    task: Task,
    /// The first turn that nobody has taken, up to the last.
    next: AtomicUsize,
    end: usize,
    /// A part is what is left divided by this.
    parts: usize,
    body: &'a (dyn Fn(Range<usize>) + Sync),
}

impl Loop<'_> {
    const ACTS: Acts = Acts {
        run: Self::run,
        end,
        drop: forget,
    };

    unsafe fn run(task: *const Task) -> *const Node {
        // SAFETY: the owner waits until whoever has begun is done.
        unsafe { &*task.cast::<Loop<'_>>() }.work();
        ptr::null()
    }

    fn work(&self) {
        while let Some(part) = self.take() {
            (self.body)(part);
        }
    }

    /// Takes a part. Relaxed: parts are disjoint by the exchange alone, and what came before the
    /// loop, or is done in it, is ordered by the dispatch.
    fn take(&self) -> Option<Range<usize>> {
        let mut at = self.next.load(Ordering::Relaxed);
        loop {
            let left = self.end - at;
            if left == 0 {
                return None;
            }
            let until = at + (left / self.parts).max(1);
            match self
                .next
                .compare_exchange_weak(at, until, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Some(at..until),
                Err(now) => at = now,
            }
        }
    }
}

/// A job on a stack that came to nothing: its owner is told by its group.
unsafe fn end(_: *const Task, _: bool) -> *const Node {
    ptr::null()
}

unsafe fn forget(_: *const Task) {}

/// A closure on a stack, and what it returned.
#[repr(C)]
struct Half<F, T> {
    task: Task,
    closure: Cell<Option<F>>,
    result: Cell<Option<T>>,
}

impl<F: FnOnce() -> T, T> Half<F, T> {
    const ACTS: Acts = Acts {
        run: Self::run,
        end,
        drop: forget,
    };

    unsafe fn run(task: *const Task) -> *const Node {
        // SAFETY: the owner waits until the job is finished, and touches nothing until then.
        let half = unsafe { &*task.cast::<Self>() };
        if let Some(closure) = half.closure.take() {
            half.result.set(Some(closure()));
        }
        ptr::null()
    }
}

impl Pool {
    /// Calls `f` with every number of the range, in the pool's threads and this one.
    ///
    /// # Blocking
    /// Until `f` has returned from the last call. Other jobs are not run meanwhile, but those that
    /// `f` has given to the pool.
    ///
    /// # Panics
    /// If a call ended its thread, by [`exit`](crate::thread::exit) or a panic.
    ///
    /// # Ordering
    /// What happened in the calls comes before the return.
    ///
    /// # Examples
    /// ```
    /// use core::sync::atomic::{AtomicU64, Ordering};
    /// use threadbare::thread::Pool;
    /// use threadbare::thread::pool::Memory;
    ///
    /// let sum = AtomicU64::new(0);
    /// // Loops need no slots.
    /// let mut memory = Memory::<0, 0>::new();
    /// Pool::builder().threads(2).run_in(&mut memory, |pool| {
    ///     pool.for_each(0..1000, |n| {
    ///         sum.fetch_add(n as u64, Ordering::Relaxed);
    ///     });
    /// })?;
    /// assert_eq!(sum.into_inner(), 499_500);
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn for_each<F: Fn(usize) + Sync>(&self, range: Range<usize>, f: F) {
        self.shared().share(range, &|part| part.for_each(&f));
    }

    /// Calls `f` with every piece of the slice that is `length` elements long, and with the rest,
    /// which may be shorter; and with the piece's number.
    ///
    /// # Blocking
    /// As [`Pool::for_each`].
    ///
    /// # Panics
    /// If the length is 0, and as [`Pool::for_each`].
    ///
    /// # Examples
    /// ```
    /// use core::sync::atomic::{AtomicUsize, Ordering};
    /// use threadbare::thread::Pool;
    /// use threadbare::thread::pool::Memory;
    ///
    /// let words = AtomicUsize::new(0);
    /// let lines = ["one two", "three", "", "four"];
    /// let mut memory = Memory::<0, 0>::new();
    /// Pool::builder().threads(2).run_in(&mut memory, |pool| {
    ///     pool.chunks(&lines, 3, |number, lines| {
    ///         assert_eq!(lines.len(), if number == 0 { 3 } else { 1 });
    ///         let count = lines.iter().map(|line| line.split_whitespace().count()).sum();
    ///         words.fetch_add(count, Ordering::Relaxed);
    ///     });
    /// })?;
    /// assert_eq!(words.into_inner(), 4);
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn chunks<T: Sync, F>(&self, slice: &[T], length: usize, f: F)
    where
        F: Fn(usize, &[T]) + Sync,
    {
        assert!(length > 0, "a piece has one element at the least");
        self.for_each(0..slice.len().div_ceil(length), |number| {
            let start = number * length;
            f(
                number,
                &slice[start..slice.len().min(start.saturating_add(length))],
            );
        });
    }

    /// [`Pool::chunks`] for pieces that are changed.
    ///
    /// # Blocking
    /// As [`Pool::for_each`].
    ///
    /// # Panics
    /// If the length is 0, and as [`Pool::for_each`].
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Pool;
    /// use threadbare::thread::pool::Memory;
    ///
    /// let mut numbers = [1u32; 1000];
    /// let mut memory = Memory::<0, 0>::new();
    /// Pool::builder().threads(2).run_in(&mut memory, |pool| {
    ///     pool.chunks_mut(&mut numbers, 64, |number, piece| {
    ///         piece.iter_mut().for_each(|n| *n += number as u32);
    ///     });
    /// })?;
    /// assert_eq!((numbers[0], numbers[64], numbers[999]), (1, 2, 16));
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn chunks_mut<T: Send, F>(&self, slice: &mut [T], length: usize, f: F)
    where
        F: Fn(usize, &mut [T]) + Sync,
    {
        assert!(length > 0, "a piece has one element at the least");
        let (base, count) = (Base(slice.as_mut_ptr()), slice.len());
        self.for_each(0..count.div_ceil(length), |number| {
            let start = number * length;
            let end = count.min(start.saturating_add(length));
            // SAFETY: the pieces are disjoint, and each number comes once.
            let piece = unsafe { core::slice::from_raw_parts_mut(base.at(start), end - start) };
            f(number, piece);
        });
    }

    /// Calls both closures, at the same time if a thread is free for the second, and returns what
    /// they return. It needs no slot, and cannot be refused.
    ///
    /// # Blocking
    /// Until both have returned. Other jobs are not run meanwhile, but those that descend from the
    /// second.
    ///
    /// # Panics
    /// If `b` ended its thread, by [`exit`](crate::thread::exit) or a panic.
    ///
    /// # Examples
    /// ```
    /// use threadbare::thread::Pool;
    /// use threadbare::thread::pool::Memory;
    ///
    /// fn sum(pool: &Pool, numbers: &[u64]) -> u64 {
    ///     if numbers.len() < 100 {
    ///         return numbers.iter().sum();
    ///     }
    ///     let (low, high) = numbers.split_at(numbers.len() / 2);
    ///     let (low, high) = pool.join(|| sum(pool, low), || sum(pool, high));
    ///     low + high
    /// }
    /// let mut memory = Memory::<0, 0>::new();
    /// let sum = Pool::builder().threads(2).run_in(&mut memory, |pool| sum(pool, &[3; 1000]))?;
    /// assert_eq!(sum, 3000);
    /// # Ok::<(), threadbare::thread::SpawnError>(())
    /// ```
    pub fn join<A, B, F, G>(&self, a: F, b: G) -> (A, B)
    where
        F: FnOnce() -> A,
        G: FnOnce() -> B + Send,
        B: Send,
    {
        let pool = self.shared();
        let group = Group::new(frame::innermost_group(pool));
        let half = Half {
            task: Task::new(&group, &Half::<G, B>::ACTS),
            closure: Cell::new(Some(b)),
            result: Cell::new(None),
        };
        let (first, _) = pool.with_group(&group, || {
            // SAFETY: the half lives until the group was waited for; its closure may go to another
            // thread, and its result come from there.
            unsafe { pool.push((&raw const half).cast(), 1) };
            a()
        });
        let second = match (half.closure.take(), half.result.take()) {
            (_, Some(result)) => result,
            // The pool is closed.
            (Some(closure), None) => closure(),
            (None, None) => panic!("a job ended its thread"),
        };
        (first, second)
    }
}

/// Where a slice begins that threads share piece by piece.
struct Base<T>(*mut T);

// SAFETY: each element is reached by one thread at a time.
unsafe impl<T: Send> Sync for Base<T> {}

impl<T> Base<T> {
    fn at(&self, index: usize) -> *mut T {
        self.0.wrapping_add(index)
    }
}

impl Shared {
    /// Calls `body` with disjoint parts of the range, in as many threads as are worth having.
    fn share(&self, range: Range<usize>, body: &(dyn Fn(Range<usize>) + Sync)) {
        let count = range.len();
        let others = (self.settings.threads_max as usize).min(count.saturating_sub(1));
        if others == 0 {
            return body(range);
        }
        let group = Group::new(frame::innermost_group(self));
        let shared = Loop {
            task: Task::new(&group, &Loop::ACTS),
            next: AtomicUsize::new(range.start),
            end: range.end,
            parts: (others + 1) * PARTS_PER_THREAD,
            body,
        };
        let ((), has_failed) = self.with_group(&group, || {
            // SAFETY: the loop lives until the group was waited for; its body is for all threads.
            let is_queued = unsafe { self.push((&raw const shared).cast(), others as u32) };
            shared.work();
            if is_queued && let Some(dispatch) = self.dispatch() {
                dispatch.withdraw(shared.task.node());
            }
        });
        assert!(!has_failed, "a part of the loop ended its thread");
    }
}
