//! What a thread does to itself before its closure: where it may run, how it is scheduled.
//!
//! The thread applies these, not its spawner: the calls act on the caller, need no rights to
//! another thread, and are over before the first line of user code. The spawner waits for the
//! outcome, so that a refusal is an error of `spawn`.

use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::arch::kernel as k;
use crate::sys::{Errno, futex, task};

/// A set of CPUs, by the kernel's numbers from 0 to 1,023.
///
/// # Examples
/// ```
/// use threadbare::thread::{Builder, CpuSet};
///
/// // One of those that this thread may use.
/// let own = CpuSet::of_current()?;
/// let first: CpuSet = own.iter().take(1).collect();
/// assert!(first.len() == 1 && !first.is_empty());
/// let handle = Builder::new().affinity(first).spawn(CpuSet::of_current).unwrap();
/// assert_eq!(handle.join().unwrap()?, first);
///
/// // Or made by hand.
/// let mut some = CpuSet::new();
/// some.insert(0);
/// some.insert(3);
/// some.remove(0);
/// assert!(some.contains(3) && !some.contains(0));
/// # Ok::<(), threadbare::Errno>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CpuSet([usize; CpuSet::WORDS]);

impl CpuSet {
    /// How many CPUs a set can tell apart.
    pub const CAPACITY: usize = 1024;
    const WORDS: usize = Self::CAPACITY / usize::BITS as usize;

    /// The set of no CPU.
    pub const fn new() -> CpuSet {
        CpuSet([0; CpuSet::WORDS])
    }

    /// Returns the CPUs that the calling thread may run on.
    ///
    /// # Errors
    /// `EINVAL` where the kernel is made for more than 1,024 CPUs; `EPERM` by a seccomp filter.
    /// Source: sched_setaffinity(2).
    pub fn of_current() -> Result<CpuSet, Errno> {
        let mut set = CpuSet::new();
        task::own_affinity(&mut set.0)?;
        Ok(set)
    }

    /// Adds a CPU.
    ///
    /// # Panics
    /// If its number is not below [`CpuSet::CAPACITY`].
    pub fn insert(&mut self, cpu: usize) {
        assert!(
            cpu < CpuSet::CAPACITY,
            "a CpuSet has room for CPUs 0 to 1023"
        );
        self.0[cpu / usize::BITS as usize] |= 1 << (cpu % usize::BITS as usize);
    }

    /// Takes a CPU out.
    pub fn remove(&mut self, cpu: usize) {
        if self.contains(cpu) {
            self.0[cpu / usize::BITS as usize] &= !(1 << (cpu % usize::BITS as usize));
        }
    }

    /// Returns whether a CPU is in the set.
    pub fn contains(&self, cpu: usize) -> bool {
        let word = self.0.get(cpu / usize::BITS as usize);
        word.is_some_and(|word| word >> (cpu % usize::BITS as usize) & 1 != 0)
    }

    /// Returns how many CPUs are in the set.
    pub fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Returns whether no CPU is in the set.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the CPUs' numbers, the lowest first.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..CpuSet::CAPACITY).filter(|&cpu| self.contains(cpu))
    }
}

impl Default for CpuSet {
    fn default() -> CpuSet {
        CpuSet::new()
    }
}

impl FromIterator<usize> for CpuSet {
    fn from_iter<I: IntoIterator<Item = usize>>(cpus: I) -> CpuSet {
        let mut set = CpuSet::new();
        cpus.into_iter().for_each(|cpu| set.insert(cpu));
        set
    }
}

impl fmt::Debug for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// How the kernel shares CPUs out to a thread (sched(7)).
///
/// # Examples
/// ```
/// use threadbare::thread::{Builder, Policy};
///
/// // Runs when nothing else wants the CPU; anybody may ask for it.
/// let handle = Builder::new().policy(Policy::Idle).spawn(|| 6 * 7)?;
/// assert_eq!(handle.join().unwrap(), 42);
/// # Ok::<(), threadbare::thread::SpawnError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// The default, by niceness (`SCHED_OTHER`).
    Other,
    /// For work that nobody waits for (`SCHED_BATCH`).
    Batch,
    /// Behind everything else (`SCHED_IDLE`).
    Idle,
    /// Real time: before all of the above, until it sleeps or yields (`SCHED_FIFO`). The priority
    /// is 1 to 99.
    Fifo(u8),
    /// Real time, in turns with others of the same priority, 1 to 99 (`SCHED_RR`).
    RoundRobin(u8),
}

