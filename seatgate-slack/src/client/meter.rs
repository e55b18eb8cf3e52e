//! What came of the calls so far: numbers for metrics, and whether Slack is there.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{ErrorKind, SlackClient, SlackError};

/// What came of the calls since the client was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CallMeter {
    /// How many calls of a method were sent, by what came of them: `ok`, or the label of [`ErrorKind`].
    pub calls: BTreeMap<(&'static str, &'static str), u64>,
    /// What the last of them says about Slack.
    pub standing: Standing,
}

/// Whether Slack is there, as far as the last call shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Standing {
    /// Nothing was sent yet.
    #[default]
    Unknown,
    /// It answered, if only to refuse this one message or person.
    Ok,
    /// It did not answer, or not clearly.
    Unreachable,
    /// It refuses the token, or what the token may do: an operator must mend it.
    Refused,
}

impl Standing {
    /// `unknown`, `ok`, `unreachable` or `refused`.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Ok => "ok",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
        }
    }
}

/// Counts while calls are made.
#[derive(Default)]
pub(super) struct Counter(Mutex<CallMeter>);

impl Counter {
    /// Counts a call that was sent.
    pub(super) fn count<T>(&self, method: &'static str, outcome: &Result<T, SlackError>) {
        let (label, standing) = match outcome {
            Ok(_) => ("ok", Standing::Ok),
            Err(error) => (error.kind().label(), standing(method, error)),
        };
        let mut meter = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *meter.calls.entry((method, label)).or_default() += 1;
        meter.standing = standing;
    }
}

fn standing(method: &str, error: &SlackError) -> Standing {
    match error.kind() {
        // Looking at channels needs scopes that one may do without; those of all other methods are required.
        ErrorKind::Halt if error.name() == "missing_scope" && method.starts_with("conversations.") => Standing::Ok,
        ErrorKind::Halt => Standing::Refused,
        ErrorKind::Unknown => Standing::Unreachable,
        ErrorKind::RetryAfter(_) if !error.came_from_slack() => Standing::Unreachable,
        _ => Standing::Ok,
    }
}

impl SlackClient {
    /// What came of the calls so far. Calls that were held back to keep the pace are not among them.
    #[must_use]
    pub fn meter(&self) -> CallMeter {
        self.counter.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
