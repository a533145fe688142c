//! What both ends of a channel share: a mutex over a buffer, and two condition variables.
//!
//! The mutex orders everything. Notifications come after it is unlocked: both ends keep the channel
//! alive, and who is woken finds it free.

use alloc::collections::VecDeque;
use core::mem;
use core::ptr::NonNull;

use super::super::linger::Lingering;
use super::super::primitive::{self, Limit};
use super::super::{Condvar, Mutex, MutexGuard};
use super::error::{RecvTimeoutError, SendError, TrySendError};

/// The middle of a channel.
pub(super) struct Channel<T> {
    state: Mutex<State<T>>,
    /// A message came, or the last sender went. The receiver waits.
    arrived: Condvar,
    /// There is room, the message was taken, or the receiver went. Senders wait.
    left: Condvar,
    /// How many messages the buffer holds, if there is a bound.
    bound: Option<usize>,
}

struct State<T> {
    buffer: VecDeque<T>,
    /// With a bound of 0: the messages of the senders that wait, the first first.
    offers: VecDeque<Offer<T>>,
    senders: usize,
    has_receiver: bool,
    /// The receiver sleeps, and takes what comes.
    is_awaited: bool,
    /// With a bound above 0: a sender was woken, because there is room, and has not come yet. It
    /// wakes the next one if there is room for that, too: so there is always one on its way while
    /// there is room and one waits, and seldom more, who would find that others were quicker.
    is_one_called: bool,
    /// How senders wait for room.
    lingering: Lingering,
}

/// A message on the stack of its sender, who waits until it is gone, or until it has taken the
/// offer back: both with the lock held.
struct Offer<T>(NonNull<Option<T>>);

// SAFETY: whoever holds the lock may take the message, in whichever thread.
unsafe impl<T: Send> Send for Offer<T> {}

impl<T> State<T> {
    /// Takes the first message that a sender offers.
    fn take_offer(&mut self) -> Option<T> {
        let Offer(mut message) = self.offers.pop_front()?;
        // SAFETY: the sender waits while the offer is queued, and looks with the lock held.
        unsafe { message.as_mut() }.take()
    }
}

impl<T> Channel<T> {
    /// Makes one with a sender and a receiver.
    pub(super) fn new(bound: Option<usize>) -> Channel<T> {
        Channel {
            state: Mutex::new(State {
                buffer: VecDeque::new(),
                offers: VecDeque::new(),
                senders: 1,
                has_receiver: true,
                is_awaited: false,
                is_one_called: false,
                lingering: Lingering::new(),
            }),
            arrived: Condvar::new(),
            left: Condvar::new(),
            bound,
        }
    }

    pub(super) fn add_sender(&self) {
        self.state.lock_raw().senders += 1;
    }

    pub(super) fn remove_sender(&self) {
        let mut state = self.state.lock_raw();
        state.senders -= 1;
        let is_last = state.senders == 0;
        drop(state);
        if is_last {
            self.arrived.notify_one();
        }
    }

    pub(super) fn remove_receiver(&self) {
        let mut state = self.state.lock_raw();
        state.has_receiver = false;
        let buffer = mem::take(&mut state.buffer);
        drop(state);
        self.left.notify_all();
        // With nothing locked: a message's destructor may send.
        drop(buffer);
    }

    pub(super) fn send(&self, message: T) -> Result<(), SendError<T>> {
        let mut state = self.state.lock_raw();
        match self.bound {
            Some(0) => return self.offer(state, message),
            Some(bound) => {
                let is_full = |state: &State<T>| state.buffer.len() >= bound && state.has_receiver;
                if is_full(&state) {
                    state = self.linger(state, is_full);
                }
                while is_full(&state) {
                    // In a child of `fork` nobody may be on its way: this one can be called.
                    state.is_one_called = false;
                    (state, _) = self.left.wait_until(state, None);
                    state.is_one_called = false;
                }
            }
            None => {}
        }
        if !state.has_receiver {
            return Err(SendError(message));
        }
        self.put(state, message);
        Ok(())
    }

