//! Mutants: the algorithms with one operation spoiled, or one ordering weakened.

use std::sync::OnceLock;
use std::sync::atomic::Ordering;

/// An operation of the algorithms.
pub struct Site {
    pub file: &'static str,
    pub line: usize,
    /// The function, and which of its operations it is.
    pub place: &'static str,
    pub operation: &'static str,
    pub orderings: &'static [&'static str],
}

/// All of them, made from the source.
pub const SITES: &[Site] = include!(concat!(env!("OUT_DIR"), "/sites.rs"));

/// What is done to an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A load or guess tells 0, a store is left out, a read-modify-write is done in two steps, a
    /// wait does not compare, a wake-up is left out.
    Spoiled,
    /// The ordering of this index is Relaxed.
    Relaxed(usize),
}

/// A mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mutant {
    pub site: usize,
    pub change: Change,
}

impl Mutant {
    pub fn site(self) -> &'static Site {
        &SITES[self.site]
    }

    pub fn name(self) -> String {
        let Site {
            file,
            place,
            operation,
            orderings,
            ..
        } = self.site();
        match self.change {
            Change::Spoiled => format!("{file}::{place}/{operation}/spoiled"),
            Change::Relaxed(index) => {
                format!(
                    "{file}::{place}/{operation}/{}_{index}_is_relaxed",
                    orderings[index]
                )
            }
        }
    }
}

/// Returns all mutants.
pub fn all() -> Vec<Mutant> {
    let mut all = Vec::new();
    for (site, Site { orderings, .. }) in SITES.iter().enumerate() {
        all.push(Mutant {
            site,
            change: Change::Spoiled,
        });
        for (index, ordering) in orderings.iter().enumerate() {
            if *ordering != "Relaxed" {
                all.push(Mutant {
                    site,
                    change: Change::Relaxed(index),
                });
            }
        }
    }
    all
}

static CHOSEN: OnceLock<Mutant> = OnceLock::new();

/// Makes this process one of the mutant.
pub fn choose(mutant: Mutant) {
    assert!(CHOSEN.set(mutant).is_ok(), "a process is of one mutant");
}

/// Whether the operation has this change.
pub fn is(site: usize, change: Change) -> bool {
    CHOSEN.get() == Some(&Mutant { site, change })
}

/// The ordering that the operation is to have.
pub fn ordering(site: usize, index: usize, ordering: Ordering) -> Ordering {
    if is(site, Change::Relaxed(index)) {
        Ordering::Relaxed
    } else {
        ordering
    }
}
