//! The PostgreSQL store passes the suites, on a real server.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::port::{Directory, DirectoryQueries, ExceptionStore, PeopleStore, RequestQueries, RequestStore};
use seatgate_core::testing::ManualClock;
use seatgate_core::testing::conformance::StoreHarness;
use seatgate_core::time::Timestamp;
use seatgate_store_sqlx::{PgOptions, PgStore};

use crate::cases::{Opened, over};
use crate::cluster;

struct Harness {
    schema: String,
    lease_clock: Arc<ManualClock>,
    store: PgStore,
}

impl Harness {
    /// The lease clock is decades away from the due times of the suites: whoever compares the two is found out.
    async fn new() -> Option<Self> {
        let url = cluster::url()?;
        let lease_clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_000_000)));
        Some(Self::open(url, crate::schema(), lease_clock).await)
    }

    async fn open(url: &str, schema: String, lease_clock: Arc<ManualClock>) -> Self {
        let options = PgOptions::new(url).schema(&schema).lease_clock(lease_clock.clone());
        Self { schema, lease_clock, store: PgStore::open(options).await.unwrap() }
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

    /// Another server on the same database, while this one goes without a word.
    async fn reopen(self) -> Self {
        Self::open(cluster::url().unwrap(), self.schema, self.lease_clock).await
    }
}

seatgate_core::store_conformance!(
    tokio::test,
    match Harness::new().await {
        Some(harness) => harness,
        None => return,
    }
);

async fn two_servers(lease_clock: Arc<ManualClock>) -> Option<Opened<PgStore>> {
    let (url, schema) = (cluster::url()?, crate::schema());
    let open = || PgOptions::new(url).schema(&schema).lease_clock(lease_clock.clone()).connections(8);
    let stores = vec![PgStore::open(open()).await.unwrap(), PgStore::open(open()).await.unwrap()];
    Some(Opened { stores, folder: None })
}

over!(on_two_servers, super::two_servers);
