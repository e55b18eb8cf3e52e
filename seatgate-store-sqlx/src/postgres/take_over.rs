//! Filling an empty database, whole or not at all.

use seatgate_core::port::StoreError;
use seatgate_core::time::Timestamp;
use seatgate_core::trail::{Chain, Entry, Stream};
use sqlx::{AssertSqlSafe, Executor as _, Postgres, Transaction};

use super::PgStore;
use super::error::{store_error, write_error};
use crate::migrate::{MigrateError, TABLES, TrailCheck};
use crate::row::{from_count, read, to_count};

const FILLING: &str = "filling the database";
const CHECKING: &str = "checking what arrived";
/// So many entries are in memory at once.
const PAGE: i64 = 500;
/// Filling large tables, and the pauses between their pages, take as long as they take.
const PATIENT: &str = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";
/// What leaves an item to the next claim, and lets that see that a lease was lost.
const END_LEASES: &str = "UPDATE agenda SET lease_until = $1 WHERE lease_until IS NOT NULL";
const GO_ON_TOKENS: &str = "SELECT setval('agenda_token', greatest($1, 1), $1 > 0)";
const GO_ON_IDENTITIES: &str = "SELECT setval(pg_get_serial_sequence('identities', 'number'), greatest(max(number), 1),
        max(number) IS NOT NULL) FROM identities";
const ENTRIES: &str = "SELECT stream, seq, body, hash FROM events WHERE (stream, seq) > ($1, $2)
    ORDER BY stream, seq LIMIT $3";
const ENDS: &str = "SELECT stream, version, head FROM streams WHERE stream = ANY ($1)";
const STREAMS: &str = "SELECT count(*) FROM streams WHERE version > 0";

/// A database that takes everything over, in one transaction.
pub(crate) struct TakeOver {
    transaction: Transaction<'static, Postgres>,
}

impl PgStore {
    /// Takes every table for itself, if all are empty.
    pub(crate) async fn take_over(&self) -> Result<TakeOver, MigrateError> {
        let mut transaction = self.pool.begin().await.map_err(store_error(FILLING))?;
        transaction.execute(PATIENT).await.map_err(store_error(FILLING))?;
        let tables: Vec<&str> = tables().collect();
        let lock = AssertSqlSafe(format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", ")));
        transaction.execute(lock).await.map_err(store_error("locking the tables to be filled"))?;
        for table in tables {
            let some = AssertSqlSafe(format!("SELECT EXISTS (SELECT FROM {table})"));
            if sqlx::query_scalar(some).fetch_one(&mut *transaction).await.map_err(store_error(FILLING))? {
                return Err(MigrateError::NotEmpty { table });
            }
        }
        Ok(TakeOver { transaction })
    }
}

/// The tables here. The last token is no table but a sequence.
fn tables() -> impl Iterator<Item = &'static str> {
    TABLES.into_iter().filter(|table| *table != "agenda_token")
}

impl TakeOver {
    /// Adds rows to a table.
    pub(crate) async fn take(
        &mut self,
        table: &str,
        columns: &[String],
        rows: &[Vec<Option<String>>],
    ) -> Result<(), StoreError> {
        self.copy_in(table, columns, rows).await.map_err(store_error(FILLING))
    }

    async fn copy_in(
        &mut self,
        table: &str,
        columns: &[String],
        rows: &[Vec<Option<String>>],
    ) -> Result<(), sqlx::Error> {
        let columns: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
        let statement = format!("COPY {table} ({}) FROM STDIN", columns.join(", "));
        let mut copy = self.transaction.copy_in_raw(&statement).await?;
        copy.send(lines(rows).into_bytes()).await?;
        copy.finish().await.map(|_| ())
    }

    /// Ends leases that nobody here holds, and goes on with tokens and numbers after the last ones given.
    pub(crate) async fn continue_numbers(&mut self, last_token: u64) -> Result<(), StoreError> {
        let failed = || store_error(FILLING);
        let end = sqlx::query(END_LEASES).bind(Timestamp::MIN.as_micros());
        end.execute(&mut *self.transaction).await.map_err(failed())?;
        let tokens = sqlx::query(GO_ON_TOKENS).bind(from_count(last_token));
        tokens.execute(&mut *self.transaction).await.map_err(failed())?;
        sqlx::query(GO_ON_IDENTITIES).execute(&mut *self.transaction).await.map_err(failed())?;
        // Filled at once, the tables have no statistics yet, and the first servers would plan without them.
        let tables: Vec<&str> = tables().collect();
        let analyze = AssertSqlSafe(format!("ANALYZE {}", tables.join(", ")));
        self.transaction.execute(analyze).await.map_err(failed()).map(|_| ())
    }

