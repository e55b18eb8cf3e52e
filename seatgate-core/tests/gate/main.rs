//! The gate and the worker on the in-memory store: the promises, seen from outside.

#![allow(unreachable_pub, reason = "one binary; its modules share everything")]

mod access;
mod crash;
mod effects;
mod house;
mod invariants;
mod promises;
mod stepped;
mod sweeps;
