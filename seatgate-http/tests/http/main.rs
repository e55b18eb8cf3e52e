//! The routes, as a client sees them: a router on the in-memory store, with a clock that stands still until it is moved.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod attacks;
mod bytes;
mod decisions;
mod delegations;
mod exceptions;
mod formats;
mod intake;
mod mapping;
mod openapi;
mod operate;
mod operators;
mod people;
mod removals;
mod requests;
mod savings;
mod server;
mod sweeps;
mod tasks;
mod world;
