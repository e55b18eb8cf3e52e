//! Questions by key that many callers ask at once: one statement answers all of them. It is a snapshot that was taken
//! after each of them asked.

use std::collections::BTreeMap;
use std::marker::PhantomData;

use seatgate_core::policy::Mode;
use seatgate_core::seat::Seat;
use sqlx::PgConnection;
use sqlx::postgres::PgRow;

use super::queue::Work;
use crate::found::{CardRow, DeliveryRow, SeatFound, StandingRow, StoredRow, SweepRow};

/// A question whose statement takes keys, `$1`, and gives one row for each of them, in their order.
pub(super) trait Question: Send + Sync + 'static {
    type Row: for<'r> sqlx::FromRow<'r, PgRow> + Send + Unpin + 'static;
    const CONTEXT: &'static str;
    const SQL: &'static str;
}

/// The keys that one caller asks about.
pub(super) struct Keys<Q> {
    keys: Vec<String>,
    question: PhantomData<fn() -> Q>,
}

impl<Q> Keys<Q> {
    pub(super) fn of<K: ToString>(keys: &[K]) -> Self {
        Self { keys: keys.iter().map(ToString::to_string).collect(), question: PhantomData }
    }
}

impl<Q: Question> Work for Keys<Q> {
    type Answer = Vec<Q::Row>;
    const CONTEXT: &'static str = Q::CONTEXT;
    const WRITES: bool = false;

    async fn perform(pieces: &[&Self], connection: &mut PgConnection) -> Result<Vec<Vec<Q::Row>>, sqlx::Error> {
        let keys: Vec<&str> = pieces.iter().flat_map(|piece| &piece.keys).map(String::as_str).collect();
        let rows = sqlx::query_as(Q::SQL).bind(keys).fetch_all(connection).await?;
        Ok(deal(rows, pieces.iter().map(|piece| piece.keys.len())))
    }
}

/// Each caller's rows, of all in their order.
pub(super) fn deal<R>(rows: Vec<R>, counts: impl Iterator<Item = usize>) -> Vec<Vec<R>> {
    let mut rows = rows.into_iter();
    counts.map(|count| rows.by_ref().take(count).collect()).collect()
}

/// Requests with the ends of their chains.
pub(super) struct Requests;

impl Question for Requests {
    type Row = StoredRow;
    const CONTEXT: &'static str = "loading requests";
    const SQL: &'static str = "SELECT requests.body, streams.version, streams.head
        FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place)
        LEFT JOIN requests ON requests.id = wanted.id
        LEFT JOIN streams ON streams.stream = requests.id
        ORDER BY place";
}

/// The ends of chains.
pub(super) struct Chains;

impl Question for Chains {
    type Row = (Option<i64>, Option<String>);
    const CONTEXT: &'static str = "reading the end of a chain";
    const SQL: &'static str = "SELECT version, head
        FROM unnest($1::text[]) WITH ORDINALITY AS wanted (stream, place)
        LEFT JOIN streams ON streams.stream = wanted.stream
        ORDER BY place";
}

/// Sweeps by delivery. Without one there is no id.
pub(super) struct Deliveries;

impl Question for Deliveries {
    type Row = Found<DeliveryRow>;
    const CONTEXT: &'static str = "looking for a delivery";
    const SQL: &'static str =
        "SELECT sweeps.id IS NOT NULL AS found, sweeps.id, submitted_by, inbound_ids.received_at, row_count, digest,
            first_row, bulk_sweeps.body, sealed_at
        FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place)
        LEFT JOIN inbound_ids ON inbound_ids.id = wanted.id
        LEFT JOIN sweeps ON sweeps.id = inbound_ids.sweep
        LEFT JOIN bulk_sweeps ON bulk_sweeps.sweep = sweeps.id
        ORDER BY place";
}

/// Sweeps by id.
pub(super) struct Sweeps;

