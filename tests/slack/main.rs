//! Slack as seatgate meets it: the client and the readers against a fake Slack, and against other people's tools.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "the helpers of tests fail as tests do")]
#![allow(clippy::print_stderr, reason = "who skips a test says so")]

#[path = "../fake_slack/mod.rs"]
mod fake_slack;

mod attacks;
mod cards;
mod clicks;
mod client;
mod commands;
mod directory;
mod doctor;
mod emulate;
mod faults;
mod house;
mod modals;
mod notes;
mod notifier;
mod offboarding;
mod peers;
mod people;
mod routed;
mod rush;
mod socket;
mod together;
mod world;
