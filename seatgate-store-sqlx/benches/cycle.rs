//! Whole cycles a second on SQLite: a candidate comes in, its manager approves, a target that does nothing removes, the
//! channel hears the outcome; 32 at a time. Beside it, in the same run and on the same disk, how fast plain SQLite commits
//! one small row at a time, and 32 rows at a time.
//!
//! `cargo bench -p seatgate-store-sqlx --bench cycle`; `SEATGATE_BENCH_CYCLES` sets how many (4000). As part of
//! `cargo test` it runs a few, to stay in order. With `--features postgres`, and where `SEATGATE_BENCH_POSTGRES` names an
//! empty database, the same there, beside how fast 32 plain connections commit one small row each.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a benchmark prints and may stop")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use seatgate_core::driver::{self, DriverOptions};
use seatgate_core::gate::{Ask, Gate, Store, Submission, Sweep};
use seatgate_core::id::RequestId;
use seatgate_core::message::{Content, Message};
use seatgate_core::person::{Actor, Surface};
use seatgate_core::port::*;
use seatgate_core::seat::{Candidate, CandidateDraft};
use seatgate_core::worker::Worker;
use seatgate_store_sqlx::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tokio::sync::oneshot;

const IN_FLIGHT: usize = 32;

/// A target that does nothing, and does it well.
struct NoOp;

#[async_trait]
impl Deprovisioner for NoOp {
    async fn deprovision(&self, _job: &Job) -> Result<Removal, EffectError> {
        Ok(Removal::removed())
    }

    fn idempotency(&self) -> Idempotency {
        Idempotency::Natural
    }
}

/// Tells whoever waits that a request has ended.
#[derive(Default)]
struct Ends(Mutex<HashMap<RequestId, oneshot::Sender<()>>>);

#[async_trait]
impl Notifier for Ends {
    async fn post(&self, message: &Message) -> Result<Posted, NotifyError> {
        if let Content::Report(rows) = &message.content {
            let mut waiting = self.0.lock().unwrap();
            for told in rows.iter().filter_map(|row| waiting.remove(&row.request)) {
                let _ = told.send(());
            }
        }
        Ok(Posted::at("here"))
    }

    async fn update(&self, posted: &Posted, _message: &Message) -> Result<Posted, NotifyError> {
        Ok(posted.clone())
    }
}

fn candidate(n: usize) -> Candidate {
    let json = serde_json::json!({
        "app": {"id": "figma"},
        "account": {"id": format!("00u{n}"), "email": format!("user{n}@example.com")},
        "manager": {"email": format!("manager{}@example.com", n % 40)},
        "never_used": true,
        "requesting_channel": format!("C{}", n % 40),
    });
    serde_json::from_value::<CandidateDraft>(json).unwrap().parse().unwrap()
}

async fn cycle(gate: &Gate, ends: &Ends, n: usize) {
    let scan = Actor::system("scan").unwrap();
    let report = gate.sweep(Sweep::new(scan, Surface::Webhook, vec![Ok(candidate(n))])).await.unwrap();
    let id = report.results[0].request_id.unwrap();
    let (ended, end) = oneshot::channel();
    ends.0.lock().unwrap().insert(id, ended);
    let manager = gate.people().find(&format!("manager{}@example.com", n % 40).parse().unwrap()).await.unwrap();
    let by = Submission::new(Actor::Person(manager.unwrap()), Surface::Api);
    gate.act(id, Ask::Approve, None, &by).await.unwrap();
    end.await.unwrap();
}

async fn cycles<S: Store + 'static>(store: S, count: usize) -> (f64, Vec<Duration>) {
    let store = Arc::new(store);
    let ends = Arc::new(Ends::default());
    let gate = Gate::builder(store, Arc::new(SystemClock), Arc::new(OsEntropy))
        .notifier(ends.clone())
        .router(Router::new().otherwise(Target::new("noop", Arc::new(NoOp))))
        .build()
        .unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let driver = tokio::spawn(driver::run(Worker::new(&gate), DriverOptions::default(), async move {
        let _ = stopped.await;
    }));
    let start = Instant::now();
    let clients = (0..IN_FLIGHT).map(|client| {
        let (gate, ends) = (gate.clone(), ends.clone());
        tokio::spawn(async move {
            let mut took = Vec::new();
            for n in (client..count).step_by(IN_FLIGHT) {
                let start = Instant::now();
                cycle(&gate, &ends, n).await;
                took.push(start.elapsed());
            }
            took
        })
    });
    let mut latencies = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        latencies.extend(client.await.unwrap());
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    drop(stop);
    driver.await.unwrap();
    latencies.sort();
    (rate, latencies)
}

