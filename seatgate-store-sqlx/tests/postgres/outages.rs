//! Connections that are cut in the middle of a cycle, and a database that restarts under load.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use seatgate_core::agenda::{AgendaChange, Claim, Item, Next, Settlement};
use seatgate_core::gate::{Ask, GateError, Submission};
use seatgate_core::id::{ChangeId, InstanceId, RequestId};
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::{
    Answer, Change, Clock as _, OsEntropy, RequestQueries as _, RequestStore as _, RowStatus, StoreErrorKind,
    SystemClock,
};
use seatgate_core::request::{Outcome, Refusal};
use seatgate_core::trail::{Chain, EntryDraft, Stream};
use seatgate_store_sqlx::{PgOptions, PgStore};

use crate::cluster::{self, Cluster};
use crate::proxy::{Proxy, Way};
use crate::town::{House, Town, candidate, until_done};

/// So many messages lie between two that are cut, unless `SEATGATE_LONG` is set: then each of them is.
const STRIDE: usize = 7;
/// Of each of the servers that live through restarts of the database.
const CONNECTIONS: u32 = 4;

/// One whole cycle, by callers and a worker who repeat what failed.
async fn cycle(number: usize, town: &Town, house: &House<PgStore>) {
    let delivery = format!("delivery-{number}");
    let report = until_done(|| house.sweep([candidate("figma", number)], Some(&delivery))).await.unwrap();
    assert_eq!(report.results[0].status, RowStatus::Asked);
    let id = report.results[0].request_id.unwrap();
    let mona = until_done(|| async { Ok(house.gate.people().find(&"mona@example.com".parse().unwrap()).await?) }).await;
    let by = Submission::new(Actor::Person(mona.unwrap().unwrap()), Surface::Inbox);
    match until_done(|| house.gate.act(id, Ask::Approve, None, &by)).await {
        // The reply to the first one may be what was lost.
        Ok(_) | Err(GateError::Refused { refusal: Refusal::AlreadyDecided | Refusal::Closed, .. }) => {}
        Err(error) => panic!("{error:?}"),
    }
    while until_done(|| house.gate.request(id)).await.unwrap().outcome().is_none() {
        let _repeated = house.worker.run_until_idle().await;
        town.clock.advance(Duration::from_secs(30));
    }
}

