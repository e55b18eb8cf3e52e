//! What only the SQLite store promises, on real files.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use seatgate_core::agenda::{AgendaChange, Claim, Claimed, Claims, Item, Lane, Next, Settlement};
use seatgate_core::id::{ChangeId, InstanceId, RequestId};
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::{
    Answer, Change, Clock, Conflict, OsEntropy, PeopleStore, RequestQueries, RequestStore, StoreErrorKind,
};
use seatgate_core::testing::World;
use seatgate_core::time::Timestamp;
use seatgate_core::trail::{Chain, EntryDraft, Stream, verify};
use seatgate_store_sqlx::{FileState, SqliteOptions, SqliteStore};
use tempfile::TempDir;

/// A clock that stands still.
struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000)
    }
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seatgate.db");
    (folder, path)
}

async fn open(path: &std::path::Path) -> SqliteStore {
    SqliteStore::open(SqliteOptions::new(path).lease_clock(Arc::new(Noon))).await.unwrap()
}

fn new_chain() -> Chain {
    Chain::empty(Stream::Access(InstanceId::generate(Noon.now(), &OsEntropy)))
}

/// A change that appends one entry to `chain`.
fn change(chain: &mut Chain) -> Change {
    let id = ChangeId::generate(Noon.now(), &OsEntropy);
    let mut change = Change::new(id, chain);
    let draft = EntryDraft::new(Noon.now(), "denied", Actor::worker(), Surface::Api, serde_json::Value::Null);
    change.entries.push(chain.append(id, draft).unwrap());
    change
}

fn schedule(item: Item) -> AgendaChange {
    AgendaChange::Schedule { item, due: Noon.now(), lane: Some(Lane::Keeps), gated: true }
}

fn wake() -> Item {
    Item::Wake(RequestId::generate(Noon.now(), &OsEntropy))
}

async fn claim(store: &SqliteStore) -> Claims {
    store.claim(Claim::new(Noon.now(), 10)).await.unwrap()
}

async fn claim_one(store: &SqliteStore) -> Claimed {
    let claims = claim(store).await;
    let [claimed] = claims.items.try_into().unwrap();
    claimed
}

#[tokio::test]
async fn what_was_answered_is_there_after_a_reopening() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let mut chain = new_chain();
    let first = change(&mut chain);
    let second = change(&mut chain);
    assert_eq!(store.commit(vec![first]).await.unwrap(), [Answer::Committed]);
    assert_eq!(store.commit(vec![second.clone()]).await.unwrap(), [Answer::Committed]);
    store.close().await;

    let store = open(&path).await;
    assert_eq!(store.chain(chain.stream).await.unwrap(), chain);
    let trail = store.trail(chain.stream).await.unwrap();
    let lines: Vec<String> = trail.iter().map(|entry| entry.to_json()).collect();
    assert_eq!(verify(chain.stream, lines.iter().map(String::as_str)).unwrap(), chain);
    assert_eq!(store.commit(vec![second]).await.unwrap(), [Answer::Duplicate]);
    store.close().await;
}

#[tokio::test]
async fn a_store_that_opens_takes_its_leases_back_and_says_so() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let mut change = change(&mut new_chain());
    change.agenda.push(schedule(wake()));
    store.commit(vec![change]).await.unwrap();
    let before = claim_one(&store).await;
    assert!(!before.after_lost_lease);
    assert!(claim(&store).await.items.is_empty(), "a live lease");
    store.close().await;

    let store = open(&path).await;
    let after = claim_one(&store).await;
    assert!(after.after_lost_lease);
    assert!(after.token > before.token);
    let settled = [&before, &after].map(|claimed| Settlement::new(claimed, Next::Done));
    assert_eq!(store.settle(settled.to_vec()).await.unwrap(), [false, true]);
    store.close().await;
}

