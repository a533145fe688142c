//! Readers and writers, on the host: nothing is lost, nothing comes twice, and the order is kept.
//!
//! The standard streams are not here: the host's own `std` owns them. `tests/` has them.

mod fakes;
mod files;
mod readers;
mod writers;