impl Question for Sweeps {
    type Row = Found<SweepRow>;
    const CONTEXT: &'static str = "reading a sweep";
    const SQL: &'static str =
        "SELECT sweeps.id IS NOT NULL AS found, submitted_by, sweeps.received_at, row_count, inbound_ids.id, digest,
            bulk_sweeps.body, sealed_at
        FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place)
        LEFT JOIN sweeps ON sweeps.id = wanted.id
        LEFT JOIN inbound_ids ON inbound_ids.id = sweeps.delivery
        LEFT JOIN bulk_sweeps ON bulk_sweeps.sweep = sweeps.id
        ORDER BY place";
}

/// Whether people are known, their names, and what they are known by.
pub(super) struct Details;

impl Question for Details {
    type Row = (bool, Option<String>, String);
    const CONTEXT: &'static str = "reading people";
    const SQL: &'static str = "SELECT people.id IS NOT NULL, people.name,
            COALESCE((SELECT json_agg(identity ORDER BY number) FROM identities WHERE person = people.id), '[]')::text
        FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place) LEFT JOIN people ON people.id = wanted.id
        ORDER BY place";
}

/// The names of accounts, and whether the accounts are known.
pub(super) struct Names;

impl Question for Names {
    type Row = (Option<String>, Option<String>, Option<String>, bool);
    const CONTEXT: &'static str = "reading the names of accounts";
    const SQL: &'static str = "SELECT remaining.ext_id, remaining.email, remaining.name, remaining.id IS NOT NULL
        FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place)
        LEFT JOIN accounts ON accounts.id = wanted.id
        LEFT JOIN accounts AS remaining ON remaining.id = COALESCE(accounts.merged_into, accounts.id)
        ORDER BY place";
}

/// Texts.
pub(super) struct Texts;

impl Question for Texts {
    type Row = (Option<String>,);
    const CONTEXT: &'static str = "reading texts";
    const SQL: &'static str = "SELECT texts.body FROM unnest($1::text[]) WITH ORDINALITY AS wanted (id, place)
        LEFT JOIN texts ON texts.id = wanted.id ORDER BY place";
}

/// People by what they are known by.
pub(super) struct Identities;

impl Question for Identities {
    type Row = (Option<String>,);
    const CONTEXT: &'static str = "finding a person";
    const SQL: &'static str = "SELECT person FROM unnest($1::text[]) WITH ORDINALITY AS wanted (identity, place)
        LEFT JOIN identities ON identities.identity = wanted.identity ORDER BY place";
}

/// A row that may be absent: its first column, `found`, says so.
pub(super) struct Found<R>(pub(super) Option<R>);

macro_rules! found_rows {
    ($($row:ty => ($($column:literal),+);)+) => {$(
        impl sqlx::FromRow<'_, PgRow> for Found<$row> {
            fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
                use sqlx::Row as _;
                Ok(Self(if row.try_get(0)? { Some(($(row.try_get($column)?,)+)) } else { None }))
            }
        }
    )+};
}

found_rows! {
    DeliveryRow => (1, 2, 3, 4, 5, 6, 7, 8);
    SweepRow => (1, 2, 3, 4, 5, 6, 7);
}

/// A card, with the version that whoever writes it must know.
#[derive(Clone, sqlx::FromRow)]
pub(super) struct VersionedCard {
    #[sqlx(flatten)]
    pub(super) card: CardRow,
    pub(super) version: i64,
}

/// The cards that one caller asks about.
pub(super) struct CardsById(pub(super) Vec<String>);

const CARDS: &str =
    "SELECT cards.id, approver, sweep, channel, posted, copies, shown, delivered_at, delivered, page, ambiguous, version,
        COALESCE((SELECT json_agg(request ORDER BY request) FROM card_requests WHERE card = cards.id), '[]')::text
        AS requests
    FROM cards WHERE id = ANY ($1)";

impl Work for CardsById {
    /// Those that there are, in any order.
    type Answer = Vec<VersionedCard>;
    const CONTEXT: &'static str = "reading cards";
    const WRITES: bool = false;

