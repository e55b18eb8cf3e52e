//! More than can be written, and targets that never answer: the gate becomes slower, never wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::RETRY_AFTER;
use seatgate_core::port::{Clock, SystemClock};
use seatgate_http::sign::Signer;
use serde_json::{Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Executor as _, PgConnection};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::crash::target::Target;
use super::crash::{Ground, INTAKE, REMOVAL, TOKEN, all};
use super::database::Database;
use super::fake_slack::{Message, User};
use super::house::{Door, PATIENCE, Server, eventually};

/// So many deliver at a time.
const SENDERS: usize = 64;
/// Much more than a server needs, in KiB, and much less than it would with everything in memory that it is sent.
const MEMORY: u64 = 256 * 1024;

/// Whoever keeps a server from writing.
enum Stall {
    /// Another process writes to the file, and does not end.
    File(SqliteConnection),
    /// Another session changes the table of requests, and does not end.
    Table(PgConnection),
}

impl Stall {
    async fn begin(&mut self) {
        match self {
            Self::File(connection) => connection.execute("BEGIN IMMEDIATE").await.map(drop),
            Self::Table(connection) => {
                connection.execute("BEGIN; LOCK TABLE seatgate.requests IN EXCLUSIVE MODE").await.map(drop)
            }
        }
        .unwrap();
    }

    async fn end(&mut self) {
        match self {
            Self::File(connection) => connection.execute("ROLLBACK").await.map(drop),
            Self::Table(connection) => connection.execute("ROLLBACK").await.map(drop),
        }
        .unwrap();
    }
}

/// Deliveries without end, one seat each.
#[derive(Clone, Default)]
struct Flood {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
}

/// What a sender was told.
#[derive(Default)]
struct Told {
    /// By the name of the delivery: the request that was opened.
    acknowledged: BTreeMap<String, String>,
    /// Those that are to be repeated later.
    refused: BTreeSet<String>,
    longest: Duration,
}

impl Flood {
    async fn send(self, door: Door, sender: usize) -> Told {
        let mut told = Told::default();
        for number in 0.. {
            if self.stop.load(Ordering::SeqCst) {
                break;
            }
            let (name, sent) = (format!("flood-{sender}-{number}"), Instant::now());
            match deliver(&door, &name).await {
                Some(request) => {
                    told.acknowledged.insert(name, request);
                    self.acknowledged.fetch_add(1, Ordering::SeqCst);
                }
                None => {
                    told.refused.insert(name);
                    self.refused.fetch_add(1, Ordering::SeqCst);
                }
            }
            told.longest = told.longest.max(sent.elapsed());
        }
        told
    }
}

async fn until_more(counter: &AtomicUsize) {
    let before = counter.load(Ordering::SeqCst);
    eventually(|| async { (counter.load(Ordering::SeqCst) >= before + SENDERS).then_some(()) }).await;
}

/// The request that a delivery opened; nothing, where it is to be repeated later.
async fn deliver(door: &Door, name: &str) -> Option<String> {
    let manager = if name == "card" { "mona@example.com" } else { "nobody@example.com" };
    let seat = json!({ "app": { "id": "figma" }, "account": { "email": format!("{name}@example.com") },
        "never_used": true, "manager": { "email": manager } });
    let (status, answer) = sweep(door, name, &json!([seat])).await;
    (status == 202).then(|| answer["results"][0]["request_id"].as_str().unwrap().to_owned())
}

async fn sweep(door: &Door, name: &str, seats: &Value) -> (u16, Value) {
    let body = seats.to_string().into_bytes();
    let signer = Signer::new(INTAKE.parse().unwrap());
    let signed = signer.sign(&name.parse().unwrap(), SystemClock.now().as_seconds(), &body);
    let call = door.http.post(door.url("/v1/candidates")).header("content-type", "application/json").body(body);
    let call = signed.into_pairs().into_iter().fold(call, |call, (name, value)| call.header(name, value));
    let response = call.send().await.unwrap();
    let (status, waits) = (response.status().as_u16(), response.headers().contains_key(RETRY_AFTER));
    let answer: Value = response.json().await.unwrap();
    assert!(status == 202 || (status == 503 && waits), "{status}, Retry-After {waits}: {answer}");
    (status, answer)
}

