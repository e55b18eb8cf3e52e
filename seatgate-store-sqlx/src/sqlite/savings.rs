//! What each request saves, kept beside it, and the sums.

use seatgate_core::money::Currency;
use seatgate_core::request::{Proof, Request};
use seatgate_core::savings::{LineKey, Saving, Savings, Standing};
use seatgate_core::seat::AppId;
use seatgate_core::time::Timestamp;
use serde::Serialize;
use sqlx::SqliteExecutor;

use crate::row::{read, to_count, to_time};

/// In the order of an index, so nothing is sorted. Two sums, because one could be too large for a number of SQLite.
const LINES: &str = "SELECT month, app, standing, proof, effective_at, currency, count(*),
        sum(minor / 1000000), sum(minor % 1000000)
    FROM savings GROUP BY month, app, standing, proof, effective_at, currency";
const MILLION: i128 = 1_000_000;

/// A row of the table.
#[derive(Serialize)]
pub(super) struct SavingRow {
    month: String,
    app: AppId,
    standing: Standing,
    proof: Option<Proof>,
    effective_at: Option<i64>,
    currency: Option<Currency>,
    minor: i64,
}

impl SavingRow {
    /// A request's row, if it has one.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let Saving { key, effective_at, minor, .. } = Saving::of(request)?;
        Some(Self {
            month: key.month,
            app: key.app,
            standing: key.standing,
            proof: key.proof,
            effective_at: effective_at.map(Timestamp::as_micros),
            currency: key.currency,
            minor,
        })
    }
}

/// A line: what is grouped by, the number of requests, and the millions and the rest of their costs.
#[derive(sqlx::FromRow)]
struct LineRow(String, String, String, Option<String>, Option<i64>, Option<String>, i64, i64, i64);

pub(super) async fn savings(now: Timestamp, db: impl SqliteExecutor<'_>) -> Result<Savings, sqlx::Error> {
    let rows: Vec<LineRow> = sqlx::query_as(LINES).fetch_all(db).await?;
    let mut savings = Savings::default();
    for LineRow(month, app, standing, proof, effective_at, currency, requests, millions, rest) in rows {
        let proof = proof.map(|proof| read(&proof)).transpose()?;
        let currency = currency.map(|currency| read(&currency)).transpose()?;
        let key = LineKey::new(month, read(&app)?, read(&standing)?, currency).proven_by(proof);
        let minor = i128::from(millions) * MILLION + i128::from(rest);
        savings.add(key, to_time(effective_at), to_count(requests)?, minor, now);
    }
    Ok(savings)
}
