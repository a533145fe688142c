//! A job through a pool whose one thread is there already, and its result back.

use bench_common::{Run, clock, os, verify};
use core::sync::atomic::{AtomicU64, Ordering};
use threadbare::thread::pool::{Builder, Memory};
use threadbare::thread::{self, CpuSet, Pool};

/// How many jobs were run.
static RAN: AtomicU64 = AtomicU64::new(0);

/// Gives one job after the other, and waits for each in another thread than the pool's: `wait` does
/// not run it.
fn jobs(pool: &Pool, times: u64) {
    for number in 0..times {
        let job = pool.spawn(move || {
            RAN.fetch_add(1, Ordering::Relaxed);
            number
        });
        let result = job.map(|job| {
            job.wait();
            job.join()
        });
        verify(
            result.is_ok_and(|result| result == Ok(number)),
            "a job has another's result",
        );
    }
}

fn round_trips(builder: Builder, name: &str, times: u64, begin: fn()) {
    let mut memory = Memory::<4>::new();
    let warm_up = times / 10;
    let ran = builder.threads(1).run_in(&mut memory, |pool| {
        begin();
        jobs(pool, warm_up);
        clock::time(name, times, || jobs(pool, times));
    });
    verify(ran.is_ok(), "the pool cannot be started");
    verify(
        RAN.load(Ordering::Relaxed) == warm_up + times,
        "a job was lost",
    );
}

/// `pool_1cpu`: on one CPU, to which the program was bound before it started.
pub fn on_one_cpu(run: &Run) {
    round_trips(Builder::new(), "pool_1cpu", run.times(10_000), || {});
}

/// `pool_2cpu`: between two CPUs.
pub fn on_two_cpus(run: &Run) {
    let on_the_other = |_| {
        let mut cpu = CpuSet::new();
        cpu.insert(1);
        thread::Builder::new().affinity(cpu)
    };
    let builder = Builder::new().thread_builder(on_the_other);
    round_trips(builder, "pool_2cpu", run.times(50_000), || os::pin(0));
}