/// A flood over a store that stalls in the middle of it.
async fn under_pressure(ground: &Ground<'_>, stall: impl AsyncFnOnce() -> Stall) {
    ground.slack.user(User::new("U1", "mona@example.com"));
    let server = ground.start(0, None).unwrap();
    let door = server.door();
    let asked = deliver(&door, "card").await.unwrap();
    let card = ground.slack.wait_for_message("U1", 1).await;
    let (flood, mut senders) = (Flood::default(), JoinSet::new());
    for sender in 0..SENDERS {
        senders.spawn(flood.clone().send(server.door(), sender));
    }
    until_more(&flood.acknowledged).await;
    let mut stall = stall().await;
    stall.begin().await;
    let refused = click(ground, &door, &card, &asked).await;
    assert_eq!(refused, 503, "nothing is said as done");
    until_more(&flood.refused).await;
    stall.end().await;
    until_more(&flood.acknowledged).await;
    eventually(|| async { (click(ground, &door, &card, &asked).await == 200).then_some(()) }).await;
    flood.stop.store(true, Ordering::SeqCst);
    let told = senders.join_all().await;
    is_all_there(&door, &told, &asked).await;
    let peak = server.peak_memory().unwrap_or_default();
    let longest = told.iter().map(|told| told.longest).max().unwrap();
    eprintln!(
        "{} acknowledged, {} asked to come later; the longest answer took {longest:?}, memory {} MiB",
        flood.acknowledged.load(Ordering::SeqCst),
        flood.refused.load(Ordering::SeqCst),
        peak / 1024
    );
    assert!(peak < MEMORY && longest < PATIENCE, "{peak} KiB, {longest:?}");
    assert_eq!(server.closed(&asked, TOKEN).await["decision"]["surface"], "slack");
    assert!(server.stop().success());
}

async fn click(ground: &Ground<'_>, door: &Door, card: &Message, request: &str) -> u16 {
    let answer = ground.slack.click(card, &format!("approve/{request}")).by("U1").send(&door.base).await;
    assert!(answer.status == 200 || answer.headers.contains_key(RETRY_AFTER), "{answer:?}");
    answer.status
}

/// What was acknowledged is there, and nothing that was not sent; repeated, the rest is there as well, each once.
async fn is_all_there(door: &Door, told: &[Told], asked: &str) {
    let found = async || {
        let mut found: BTreeMap<String, String> = BTreeMap::new();
        for request in all(door, "/v1/requests").await {
            let (id, email) = (request["id"].as_str().unwrap(), request["account"]["email"].as_str().unwrap());
            let name = email.strip_suffix("@example.com").unwrap().to_owned();
            assert_eq!(found.insert(name, id.to_owned()), None, "{email} is there twice");
        }
        assert_eq!(found.remove("card").as_deref(), Some(asked));
        found
    };
    let mut acknowledged: BTreeMap<String, String> = told.iter().flat_map(|told| told.acknowledged.clone()).collect();
    let refused: BTreeSet<&String> = told.iter().flat_map(|told| &told.refused).collect();
    let before = found().await;
    assert!(acknowledged.iter().all(|(name, id)| before.get(name) == Some(id)), "something is lost");
    assert!(before.keys().all(|name| acknowledged.contains_key(name) || refused.contains(name)), "nobody sent it");
    for name in refused {
        let request = eventually(async || deliver(door, name).await).await;
        assert!(before.get(name).is_none_or(|known| *known == request), "{name} is another one now");
        acknowledged.insert(name.clone(), request);
    }
    assert_eq!(found().await, acknowledged);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_for_a_while_loses_nothing_that_was_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let ground = Ground::new(directory.path(), None).await;
    let file = SqliteConnectOptions::new().filename(directory.path().join("seatgate.db")).busy_timeout(PATIENCE);
    under_pressure(&ground, async || Stall::File(file.connect().await.unwrap())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_written_for_a_while_loses_nothing_that_was_acknowledged() {
    let Some(database) = Database::create("pressed").await else { return };
    let directory = tempfile::tempdir().unwrap();
    let ground = Ground::new(directory.path(), Some(&database.url)).await;
    under_pressure(&ground, async || Stall::Table(database.connect().await)).await;
}

/// Two targets, of which one takes calls and never answers.
async fn beside_a_dead_target(directory: &std::path::Path, target: &Target) -> Server {
    let dead = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead_at = dead.local_addr().unwrap();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((call, _)) = dead.accept().await {
            held.push(call);
        }
    });
    let config = format!(
        "[targets.figma]\nkind = \"webhook\"\nurl = \"{}\"\n[targets.zoom]\nkind = \"webhook\"\nurl = \"http://{dead_at}/\"\n",
        target.url(0)
    );
    std::fs::write(directory.join("seatgate.toml"), config).unwrap();
    let environment = [
        ("SEATGATE_CONFIG", "seatgate.toml"),
        ("SEATGATE_INTAKE_SECRET", INTAKE),
        ("SEATGATE_API_TOKEN", TOKEN),
        ("SEATGATE_DEPROVISION_SECRET", REMOVAL),
        ("SEATGATE_ALLOW_PRIVATE_TARGETS", &format!("{},{dead_at}", target.address)),
    ];
    Server::start(directory, &environment)
}

