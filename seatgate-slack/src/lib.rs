//! Slack for seatgate: cards, clicks and commands.
//!
//! Nothing is here yet: the web inbox of `seatgate-http` is the place to answer. The notifier, the verification of Slack's
//! requests and the cards come with the first release of this crate.
