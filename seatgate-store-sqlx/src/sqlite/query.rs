//! Everything that only reads. Each answer is one statement, so it is one snapshot.

use std::collections::BTreeMap;

use seatgate_core::agenda::Lane;
use seatgate_core::card::Card;
use seatgate_core::id::{CardId, PersonRef, RequestId, SweepId};
use seatgate_core::message::Standing;
use seatgate_core::policy::Mode;
use seatgate_core::port::{
    AgendaDepth, AskedPerson, RequestFilter, RowResult, RowStatus, SeatStatusRow, StateCounts, Stored, SweepRecord,
};
use seatgate_core::request::{Request, StateLabel};
use seatgate_core::seat::{Channel, Seat};
use seatgate_core::time::Timestamp;
use seatgate_core::trail::{Chain, Entry, Stream};
use sqlx::{QueryBuilder, Sqlite, SqliteExecutor};

use crate::found::{self, CardRow};
use crate::row::{decode, from_count, from_limit, json, read, to_count, to_time};

const LOAD: &str = "SELECT requests.body, streams.version, streams.head
    FROM json_each($1) AS wanted
    LEFT JOIN requests ON requests.id = wanted.value
    LEFT JOIN streams ON streams.stream = requests.id
    ORDER BY wanted.key";
const CHAIN: &str = "SELECT version, head FROM streams WHERE stream = $1";
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
const ROW_COUNTS: &str = "SELECT status, count(*) FROM sweep_rows WHERE sweep = $1 GROUP BY status";
/// Costs are added up in two parts: no sum of theirs overflows.
const STANDINGS: &str =
    "SELECT state, outcome, currency, count(*), sum(cost / 1000000), sum(cost % 1000000) FROM requests
    WHERE sweep = $1 AND channel = $2 AND mode = $3 GROUP BY state, outcome, currency";
const SWEEP_OF: &str = "SELECT sweeps.id, submitted_by, inbound_ids.received_at, row_count, digest, first_row
    FROM inbound_ids JOIN sweeps ON sweeps.id = inbound_ids.sweep
    WHERE inbound_ids.id = $1";
const SWEEP: &str = "SELECT submitted_by, sweeps.received_at, row_count, inbound_ids.id, digest
    FROM sweeps LEFT JOIN inbound_ids ON inbound_ids.id = sweeps.delivery
    WHERE sweeps.id = $1";
const ROWS: &str = "SELECT body FROM sweep_rows WHERE sweep = $1 ORDER BY row";
const FAILURES: &str = "SELECT failures FROM lanes WHERE lane = $1";
const ENTRIES: &str = "SELECT body, hash FROM events WHERE stream = $1 AND seq > $2 ORDER BY seq LIMIT $3";
const STREAMS: &str = "SELECT stream FROM streams WHERE stream > $1 AND version > 0 ORDER BY stream LIMIT $2";
const COUNTS: &str = "SELECT state, count(*) FROM requests GROUP BY state";
const COUNTS_OF: &str = "SELECT state, count(*) FROM request_asked WHERE person = $1 GROUP BY state";
const ASKED: &str = "SELECT person, count(*) FILTER (WHERE state = $1) FROM request_asked WHERE person > $2
    GROUP BY person ORDER BY person LIMIT $3";
/// $1 the caller's now, $2 the store's, $3 whether removals are open.
const DEPTH: &str = "SELECT (SELECT count(*) FROM agenda), (SELECT count(*) FROM agenda WHERE due <= $1), (
        SELECT due FROM agenda
        WHERE due <= $1 AND (lease_until IS NULL OR lease_until <= $2)
        AND NOT (gated AND lane IS NOT NULL AND (
            (NOT $3 AND lane LIKE 'removals/%') OR lane IN (SELECT lane FROM lanes WHERE not_before > $1)))
        ORDER BY due LIMIT 1)";

/// Seats as a list of app, account and entitlement.
pub(super) fn seat_list<'a>(seats: impl Iterator<Item = &'a Seat>) -> Result<String, sqlx::Error> {
    let parts = seats.map(|seat| (seat.app.id.as_str(), seat.account, seat.entitlement.as_str()));
    json(&parts.collect::<Vec<_>>())
}

pub(super) async fn load(ids: &[RequestId], db: impl SqliteExecutor<'_>) -> Result<Vec<Option<Stored>>, sqlx::Error> {
    found::stored(ids, sqlx::query_as(LOAD).bind(json(ids)?).fetch_all(db).await?)
}

pub(super) async fn chain(stream: Stream, db: impl SqliteExecutor<'_>) -> Result<Chain, sqlx::Error> {
    found::chain(stream, sqlx::query_as(CHAIN).bind(stream.to_string()).fetch_optional(db).await?)
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
) -> Result<Vec<Standing>, sqlx::Error> {
    let query = sqlx::query_as(STANDINGS).bind(sweep.to_string()).bind(channel.as_str()).bind(mode.label());
    found::standings(query.fetch_all(db).await?)
}

pub(super) async fn sweep_of(inbound: &str, db: impl SqliteExecutor<'_>) -> Result<Option<SweepRecord>, sqlx::Error> {
    let row = sqlx::query_as(SWEEP_OF).bind(inbound).fetch_optional(db).await?;
    row.map(|row| found::delivery(inbound, row)).transpose()
}

