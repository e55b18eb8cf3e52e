//! Slack for seatgate: what comes from Slack is verified before it is read, and what goes to Slack says how it ended.
//!
//! - [`verify`]: signatures. What Slack signed is a [`verify::Verified`], and nothing else makes one.
//! - [`payload`]: clicks, modals, commands and events, read leniently from verified bytes.
//! - [`client`]: the Web API, with errors sorted by what to do next and a pace that keeps within Slack's limits.
//! - [`card`]: what people see: cards, modals, the home tab and short answers.
//! - [`wording`]: the words of all that, which can be replaced.
//! - [`workspace`]: one workspace as both halves see it: client, people, words, and who belongs to it.
//! - [`directory`]: who manages whom and who has left, read from people's profiles.
//! - [`notifier`]: shows cards, notices and reports.
//! - [`inbound`]: what people do in Slack, answered: `handle(inbound) -> Ack`, whatever brings it.
//! - `axum` (feature): the routes.
//! - `socket` (feature `socket-mode`): the same over a socket that we open, where Slack can reach no URL of ours.
//! - [`doctor`]: looks at how the Slack app is set up, and says what to do about it.
//! - [`id`]: Slack's ids.
//!
//! `manifest.yaml` beside this crate's `Cargo.toml` sets up the Slack app.

mod action;
#[cfg(feature = "axum")]
pub mod axum;
pub mod card;
pub mod client;
pub mod directory;
pub mod doctor;
pub mod id;
pub mod inbound;
pub mod installed;
pub mod notifier;
pub mod payload;
pub mod people;
mod place;
#[cfg(feature = "socket-mode")]
pub mod socket;
pub mod verify;
pub mod wording;
pub mod workspace;
