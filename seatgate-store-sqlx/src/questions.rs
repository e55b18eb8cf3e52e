//! What both databases are asked in the same words, and what is said where they do not answer. Each answer is one
//! statement, so it is one snapshot.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ops::Range;

use seatgate_core::agenda::Lane;
use seatgate_core::id::{DelegationId, ExceptionId, PersonRef, SweepId};
use seatgate_core::port::{
    AskedPerson, Batch, Delegation, Exception, Operator, RequestFilter, RowResult, StateCounts, StoreError,
};
use seatgate_core::request::{Request, StateLabel};
use seatgate_core::savings::Savings;
use seatgate_core::seat::AppId;
use seatgate_core::time::Timestamp;
use seatgate_core::trail::{Entry, Stream};
use sqlx::{ColumnIndex, Database, Decode, Encode, Executor, IntoArguments, QueryBuilder, Type};

use crate::directory::{self, DelegationRow};
use crate::found;
use crate::received;
use crate::row::{decode, from_count, from_limit, read, to_count, to_number};
use crate::savings::{LineRow, sums};

pub(crate) const ROWS: &str = "SELECT body FROM sweep_rows 
    WHERE sweep = $1 AND sweep_rows.row >= $2 AND sweep_rows.row < $3 ORDER BY sweep_rows.row";
pub(crate) const BATCHES: &str = "SELECT first_row, received_at, digests, texts FROM batches
    WHERE sweep = $1 AND next_row > $2 ORDER BY first_row LIMIT $3";
pub(crate) const OPENED: &str = "SELECT app, count(*) FROM requests WHERE sweep = $1 AND app IS NOT NULL GROUP BY app";
pub(crate) const FAILURES: &str = "SELECT failures FROM lanes WHERE lane = $1";
pub(crate) const ENTRIES: &str = "SELECT body, hash FROM events WHERE stream = $1 AND seq > $2 ORDER BY seq LIMIT $3";
pub(crate) const STREAMS: &str =
    "SELECT stream FROM streams WHERE stream > $1 AND version > 0 ORDER BY stream LIMIT $2";
pub(crate) const COUNTS: &str = "SELECT state, count(*) FROM requests GROUP BY state";
pub(crate) const COUNTS_OF: &str = "SELECT state, count(*) FROM request_asked WHERE person = $1 GROUP BY state";
pub(crate) const ASKED: &str = "SELECT person, count(*) FILTER (WHERE state = $1) FROM request_asked WHERE person > $2
    GROUP BY person ORDER BY person LIMIT $3";
/// In the order of an index, so nothing is sorted. Two sums, because one could be too large for a number.
pub(crate) const SAVINGS: &str = "SELECT month, app, standing, proof, effective_at, currency, count(*),
        CAST(sum(minor / 1000000) AS bigint), CAST(sum(minor % 1000000) AS bigint)
    FROM savings GROUP BY month, app, standing, proof, effective_at, currency";
pub(crate) const EXCEPTIONS: &str = "SELECT body, revoked_at FROM exceptions
    WHERE until > $1 AND revoked_at IS NULL AND id > $2 ORDER BY id LIMIT $3";

pub(crate) const OPERATORS: &str = "SELECT person, since FROM operators ORDER BY person";
pub(crate) const DELEGATION: &str = "SELECT id, giver, stand_in, starts_at, ends_at FROM delegations WHERE id = $1";
pub(crate) const DELEGATIONS: &str = "SELECT id, giver, stand_in, starts_at, ends_at FROM delegations
    WHERE (ends_at IS NULL OR ends_at > $1) AND id > $2 ORDER BY id LIMIT $3";
pub(crate) const PEOPLE: &str = "SELECT id FROM people WHERE id > $1 ORDER BY id LIMIT $2";

/// A database that is asked.
pub(crate) trait Dialect: Database<Arguments: IntoArguments<Self>> {
    /// How a table is joined to one that is to be read first.
    const JOIN: &'static str;

