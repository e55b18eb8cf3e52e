//! The routes, as a client sees them: a router on the in-memory store, with a clock that stands still until it is moved.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod asking;
mod attacks;
mod bulk;
mod bytes;
mod decisions;
mod delegations;
mod events;
mod exceptions;
mod formats;
mod intake;
mod mapping;
mod offboardings;
mod openapi;
mod operate;
mod operators;
mod people;
mod place;
mod policies;
mod removals;
mod requests;
mod savings;
mod server;
mod sweeps;
mod tasks;
mod world;
