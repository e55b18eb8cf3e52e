//! The SQLite store passes the suites, on real files; and the in-memory one what is checked through a gate.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

#[path = "shared/cases.rs"]
mod cases;
#[path = "shared/instants.rs"]
mod instants;
#[path = "shared/town.rs"]
mod town;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use seatgate_core::memory::MemoryStore;
use seatgate_core::port::{Directory, DirectoryQueries, ExceptionStore, PeopleStore, RequestQueries, RequestStore};
use seatgate_core::testing::ManualClock;
use seatgate_core::testing::conformance::StoreHarness;
use seatgate_core::time::Timestamp;
use seatgate_store_sqlx::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

use cases::Opened;

struct Harness {
    folder: TempDir,
    lease_clock: Arc<ManualClock>,
    store: SqliteStore,
}

impl Harness {
    /// The lease clock is decades away from the due times of the suites: whoever compares the two is found out.
    async fn new() -> Self {
        let lease_clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_000_000)));
        Self::open(tempfile::tempdir().unwrap(), lease_clock).await
    }

    async fn open(folder: TempDir, lease_clock: Arc<ManualClock>) -> Self {
        let options = SqliteOptions::new(folder.path().join("seatgate.db")).lease_clock(lease_clock.clone());
        Self { folder, lease_clock, store: SqliteStore::open(options).await.unwrap() }
    }
}

impl StoreHarness for Harness {
    fn requests(&self) -> &dyn RequestStore {
        &self.store
    }

    fn queries(&self) -> &dyn RequestQueries {
        &self.store
    }

    fn people(&self) -> &dyn PeopleStore {
        &self.store
    }

    fn exceptions(&self) -> &dyn ExceptionStore {
        &self.store
    }

    fn directory(&self) -> &dyn Directory {
        &self.store
    }

    fn directory_queries(&self) -> &dyn DirectoryQueries {
        &self.store
    }

    fn advance(&self, by: Duration) {
        self.lease_clock.advance(by);
    }

    /// What a killed process leaves: the file and its log as they are while the store is open, without a word to it.
    async fn reopen(self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(self.folder.path(), folder.path(), "seatgate.db");
        copy(self.folder.path(), folder.path(), "seatgate.db-wal");
        let reopened = Self::open(folder, self.lease_clock.clone()).await;
        self.store.close().await;
        reopened
    }
}

fn copy(from: &Path, to: &Path, name: &str) {
    std::fs::copy(from.join(name), to.join(name)).unwrap();
}

seatgate_core::store_conformance!(tokio::test, Harness::new().await);

async fn memory(lease_clock: Arc<ManualClock>) -> Option<Opened<MemoryStore>> {
    Some(Opened { stores: vec![MemoryStore::new(lease_clock)], folder: None })
}

async fn file(lease_clock: Arc<ManualClock>) -> Option<Opened<SqliteStore>> {
    let Harness { folder, store, .. } = Harness::open(tempfile::tempdir().unwrap(), lease_clock).await;
    Some(Opened { stores: vec![store], folder: Some(folder) })
}

cases::over!(in_memory, super::memory);
cases::over!(in_a_file, super::file);