impl Policy {
    /// The kernel's number for it, and its priority.
    fn to_kernel(self) -> (u32, i32) {
        match self {
            Policy::Other => (k::SCHED_NORMAL, 0),
            Policy::Batch => (k::SCHED_BATCH, 0),
            Policy::Idle => (k::SCHED_IDLE, 0),
            Policy::Fifo(priority) => (k::SCHED_FIFO, priority.into()),
            Policy::RoundRobin(priority) => (k::SCHED_RR, priority.into()),
        }
    }
}

/// What a thread is to do to itself before its closure.
#[derive(Clone, Copy, Debug)]
pub struct Attributes {
    pub affinity: Option<CpuSet>,
    pub policy: Option<Policy>,
    pub nice: Option<i8>,
}

/// Which of them the kernel refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Affinity(Errno),
    Policy(Errno),
    Nice(Errno),
}

impl Attributes {
    pub const NONE: Attributes = Attributes {
        affinity: None,
        policy: None,
        nice: None,
    };

    pub fn is_none(&self) -> bool {
        self.affinity.is_none() && self.policy.is_none() && self.nice.is_none()
    }

    /// Applies them to the calling thread.
    pub fn apply(&self) -> Result<(), Refusal> {
        if let Some(cpus) = &self.affinity {
            task::set_own_affinity(&cpus.0).map_err(Refusal::Affinity)?;
        }
        if let Some(policy) = self.policy {
            let (policy, priority) = policy.to_kernel();
            task::set_own_policy(policy, priority).map_err(Refusal::Policy)?;
        }
        if let Some(nice) = self.nice {
            task::set_own_nice(nice.into()).map_err(Refusal::Nice)?;
        }
        Ok(())
    }
}

/// The word by which a thread tells its spawner how setting itself up went.
///
/// | value | meaning |
/// |---|---|
/// | `PENDING` | the thread is at it |
/// | `DONE` | it goes on to its closure |
/// | step and error number | it was refused, and leaves without having run the closure |
pub struct SetUp(AtomicU32);

impl SetUp {
    const PENDING: u32 = 0;
    const DONE: u32 = 1;
    /// Where the step begins; below it is the error's number, of 12 bits.
    const STEP_SHIFT: u32 = 16;

    /// The thread's part. Release: what it did is seen by who sees the outcome.
    pub fn tell(&self, outcome: Result<(), Refusal>) {
        let (step, errno) = match outcome {
            Ok(()) => (0, None),
            Err(Refusal::Affinity(errno)) => (1, Some(errno)),
            Err(Refusal::Policy(errno)) => (2, Some(errno)),
            Err(Refusal::Nice(errno)) => (3, Some(errno)),
        };
        let number = errno.map_or(SetUp::DONE, |errno| errno.raw() as u32);
        self.0
            .store(step << SetUp::STEP_SHIFT | number, Ordering::Release);
        // The word is in this thread's own mapping, which stays while the thread runs.
        futex::wake(self.0.as_ptr(), 1, futex::Scope::Private);
    }

    /// The spawner's part: sleeps until the thread has told.
    pub fn wait(&self) -> Result<(), Refusal> {
        loop {
            let told = self.0.load(Ordering::Acquire);
            let errno = Errno::from_raw((told & 0xfff) as i32);
            match (told >> SetUp::STEP_SHIFT, errno) {
                (0, None) => {
                    // SAFETY: an `AtomicU32` is aligned.
                    unsafe {
                        futex::wait(self.0.as_ptr(), SetUp::PENDING, futex::Scope::Private);
                    }
                }
                (1, Some(errno)) => return Err(Refusal::Affinity(errno)),
                (2, Some(errno)) => return Err(Refusal::Policy(errno)),
                (3, Some(errno)) => return Err(Refusal::Nice(errno)),
                _ => return Ok(()),
            }
        }
    }
}