    async fn perform(pieces: &[&Self], connection: &mut PgConnection) -> Result<Vec<Vec<VersionedCard>>, sqlx::Error> {
        let ids: Vec<&str> = pieces.iter().flat_map(|piece| &piece.0).map(String::as_str).collect();
        let rows: Vec<VersionedCard> = sqlx::query_as(CARDS).bind(ids).fetch_all(connection).await?;
        let found: BTreeMap<&str, &VersionedCard> = rows.iter().map(|row| (row.card.id(), row)).collect();
        let cards = |piece: &&Self| piece.0.iter().filter_map(|id| found.get(id.as_str()).copied().cloned()).collect();
        Ok(pieces.iter().map(cards).collect())
    }
}

/// How many of a sweep's rows ended how.
pub(super) struct RowCounts(pub(super) String);

impl Work for RowCounts {
    type Answer = Vec<(String, i64)>;
    const CONTEXT: &'static str = "counting a sweep's rows";
    const WRITES: bool = false;

    async fn perform(pieces: &[&Self], connection: &mut PgConnection) -> Result<Vec<Self::Answer>, sqlx::Error> {
        const SQL: &str = "SELECT place, status, count(*)
            FROM unnest($1::text[]) WITH ORDINALITY AS wanted (sweep, place) JOIN sweep_rows USING (sweep)
            GROUP BY place, status";
        let sweeps: Vec<&str> = pieces.iter().map(|piece| piece.0.as_str()).collect();
        let rows: Vec<(i64, String, i64)> = sqlx::query_as(SQL).bind(sweeps).fetch_all(connection).await?;
        Ok(by_place(pieces.len(), rows.into_iter().map(|(place, status, count)| (place, (status, count)))))
    }
}

/// How the requests of a sweep stand that a channel hears about.
pub(super) struct Standings {
    pub(super) sweep: String,
    pub(super) channel: String,
    pub(super) mode: Mode,
}

impl Work for Standings {
    type Answer = Vec<StandingRow>;
    const CONTEXT: &'static str = "counting a sweep's requests";
    const WRITES: bool = false;

    async fn perform(pieces: &[&Self], connection: &mut PgConnection) -> Result<Vec<Self::Answer>, sqlx::Error> {
        /// Costs are added up in two parts: no sum of theirs overflows.
        const SQL: &str = "SELECT place, state, outcome, currency, count(*), sum(cost / 1000000)::bigint,
                sum(cost % 1000000)::bigint
            FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS wanted (sweep, channel, mode, place)
            JOIN requests USING (sweep, channel, mode)
            GROUP BY place, state, outcome, currency";
        type Row = (i64, String, Option<String>, Option<String>, i64, Option<i64>, Option<i64>);
        let sweeps: Vec<&str> = pieces.iter().map(|piece| piece.sweep.as_str()).collect();
        let channels: Vec<&str> = pieces.iter().map(|piece| piece.channel.as_str()).collect();
        let modes: Vec<&str> = pieces.iter().map(|piece| piece.mode.label()).collect();
        let query = sqlx::query_as(SQL).bind(sweeps).bind(channels).bind(modes);
        let rows: Vec<Row> = query.fetch_all(connection).await?;
        let row = |(place, state, outcome, currency, count, millions, rest)| {
            (place, (state, outcome, currency, count, millions, rest))
        };
        Ok(by_place(pieces.len(), rows.into_iter().map(row)))
    }
}

/// Rows by the place of who asked, from 1.
fn by_place<R>(callers: usize, rows: impl Iterator<Item = (i64, R)>) -> Vec<Vec<R>> {
    let mut answers: Vec<Vec<R>> = std::iter::repeat_with(Vec::new).take(callers).collect();
    for (place, row) in rows {
        let place = usize::try_from(place).ok().and_then(|place| place.checked_sub(1));
        if let Some(answer) = place.and_then(|place| answers.get_mut(place)) {
            answer.push(row);
        }
    }
    answers
}

/// Seats that one caller asks about, as lists of apps, accounts, entitlements and holders.
#[derive(Default)]
pub(super) struct SeatLists {
    pub(super) apps: Vec<String>,
    pub(super) accounts: Vec<String>,
    pub(super) entitlements: Vec<String>,
    /// Nothing where nobody is known.
    pub(super) holders: Vec<Option<String>>,
}

