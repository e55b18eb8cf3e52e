//! HTTP for seatgate: webhooks that prove who sent them, and calls that cannot be turned against the house.
//!
//! - [`sign`]: Standard Webhooks 1.0 in both directions. What came in signed is a [`sign::Verified`], and only a
//!   [`sign::Verifier`] makes one.
//! - [`guard`]: the one client for calls to addresses that somebody configured. It refuses addresses inside the house
//!   and says of every failed call whether the request may have arrived.
//! - [`deprovisioner`]: what a target's reply to the removal webhook means.

pub mod deprovisioner;
pub mod guard;
pub mod sign;
