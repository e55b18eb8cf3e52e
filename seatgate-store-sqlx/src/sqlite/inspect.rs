//! Looking at a database file without changing it, and without being the process that has it open.

use std::collections::BTreeMap;
use std::path::Path;

use seatgate_core::port::{StoreError, StoreErrorKind};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::error::store_error;
use super::open::{MIGRATIONS_TABLE, migrator};

const HAS_TABLE: &str = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1";
const DONE: &str = "SELECT version, checksum FROM _seatgate_migrations WHERE success";

/// How a database file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileState {
    /// There is none; opening creates it.
    Absent,
    /// Every migration of this release is in.
    Ready,
    /// So many migrations are not in; opening runs them.
    Behind {
        /// How many.
        missing: usize,
    },
    /// Written by another release, which has a migration that this one does not have: opening will fail.
    Foreign,
}

/// What [`SqliteStore::inspect`](super::SqliteStore::inspect) describes.
pub(super) async fn inspect(path: &Path) -> Result<FileState, StoreError> {
    let there = path.try_exists().map_err(|error| {
        StoreError::new(StoreErrorKind::Unavailable, "the database file cannot be looked at").caused_by(error)
    })?;
    if !there {
        return Ok(FileState::Absent);
    }
    let options = SqliteConnectOptions::new().filename(path).read_only(true).disable_statement_logging();
    let failed = || store_error("looking at the database");
    let mut connection = options.connect().await.map_err(failed())?;
    let done = migrations_in(&mut connection).await.map_err(failed())?;
    Ok(judge(&done))
}

async fn migrations_in(connection: &mut SqliteConnection) -> Result<BTreeMap<i64, Vec<u8>>, sqlx::Error> {
    let tables: i64 = sqlx::query_scalar(HAS_TABLE).bind(MIGRATIONS_TABLE).fetch_one(&mut *connection).await?;
    if tables == 0 {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(DONE).fetch_all(connection).await?;
    Ok(rows.into_iter().collect())
}

fn judge(done: &BTreeMap<i64, Vec<u8>>) -> FileState {
    let migrator = migrator();
    let ours: BTreeMap<i64, &[u8]> =
        migrator.iter().map(|migration| (migration.version, migration.checksum.as_ref())).collect();
    if done.iter().any(|(version, checksum)| ours.get(version) != Some(&checksum.as_slice())) {
        return FileState::Foreign;
    }
    match ours.len() - done.len() {
        0 => FileState::Ready,
        missing => FileState::Behind { missing },
    }
}
