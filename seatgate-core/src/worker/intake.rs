//! Working off a sealed sweep.

use std::time::Duration;

use super::{End, Worker, end};
use crate::agenda::{Claimed, Next};
use crate::id::SweepId;
use crate::retry::Backoff;

/// Between tries: the gate is off, or the store away.
const AGAIN: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));

impl Worker {
    /// Asks about some more of its rows. What fails is tried again: nobody else does it.
    pub(super) async fn take_in(&self, claimed: &Claimed, sweep: SweepId) -> End {
        let next = match self.gate.take_in(sweep, &claimed.fence()).await {
            Ok(true) => Next::Done,
            Ok(false) => Next::At(self.gate.now()),
            Err(_) => {
                let wait = AGAIN.delay(claimed.tries.saturating_add(1), u64::MAX);
                Next::Retry(self.gate.now().saturating_add(wait))
            }
        };
        end(claimed, next)
    }
}