/// Plain SQLite with the same settings: rows of 500 bytes, `batch` to a commit. Answers commits a second.
async fn plain(folder: &Path, commits: usize, batch: usize) -> f64 {
    let options = SqliteConnectOptions::new()
        .filename(folder.join(format!("plain{batch}.db")))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection: SqliteConnection = options.connect().await.unwrap();
    sqlx::query("CREATE TABLE t (id INTEGER PRIMARY KEY, body TEXT) STRICT").execute(&mut connection).await.unwrap();
    let body = "x".repeat(500);
    let start = Instant::now();
    for _ in 0..commits {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.unwrap();
        for _ in 0..batch {
            let insert = sqlx::query("INSERT INTO t (body) VALUES ($1)").bind(&body);
            insert.execute(&mut *transaction).await.unwrap();
        }
        transaction.commit().await.unwrap();
    }
    let rate = commits as f64 / start.elapsed().as_secs_f64();
    connection.close().await.unwrap();
    rate
}

/// Plain PostgreSQL: rows of 500 bytes, one to a commit, from 32 connections at once. Answers commits a second.
#[cfg(feature = "postgres")]
async fn plain_postgres(url: &str, commits: usize) -> f64 {
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(32).connect(url).await.unwrap();
    let create = "CREATE TABLE plain (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text)";
    sqlx::query(create).execute(&pool).await.unwrap();
    let start = Instant::now();
    let clients = (0..IN_FLIGHT).map(|_| {
        let pool = pool.clone();
        tokio::spawn(async move {
            let mut connection = pool.acquire().await.unwrap();
            for _ in 0..commits / IN_FLIGHT {
                let insert = sqlx::query("INSERT INTO plain (body) VALUES ($1)").bind("x".repeat(500));
                insert.execute(&mut *connection).await.unwrap();
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.unwrap();
    }
    (commits / IN_FLIGHT * IN_FLIGHT) as f64 / start.elapsed().as_secs_f64()
}

#[cfg(feature = "postgres")]
async fn postgres(count: usize) {
    let Ok(url) = std::env::var("SEATGATE_BENCH_POSTGRES") else { return };
    let plain = plain_postgres(&url, count).await;
    let store = seatgate_store_sqlx::PgStore::open(url.as_str()).await.unwrap();
    let (rate, latencies) = cycles(store, count).await;
    println!("plain PostgreSQL, {IN_FLIGHT} connections:  {plain:8.0} commits/s");
    tell(rate, plain, &latencies);
}

fn tell(rate: f64, plain: f64, latencies: &[Duration]) {
    let at = |part: usize| latencies[(latencies.len() * part / 100).min(latencies.len() - 1)];
    println!(
        "whole cycles, {IN_FLIGHT} in flight:       {rate:8.0} cycles/s, {:.2} of those plain commits",
        rate / plain
    );
    println!("a cycle takes p50 {:?}, p99 {:?}", at(50), at(99));
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let measured = std::env::args().any(|argument| argument == "--bench");
    let wanted = std::env::var("SEATGATE_BENCH_CYCLES").ok().and_then(|count| count.parse().ok());
    let count = wanted.unwrap_or(if measured { 4000 } else { 64 });
    let folder = tempfile::tempdir().unwrap();
    let one = plain(folder.path(), count, 1).await;
    let many = plain(folder.path(), count / 8, IN_FLIGHT).await;
    let store = SqliteStore::open(folder.path().join("cycle.db")).await.unwrap();
    let (rate, latencies) = cycles(store, count).await;
    println!("plain SQLite, one row a commit:   {one:8.0} commits/s");
    println!("plain SQLite, {IN_FLIGHT} rows a commit:   {:8.0} rows/s", many * IN_FLIGHT as f64);
    tell(rate, one, &latencies);
    #[cfg(feature = "postgres")]
    postgres(count).await;
}
