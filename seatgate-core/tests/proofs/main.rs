//! Proofs about the machines that no single test gives.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should stop, in helpers too"
)]

mod model;
