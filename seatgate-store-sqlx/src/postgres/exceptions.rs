//! Exceptions. Filing one raises the generation of its seat in the same transaction.

use async_trait::async_trait;
use seatgate_core::id::ExceptionId;
use seatgate_core::port::{EffectError, Exception, ExceptionStore, NamedSeat, StoreError};
use seatgate_core::time::Timestamp;
use serde::Serialize;

use super::PgStore;
use super::ask::{ActiveExceptions, SeatLists};
use super::call::write;
use super::error::store_error;
use crate::failure::effect_error;
use crate::found;
use crate::questions::Questions;
use crate::row::{encode, json};

const FILING: &str = "filing an exception";
const FILE: &str = "SELECT file_exception($1::jsonb) IS NULL";
const REVOKE: &str = "WITH ended AS (
        UPDATE exceptions SET revoked_at = $2 WHERE id = $1 AND until > $2 AND revoked_at IS NULL RETURNING id)
    SELECT EXISTS (SELECT FROM ended)";

#[derive(Serialize)]
struct ExceptionRow<'a> {
    id: ExceptionId,
    app: &'a str,
    account: String,
    entitlement: &'a str,
    until: i64,
    revoked_at: Option<i64>,
    body: String,
}

impl<'a> ExceptionRow<'a> {
    fn of(exception: &'a Exception) -> Result<Self, sqlx::Error> {
        let Exception { id, seat, until, revoked_at, .. } = exception;
        Ok(Self {
            id: *id,
            app: seat.app.id.as_str(),
            account: seat.account.to_string(),
            entitlement: seat.entitlement.as_str(),
            until: until.as_micros(),
            revoked_at: revoked_at.map(Timestamp::as_micros),
            body: encode(exception)?,
        })
    }
}

impl PgStore {
    async fn file_once(&self, exception: &Exception) -> Result<(), StoreError> {
        let row = ExceptionRow::of(exception).and_then(|row| json(&row)).map_err(store_error(FILING))?;
        let call = || sqlx::query_scalar::<_, bool>(FILE).bind(row.as_str());
        write(&self.pool, FILING, call).await.map(|_| ())
    }
}

#[async_trait]
impl ExceptionStore for PgStore {
    async fn active(&self, seats: &[NamedSeat], now: Timestamp) -> Result<Vec<Option<Exception>>, StoreError> {
        let seats = SeatLists::of(seats.iter().map(|named| &named.seat));
        let rows = self.queues.exceptions.perform(ActiveExceptions { seats, now: now.as_micros() }).await?;
        found::exceptions(rows).map_err(store_error("looking for exceptions"))
    }

    async fn file(&self, exception: &Exception) -> Result<(), EffectError> {
        self.file_once(exception).await.map_err(|error| effect_error(&error))
    }

    async fn revoke(&self, id: ExceptionId, now: Timestamp) -> Result<bool, StoreError> {
        let id = id.to_string();
        let call = || sqlx::query_scalar(REVOKE).bind(id.as_str()).bind(now.as_micros());
        write(&self.pool, "revoking an exception", call).await
    }

    async fn list(
        &self,
        now: Timestamp,
        after: Option<ExceptionId>,
        limit: usize,
    ) -> Result<Vec<Exception>, StoreError> {
        Questions::exceptions(now, after, limit, &self.pool).await
    }
}
