//! Signed deliveries.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use http_body::Frame;
use seatgate_core::policy::Mode;
use seatgate_core::port::Clock;
use seatgate_core::testing::Fault;
use serde_json::json;

use crate::world::{SECRET, World, candidate, signed};

const PATH: &str = "/v1/candidates";
const OTHER_SECRET: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

#[tokio::test]
async fn a_candidate_is_asked_about_and_a_second_one_is_a_duplicate() {
    let world = World::new().await;
    let reply = world.deliver(&candidate("ana")).await;
    assert_eq!(reply.status, 202);
    assert_eq!(reply.header("content-type"), "application/json");
    let request = reply.body["results"][0]["request_id"].clone();
    assert!(request.as_str().unwrap().starts_with("req_"));
    assert!(reply.body["sweep_id"].as_str().unwrap().starts_with("swp_"));
    assert_eq!(reply.body["results"], json!([{"row": 0, "status": "asked", "request_id": request}]));
    assert_eq!(reply.body["counts"], json!({"asked": 1}));
    let again = world.deliver(&json!([candidate("ana"), candidate("bo")])).await;
    assert_eq!(again.body["results"][0], json!({"row": 0, "status": "duplicate", "request_id": request}));
    assert_eq!(again.body["counts"], json!({"asked": 1, "duplicate": 1}));
}

#[tokio::test]
async fn what_is_not_authentic_is_refused_and_recorded() {
    let world = World::new().await;
    let (now, body) = (world.clock.now().as_seconds(), candidate("ana").to_string());
    let body = body.as_bytes();
    let without = |name: &str| {
        let mut request = signed(SECRET, "msg_1", now, PATH, body);
        request.headers_mut().remove(name);
        request
    };
    let with = |name: &'static str, value: &str| {
        let mut request = signed(SECRET, "msg_1", now, PATH, body);
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    let mut altered = signed(SECRET, "msg_1", now, PATH, body);
    *altered.body_mut() = Body::from(candidate("bo").to_string());
    let cases = [
        ("bad_signature", signed(OTHER_SECRET, "msg_1", now, PATH, body)),
        ("bad_signature", altered),
        ("bad_signature", with("webhook-id", "msg_2")),
        ("bad_signature", with("webhook-signature", "v1,")),
        ("stale", signed(SECRET, "msg_1", now - 301, PATH, body)),
        ("early", signed(SECRET, "msg_1", now + 301, PATH, body)),
        ("no_signature", without("webhook-signature")),
        ("no_signature", without("webhook-id")),
        ("no_signature", without("webhook-timestamp")),
        ("malformed_signature", with("webhook-timestamp", "-1")),
    ];
    let mut expected = Vec::new();
    for (denial, request) in cases {
        assert_eq!(world.call(request).await.problem().0, 401, "{denial}");
        expected.push(("intake".to_owned(), denial.to_owned()));
        expected.dedup();
    }
    assert_eq!(world.denials().await, expected);
    assert_eq!(world.get("/v1/requests").await.body["items"], json!([]));
    for inside in [now - 300, now + 300] {
        let reply = world.call(signed(SECRET, &format!("msg_{inside}"), inside, PATH, body)).await;
        assert_eq!(reply.status, 202);
    }
}

#[tokio::test]
async fn a_replay_gets_the_same_answer_and_another_body_a_conflict() {
    let world = World::new().await;
    let body = json!([candidate("ana"), {"app": 7}]).to_string();
    let first = world.call(world.signed("msg_1", PATH, body.as_bytes())).await;
    assert_eq!(first.body["counts"], json!({"asked": 1, "rejected": 1}));
    world.clock.advance(Duration::from_secs(60));
    let second = world.call(world.signed("msg_1", PATH, body.as_bytes())).await;
    assert_eq!((second.status, second.body), (first.status, first.body));
    let other = candidate("bo").to_string();
    assert_eq!(world.call(world.signed("msg_1", PATH, other.as_bytes())).await.problem().0, 409);
    let dry = format!("{PATH}?dry_run=true");
    assert_eq!(world.call(world.signed("msg_1", &dry, body.as_bytes())).await.problem().0, 409);
}

