//! What only reads, in the words of this database. Each answer is one statement, so it is one snapshot. What many ask at
//! once, by key, is in [`ask`](super::ask).

use seatgate_core::port::{AgendaDepth, StoreError};
use seatgate_core::time::Timestamp;
use sqlx::{PgPool, Postgres};

use super::error::store_error;
use crate::questions::Dialect;
use crate::row::{to_count, to_time};

/// $1 the caller's now, $2 the lease clock's if it is not the database's, $3 whether removals are open.
const DEPTH: &str = "SELECT count(*), count(*) FILTER (WHERE due <= $1), min(due) FILTER (
        WHERE due <= $1 AND (lease_until IS NULL OR lease_until <= lease_now)
        AND NOT (gated AND lane IS NOT NULL AND (
            (NOT $3 AND lane LIKE 'removals/%') OR lane IN (SELECT lane FROM lanes WHERE not_before > $1))))
    FROM agenda, lease_clock($2) AS lease_now";

impl Dialect for Postgres {
    const JOIN: &'static str = "JOIN";

    fn read_error(context: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
        store_error(context)
    }
}

pub(super) async fn agenda_depth(
    now: Timestamp,
    removals_open: bool,
    given_now: Option<i64>,
    db: &PgPool,
) -> Result<AgendaDepth, sqlx::Error> {
    let query = sqlx::query_as(DEPTH).bind(now.as_micros()).bind(given_now).bind(removals_open);
    let (items, due, waiting): (i64, i64, Option<i64>) = query.fetch_one(db).await?;
    Ok(AgendaDepth::new(to_count(items)?, to_count(due)?, to_time(waiting)))
}
