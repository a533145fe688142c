// Models of channels. Who loses a message, or a wake-up, waits for ever.

use std::cell::Cell;

/// The ends of a channel, each of which a thread takes.
struct Ends<S> {
    one: Cell<Option<S>>,
    other: Cell<Option<S>>,
    receiver: Cell<Option<mpsc::Receiver<u32>>>,
}

impl<S: Clone> Ends<S> {
    fn new((sender, receiver): (S, mpsc::Receiver<u32>)) -> Any<Ends<S>> {
        Any(Ends {
            one: Cell::new(Some(sender.clone())),
            other: Cell::new(Some(sender)),
            receiver: Cell::new(Some(receiver)),
        })
    }

    fn one(&self) -> S {
        self.one.take().unwrap()
    }

    fn other(&self) -> S {
        self.other.take().unwrap()
    }

    /// Lets time pass as well: who gives way to the waiters of a mutex sleeps for a millisecond.
    fn receiver(&self) -> mpsc::Receiver<u32> {
        primitive::pass_time();
        self.receiver.take().unwrap()
    }
}

fn channel_loses_nothing() {
    let e = Ends::new(mpsc::channel());
    together!(e:
        assert_eq!(e.0.receiver().iter().sum::<u32>(), 3),
        e.0.one().send(1).unwrap(),
        e.0.other().send(2).unwrap(),
    );
}

fn channel_with_bound_loses_nothing() {
    let e = Ends::new(mpsc::sync_channel(1));
    together!(e:
        assert_eq!(e.0.receiver().iter().sum::<u32>(), 6),
        { let sender = e.0.one(); sender.send(1).unwrap(); sender.send(2).unwrap() },
        e.0.other().send(3).unwrap(),
    );
}

/// Both have room, and the receiver comes no more: one wakes the other.
fn channel_wakes_all_that_have_room() {
    let ends = Ends::new(mpsc::sync_channel(2));
    let sender = ends.0.one();
    sender.send(1).unwrap();
    sender.send(2).unwrap();
    ends.0.one.set(Some(sender));
    let e = Any((ends, wait_group::WaitGroup::new()));
    e.0.1.start(2);
    together!(e:
        {
            let receiver = e.0.0.0.receiver();
            assert_eq!(receiver.recv().unwrap() + receiver.recv().unwrap(), 3);
            e.0.1.wait();
            assert_eq!(receiver.iter().sum::<u32>(), 7);
        },
        { e.0.0.0.one().send(3).unwrap(); e.0.1.finish() },
        { e.0.0.0.other().send(4).unwrap(); e.0.1.finish() },
    );
}

fn channel_hands_over() {
    let e = Ends::new(mpsc::sync_channel(0));
    together!(e:
        assert_eq!(e.0.receiver().iter().sum::<u32>(), 3),
        e.0.one().send(1).unwrap(),
        e.0.other().send(2).unwrap(),
    );
}

/// A message that nobody waits with comes in between; who waits with one is woken for it.
fn channel_wakes_whom_it_received_from() {
    let e = Ends::new(mpsc::sync_channel(0));
    together!(e:
        {
            let sum = e.0.receiver().iter().sum::<u32>();
            assert!(sum == 5 || sum == 6);
        },
        { let sender = e.0.one(); let _ = sender.try_send(1); sender.send(2).unwrap() },
        e.0.other().send(3).unwrap(),
    );
}

fn channel_tells_that_the_receiver_went() {
    let e = Ends::new(mpsc::sync_channel(1));
    together!(e:
        { let receiver = e.0.receiver(); assert!(receiver.recv().is_ok()) },
        { let sender = e.0.one(); while sender.send(1).is_ok() {} },
        drop(e.0.other()),
    );
}

fn channel_gives_offers_back() {
    let e = Ends::new(mpsc::sync_channel(0));
    together!(e:
        drop(e.0.receiver()),
        assert_eq!(e.0.one().send(1), Err(mpsc::SendError(1))),
        assert_eq!(e.0.other().send(2), Err(mpsc::SendError(2))),
    );
}

fn channel_limit_against_send() {
    let e = Ends::new(mpsc::channel());
    together!(e:
        {
            let receiver = e.0.receiver.take().unwrap();
            let first = receiver.recv_timeout(std::time::Duration::ZERO);
            assert_eq!(first.or_else(|_| receiver.recv()), Ok(1));
            assert!(receiver.recv().is_err());
        },
        { e.0.one().send(1).unwrap(); drop(e.0.other()) },
        primitive::pass_time(),
    );
}
