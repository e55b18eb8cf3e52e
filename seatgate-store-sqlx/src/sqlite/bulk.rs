//! Sweeps in bulk: what they were opened with, their batches, and the seal.

use async_trait::async_trait;
use seatgate_core::id::SweepId;
use seatgate_core::port::{Batch, RowResult, Seal, SweepRecord};

use super::commit::ROWS;
use super::writer::{Desk, Outcome, Work};
use crate::received;
use crate::row::encode;

const OPEN: &str = "INSERT INTO bulk_sweeps (sweep, body) VALUES ($1, $2)";
const SEAL: &str = "UPDATE bulk_sweeps SET sealed_at = $3 WHERE sweep = $1 AND sealed_at IS NULL
    AND EXISTS (SELECT 1 FROM sweeps WHERE id = $1 AND row_count = $2)";
const NEXT: &str = "UPDATE sweeps SET row_count = $3 WHERE id = $1 AND row_count = $2
    AND EXISTS (SELECT 1 FROM bulk_sweeps WHERE sweep = $1 AND sealed_at IS NULL)";
const BATCH: &str = "INSERT INTO batches (sweep, first_row, next_row, received_at, digests, texts)
    VALUES ($1, $2, $3, $4, $5, $6)";
const FORGET: &str = "DELETE FROM batches WHERE sweep = $1 AND next_row <= $2";

/// Opens a new sweep for batches, if it is one in bulk.
pub(super) async fn open(sweep: &SweepRecord, desk: &mut Desk) -> Result<(), sqlx::Error> {
    let Some(bulk) = &sweep.bulk else { return Ok(()) };
    sqlx::query(OPEN).bind(sweep.id.to_string()).bind(encode(bulk)?).execute(&mut desk.connection).await.map(|_| ())
}

/// Whether the sweep was open with exactly the expected rows, and is sealed now.
pub(super) async fn seal(seal: &Seal, desk: &mut Desk) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(SEAL).bind(seal.sweep.to_string()).bind(seal.rows).bind(seal.at.as_micros());
    Ok(query.execute(&mut desk.connection).await?.rows_affected() == 1)
}

/// A batch on its way in.
pub(super) struct NewBatch {
    sweep: SweepId,
    from: u32,
    next: u32,
    received_at: i64,
    digests: String,
    texts: String,
    /// None where no row was rejected.
    rejected: Option<String>,
}

impl NewBatch {
    pub(super) fn of(batch: &Batch, rejected: &[RowResult]) -> Result<Self, sqlx::Error> {
        Ok(Self {
            sweep: batch.sweep,
            from: batch.from,
            next: batch.end(),
            received_at: batch.received_at.as_micros(),
            digests: received::digests(batch),
            texts: received::texts(batch),
            rejected: if rejected.is_empty() { None } else { Some(received::answers(batch.sweep, rejected)?) },
        })
    }
}

#[async_trait]
impl Work for NewBatch {
    type Answer = bool;
    const CONTEXT: &'static str = "keeping a batch of rows";

    async fn perform(&self, desk: &mut Desk) -> Result<Outcome<bool>, sqlx::Error> {
        let next = sqlx::query(NEXT).bind(self.sweep.to_string()).bind(self.from).bind(self.next);
        if next.execute(&mut desk.connection).await?.rows_affected() == 0 {
            return Ok(Outcome::Undo(false));
        }
        let batch = sqlx::query(BATCH).bind(self.sweep.to_string()).bind(self.from).bind(self.next);
        let batch = batch.bind(self.received_at).bind(self.digests.as_str()).bind(self.texts.as_str());
        batch.execute(&mut desk.connection).await?;
        if let Some(rejected) = &self.rejected {
            sqlx::query(ROWS).bind(rejected.as_str()).execute(&mut desk.connection).await?;
        }
        Ok(Outcome::Keep(true))
    }
}

/// Batches that go.
pub(super) struct Forgotten {
    pub(super) sweep: SweepId,
    pub(super) before: u32,
}

#[async_trait]
impl Work for Forgotten {
    type Answer = ();
    const CONTEXT: &'static str = "forgetting batches of rows";

    async fn perform(&self, desk: &mut Desk) -> Result<Outcome<()>, sqlx::Error> {
        let forget = sqlx::query(FORGET).bind(self.sweep.to_string()).bind(self.before);
        forget.execute(&mut desk.connection).await?;
        Ok(Outcome::Keep(()))
    }
}
