//! The sums of what is saved.

use seatgate_core::savings::Savings;
use seatgate_core::time::Timestamp;
use sqlx::SqliteExecutor;

use crate::savings::sums;

/// In the order of an index, so nothing is sorted. Two sums, because one could be too large for a number of SQLite.
const LINES: &str = "SELECT month, app, standing, proof, effective_at, currency, count(*),
        sum(minor / 1000000), sum(minor % 1000000)
    FROM savings GROUP BY month, app, standing, proof, effective_at, currency";

pub(super) async fn savings(now: Timestamp, db: impl SqliteExecutor<'_>) -> Result<Savings, sqlx::Error> {
    sums(sqlx::query_as(LINES).fetch_all(db).await?, now)
}
