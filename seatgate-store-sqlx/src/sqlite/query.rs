//! What only reads, in the words of this database. Each answer is one statement, so it is one snapshot.

use std::collections::BTreeMap;

use seatgate_core::card::Card;
use seatgate_core::id::{CardId, RequestId};
use seatgate_core::port::{AgendaDepth, SeatStatusRow, Stored};
use seatgate_core::seat::Seat;
use seatgate_core::time::Timestamp;
use sqlx::{Sqlite, SqliteExecutor};

use crate::found::{self, CardRow};
use crate::questions::Dialect;
use crate::row::{json, to_count, to_time};

const LOAD: &str = "SELECT requests.body, streams.version, streams.head
    FROM json_each($1) AS wanted
    LEFT JOIN requests ON requests.id = wanted.value
    LEFT JOIN streams ON streams.stream = requests.id
    ORDER BY wanted.key";
const SEATS: &str = "SELECT COALESCE(seats.generation, 0), seats.open_request
    FROM json_each($1) AS wanted
    LEFT JOIN accounts ON accounts.id = wanted.value ->> 1
    LEFT JOIN seats ON seats.app = wanted.value ->> 0
        AND seats.account = COALESCE(accounts.merged_into, wanted.value ->> 1)
        AND seats.entitlement = wanted.value ->> 2
    ORDER BY wanted.key";
const CARDS: &str =
    "SELECT cards.id, approver, sweep, channel, posted, copies, shown, delivered_at, delivered, page, ambiguous,
        (SELECT json_group_array(request ORDER BY request) FROM card_requests WHERE card = cards.id) AS requests
    FROM json_each($1) AS wanted JOIN cards ON cards.id = wanted.value";
/// $1 the caller's now, $2 the store's, $3 whether removals are open.
const DEPTH: &str = "SELECT (SELECT count(*) FROM agenda), (SELECT count(*) FROM agenda WHERE due <= $1), (
        SELECT due FROM agenda
        WHERE due <= $1 AND (lease_until IS NULL OR lease_until <= $2)
        AND NOT (gated AND lane IS NOT NULL AND (
            (NOT $3 AND lane LIKE 'removals/%') OR lane IN (SELECT lane FROM lanes WHERE not_before > $1)))
        ORDER BY due LIMIT 1)";

impl Dialect for Sqlite {
    /// Not a plain join: that one may begin with either table.
    const JOIN: &'static str = "CROSS JOIN";
}

/// Seats as a list of app, account and entitlement.
pub(super) fn seat_list<'a>(seats: impl Iterator<Item = &'a Seat>) -> Result<String, sqlx::Error> {
    let parts = seats.map(|seat| (seat.app.id.as_str(), seat.account, seat.entitlement.as_str()));
    json(&parts.collect::<Vec<_>>())
}

pub(super) async fn load(ids: &[RequestId], db: impl SqliteExecutor<'_>) -> Result<Vec<Option<Stored>>, sqlx::Error> {
    found::stored(ids, sqlx::query_as(LOAD).bind(json(ids)?).fetch_all(db).await?)
}

pub(super) async fn seats(seats: &[Seat], db: impl SqliteExecutor<'_>) -> Result<Vec<SeatStatusRow>, sqlx::Error> {
    found::seats(sqlx::query_as(SEATS).bind(seat_list(seats.iter())?).fetch_all(db).await?)
}

pub(super) async fn cards(ids: &[CardId], db: impl SqliteExecutor<'_>) -> Result<Vec<Option<Card>>, sqlx::Error> {
    let rows: Vec<CardRow> = sqlx::query_as(CARDS).bind(json(ids)?).fetch_all(db).await?;
    let cards = rows.into_iter().map(|row| row.card().map(|card| (card.id, card)));
    let mut cards: BTreeMap<CardId, Card> = cards.collect::<Result<_, _>>()?;
    Ok(ids.iter().map(|id| cards.remove(id)).collect())
}

pub(super) async fn agenda_depth(
    now: Timestamp,
    removals_open: bool,
    lease_now: Timestamp,
    db: impl SqliteExecutor<'_>,
) -> Result<AgendaDepth, sqlx::Error> {
    let query = sqlx::query_as(DEPTH).bind(now.as_micros()).bind(lease_now.as_micros()).bind(removals_open);
    let (items, due, waiting): (i64, i64, Option<i64>) = query.fetch_one(db).await?;
    Ok(AgendaDepth::new(to_count(items)?, to_count(due)?, to_time(waiting)))
}

#[cfg(test)]
mod plans;
