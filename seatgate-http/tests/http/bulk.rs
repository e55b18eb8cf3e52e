//! Sweeps of any length over the API: opened, sent row by row, cut, resumed and sealed.

use axum::body::{Body, Bytes};
use axum::http::Request;
use seatgate_core::policy::Mode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{Reply, TOKEN, World, candidate};

async fn opened(world: &World, body: Value) -> String {
    let reply = world.post("/v1/sweeps", body).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    format!("/v1/sweeps/{}", reply.body["sweep_id"].as_str().unwrap())
}

fn line(name: &str) -> String {
    format!("{}\n", candidate(name))
}

fn lines(names: impl IntoIterator<Item = String>) -> String {
    names.into_iter().map(|name| line(&name)).collect()
}

fn names(numbers: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    numbers.map(|number| format!("person{number}"))
}

async fn send_as(world: &World, media_type: &str, path: &str, body: impl Into<Body>) -> Reply {
    let request = Request::builder().method("POST").uri(path).header("authorization", format!("Bearer {TOKEN}"));
    world.call(request.header("content-type", media_type).body(body.into()).unwrap()).await
}

async fn send(world: &World, path: &str, body: impl Into<Body>) -> Vec<Value> {
    let reply = send_as(world, "application/x-ndjson", path, body).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "application/x-ndjson"), "{reply:?}");
    told(&reply)
}

/// The lines of an answer. One line alone was read as JSON already.
fn told(reply: &Reply) -> Vec<Value> {
    match reply.body.as_str() {
        Some(text) => text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        None => vec![reply.body.clone()],
    }
}

async fn counts(world: &World, path: &str) -> Value {
    world.get(path).await.body["counts"].clone()
}

#[tokio::test]
async fn rows_are_answered_line_by_line_and_asked_about_once_sealed() {
    let world = World::with_policy(&[("max_requests_per_sweep", "2")]).await;
    let path = opened(&world, json!({"source": "okta", "external_id": "scan-7"})).await;
    assert_eq!(opened(&world, json!({"source": "okta", "external_id": "scan-7"})).await, path);
    let body = format!("{}{}\n{{\"app\": 7}}\n\n{}", line("ana"), line("bo"), candidate("cy"));
    let answer = send(&world, &format!("{path}/rows"), body.clone()).await;
    let received = |row: u32, rows: u32| json!({"row": row, "rows": rows, "status": "received"});
    assert_eq!((&answer[0], &answer[2]), (&received(0, 2), &received(3, 1)));
    assert_eq!((&answer[1]["row"], &answer[1]["status"]), (&json!(2), &json!("rejected")));
    assert_eq!(answer[1]["problem"]["pointer"], "/app");
    assert_eq!(answer[3..], [json!({"received": 4, "rejected": 1})]);
    assert_eq!(send(&world, &format!("{path}/rows"), body).await, answer, "the same again");
    world.work().await;
    let waiting = world.get(&path).await.body;
    assert_eq!((&waiting["state"], &waiting["received"]), (&json!("open"), &json!(4)));
    assert_eq!(waiting["counts"], json!({"received": 3, "rejected": 1}));

    assert_eq!(world.post(&format!("{path}/seal"), json!({"rows": 3})).await.problem().0, 409);
    for _ in 0..2 {
        let sealed = world.post(&format!("{path}/seal"), json!({"rows": 4})).await;
        assert_eq!((sealed.status.as_u16(), &sealed.body["received"]), (202, &json!(4)));
    }
    assert_eq!(world.get(&path).await.body["state"], "sealed");
    let late = send_as(&world, "application/x-ndjson", &format!("{path}/rows?from=4"), line("di")).await;
    assert_eq!((late.problem().0, &late.body["type"]), (409, &json!("urn:seatgate:problem:sealed")));
    world.work().await;
    let done = world.get(&path).await.body;
    assert_eq!((&done["state"], &done["counts"]), (&json!("answered"), &json!({"asked": 2, "held": 1, "rejected": 1})));
    let page = world.get(&format!("{path}?from=1&limit=2")).await.body;
    let statuses: Vec<_> = page["results"].as_array().unwrap().iter().map(|row| &row["status"]).collect();
    assert_eq!((json!(statuses), &page["next"]), (json!(["asked", "rejected"]), &json!(3)));
    assert_eq!(world.post(&format!("{path}/release"), json!({})).await.body["counts"]["asked"], 3);
}

