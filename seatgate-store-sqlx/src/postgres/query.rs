//! Lists and sums. Each answer is one statement, so it is one snapshot.

use seatgate_core::agenda::Lane;
use seatgate_core::id::{PersonRef, SweepId};
use seatgate_core::port::{AgendaDepth, AskedPerson, RequestFilter, RowResult, StateCounts};
use seatgate_core::request::{Request, StateLabel};
use seatgate_core::savings::Savings;
use seatgate_core::time::Timestamp;
use seatgate_core::trail::{Entry, Stream};
use sqlx::{PgPool, Postgres, QueryBuilder};

use crate::found;
use crate::row::{decode, from_count, from_limit, read, to_count, to_number, to_time};
use crate::savings::{LineRow, sums};

const ROWS: &str = "SELECT body FROM sweep_rows WHERE sweep = $1 ORDER BY sweep_rows.row";
const FAILURES: &str = "SELECT failures FROM lanes WHERE lane = $1";
const ENTRIES: &str = "SELECT body, hash FROM events WHERE stream = $1 AND seq > $2 ORDER BY seq LIMIT $3";
const STREAMS: &str = "SELECT stream FROM streams WHERE stream > $1 AND version > 0 ORDER BY stream LIMIT $2";
const COUNTS: &str = "SELECT state, count(*) FROM requests GROUP BY state";
const COUNTS_OF: &str = "SELECT state, count(*) FROM request_asked WHERE person = $1 GROUP BY state";
const ASKED: &str = "SELECT person, count(*) FILTER (WHERE state = $1) FROM request_asked WHERE person > $2
    GROUP BY person ORDER BY person LIMIT $3";
/// $1 the caller's now, $2 the lease clock's if it is not the database's, $3 whether removals are open.
const DEPTH: &str = "SELECT (SELECT count(*) FROM agenda), (SELECT count(*) FROM agenda WHERE due <= $1), (
        SELECT due FROM agenda, lease_clock($2) AS lease_now
        WHERE due <= $1 AND (lease_until IS NULL OR lease_until <= lease_now)
        AND NOT (gated AND lane IS NOT NULL AND (
            (NOT $3 AND lane LIKE 'removals/%') OR lane IN (SELECT lane FROM lanes WHERE not_before > $1)))
        ORDER BY due LIMIT 1)";
const SAVINGS: &str = "SELECT month, app, standing, proof, effective_at, currency, count(*),
        sum(minor / 1000000)::bigint, sum(minor % 1000000)::bigint
    FROM savings GROUP BY month, app, standing, proof, effective_at, currency";

pub(super) async fn rows(sweep: SweepId, db: &PgPool) -> Result<Vec<RowResult>, sqlx::Error> {
    let bodies: Vec<String> = sqlx::query_scalar(ROWS).bind(sweep.to_string()).fetch_all(db).await?;
    bodies.iter().map(|body| decode(body)).collect()
}

pub(super) async fn lane_failures(lane: &Lane, db: &PgPool) -> Result<u32, sqlx::Error> {
    let failures: Option<i32> = sqlx::query_scalar(FAILURES).bind(lane.to_string()).fetch_optional(db).await?;
    to_number(failures.unwrap_or_default())
}

pub(super) async fn list(filter: &RequestFilter, db: &PgPool) -> Result<Vec<Request>, sqlx::Error> {
    let bodies: Vec<String> = listing(filter).build_query_scalar().fetch_all(db).await?;
    bodies.iter().map(|body| decode(body)).collect()
}

/// The statement of a list. What somebody was asked about is found through their own rows: those of all others, and the
/// requests behind them, are not read.
pub(super) fn listing(filter: &RequestFilter) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new(match filter.asked {
        Some(_) => "SELECT body FROM request_asked AS found JOIN requests ON requests.id = found.request",
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

pub(super) async fn count_by_state(asked: Option<PersonRef>, db: &PgPool) -> Result<StateCounts, sqlx::Error> {
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
    db: &PgPool,
) -> Result<Vec<AskedPerson>, sqlx::Error> {
    let query = sqlx::query_as(ASKED)
        .bind(StateLabel::AwaitingDecision.label())
        .bind(after.map(|person| person.to_string()).unwrap_or_default())
        .bind(from_limit(limit));
    let rows: Vec<(String, i64)> = query.fetch_all(db).await?;
    rows.into_iter().map(|(person, waiting)| Ok(AskedPerson::new(read(&person)?, to_count(waiting)?))).collect()
}

pub(super) async fn entries(stream: Stream, after: u64, limit: usize, db: &PgPool) -> Result<Vec<Entry>, sqlx::Error> {
    let query = sqlx::query_as(ENTRIES).bind(stream.to_string()).bind(from_count(after)).bind(from_limit(limit));
    found::entries(query.fetch_all(db).await?)
}

pub(super) async fn streams(after: Option<Stream>, limit: usize, db: &PgPool) -> Result<Vec<Stream>, sqlx::Error> {
    let after = after.map_or_else(String::new, |stream| stream.to_string());
    let names: Vec<String> = sqlx::query_scalar(STREAMS).bind(after).bind(from_limit(limit)).fetch_all(db).await?;
    names.iter().map(|name| read(name)).collect()
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

pub(super) async fn savings(now: Timestamp, db: &PgPool) -> Result<Savings, sqlx::Error> {
    let rows: Vec<LineRow> = sqlx::query_as(SAVINGS).fetch_all(db).await?;
    sums(rows, now)
}
