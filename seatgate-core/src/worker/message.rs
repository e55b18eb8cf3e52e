//! Sending: how long a message may take, and when it is tried again.

use std::future::Future;
use std::time::Duration;

use crate::agenda::{Claimed, Lane, LaneReport, Next};
use crate::port::NotifyError;
use crate::retry::Backoff;
use crate::time::Timestamp;
use crate::worker::Worker;

/// How messages are repeated: from a second to ten minutes.
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(1), max: Duration::from_secs(600) };
/// How long a notifier may ask to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

impl Worker {
    /// Whether a message arrived that hangs, nobody knows.
    pub(super) async fn in_time<T>(
        &self,
        sending: impl Future<Output = Result<T, NotifyError>>,
    ) -> Result<T, NotifyError> {
        self.timer.within(Self::LIMIT, sending).await.unwrap_or(Err(NotifyError::Unknown))
    }

    /// When to try again what did not arrive; not at all, if that is of no use. Being asked to wait is no failure.
    pub(super) fn again(&self, claimed: &Claimed, lane: Lane, error: &NotifyError) -> Option<(Next, LaneReport)> {
        let now = self.gate.now();
        match error {
            NotifyError::Unreachable | NotifyError::Refused(_) => return None,
            NotifyError::RetryAt(Some(at)) => {
                let at = (*at).min(now.saturating_add(LONGEST_WAIT));
                return Some((Next::At(at), LaneReport::closed(lane, at)));
            }
            NotifyError::RetryAt(None) | NotifyError::Unknown | NotifyError::Misconfigured(_) => {}
        }
        let at = self.backed_off(claimed);
        Some((Next::Retry(at), LaneReport::closed(lane, at)))
    }

    /// What is shown in `several` places needs room for all of them at once. Whoever asks to wait for room for one would
    /// be asked for that one for ever, and the others would never have their turn: so each wait is longer.
    pub(super) fn later(&self, claimed: &Claimed, next: Next, several: bool) -> Next {
        match next {
            Next::At(at) if several => Next::Retry(at.max(self.backed_off(claimed))),
            next => next,
        }
    }

    fn backed_off(&self, claimed: &Claimed) -> Timestamp {
        let mut word = [0_u8; 8];
        self.gate.parts.entropy.fill(&mut word);
        self.gate.now().saturating_add(BACKOFF.delay(claimed.tries.saturating_add(1), u64::from_le_bytes(word)))
    }
}
