//! Bad clients over real sockets: slow, large, packed, forged, replayed. Each gets a clear answer or none, and nothing of
//! them stays.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use seatgate_core::gate::Gate;
use seatgate_core::memory::MemoryStore;
use seatgate_core::port::{Clock, Router as Targets, Target};
use seatgate_core::testing::{ManualClock, ScriptedDeprovisioner, SeededEntropy};
use seatgate_core::time::Timestamp;
use seatgate_http::server::{HttpOptions, router};
use seatgate_http::sign::{Signer, Verifier, WebhookSecret};
use seatgate_http::token::ApiTokens;
use seatgate_store_sqlx::{SqliteOptions, SqliteStore};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::accept::accept;
use super::house::{PATIENCE, Server};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const OTHER_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TOKEN: &str = "a-token-of-the-test";
const LARGEST: usize = 8 * 1024 * 1024;

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new("2026-11-22T08:00:00Z".parse::<Timestamp>().unwrap()))
}

fn routes(gate: &Gate) -> Router {
    router(gate.clone(), HttpOptions::new(Verifier::new(SECRET.parse().unwrap()), ApiTokens::admin(TOKEN).unwrap()))
}

fn targets() -> Targets {
    let target = ScriptedDeprovisioner::new(seatgate_core::port::Idempotency::Natural);
    Targets::new().otherwise(Target::new("idp", Arc::new(target)))
}

/// Serves these routes as the example does, for as long as the test runs.
async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(accept(listener, routes, std::future::pending()));
    address
}

/// A server in memory, whose limits of time pass as fast as nothing else happens.
async fn in_memory() -> String {
    let clock = clock();
    let store = Arc::new(MemoryStore::new(clock.clone()));
    let gate = Gate::builder(store, clock, Arc::new(SeededEntropy::new(1))).router(targets()).build().unwrap();
    serve(routes(&gate)).await
}

/// Sends `start`, and then `drop` every ten seconds until the server has had enough. How long that took, and its answer.
async fn dribble(address: &str, start: &[u8], drop: &[u8]) -> (u64, String) {
    let started = Instant::now();
    let (mut read, mut write) = tokio::net::TcpStream::connect(address).await.unwrap().into_split();
    let dribbling = async {
        write.write_all(start).await.unwrap();
        loop {
            tokio::time::sleep(Duration::from_secs(10)).await;
            if write.write_all(drop).await.is_err() {
                return std::future::pending().await;
            }
        }
    };
    let mut answer = Vec::new();
    tokio::select! {
        () = dribbling => {}
        // A reset after the answer is an end as well.
        _ = read.read_to_end(&mut answer) => {}
    }
    (started.elapsed().as_secs(), String::from_utf8_lossy(&answer).into_owned())
}

#[tokio::test(start_paused = true)]
async fn headers_that_drip_are_cut_off() {
    let address = in_memory().await;
    let (waited, answer) = dribble(&address, b"POST /v1/candidates HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n").await;
    assert!((30..=40).contains(&waited), "{waited} s");
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_answered_and_cut_off() {
    let address = in_memory().await;
    let head = |length: &str| format!("POST /v1/candidates HTTP/1.1\r\nHost: x\r\n{length}\r\n\r\n");
    for (start, drop) in [(head("Content-Length: 1000"), "["), (head("Transfer-Encoding: chunked"), "1\r\n[\r\n")] {
        let (waited, answer) = dribble(&address, start.as_bytes(), drop.as_bytes()).await;
        assert!((60..=70).contains(&waited), "{waited} s");
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("application/problem+json"), "{answer}");
    }
}

fn configured() -> Vec<(&'static str, &'static str)> {
    vec![("SEATGATE_INTAKE_SECRET", SECRET), ("SEATGATE_API_TOKEN", TOKEN), ("SEATGATE_CONFIG", "seatgate.toml")]
}

