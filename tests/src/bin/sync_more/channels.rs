//! Channels: order, bounds, limits in time, ends that go, and that no memory is left.

use core::sync::atomic::{AtomicU32, Ordering};

use suite::{Verdict, check, check_eq};
use threadbare::seam::heap_piece_count;
use threadbare::sync::Arc;
use threadbare::sync::mpsc::{
    Receiver, RecvError, RecvTimeoutError, SendError, SyncSender, TryRecvError, TrySendError,
    channel, sync_channel,
};
use threadbare::thread::{self, JoinHandle};
use threadbare::time::{Duration, Instant};

use super::{SOON, until};

/// How many messages each sender of a storm sends.
const EACH: u32 = 60;

pub fn channel_keeps_each_senders_order() -> Verdict {
    let (sender, receiver) = channel();
    let senders = [0, 1, 2].map(|number: usize| {
        let sender = sender.clone();
        thread::spawn(move || (0..EACH).all(|turn| sender.send((number, turn)).is_ok()))
    });
    drop(sender);
    let mut turns = [0; 3];
    for (number, turn) in receiver {
        check_eq!(turn, turns[number]);
        turns[number] += 1;
    }
    check_eq!(turns, [EACH; 3]);
    for sender in senders {
        check_eq!(sender.join(), Ok(true));
    }
    Ok(())
}

pub fn channel_bound_holds() -> Verdict {
    static SENT: AtomicU32 = AtomicU32::new(0);
    let (sender, receiver) = sync_channel(2);
    let writer = thread::spawn(move || {
        for number in 0..10 {
            sender.send(number).unwrap();
            SENT.fetch_add(1, Ordering::Relaxed);
        }
    });
    until(|| SENT.load(Ordering::Relaxed) == 2);
    for number in 0..10 {
        // Two are in the buffer, and the others were received.
        for _ in 0..5 {
            thread::yield_now();
            check!(SENT.load(Ordering::Relaxed) <= number + 2);
        }
        check_eq!(receiver.recv(), Ok(number));
    }
    check!(writer.join().is_ok());
    check_eq!(receiver.recv(), Err(RecvError));
    Ok(())
}

pub fn channel_hands_over_without_a_buffer() -> Verdict {
    static HANDED: AtomicU32 = AtomicU32::new(0);
    let (sender, receiver) = sync_channel(0);
    let giver = thread::spawn(move || {
        for number in 0..20 {
            sender.send(number).unwrap();
            HANDED.fetch_add(1, Ordering::Relaxed);
        }
    });
    for number in 0..20 {
        thread::yield_now();
        // `send` returns when its message was taken, not before.
        check!(HANDED.load(Ordering::Relaxed) <= number);
        check_eq!(receiver.recv(), Ok(number));
    }
    check!(giver.join().is_ok());
    check_eq!(HANDED.load(Ordering::Relaxed), 20);
    Ok(())
}

pub fn channel_tries_do_not_wait() -> Verdict {
    let (sender, receiver) = sync_channel(1);
    check_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    check_eq!(sender.try_send(1), Ok(()));
    check_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
    check_eq!(receiver.try_recv(), Ok(1));
    check!(receiver.try_iter().next().is_none());
    // Without a buffer a message is taken only by one that waits for it.
    let (sender, receiver) = sync_channel(0);
    check_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
    let taker = thread::spawn(move || receiver.recv());
    until(|| sender.try_send(2).is_ok());
    check_eq!(taker.join(), Ok(Ok(2)));
    check_eq!(sender.try_send(3), Err(TrySendError::Disconnected(3)));
    Ok(())
}

pub fn channel_limits_come() -> Verdict {
    let (sender, receiver) = channel();
    let begun = Instant::now();
    let timeout = Err(RecvTimeoutError::Timeout);
    check_eq!(receiver.recv_timeout(SOON), timeout);
    check!(begun.elapsed() >= SOON);
    check_eq!(receiver.recv_timeout(Duration::ZERO), timeout);
    let writer = thread::spawn(move || sender.send(1));
    check_eq!(receiver.recv_timeout(Duration::MAX), Ok(1));
    check_eq!(writer.join(), Ok(Ok(())));
    let gone = Err(RecvTimeoutError::Disconnected);
    check_eq!(receiver.recv_timeout(Duration::MAX), gone);
    check_eq!(receiver.recv_timeout(Duration::ZERO), gone);
    Ok(())
}

/// A receiver that gives up at the moment when a message comes has it, or finds it later.
pub fn channel_limit_against_send() -> Verdict {
    let (sender, receiver) = sync_channel(1);
    let writer = thread::spawn(move || (0..EACH).all(|number| sender.send(number).is_ok()));
    let mut next = 0;
    while next < EACH {
        let limit = Duration::from_micros(u64::from(next % 3) * 10);
        match receiver.recv_timeout(limit) {
            Ok(number) => {
                check_eq!(number, next);
                next += 1;
            }
            Err(error) => check_eq!(error, RecvTimeoutError::Timeout),
        }
    }
    check_eq!(writer.join(), Ok(true));
    Ok(())
}

