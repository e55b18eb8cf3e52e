//! How rows arrive: as a sweep of their own, as more of one that is there, or once again.

use serde_json::{Value, json};

use super::{Intake, Sweep};
use crate::gate::{Gate, GateError, Settings, TRIES};
use crate::id::SweepId;
use crate::port::{Change, Inbound, Join, SweepRecord};
use crate::trail::{Chain, Stream};

impl<'a> Intake<'a> {
    /// Finds what this delivery brought before, or records it.
    pub(super) async fn start(gate: &'a Gate, settings: &'a Settings, sweep: &Sweep) -> Result<Self, GateError> {
        let (now, rows) = (gate.now(), count(sweep));
        let id = sweep.joins.unwrap_or_else(|| SweepId::generate(now, &*gate.parts.entropy));
        let record = SweepRecord::new(id, sweep.inbound.clone(), sweep.submitted_by.clone(), now).with_rows(rows);
        let mut intake = Self::of(gate, settings, record, sweep.surface, Chain::empty(Stream::Sweep(id)));
        intake.ours = 0..rows;
        intake.names.clone_from(&sweep.names);
        intake.dry_run = sweep.dry_run;
        for _ in 0..TRIES {
            // Nearly every delivery is new: that it came before, recording it tells as well as asking does.
            let there = match sweep.joins {
                Some(id) => intake.resume(sweep).await? || intake.join(id, sweep).await?,
                None => intake.open_sweep(sweep).await? || intake.resume(sweep).await?,
            };
            if there {
                return Ok(intake);
            }
        }
        Err(GateError::Contended)
    }

    /// Whether other deliveries belong to the same sweep.
    pub(super) fn has_others(&self) -> bool {
        self.ours != (0..self.record.rows)
    }

    async fn resume(&mut self, sweep: &Sweep) -> Result<bool, GateError> {
        let Some(inbound) = &sweep.inbound else { return Ok(false) };
        let Some(known) = self.gate.parts.requests.sweep_of(&inbound.id).await? else { return Ok(false) };
        let Some(Inbound { digest, first_row, .. }) = known.inbound else { return Ok(false) };
        if digest != inbound.digest {
            return Err(GateError::DeliveryReused);
        }
        self.record = known;
        self.are_from(first_row, sweep);
        self.reread().await?;
        Ok(true)
    }

    async fn open_sweep(&mut self, sweep: &Sweep) -> Result<bool, GateError> {
        let mut change = Change::new(self.gate.new_change(), &self.chain);
        self.append(&mut change, "sweep_received", arrival(sweep))?;
        change.sweep = Some(self.record.clone());
        let kept = self.gate.commit_one(change).await?.is_kept();
        if !kept {
            self.chain = Chain::empty(self.chain.stream);
        }
        Ok(kept)
    }

    /// The chain is read before the number of rows: whoever joins between the two makes this change conflict.
    async fn join(&mut self, id: SweepId, sweep: &Sweep) -> Result<bool, GateError> {
        let store = &self.gate.parts.requests;
        self.chain = store.chain(Stream::Sweep(id)).await?;
        let ours = |known: &SweepRecord| known.submitted_by == sweep.submitted_by && known.bulk.is_none();
        let known = store.sweep(id).await?.filter(ours).ok_or(GateError::NoSweep(id))?;
        let mut change = Change::new(self.gate.new_change(), &self.chain);
        let mut data = arrival(sweep);
        data["from"] = json!(known.rows);
        self.append(&mut change, "sweep_joined", data)?;
        let received_at = self.record.received_at;
        change.join = Some(Join::new(id, sweep.inbound.clone(), known.rows, count(sweep), received_at));
        let kept = self.gate.commit_one(change).await?.is_kept();
        if kept {
            self.are_from(known.rows, sweep);
            self.record.rows = self.ours.end;
        }
        Ok(kept)
    }

    fn are_from(&mut self, first_row: u32, sweep: &Sweep) {
        self.ours = first_row..first_row.saturating_add(count(sweep));
    }
}

fn count(sweep: &Sweep) -> u32 {
    u32::try_from(sweep.rows.len()).unwrap_or(u32::MAX)
}

/// What the trail says of a delivery.
fn arrival(sweep: &Sweep) -> Value {
    json!({
        "rows": sweep.rows.len(),
        "dry_run": sweep.dry_run,
        "delivery": sweep.inbound.as_ref().map(|inbound| inbound.digest.to_string()),
    })
}
