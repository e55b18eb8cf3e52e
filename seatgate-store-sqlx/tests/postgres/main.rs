//! The PostgreSQL store on a real server: see `cluster.rs` for which.
#![cfg(all(feature = "postgres", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say what they skip"
)]

mod cluster;
mod conformance;
mod proxy;
mod servers;
