//! Many requests: every list still answers at once. With `SEATGATE_LONG` set there are 100,000 of them.

use std::path::Path;
use std::time::{Duration, Instant};

use seatgate_core::id::RequestId;
use seatgate_core::money::Money;
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::RequestStore;
use seatgate_core::request::{Decision, Event, Fact, Relation, Request};
use seatgate_core::testing::World;
use seatgate_store_sqlx::SqliteStore;
use serde_json::Value;

use super::house::Server;

const WITHIN: Duration = Duration::from_millis(100);
const TOGETHER: usize = 500;

/// So many requests in a new database, each changed so; their ids, in order.
async fn fill(database: &Path, count: usize, also: impl Fn(&mut Request, &World)) -> Vec<RequestId> {
    let store = SqliteStore::open(database).await.unwrap();
    let world = World::new(1);
    let mut ids = Vec::with_capacity(count);
    while ids.len() < count {
        let mut changes: Vec<_> = (0..TOGETHER)
            .map(|_| world.opened_change(&world.seat(world.account_id()), 0, world.person_ref()))
            .collect();
        changes.iter_mut().filter_map(|change| change.request.as_mut()).for_each(|request| also(request, &world));
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

fn count() -> usize {
    if std::env::var_os("SEATGATE_LONG").is_some() { 100_000 } else { 2_000 }
}

fn token(directory: &Path) -> String {
    let secrets: Value = serde_json::from_slice(&std::fs::read(directory.join("seatgate.secrets")).unwrap()).unwrap();
    secrets["api_token"].as_str().unwrap().to_owned()
}

/// Kept at a price: one of the lines that savings are added up from.
fn keep(request: &mut Request, world: &World) {
    let (decision, relation) = (Decision::Keep, Relation::Approver);
    let (reason, keep_until, seen, grace_until, tasks) = (None, None, None, None, Vec::new());
    let decided = Event::Decided { decision, relation, reason, keep_until, seen, grace_until, tasks };
    request.evidence.as_mut().unwrap().monthly_cost = Some(Money::new(4_500, "USD".parse().unwrap()).unwrap());
    request.apply(&Fact::new(world.now, Actor::worker(), None, Surface::Library, decided));
}

#[tokio::test(flavor = "multi_thread")]
async fn savings_of_many_requests_are_added_up_at_once() {
    let (count, directory) = (count(), tempfile::tempdir().unwrap());
    fill(&directory.path().join("seatgate.db"), count, keep).await;
    let server = Server::start(directory.path(), &[]);
    let (took, body) = quickest(&server, "/v1/savings", &token(directory.path())).await;
    assert_eq!(body["kept"]["requests"], count);
    println!("savings of {count} requests: {took:?}");
    assert!(took < WITHIN, "{took:?}");
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_answer_at_once_however_long_they_are() {
    let (count, directory) = (count(), tempfile::tempdir().unwrap());
    let ids = fill(&directory.path().join("seatgate.db"), count, |_, _| {}).await;
    let server = Server::start(directory.path(), &[]);
    let token = &token(directory.path());
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
    for path in [format!("/v1/requests/{deep}"), "/readyz".to_owned(), "/metrics".to_owned(), "/v1/savings".to_owned()]
    {
        let (took, _) = quickest(&server, &path, token).await;
        assert!(took < WITHIN, "{path} took {took:?}");
    }
    assert!(server.stop().success());
}
