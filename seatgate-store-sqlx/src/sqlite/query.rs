//! What only reads, in the words of this database. Each answer is one statement, so it is one snapshot.

use std::collections::BTreeMap;

use seatgate_core::card::Card;
use seatgate_core::id::{CardId, PersonRef, RequestId, SweepId};
use seatgate_core::message::StateTally;
use seatgate_core::person::Identity;
use seatgate_core::policy::Mode;
use seatgate_core::port::{AgendaDepth, RowStatus, SeatStatusRow, StoreError, Stored, SweepRecord};
use seatgate_core::seat::{Channel, Seat};
use seatgate_core::time::Timestamp;
use seatgate_core::trail::{Chain, Stream};
use sqlx::{Sqlite, SqliteExecutor};

use super::error::store_error;
use crate::found::{self, CardRow};
use crate::questions::Dialect;
use crate::row::{json, read, to_count, to_time};

const LOAD: &str = "SELECT requests.body, streams.version, streams.head
    FROM json_each($1) AS wanted
    LEFT JOIN requests ON requests.id = wanted.value
    LEFT JOIN streams ON streams.stream = requests.id
    ORDER BY wanted.key";
/// Whoever leaves stands among the seats, in no app.
const SEATS: &str = "SELECT COALESCE(seats.generation, 0), seats.open_request, seats.quiet_until, leaving.open_request
    FROM json_each($1) AS wanted
    LEFT JOIN seats AS leaving ON leaving.app = '' AND leaving.account = wanted.value ->> 3 AND leaving.entitlement = ''
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

const CHAIN: &str = "SELECT version, head FROM streams WHERE stream = $1";
const ROW_COUNTS: &str = "SELECT status, count(*) FROM sweep_rows WHERE sweep = $1 GROUP BY status";
/// Costs are added up in two parts: no sum of theirs overflows.
const STANDINGS: &str = "SELECT state, outcome, currency, count(*), CAST(sum(cost / 1000000) AS bigint),
        CAST(sum(cost % 1000000) AS bigint)
    FROM requests WHERE sweep = $1 AND channel = $2 AND mode = $3 GROUP BY state, outcome, currency";
pub(super) const SWEEP_OF: &str =
    "SELECT sweeps.id, submitted_by, inbound_ids.received_at, row_count, digest, first_row, bulk_sweeps.body, sealed_at
    FROM inbound_ids JOIN sweeps ON sweeps.id = inbound_ids.sweep
    LEFT JOIN bulk_sweeps ON bulk_sweeps.sweep = sweeps.id
    WHERE inbound_ids.id = $1";
pub(super) const SWEEP: &str =
    "SELECT submitted_by, sweeps.received_at, row_count, inbound_ids.id, digest, bulk_sweeps.body,
        sealed_at
    FROM sweeps LEFT JOIN inbound_ids ON inbound_ids.id = sweeps.delivery
    LEFT JOIN bulk_sweeps ON bulk_sweeps.sweep = sweeps.id
    WHERE sweeps.id = $1";
const PERSON: &str = "SELECT person FROM identities WHERE identity = $1";

impl Dialect for Sqlite {
    /// Not a plain join: that one may begin with either table.
    const JOIN: &'static str = "CROSS JOIN";

    fn read_error(context: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
        store_error(context)
    }
}

/// Seats as a list of app, account, entitlement and holder.
pub(super) fn seat_list<'a>(seats: impl Iterator<Item = &'a Seat>) -> Result<String, sqlx::Error> {
    let parts = seats.map(|seat| (seat.app.id.as_str(), seat.account, seat.entitlement.as_str(), seat.holder));
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

pub(super) async fn chain(stream: Stream, db: impl SqliteExecutor<'_>) -> Result<Chain, sqlx::Error> {
    found::chain(stream, sqlx::query_as(CHAIN).bind(stream.to_string()).fetch_optional(db).await?)
}

pub(super) async fn row_counts(
    sweep: SweepId,
    db: impl SqliteExecutor<'_>,
) -> Result<BTreeMap<RowStatus, u64>, sqlx::Error> {
    let rows: Vec<(String, i64)> = sqlx::query_as(ROW_COUNTS).bind(sweep.to_string()).fetch_all(db).await?;
    rows.into_iter().map(|(status, count)| Ok((read(&status)?, to_count(count)?))).collect()
}

pub(super) async fn standings(
    sweep: SweepId,
    channel: &Channel,
    mode: Mode,
    db: impl SqliteExecutor<'_>,
) -> Result<Vec<StateTally>, sqlx::Error> {
    let query = sqlx::query_as(STANDINGS).bind(sweep.to_string());
    let query = query.bind(channel.as_str().to_owned()).bind(mode.label().to_owned());
    found::standings(query.fetch_all(db).await?)
}

pub(super) async fn sweep_of(inbound: &str, db: impl SqliteExecutor<'_>) -> Result<Option<SweepRecord>, sqlx::Error> {
    let row = sqlx::query_as(SWEEP_OF).bind(inbound.to_owned()).fetch_optional(db).await?;
    row.map(|row| found::delivery(inbound, row)).transpose()
}

pub(super) async fn sweep(id: SweepId, db: impl SqliteExecutor<'_>) -> Result<Option<SweepRecord>, sqlx::Error> {
    let row = sqlx::query_as(SWEEP).bind(id.to_string()).fetch_optional(db).await?;
    row.map(|row| found::sweep(id, row)).transpose()
}

pub(super) async fn person(identity: &Identity, db: impl SqliteExecutor<'_>) -> Result<Option<PersonRef>, sqlx::Error> {
    let person: Option<String> = sqlx::query_scalar(PERSON).bind(identity.to_string()).fetch_optional(db).await?;
    person.map(|person| read(&person)).transpose()
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
