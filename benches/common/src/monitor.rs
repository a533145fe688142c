//! Two threads that wake each other in turns: by condition variables, or by bare futexes.

use crate::threads::start;
use crate::{Run, Threads, clock, os, verify};
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// A mutex with a number in it, and two condition variables.
pub trait Monitor: Sync {
    /// The right to the number.
    type Guard<'a>: core::ops::DerefMut<Target = u64>
    where
        Self: 'a;
    /// An unlocked one.
    const NEW: Self;
    /// Takes the lock.
    fn lock(&self) -> Self::Guard<'_>;
    /// Waits for one of the condition variables.
    fn wait<'a>(&'a self, which: usize, guard: Self::Guard<'a>) -> Self::Guard<'a>;
    /// Wakes one that waits for it.
    fn notify(&self, which: usize);
}

/// The first CPU, and the second one where there are two.
const CPUS: [usize; 2] = [0, 1];

/// What the second thread is told.
struct Game<'a, M> {
    monitor: &'a M,
    rounds: u64,
    cpu: usize,
}

/// One player: waits for its turn, gives the turn on, and signals under the lock.
fn play<M: Monitor>(monitor: &M, me: usize, rounds: u64) {
    let mut turn = monitor.lock();
    for _ in 0..rounds {
        while *turn % 2 != me as u64 {
            turn = monitor.wait(me, turn);
        }
        *turn += 1;
        monitor.notify(1 - me);
    }
}

fn second<M: Monitor>(argument: usize) {
    // SAFETY: `ping_pong` exposed it, and joins the thread before it ends.
    let game = unsafe { &*core::ptr::with_exposed_provenance::<Game<'_, M>>(argument) };
    os::pin(game.cpu);
    play(game.monitor, 1, game.rounds);
}

fn ping_pong<T: Threads, M: Monitor>(name: &str, rounds: u64, cpu: usize) {
    os::pin(CPUS[0]);
    let monitor = &M::NEW;
    let game = Game {
        monitor,
        rounds,
        cpu,
    };
    let argument = (&raw const game).expose_provenance();
    let other = start::<T>(second::<M>, argument);
    clock::time(name, rounds, || {
        play(monitor, 0, rounds);
        T::join(other);
    });
    verify(*monitor.lock() == 2 * rounds, "the players miscounted");
}

/// `condvar_1cpu`: a round trip on one CPU.
pub fn condvar_1cpu<T: Threads, M: Monitor>(run: &Run) {
    ping_pong::<T, M>("condvar_1cpu", run.times(8000), CPUS[0]);
}

/// `condvar_2cpu`: a round trip between two.
pub fn condvar_2cpu<T: Threads, M: Monitor>(run: &Run) {
    ping_pong::<T, M>("condvar_2cpu", run.times(1500), CPUS[1]);
}

static TURN: AtomicU32 = AtomicU32::new(0);

/// A player with a bare futex, which looks `spins` times before it sleeps.
fn hand_over(me: u32, rounds: u64, spins: u32) {
    for _ in 0..rounds {
        for _ in 0..spins {
            if TURN.load(SeqCst) == me {
                break;
            }
            core::hint::spin_loop();
        }
        while TURN.load(SeqCst) != me {
            os::futex_wait(&TURN, 1 - me);
        }
        TURN.store(1 - me, SeqCst);
        os::futex_wake(&TURN, 1);
    }
}

/// How often a player looks before it sleeps, where both have a CPU.
const SPINS: u32 = 2000;

/// What the second player is told, in one number: rounds, CPU.
fn second_by_futex(argument: usize) {
    let cpu = CPUS[argument % 2];
    os::pin(cpu);
    let spins = if cpu == CPUS[0] { 0 } else { SPINS };
    hand_over(1, (argument / 2) as u64, spins);
}

fn futexes<T: Threads>(name: &str, rounds: u64, second: usize, spins: u32) {
    os::pin(CPUS[0]);
    let other = start::<T>(second_by_futex, rounds as usize * 2 + second);
    clock::time(name, rounds, || {
        hand_over(0, rounds, spins);
        T::join(other);
    });
}

/// `futex_1cpu`: two hand-overs by a bare futex on one CPU.
pub fn futex_1cpu<T: Threads>(run: &Run) {
    futexes::<T>("futex_1cpu", run.times(10_000), 0, 0);
}

/// `futex_2cpu_spin`: the same on two, each spinning before it sleeps.
pub fn futex_2cpu_spin<T: Threads>(run: &Run) {
    futexes::<T>("futex_2cpu_spin", run.times(50_000), 1, SPINS);
}
