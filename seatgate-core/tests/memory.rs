//! The in-memory store passes the suites; only RS-10 says nothing about it.

use std::sync::Arc;
use std::time::Duration;

use seatgate_core::memory::MemoryStore;
use seatgate_core::port::{Directory, DirectoryQueries, ExceptionStore, PeopleStore, RequestQueries, RequestStore};
use seatgate_core::testing::ManualClock;
use seatgate_core::testing::conformance::StoreHarness;
use seatgate_core::time::Timestamp;

struct Harness {
    lease_clock: Arc<ManualClock>,
    store: MemoryStore,
}

impl Harness {
    /// The lease clock is decades away from the due times of the suites: whoever compares the two is found out.
    fn new() -> Self {
        let lease_clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_000_000)));
        Self { store: MemoryStore::new(lease_clock.clone()), lease_clock }
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

    async fn reopen(self) -> Self {
        self
    }
}

seatgate_core::store_conformance!(tokio::test, Harness::new());

/// A case that nobody runs checks nothing: every one in the suites' files is named in the macro.
#[test]
fn every_case_is_run() {
    let suites = [
        include_str!("../src/testing/conformance/agenda.rs"),
        include_str!("../src/testing/conformance/claims.rs"),
        include_str!("../src/testing/conformance/exceptions.rs"),
        include_str!("../src/testing/conformance/lanes.rs"),
        include_str!("../src/testing/conformance/people.rs"),
        include_str!("../src/testing/conformance/requests.rs"),
        include_str!("../src/testing/conformance/seats.rs"),
        include_str!("../src/testing/conformance/sweeps.rs"),
    ];
    let lines = suites.iter().flat_map(|suite| suite.lines());
    let cases = lines.filter_map(|line| line.strip_prefix("pub async fn ")?.split('<').next());
    let named: Vec<&str> = include_str!("../src/testing/conformance/mod.rs").lines().map(str::trim).collect();
    let forgotten: Vec<&str> = cases.filter(|case| !named.contains(case)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}
