//! Many requests: every list still answers at once. With `SEATGATE_LONG` set there are 100,000 of them.

use std::path::Path;
use std::time::{Duration, Instant};

use seatgate_core::id::RequestId;
use seatgate_core::port::RequestStore;
use seatgate_core::testing::World;
use seatgate_store_sqlx::SqliteStore;
use serde_json::Value;

use super::house::Server;

const WITHIN: Duration = Duration::from_millis(100);
const TOGETHER: usize = 500;

/// So many requests in a new database; their ids, in order.
async fn fill(database: &Path, count: usize) -> Vec<RequestId> {
    let store = SqliteStore::open(database).await.unwrap();
    let world = World::new(1);
    let mut ids = Vec::with_capacity(count);
    while ids.len() < count {
        let changes: Vec<_> = (0..TOGETHER)
            .map(|_| world.opened_change(&world.seat(world.account_id()), 0, world.person_ref()))
            .collect();
        ids.extend(changes.iter().filter_map(|change| Some(change.request.as_ref()?.id)));
        assert!(store.commit(changes).await.unwrap().iter().all(|answer| answer.is_kept()));
    }
    store.close().await;
    ids.sort();
    ids
}

/// The quickest of a few tries: others use this machine, too.
async fn quickest(server: &Server, path: &str, token: &str) -> (Duration, Value) {
    let mut best = (Duration::MAX, Value::Null);
    for _ in 0..5 {
        let started = Instant::now();
        let (status, body) = server.get(path, token).await;
        assert_eq!(status, 200, "{path}");
        if started.elapsed() < best.0 {
            best = (started.elapsed(), body);
        }
    }
    best
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_answer_at_once_however_long_they_are() {
    let count = if std::env::var_os("SEATGATE_LONG").is_some() { 100_000 } else { 2_000 };
    let directory = tempfile::tempdir().unwrap();
    let ids = fill(&directory.path().join("seatgate.db"), count).await;
    let server = Server::start(directory.path(), &[]);
    let secrets: Value =
        serde_json::from_slice(&std::fs::read(directory.path().join("seatgate.secrets")).unwrap()).unwrap();
    let token = secrets["api_token"].as_str().unwrap();
    let (deep, last) = (ids[count / 10 * 9], ids[count - 2]);
    let pages = [
        ("/v1/requests".to_owned(), 50),
        (format!("/v1/requests?cursor={deep}"), 50),
        (format!("/v1/requests?cursor={last}"), 1),
        ("/v1/requests?state=awaiting_decision".to_owned(), 50),
        (format!("/v1/requests?state=awaiting_decision&cursor={deep}"), 50),
        ("/v1/requests?state=closed".to_owned(), 0),
        (format!("/v1/requests?state=needs_attention&cursor={deep}&limit=200"), 0),
        (format!("/v1/requests/{deep}/trail"), 1),
        ("/v1/exceptions".to_owned(), 0),
    ];
    for (path, items) in pages {
        let (took, body) = quickest(&server, &path, token).await;
        assert_eq!(body["items"].as_array().unwrap().len(), items, "{path}");
        assert!(took < WITHIN, "{path} took {took:?}");
    }
    for path in [format!("/v1/requests/{deep}"), "/readyz".to_owned(), "/metrics".to_owned()] {
        let (took, _) = quickest(&server, &path, token).await;
        assert!(took < WITHIN, "{path} took {took:?}");
    }
    assert!(server.stop().success());
}
