use std::sync::{Mutex, PoisonError};

/// What Socket Mode did since it was set up: numbers for metrics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SocketMeter {
    /// Connections that are up now.
    pub live: u64,
    /// Connections that were opened and greeted.
    pub opened: u64,
    /// Attempts to connect that failed.
    pub failed: u64,
    /// Connections that were cut, or given up because nothing was heard.
    pub lost: u64,
    /// Envelopes that were acknowledged.
    pub acknowledged: u64,
    /// Envelopes that were worked and not acknowledged: not done, or the connection went before.
    pub unacknowledged: u64,
    /// Envelopes that were not worked because too many were.
    pub turned_away: u64,
    /// How often Slack counted more connections of this app than we have: somebody else has its token.
    pub surplus: u64,
}

/// Counts while it runs.
#[derive(Debug, Default)]
pub(super) struct Counter(Mutex<SocketMeter>);

impl Counter {
    pub(super) fn count(&self, change: impl FnOnce(&mut SocketMeter)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn read(&self) -> SocketMeter {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