pub(super) async fn sweep(id: SweepId, db: impl SqliteExecutor<'_>) -> Result<Option<SweepRecord>, sqlx::Error> {
    let row = sqlx::query_as(SWEEP).bind(id.to_string()).fetch_optional(db).await?;
    row.map(|row| found::sweep(id, row)).transpose()
}

pub(super) async fn rows(sweep: SweepId, db: impl SqliteExecutor<'_>) -> Result<Vec<RowResult>, sqlx::Error> {
    let bodies: Vec<String> = sqlx::query_scalar(ROWS).bind(sweep.to_string()).fetch_all(db).await?;
    bodies.iter().map(|body| decode(body)).collect()
}

pub(super) async fn lane_failures(lane: &Lane, db: impl SqliteExecutor<'_>) -> Result<u32, sqlx::Error> {
    let failures = sqlx::query_scalar(FAILURES).bind(lane.to_string()).fetch_optional(db).await?;
    Ok(failures.unwrap_or_default())
}

pub(super) async fn list(filter: &RequestFilter, db: impl SqliteExecutor<'_>) -> Result<Vec<Request>, sqlx::Error> {
    let bodies: Vec<String> = listing(filter).build_query_scalar().fetch_all(db).await?;
    bodies.iter().map(|body| decode(body)).collect()
}

/// The statement of a list. What somebody was asked about is found through their own rows: those of all others, and the
/// requests behind them, are not read.
pub(super) fn listing(filter: &RequestFilter) -> QueryBuilder<Sqlite> {
    let mut sql = QueryBuilder::new(match filter.asked {
        Some(_) => "SELECT body FROM request_asked AS found CROSS JOIN requests ON requests.id = found.request",
        None => "SELECT body FROM requests AS found",
    });
    let id = match filter.asked {
        Some(person) => {
            sql.push(" WHERE found.person = ").push_bind(person.to_string());
            "found.request"
        }
        None => {
            sql.push(" WHERE true");
            "found.id"
        }
    };
    if let Some(state) = filter.state {
        sql.push(" AND found.state = ").push_bind(state.label());
    }
    if let Some(at) = filter.kept_beyond {
        sql.push(" AND found.kept_until > ").push_bind(at.as_micros());
    }
    if let Some(person) = filter.not_asked {
        sql.push(format!(" AND NOT EXISTS (SELECT 1 FROM request_asked WHERE request_asked.request = {id}"));
        sql.push(" AND request_asked.person = ").push_bind(person.to_string()).push(")");
    }
    if let Some(after) = filter.after {
        let later = if filter.newest { "<" } else { ">" };
        sql.push(format!(" AND {id} {later} ")).push_bind(after.to_string());
    }
    if let Some(person) = filter.decided_by {
        sql.push(" AND decider = ").push_bind(person.to_string());
    }
    let order = if filter.newest { "DESC" } else { "ASC" };
    sql.push(format!(" ORDER BY {id} {order} LIMIT ")).push_bind(from_limit(filter.limit));
    sql
}

pub(super) async fn count_by_state(
    asked: Option<PersonRef>,
    db: impl SqliteExecutor<'_>,
) -> Result<StateCounts, sqlx::Error> {
    let query = match asked {
        Some(person) => sqlx::query_as(COUNTS_OF).bind(person.to_string()),
        None => sqlx::query_as(COUNTS),
    };
    let rows: Vec<(String, i64)> = query.fetch_all(db).await?;
    rows.into_iter().map(|(state, count)| Ok((read(&state)?, to_count(count)?))).collect()
}

pub(super) async fn asked_people(
    after: Option<PersonRef>,
    limit: usize,
    db: impl SqliteExecutor<'_>,
) -> Result<Vec<AskedPerson>, sqlx::Error> {
    let query = sqlx::query_as(ASKED)
        .bind(StateLabel::AwaitingDecision.label())
        .bind(after.map(|person| person.to_string()).unwrap_or_default())
        .bind(from_limit(limit));
    let rows: Vec<(String, i64)> = query.fetch_all(db).await?;
    rows.into_iter().map(|(person, waiting)| Ok(AskedPerson::new(read(&person)?, to_count(waiting)?))).collect()
}

pub(super) async fn entries(
    stream: Stream,
    after: u64,
    limit: usize,
    db: impl SqliteExecutor<'_>,
) -> Result<Vec<Entry>, sqlx::Error> {
    let query = sqlx::query_as(ENTRIES).bind(stream.to_string()).bind(from_count(after)).bind(from_limit(limit));
    found::entries(query.fetch_all(db).await?)
}

pub(super) async fn streams(
    after: Option<Stream>,
    limit: usize,
    db: impl SqliteExecutor<'_>,
) -> Result<Vec<Stream>, sqlx::Error> {
    let after = after.map_or_else(String::new, |stream| stream.to_string());
    let names: Vec<String> = sqlx::query_scalar(STREAMS).bind(after).bind(from_limit(limit)).fetch_all(db).await?;
    names.iter().map(|name| read(name)).collect()
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
