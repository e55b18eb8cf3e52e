//! A seeded simulation of everything that the core does: several servers, each with a gate and a worker, over one store,
//! people and programs outside, and every mishap that the design speaks of.
//!
//! One scheduler owns all futures and polls one at a time, in an order that the seed chooses; every call of a port is a
//! point at which others may go first, the call may fail, its reply may be lost, and the server may die. Time is moved by
//! hand. Then the mishaps end, and everything must come to its end.
//!
//! - `SEATGATE_SIM_SEED=… cargo test -p seatgate-core --all-features --test proofs simulation -- --nocapture` replays one
//!   schedule and prints its steps.
//! - `SEATGATE_SIM_SCHEDULES` and `SEATGATE_SIM_SECONDS` say how long to go on, `SEATGATE_SIM_FROM` from which seed;
//!   `SEATGATE_LONG=1` goes on for minutes.

mod chance;
mod directory;
mod features;
mod invariants;
mod notifier;
mod outside;
mod reached;
mod run;
mod scheduler;
mod seen;
mod server;
mod stage;
#[allow(dead_code, reason = "the gate's own tests use the rest")]
#[path = "../../gate/stepped.rs"]
mod stepped;
mod store;
mod target;
mod tests;
mod upload;
mod world;