/// A server process with a pretended target.
fn process(directory: &std::path::Path, environment: &[(&str, &str)]) -> Server {
    std::fs::write(directory.join("seatgate.toml"), "[targets.\"*\"]\nkind = \"pretend\"\n").unwrap();
    Server::start(directory, environment)
}

/// Sends what `send` writes, and answers how many bytes the server took before it hung up, and what it said.
fn talk(server: &Server, head: &str, body: impl FnOnce(&mut dyn FnMut(&[u8]) -> bool)) -> (usize, String) {
    let address = server.base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reading = stream.try_clone().unwrap();
    let reader = std::thread::spawn(move || {
        let (mut answer, mut part) = (Vec::new(), [0; 4096]);
        while !is_whole(&answer) {
            match reading.read(&mut part) {
                Ok(0) | Err(_) => break,
                Ok(read) => answer.extend(&part[..read]),
            }
        }
        String::from_utf8_lossy(&answer).into_owned()
    });
    stream.write_all(format!("POST /v1/candidates HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n").as_bytes()).unwrap();
    let mut taken = 0;
    body(&mut |part| {
        let sent = stream.write_all(part).is_ok();
        taken += if sent { part.len() } else { 0 };
        sent
    });
    (taken, reader.join().unwrap())
}

/// Whether an answer is there to its end.
fn is_whole(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer);
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    length.and_then(|length| length.parse().ok()).is_some_and(|length: usize| body.len() >= length)
}

fn assert_problem(answer: &str, status: u16) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(head.contains("content-type: application/problem+json"), "{answer}");
    let problem: Value = serde_json::from_str(body).unwrap();
    assert_eq!(problem["status"], status);
}

#[test]
fn what_is_too_large_costs_little_memory() {
    let directory = tempfile::tempdir().unwrap();
    let server = process(directory.path(), &configured());
    let before = server.peak_memory();
    let (_, declared) = talk(&server, &format!("Content-Length: {}", LARGEST + 1), |_| {});
    assert_problem(&declared, 413);
    let chunk = |size: usize| [format!("{size:x}\r\n").as_bytes(), &vec![b' '; size], b"\r\n"].concat();
    let (_, one_over) = talk(&server, "Transfer-Encoding: chunked", |send| {
        assert!(send(&chunk(LARGEST)));
        send(&chunk(1));
        send(b"0\r\n\r\n");
    });
    assert_problem(&one_over, 413);
    let part = chunk(1024 * 1024);
    for _ in 0..4 {
        let (taken, flood) = talk(&server, "Transfer-Encoding: chunked", |send| {
            let _ = (0..256).all(|_| send(&part));
        });
        assert!(taken < 3 * LARGEST, "{taken} bytes were taken");
        assert_problem(&flood, 413);
    }
    let (_, whole) = talk(&server, "Transfer-Encoding: chunked\r\nConnection: close", |send| {
        assert!(send(&chunk(LARGEST)) && send(b"0\r\n\r\n"));
    });
    assert_problem(&whole, 401);
    if let (Some(before), Some(after)) = (before, server.peak_memory()) {
        eprintln!("peak memory {} MiB before, {} MiB after", before / 1024, after / 1024);
        assert!(after - before < 64 * 1024, "{before} KiB before, {after} KiB after");
    }
    assert!(server.stop().success());
}

/// A gigabyte of blanks in a megabyte would be read under the limit. It is not unpacked at all.
#[test]
fn a_packed_body_is_refused_before_it_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let server = process(directory.path(), &configured());
    let (_, answer) = talk(&server, "Content-Encoding: gzip\r\nContent-Length: 1000000", |_| {});
    assert_problem(&answer, 415);
    assert!(answer.contains("accept-encoding: identity"), "{answer}");
    assert!(server.stop().success());
}

/// A server on a file, with a clock that stands still until it is moved.
struct OnSqlite {
    address: String,
    clock: Arc<ManualClock>,
    gate: Gate,
    http: reqwest::Client,
    _directory: tempfile::TempDir,
}