#[tokio::test]
async fn other_bytes_change_nothing_and_a_gap_is_refused() {
    let world = World::new().await;
    let path = format!("{}/rows", opened(&world, json!({})).await);
    send(&world, &path, lines(names(0..3))).await;
    let other = send(&world, &format!("{path}?from=1"), format!("{}{}", line("zoe"), line("person2"))).await;
    assert_eq!((&other[0]["row"], &other[0]["problem"]["title"]), (&json!(1), &json!("Other bytes")));
    assert_eq!(other[1..], [json!({"row": 2, "rows": 1, "status": "received"}), json!({"received": 3, "rejected": 1})]);
    let gap = send_as(&world, "application/x-ndjson", &format!("{path}?from=4"), line("di")).await;
    assert_eq!((gap.problem().0, &gap.body["type"]), (409, &json!("urn:seatgate:problem:other-rows")));
    for from in ["x", "-1", "4294967296"] {
        let odd = send_as(&world, "application/x-ndjson", &format!("{path}?from={from}"), line("di")).await;
        assert_eq!(odd.problem().0, 400, "{from}");
    }
}

#[tokio::test]
async fn a_table_comes_in_parts_too_each_with_its_header() {
    let world = World::new().await;
    let path = format!("{}/rows", opened(&world, json!({})).await);
    let header = "app_id,account_email,account_name,never_used\r\n";
    let body = format!(
        "\u{feff}{header}figma,ana@example.com,\"Ruiz, Ana\",true\r\n,,,\r\nfigma,bo@example.com,\"Bo\nB\",true"
    );
    let answer = told(&send_as(&world, "text/csv", &path, body).await);
    assert_eq!(answer[0], json!({"row": 0, "rows": 1, "status": "received"}));
    assert!(answer[1]["problem"]["detail"].as_str().unwrap().contains("line break"), "{answer:?}");
    let more = format!("{header}figma,cy@example.com,,true\n");
    let answer = told(&send_as(&world, "text/csv", &format!("{path}?from=2"), more).await);
    assert_eq!(answer[1], json!({"received": 3, "rejected": 0}));
    let other = "app_id,account_email,entitlement,never_used\nfigma,cy@example.com,,true\n";
    let answer = told(&send_as(&world, "text/csv", &format!("{path}?from=2"), other).await);
    assert_eq!(answer[0]["problem"]["title"], "Other bytes", "the same cells under other columns");
    let answer = told(&send_as(&world, "text/csv", &format!("{path}?from=3"), "app_id,colour\n").await);
    assert_eq!(
        answer,
        [json!({"problem": {"type": "urn:seatgate:problem:bad-request", "title": "Bad request",
        "status": 400, "detail": answer[0]["problem"]["detail"]}})]
    );
    let mapped = "User,Last activity\ndi@example.com,2026-01-01\n";
    let path = format!("{path}?from=3&mapping=nowhere");
    assert_eq!(send_as(&world, "text/csv", &path, mapped).await.problem(), (400, "/mapping"));
}

#[tokio::test]
async fn what_is_no_stream_of_rows_is_refused() {
    let world = World::new().await;
    let path = format!("{}/rows", opened(&world, json!({})).await);
    for media_type in ["application/json", "text/plain"] {
        assert_eq!(send_as(&world, media_type, &path, "[]").await.problem().0, 415, "{media_type}");
    }
    let long = format!("{{\"source\": \"{}\"}}\n", "x".repeat(70_000));
    let answer = send(&world, &path, format!("{}{long}", line("ana"))).await;
    assert_eq!(answer.last().unwrap()["problem"]["status"], 413);
    for id in ["swp_01938f00000070008000000000000000", "swp_"] {
        let missing = send_as(&world, "application/x-ndjson", &format!("/v1/sweeps/{id}/rows"), "").await;
        assert_eq!(missing.problem().0, 404, "{id}");
        assert_eq!(world.post(&format!("/v1/sweeps/{id}/seal"), json!({})).await.problem().0, 404, "{id}");
    }
    let request = Request::builder().method("POST").uri(&path).body(Body::empty()).unwrap();
    assert_eq!(world.call(request).await.problem().0, 401);
}

#[tokio::test]
async fn an_opening_names_its_mistakes() {
    let world = World::new().await;
    for (body, pointer) in [
        (json!({"external_id": ""}), "/external_id"),
        (json!({"source": "a\u{7}"}), "/source"),
        (json!({"seats": {"figma": 0}}), "/seats/figma"),
        (json!({"seats": {"figma": -1}}), "/seats/figma"),
        (json!({"seats": [1]}), "/seats"),
        (json!({"rows": 1}), "/rows"),
    ] {
        assert_eq!(world.post("/v1/sweeps", body.clone()).await.problem(), (422, pointer), "{body}");
    }
    opened(&world, json!({"external_id": "scan"})).await;
    let reused = world.post("/v1/sweeps?dry_run=true", json!({"external_id": "scan"})).await;
    assert_eq!(reused.problem(), (409, "/external_id"));
    assert_eq!(world.post("/v1/sweeps?wet=true", json!({})).await.problem().0, 400);
    world.gate.set_mode(Mode::Off);
    assert_eq!(world.post("/v1/sweeps", json!({})).await.problem().0, 503);
}

