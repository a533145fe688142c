//! The layout arithmetic, for every TLS variant and page size on any CPU.
//!
//! Requests come from a small generator with fixed seeds, so that a failure repeats. Nothing is
//! mapped.

mod stack;
mod tls;

use threadbare::seam::arch::TlsVariant;
use threadbare::seam::elf::TlsTemplate;

/// A generator of numbers (Marsaglia, "Xorshift RNGs"); the seed must not be 0.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 11) as usize % end
    }

    /// A power of two, at most `1 << log_max`.
    fn power(&mut self, log_max: usize) -> usize {
        1 << self.below(log_max + 1)
    }

    /// One of the choices.
    fn pick(&mut self, choices: &[usize]) -> usize {
        choices[self.below(choices.len())]
    }
}

/// Every variant, with the control blocks of CPUs that have it.
const VARIANTS: [(TlsVariant, usize); 7] = [
    (TlsVariant::One, 16),
    (TlsVariant::One, 8),
    (TlsVariant::OneModified, 0),
    (TlsVariant::OneModified, 8),
    (TlsVariant::OneModified, 16),
    (TlsVariant::Two, 0x30),
    (TlsVariant::Two, 8),
];

fn template(link_address: usize, memory_bytes: usize, align_bytes: usize) -> TlsTemplate {
    TlsTemplate {
        address: 0,
        link_address,
        file_bytes: 0,
        memory_bytes,
        align_bytes,
    }
}