    /// Lets others run a few times, with nothing locked, while `state` is one to wait in: where the
    /// other end is at work, that costs less than to sleep and be woken. Not where it was found to
    /// take long.
    fn linger<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<T>>,
        is_to_wait: impl Fn(&State<T>) -> bool,
    ) -> MutexGuard<'a, State<T>> {
        let Some(mut linger) = state.lingering.begin() else {
            return state;
        };
        while is_to_wait(&state) && linger.take_turn() {
            drop(state);
            primitive::yield_now();
            state = self.state.lock_raw();
        }
        if linger.was_long() {
            state.lingering.pause();
        }
        state
    }

    fn put(&self, mut state: MutexGuard<'_, State<T>>, message: T) {
        state.buffer.push_back(message);
        self.unlock_and_call(state);
        self.arrived.notify_one();
    }

    /// Wakes a sender if there is room for its message, and none was woken before.
    fn unlock_and_call(&self, mut state: MutexGuard<'_, State<T>>) {
        let has_room = self.bound.is_some_and(|bound| state.buffer.len() < bound);
        // Who waits was counted with the lock held.
        let calls = has_room && !state.is_one_called && self.left.has_waiters();
        state.is_one_called |= calls;
        drop(state);
        if calls {
            self.left.notify_one();
        }
    }

    /// Offers a message and waits until it is taken.
    fn offer(&self, mut state: MutexGuard<'_, State<T>>, message: T) -> Result<(), SendError<T>> {
        let mut message = Some(message);
        let mut offered = NonNull::from(&mut message);
        if state.has_receiver {
            state.offers.push_back(Offer(offered));
            self.arrived.notify_one();
        }
        loop {
            // SAFETY: the lock is held; see `Offer`.
            if unsafe { offered.as_ref() }.is_none() {
                return Ok(());
            }
            if !state.has_receiver {
                state.offers.retain(|Offer(other)| *other != offered);
                drop(state);
                // SAFETY: the offer is no longer queued. Taken and not copied: what is left there
                // is dropped on the way out.
                return match unsafe { offered.as_mut() }.take() {
                    Some(message) => Err(SendError(message)),
                    None => Ok(()),
                };
            }
            (state, _) = self.left.wait_until(state, None);
        }
    }

    pub(super) fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        let state = self.state.lock_raw();
        let has_room = match self.bound {
            Some(0) => state.is_awaited && state.buffer.is_empty() && state.offers.is_empty(),
            Some(bound) => state.buffer.len() < bound,
            None => true,
        };
        if !state.has_receiver {
            Err(TrySendError::Disconnected(message))
        } else if !has_room {
            Err(TrySendError::Full(message))
        } else {
            self.put(state, message);
            Ok(())
        }
    }

    /// Returns the next message, which came within `limit`. A receiver that does not `sleep` gets
    /// the error that time was up.
    ///
    /// Of a channel without a bound it takes all messages at once, and leaves those after the first
    /// in `batch`, which is empty before.
    pub(super) fn receive(
        &self,
        batch: &mut VecDeque<T>,
        sleep: bool,
        limit: Option<Limit>,
    ) -> Result<T, RecvTimeoutError> {
        let mut state = self.state.lock_raw();
        let mut is_in_time = sleep;
        loop {
            if self.bound.is_none() {
                // The buffers change places: both are kept.
                mem::swap(batch, &mut state.buffer);
                if let Some(message) = batch.pop_front() {
                    return Ok(message);
                }
            } else if let Some(message) = state.buffer.pop_front() {
                // With a bound of 0 it was put there by one that did not wait. Those that do wait
                // for their own messages to go: there is never room.
                self.unlock_and_call(state);
                return Ok(message);
            } else if let Some(message) = state.take_offer() {
                drop(state);
                // The first that waits, and it is the one whose message this was: senders wait in
                // the order of their offers, and are woken for nothing else while there is a
                // receiver.
                self.left.notify_one();
                return Ok(message);
            }
            if state.senders == 0 {
                return Err(RecvTimeoutError::Disconnected);
            }
            if !is_in_time {
                return Err(RecvTimeoutError::Timeout);
            }
            state.is_awaited = true;
            (state, is_in_time) = self.arrived.wait_until(state, limit);
            state.is_awaited = false;
        }
    }
}