    /// What the ports say of a failure while reading for `context`.
    fn read_error(context: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError;
}

/// Asks a database: the pool, or one connection.
pub(crate) struct Questions<DB>(PhantomData<DB>);

impl<DB: Dialect> Questions<DB>
where
    String: Type<DB> + for<'v> Encode<'v, DB> + for<'v> Decode<'v, DB>,
    i64: Type<DB> + for<'v> Encode<'v, DB> + for<'v> Decode<'v, DB>,
    i32: Type<DB> + for<'v> Decode<'v, DB>,
    usize: ColumnIndex<DB::Row>,
{
    /// What was found for `context`, or why it was not.
    pub(crate) async fn reading<T>(
        context: &'static str,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        answer.await.map_err(DB::read_error(context))
    }

    pub(crate) async fn rows(
        sweep: SweepId,
        rows: Range<u32>,
        db: impl Executor<'_, Database = DB>,
    ) -> Result<Vec<RowResult>, StoreError> {
        Self::reading("reading a sweep's rows", async {
            let query = sqlx::query_scalar(ROWS).bind(sweep.to_string());
            let query = query.bind(i64::from(rows.start)).bind(i64::from(rows.end));
            let bodies: Vec<String> = query.fetch_all(db).await?;
            bodies.iter().map(|body| decode(body)).collect()
        })
        .await
    }

    pub(crate) async fn batches(
        sweep: SweepId,
        from: u32,
        limit: usize,
        db: impl Executor<'_, Database = DB>,
    ) -> Result<Vec<Batch>, StoreError> {
        Self::reading("reading batches of rows", async {
            let query = sqlx::query_as(BATCHES).bind(sweep.to_string()).bind(i64::from(from)).bind(from_limit(limit));
            let rows: Vec<received::Columns> = query.fetch_all(db).await?;
            rows.into_iter().map(|columns| received::batch(sweep, columns)).collect()
        })
        .await
    }

    pub(crate) async fn opened_by_app(
        sweep: SweepId,
        db: impl Executor<'_, Database = DB>,
    ) -> Result<BTreeMap<AppId, u64>, StoreError> {
        Self::reading("counting a sweep's requests", async {
            let rows: Vec<(String, i64)> = sqlx::query_as(OPENED).bind(sweep.to_string()).fetch_all(db).await?;
            rows.into_iter().map(|(app, count)| Ok((read(&app)?, to_count(count)?))).collect()
        })
        .await
    }

    pub(crate) async fn lane_failures(lane: &Lane, db: impl Executor<'_, Database = DB>) -> Result<u32, StoreError> {
        Self::reading("reading a lane", async {
            let failures: Option<i32> = sqlx::query_scalar(FAILURES).bind(lane.to_string()).fetch_optional(db).await?;
            to_number(failures.unwrap_or_default())
        })
        .await
    }

    pub(crate) async fn list(
        filter: &RequestFilter,
        db: impl Executor<'_, Database = DB>,
    ) -> Result<Vec<Request>, StoreError> {
        Self::reading("listing requests", async {
            let bodies: Vec<String> = Self::listing(filter).build_query_scalar().fetch_all(db).await?;
            bodies.iter().map(|body| decode(body)).collect()
        })
        .await
    }

    /// The statement of a list. What somebody was asked about is found through their own rows: those of all others, and
    /// the requests behind them, are not read.
    pub(crate) fn listing(filter: &RequestFilter) -> QueryBuilder<DB> {
        let mut sql = QueryBuilder::new("SELECT body FROM ");
        let id = match filter.asked {
            Some(person) => {
                sql.push("request_asked AS found ").push(DB::JOIN);
                sql.push(" requests ON requests.id = found.request WHERE found.person = ");
                sql.push_bind(person.to_string());
                "found.request"
            }
            None => {
                sql.push("requests AS found WHERE true");
                "found.id"
            }
        };
        if let Some(state) = filter.state {
            sql.push(" AND found.state = ").push_bind(state.label().to_owned());
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
        if let Some(person) = filter.holder {
            sql.push(" AND holder = ").push_bind(person.to_string());
        }
        if filter.offboarding {
            sql.push(" AND playbook IS NOT NULL");
        }
        if let Some(person) = filter.decided_by {
            sql.push(" AND decider = ").push_bind(person.to_string());
        }
        let order = if filter.newest { "DESC" } else { "ASC" };
        sql.push(format!(" ORDER BY {id} {order} LIMIT ")).push_bind(from_limit(filter.limit));
        sql
    }

    pub(crate) async fn count_by_state(
        asked: Option<PersonRef>,
        db: impl Executor<'_, Database = DB>,
    ) -> Result<StateCounts, StoreError> {
        Self::reading("counting requests", async {
            let query = match asked {
                Some(person) => sqlx::query_as(COUNTS_OF).bind(person.to_string()),
                None => sqlx::query_as(COUNTS),
            };
            let rows: Vec<(String, i64)> = query.fetch_all(db).await?;
            rows.into_iter().map(|(state, count)| Ok((read(&state)?, to_count(count)?))).collect()
        })
        .await
    }

    pub(crate) async fn asked_people(
        after: Option<PersonRef>,
        limit: usize,
        db: impl Executor<'_, Database = DB>,
    ) -> Result<Vec<AskedPerson>, StoreError> {
        Self::reading("listing who was asked", async {
            let query = sqlx::query_as(ASKED)
                .bind(StateLabel::AwaitingDecision.label().to_owned())
                .bind(after.map(|person| person.to_string()).unwrap_or_default())
                .bind(from_limit(limit));
            let rows: Vec<(String, i64)> = query.fetch_all(db).await?;
            rows.into_iter().map(|(person, waiting)| Ok(AskedPerson::new(read(&person)?, to_count(waiting)?))).collect()
        })
        .await
    }

    pub(crate) async fn entries(
        stream: Stream,
        after: u64,
        limit: usize,
        db: impl Executor<'_, Database = DB>,
    ) -> Result<Vec<Entry>, StoreError> {
        Self::reading("reading a trail", async {
            let query =
                sqlx::query_as(ENTRIES).bind(stream.to_string()).bind(from_count(after)).bind(from_limit(limit));
            found::entries(query.fetch_all(db).await?)
        })
        .await
    }

    pub(crate) async fn streams(
        after: Option<Stream>,
        limit: usize,
        db: impl Executor<'_, Database = DB>,
    ) -> Result<Vec<Stream>, StoreError> {
        Self::reading("listing the trail's streams", async {
            let after = after.map_or_else(String::new, |stream| stream.to_string());
            let names: Vec<String> =
                sqlx::query_scalar(STREAMS).bind(after).bind(from_limit(limit)).fetch_all(db).await?;
            names.iter().map(|name| read(name)).collect()
        })
        .await
    }

    pub(crate) async fn savings(now: Timestamp, db: impl Executor<'_, Database = DB>) -> Result<Savings, StoreError> {
        Self::reading("adding up the savings", async {
            let rows: Vec<LineRow> = sqlx::query_as(SAVINGS).fetch_all(db).await?;
            sums(rows, now)
        })
        .await
    }

    /// The exceptions that hold.
    pub(crate) async fn exceptions(
        now: Timestamp,
        after: Option<ExceptionId>,
        limit: usize,
        db: impl Executor<'_, Database = DB>,
    ) -> Result<Vec<Exception>, StoreError> {
        Self::reading("listing exceptions", async {
            let query = sqlx::query_as(EXCEPTIONS)
                .bind(now.as_micros())
                .bind(after.map(|id| id.to_string()).unwrap_or_default())
                .bind(from_limit(limit));
            Ok(found::exceptions(query.fetch_all(db).await?)?.into_iter().flatten().collect())
        })
        .await
    }

    pub(crate) async fn operators(db: impl Executor<'_, Database = DB>) -> Result<Vec<Operator>, StoreError> {
        Self::reading("listing operators", async {
            let rows: Vec<(String, i64)> = sqlx::query_as(OPERATORS).fetch_all(db).await?;
            rows.into_iter().map(directory::operator).collect()
        })
        .await
    }

    pub(crate) async fn delegation(
        id: DelegationId,
        db: impl Executor<'_, Database = DB>,
    ) -> Result<Option<Delegation>, StoreError> {
        Self::reading("reading a delegation", async {
            let row: Option<DelegationRow> = sqlx::query_as(DELEGATION).bind(id.to_string()).fetch_optional(db).await?;
            row.map(directory::delegation).transpose()
        })
        .await
    }

    /// The delegations that hold or will hold.
    pub(crate) async fn delegations(
        now: Timestamp,
        after: Option<DelegationId>,
        limit: usize,
        db: impl Executor<'_, Database = DB>,
    ) -> Result<Vec<Delegation>, StoreError> {
        Self::reading("listing delegations", async {
            let query = sqlx::query_as(DELEGATIONS)
                .bind(now.as_micros())
                .bind(after.map(|id| id.to_string()).unwrap_or_default())
                .bind(from_limit(limit));
            let rows: Vec<DelegationRow> = query.fetch_all(db).await?;
            rows.into_iter().map(directory::delegation).collect()
        })
        .await
    }

    pub(crate) async fn known_people(
        after: Option<PersonRef>,
        limit: usize,
        db: impl Executor<'_, Database = DB>,
    ) -> Result<Vec<PersonRef>, StoreError> {
        Self::reading("listing people", async {
            let after = after.map(|person| person.to_string()).unwrap_or_default();
            let ids: Vec<String> = sqlx::query_scalar(PEOPLE).bind(after).bind(from_limit(limit)).fetch_all(db).await?;
            directory::people(&ids)
        })
        .await
    }

    pub(crate) async fn owned(
        people: &[PersonRef],
        db: impl Executor<'_, Database = DB>,
    ) -> Result<Vec<Vec<AppId>>, StoreError> {
        Self::reading("listing owned apps", async {
            if people.is_empty() {
                return Ok(Vec::new());
            }
            let mut sql: QueryBuilder<DB> =
                QueryBuilder::new("SELECT DISTINCT person, app FROM app_owners WHERE person IN (");
            let mut list = sql.separated(", ");
            people.iter().for_each(|person| {
                list.push_bind(person.to_string());
            });
            sql.push(") ORDER BY person, app");
            let rows: Vec<(String, String)> = sql.build_query_as().fetch_all(db).await?;
            directory::owned(people, &rows)
        })
        .await
    }
}