impl SeatLists {
    pub(super) fn of<'a>(seats: impl IntoIterator<Item = &'a Seat>) -> Self {
        let mut lists = Self::default();
        for seat in seats {
            lists.apps.push(seat.app.id.as_str().to_owned());
            lists.accounts.push(seat.account.to_string());
            lists.entitlements.push(seat.entitlement.as_str().to_owned());
            lists.holders.push(seat.holder.map(|holder| holder.to_string()));
        }
        lists
    }
}

/// Whether seats are asked about.
pub(super) struct SeatRows(pub(super) SeatLists);

impl Work for SeatRows {
    type Answer = Vec<SeatFound>;
    const CONTEXT: &'static str = "reading seats";
    const WRITES: bool = false;

    async fn perform(pieces: &[&Self], connection: &mut PgConnection) -> Result<Vec<Self::Answer>, sqlx::Error> {
        // Whoever leaves stands among the seats, in no app.
        const SQL: &str = "SELECT COALESCE(seats.generation, 0), seats.open_request, seats.quiet_until, leaving.open_request
            FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY
                AS wanted (app, account, entitlement, holder, place)
            LEFT JOIN seats AS leaving ON leaving.app = '' AND leaving.account = wanted.holder AND leaving.entitlement = ''
            LEFT JOIN accounts ON accounts.id = wanted.account
            LEFT JOIN seats ON seats.app = wanted.app
                AND seats.account = COALESCE(accounts.merged_into, wanted.account)
                AND seats.entitlement = wanted.entitlement
            ORDER BY place";
        let [apps, accounts, entitlements] = columns(pieces.iter().map(|piece| &piece.0));
        let holders: Vec<Option<&str>> =
            pieces.iter().flat_map(|piece| piece.0.holders.iter().map(Option::as_deref)).collect();
        let query = sqlx::query_as(SQL).bind(apps).bind(accounts).bind(entitlements).bind(holders);
        Ok(deal(query.fetch_all(connection).await?, pieces.iter().map(|piece| piece.0.apps.len())))
    }
}

/// The exception that holds longest for each seat.
pub(super) struct ActiveExceptions {
    pub(super) seats: SeatLists,
    pub(super) now: i64,
}

impl Work for ActiveExceptions {
    /// Its body, and when it was revoked.
    type Answer = Vec<(Option<String>, Option<i64>)>;
    const CONTEXT: &'static str = "looking for exceptions";
    const WRITES: bool = false;

    async fn perform(pieces: &[&Self], connection: &mut PgConnection) -> Result<Vec<Self::Answer>, sqlx::Error> {
        const SQL: &str = "SELECT found.body, found.revoked_at
            FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) WITH ORDINALITY
                AS wanted (app, account, entitlement, now, place)
            LEFT JOIN accounts ON accounts.id = wanted.account
            LEFT JOIN LATERAL (
                SELECT body, revoked_at FROM exceptions
                WHERE app = wanted.app AND account = COALESCE(accounts.merged_into, wanted.account)
                AND entitlement = wanted.entitlement AND until > wanted.now AND revoked_at IS NULL
                ORDER BY until DESC, id DESC LIMIT 1) AS found ON true
            ORDER BY place";
        let [apps, accounts, entitlements] = columns(pieces.iter().map(|piece| &piece.seats));
        let nows = pieces.iter().flat_map(|piece| std::iter::repeat_n(piece.now, piece.seats.apps.len()));
        let query = sqlx::query_as(SQL).bind(apps).bind(accounts).bind(entitlements).bind(nows.collect::<Vec<_>>());
        Ok(deal(query.fetch_all(connection).await?, pieces.iter().map(|piece| piece.seats.apps.len())))
    }
}

fn columns<'a>(lists: impl Iterator<Item = &'a SeatLists> + Clone) -> [Vec<&'a str>; 3] {
    let column = |column: fn(&SeatLists) -> &Vec<String>| lists.clone().flat_map(column).map(String::as_str).collect();
    [column(|seats| &seats.apps), column(|seats| &seats.accounts), column(|seats| &seats.entitlements)]
}
