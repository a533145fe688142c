//! The standard library's threads.

use bench_common::clock::Clock;
use bench_common::{Test, Threads};
use std::thread::{Builder, JoinHandle};
use std::time::Instant;

pub struct Std;

impl Threads for Std {
    type Handle = JoinHandle<()>;

    fn spawn(
        entry: fn(usize),
        argument: usize,
        stack_bytes: Option<usize>,
    ) -> Option<Self::Handle> {
        let mut builder = Builder::new();
        if let Some(bytes) = stack_bytes {
            builder = builder.stack_size(bytes);
        }
        builder.spawn(move || entry(argument)).ok()
    }

    fn join(handle: Self::Handle) {
        handle.join().expect("the thread returned");
    }

    fn detach(handle: Self::Handle) {
        drop(handle);
    }
}

impl Clock for Std {
    type Instant = Instant;

    fn now() -> Instant {
        Instant::now()
    }

    fn between(early: &Instant, late: &Instant) -> f64 {
        late.duration_since(*early).as_nanos() as f64
    }
}

/// Runs the test that the arguments name, and ends.
pub fn main(tests: &[Test]) -> ! {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let status = bench_common::run(tests, arguments.iter().map(String::as_str));
    std::process::exit(status)
}
