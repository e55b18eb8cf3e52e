//! Exceptions. Filing one raises the generation of its seat in the same transaction.

use async_trait::async_trait;
use seatgate_core::id::ExceptionId;
use seatgate_core::port::{EffectError, Exception, ExceptionStore, NamedSeat, StoreError};
use seatgate_core::time::Timestamp;
use serde::Serialize;

use super::PgStore;
use super::call::write;
use super::error::store_error;
use super::query::seat_lists;
use crate::failure::effect_error;
use crate::found;
use crate::questions::Questions;
use crate::row::{encode, json};

/// Of several exceptions for a seat, the one that holds longest.
const ACTIVE: &str = "SELECT found.body, found.revoked_at
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted (app, account, entitlement, place)
    LEFT JOIN accounts ON accounts.id = wanted.account
    LEFT JOIN LATERAL (
        SELECT body, revoked_at FROM exceptions
        WHERE app = wanted.app AND account = COALESCE(accounts.merged_into, wanted.account)
        AND entitlement = wanted.entitlement AND until > $4 AND revoked_at IS NULL
        ORDER BY until DESC, id DESC LIMIT 1) AS found ON true
    ORDER BY place";
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

    async fn covering(&self, seats: &[NamedSeat], now: Timestamp) -> Result<Vec<Option<Exception>>, sqlx::Error> {
        let (apps, accounts, entitlements) = seat_lists(seats.iter().map(|named| &named.seat));
        let query = sqlx::query_as(ACTIVE).bind(apps).bind(accounts).bind(entitlements).bind(now.as_micros());
        found::exceptions(query.fetch_all(&self.pool).await?)
    }
}

#[async_trait]
impl ExceptionStore for PgStore {
    async fn active(&self, seats: &[NamedSeat], now: Timestamp) -> Result<Vec<Option<Exception>>, StoreError> {
        self.covering(seats, now).await.map_err(store_error("looking for exceptions"))
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
        Questions::exceptions(now, after, limit, &self.pool).await.map_err(store_error("listing exceptions"))
    }
}
