//! The receiving end of a channel.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::cell::RefCell;
use core::fmt;
use core::time::Duration;

use super::super::primitive::Limit;
use super::channel::Channel;
use super::error::{RecvError, RecvTimeoutError, TryRecvError};

/// The receiving end of a channel. When it is dropped, senders are told, and what was not received
/// is dropped, too.
///
/// # Examples
/// ```
/// use threadbare::sync::mpsc::{Receiver, channel};
///
/// fn total(numbers: Receiver<u32>) -> u32 {
///     numbers.into_iter().sum()
/// }
/// let (sender, receiver) = channel();
/// sender.send(1).unwrap();
/// sender.send(2).unwrap();
/// drop(sender);
/// assert_eq!(total(receiver), 3);
/// ```
pub struct Receiver<T> {
    channel: Arc<Channel<T>>,
    /// What was taken out of the channel together with an earlier message.
    batch: RefCell<VecDeque<T>>,
}

impl<T> Receiver<T> {
    pub(super) fn new(channel: Arc<Channel<T>>) -> Receiver<T> {
        Receiver {
            channel,
            batch: RefCell::new(VecDeque::new()),
        }
    }

    fn next(&self, sleep: bool, limit: Option<Limit>) -> Result<T, RecvTimeoutError> {
        // Nothing below comes back here: no message is dropped, and none is looked at.
        let mut batch = self.batch.borrow_mut();
        match batch.pop_front() {
            Some(message) => Ok(message),
            None => self.channel.receive(&mut batch, sleep, limit),
        }
    }

    /// Returns the next message if there is one.
    ///
    /// # Errors
    /// Whether one may still come.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::mpsc::{TryRecvError, channel};
    /// let (sender, receiver) = channel();
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
    /// sender.send(1).unwrap();
    /// drop(sender);
    /// assert_eq!(receiver.try_recv(), Ok(1));
    /// assert_eq!(receiver.try_recv(), Err(TryRecvError::Disconnected));
    /// ```
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.next(false, None).map_err(|error| match error {
            RecvTimeoutError::Timeout => TryRecvError::Empty,
            RecvTimeoutError::Disconnected => TryRecvError::Disconnected,
        })
    }

    /// Returns the next message.
    ///
    /// # Blocking
    /// Until there is one, or all senders are gone.
    ///
    /// # Errors
    /// All messages were received, and all senders are gone.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::mpsc::{RecvError, channel};
    /// use threadbare::thread;
    ///
    /// let (sender, receiver) = channel();
    /// thread::spawn(move || sender.send("news"));
    /// assert_eq!(receiver.recv(), Ok("news"));
    /// // The sender went with its thread.
    /// assert_eq!(receiver.recv(), Err(RecvError));
    /// ```
    pub fn recv(&self) -> Result<T, RecvError> {
        self.next(true, None).map_err(|_| RecvError)
    }

    /// Returns the next message, waiting for `timeout` at most.
    ///
    /// # Blocking
    /// Until there is one, all senders are gone, or time is up. Signal handlers make the wait no
    /// longer; [`Duration::MAX`] is for ever.
    ///
    /// # Errors
    /// Whether one may still come.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::mpsc::{RecvTimeoutError, channel};
    /// use threadbare::time::Duration;
    ///
    /// let (sender, receiver) = channel();
    /// let limit = Duration::from_millis(1);
    /// assert_eq!(receiver.recv_timeout(limit), Err(RecvTimeoutError::Timeout));
    /// sender.send(1).unwrap();
    /// assert_eq!(receiver.recv_timeout(limit), Ok(1));
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, RecvTimeoutError> {
        // Only who has to wait asks for the time.
        match self.next(false, None) {
            Err(RecvTimeoutError::Timeout) => self.next(true, Some(Limit::after(timeout))),
            result => result,
        }
    }

    /// Returns the messages one after the other, waiting for each, until all senders are gone.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::mpsc::channel;
    /// let (sender, receiver) = channel();
    /// sender.send(1).unwrap();
    /// sender.send(2).unwrap();
    /// drop(sender);
    /// assert!(receiver.iter().eq([1, 2]));
    /// ```
    pub fn iter(&self) -> Iter<'_, T> {
        Iter { receiver: self }
    }

    /// Returns the messages that are there, without waiting.
    ///
    /// # Examples
    /// ```
    /// use threadbare::sync::mpsc::channel;
    /// let (sender, receiver) = channel();
    /// assert_eq!(receiver.try_iter().next(), None);
    /// sender.send(1).unwrap();
    /// sender.send(2).unwrap();
    /// assert!(receiver.try_iter().eq([1, 2]));
    /// ```
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter { receiver: self }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.channel.remove_receiver();
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

/// Messages, waited for: [`Receiver::iter`].
///
/// # Examples
/// ```
/// use threadbare::sync::mpsc::{Iter, channel};
/// let (sender, receiver) = channel();
/// sender.send(1).unwrap();
/// let mut messages: Iter<'_, u32> = receiver.iter();
/// assert_eq!(messages.next(), Some(1));
/// ```
#[derive(Debug)]
pub struct Iter<'a, T: 'a> {
    receiver: &'a Receiver<T>,
}

/// Messages that are there: [`Receiver::try_iter`].
///
/// # Examples
/// ```
/// use threadbare::sync::mpsc::{TryIter, channel};
/// let (_sender, receiver) = channel::<u32>();
/// let mut messages: TryIter<'_, u32> = receiver.try_iter();
/// assert_eq!(messages.next(), None);
/// ```
#[derive(Debug)]
pub struct TryIter<'a, T: 'a> {
    receiver: &'a Receiver<T>,
}

/// Messages, waited for, of a receiver of its own.
///
/// # Examples
/// ```
/// use threadbare::sync::mpsc::{IntoIter, channel};
/// let (sender, receiver) = channel();
/// sender.send(1).unwrap();
/// drop(sender);
/// let mut messages: IntoIter<u32> = receiver.into_iter();
/// assert_eq!((messages.next(), messages.next()), (Some(1), None));
/// ```
#[derive(Debug)]
pub struct IntoIter<T> {
    receiver: Receiver<T>,
}

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.try_recv().ok()
    }
}

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.receiver.recv().ok()
    }
}

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter { receiver: self }
    }
}
