//! What each request saves, as the rows of a table, and the sums.

use seatgate_core::money::Currency;
use seatgate_core::request::{Proof, Request};
use seatgate_core::savings::{LineKey, Saving, Savings, Standing};
use seatgate_core::seat::AppId;
use seatgate_core::time::Timestamp;
use serde::Serialize;

use crate::row::{read, to_count, to_time};

const MILLION: i128 = 1_000_000;

/// A row of the table.
#[derive(Serialize)]
pub(crate) struct SavingRow {
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
    pub(crate) fn of(request: &Request) -> Option<Self> {
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
pub(crate) struct LineRow(String, String, String, Option<String>, Option<i64>, Option<String>, i64, i64, i64);

/// The sums at `now`.
pub(crate) fn sums(rows: Vec<LineRow>, now: Timestamp) -> Result<Savings, sqlx::Error> {
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
