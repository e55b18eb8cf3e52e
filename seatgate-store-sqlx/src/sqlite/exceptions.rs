//! Exceptions. Filing one raises the generation of its seat in the same transaction.

use async_trait::async_trait;
use seatgate_core::id::ExceptionId;
use seatgate_core::port::{EffectError, Exception, ExceptionStore, NamedSeat, StoreError};
use seatgate_core::time::Timestamp;

use super::SqliteStore;
use super::error::store_error;
use super::query::seat_list;
use super::writer::{Desk, Outcome, Work};
use crate::failure::effect_error;
use crate::found;
use crate::questions::Questions;
use crate::row::encode;

/// Of several exceptions for a seat, the one that holds longest.
const ACTIVE: &str = "SELECT exceptions.body, exceptions.revoked_at
    FROM json_each($1) AS wanted
    LEFT JOIN accounts ON accounts.id = wanted.value ->> 1
    LEFT JOIN exceptions ON exceptions.id = (
        SELECT id FROM exceptions
        WHERE app = wanted.value ->> 0 AND account = COALESCE(accounts.merged_into, wanted.value ->> 1)
        AND entitlement = wanted.value ->> 2 AND until > $2 AND revoked_at IS NULL
        ORDER BY until DESC, id DESC LIMIT 1)
    ORDER BY wanted.key";
const FILE: &str = "INSERT INTO exceptions (id, app, account, entitlement, until, revoked_at, body)
    VALUES ($1, $2, COALESCE((SELECT merged_into FROM accounts WHERE id = $3), $3), $4, $5, $6, $7)
    ON CONFLICT DO NOTHING";
const RAISE: &str = "INSERT INTO seats (app, account, entitlement, generation)
    VALUES ($1, COALESCE((SELECT merged_into FROM accounts WHERE id = $2), $2), $3, 1)
    ON CONFLICT DO UPDATE SET generation = generation + 1";
const REVOKE: &str = "UPDATE exceptions SET revoked_at = $2 WHERE id = $1 AND until > $2 AND revoked_at IS NULL";

struct File(Exception);

#[async_trait]
impl Work for File {
    type Answer = ();
    const CONTEXT: &'static str = "filing an exception";

    async fn perform(&self, desk: &mut Desk) -> Result<Outcome<()>, sqlx::Error> {
        let Exception { id, seat, until, revoked_at, .. } = &self.0;
        let filed = sqlx::query(FILE)
            .bind(id.to_string())
            .bind(seat.app.id.as_str())
            .bind(seat.account.to_string())
            .bind(seat.entitlement.as_str())
            .bind(until.as_micros())
            .bind(revoked_at.map(Timestamp::as_micros))
            .bind(encode(&self.0)?)
            .execute(&mut desk.connection)
            .await?;
        if filed.rows_affected() == 1 {
            sqlx::query(RAISE)
                .bind(seat.app.id.as_str())
                .bind(seat.account.to_string())
                .bind(seat.entitlement.as_str())
                .execute(&mut desk.connection)
                .await?;
        }
        Ok(Outcome::Keep(()))
    }
}

struct Revoke {
    id: ExceptionId,
    now: Timestamp,
}

#[async_trait]
impl Work for Revoke {
    type Answer = bool;
    const CONTEXT: &'static str = "revoking an exception";

    async fn perform(&self, desk: &mut Desk) -> Result<Outcome<bool>, sqlx::Error> {
        let revoke = sqlx::query(REVOKE).bind(self.id.to_string()).bind(self.now.as_micros());
        let revoked = revoke.execute(&mut desk.connection).await?;
        Ok(Outcome::Keep(revoked.rows_affected() == 1))
    }
}

impl SqliteStore {
    async fn covering(&self, seats: &[NamedSeat], now: Timestamp) -> Result<Vec<Option<Exception>>, sqlx::Error> {
        let seats = seat_list(seats.iter().map(|named| &named.seat))?;
        let query = sqlx::query_as(ACTIVE).bind(seats).bind(now.as_micros());
        found::exceptions(query.fetch_all(&self.readers).await?)
    }
}

#[async_trait]
impl ExceptionStore for SqliteStore {
    async fn active(&self, seats: &[NamedSeat], now: Timestamp) -> Result<Vec<Option<Exception>>, StoreError> {
        self.covering(seats, now).await.map_err(store_error("looking for exceptions"))
    }

    async fn file(&self, exception: &Exception) -> Result<(), EffectError> {
        self.writer.perform(File(exception.clone())).await.map_err(|error| effect_error(&error))
    }

    async fn revoke(&self, id: ExceptionId, now: Timestamp) -> Result<bool, StoreError> {
        self.writer.perform(Revoke { id, now }).await
    }

    async fn list(
        &self,
        now: Timestamp,
        after: Option<ExceptionId>,
        limit: usize,
    ) -> Result<Vec<Exception>, StoreError> {
        Questions::exceptions(now, after, limit, &self.readers).await
    }
}