#[tokio::test]
async fn a_file_is_open_once() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let error = SqliteStore::open(path.as_path()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(error.to_string(), "the database is already open in another process");
    store.close().await;
    open(&path).await.close().await;
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, path) = folder();
    let store = open(&path).await;
    store.commit(vec![change(&mut new_chain())]).await.unwrap();
    let mut names = Vec::new();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
        names.push(file.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["seatgate.db", "seatgate.db-shm", "seatgate.db-wal", "seatgate.db.lock"]);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_that_wait_together_land_together_and_a_bad_one_fails_alone() {
    let (_folder, path) = folder();
    let store = Arc::new(open(&path).await);
    let changes: Vec<Change> = (0..64).map(|_| change(&mut new_chain())).collect();
    let commits = changes.into_iter().enumerate().map(|(number, mut change)| {
        if number == 40 {
            // Twice the same place in the chain: no check foresees it, and the table refuses it.
            change.entries.push(change.entries[0].clone());
            change.agenda.push(schedule(wake()));
        }
        let store = Arc::clone(&store);
        let stream = change.stream;
        tokio::spawn(async move { (stream, store.commit(vec![change]).await) })
    });
    for (number, commit) in commits.collect::<Vec<_>>().into_iter().enumerate() {
        let (stream, answer) = commit.await.unwrap();
        let version = store.chain(stream).await.unwrap().version;
        if number == 40 {
            assert_eq!(answer.unwrap_err().kind(), StoreErrorKind::Corrupt);
            assert_eq!(version, 0);
        } else {
            assert_eq!(answer.unwrap(), [Answer::Committed]);
            assert_eq!(version, 1);
        }
    }
    assert!(claim(&store).await.items.is_empty(), "nothing of the bad one landed");
    store.close().await;
}

#[tokio::test]
async fn one_failure_in_a_batch_leaves_its_outcome_unknown_and_a_repeat_tells() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let good = change(&mut new_chain());
    let mut bad = change(&mut new_chain());
    bad.entries.push(bad.entries[0].clone());
    let error = store.commit(vec![bad, good.clone()]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unknown);
    assert_eq!(store.commit(vec![good]).await.unwrap(), [Answer::Duplicate]);
    store.close().await;
}

#[tokio::test]
async fn a_known_change_is_a_duplicate_whatever_else_it_says() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let mut chain = new_chain();
    let first = change(&mut chain);
    store.commit(vec![first.clone()]).await.unwrap();
    let mut again = change(&mut chain);
    again.id = first.id;
    assert_eq!(store.commit(vec![again]).await.unwrap(), [Answer::Duplicate]);
    let other = change(&mut Chain::empty(chain.stream));
    assert_eq!(store.commit(vec![other]).await.unwrap(), [Answer::Conflict(Conflict::Version)]);
    store.close().await;
}

