//! Reading everything that is in a file, while nobody writes to it.

use std::fs::File;
use std::path::Path;

use seatgate_core::port::StoreError;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

use super::error::store_error;
use super::inspect::{FileState, inspect};
use super::open::{connect_options, migrate, own, writing};
use crate::migrate::MigrateError;
use crate::row::to_count;

/// So many rows are in memory at once.
const PAGE: usize = 500;
/// A row of this table is as large as a thousand of another one.
const LARGE: (&str, usize) = ("batches", 8);
const READING: &str = "reading the file";
const COLUMNS: &str = "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid";
const LAST_TOKEN: &str = "SELECT last FROM agenda_token";

/// A row, each of its values as text.
pub(crate) type TextRow = Vec<Option<String>>;

/// A table of the file.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<String>,
    pub(crate) rows: u64,
    /// Which columns are its primary key, and whether they are numbers.
    key: Vec<(usize, bool)>,
}

impl Table {
    /// The statement of the first page, or of the one after a row whose key is bound.
    fn page(&self, first: bool) -> String {
        let texts: Vec<String> = self.columns.iter().map(|column| format!("CAST(\"{column}\" AS TEXT)")).collect();
        let key: Vec<String> = self.key.iter().map(|(place, _)| format!("\"{}\"", self.columns[*place])).collect();
        let bound = |(n, (_, number)): (usize, &(usize, bool))| match number {
            true => format!("CAST(${} AS INTEGER)", n + 1),
            false => format!("${}", n + 1),
        };
        let bound: Vec<String> = self.key.iter().enumerate().map(bound).collect();
        let (name, texts, key) = (self.name, texts.join(", "), key.join(", "));
        let after = if first { String::new() } else { format!("WHERE ({key}) > ({})", bound.join(", ")) };
        let page = if name == LARGE.0 { LARGE.1 } else { PAGE };
        format!("SELECT {texts} FROM {name} {after} ORDER BY {key} LIMIT {page}")
    }
}

/// A file that is handed over. No server can open it, and nobody else can write to it.
pub(crate) struct HandOver {
    connection: SqliteConnection,
    _guard: File,
}

impl HandOver {
    /// Takes the file and its lock for writing, so that everything read is of one moment.
    pub(crate) async fn open(path: &Path) -> Result<Self, MigrateError> {
        match inspect(path).await? {
            FileState::Absent => return Err(MigrateError::NoFile),
            FileState::Foreign => return Err(MigrateError::Foreign),
            FileState::Ready | FileState::Behind { .. } => {}
        }
        let (path, guard) = own(path)?;
        let mut connection = writing(connect_options(&path)).await.map_err(store_error("opening the file"))?;
        migrate(&mut connection).await?;
        connection.execute("BEGIN IMMEDIATE").await.map_err(store_error("locking the file"))?;
        Ok(Self { connection, _guard: guard })
    }

    /// A table of ours.
    pub(crate) async fn table(&mut self, name: &'static str) -> Result<Table, StoreError> {
        self.describe(name).await.map_err(store_error(READING))
    }

    async fn describe(&mut self, name: &'static str) -> Result<Table, sqlx::Error> {
        type Column = (String, String, i64);
        let described: Vec<Column> = sqlx::query_as(COLUMNS).bind(name).fetch_all(&mut self.connection).await?;
        let mut key: Vec<(i64, usize, bool)> = Vec::new();
        for (place, (_, kind, in_key)) in described.iter().enumerate().filter(|(_, (.., in_key))| *in_key > 0) {
            key.push((*in_key, place, kind == "INTEGER"));
        }
        key.sort_unstable();
        let count = AssertSqlSafe(format!("SELECT count(*) FROM {name}"));
        let rows = to_count(sqlx::query_scalar(count).fetch_one(&mut self.connection).await?)?;
        let columns = described.into_iter().map(|(column, ..)| column).collect();
        Ok(Table { name, columns, rows, key: key.into_iter().map(|(_, place, number)| (place, number)).collect() })
    }

    /// The rows after this one, or the first ones, in the order of the table's key. None: there are no more.
    pub(crate) async fn page(
        &mut self,
        table: &Table,
        after: Option<&[Option<String>]>,
    ) -> Result<Vec<TextRow>, StoreError> {
        let mut query = sqlx::query(AssertSqlSafe(table.page(after.is_none())));
        for (place, _) in table.key.iter().filter(|_| after.is_some()) {
            query = query.bind(after.and_then(|row| row[*place].as_deref()));
        }
        let rows = query.fetch_all(&mut self.connection).await.map_err(store_error(READING))?;
        let text = |row: &SqliteRow| (0..row.len()).map(|place| row.try_get(place)).collect();
        rows.iter().map(text).collect::<Result<_, _>>().map_err(store_error(READING))
    }

    /// The last fencing token that was given.
    pub(crate) async fn last_token(&mut self) -> Result<u64, StoreError> {
        let last = sqlx::query_scalar(LAST_TOKEN).fetch_one(&mut self.connection).await.and_then(to_count);
        last.map_err(store_error(READING))
    }

    /// Lets go of the file, as it was.
    pub(crate) async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::warn!(%error, "the file did not close well");
        }
    }
}
