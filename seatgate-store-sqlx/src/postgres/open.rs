//! Opening the database: how it is reached, how long anything may take, and its tables.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::port::{Clock, StoreError, StoreErrorKind};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions as _, Connection as _};

use super::commit::commit_statement;
use super::error::store_error;
use super::lines::{Lines, STALE};
use super::{PgStore, Queues};

/// In the store's own schema, beside whatever the host application keeps in the same database.
const MIGRATIONS_TABLE: &str = "_seatgate_migrations";
const SCHEMA: &str = "seatgate";
const CONNECTIONS: u32 = 16;
/// How long somebody waits for a free connection.
const ACQUIRE: Duration = Duration::from_secs(5);
/// What each session sets. A statement that waits is given up, so that one stuck server never holds up the others for
/// ever. Compiling plans takes longer than any statement of ours. That a table is there already is no news.
const SESSION: [(&str, &str); 5] = [
    ("client_min_messages", "warning"),
    ("statement_timeout", "30s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "30s"),
    ("jit", "off"),
];

const HAS_SCHEMA: &str = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";

/// How a [`PgStore`] is opened.
#[derive(Clone)]
#[non_exhaustive]
pub struct PgOptions {
    url: String,
    schema: String,
    connections: u32,
    lease_clock: Option<Arc<dyn Clock>>,
}

impl PgOptions {
    /// The database behind `postgres://user:password@host:port/database`. What the URL leaves out is taken from the
    /// variables that PostgreSQL's own tools read, such as `PGHOST`.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), schema: SCHEMA.to_owned(), connections: CONNECTIONS, lease_clock: None }
    }

    /// Keeps the tables in this schema instead of `seatgate`. Small ASCII letters, digits and `_`, not first a digit.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// At most so many connections (16), and three at the least.
    #[must_use]
    pub fn connections(mut self, connections: u32) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Judges leases by `clock` instead of the database's. For tests: servers that share a database must share it.
    #[must_use]
    pub fn lease_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.lease_clock = Some(clock);
        self
    }

    fn has_plain_schema(&self) -> bool {
        let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        self.schema.len() < 64
            && self.schema.chars().all(plain)
            && self.schema.starts_with(|first: char| !first.is_ascii_digit())
    }
}

impl From<&str> for PgOptions {
    fn from(url: &str) -> Self {
        Self::new(url)
    }
}

impl From<String> for PgOptions {
    fn from(url: String) -> Self {
        Self::new(url)
    }
}

/// Without the URL: it may hold a password.
impl std::fmt::Debug for PgOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PgOptions").field("schema", &self.schema).finish_non_exhaustive()
    }
}

/// Opens what [`PgStore::open`] describes.
pub(super) async fn open(options: PgOptions) -> Result<PgStore, StoreError> {
    if !options.has_plain_schema() {
        return Err(StoreError::new(
            StoreErrorKind::Unavailable,
            "the schema's name is not small letters, digits and _",
        ));
    }
    let connect = connect_options(&options)?;
    let opening = "opening the database";
    let mut connection = connect.connect().await.map_err(store_error(opening))?;
    create_schema(&options.schema, &mut connection).await.map_err(store_error("creating the schema"))?;
    migrate(&mut connection).await?;
    connection.close().await.map_err(store_error(opening))?;
    let each = (options.connections / 4).clamp(1, 4);
    let queues = Queues::over(Lines::new(&connect, each));
    let pool = pool(options.connections.saturating_sub(2 * each).max(1));
    let pool = pool.connect_with(connect).await.map_err(store_error(opening))?;
    Ok(PgStore {
        pool,
        queues,
        lease_clock: options.lease_clock,
        commit_here: commit_statement(&format!("{}.", options.schema)),
    })
}

/// Does what [`PgStore::reach`] describes.
pub(super) async fn reach(options: &PgOptions) -> Result<(), StoreError> {
    let reaching = "reaching the database";
    let mut connection = connect_options(options)?.connect().await.map_err(store_error(reaching))?;
    connection.ping().await.map_err(store_error(reaching))?;
    connection.close().await.map_err(store_error(reaching))
}

fn connect_options(options: &PgOptions) -> Result<PgConnectOptions, StoreError> {
    let connect: PgConnectOptions = options.url.parse().map_err(|_: sqlx::Error| unusable_url())?;
    Ok(connect
        .options(SESSION)
        .options([("search_path", &options.schema)])
        .application_name("seatgate")
        .disable_statement_logging())
}

/// The cause is left out: it may quote the URL, and with it a password.
fn unusable_url() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "the database's URL cannot be read; expected postgres://host/database")
}

fn pool(connections: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move { Ok(meta.idle_for < STALE || connection.ping().await.is_ok()) })
        })
}

/// A schema that is there is used as it is: creating one needs a right that a careful owner does not give.
async fn create_schema(schema: &str, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let there = async |connection: &mut PgConnection| -> Result<bool, sqlx::Error> {
        sqlx::query_scalar(HAS_SCHEMA).bind(schema).fetch_one(connection).await
    };
    if there(connection).await? {
        return Ok(());
    }
    let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {schema}"));
    match sqlx::query(create).execute(&mut *connection).await {
        Ok(_) => Ok(()),
        // Another server may have come first.
        Err(_) if there(connection).await? => Ok(()),
        Err(error) => Err(error),
    }
}

/// Servers that start at once take turns, behind a lock of the database.
async fn migrate(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut migrator: Migrator = sqlx::migrate!("migrations/postgres");
    migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
    migrator.run_direct(None, connection, false).await.map_err(|error| {
        let context = "migrating the database";
        match error {
            MigrateError::Execute(error) => store_error(context)(error),
            other => StoreError::new(StoreErrorKind::Corrupt, context).caused_by(other),
        }
    })
}
