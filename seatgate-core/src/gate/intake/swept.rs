//! Sweeps as they stand.

use std::collections::BTreeMap;
use std::ops::Range;

use super::SweepReport;
use crate::gate::{Gate, GateError};
use crate::id::SweepId;
use crate::port::{RowResult, RowStatus, StoreError, SweepRecord};

impl Gate {
    /// One sweep as it stands: who handed it in, and the answers to those of its rows that have these numbers. A row of a
    /// sweep in bulk that has no answer yet is received.
    ///
    /// # Errors
    /// [`GateError::NoSweep`], or when the store cannot tell.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn swept(&self, sweep: SweepId, rows: Range<u32>) -> Result<(SweepRecord, SweepReport), GateError> {
        let record = self.sweep_record(sweep).await?;
        let mut results = self.parts.requests.rows(sweep, rows.clone()).await?;
        if record.bulk.is_some() {
            let mut answers: BTreeMap<u32, RowResult> =
                results.into_iter().map(|result| (result.row, result)).collect();
            let received = |row| RowResult::new(row, RowStatus::Received);
            let rows = rows.start..rows.end.min(record.rows);
            results = rows.map(|row| answers.remove(&row).unwrap_or_else(|| received(row))).collect();
        }
        Ok((record, SweepReport { sweep, results }))
    }

    /// How many of all rows of a sweep ended how, or are received only.
    ///
    /// # Errors
    /// When the store cannot tell.
    ///
    /// # Cancel safety
    /// Cancel safe: it only reads.
    pub async fn sweep_counts(&self, sweep: &SweepRecord) -> Result<BTreeMap<RowStatus, u64>, StoreError> {
        let mut counts = self.parts.queries.row_counts(sweep.id).await?;
        let received = u64::from(sweep.rows).saturating_sub(counts.values().sum());
        if sweep.bulk.is_some() && received > 0 {
            counts.insert(RowStatus::Received, received);
        }
        Ok(counts)
    }

    pub(in crate::gate) async fn sweep_record(&self, sweep: SweepId) -> Result<SweepRecord, GateError> {
        self.parts.requests.sweep(sweep).await?.ok_or(GateError::NoSweep(sweep))
    }
}
