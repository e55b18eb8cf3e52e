//! The store behind the gate: a file, or a database that several servers share.

use std::sync::Arc;

use seatgate_core::gate::{Gate, GateBuilder, Store};
use seatgate_core::port::{Directory, OsEntropy, PeopleStore, StoreError, SystemClock};
use seatgate_store_sqlx::{PgStore, SqliteStore};

use crate::config::{Config, Database};

/// What is open.
pub(crate) enum OpenStore {
    Sqlite(Arc<SqliteStore>),
    Postgres(Arc<PgStore>),
}

impl OpenStore {
    pub(crate) async fn open(database: &Database) -> Result<Self, StoreError> {
        Ok(match database {
            Database::Sqlite(path) => Self::Sqlite(Arc::new(SqliteStore::open(path.clone()).await?)),
            Database::Postgres(url) => Self::Postgres(Arc::new(PgStore::open(url.as_str()).await?)),
        })
    }

    /// A gate over it, with everything else to be said.
    pub(crate) fn gate(&self, config: &Config) -> GateBuilder {
        match self {
            Self::Sqlite(store) => gate(store, config),
            Self::Postgres(store) => gate(store, config),
        }
    }

    /// Who can be asked, as the store itself keeps it.
    pub(crate) fn directory(&self) -> Arc<dyn Directory> {
        match self {
            Self::Sqlite(store) => store.clone(),
            Self::Postgres(store) => store.clone(),
        }
    }

    /// The people whom it knows.
    pub(crate) fn people(&self) -> Arc<dyn PeopleStore> {
        match self {
            Self::Sqlite(store) => store.clone(),
            Self::Postgres(store) => store.clone(),
        }
    }

    /// Lands what waits, and closes it.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}

#[cfg_attr(not(feature = "failpoints"), allow(unused_variables, reason = "only a failpoint is configured here"))]
fn gate<S: Store + 'static>(store: &Arc<S>, config: &Config) -> GateBuilder {
    let gate = Gate::builder(Arc::clone(store), Arc::new(SystemClock), Arc::new(OsEntropy));
    #[cfg(feature = "failpoints")]
    let gate = match config.failpoint {
        Some(failpoint) => failpoint.install(gate, store),
        None => gate,
    };
    gate
}
