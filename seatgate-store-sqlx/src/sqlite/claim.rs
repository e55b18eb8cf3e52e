//! Claiming what is due.

use std::collections::BTreeMap;

use async_trait::async_trait;
use seatgate_core::agenda::{Claim, Claimed, Claims};
use seatgate_core::time::Timestamp;

use super::writer::{Desk, Outcome, Work};
use crate::row::{decode, from_limit, json, to_count, to_time};

/// $1 the caller's now, $2 the store's, $3 whether removals are open, $4 how many of a lane, $5 how many, $6 how many of
/// some lanes instead, $7 how many of any lane, $8 whether messages are meant as well.
///
/// However long the queues are, only the head of each is looked at: `names` steps from lane to lane in the index, and of
/// each lane at most $7 items are ordered against the others.
const FREE: &str = "WITH RECURSIVE names (lane) AS (
        SELECT min(lane) FROM agenda
        UNION ALL
        SELECT (SELECT min(lane) FROM agenda WHERE lane > iif(NOT $8 AND names.lane LIKE 'messages/%', 'messages0', names.lane))
        FROM names WHERE names.lane IS NOT NULL
    ), leased AS (
        SELECT lane, count(*) AS items FROM agenda INDEXED BY agenda_leased
        WHERE lease_until > $2 GROUP BY lane
    ), caps AS (
        SELECT key AS lane, value AS cap FROM json_each($6)
    ), head AS (
        SELECT agenda.*, row_number() OVER (PARTITION BY agenda.lane ORDER BY due, key) AS place
        FROM names CROSS JOIN agenda ON ($8 OR names.lane NOT LIKE 'messages/%') AND agenda.key IN (
            SELECT key FROM agenda AS queue LEFT JOIN lanes ON lanes.lane = queue.lane
            WHERE queue.lane = names.lane AND due <= $1
            AND (lease_until IS NULL OR lease_until <= $2)
            AND NOT (gated AND (COALESCE(not_before, $1) > $1 OR (NOT $3 AND queue.lane LIKE 'removals/%')))
            ORDER BY due, key LIMIT $7)
    ), free AS (
        SELECT head.key, item, due, wanted, tries, lease_until FROM head
        LEFT JOIN leased USING (lane) LEFT JOIN caps USING (lane)
        WHERE place + COALESCE(items, 0) <= COALESCE(cap, $4)
        UNION ALL
        SELECT * FROM (
            SELECT key, item, due, wanted, tries, lease_until FROM agenda
            WHERE lane IS NULL AND due <= $1 AND (lease_until IS NULL OR lease_until <= $2)
            ORDER BY due, key LIMIT $5)
    )
    SELECT key, item, wanted, tries, lease_until IS NOT NULL FROM free ORDER BY due, key LIMIT $5";
const NEXT_TOKEN: &str = "UPDATE agenda_token SET last = last + 1 RETURNING last";
const LEASE: &str = "UPDATE agenda SET token = $2, lease_until = $3 WHERE key IN (SELECT value FROM json_each($1))";

/// The earliest of what no lease, no mode and no closed lane holds; and of what only a closed lane holds. Apart, so that
/// the first is one step in the index by due time. Parameters as above.
const NEXT_DUE: &str = "SELECT min(opens) FROM (
        SELECT * FROM (
            SELECT due AS opens FROM agenda
            WHERE (lease_until IS NULL OR lease_until <= $2)
            AND NOT (gated AND lane IS NOT NULL AND (
                (NOT $3 AND lane LIKE 'removals/%') OR lane IN (SELECT lane FROM lanes WHERE not_before > $1)))
            ORDER BY due LIMIT 1)
        UNION ALL
        SELECT max(due, not_before) FROM lanes CROSS JOIN agenda USING (lane)
        WHERE not_before > $1 AND gated
        AND (lease_until IS NULL OR lease_until <= $2)
        AND ($3 OR lane NOT LIKE 'removals/%'))";

type FreeRow = (String, String, i64, u32, bool);

#[async_trait]
impl Work for Claim {
    type Answer = Claims;
    const CONTEXT: &'static str = "claiming what is due";

    async fn perform(&self, desk: &mut Desk) -> Result<Outcome<Claims>, sqlx::Error> {
        let lease_now = desk.lease_clock.now();
        let free = free(self, lease_now, desk).await?;
        let items = if free.is_empty() { Vec::new() } else { lease(self, free, lease_now, desk).await? };
        let next_due = if self.messages { next_due(self, lease_now, desk).await? } else { None };
        Ok(Outcome::Keep(Claims::new(items, next_due)))
    }
}

async fn free(claim: &Claim, lease_now: Timestamp, desk: &mut Desk) -> Result<Vec<FreeRow>, sqlx::Error> {
    let caps: BTreeMap<String, i64> =
        claim.caps.iter().map(|(lane, cap)| (lane.to_string(), from_limit(*cap))).collect();
    let most = claim.caps.values().copied().chain([claim.per_lane]).max().unwrap_or_default();
    sqlx::query_as(FREE)
        .bind(claim.now.as_micros())
        .bind(lease_now.as_micros())
        .bind(claim.removals_open)
        .bind(from_limit(claim.per_lane))
        .bind(from_limit(claim.limit))
        .bind(json(&caps)?)
        .bind(from_limit(most))
        .bind(claim.messages)
        .fetch_all(&mut desk.connection)
        .await
}

/// One token serves a whole claim: no item is in it twice.
async fn lease(
    claim: &Claim,
    free: Vec<FreeRow>,
    lease_now: Timestamp,
    desk: &mut Desk,
) -> Result<Vec<Claimed>, sqlx::Error> {
    let token: i64 = sqlx::query_scalar(NEXT_TOKEN).fetch_one(&mut desk.connection).await?;
    let keys: Vec<&str> = free.iter().map(|(key, ..)| key.as_str()).collect();
    sqlx::query(LEASE)
        .bind(json(&keys)?)
        .bind(token)
        .bind(lease_now.saturating_add(claim.lease).as_micros())
        .execute(&mut desk.connection)
        .await?;
    let token = to_count(token)?;
    Ok(free.into_iter().filter_map(|row| claimed(row, token)).collect())
}

/// An item that cannot be read, as after a step back to an older version, is left to its lease: it must not keep the others
/// from being claimed.
fn claimed((key, item, wanted, tries, lost): FreeRow, token: u64) -> Option<Claimed> {
    match (decode(&item), to_count(wanted)) {
        (Ok(item), Ok(wanted)) => Some(Claimed::new(item, token, wanted, tries, lost)),
        (Err(error), _) | (_, Err(error)) => {
            tracing::error!(key, %error, "an agenda item cannot be read, and is passed over");
            None
        }
    }
}

async fn next_due(claim: &Claim, lease_now: Timestamp, desk: &mut Desk) -> Result<Option<Timestamp>, sqlx::Error> {
    let next: Option<i64> = sqlx::query_scalar(NEXT_DUE)
        .bind(claim.now.as_micros())
        .bind(lease_now.as_micros())
        .bind(claim.removals_open)
        .fetch_one(&mut desk.connection)
        .await?;
    Ok(to_time(next))
}
