//! Sweeps of any length over a real server: cut, killed, resumed, shared by two servers, and much larger than its memory.
//! With `SEATGATE_LONG` set a million rows come in, cut at 400,000.

use std::path::Path;
use std::time::Instant;

use futures_util::{StreamExt as _, stream};
use reqwest::Body;
use seatgate_core::canonical::sha256_hex;
use seatgate_core::port::{Clock, SystemClock};
use seatgate_core::time::Span;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::cluster;
use super::crash::{Ground, TOKEN};
use super::database::Database;
use super::house::{Door, Server, eventually, run};

/// So many rows are written together by the baseline, as by the server.
const TOGETHER: usize = 1000;
/// What memory may grow by while a sweep comes in, however long it is, in KiB.
const GROWTH: u64 = 64 * 1024;

/// Whoever hands in a sweep.
struct Sender {
    door: Door,
    token: String,
    path: String,
}

impl Sender {
    async fn open(door: Door, token: &str, body: Value) -> Self {
        let mut sender = Self { door, token: token.to_owned(), path: "/v1/sweeps".to_owned() };
        let (status, opened) = sender.post("", &body).await.expect("a living server");
        assert_eq!(status, 201, "{opened}");
        sender.path = format!("/v1/sweeps/{}", opened["sweep_id"].as_str().unwrap());
        sender
    }

    /// The same sweep at another server.
    fn at(&self, door: Door) -> Self {
        Self { door, token: self.token.clone(), path: self.path.clone() }
    }

    /// An answer; none from a server that died over it.
    async fn post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let request = self.door.http.post(self.door.url(&format!("{}{path}", self.path)));
        let answer = request.bearer_auth(&self.token).json(body).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, serde_json::from_slice(&answer.bytes().await.ok()?).unwrap_or_default()))
    }

    async fn standing(&self) -> Option<Value> {
        let request = self.door.http.get(self.door.url(&format!("{}?limit=0", self.path)));
        request.bearer_auth(&self.token).send().await.ok()?.json().await.ok()
    }

    async fn received(&self) -> Option<usize> {
        usize::try_from(self.standing().await?["received"].as_u64()?).ok()
    }

    /// Sends what is missing of `rows`, up to row `cut`, where the line breaks; `true` once all of it is acknowledged.
    async fn send(&self, rows: usize, cut: Option<usize>) -> bool {
        let Some(from) = self.received().await else { return false };
        let parts = (from..cut.unwrap_or(rows)).step_by(TOGETHER);
        let end = cut.unwrap_or(rows);
        let parts = parts.map(move |first| Ok(lines(first..(first + TOGETHER).min(end))));
        // The line breaks once some of it is there.
        let (sender, breaks) = (self.at(self.door.clone()), cut.is_some());
        let broken = stream::once(async move {
            if breaks {
                eventually(|| async { sender.received().await.filter(|received| *received > from) }).await;
            }
            breaks
        });
        let broken = broken.filter_map(async |breaks| breaks.then(|| Err(std::io::Error::other("cut"))));
        let body = Body::wrap_stream(stream::iter(parts).chain(broken));
        let request = self.door.http.post(self.door.url(&format!("{}/rows?from={from}", self.path)));
        let request = request.bearer_auth(&self.token).header("content-type", "application/x-ndjson").body(body);
        let Ok(answer) = request.send().await else { return false };
        let Ok(text) = answer.text().await else { return false };
        let last: Value = text.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        last["received"] == json!(rows)
    }

    async fn answered(&self) -> Value {
        eventually(|| async { self.standing().await.filter(|sweep| sweep["state"] == "answered") }).await["counts"]
            .clone()
    }
}

/// Of the first so many rows, one seat in ten is idle; all others are in use.
const SOME_IDLE: usize = 100_000;

/// How many of the first `rows` seats are idle.
fn idle(rows: usize) -> usize {
    rows.min(SOME_IDLE) / 10
}

