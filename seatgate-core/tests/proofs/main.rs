//! The promises, proved by machine: every history of small worlds, and many random ones of a large world.

#![allow(unreachable_pub, reason = "one binary; its modules share everything")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on should stop, in helpers too; the figures are printed"
)]

mod model;
mod plans;
mod simulation;
