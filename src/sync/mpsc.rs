//! Channels with many senders and one receiver, by `std`'s names; with the feature `alloc`.
//!
//! What is sent lies in a buffer on the heap, which grows as needed and is kept: a channel in
//! steady use allocates nothing. A bounded channel's buffer holds as many messages as the bound;
//! with a bound of 0 a message goes straight from the sender, who waits, to the receiver.
//!
//! # Examples
//! ```
//! use threadbare::sync::mpsc;
//! use threadbare::thread;
//!
//! let (sender, receiver) = mpsc::channel();
//! for number in 0..3 {
//!     let sender = sender.clone();
//!     thread::spawn(move || sender.send(number).unwrap());
//! }
//! drop(sender);
//! assert_eq!(receiver.iter().sum::<i32>(), 3);
//! ```

mod channel;
mod error;
mod receiver;

use alloc::sync::Arc;
use core::fmt;

use channel::Channel;

pub use error::{RecvError, RecvTimeoutError, SendError, TryRecvError, TrySendError};
pub use receiver::{IntoIter, Iter, Receiver, TryIter};

/// Makes a channel without a bound: sending never waits.
///
/// # Examples
/// ```
/// use threadbare::sync::mpsc::channel;
/// let (sender, receiver) = channel();
/// sender.send(1).unwrap();
/// assert_eq!(receiver.recv(), Ok(1));
/// ```
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let channel = Arc::new(Channel::new(None));
    let receiver = Receiver::new(channel.clone());
    (Sender { channel }, receiver)
}

/// Makes a channel whose buffer holds up to `bound` messages. With 0, each `send` waits until its
/// message is received.
///
/// # Examples
/// ```
/// use threadbare::sync::mpsc::{TrySendError, sync_channel};
/// use threadbare::thread;
///
/// let (sender, receiver) = sync_channel(1);
/// sender.send(1).unwrap();
/// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
/// assert_eq!(receiver.recv(), Ok(1));
///
/// let (sender, receiver) = sync_channel(0);
/// let giver = thread::spawn(move || sender.send("hand to hand"));
/// assert_eq!(receiver.recv(), Ok("hand to hand"));
/// assert_eq!(giver.join().unwrap(), Ok(()));
/// ```
pub fn sync_channel<T>(bound: usize) -> (SyncSender<T>, Receiver<T>) {
    let channel = Arc::new(Channel::new(Some(bound)));
    let receiver = Receiver::new(channel.clone());
    (SyncSender { channel }, receiver)
}

/// A sending end of a [`channel`]. When the last one is dropped the receiver is told.
///
/// # Examples
/// ```
/// use threadbare::sync::mpsc::{Sender, channel};
///
/// fn greet(sender: Sender<&str>) {
///     sender.send("hello").unwrap();
/// }
/// let (sender, receiver) = channel();
/// greet(sender);
/// assert_eq!((receiver.recv(), receiver.recv().is_err()), (Ok("hello"), true));
/// ```
pub struct Sender<T> {
    channel: Arc<Channel<T>>,
}

/// A sending end of a [`sync_channel`]. When the last one is dropped the receiver is told.
///
/// # Examples
/// ```
/// use threadbare::sync::mpsc::{SyncSender, sync_channel};
///
/// fn fill(sender: SyncSender<u32>) -> usize {
///     (0..).take_while(|number| sender.try_send(*number).is_ok()).count()
/// }
/// let (sender, _receiver) = sync_channel(3);
/// assert_eq!(fill(sender), 3);
/// ```
pub struct SyncSender<T> {
    channel: Arc<Channel<T>>,
}

impl<T> Sender<T> {
    /// Sends a message. Never waits for the receiver.
    ///
    /// # Errors
    /// The message, if the receiver is gone. One that was sent before may still be lost so.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.channel.send(message)
    }
}

impl<T> SyncSender<T> {
    /// Sends a message.
    ///
    /// # Blocking
    /// While the buffer is full; with a bound of 0 until the message is received.
    ///
    /// # Errors
    /// The message, if the receiver is gone.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::mpsc::{SendError, sync_channel};
    /// let (sender, receiver) = sync_channel(1);
    /// assert_eq!(sender.send("kept"), Ok(()));
    /// drop(receiver);
    /// assert_eq!(sender.send("too late"), Err(SendError("too late")));
    /// ```
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        self.channel.send(message)
    }

    /// Sends a message if that does not mean to wait; with a bound of 0, if the receiver waits.
    ///
    /// # Errors
    /// The message, if the buffer is full or the receiver is gone.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        self.channel.try_send(message)
    }
}

/// What both senders are.
macro_rules! senders {
    ($($sender:ident)*) => {$(
        impl<T> Clone for $sender<T> {
            fn clone(&self) -> $sender<T> {
                self.channel.add_sender();
                $sender {
                    channel: self.channel.clone(),
                }
            }
        }

        impl<T> Drop for $sender<T> {
            fn drop(&mut self) {
                self.channel.remove_sender();
            }
        }

        impl<T> fmt::Debug for $sender<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($sender)).finish_non_exhaustive()
            }
        }
    )*};
}

senders! { Sender SyncSender }
