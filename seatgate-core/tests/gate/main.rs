//! The gate and the worker on the in-memory store: the promises, seen from outside.

#![allow(unreachable_pub, reason = "one binary; its modules share everything")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod access;
mod asking;
mod bulk;
mod cards;
mod crash;
mod directory;
#[cfg(feature = "tokio")]
mod driver;
mod effects;
mod house;
mod invariants;
mod joins;
mod limits;
mod mishaps;
mod mode;
mod offboarding;
mod promises;
mod stepped;
mod sweeps;
mod trials;
mod waking;