async fn switch(server: &Server, mode: &str) {
    let call = server.http.put(server.url("/v1/policy")).bearer_auth(TOKEN).json(&json!({ "mode": mode }));
    assert_eq!(call.send().await.unwrap().status(), 200);
}

/// How many removals a second the living target gets, of so many seats of these apps that wait for it all at once.
async fn throughput(server: &Server, target: &Target, apps: &[&str], seats: usize, together: &Barrier) -> f64 {
    let seat = |app: &str, number: usize| {
        json!({ "app": { "id": app }, "account": { "email": format!("{}-{number}@example.com", apps.len()) },
            "never_used": true, "manager": { "email": "mona@example.com" } })
    };
    let seats: Vec<Value> =
        apps.iter().flat_map(|app| (0..seats).map(move |number| (app, number))).map(|(a, n)| seat(a, n)).collect();
    let (status, answer) = sweep(&server.door(), &format!("of-{}", apps.len()), &json!(seats)).await;
    assert_eq!((status, &answer["counts"]), (202, &json!({ "asked": seats.len() })));
    switch(server, "off").await;
    for row in answer["results"].as_array().unwrap() {
        let path = format!("/v1/requests/{}/decision", row["request_id"].as_str().unwrap());
        let approve = json!({ "decision": "approve", "as": { "email": "mona@example.com" } });
        assert_eq!(server.post(&path, TOKEN, &approve).await.0, 200);
    }
    let due = async || server.get("/readyz", "").await.1["checks"]["agenda"]["due"].as_u64();
    eventually(async || (due().await == u64::try_from(seats.len()).ok()).then_some(())).await;
    // Nothing but the removals is left.
    together.wait().await;
    let (removed, started) = (seats.len() / apps.len(), Instant::now());
    switch(server, "live").await;
    target.called(0, removed).await;
    f64::from(u32::try_from(removed).unwrap()) / started.elapsed().as_secs_f64()
}

/// At the same time on two servers, so that whatever else the machine does slows both down.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_target_slows_no_other_down() {
    const SEATS: usize = 120;
    let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (one, other) = (Target::start().await, Target::start().await);
    let servers = [
        beside_a_dead_target(directories[0].path(), &one).await,
        beside_a_dead_target(directories[1].path(), &other).await,
    ];
    let together = Barrier::new(2);
    let (alone, beside) = tokio::join!(
        throughput(&servers[0], &one, &["figma"], SEATS, &together),
        throughput(&servers[1], &other, &["zoom", "figma"], SEATS, &together)
    );
    println!("{alone:.0} removals/s alone, {beside:.0} beside a dead target: {:.2}", beside / alone);
    // It is about one. On a busy machine it varies, but a target that took the room of others would hold them up until its
    // calls time out, after 15 s: much longer than all of this takes.
    assert!(beside > alone / 4.0, "{beside} of {alone}");
    servers.into_iter().for_each(Server::kill);
}
