//! Asking about the rows that a limit held.

use serde_json::json;

use super::{Intake, SweepReport};
use crate::gate::{Gate, GateError, Settings, Submission, TRIES};
use crate::id::{SweepId, TextId};
use crate::policy::Mode;
use crate::port::{Change, Problem, RowResult, RowStatus, StoreError, SweepRecord};
use crate::seat::{Candidate, CandidateDraft};
use crate::trail::{Chain, Stream};

impl Gate {
    /// Asks about the rows of a sweep that a limit held, and answers with all of its rows as they are then. Each is judged
    /// anew: meanwhile its evidence may be too old, its seat excepted, or asked about through another sweep. The limit
    /// does not count here: whoever releases has seen the number.
    ///
    /// Released twice, also at the same time, each row is asked about once. A sweep without held rows stays as it is.
    ///
    /// # Errors
    /// [`GateError::Denied`] (recorded in the access stream), [`GateError::NoSweep`], [`GateError::Off`],
    /// [`GateError::Contended`], or what the store says. Rows that were released by then stay so; releasing again goes on.
    ///
    /// # Cancel safety
    /// Dropping the future leaves some rows released and some held, none half.
    pub async fn release(&self, sweep: SweepId, by: &Submission) -> Result<SweepReport, GateError> {
        self.operator_only("release_sweep", None, by).await?;
        let settings = self.settings();
        if settings.mode == Mode::Off {
            return Err(GateError::Off);
        }
        let record = self.sweep_record(sweep).await?;
        let mut intake = Intake::releasing(self, &settings, record, by);
        intake.reread().await?;
        let rows = self.parts.requests.rows(sweep, 0..u32::MAX).await?;
        let held: Vec<RowResult> = rows.into_iter().filter(is_held).collect();
        if !held.is_empty() {
            intake.record_release(held.len()).await?;
            intake.take_up(held).await?;
        }
        intake.finish().await
    }
}

fn is_held(result: &RowResult) -> bool {
    result.status == RowStatus::Held
}

impl<'a> Intake<'a> {
    fn releasing(gate: &'a Gate, settings: &'a Settings, record: SweepRecord, by: &Submission) -> Self {
        let chain = Chain::empty(Stream::Sweep(record.id));
        let mut intake = Self::of(gate, settings, record, by.surface, chain);
        intake.released_by = Some(by.clone());
        intake
    }

    /// Says who released before anybody is asked.
    async fn record_release(&mut self, rows: usize) -> Result<(), GateError> {
        for _ in 0..TRIES {
            let mut change = Change::new(self.gate.new_change(), &self.chain);
            self.append(&mut change, "sweep_released", json!({ "rows": rows }))?;
            if self.gate.commit_one(change).await?.is_kept() {
                return Ok(());
            }
            self.reread().await?;
        }
        Err(GateError::Contended)
    }

    /// Puts the held rows in line, from the texts that were kept of them.
    async fn take_up(&mut self, held: Vec<RowResult>) -> Result<(), StoreError> {
        let ids: Vec<TextId> = held.iter().filter_map(|result| Some(result.candidate?.id)).collect();
        let mut texts = self.gate.parts.people.texts(&ids).await?.into_iter();
        for result in held {
            let text = result.candidate.and_then(|_| texts.next().flatten());
            self.kept.extend(result.candidate.map(|reference| (result.row, reference)));
            // Each delivery of the sweep was received at its own time.
            let received_at = result.received_at.unwrap_or(self.record.received_at);
            self.put_in_line(result.row, candidate(text), received_at);
        }
        Ok(())
    }
}

/// The candidate that was kept as this text.
pub(in crate::gate) fn candidate(text: Option<String>) -> Result<Candidate, Problem> {
    let Some(text) = text else {
        return Err(Problem::new("Erased", "what was received is erased: report the seat again", ""));
    };
    let draft = serde_json::from_str::<CandidateDraft>(&text).ok();
    let candidate = draft.and_then(|draft| draft.parse().ok());
    candidate.ok_or_else(|| Problem::new("Unreadable", "what was kept of it cannot be read: report the seat again", ""))
}
