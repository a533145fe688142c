//! Channels: three producers, one consumer.

use crate::threads::{open_gate, start, wait_at_gate, wait_for};
use crate::{Run, Threads, clock, verify};

/// A channel of numbers, in whatever form the runtime shares one.
pub trait Channel: Sized {
    /// What a producer has.
    type Sender: Clone + Send;
    /// Makes a channel and its first sender.
    fn new() -> (Self::Sender, Self);
    /// Sends a number.
    fn send(sender: &Self::Sender, number: u64);
    /// Receives the next number, `None` when all senders are gone.
    fn receive(&self) -> Option<u64>;
}

const PRODUCERS: u64 = 3;

/// What a producer is handed.
struct Order<S> {
    sender: S,
    times: u64,
}

fn produce<C: Channel>(argument: usize) {
    // SAFETY: `throughput` exposed it, and joins the thread before it ends.
    let order = unsafe { &*core::ptr::with_exposed_provenance::<Order<C::Sender>>(argument) };
    let sender = order.sender.clone();
    wait_at_gate(0);
    for number in 0..order.times {
        C::send(&sender, number);
    }
}

/// `channel_NAME`: the time of one message.
pub fn throughput<T: Threads, C: Channel>(run: &Run, name: &str) {
    let times = run.times(60_000);
    let (sender, channel) = C::new();
    let order = Order { sender, times };
    let argument = (&raw const order).expose_provenance();
    let mut handles = [const { None }; PRODUCERS as usize];
    for handle in &mut handles {
        *handle = Some(start::<T>(produce::<C>, argument));
    }
    wait_for(PRODUCERS);
    let mut sum = 0;
    clock::time(name, PRODUCERS * times, || {
        open_gate();
        for _ in 0..PRODUCERS * times {
            sum += channel.receive().unwrap_or(0);
        }
    });
    handles.into_iter().flatten().for_each(T::join);
    drop(order);
    verify(
        channel.receive().is_none(),
        "the channel has more than was sent",
    );
    verify(
        sum == PRODUCERS * (times * (times - 1) / 2),
        "the channel lost a message",
    );
}
