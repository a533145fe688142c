//! Sets of signals.

use core::fmt;

use super::Signal;
use crate::sys;

/// A set of signals.
///
/// # Examples
/// ```
/// use threadbare::signal::{Signal, SignalSet};
///
/// let mut set = SignalSet::from([Signal::TERM, Signal::INT]);
/// set.insert(Signal::HUP);
/// set.remove(Signal::TERM);
/// assert!(set.contains(Signal::HUP) && !set.contains(Signal::TERM));
/// assert!(!set.is_empty() && SignalSet::EMPTY.is_empty());
/// // In the order of their numbers.
/// assert!(set.iter().eq([Signal::HUP, Signal::INT]));
/// threadbare::println!("{set:?}"); // {SIGHUP, SIGINT}
///
/// let others = SignalSet::ALL.iter().filter(|&signal| !set.contains(signal));
/// let all_others: SignalSet = others.collect();
/// assert!(all_others.contains(Signal::RT_MAX) && !all_others.contains(Signal::INT));
/// ```
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct SignalSet(pub(crate) sys::signal::SignalSet);

impl SignalSet {
    /// No signal.
    pub const EMPTY: SignalSet = SignalSet(sys::signal::SignalSet::NONE);
    /// Every signal.
    pub const ALL: SignalSet = SignalSet(sys::signal::SignalSet::ALL);

    /// Adds a signal.
    pub fn insert(&mut self, signal: Signal) {
        self.0.insert(signal.raw());
    }

    /// Takes a signal out.
    pub fn remove(&mut self, signal: Signal) {
        self.0.remove(signal.raw());
    }

    /// Returns whether a signal is in the set.
    pub fn contains(&self, signal: Signal) -> bool {
        self.0.contains(signal.raw())
    }

    /// Returns whether the set has no signal.
    pub fn is_empty(&self) -> bool {
        *self == SignalSet::EMPTY
    }

    /// Goes through the set, in the order of the signals' numbers.
    pub fn iter(&self) -> SignalIter {
        SignalIter {
            set: *self,
            next: 1,
        }
    }
}

impl PartialEq for SignalSet {
    fn eq(&self, other: &SignalSet) -> bool {
        self.0.words() == other.0.words()
    }
}

impl Eq for SignalSet {}

impl Default for SignalSet {
    fn default() -> SignalSet {
        SignalSet::EMPTY
    }
}

impl fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

impl Extend<Signal> for SignalSet {
    fn extend<I: IntoIterator<Item = Signal>>(&mut self, signals: I) {
        signals.into_iter().for_each(|signal| self.insert(signal));
    }
}

impl FromIterator<Signal> for SignalSet {
    fn from_iter<I: IntoIterator<Item = Signal>>(signals: I) -> SignalSet {
        let mut set = SignalSet::EMPTY;
        set.extend(signals);
        set
    }
}

impl<const N: usize> From<[Signal; N]> for SignalSet {
    fn from(signals: [Signal; N]) -> SignalSet {
        SignalSet::from_iter(signals)
    }
}

impl IntoIterator for &SignalSet {
    type Item = Signal;
    type IntoIter = SignalIter;

    fn into_iter(self) -> SignalIter {
        self.iter()
    }
}

/// What goes through a [`SignalSet`].
///
/// # Examples
/// ```
/// use threadbare::signal::{Signal, SignalSet};
///
/// for signal in &SignalSet::from([Signal::TERM]) {
///     assert_eq!(signal, Signal::TERM);
/// }
/// ```
#[derive(Clone, Debug)]
pub struct SignalIter {
    set: SignalSet,
    /// The number to look at; beyond the last one at the end.
    next: i32,
}

impl Iterator for SignalIter {
    type Item = Signal;

    fn next(&mut self) -> Option<Signal> {
        loop {
            let signal = Signal::new(self.next)?;
            self.next += 1;
            if self.set.contains(signal) {
                return Some(signal);
            }
        }
    }
}
