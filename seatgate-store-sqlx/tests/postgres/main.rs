//! The PostgreSQL store on a real server: see `cluster.rs` for which.
#![cfg(all(feature = "postgres", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests fail by panicking, and say what they skip"
)]

#[path = "../shared/cases.rs"]
mod cases;
#[allow(dead_code, reason = "benchmarks want a durable one")]
mod cluster;
mod conformance;
#[path = "../shared/instants.rs"]
mod instants;
#[cfg(feature = "sqlite")]
mod migrate;
mod outages;
mod plans;
mod proxy;
mod servers;
#[path = "../shared/town.rs"]
mod town;

use std::sync::atomic::{AtomicU32, Ordering};

/// A schema that nobody else uses.
pub(crate) fn schema() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("case_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