/// What must be so of a cycle once it is over, whatever was cut.
async fn account(number: usize, town: &Town, house: &House<PgStore>) {
    let sweep = house.store.sweep_of(&format!("delivery-{number}")).await.unwrap().unwrap();
    let (_, report) = house.gate.swept(sweep.id, 0..u32::MAX).await.unwrap();
    assert_eq!((sweep.rows, report.results.len()), (1, 1));
    let id = report.results[0].request_id.unwrap();
    assert_eq!(house.request(id).await.outcome(), Some(Outcome::Reclaimed));
    let trail = house.store.trail(Stream::Request(id)).await.unwrap();
    let mut chain = Chain::empty(Stream::Request(id));
    trail.iter().for_each(|entry| chain.follow(entry).unwrap());
    let count = |kind: &str| trail.iter().filter(|entry| entry.kind == kind).count();
    assert_eq!((count("opened"), count("decided")), (1, 1), "{trail:?}");
    let seat = format!("figma/00u{number}/pro");
    let (calls, effects) = (town.target.calls(), town.target.effects());
    let mut keys: Vec<&str> = calls.iter().filter(|call| call.seat == seat).map(|call| call.key.as_str()).collect();
    keys.dedup();
    assert_eq!(keys.len(), 1, "every call bears one key");
    assert_eq!(effects.iter().filter(|call| call.seat == seat).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_message_is_cut_in_a_cycle_nothing_is_lost_and_nothing_happens_twice() {
    let Some(url) = cluster::url() else { return };
    let Some(proxy) = Proxy::before(url) else { return };
    let town = Town::new(&[]);
    let options = |url: &str, schema: &str| PgOptions::new(url).schema(schema).lease_clock(town.clock.clone());
    let schema = crate::schema();
    let near = town.start(PgStore::open(options(url, &schema)).await.unwrap());
    let far = town.start(PgStore::open(options(proxy.url(), &schema).connections(2)).await.unwrap());
    cycle(0, &town, &far).await;
    let (stride, mut number) = (if std::env::var_os("SEATGATE_LONG").is_some() { 1 } else { STRIDE }, 0);
    for way in [Way::ToDatabase, Way::FromDatabase] {
        let mut cut = 0;
        for nth in (1..).step_by(stride) {
            proxy.cut(way, nth);
            number += 1;
            cycle(number, &town, &far).await;
            account(number, &town, &near).await;
            // A cycle without a cut has no message of this number: each has been cut.
            if proxy.passed(way) < nth {
                break;
            }
            cut += 1;
        }
        assert!(cut * stride > 50, "{way:?}: {cut}");
        eprintln!("{way:?}: cut {cut} messages of a cycle, in the middle of each");
        proxy.cut(way, 0);
    }
    let ids = near.store.streams(None, 100_000).await.unwrap();
    let requests = ids.iter().filter(|stream| matches!(stream, Stream::Request(_))).count();
    assert_eq!(requests, number + 1, "each candidate has one request");
    assert_eq!(town.target.effects().len(), number + 1);
}

// ------------------------------------------------------------------------------------------------------------- restarts

/// What clients were told about the changes that they handed in.
#[derive(Default)]
struct Told {
    kept: Mutex<Vec<Stream>>,
    failed: AtomicUsize,
    over: AtomicBool,
}

impl Told {
    fn kept(&self) -> usize {
        self.kept.lock().unwrap().len()
    }

    /// Goes on once so many more are kept.
    async fn more(&self, count: usize) {
        let wanted = self.kept() + count;
        while self.kept() < wanted {
            tokio::task::yield_now().await;
        }
    }
}

fn new_change() -> Change {
    let now = SystemClock.now();
    let mut chain = Chain::empty(Stream::Access(InstanceId::generate(now, &OsEntropy)));
    let id = ChangeId::generate(now, &OsEntropy);
    let mut change = Change::new(id, &chain);
    let draft = EntryDraft::new(now, "denied", Actor::worker(), Surface::Api, serde_json::Value::Null);
    change.entries.push(chain.append(id, draft).unwrap());
    change
}

/// Commits one change after the other, and each until it is kept.
async fn client(store: Arc<PgStore>, told: Arc<Told>) {
    while !told.over.load(Ordering::SeqCst) {
        let change = new_change();
        let mut repeated = false;
        loop {
            match store.commit(vec![change.clone()]).await {
                Ok(answers) => {
                    let right = answers == [Answer::Committed] || repeated && answers == [Answer::Duplicate];
                    assert!(right, "{answers:?}");
                    told.kept.lock().unwrap().push(change.stream);
                    break;
                }
                Err(error) => {
                    assert_ne!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
                    told.failed.fetch_add(1, Ordering::SeqCst);
                    repeated |= error.kind() == StoreErrorKind::Unknown;
                }
            }
        }
    }
}

/// All streams. A connection that was used a moment ago is not asked whether it is still there: so each of them may fail once
/// where the database was restarted since.
async fn streams(store: &PgStore) -> Vec<Stream> {
    for _ in 0..CONNECTIONS {
        if let Ok(streams) = store.streams(None, usize::MAX).await {
            return streams;
        }
    }
    store.streams(None, usize::MAX).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_under_load_outlives_restarts_of_the_database() {
    let Some(mut cluster) = Cluster::start() else { return };
    let open = || PgStore::open(PgOptions::new(cluster.url()).connections(CONNECTIONS));
    let servers = [Arc::new(open().await.unwrap()), Arc::new(open().await.unwrap())];
    let mut held = new_change();
    let item = Item::Wake(RequestId::generate(SystemClock.now(), &OsEntropy));
    let due = held.entries[0].at;
    held.agenda = vec![AgendaChange::Schedule { item, due, lane: None, gated: false }];
    servers[0].commit(vec![held]).await.unwrap();
    let mut claim = Claim::new(due, 10);
    claim.lease = Duration::from_secs(3600);
    let claimed = servers[0].claim(claim.clone()).await.unwrap().items.remove(0);

    let told = Arc::new(Told::default());
    let clients: Vec<_> =
        (0..8).map(|number| tokio::spawn(client(servers[number % 2].clone(), told.clone()))).collect();
    for mode in ["fast", "immediate"] {
        told.more(50).await;
        cluster = tokio::task::spawn_blocking(move || {
            cluster.restart(mode);
            cluster
        })
        .await
        .unwrap();
        told.more(50).await;
    }
    told.over.store(true, Ordering::SeqCst);
    for client in clients {
        client.await.unwrap();
    }
    let (kept, failed) = (told.kept.lock().unwrap().clone(), told.failed.load(Ordering::SeqCst));
    assert!(failed > 0, "the restarts were felt");
    for stream in &kept {
        assert_eq!(servers[0].chain(*stream).await.unwrap().version, 1);
    }
    let streams = streams(&servers[1]).await;
    assert_eq!(streams.len(), kept.len() + 1, "and nothing but what was acknowledged in the end");
    assert_eq!(servers[1].claim(claim).await.unwrap().items, [], "the lease of before still stands");
    assert_eq!(servers[1].settle(vec![Settlement::new(&claimed, Next::Done)]).await.unwrap(), [true]);
    eprintln!("{} acknowledged over 2 restarts, {failed} failures, 0 lost, 0 twice", kept.len());
}
