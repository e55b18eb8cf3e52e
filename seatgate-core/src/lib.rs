//! The gate between "this SaaS seat looks dormant" and "the seat is gone", without any I/O.
//!
//! A sweep reports dormant seats. For each, the holder's manager is asked; only an explicit approval removes the seat, a
//! *keep* files an exception that the next sweep respects, and everything that happens is an entry in a hash-chained
//! trail. This crate decides all of that. It opens no socket, starts no task and reads no clock: what it needs of the
//! world are the traits in [`port`].
//!
//! # Where things are
//!
//! - [`gate::Gate`] takes sweeps and commands; [`worker::Worker`] does what they leave on the agenda. These two use the
//!   ports, and nothing else does. The feature `tokio` adds `driver`, which runs a worker with time-outs.
//! - [`request`] is the heart: [`request::Request`] is made of two small machines, [`request::Approval`] and
//!   [`request::Plan`]. [`request::Request::handle`] judges a command, [`request::Request::apply`] folds a fact into the
//!   state, and both are pure.
//! - [`authorize::authorize`] is the one function that says who may; [`route`] says who is asked;
//!   [`policy`] is what both go by; [`schedule`] says when a request wants to be woken.
//! - [`agenda`] is the queue of everything still to be done, [`card`] what is kept true in front of people, [`trail`] the chain of everything that has happened,
//!   [`message`] what people are shown.
//! - [`memory`] is a store that forgets; the feature `test-util` adds fakes and the suites that every store must pass.
//!
//! # What it promises
//!
//! 1. No removal without an authorised human; the one exception is a policy that reclaims on silence, which is refused
//!    for targets that cannot give a seat back.
//! 2. Exactly one decision a request, whoever answers, however often, wherever.
//! 3. What was acknowledged is as durable as the store.
//! 4. Effects happen at least once, and say so: the idempotency key stays the same as long as the effect may have
//!    happened, and an outcome that is not known is probed or given to a human, never reported.
//! 5. A card ends up showing the final state, without live buttons. A copy that a lost reply left behind, and that nobody
//!    can find, is the limit.
//! 6. Folding a request's entries gives its state, and the chain shows any later change.
//!
//! # Examples
//!
//! The whole way, with a target of one's own, is `examples/in_memory.rs`. A first [`port::Deprovisioner`] takes thirty
//! lines; its documentation shows one.
//!
//! # Features
//!
//! - `system` (default): the machine's clock and random numbers.
//! - `tokio`: the driver.
//! - `test-util`: fakes and conformance suites.

pub mod agenda;
pub mod authorize;
mod both;
pub mod business_hours;
pub mod canonical;
pub mod card;
#[cfg(feature = "tokio")]
pub mod driver;
pub mod gate;
pub mod id;
pub mod label;
pub mod memory;
pub mod message;
pub mod money;
mod object;
pub mod person;
pub mod playbook;
pub mod policy;
pub mod port;
pub mod request;
pub mod retry;
pub mod route;
pub mod savings;
pub mod schedule;
pub mod seat;
#[cfg(feature = "test-util")]
pub mod testing;
mod text;
pub mod time;
mod timer;
pub mod trail;
pub mod worker;
