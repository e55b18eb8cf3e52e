//! What only reads, in the words of this database. Each answer is one statement, so it is one snapshot.

use std::collections::BTreeMap;

use seatgate_core::card::Card;
use seatgate_core::id::{CardId, RequestId};
use seatgate_core::port::{AgendaDepth, SeatStatusRow, Stored};
use seatgate_core::seat::Seat;
use seatgate_core::time::Timestamp;
use sqlx::{PgPool, Postgres};

use crate::found::{self, CardRow};
use crate::questions::Dialect;
use crate::row::{to_count, to_time};

const LOAD: &str = "SELECT requests.body, streams.version, streams.head
    FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place)
    LEFT JOIN requests ON requests.id = wanted.id
    LEFT JOIN streams ON streams.stream = requests.id
    ORDER BY place";
const SEATS: &str = "SELECT COALESCE(seats.generation, 0), seats.open_request
    FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted (app, account, entitlement, place)
    LEFT JOIN accounts ON accounts.id = wanted.account
    LEFT JOIN seats ON seats.app = wanted.app
        AND seats.account = COALESCE(accounts.merged_into, wanted.account)
        AND seats.entitlement = wanted.entitlement
    ORDER BY place";
const CARDS: &str =
    "SELECT cards.id, approver, sweep, channel, posted, copies, shown, delivered_at, delivered, page, ambiguous, version,
        COALESCE((SELECT json_agg(request ORDER BY request) FROM card_requests WHERE card = cards.id), '[]')::text
        AS requests
    FROM cards WHERE id = ANY ($1)";
/// $1 the caller's now, $2 the lease clock's if it is not the database's, $3 whether removals are open.
const DEPTH: &str = "SELECT (SELECT count(*) FROM agenda), (SELECT count(*) FROM agenda WHERE due <= $1), (
        SELECT due FROM agenda, lease_clock($2) AS lease_now
        WHERE due <= $1 AND (lease_until IS NULL OR lease_until <= lease_now)
        AND NOT (gated AND lane IS NOT NULL AND (
            (NOT $3 AND lane LIKE 'removals/%') OR lane IN (SELECT lane FROM lanes WHERE not_before > $1)))
        ORDER BY due LIMIT 1)";

impl Dialect for Postgres {
    const JOIN: &'static str = "JOIN";
}

/// Seats as lists of apps, accounts and entitlements.
pub(super) fn seat_lists<'a>(seats: impl Iterator<Item = &'a Seat>) -> (Vec<String>, Vec<String>, Vec<String>) {
    let parts =
        |seat: &Seat| (seat.app.id.as_str().to_owned(), seat.account.to_string(), seat.entitlement.as_str().to_owned());
    seats.map(parts).collect()
}

/// Ids as they are stored.
pub(super) fn texts<T: ToString>(ids: &[T]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

pub(super) async fn load(ids: &[RequestId], db: &PgPool) -> Result<Vec<Option<Stored>>, sqlx::Error> {
    found::stored(ids, sqlx::query_as(LOAD).bind(texts(ids)).fetch_all(db).await?)
}

pub(super) async fn seats(seats: &[Seat], db: &PgPool) -> Result<Vec<SeatStatusRow>, sqlx::Error> {
    let (apps, accounts, entitlements) = seat_lists(seats.iter());
    found::seats(sqlx::query_as(SEATS).bind(apps).bind(accounts).bind(entitlements).fetch_all(db).await?)
}

#[derive(sqlx::FromRow)]
struct VersionedCard {
    #[sqlx(flatten)]
    card: CardRow,
    version: i64,
}

/// Cards with the versions that whoever writes them must know.
pub(super) async fn versioned_cards(ids: &[CardId], db: &PgPool) -> Result<BTreeMap<CardId, (Card, i64)>, sqlx::Error> {
    let rows: Vec<VersionedCard> = sqlx::query_as(CARDS).bind(texts(ids)).fetch_all(db).await?;
    let card = |row: VersionedCard| row.card.card().map(|card| (card.id, (card, row.version)));
    rows.into_iter().map(card).collect()
}

pub(super) async fn cards(ids: &[CardId], db: &PgPool) -> Result<Vec<Option<Card>>, sqlx::Error> {
    let mut cards = versioned_cards(ids, db).await?;
    Ok(ids.iter().map(|id| cards.remove(id).map(|(card, _)| card)).collect())
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
