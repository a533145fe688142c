//! Read-write locks that threads of the parent's waited for to write.

use suite::child::{self, End};
use suite::kernel::{self, until_asleep};
use suite::{Verdict, check, check_eq};
use threadbare::seam::sys::task;
use threadbare::sync::{ResetEvent, RwLock, RwLockReadGuard, RwLockWriteGuard};
use threadbare::thread::{self, JoinHandle};

use super::is_noticed;

static LOCK: RwLock<u32> = RwLock::new(0);

fn read() {
    drop(LOCK.read());
}

fn write() {
    *LOCK.write().unwrap() += 1;
}

/// How the thread that forks has the lock.
#[expect(dead_code, reason = "guards are held, and dropped")]
enum Held {
    Read(RwLockReadGuard<'static, u32>),
    Written(RwLockWriteGuard<'static, u32>),
}

/// Starts a thread that uses the lock, and returns when it waits for it.
fn waiting(use_it: fn()) -> JoinHandle<()> {
    let waiter = thread::spawn(use_it);
    until_asleep(waiter.thread());
    waiter
}

/// The number of the first thing that is wrong in the child, or 0.
fn wrong(held: Held) -> i32 {
    let own = match held {
        Held::Read(_) => {
            // Nobody waits, so that others may read, too.
            read();
            if LOCK.try_read().is_err() {
                return 1;
            }
            [waiting(write), waiting(read)]
        }
        // They are woken though no writer of this process is.
        Held::Written(_) => [waiting(read), waiting(read)],
    };
    // A writer of this process goes before who comes to read.
    if LOCK.try_read().is_ok() {
        return 2;
    }
    drop(held);
    if !own.into_iter().all(|waiter| waiter.join().is_ok()) {
        return 3;
    }
    if LOCK.try_read().is_ok() && LOCK.try_write().is_ok() {
        0
    } else {
        4
    }
}

/// A child forgets the writers of its parent's, and who slept behind them; it knows its own. By the
/// parent's youngest thread: in a child of any other qemu-user starts no thread (its plugins' table
/// of processors keeps the parent's).
fn fork_with(hold: fn() -> Held) -> thread::Result<End> {
    static MAY_WRITE: ResetEvent = ResetEvent::new();
    static MAY_READ: ResetEvent = ResetEvent::new();
    let writer = thread::spawn(|| {
        MAY_WRITE.wait();
        write();
    });
    let reader = thread::spawn(|| {
        MAY_READ.wait();
        read();
    });
    let (writes, reads) = (writer.thread().clone(), reader.thread().clone());
    let forker = thread::spawn(move || {
        let held = hold();
        for (event, thread) in [(&MAY_WRITE, writes), (&MAY_READ, reads)] {
            event.set();
            until_asleep(&thread);
        }
        let child = child::fork();
        if child == 0 {
            kernel::limit_seconds(20);
            task::exit_process(wrong(held));
        }
        drop(held);
        child::wait(child)
    });
    let end = forker.join();
    let are_over = [writer, reader].map(|waiter| waiter.join().is_ok());
    MAY_WRITE.reset();
    MAY_READ.reset();
    if are_over == [true; 2] {
        end
    } else {
        Ok(End::Exit(98))
    }
}

/// Nobody in a child waits for a writer that stayed in the parent.
pub fn rwlock_forgets_the_parents_writers() -> Verdict {
    check!(thread::spawn(|| ()).join().is_ok());
    is_noticed()?;
    let holds: [fn() -> Held; 2] = [
        || Held::Read(LOCK.read().unwrap()),
        || Held::Written(LOCK.write().unwrap()),
    ];
    for hold in holds {
        check_eq!(fork_with(hold), Ok(End::Exit(0)));
    }
    Ok(())
}

/// Who reads in the parent does so for ever in the child, where no writer waits for that: others
/// read there, too.
pub fn rwlock_that_the_parent_reads_can_be_read() -> Verdict {
    static READ: RwLock<u32> = RwLock::new(7);
    check!(thread::spawn(|| ()).join().is_ok());
    is_noticed()?;
    let held = READ.read().unwrap();
    let writer = thread::spawn(|| *READ.write().unwrap() += 1);
    until_asleep(writer.thread());
    let end = super::fork_in_thread(|| {
        let is_right = [0; 3].map(|_| READ.read().is_ok_and(|value| *value == 7));
        let is_free = READ.try_write().is_ok();
        if is_right == [true; 3] && !is_free {
            0
        } else {
            1
        }
    });
    drop(held);
    check!(writer.join().is_ok());
    check_eq!(end, Ok(End::Exit(0)));
    Ok(())
}