/// Row `number` of a sweep.
fn row(number: usize) -> String {
    let days = if number < SOME_IDLE && number.is_multiple_of(10) { 90 } else { 1 };
    let used = SystemClock.now().saturating_sub(Span::days(days).duration()).date();
    let account = format!(r#"{{"id":"00u{number}","email":"person{number}@example.com"}}"#);
    let rest = r#""app":{"id":"figma","name":"Figma"},"manager":{"email":"mona@example.com","name":"Mona Li"},"source":"scan""#;
    format!(r#"{{"account":{account},"external_id":"row-{number}","last_activity_at":"{used}T00:00:00Z",{rest}}}"#)
}

fn lines(numbers: std::ops::Range<usize>) -> Vec<u8> {
    numbers.map(|number| row(number) + "\n").collect::<String>().into_bytes()
}

/// How many requests there are.
async fn requests(door: &Door, token: &str) -> usize {
    let (mut count, mut cursor) = (0, String::new());
    loop {
        let path = format!("/v1/requests?limit=200{cursor}");
        let page: Value = door.http.get(door.url(&path)).bearer_auth(token).send().await.unwrap().json().await.unwrap();
        count += page["items"].as_array().unwrap().len();
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return count,
        }
    }
}

fn demo_token(directory: &Path) -> String {
    let secrets = std::fs::read(directory.join("seatgate.secrets")).unwrap();
    let secrets: Value = serde_json::from_slice(&secrets).unwrap();
    secrets["api_token"].as_str().unwrap().to_owned()
}

fn is_long() -> bool {
    std::env::var_os("SEATGATE_LONG").is_some()
}

/// Writes the same rows by hand, a batch a statement and a transaction, as fast as one connection can: rows a second.
async fn plain_unnest(url: &str, rows: usize) -> f64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    connection
        .execute("CREATE TABLE plain (sweep text, row int, digest text, body text, PRIMARY KEY (sweep, row))")
        .await
        .unwrap();
    let bodies: Vec<String> = (0..rows).map(row).collect();
    let started = Instant::now();
    for (batch, bodies) in bodies.chunks(TOGETHER).enumerate() {
        let numbers: Vec<i32> = (0..bodies.len()).map(|n| i32::try_from(batch * TOGETHER + n).unwrap()).collect();
        let digests: Vec<String> = bodies.iter().map(|body| sha256_hex(body.as_bytes())).collect();
        let insert = "INSERT INTO plain SELECT 'swp', * FROM unnest($1::int[], $2::text[], $3::text[])";
        sqlx::query(insert).bind(numbers).bind(digests).bind(bodies).execute(&mut connection).await.unwrap();
    }
    let rate = rows as f64 / started.elapsed().as_secs_f64();
    connection.execute("DROP TABLE plain").await.unwrap();
    rate
}

