//! Opening the file: whose it is, how it is written, and its tables.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use seatgate_core::port::{Clock, StoreError, StoreErrorKind, SystemClock};
use seatgate_core::time::Timestamp;
use sqlx::ConnectOptions as _;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::copier::Copier;
use super::error::store_error;
use super::writer::{Desk, Writer};
use super::{SqliteStore, together};

/// Beside the host application's own table of migrations, if it has one in the same file.
pub(super) const MIGRATIONS_TABLE: &str = "_seatgate_migrations";
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: u32 = 4;
/// 16 MiB of pages for the connection that writes, so that a large batch is not written to the log twice.
const CACHE: &str = "-16384";
/// A commit copies the log into the file after so many pages (64 MiB), unless it was copied beside the writer long before.
const CHECKPOINT: &str = "16000";

/// No other server has this file open, so every lease in it was one of ours and nobody works under it any more. The
/// token stays, and a lease that has run out is how the next claim learns that the item may be half done.
const TAKE_LEASES_BACK: &str = "UPDATE agenda SET lease_until = $1 WHERE lease_until IS NOT NULL";

/// How a [`SqliteStore`] is opened.
#[derive(Clone)]
#[non_exhaustive]
pub struct SqliteOptions {
    path: PathBuf,
    lease_clock: Arc<dyn Clock>,
    busy_timeout: Duration,
}

impl SqliteOptions {
    /// The file at `path`, which is created if it is missing.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), lease_clock: Arc::new(SystemClock), busy_timeout: BUSY_TIMEOUT }
    }

    /// Judges leases by `clock` instead of the machine's.
    #[must_use]
    pub fn lease_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.lease_clock = clock;
        self
    }

    /// How long a write waits for somebody else who has the file locked, such as a backup (5 s). Then it fails, and has
    /// written nothing.
    #[must_use]
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }
}

impl From<&Path> for SqliteOptions {
    fn from(path: &Path) -> Self {
        Self::new(path)
    }
}

impl From<&str> for SqliteOptions {
    fn from(path: &str) -> Self {
        Self::new(path)
    }
}

impl From<PathBuf> for SqliteOptions {
    fn from(path: PathBuf) -> Self {
        Self::new(path)
    }
}

impl std::fmt::Debug for SqliteOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteOptions").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Opens what [`SqliteStore::open`] describes.
pub(super) async fn open(options: SqliteOptions) -> Result<SqliteStore, StoreError> {
    let (path, guard) = own(&options.path)?;
    let connect = connect_options(&path).busy_timeout(options.busy_timeout);
    let mut connection = writing(connect.clone()).await.map_err(store_error("opening the database"))?;
    migrate(&mut connection).await?;
    take_leases_back(&mut connection).await.map_err(store_error("taking leases back"))?;
    together::prepare(&mut connection).await.map_err(store_error("preparing to write"))?;
    let copier = writing(connect.clone()).await.map_err(store_error("opening the database"))?;
    let readers = reading(connect).await.map_err(store_error("opening the database for reading"))?;
    let lease_clock = options.lease_clock;
    let desk = Desk { connection, lease_clock: lease_clock.clone() };
    let writer = Writer::start(desk, Copier::start(copier), guard);
    Ok(SqliteStore { readers, writer, lease_clock })
}

/// What every connection has in common.
pub(super) fn connect_options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(path).foreign_keys(true).busy_timeout(BUSY_TIMEOUT).disable_statement_logging()
}

/// Makes sure that the file is there, and that no other process has it open. The lock goes with the returned file, and
/// with the process, however that ends.
pub(super) fn own(path: &Path) -> Result<(PathBuf, File), StoreError> {
    let failed = |error: io::Error| {
        StoreError::new(StoreErrorKind::Unavailable, "the database file cannot be opened").caused_by(error)
    };
    create(path).map_err(failed)?;
    // One file, one lock, however the path is written.
    let path = path.canonicalize().map_err(failed)?;
    let mut lock_path = path.clone().into_os_string();
    lock_path.push(".lock");
    let lock = create(Path::new(&lock_path)).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok((path, lock)),
        Err(TryLockError::WouldBlock) => {
            Err(StoreError::new(StoreErrorKind::Unavailable, "the database is already open in another process"))
        }
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Opens a file for writing and creates it if it is missing, readable for its owner alone: it holds personal data.
/// SQLite gives its other files the permissions of this one.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// `FULL`: an answered commit survives power loss (RS-10). Deleted content is overwritten, so that an erased person is
/// not found in free space. What a savepoint would undo is kept in memory: in a temporary file it took half of all writes.
pub(super) async fn writing(connect: SqliteConnectOptions) -> Result<SqliteConnection, sqlx::Error> {
    connect
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .pragma("secure_delete", "ON")
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", CACHE)
        .pragma("wal_autocheckpoint", CHECKPOINT)
        .connect()
        .await
}

async fn reading(connect: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    // A connection to a file does not go stale: asking it before each use would double every read.
    let pool = SqlitePoolOptions::new().max_connections(READERS).test_before_acquire(false);
    pool.connect_with(connect.read_only(true)).await
}

/// The tables of this release.
pub(super) fn migrator() -> Migrator {
    let mut migrator: Migrator = sqlx::migrate!("migrations/sqlite");
    migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
    migrator
}

pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let failed = |error| StoreError::new(StoreErrorKind::Corrupt, "migrating the database").caused_by(error);
    migrator().run_direct(None, connection, false).await.map_err(failed)
}

async fn take_leases_back(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query(TAKE_LEASES_BACK).bind(Timestamp::MIN.as_micros()).execute(connection).await.map(|_| ())
}
