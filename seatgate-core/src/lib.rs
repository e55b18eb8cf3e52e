//! The approval state machine of seatgate. Performs no I/O.
pub mod agenda;
pub mod authorize;
pub mod canonical;
pub mod id;
pub mod label;
pub mod message;
pub mod money;
pub mod person;
pub mod policy;
pub mod port;
pub mod request;
pub mod retry;
pub mod schedule;
pub mod seat;
pub mod time;
pub mod trail;