#[tokio::test]
async fn a_dry_run_asks_nobody() {
    let world = World::new().await;
    let body = candidate("ana").to_string();
    let reply = world.call(world.signed("msg_1", "/v1/candidates?dry_run=true", body.as_bytes())).await;
    assert_eq!(reply.body["results"], json!([{"row": 0, "status": "suppressed_dry_run"}]));
    assert_eq!(world.get("/v1/requests").await.body, json!({"items": [], "next": null}));
}

#[tokio::test]
async fn each_bad_row_names_its_field_and_the_good_ones_go_through() {
    let world = World::new().await;
    let cases = [
        ("/app/id", "/app/id", json!("")),
        ("/app", "/app", json!(null)),
        ("/account", "/account", json!({})),
        ("/account/email", "/account/email", json!("ana")),
        ("/account/emial", "/account/emial", json!("ana@example.com")),
        ("/manager/email", "/manager/email", json!("")),
        ("/never_used", "/never_used", json!(true)),
        ("/never_used", "/never_used", json!("yes")),
        ("/last_activity_at", "/last_activity_at", json!("last year")),
        ("/last_activity_at", "/last_activity_at", json!(null)),
        ("/last_activity_at", "/last_activity_at", json!("2026-11-21T00:00:00Z")),
        ("/observed_at", "/observed_at", json!("2027-01-01T00:00:00Z")),
        ("/observed_at", "/observed_at", json!("2026-07-01T00:00:00Z")),
        ("/monthly_cost/amount", "/monthly_cost/amount", json!(45)),
        ("/monthly_cost/amount", "/monthly_cost/amount", json!("45.001")),
        ("/monthly_cost/currency", "/monthly_cost/currency", json!("dollars")),
        ("/app/id", "/app/id", json!("an-app-without-a-target")),
        ("/risk_tags", "/risk_tags/1", json!(["a", 1])),
        ("/tags", "/tags", json!([])),
    ];
    let mut rows = Vec::new();
    for (index, (place, _, value)) in cases.iter().enumerate() {
        let mut row = candidate(&format!("person{index}"));
        let (parent, member) = place.rsplit_once('/').unwrap();
        row.pointer_mut(parent).unwrap()[member] = value.clone();
        rows.extend([candidate(&format!("good{index}")), row]);
    }
    let reply = world.deliver(&json!(rows)).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    assert_eq!(reply.body["counts"], json!({"asked": cases.len(), "rejected": cases.len()}));
    for ((_, pointer, value), answers) in cases.iter().zip(reply.body["results"].as_array().unwrap().chunks(2)) {
        assert_eq!(answers[0]["status"], "asked");
        let problem = &answers[1]["problem"];
        assert_eq!(problem["pointer"], *pointer, "{value}: {problem}");
        assert!(!problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn what_the_policy_does_not_ask_about_is_filtered() {
    let world = World::with_policy(&[("exempt_tags", "legal-hold")]).await;
    let (mut busy, mut exempt) = (candidate("ana"), candidate("bo"));
    busy["last_activity_at"] = json!("2026-11-19T00:00:00Z");
    exempt["risk_tags"] = json!(["legal-hold"]);
    let reply = world.deliver(&json!([busy, exempt])).await;
    assert_eq!(reply.body["counts"], json!({"filtered": 2}));
    assert_eq!(reply.body["results"][0]["problem"]["pointer"], "/last_activity_at");
}

#[tokio::test]
async fn a_delivery_that_cannot_be_read_is_refused_as_a_whole() {
    let world = World::new().await;
    for (index, (body, query, status)) in [
        ("[] []", "", 400),
        ("candidate", "", 400),
        ("7", "", 400),
        ("[]", "?dry_run=yes", 400),
        ("[]", "?dryrun=true", 400),
        ("[]", "?dry_run=true&dry_run=true", 400),
    ]
    .into_iter()
    .enumerate()
    {
        let request = world.signed(&format!("msg_{index}"), &format!("{PATH}{query}"), body.as_bytes());
        assert_eq!(world.call(request).await.problem().0, status, "{body} {query}");
    }
    let empty = world.call(world.signed("msg_empty", PATH, b"[]")).await;
    assert_eq!((empty.status.as_u16(), &empty.body["results"], &empty.body["counts"]), (202, &json!([]), &json!({})));
}

#[tokio::test]
async fn only_known_media_types_are_taken_and_parameters_do_not_matter() {
    let world = World::new().await;
    for (index, (content_type, status)) in [
        ("application/json; charset=utf-8", 202),
        ("Application/JSON", 202),
        ("text/plain", 415),
        ("text/csvx", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/jsonp", 415),
        ("", 415),
    ]
    .into_iter()
    .enumerate()
    {
        let mut request = world.signed(&format!("msg_{index}"), PATH, b"[]");
        request.headers_mut().insert("content-type", content_type.parse().unwrap());
        assert_eq!(world.call(request).await.status, status, "{content_type}");
    }
    let mut untyped = world.signed("msg_untyped", PATH, b"[]");
    untyped.headers_mut().remove("content-type");
    assert_eq!(world.call(untyped).await.problem().0, 415);
}

/// So many chunks of 1 MiB, and no length.
struct Chunks(usize);

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or(0);
        Poll::Ready(left.map(|_| Ok(Frame::data(Bytes::from(vec![b' '; 1024 * 1024])))))
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_verified() {
    let world = World::new().await;
    let largest = 8 * 1024 * 1024;
    let request = Request::post(PATH).body(Body::from(vec![b' '; largest + 1])).unwrap();
    assert_eq!(world.call(request).await.problem().0, 413);
    let request = Request::post(PATH).body(Body::new(Chunks(9))).unwrap();
    assert_eq!(world.call(request).await.problem().0, 413, "without a length");
    let mut body = b"[]".to_vec();
    body.resize(largest, b' ');
    assert_eq!(world.call(world.signed("msg_1", PATH, &body)).await.status, 202);
    assert_eq!(world.denials().await, []);
}

#[tokio::test]
async fn an_encoded_body_is_refused_before_it_is_read() {
    let world = World::new().await;
    let bomb = || Body::new(Chunks(100));
    for encoding in ["gzip", "GZIP", "deflate, gzip", "br", "zstd", "x"] {
        let request = Request::post(PATH).header("content-encoding", encoding).body(bomb()).unwrap();
        let reply = world.call(request).await;
        assert_eq!((reply.problem().0, reply.header("accept-encoding")), (415, "identity"), "{encoding}");
    }
    let mut plain = world.signed("msg_1", PATH, b"[]");
    plain.headers_mut().insert("content-encoding", "identity".parse().unwrap());
    assert_eq!(world.call(plain).await.status, 202);
    let api = Request::post("/v1/exceptions/check").header("content-encoding", "gzip");
    let api = api.header("authorization", format!("Bearer {}", crate::world::TOKEN));
    assert_eq!(world.call(api.body(bomb()).unwrap()).await.problem().0, 415);
}

/// A body that never goes on.
struct Stuck;

impl HttpBody for Stuck {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let world = World::new().await;
    let started = tokio::time::Instant::now();
    let slow = Request::post(PATH).body(Body::new(Stuck)).unwrap();
    assert_eq!(world.call(slow).await.problem().0, 408);
    let waited = started.elapsed().as_secs();
    assert!((60..=61).contains(&waited), "{waited} s");
    let api = Request::post("/v1/exceptions/check").header("content-type", "application/json");
    let api = api.header("authorization", format!("Bearer {}", crate::world::TOKEN));
    assert_eq!(world.call(api.body(Body::new(Stuck)).unwrap()).await.problem().0, 408);
    assert_eq!(world.denials().await, []);
}

#[tokio::test]
async fn a_gate_that_is_off_takes_nothing_in() {
    let world = World::new().await;
    world.gate.set_mode(Mode::Off);
    let reply = world.deliver(&candidate("ana")).await;
    assert_eq!(reply.problem().0, 503);
    assert!(reply.header("retry-after").parse::<u32>().is_ok());
}

/// Whatever part of the work a full disk or a lost database refuses.
#[tokio::test]
async fn a_store_that_cannot_keep_anything_asks_the_sender_to_come_back() {
    let world = World::new().await;
    for nth in 1.. {
        world.store.fail_at(world.store.calls() + nth, Fault::Before);
        let reply = world.deliver(&candidate(&format!("user{nth}"))).await;
        if reply.status == 202 {
            assert!(nth > 1, "the store was asked");
            return;
        }
        assert_eq!(reply.problem().0, 503);
        assert!(reply.header("retry-after").parse::<u32>().is_ok());
        let reply = world.deliver(&candidate(&format!("user{nth}"))).await;
        assert_eq!((reply.status.as_u16(), &reply.body["results"][0]["status"]), (202, &json!("asked")), "{reply:?}");
    }
}