impl OnSqlite {
    async fn new() -> Self {
        let (directory, clock) = (tempfile::tempdir().unwrap(), clock());
        let options = SqliteOptions::new(directory.path().join("seatgate.db")).lease_clock(clock.clone());
        let store = Arc::new(SqliteStore::open(options).await.unwrap());
        let entropy = Arc::new(SeededEntropy::new(1));
        let gate = Gate::builder(store, clock.clone(), entropy).router(targets()).build().unwrap();
        let address = serve(routes(&gate)).await;
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        Self { address, clock, gate, http, _directory: directory }
    }

    /// A delivery that was signed with `secret` for `signed`, `late` seconds after now, and says `body`.
    async fn deliver(&self, id: &str, secret: &str, late: i64, signed: &Value, body: &Value) -> (u16, Value) {
        let signer = Signer::new(secret.parse::<WebhookSecret>().unwrap());
        let at = self.clock.now().as_seconds() + late;
        let request = self.http.post(format!("http://{}/v1/candidates", self.address));
        let request = request.header("content-type", "application/json");
        let headers = signer.sign(&id.parse().unwrap(), at, signed.to_string().as_bytes()).into_pairs();
        let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        let response = request.body(body.to_string()).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// What the access stream counts: denials of deliveries, by their reason.
    async fn denials(&self) -> Vec<(String, u64)> {
        let entries = self.gate.queries().trail(self.gate.access_stream()).await.unwrap();
        let mut counts = std::collections::BTreeMap::new();
        for entry in entries {
            let body: Value = serde_json::from_str(&entry.body).unwrap();
            assert_eq!((&body["kind"], &body["data"]["action"]), (&json!("denied"), &json!("intake")));
            *counts.entry(body["data"]["denial"].as_str().unwrap().to_owned()).or_default() +=
                body["data"]["count"].as_u64().unwrap();
        }
        counts.into_iter().collect()
    }
}

fn seat(name: &str) -> Value {
    json!([{ "app": { "id": "figma" }, "account": { "email": format!("{name}@example.com") }, "never_used": true }])
}

#[tokio::test]
async fn forged_late_and_early_deliveries_are_counted_and_change_nothing() {
    let server = OnSqlite::new().await;
    let (ana, bo) = (seat("ana"), seat("bo"));
    for _ in 0..3 {
        assert_eq!(server.deliver("msg_1", OTHER_SECRET, 0, &ana, &ana).await.0, 401, "forged");
        assert_eq!(server.deliver("msg_1", SECRET, 0, &ana, &bo).await.0, 401, "altered");
        assert_eq!(server.deliver("msg_1", SECRET, -301, &ana, &ana).await.0, 401, "late");
        assert_eq!(server.deliver("msg_1", SECRET, 301, &ana, &ana).await.0, 401, "early");
    }
    let unsigned =
        server.http.post(format!("http://{}/v1/candidates", server.address)).body("[]").send().await.unwrap();
    assert_eq!(unsigned.status(), 401);
    assert_eq!(unsigned.headers()["content-type"], "application/problem+json");
    let once = [("bad_signature", 1), ("early", 1), ("no_signature", 1), ("stale", 1)];
    assert_eq!(server.denials().await, once.map(|(denial, count)| (denial.to_owned(), count)));
    server.clock.advance(Duration::from_secs(61));
    server.gate.flush_access().await;
    let all = [("bad_signature", 6), ("early", 3), ("no_signature", 1), ("stale", 3)];
    assert_eq!(server.denials().await, all.map(|(denial, count)| (denial.to_owned(), count)));
    let streams = server.gate.queries().streams(None, 100).await.unwrap();
    assert_eq!(streams, [server.gate.access_stream()], "nothing else was written");
}

#[tokio::test]
async fn a_replayed_delivery_is_answered_and_changes_nothing() {
    let server = OnSqlite::new().await;
    let (ana, bo) = (seat("ana"), seat("bo"));
    let first = server.deliver("msg_1", SECRET, 0, &ana, &ana).await;
    assert_eq!((first.0, &first.1["counts"]), (202, &json!({ "asked": 1 })));
    let written = || async { server.gate.queries().streams(None, 100).await.unwrap().len() };
    let before = written().await;
    server.clock.advance(Duration::from_secs(299));
    assert_eq!(server.deliver("msg_1", SECRET, -299, &ana, &ana).await, first);
    let (status, problem) = server.deliver("msg_1", SECRET, 0, &bo, &bo).await;
    assert_eq!((status, &problem["type"]), (409, &json!("urn:seatgate:problem:delivery-reused")));
    assert_eq!(written().await, before);
    server.clock.advance(Duration::from_secs(2));
    assert_eq!(server.deliver("msg_1", SECRET, -301, &ana, &ana).await.0, 401, "the very same bytes, too late");
    assert_eq!(server.denials().await, [("stale".to_owned(), 1)]);
}

const ROWS: usize = 1500;

/// Many seats, some twice, some broken, and more than the limit.
fn many() -> String {
    let row = |number: usize| match number % 7 {
        3 => json!({ "app": { "id": "figma" }, "account": {}, "never_used": true }),
        5 => seat(&format!("seat-{}", number - 5))[0].clone(),
        _ => seat(&format!("seat-{number}"))[0].clone(),
    };
    Value::Array((0..ROWS).map(row).collect()).to_string()
}

async fn send(server: &Server, body: String) -> Option<Value> {
    let signer = Signer::new(SECRET.parse::<WebhookSecret>().unwrap());
    let at = seatgate_core::port::SystemClock.now().as_seconds();
    let headers = signer.sign(&"msg_cut".parse().unwrap(), at, body.as_bytes()).into_pairs();
    let request = server.http.post(server.url("/v1/candidates")).header("content-type", "application/json").body(body);
    let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    let response = request.send().await.ok()?;
    assert_eq!(response.status(), 202);
    response.json().await.ok()
}

fn answers(body: &Value) -> Vec<(u64, String)> {
    let rows = body["results"].as_array().unwrap();
    rows.iter().map(|row| (row["row"].as_u64().unwrap(), row["status"].as_str().unwrap().to_owned())).collect()
}

/// How many requests there are.
async fn asked(server: &Server) -> usize {
    let metrics = server.http.get(server.url("/metrics")).send().await.unwrap().text().await.unwrap();
    let lines = metrics.lines().filter(|line| line.starts_with("seatgate_requests{"));
    lines.map(|line| line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()).sum()
}

/// The process dies in the middle of a delivery, and again in the middle of its redelivery.
#[tokio::test(flavor = "multi_thread")]
async fn a_redelivery_that_is_cut_in_the_middle_answers_as_if_it_had_not_been() {
    let environment = [configured(), vec![("SEATGATE_POLICY__MAX_REQUESTS_PER_SWEEP", "900")]].concat();
    let (whole, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let server = process(whole.path(), &environment);
    let expected = send(&server, many()).await.unwrap();
    assert!(expected["counts"].as_object().unwrap().len() == 4, "{}", expected["counts"]);
    assert!(server.stop().success());
    for least in [1, 400] {
        let server = process(cut.path(), &environment);
        let killed = async {
            super::house::eventually(|| async { (asked(&server).await >= least).then_some(()) }).await;
        };
        tokio::select! {
            biased;
            () = killed => {}
            answer = send(&server, many()) => panic!("answered before it was cut: {answer:?}"),
        }
        assert!((least..900).contains(&asked(&server).await), "in the middle");
        server.kill();
    }
    let server = process(cut.path(), &environment);
    let resumed = send(&server, many()).await.unwrap();
    assert_eq!(answers(&resumed), answers(&expected));
    assert_eq!(resumed["counts"], expected["counts"]);
    assert_eq!(asked(&server).await, 900);
    assert_eq!(send(&server, many()).await.unwrap(), resumed);
    assert!(server.stop().success());
}
