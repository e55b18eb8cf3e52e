//! Schemas in a PostgreSQL that keeps what it says.

use std::sync::Arc;

use seatgate_store_sqlx::{PgOptions, PgStore};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, PgPool};

use crate::cluster;
use crate::figure::is_measured;

/// A schema of its own, with a store in it and a pool beside it. It goes with [`Database::drop_it`].
pub(crate) struct Database {
    pub(crate) store: Arc<PgStore>,
    /// For hand-written SQL, in the same schema.
    pub(crate) pool: PgPool,
    pub(crate) schema: String,
}

impl Database {
    /// None where there is no PostgreSQL.
    pub(crate) async fn new(name: &str) -> Option<Self> {
        let schema = format!("bench_{name}_{}", std::process::id());
        let url = url()?;
        let store = PgStore::open(PgOptions::new(url).schema(schema.as_str())).await.unwrap();
        let connect = url.parse::<sqlx::postgres::PgConnectOptions>().unwrap();
        let connect = connect.options([("search_path", schema.as_str()), ("jit", "off")]);
        let pool = PgPoolOptions::new().max_connections(8).connect_with(connect).await.unwrap();
        if is_measured() {
            assert_durable(&pool).await;
        }
        Some(Self { store: Arc::new(store), pool, schema })
    }

    pub(crate) async fn run(&self, sql: impl Into<String>) {
        sqlx::raw_sql(AssertSqlSafe(sql.into())).execute(&self.pool).await.unwrap();
    }

    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    /// So that what was prepared for a round is not written out during it. Not for empty tables: PostgreSQL would take it
    /// as known that they are.
    pub(crate) async fn settle_down(&self) {
        if is_measured() {
            self.run("VACUUM ANALYZE").await;
            self.run("CHECKPOINT").await;
        }
    }

    pub(crate) async fn drop_it(self) {
        self.store.close().await;
        self.run(format!("DROP SCHEMA {} CASCADE", self.schema)).await;
        self.pool.close().await;
    }
}

/// The database; one that keeps what it says where it is measured.
pub(crate) fn url() -> Option<&'static str> {
    if is_measured() { cluster::durable_url() } else { cluster::url() }
}

async fn assert_durable(pool: &PgPool) {
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let show = AssertSqlSafe(format!("SHOW {setting}"));
        let value: String = sqlx::query_scalar(show).fetch_one(pool).await.unwrap();
        assert_eq!(value, "on", "{setting}");
    }
}
