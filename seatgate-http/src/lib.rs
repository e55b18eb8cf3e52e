//! HTTP for seatgate: webhooks that prove who sent them, and calls that cannot be turned against the house.
//!
//! - [`sign`]: Standard Webhooks 1.0 in both directions. What came in signed is a [`sign::Verified`], and only a
//!   [`sign::Verifier`] makes one.
//! - [`guard`]: the one client for calls to addresses that somebody configured. It refuses addresses inside the house
//!   and says of every failed call whether the request may have arrived.
//! - [`deprovisioner`]: [`HttpDeprovisioner`](deprovisioner::HttpDeprovisioner) removes seats by a signed webhook.
//! - [`events`]: [`WebhookEvents`](events::WebhookEvents) tells a URL what has ended.
//! - `server` (feature `axum`): the routes. Candidates come in signed, the API is for bearers of a token, and every
//!   error is a `problem::Problem` (RFC 9457).
//! - `intake::mapping` (feature `axum`): how other people's exports are read as candidates.
//! - `inbox` (feature `axum`): the web pages where people answer.

pub mod deprovisioner;
pub mod events;
pub mod guard;
pub mod sign;

#[cfg(feature = "axum")]
mod api;
#[cfg(feature = "axum")]
pub mod inbox;
#[cfg(feature = "axum")]
pub mod intake;
#[cfg(feature = "axum")]
mod json;
#[cfg(feature = "axum")]
pub mod openapi;
#[cfg(feature = "axum")]
mod probe;
#[cfg(feature = "axum")]
pub mod problem;
#[cfg(feature = "axum")]
mod request;
#[cfg(feature = "axum")]
mod room;
#[cfg(feature = "axum")]
mod seat;
#[cfg(feature = "axum")]
pub mod server;
#[cfg(feature = "axum")]
pub mod token;
#[cfg(feature = "axum")]
mod trace;
#[cfg(feature = "axum")]
mod view;
