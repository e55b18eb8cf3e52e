//! Claiming what is due.

use std::collections::BTreeMap;

use seatgate_core::agenda::{Claim, Claimed, Claims};
use seatgate_core::port::StoreError;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;

use super::PgStore;
use super::error::store_error;
use super::queue::Work;
use crate::edits::micros;
use crate::row::{decode, from_json, from_limit, json, to_time};

const CONTEXT: &str = "claiming what is due";
const CLAIM: &str =
    "SELECT claim(asked::jsonb, $2) FROM unnest($1::text[]) WITH ORDINALITY AS claims (asked, place) ORDER BY place";

#[derive(Serialize)]
struct ClaimRow {
    now: i64,
    limit: i64,
    per_lane: i64,
    /// How many of some lanes instead.
    caps: BTreeMap<String, i64>,
    /// How many of a lane are looked at.
    most: i64,
    messages: bool,
    removals_open: bool,
    /// In microseconds.
    lease: u64,
}

impl ClaimRow {
    fn of(claim: &Claim) -> Self {
        let most = claim.caps.values().copied().chain([claim.per_lane]).max().unwrap_or_default();
        Self {
            now: claim.now.as_micros(),
            limit: from_limit(claim.limit),
            per_lane: from_limit(claim.per_lane),
            caps: claim.caps.iter().map(|(lane, cap)| (lane.to_string(), from_limit(*cap))).collect(),
            most: from_limit(most.min(claim.limit)),
            messages: claim.messages,
            removals_open: claim.removals_open,
            lease: micros(claim.lease),
        }
    }
}

#[derive(Deserialize)]
struct ClaimsRow {
    token: Option<u64>,
    items: Vec<ItemRow>,
    next_due: Option<i64>,
}

/// Comes as a list, in this order.
#[derive(Deserialize)]
struct ItemRow {
    key: String,
    item: String,
    wanted: u64,
    tries: u32,
    lost: bool,
}

impl ItemRow {
    /// An item that cannot be read, as after a step back to an older version, is left to its lease: it must not keep the
    /// others from being claimed.
    fn claimed(self, token: u64) -> Option<Claimed> {
        match decode(&self.item) {
            Ok(item) => Some(Claimed::new(item, token, self.wanted, self.tries, self.lost)),
            Err(error) => {
                tracing::error!(key = self.key, %error, "an agenda item cannot be read, and is passed over");
                None
            }
        }
    }
}

/// A claim on its way to the function that grants it.
pub(super) struct NewClaim {
    asked: String,
    now: Option<i64>,
}

impl Work for NewClaim {
    type Answer = String;
    const CONTEXT: &'static str = CONTEXT;
    const WRITES: bool = true;

    /// One after the other, but in one transaction, whose end all wait for.
    async fn perform(pieces: &[&Self], connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
        let asked: Vec<&str> = pieces.iter().map(|piece| piece.asked.as_str()).collect();
        let now = pieces.iter().filter_map(|piece| piece.now).max();
        sqlx::query_scalar(CLAIM).bind(asked).bind(now).fetch_all(connection).await
    }
}

impl PgStore {
    pub(super) async fn claim_due(&self, claim: &Claim) -> Result<Claims, StoreError> {
        let asked = json(&ClaimRow::of(claim)).map_err(store_error(CONTEXT))?;
        let given = self.queues.claims.perform(NewClaim { asked, now: self.given_now() }).await?;
        let ClaimsRow { token, items, next_due } = from_json(&given).map_err(store_error(CONTEXT))?;
        let claimed = |token| items.into_iter().filter_map(|item| item.claimed(token)).collect();
        Ok(Claims::new(token.map(claimed).unwrap_or_default(), to_time(next_due)))
    }
}
