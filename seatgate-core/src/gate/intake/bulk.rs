//! Working off a sweep that was received in batches and sealed: some at a time, under the lease of its agenda item.
//!
//! What a batch is asked, and that its rows are answered, lands under that lease, so one server at a time counts against
//! the limits. A batch is forgotten once all of its rows are answered: whoever comes next goes on with the first that is
//! left, and asks about those of its rows that have no answer.

use std::collections::BTreeMap;
use std::time::Duration;

use super::limit::Limits;
use super::{Intake, release};
use crate::agenda::Fence;
use crate::gate::{Gate, GateError, Settings};
use crate::id::SweepId;
use crate::person::Surface;
use crate::policy::Mode;
use crate::port::{Batch, Bulk, SweepRecord};
use crate::seat::AppId;
use crate::trail::{Chain, Stream};

/// After so many batches others may have their turn,
const BATCHES: usize = 16;
/// or after this time: well within the lease.
const STRETCH: Duration = Duration::from_secs(5);

impl Gate {
    /// Works off a part of a sealed sweep; `true` once nothing is left of it.
    ///
    /// # Errors
    /// [`GateError::Off`], [`GateError::Contended`] (also where the lease is lost), or what the store says. Rows that were
    /// answered by then stay so.
    ///
    /// # Cancel safety
    /// Dropping the future leaves some rows answered and some not, none half.
    pub(crate) async fn take_in(&self, sweep: SweepId, fence: &Fence) -> Result<bool, GateError> {
        let settings = self.settings();
        if settings.mode == Mode::Off {
            return Err(GateError::Off);
        }
        let store = &self.parts.requests;
        let Some(record) = store.sweep(sweep).await? else { return Ok(true) };
        let Some(bulk) = record.bulk.as_ref().filter(|bulk| bulk.sealed_at.is_some()) else { return Ok(true) };
        // Nobody else opens any while the lease is ours.
        let mut opened = self.parts.queries.opened_by_app(sweep).await?;
        let until = self.now().saturating_add(STRETCH);
        for _ in 0..BATCHES {
            let Some(batch) = store.received(sweep, 0, 1).await?.into_iter().next() else { return Ok(true) };
            let end = batch.end();
            let intake = Intake::of_batch(self, &settings, &record, bulk, batch, fence, &opened).await?;
            opened = intake.work_off().await?;
            store.forget(sweep, end).await?;
            if self.now() >= until {
                break;
            }
        }
        Ok(false)
    }
}

impl<'a> Intake<'a> {
    /// The rows of a batch that are not answered yet, after so many requests of the same sweep.
    async fn of_batch(
        gate: &'a Gate,
        settings: &'a Settings,
        record: &SweepRecord,
        bulk: &'a Bulk,
        batch: Batch,
        fence: &Fence,
        opened: &BTreeMap<AppId, u64>,
    ) -> Result<Self, GateError> {
        let chain = Chain::empty(Stream::Sweep(record.id));
        let mut intake = Self::of(gate, settings, record.clone(), Surface::Api, chain);
        intake.record.received_at = batch.received_at;
        intake.ours = batch.from..batch.end();
        intake.dry_run = bulk.dry_run;
        intake.fence = Some(fence.clone());
        intake.reread().await?;
        let mut limits = Limits::of(&settings.policy, &bulk.seats, batch.from, &[]);
        for (row, kept) in (batch.from..).zip(batch.rows).filter(|(_, kept)| !kept.text.is_empty()) {
            let candidate = release::candidate(Some(kept.text));
            if let (Ok(candidate), false) = (&candidate, intake.answered.contains_key(&row)) {
                limits.count(row, &candidate.app.id);
            }
            intake.put_in_line(row, candidate, batch.received_at);
        }
        intake.limits = Some(limits.after(opened));
        Ok(intake)
    }

    /// Works off what is in line; how many requests the sweep has opened then, by app.
    async fn work_off(mut self) -> Result<BTreeMap<AppId, u64>, GateError> {
        self.run().await?;
        Ok(self.limits.map(|limits| limits.opened(&self.answered)).unwrap_or_default())
    }
}