/// Takes in so many rows, cut at one of them and resumed; answers rows a second and by how much memory grew, in KiB.
async fn take_in(server: &Server, token: &str, rows: usize, cut: usize) -> (f64, u64) {
    let limits = json!({ "external_id": "volume", "seats": { "figma": 50 } });
    let sender = Sender::open(server.door(), token, limits).await;
    let before = server.peak_memory().unwrap_or_default();
    let started = Instant::now();
    assert!(!sender.send(rows, Some(cut)).await);
    let there = sender.received().await.unwrap();
    // What was still on its way when the line broke is sent again.
    assert!((1..=cut).contains(&there), "{there} of {cut} were kept");
    assert!(sender.send(rows, None).await);
    let rate = rows as f64 / started.elapsed().as_secs_f64();
    assert_eq!(requests(&sender.door, token).await, 0, "nobody is asked before the seal");
    let (status, sealed) = sender.post("/seal", &json!({ "rows": rows })).await.unwrap();
    assert_eq!((status, &sealed["received"]), (202, &json!(rows)));
    let mut counts = Value::Null;
    while counts.is_null() {
        let standing = sender.standing().await.unwrap();
        counts = if standing["state"] == "answered" { standing["counts"].clone() } else { Value::Null };
        tokio::time::sleep(super::house::LOOK_AGAIN).await;
    }
    let expected = json!({ "asked": 50, "held": idle(rows) - 50, "filtered": rows - idle(rows) });
    assert_eq!(counts, expected, "over the whole sweep");
    assert_eq!(requests(&sender.door, token).await, 50);
    (rate, server.peak_memory().unwrap_or_default().saturating_sub(before))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_larger_than_memory_comes_in_is_cut_and_goes_on() {
    let (rows, cut) = if is_long() { (1_000_000, 400_000) } else { (5_000, 2_000) };
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[]);
    let (rate, grown) = take_in(&server, &demo_token(directory.path()), rows, cut).await;
    println!("SQLite: {rows} rows, cut at {cut}: {rate:.0} rows/s, memory grew by {grown} KiB");
    assert!(grown < GROWTH, "{grown} KiB");
    assert!(server.stop().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_in_beside_plain_sql() {
    // Run by itself, the database keeps what it says.
    let Some(_) = cluster::durable_url() else { return };
    let Some(database) = Database::create("volume").await else { return };
    let (rows, cut) = if is_long() { (1_000_000, 400_000) } else { (5_000, 2_000) };
    let plain = plain_unnest(&database.url, rows.min(200_000)).await;
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(directory.path(), &[("DATABASE_URL", &database.url)]);
    let (rate, grown) = take_in(&server, &demo_token(directory.path()), rows, cut).await;
    println!(
        "PostgreSQL: {rows} rows, cut at {cut}: {rate:.0} rows/s, plain unnest {plain:.0} rows/s, ratio {:.2}, memory grew by \
         {grown} KiB",
        rate / plain
    );
    assert!(grown < GROWTH, "{grown} KiB");
    assert!(server.stop().success());
}

/// A server dies after each of the writes of a small sweep, before anybody hears of it: what is done again ends alike.
#[cfg(feature = "failpoints")]
#[tokio::test(flavor = "multi_thread")]
async fn whichever_write_it_dies_after_everybody_is_asked_once() {
    const ROWS: usize = 2_500;
    let ways =
        [("receive", 1), ("receive", 3), ("commit", 1), ("commit", 2), ("commit", 3), ("commit", 4), ("forget", 1)];
    for (write, number) in ways.into_iter().chain([("forget", 3), ("claim", 1), ("settle", 1)]) {
        let directory = tempfile::tempdir().unwrap();
        let fatal = format!("{write}:{number}");
        drop(Server::start(directory.path(), &[]));
        let token = demo_token(directory.path());
        let server = Server::start(directory.path(), &[("SEATGATE_FAILPOINT", &fatal)]);
        if hand_in(&server, &token, ROWS).await.is_some() {
            // It dies over what comes behind the sweep, or not at all.
            server.kill();
        }
        let server = Server::start(directory.path(), &[]);
        let counts = hand_in(&server, &token, ROWS).await.expect("nobody kills it");
        assert_eq!(counts, json!({ "asked": 250, "filtered": 2250 }), "{fatal}");
        assert_eq!(requests(&server.door(), &token).await, 250, "{fatal}");
        assert!(server.stop().success());
    }
}

/// What a sender does who may have been cut off before; none where the server dies over it.
#[cfg(feature = "failpoints")]
async fn hand_in(server: &Server, token: &str, rows: usize) -> Option<Value> {
    let mut sender = Sender { door: server.door(), token: token.to_owned(), path: "/v1/sweeps".to_owned() };
    let (_, opened) = sender.post("", &json!({ "external_id": "file" })).await?;
    sender.path = format!("/v1/sweeps/{}", opened["sweep_id"].as_str()?);
    if sender.standing().await?["state"] == "open" {
        if !sender.send(rows, None).await {
            return None;
        }
        sender.post("/seal", &json!({ "rows": rows })).await?;
    }
    loop {
        let standing = sender.standing().await?;
        if standing["state"] == "answered" {
            return Some(standing["counts"].clone());
        }
        tokio::time::sleep(super::house::LOOK_AGAIN).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_servers_one_applies_the_limits_and_either_may_die() {
    let Some(database) = Database::create("bulk").await else { return };
    let directory = tempfile::tempdir().unwrap();
    let ground = Ground::new(directory.path(), Some(&database.url)).await;
    let [one, other] = [0, 1].map(|life| ground.start(life, None).unwrap());
    let limits = json!({ "external_id": "shared", "seats": { "figma": 120 } });
    let here = Sender::open(one.door(), TOKEN, limits).await;
    let there = here.at(other.door());
    // Both send all of it at the same time: each row is kept once.
    let (sent, sent_there) = tokio::join!(here.send(3_000, None), there.send(3_000, None));
    assert!(sent && sent_there);
    let rows = json!({ "rows": 3_000 });
    let (sealed, sealed_there) = tokio::join!(here.post("/seal", &rows), there.post("/seal", &rows));
    assert_eq!((sealed.unwrap().0, sealed_there.unwrap().0), (202, 202));
    one.kill();
    let counts = tokio::time::timeout(super::house::PATIENCE * 2, there.answered()).await.unwrap();
    assert_eq!(counts, json!({ "asked": 120, "filtered": 2700, "held": 180 }));
    assert_eq!(requests(&there.door, TOKEN).await, 120);
    assert!(other.stop().success());
}

#[test]
fn a_large_file_goes_in_bulk_and_the_same_command_again_tells_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path();
    let server = Server::start(at, &[]);
    let (few, many) = (lines(0..100), lines(SOME_IDLE..SOME_IDLE + 40_000));
    std::fs::write(at.join("large.ndjson"), [few, many, b"{\"app\": 7}".to_vec()].concat()).unwrap();
    let mut table = "app_id,account_email,manager_email,last_activity_at,source\n".to_owned();
    let used = SystemClock.now().saturating_sub(Span::days(1).duration());
    table.extend((0..90_000).map(|n| format!("zoom,user{n}@example.com,mona@example.com,{used},{}\n", "x".repeat(40))));
    std::fs::write(at.join("large.csv"), table).unwrap();
    for _ in 0..2 {
        let (output, said) = run(at, &[], &["sweep", "large.ndjson"]);
        assert!(output.status.success() && said.ends_with(": 10 asked, 40090 filtered, 1 rejected\n"), "{said}");
        let (output, said) = run(at, &[], &["sweep", "large.csv"]);
        assert!(output.status.success() && said.ends_with(": 90000 filtered\n"), "{said}");
    }
    let (output, said) = run(at, &[], &["sweep", "large.csv", "--sweep", "swp_0"]);
    assert!(!output.status.success() && said.contains("joins none"), "{said}");
    assert!(server.stop().success());
}
