//! Sweeps in bulk: their batches. What opens and seals them lands with a change.

use seatgate_core::id::SweepId;
use seatgate_core::port::{Batch, RowResult, StoreError};

use super::PgStore;
use super::call::write;
use super::error::store_error;
use crate::received;

const RECEIVE: &str = "SELECT receive_batch($1, $2, $3, $4, $5, $6, $7::jsonb)";
const RECEIVING: &str = "keeping a batch of rows";
const FORGET: &str = "SELECT forget_batches($1, $2)";

impl PgStore {
    pub(super) async fn keep_batch(&self, batch: &Batch, rejected: &[RowResult]) -> Result<bool, StoreError> {
        let rejected = received::answers(batch.sweep, rejected).map_err(store_error(RECEIVING))?;
        let (digests, texts) = (received::digests(batch), received::texts(batch));
        write(&self.pool, RECEIVING, || {
            sqlx::query_scalar(RECEIVE)
                .bind(batch.sweep.to_string())
                .bind(i64::from(batch.from))
                .bind(i64::from(batch.end()))
                .bind(batch.received_at.as_micros())
                .bind(digests.as_str())
                .bind(texts.as_str())
                .bind(rejected.as_str())
        })
        .await
    }

    pub(super) async fn forget_batches(&self, sweep: SweepId, before: u32) -> Result<(), StoreError> {
        write(&self.pool, "forgetting batches of rows", || {
            sqlx::query_scalar::<_, bool>(FORGET).bind(sweep.to_string()).bind(i64::from(before))
        })
        .await
        .map(|_| ())
    }
}