#[tokio::test]
async fn a_sweep_may_know_how_many_seats_there_are() {
    let world = World::with_policy(&[("max_share_per_sweep", "50")]).await;
    let path = opened(&world, json!({"seats": {"figma": 4}})).await;
    send(&world, &format!("{path}/rows"), lines(names(0..3))).await;
    world.post(&format!("{path}/seal"), json!({})).await;
    world.work().await;
    assert_eq!(counts(&world, &path).await, json!({"asked": 2, "held": 1}));
    let dry = world.post("/v1/sweeps?dry_run=true", json!({})).await;
    let path = format!("/v1/sweeps/{}", dry.body["sweep_id"].as_str().unwrap());
    send(&world, &format!("{path}/rows"), lines(names(7..9))).await;
    world.post(&format!("{path}/seal"), json!({})).await;
    world.work().await;
    assert_eq!(counts(&world, &path).await, json!({"suppressed_dry_run": 2}));
}

/// The router behind a real socket.
async fn listening(world: &World) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, router) = (listener.local_addr().unwrap(), world.router.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Begins an upload that says it will be longer than what is sent, and waits until so many rows are answered.
async fn cut(address: std::net::SocketAddr, path: &str, body: &str, answered: &str) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/x-ndjson\r\n\
         content-length: 99999999\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body.as_bytes()).await.unwrap();
    let (mut seen, mut part) = (String::new(), [0; 4096]);
    while !seen.contains(answered) {
        let length = socket.read(&mut part).await.unwrap();
        assert!(length > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&part[..length]));
    }
}

#[tokio::test]
async fn an_upload_that_is_cut_in_a_row_resumes_and_asks_everybody_once() {
    let world = World::with_policy(&[("max_requests_per_sweep", "10000")]).await;
    let path = opened(&world, json!({})).await;
    let address = listening(&world).await;
    let whole = lines(names(0..2500));
    // In the middle of row 2300: two batches are kept by then.
    let ends: Vec<usize> = whole.match_indices('\n').map(|(at, _)| at + 1).collect();
    cut(address, &format!("{path}/rows"), &whole[..ends[2299] + 40], "\"row\":1000,\"rows\":1000").await;
    let there = world.get(&format!("{path}?limit=0")).await.body["received"].as_u64().unwrap();
    assert_eq!(there, 2000);
    let rest = &whole[ends[usize::try_from(there).unwrap() - 1]..];
    let answer = send(&world, &format!("{path}/rows?from={there}"), rest.to_owned()).await;
    assert_eq!(answer.last().unwrap(), &json!({"received": 2500, "rejected": 0}));
    world.post(&format!("{path}/seal"), json!({"rows": 2500})).await;
    world.work().await;
    assert_eq!(counts(&world, &path).await, json!({"asked": 2500}));
    assert_eq!(world.get(&path).await.body["results"].as_array().unwrap().len(), 1000, "a page, not all of it");
}

#[tokio::test]
async fn rows_are_answered_while_the_body_still_comes() {
    let world = World::new().await;
    let path = opened(&world, json!({})).await;
    let address = listening(&world).await;
    cut(address, &format!("{path}/rows"), &lines(names(0..1500)), "\"row\":0,\"rows\":1000").await;
    assert_eq!(world.get(&format!("{path}?limit=0")).await.body["received"], 1000);
}

#[tokio::test]
async fn a_body_that_breaks_says_so_after_what_was_kept() {
    let world = World::new().await;
    let path = opened(&world, json!({})).await;
    let parts = [Ok(Bytes::from(lines(names(0..1001)))), Err("cut")];
    let answer = send(&world, &format!("{path}/rows"), Body::from_stream(futures_util::stream::iter(parts))).await;
    assert_eq!(answer[0], json!({"row": 0, "rows": 1000, "status": "received"}));
    assert_eq!((answer.len(), &answer[1]["problem"]["status"]), (2, &json!(400)));
    world.gate.set_mode(Mode::Off);
    assert_eq!(send_as(&world, "application/x-ndjson", &format!("{path}/rows"), "").await.problem().0, 503);
}
