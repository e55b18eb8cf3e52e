//! The removal webhook: one signed call that asks a target to take a seat away.

mod wire;

pub use wire::{Receipt, Reply, StatusLocation, classify};
