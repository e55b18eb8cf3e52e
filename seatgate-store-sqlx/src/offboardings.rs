//! The offboarding table, as both databases are asked for it.

use seatgate_core::policy::Mode;
use seatgate_core::port::{OffboardingFilter, OffboardingRow, StoreError};
use seatgate_core::request::TaskStatus;
use seatgate_core::time::Timestamp;
use sqlx::{ColumnIndex, Decode, Encode, Executor, FromRow, QueryBuilder, Type};

use crate::questions::{Dialect, Questions};
use crate::row::{from_limit, read, to_number, to_time};

const COLUMNS: &str = "SELECT found.id, found.holder, found.playbook, found.mode, found.opened_at, found.closed_at,
        found.outcome, tasks.id AS task, tasks.position, tasks.name, tasks.status, tasks.attempts,
        CAST(tasks.may_have_happened AS int) AS may_have_happened, tasks.proof, tasks.receipt, tasks.began_at,
        tasks.updated_at
    FROM requests AS found ";

/// One row of the table.
#[derive(FromRow)]
struct Row {
    id: String,
    holder: String,
    playbook: String,
    mode: String,
    opened_at: i64,
    closed_at: Option<i64>,
    outcome: Option<String>,
    task: String,
    position: i32,
    name: String,
    status: String,
    attempts: i32,
    may_have_happened: i32,
    proof: Option<String>,
    receipt: Option<String>,
    began_at: Option<i64>,
    updated_at: i64,
}

impl Row {
    fn found(self) -> Result<OffboardingRow, sqlx::Error> {
        let (request, task) = (read(&self.id)?, read(&self.task)?);
        let opened_at = Timestamp::from_micros(self.opened_at);
        let mut row = OffboardingRow::new(request, read(&self.holder)?, opened_at, task, read(&self.status)?);
        (row.playbook, row.mode, row.name) = (self.playbook, read(&self.mode)?, self.name);
        row.closed_at = to_time(self.closed_at);
        row.outcome = self.outcome.map(|outcome| read(&outcome)).transpose()?;
        row.position = to_number(self.position)?;
        row.attempts = to_number(self.attempts)?;
        row.may_have_happened = self.may_have_happened != 0;
        row.proof = self.proof.map(|proof| read(&proof)).transpose()?;
        let said = self.receipt.map(|said| read(&said)).transpose()?;
        (row.receipt, row.left_out) = if row.status == TaskStatus::Done { (said, None) } else { (None, said) };
        row.began_at = to_time(self.began_at);
        row.changed_at = Timestamp::from_micros(self.updated_at);
        Ok(row)
    }
}

impl<DB: Dialect> Questions<DB>
where
    String: Type<DB> + for<'v> Encode<'v, DB> + for<'v> Decode<'v, DB>,
    i64: Type<DB> + for<'v> Encode<'v, DB> + for<'v> Decode<'v, DB>,
    i32: Type<DB> + for<'v> Encode<'v, DB> + for<'v> Decode<'v, DB>,
    usize: ColumnIndex<DB::Row>,
    for<'c> &'c str: ColumnIndex<DB::Row>,
{
    pub(crate) async fn offboardings(
        filter: &OffboardingFilter,
        db: impl Executor<'_, Database = DB>,
    ) -> Result<Vec<OffboardingRow>, StoreError> {
        Self::reading("reading the offboarding table", async {
            let rows: Vec<Row> = table(filter).build_query_as().fetch_all(db).await?;
            rows.into_iter().map(Row::found).collect()
        })
        .await
    }
}

/// The statement of the table. Requests come first: only offboardings are looked at, and of them only those that fit.
fn table<DB: Dialect>(filter: &OffboardingFilter) -> QueryBuilder<DB>
where
    String: Type<DB> + for<'v> Encode<'v, DB>,
    i64: Type<DB> + for<'v> Encode<'v, DB>,
    i32: Type<DB> + for<'v> Encode<'v, DB>,
{
    let mut sql = QueryBuilder::new(COLUMNS);
    sql.push(DB::JOIN).push(" tasks ON tasks.request = found.id WHERE found.playbook IS NOT NULL");
    if let Some(person) = filter.person {
        sql.push(" AND found.holder = ").push_bind(person.to_string());
    }
    if let Some(from) = filter.from {
        sql.push(" AND found.opened_at >= ").push_bind(from.as_micros());
    }
    if let Some(to) = filter.to {
        sql.push(" AND found.opened_at < ").push_bind(to.as_micros());
    }
    if filter.open {
        sql.push(" AND found.closed_at IS NULL AND found.mode = ").push_bind(Mode::Live.label().to_owned());
    }
    if let Some(status) = filter.result {
        sql.push(" AND tasks.status = ").push_bind(status.label().to_owned());
    }
    if let Some((request, position)) = filter.after {
        sql.push(" AND (found.id, tasks.position) > (").push_bind(request.to_string());
        sql.push(", ").push_bind(i32::try_from(position).unwrap_or(i32::MAX)).push(")");
    }
    sql.push(" ORDER BY found.id, tasks.position LIMIT ").push_bind(from_limit(filter.limit));
    sql
}
