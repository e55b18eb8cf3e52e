//! What each fuzz target does with its input: it reads it as the product does, and stops where a promise is broken.
//!
//! Plain functions, so that a stable compiler can run them, too: `tests/server` includes this file and runs each over its
//! corpus.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    missing_docs,
    reason = "a fuzz target stops where a promise is broken"
)]

mod candidates;
mod canonical;
mod mapping;
mod policy;
mod removal_reply;
mod slack_payload;
mod slack_signature;
mod texts;
mod trail_export;
mod webhook_signature;
mod world;

/// A target: what it does with an input. It panics where a promise is broken.
pub type Target = fn(&[u8]);

/// Every target, by the name of its corpus.
pub const TARGETS: [(&str, Target); 12] = [
    ("candidates", candidates::run),
    ("canonical", canonical::run),
    ("mapping", mapping::run),
    ("policy", policy::run),
    ("removal_reply", removal_reply::run),
    ("slack_command", slack_payload::command),
    ("slack_event", slack_payload::event),
    ("slack_interaction", slack_payload::interaction),
    ("slack_signature", slack_signature::run),
    ("texts", texts::run),
    ("trail_export", trail_export::run),
    ("webhook_signature", webhook_signature::run),
];

/// Runs one target.
pub fn run(name: &str, input: &[u8]) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).expect("a known target");
    target(input);
}

/// The parts of an input, which the byte 0xFF divides: no text holds it.
fn parts<const N: usize>(input: &[u8]) -> [&[u8]; N] {
    let mut parts = input.splitn(N, |byte| *byte == 0xFF);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

/// A problem with a part of the input says what is wrong, on one line, and where.
fn is_a_sentence(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

/// A JSON pointer (RFC 6901); the empty one is the whole document.
fn is_pointer(text: &str) -> bool {
    (text.is_empty() || text.starts_with('/')) && text.split('~').skip(1).all(|after| after.starts_with(['0', '1']))
}