#[tokio::test]
async fn a_commit_whose_caller_left_still_lands() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let change = change(&mut new_chain());
    let stream = change.stream;
    let mut commit = Box::pin(store.commit(vec![change]));
    std::future::poll_fn(|context| {
        assert!(commit.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    drop(commit);
    store.close().await;
    let store = open(&path).await;
    assert_eq!(store.chain(stream).await.unwrap().version, 1);
    store.close().await;
}

#[tokio::test]
async fn texts_come_back_byte_for_byte() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    let world = World::new(1);
    let bodies = ["", "Zoë \"quoted\" \\ back", "two\nlines\ttab", "\u{1f600}\u{7f}\u{2028}", "nothing\u{0} is lost"];
    let mut change = change(&mut new_chain());
    change.texts = bodies.map(|body| world.text(body, None)).to_vec();
    let ids: Vec<_> = change.texts.iter().map(|text| text.reference.id).collect();
    store.commit(vec![change]).await.unwrap();
    let found: Vec<_> = store.texts(&ids).await.unwrap().into_iter().flatten().collect();
    assert_eq!(found, bodies);
    store.close().await;
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let (_folder, path) = folder();
    let store = open(&path).await;
    store.close().await;
    store.close().await;
    let error = store.commit(vec![change(&mut new_chain())]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    let error = store.chain(Stream::System).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}

#[tokio::test]
async fn an_item_that_cannot_be_read_keeps_no_other_from_being_claimed() {
    use sqlx::{ConnectOptions as _, Connection as _};

    let (_folder, path) = folder();
    let store = open(&path).await;
    let mut first = change(&mut new_chain());
    first.agenda = vec![schedule(wake()), schedule(wake())];
    assert_eq!(store.commit(vec![first]).await.unwrap(), [Answer::Committed]);
    store.close().await;
    let mut file = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    let spoil = "UPDATE agenda SET item = '{\"v\":99}' WHERE key = (SELECT min(key) FROM agenda)";
    sqlx::query(spoil).execute(&mut file).await.unwrap();
    file.close().await.unwrap();
    let store = open(&path).await;
    assert_eq!(claim(&store).await.items.len(), 1);
}

#[tokio::test]
async fn a_file_is_looked_at_without_a_change() {
    use sqlx::ConnectOptions as _;
    let (folder, path) = folder();
    let look = async || SqliteStore::inspect(&path).await.map_err(|error| error.kind());
    assert_eq!(look().await, Ok(FileState::Absent));
    assert!(!path.exists());
    let store = open(&path).await;
    assert_eq!(look().await, Ok(FileState::Ready), "while a process has it open");
    store.close().await;
    assert_eq!(look().await, Ok(FileState::Ready), "and when none has");

    let change = async |sql: &'static str| {
        let connect = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
        sqlx::query(sql).execute(&mut connect.connect().await.unwrap()).await.unwrap();
    };
    change("UPDATE _seatgate_migrations SET checksum = x'00'").await;
    assert_eq!(look().await, Ok(FileState::Foreign));
    change("DELETE FROM _seatgate_migrations").await;
    assert_eq!(look().await, Ok(FileState::Behind { missing: 1 }));
    change("DROP TABLE _seatgate_migrations").await;
    assert_eq!(look().await, Ok(FileState::Behind { missing: 1 }));
    std::fs::write(folder.path().join("text.db"), "no database, but long enough to be looked at as if it were one")
        .unwrap();
    let text = SqliteStore::inspect(&folder.path().join("text.db")).await;
    assert_eq!(text.map_err(|error| error.kind()), Err(StoreErrorKind::Corrupt));
}

#[tokio::test]
async fn what_cannot_be_written_in_time_is_refused_and_never_written() {
    use sqlx::{ConnectOptions as _, Executor as _};

    let (_folder, path) = folder();
    let store = Arc::new(open(&path).await);
    let mut other = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    // More than share a transaction, and more than may wait.
    let started = std::time::Instant::now();
    let mut commits = tokio::task::JoinSet::new();
    for _ in 0..2000 {
        let (store, change) = (Arc::clone(&store), change(&mut new_chain()));
        commits.spawn(async move { store.commit(vec![change]).await });
    }
    while let Some(answer) = commits.join_next().await {
        assert_eq!(answer.unwrap().unwrap_err().kind(), StoreErrorKind::Unavailable);
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    other.execute("ROLLBACK").await.unwrap();
    let mut chain = new_chain();
    let kept = change(&mut chain);
    assert_eq!(store.commit(vec![kept]).await.unwrap(), [Answer::Committed]);
    assert_eq!(store.streams(None, 10).await.unwrap(), [chain.stream], "nothing of what was refused");
}

#[tokio::test]
async fn a_file_that_somebody_else_has_locked_fails_writes_for_now_and_loses_nothing() {
    use sqlx::ConnectOptions as _;
    let (_folder, path) = folder();
    let options = SqliteOptions::new(&path).lease_clock(Arc::new(Noon)).busy_timeout(Duration::from_millis(20));
    let store = SqliteStore::open(options).await.unwrap();
    let (mut before, during) = (change(&mut new_chain()), change(&mut new_chain()));
    before.agenda.push(schedule(wake()));
    assert_eq!(store.commit(vec![before.clone()]).await.unwrap(), [Answer::Committed]);

    let mut other = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
    sqlx::raw_sql("BEGIN EXCLUSIVE").execute(&mut other).await.unwrap();
    let error = store.commit(vec![during.clone()]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("locked"), "{error:?}");
    assert_eq!(store.claim(Claim::new(Noon.now(), 10)).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    assert_eq!(store.chain(before.stream).await.unwrap().version, 1, "what only reads waits for nobody");
    assert_eq!(store.chain(during.stream).await.unwrap().version, 0);

    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    assert_eq!(store.commit(vec![during.clone()]).await.unwrap(), [Answer::Committed], "and works on as it was");
    assert_eq!(store.commit(vec![before, during]).await.unwrap(), [Answer::Duplicate; 2]);
    assert_eq!(claim(&store).await.items.len(), 1);
    store.close().await;
}