pub fn channel_ends_are_told_of() -> Verdict {
    let (sender, receiver) = channel();
    check_eq!(sender.send(1), Ok(()));
    drop(sender.clone());
    drop(sender);
    // What was sent is received before the end is told.
    check_eq!(receiver.recv(), Ok(1));
    check_eq!(receiver.recv(), Err(RecvError));
    check_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    let (sender, receiver) = channel();
    drop(receiver);
    check_eq!(sender.send(2), Err(SendError(2)));
    for bound in [0, 1] {
        let (sender, receiver) = sync_channel(bound);
        drop(receiver);
        check_eq!(sender.send(3), Err(SendError(3)));
        check_eq!(sender.try_send(4), Err(TrySendError::Disconnected(4)));
    }
    for bound in [0, 1] {
        let (sender, receiver) = sync_channel(bound);
        drop(receiver);
        let (kept, sent) = (Arc::new(()), Arc::new(()));
        // What comes back is the message, and no copy of one that was dropped.
        let back = sender.send(kept.clone());
        check_eq!(Arc::strong_count(&kept), 2);
        check!(back.is_err_and(|SendError(back)| Arc::ptr_eq(&back, &kept)));
        check_eq!(Arc::strong_count(&kept), 1);
        // Likewise of one that waits.
        let (sender, receiver) = sync_channel(bound);
        let message = sent.clone();
        let giver = thread::spawn(move || {
            let _ = sender.send(message.clone());
            sender.send(message)
        });
        thread::yield_now();
        drop(receiver);
        let back = giver.join();
        check_eq!(Arc::strong_count(&sent), 2);
        drop(back);
        check_eq!(Arc::strong_count(&sent), 1);
    }
    Ok(())
}

/// Starts a thread that sends messages until one comes back, and returns that.
fn send_on(sender: SyncSender<u32>) -> JoinHandle<u32> {
    let first_lost = move || (0..).find_map(|number| sender.send(number).err());
    thread::spawn(move || first_lost().map_or(u32::MAX, |SendError(number)| number))
}

pub fn channel_wakes_who_waits_when_an_end_goes() -> Verdict {
    let (sender, receiver) = channel::<u32>();
    let other = sender.clone();
    let reader = thread::spawn(move || receiver.recv());
    drop(sender);
    thread::yield_now();
    drop(other);
    check_eq!(reader.join(), Ok(Err(RecvError)));
    for bound in [0, 1, 2] {
        let (sender, receiver) = sync_channel(bound);
        let writer = send_on(sender);
        check_eq!(receiver.recv(), Ok(0));
        thread::yield_now();
        drop(receiver);
        // The message that nobody took is its sender's again: the one after the first, or one of
        // those that the buffer had room for.
        check!(
            writer
                .join()
                .is_ok_and(|lost| (1..=1 + bound as u32).contains(&lost))
        );
    }
    Ok(())
}

/// Receives everything by all ways in turns, and adds it up.
fn sum_of(receiver: &Receiver<u32>) -> u32 {
    let mut sum = 0;
    for turn in 0.. {
        let received = match turn % 3 {
            0 => receiver.recv().ok(),
            1 => receiver.try_recv().ok(),
            _ => receiver.recv_timeout(Duration::from_micros(50)).ok(),
        };
        match received {
            Some(number) => sum += number,
            None if turn % 3 == 0 => break,
            None => {}
        }
    }
    sum
}

pub fn channel_storm_loses_nothing() -> Verdict {
    const SUM: u32 = 3 * (EACH * (EACH + 1) / 2);
    let pieces = heap_piece_count();
    let (sender, receiver) = channel();
    let senders = [0; 3].map(|_| {
        let sender = sender.clone();
        thread::spawn(move || (1..=EACH).all(|number| sender.send(number).is_ok()))
    });
    drop(sender);
    check_eq!(sum_of(&receiver), SUM);
    for sender in senders {
        check_eq!(sender.join(), Ok(true));
    }
    drop(receiver);
    for bound in [0, 1, 3] {
        let (sender, receiver) = sync_channel(bound);
        let senders = [0, 1, 2].map(|number: u32| {
            let sender = sender.clone();
            thread::spawn(move || {
                (1..=EACH).all(|message| {
                    if number == 0 && message % 2 == 0 {
                        until(|| sender.try_send(message).is_ok());
                        return true;
                    }
                    sender.send(message).is_ok()
                })
            })
        });
        drop(sender);
        check_eq!(sum_of(&receiver), SUM);
        for sender in senders {
            check_eq!(sender.join(), Ok(true));
        }
    }
    check_eq!(heap_piece_count(), pieces);
    Ok(())
}

pub fn channel_drops_what_nobody_received() -> Verdict {
    static DROPS: AtomicU32 = AtomicU32::new(0);
    struct Message;
    impl Drop for Message {
        fn drop(&mut self) {
            DROPS.fetch_add(1, Ordering::Relaxed);
        }
    }
    let pieces = heap_piece_count();
    let (sender, receiver) = channel();
    for _ in 0..5 {
        check!(sender.send(Message).is_ok());
    }
    // One is received; the others are taken out of the channel with it, or are still there.
    drop(receiver.recv());
    check!(sender.send(Message).is_ok());
    drop(receiver);
    check_eq!(DROPS.load(Ordering::Relaxed), 6);
    check!(sender.send(Message).is_err());
    drop(sender);
    check_eq!(DROPS.load(Ordering::Relaxed), 7);
    let (sender, receiver) = sync_channel(3);
    check!(sender.send(Message).is_ok() && sender.send(Message).is_ok());
    drop(sender);
    drop(receiver);
    check_eq!(DROPS.load(Ordering::Relaxed), 9);
    check_eq!(heap_piece_count(), pieces);
    Ok(())
}