    /// How many rows a table has.
    pub(crate) async fn count(&mut self, table: &str) -> Result<u64, StoreError> {
        let count = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let count = sqlx::query_scalar(count).fetch_one(&mut *self.transaction).await.and_then(to_count);
        count.map_err(store_error(CHECKING))
    }

    /// Verifies every chain from its first entry to the end that its stream names. Answers how many chains and entries
    /// there are; on the way, how many entries were seen.
    pub(crate) async fn check_trail(&mut self, mut seen: impl FnMut(u64) + Send) -> Result<(u64, u64), MigrateError> {
        let mut check = TrailCheck::default();
        let (mut stream, mut seq) = (String::new(), 0);
        loop {
            let page = self.entries(&stream, seq).await.map_err(store_error(CHECKING))?;
            let Some((last, ..)) = page.last() else { break };
            (stream, seq) = last.clone();
            let mut ended = Vec::new();
            for ((name, _), entry) in &page {
                let stream: Stream = read(name).map_err(store_error(CHECKING))?;
                ended.extend(check.follow(stream, entry)?);
            }
            self.check_ends(ended).await?;
            seen(check.entries);
        }
        self.check_ends(Vec::from_iter(check.last())).await?;
        let streams = sqlx::query_scalar(STREAMS).fetch_one(&mut *self.transaction).await.and_then(to_count);
        match streams.map_err(store_error(CHECKING))? {
            streams if streams == check.streams => Ok((streams, check.entries)),
            found => Err(MigrateError::Differs { table: "streams", sent: check.streams, found }),
        }
    }

    async fn entries(&mut self, stream: &str, seq: i64) -> Result<Vec<((String, i64), Entry)>, sqlx::Error> {
        type Row = (String, i64, String, String);
        let query = sqlx::query_as(ENTRIES).bind(stream).bind(seq).bind(PAGE);
        let rows: Vec<Row> = query.fetch_all(&mut *self.transaction).await?;
        let entry = |(stream, seq, body, hash): Row| {
            let entry = Entry::from_stored(body, read(&hash)?).map_err(|error| sqlx::Error::Decode(error.into()))?;
            Ok(((stream, seq), entry))
        };
        rows.into_iter().map(entry).collect()
    }

    async fn check_ends(&mut self, ended: Vec<Chain>) -> Result<(), MigrateError> {
        let names: Vec<String> = ended.iter().map(|chain| chain.stream.to_string()).collect();
        let rows = sqlx::query_as(ENDS).bind(&names).fetch_all(&mut *self.transaction).await;
        let rows: Vec<(String, i64, String)> = rows.map_err(store_error(CHECKING))?;
        for chain in ended {
            let end = (chain.stream.to_string(), from_count(chain.version), chain.head.to_string());
            if !rows.contains(&end) {
                return Err(MigrateError::End { stream: end.0 });
            }
        }
        Ok(())
    }

    /// Keeps everything.
    pub(crate) async fn keep(self) -> Result<(), StoreError> {
        self.transaction.commit().await.map_err(write_error("keeping what was moved"))
    }
}

/// Rows as `COPY` reads them.
fn lines(rows: &[Vec<Option<String>>]) -> String {
    let mut lines = String::new();
    for row in rows {
        for (place, value) in row.iter().enumerate() {
            if place > 0 {
                lines.push('\t');
            }
            match value {
                None => lines.push_str("\\N"),
                Some(text) => text.chars().for_each(|c| push(c, &mut lines)),
            }
        }
        lines.push('\n');
    }
    lines
}

fn push(c: char, line: &mut String) {
    match c {
        '\\' => line.push_str("\\\\"),
        '\n' => line.push_str("\\n"),
        '\r' => line.push_str("\\r"),
        '\t' => line.push_str("\\t"),
        plain => line.push(plain),
    }
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn no_value_is_taken_for_another_one_or_for_the_end_of_its_row() {
        let row = ["a\tb", "\\N", "c\nd\r", "\\.", ""].map(|text| Some(text.to_owned()));
        let rows = [row.to_vec(), vec![None, Some("Zoë".to_owned())]];
        assert_eq!(lines(&rows), "a\\tb\t\\\\N\tc\\nd\\r\t\\\\.\t\n\\N\tZoë\n");
    }
}
